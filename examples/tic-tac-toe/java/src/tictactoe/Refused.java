package tictactoe;

/** A move that the rules do not allow; its text is for the player. */
final class Refused extends Exception {
    private static final long serialVersionUID = 1L;

    Refused(String reason) {
        super(reason);
    }
}
