package dev.downlink;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Makes calls, and makes them again where that may help. */
final class Transport {
    private static final String USER_AGENT = "downlink-java/" + version() + " java/" + Runtime.version().feature();

    /** A large batch travels for a while: for each of this many bytes it may take a second more. */
    private static final int BYTES_PER_SECOND = 1024 * 1024;

    private final Settings settings;
    private final HttpClient http;
    private final Duration timeout;
    private final Duration firstDelay;

    Transport(Settings settings, HttpClient http, Duration timeout, Duration firstDelay) {
        this.settings = settings;
        this.http = http;
        this.timeout = timeout;
        this.firstDelay = firstDelay;
    }

    /** Makes the call, up to three times. */
    <T> T run(Call<T> call) {
        Tries tries = new Tries(call.repeatable, firstDelay);
        while (true) {
            Duration delay;
            try {
                HttpResponse<byte[]> response = exchange(call);
                Optional<String> retryAfter = response.headers().firstValue("Retry-After");
                Optional<Duration> patience = tries.delayAfter(response.statusCode(), retryAfter);
                if (patience.isEmpty()) {
                    return Answers.read(response, call.read);
                }
                delay = patience.get();
            } catch (IOException failure) {
                delay = tries.delayAfterFailure(failure);
            }
            pause(delay);
        }
    }

    /**
     * One try. The library's own timeout ends when the head of the answer is there; the rest is bounded here, or an
     * answer that stops halfway would be waited for without end.
     */
    private HttpResponse<byte[]> exchange(Call<?> call) throws IOException {
        Duration untilHead = timeout.plusSeconds(call.body.length / BYTES_PER_SECOND);
        CompletableFuture<HttpResponse<byte[]>> answer =
                http.sendAsync(request(call, untilHead), BodyHandlers.ofByteArray());
        Duration untilEnd = untilHead.plus(timeout).plus(timeout);
        try {
            return answer.get(untilEnd.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException halfway) {
            answer.cancel(true);
            throw new HttpTimeoutException("the answer stopped halfway");
        } catch (InterruptedException interruption) {
            answer.cancel(true);
            throw interrupted();
        } catch (ExecutionException failure) {
            if (failure.getCause() instanceof IOException) {
                throw (IOException) failure.getCause();
            }
            throw new IOException(failure.getCause().getClass().getName());
        }
    }

    private HttpRequest request(Call<?> call, Duration untilHead) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(settings.url() + call.target))
                .version(HttpClient.Version.HTTP_1_1)
                .timeout(untilHead)
                .header("Accept", "application/json")
                .header("Authorization", "Bearer " + settings.apiKey())
                .header("User-Agent", USER_AGENT);
        call.headers.forEach(request::header);
        boolean hasBody = call.method.equals("POST");
        return request.method(call.method, hasBody ? BodyPublishers.ofByteArray(call.body) : BodyPublishers.noBody())
                .build();
    }

    private static void pause(Duration delay) {
        try {
            Thread.sleep(delay.toMillis());
        } catch (InterruptedException interruption) {
            throw interrupted();
        }
    }

    private static DownlinkException interrupted() {
        Thread.currentThread().interrupt();
        return new DownlinkException.Unavailable("interrupted", "The thread was interrupted while it waited.");
    }

    private static String version() {
        String version = Transport.class.getPackage().getImplementationVersion();
        // Classes that are not in the library's jar bear none.
        return version == null ? "0" : version;
    }
}
