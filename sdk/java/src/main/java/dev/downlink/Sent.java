package dev.downlink;

import java.util.Optional;

/** A message was accepted for one client id, or for those who are there now (a TTL of 0). */
public final class Sent extends ItemResult {
    private final String id;
    private final int sockets;

    Sent(String id, int sockets) {
        this.id = id;
        this.sockets = sockets;
    }

    /** Its place in the channel; empty if nothing was stored (a TTL of 0, or a token whose time is over). */
    public Optional<String> id() {
        return Optional.ofNullable(id);
    }

    /** How many sockets were open on the answering node: a hint, not a receipt. */
    public int sockets() {
        return sockets;
    }

    @Override
    public String toString() {
        return "Sent(id=" + id + ", sockets=" + sockets + ")";
    }
}
