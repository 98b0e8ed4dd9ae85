package dev.downlink;

import java.util.Optional;

/** Messages between the asked cursor and the oldest kept message may be gone. */
public final class Gap {
    private final String reason;
    private final String cursor;

    Gap(String reason, String cursor) {
        this.reason = reason;
        this.cursor = cursor;
    }

    /** {@code trimmed} (too old to be kept) or {@code epoch} (the log began anew). */
    public String reason() {
        return reason;
    }

    /** Up to where messages may be gone. */
    public Optional<String> cursor() {
        return Optional.ofNullable(cursor);
    }

    @Override
    public String toString() {
        return "Gap(reason=" + reason + ", cursor=" + cursor + ")";
    }
}
