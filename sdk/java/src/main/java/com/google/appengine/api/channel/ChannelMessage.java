package com.google.appengine.api.channel;

/** A message, and the client id or token that it goes to. */
public class ChannelMessage {
    private final String clientId;
    private final String message;

    /** A message as {@link ChannelService#sendMessage} takes it. */
    public ChannelMessage(String clientId, String message) {
        this.clientId = clientId;
        this.message = message;
    }

    /** Who it goes to. */
    public String getClientId() {
        return clientId;
    }

    /** What it says. */
    public String getMessage() {
        return message;
    }
}
