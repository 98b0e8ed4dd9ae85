package com.google.appengine.api.channel;

/** A client has come, or has gone. */
public class ChannelPresence {
    private final boolean isConnected;
    private final String clientId;

    ChannelPresence(boolean isConnected, String clientId) {
        this.isConnected = isConnected;
        this.clientId = clientId;
    }

    /** Whether the client can receive messages now. */
    public boolean isConnected() {
        return isConnected;
    }

    /** Who came or went: the client id that the channel was created with. */
    public String clientId() {
        return clientId;
    }
}
