package dev.downlink.internal;

/**
 * Something does not have the form that it should have.
 *
 * <p>Its text never quotes what was read: that may hold a token.
 */
public final class Unreadable extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Says what was expected. */
    public Unreadable(String message) {
        super(message);
    }
}
