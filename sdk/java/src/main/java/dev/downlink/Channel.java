package dev.downlink;

import java.time.Instant;

/** A freshly created channel: what the page needs to open it. */
public final class Channel {
    private final String clientId;
    private final String token;
    private final Instant expiresAt;
    private final String cursor;

    Channel(String clientId, String token, Instant expiresAt, String cursor) {
        this.clientId = clientId;
        this.token = token;
        this.expiresAt = expiresAt;
        this.cursor = cursor;
    }

    /** Who listens. */
    public String clientId() {
        return clientId;
    }

    /** The secret with which the page opens the channel, until it expires. */
    public String token() {
        return token;
    }

    /** When the token ceases to be good. */
    public Instant expiresAt() {
        return expiresAt;
    }

    /** Where a socket opened with this token starts: nothing sent after now is missed. */
    public String cursor() {
        return cursor;
    }

    /** Leaves the token out, since such texts end up in logs. */
    @Override
    public String toString() {
        return "Channel(clientId=" + clientId + ", expiresAt=" + expiresAt + ", cursor=" + cursor + ")";
    }
}
