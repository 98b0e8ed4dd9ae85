package dev.downlink;

import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;

/** What a send may ask for beside its target and its data. */
public final class SendOptions {
    private static final SendOptions NONE = new SendOptions(null, null);

    private final Long ttlSeconds;
    private final String idempotencyKey;

    private SendOptions(Long ttlSeconds, String idempotencyKey) {
        this.ttlSeconds = ttlSeconds;
        this.idempotencyKey = idempotencyKey;
    }

    /** Nothing out of the ordinary: kept as long as the server keeps messages, under a key made for it. */
    public static SendOptions none() {
        return NONE;
    }

    /**
     * The same, for a message that nobody needs after {@code ttl}: whole seconds, not negative. With
     * {@link Duration#ZERO} nothing is stored, and it reaches only the pages that are there now.
     */
    public SendOptions withTtl(Duration ttl) {
        // Rounding half a second would make it "now only", which is something else.
        if (ttl.isNegative() || ttl.getNano() != 0) {
            throw new DownlinkException("invalid_ttl", "A TTL is a whole number of seconds, 0 or more.");
        }
        return new SendOptions(ttl.getSeconds(), idempotencyKey);
    }

    /** The same, under a key of yours, so that it is stored once also across restarts of your program. */
    public SendOptions withIdempotencyKey(String key) {
        return new SendOptions(ttlSeconds, key);
    }

    OptionalLong ttlSeconds() {
        return ttlSeconds == null ? OptionalLong.empty() : OptionalLong.of(ttlSeconds);
    }

    Optional<String> idempotencyKey() {
        return Optional.ofNullable(idempotencyKey);
    }

    /** Whether the key protects it: what is not stored cannot be recognised again. */
    boolean isStored() {
        return ttlSeconds == null || ttlSeconds != 0;
    }
}
