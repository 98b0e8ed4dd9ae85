package dev.downlink;

import java.time.Instant;

/** A presence notice that Downlink signed: a client id has come, or has gone. */
public final class Notice {
    private final String id;
    private final Instant time;
    private final String clientId;
    private final boolean connected;
    private final long generation;

    Notice(String id, Instant time, String clientId, boolean connected, long generation) {
        this.id = id;
        this.time = time;
        this.clientId = clientId;
        this.connected = connected;
        this.generation = generation;
    }

    /** The same each time this notice is delivered; it may arrive more than once. */
    public String id() {
        return id;
    }

    /** When this delivery was signed. */
    public Instant time() {
        return time;
    }

    /** Who came or went. */
    public String clientId() {
        return clientId;
    }

    /** Whether the client id has a socket open now. */
    public boolean connected() {
        return connected;
    }

    /** Rises per client id: a notice whose generation is not above the last one's is old news. */
    public long generation() {
        return generation;
    }

    @Override
    public String toString() {
        return "Notice(id=" + id + ", clientId=" + clientId + ", connected=" + connected + ", generation=" + generation
                + ")";
    }
}
