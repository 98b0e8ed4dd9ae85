package dev.downlink;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/** Who listens to a channel, and how far they are. */
public final class ChannelState {
    private final boolean connected;
    private final Instant since;
    private final List<Map<String, Object>> sockets;
    private final String cursor;
    private final String acked;
    private final Long lag;

    ChannelState(
            boolean connected,
            Instant since,
            List<Map<String, Object>> sockets,
            String cursor,
            String acked,
            Long lag) {
        this.connected = connected;
        this.since = since;
        this.sockets = List.copyOf(sockets);
        this.cursor = cursor;
        this.acked = acked;
        this.lag = lag;
    }

    /** Whether somebody has a socket open. */
    public boolean connected() {
        return connected;
    }

    /** Since when somebody is connected, or nobody is; empty if that is not known. */
    public Optional<Instant> since() {
        return Optional.ofNullable(since);
    }

    /** What the server tells about each open socket. */
    public List<Map<String, Object>> sockets() {
        return sockets;
    }

    /** The channel's newest place. */
    public Optional<String> cursor() {
        return Optional.ofNullable(cursor);
    }

    /** The highest cursor that any socket acknowledged; empty if none did. */
    public Optional<String> acked() {
        return Optional.ofNullable(acked);
    }

    /** How many messages the slowest socket still has to get; 0 if nobody is behind. */
    public OptionalLong lag() {
        return lag == null ? OptionalLong.empty() : OptionalLong.of(lag);
    }
}
