package tictactoe;

import java.util.ArrayList;
import java.util.List;

/**
 * The rules of tic-tac-toe: one board and its two players. No HTTP and no channel.
 *
 * <p>Whoever reads or changes a game holds its monitor, also while the state is sent: so an older one never overtakes a
 * newer one.
 */
final class Game {
    private static final String MARKS = "XO";
    private static final char FREE = '-';
    private static final int CELLS = 9;
    private static final int[][] LINES = {
        {0, 1, 2}, {3, 4, 5}, {6, 7, 8}, {0, 3, 6}, {1, 4, 7}, {2, 5, 8}, {0, 4, 8}, {2, 4, 6}
    };

    private final StringBuilder board = new StringBuilder(String.valueOf(FREE).repeat(CELLS));
    private final List<Player> players = new ArrayList<>();
    private int turn;

    /** Who plays one of the marks. */
    static final class Player {
        final String clientId;
        boolean here;

        /** Of the last presence notice, so that one that comes late changes nothing. */
        long generation = -1;

        private Player(String clientId) {
            this.clientId = clientId;
        }
    }

    /** The mark with which this client plays; empty for those who come third. */
    String join(String clientId) {
        if (player(clientId) == null && players.size() < MARKS.length()) {
            players.add(new Player(clientId));
        }
        Player player = player(clientId);
        return player == null ? "" : MARKS.substring(players.indexOf(player), players.indexOf(player) + 1);
    }

    /** The player of this client id; null for everyone else. */
    Player player(String clientId) {
        for (Player player : players) {
            if (player.clientId.equals(clientId)) {
                return player;
            }
        }
        return null;
    }

    /** Both, or the one who is alone. */
    List<Player> players() {
        return players;
    }

    /** Puts the player's mark into a cell, 0 to 8. */
    void move(Player player, int cell) throws Refused {
        if (!winner().isEmpty()) {
            throw new Refused("The game is over.");
        }
        if (players.indexOf(player) != turn) {
            throw new Refused("It is not your turn.");
        }
        if (board.charAt(cell) != FREE) {
            throw new Refused("The cell is taken.");
        }
        board.setCharAt(cell, MARKS.charAt(turn));
        turn = 1 - turn;
    }

    /** What the pages show, as JSON. */
    String state() {
        return "{\"board\":\"" + board + "\",\"turn\":\"" + MARKS.charAt(turn) + "\",\"winner\":\"" + winner()
                + "\",\"here\":{\"X\":" + isHere(0) + ",\"O\":" + isHere(1) + "}}";
    }

    private boolean isHere(int index) {
        return index < players.size() && players.get(index).here;
    }

    private String winner() {
        for (int[] line : LINES) {
            char mark = board.charAt(line[0]);
            if (mark != FREE && mark == board.charAt(line[1]) && mark == board.charAt(line[2])) {
                return String.valueOf(mark);
            }
        }
        return board.indexOf(String.valueOf(FREE)) < 0 ? "draw" : "";
    }
}
