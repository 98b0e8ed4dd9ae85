package dev.downlink;

import dev.downlink.internal.Targets;

/** One of several targets that a message did not go to. */
public final class FailedTarget {
    private final String to;
    private final String code;

    FailedTarget(String to, String code) {
        this.to = to;
        this.code = code;
    }

    /** The target as it was given. */
    public String to() {
        return to;
    }

    /** The stable word for why. */
    public String code() {
        return code;
    }

    @Override
    public String toString() {
        return "FailedTarget(to=" + Targets.shown(to) + ", code=" + code + ")";
    }
}
