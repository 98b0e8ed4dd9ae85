package progress;

import dev.downlink.DownlinkClient;
import dev.downlink.DownlinkException;
import java.time.Duration;
import java.util.UUID;

/** One long job, which tells its channel how far it is. Nobody has to listen. */
final class Job implements Runnable {
    /** As often as an eye follows; the work is not held up for more. */
    private static final long TELL_NANOS = Duration.ofMillis(100).toNanos();

    /** Nobody guesses it. */
    final String id = UUID.randomUUID().toString();

    private final DownlinkClient client;
    private final long below;
    private volatile String state;
    private volatile boolean cancelled;

    Job(DownlinkClient client, long below) {
        this.client = client;
        this.below = below;
        state = json("waiting", 0, 0, 0);
    }

    String clientId() {
        return "job-" + id;
    }

    /** Everything that a page shows, so a page that was away needs no history. */
    String state() {
        return state;
    }

    void cancel() {
        cancelled = true;
    }

    @Override
    public void run() {
        long started = System.nanoTime();
        long told = started - TELL_NANOS;
        Primes primes = new Primes(below);
        boolean more = true;
        while (more && !cancelled) {
            more = primes.step();
            if (System.nanoTime() - told >= TELL_NANOS) {
                told = System.nanoTime();
                tell("running", primes, told - started);
            }
        }
        tell(more ? "cancelled" : "done", primes, System.nanoTime() - started);
    }

    private void tell(String name, Primes primes, long nanos) {
        state = json(name, primes.done(), primes.found(), nanos);
        try {
            client.send(clientId(), state);
        } catch (DownlinkException failure) {
            // The work does not depend on who watches it; the next one tells all.
            System.err.println(failure);
        }
    }

    private String json(String name, long done, long found, long nanos) {
        return String.format(
                "{\"state\":\"%s\",\"done\":%d,\"below\":%d,\"found\":%d,\"ms\":%d}",
                name, done, below, found, nanos / 1_000_000);
    }
}
