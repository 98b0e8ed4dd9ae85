package tictactoe;

import java.util.LinkedHashMap;
import java.util.Map;

/** The games by their ids, in memory. */
final class Games {
    /** The oldest makes room. */
    private static final int GAMES_MAX = 1_000;

    private final Map<String, Game> games = new LinkedHashMap<>() {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Game> eldest) {
            return size() > GAMES_MAX;
        }
    };

    /** The game; null if there is none. */
    synchronized Game get(String id) {
        return games.get(id);
    }

    /** The game; a new one if there is none. */
    synchronized Game getOrMake(String id) {
        return games.computeIfAbsent(id, fresh -> new Game());
    }
}
