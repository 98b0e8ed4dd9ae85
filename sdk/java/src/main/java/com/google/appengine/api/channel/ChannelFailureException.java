package com.google.appengine.api.channel;

/** The service refused a call, or could not be reached. */
public class ChannelFailureException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** A failure in words. */
    public ChannelFailureException(String message) {
        super(message);
    }

    /** A failure with what is behind it. */
    public ChannelFailureException(String message, Throwable cause) {
        super(message, cause);
    }
}
