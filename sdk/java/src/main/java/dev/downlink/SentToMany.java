package dev.downlink;

import java.util.List;

/** A message was accepted for a list of client ids. */
public final class SentToMany extends ItemResult {
    private final int stored;
    private final int sockets;
    private final List<FailedTarget> failed;

    SentToMany(int stored, int sockets, List<FailedTarget> failed) {
        this.stored = stored;
        this.sockets = sockets;
        this.failed = List.copyOf(failed);
    }

    /** For how many client ids it was stored. */
    public int stored() {
        return stored;
    }

    /** How many sockets were open on the answering node: a hint, not a receipt. */
    public int sockets() {
        return sockets;
    }

    /** The client ids it was not stored for. */
    public List<FailedTarget> failed() {
        return failed;
    }

    @Override
    public String toString() {
        return "SentToMany(stored=" + stored + ", sockets=" + sockets + ", failed=" + failed + ")";
    }
}
