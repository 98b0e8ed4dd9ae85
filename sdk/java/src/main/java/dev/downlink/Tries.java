package dev.downlink;

import java.io.IOException;
import java.net.ConnectException;
import java.net.http.HttpConnectTimeoutException;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;

/**
 * When a call is tried again, and how long to wait before. It neither waits nor calls.
 *
 * <p>Only repeatable calls are tried again after they may have arrived: reads, the creation and deletion of
 * channels, and sends, since each bears an idempotency key and is stored once however often it arrives. A send that
 * is not to be stored (a TTL of 0) cannot be recognised when it comes again.
 */
final class Tries {
    static final int TRIES = 3;

    /** 0.1 to 0.3 s, then 0.3 to 0.9 s: enough for a quick restart; a page waits no longer than that. */
    static final Duration FIRST_DELAY = Duration.ofMillis(300);

    private static final int GROWTH = 3;

    /** What a proxy says while the server behind it restarts, the server itself while it cannot, and to who asks too often. */
    private static final Set<Integer> RETRIED_STATUS = Set.of(429, 502, 503, 504);

    /** A server may ask for more patience, but a request of the application's own user waits on this. */
    private static final int RETRY_AFTER_SECONDS_MAX = 5;

    private final boolean repeatable;
    private int left = TRIES;
    private long longestMillis;

    Tries(boolean repeatable, Duration firstDelay) {
        this.repeatable = repeatable;
        this.longestMillis = firstDelay.toMillis();
    }

    /** How long to wait before the next try; empty if this answer is the last word. */
    Optional<Duration> delayAfter(int status, Optional<String> retryAfter) {
        if (!repeatable || !RETRIED_STATUS.contains(status)) {
            return Optional.empty();
        }
        Duration asked = askedPatience(retryAfter.orElse(""));
        return nextDelay().map(delay -> delay.compareTo(asked) < 0 ? asked : delay);
    }

    /** How long to wait before the next try; throws if there is none. */
    Duration delayAfterFailure(IOException failure) {
        boolean neverArrived = failure instanceof ConnectException || failure instanceof HttpConnectTimeoutException;
        Optional<Duration> delay = repeatable || neverArrived ? nextDelay() : Optional.empty();
        // The failure's own text is left out, and it is no cause: it may quote what was sent.
        return delay.orElseThrow(() -> new DownlinkException.Unavailable(
                "connection_failed",
                "Downlink could not be reached (" + failure.getClass().getSimpleName() + ")."));
    }

    private Optional<Duration> nextDelay() {
        left--;
        if (left <= 0) {
            return Optional.empty();
        }
        // Jitter, so that many workers do not come back in the same instant.
        long millis = ThreadLocalRandom.current().nextLong(longestMillis / GROWTH, longestMillis + 1);
        longestMillis *= GROWTH;
        return Optional.of(Duration.ofMillis(millis));
    }

    private static Duration askedPatience(String retryAfter) {
        // At most nine digits, so that the number fits; a date is not read.
        boolean seconds = retryAfter.matches("[0-9]{1,9}");
        int asked = seconds ? Integer.parseInt(retryAfter) : 0;
        return Duration.ofSeconds(Math.min(asked, RETRY_AFTER_SECONDS_MAX));
    }
}
