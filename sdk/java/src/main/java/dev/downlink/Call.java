package dev.downlink;

import java.util.Map;
import java.util.function.Function;

/** One call of the API: what to send, and how to read the answer. */
final class Call<T> {
    private static final byte[] NO_BODY = {};

    /** Says what the body is. */
    static final Map<String, String> JSON = Map.of("Content-Type", "application/json");

    final String method;

    /** Path and query, encoded. Java's own client logs it where it is told to, so it never holds a token. */
    final String target;

    /** Makes a result of the answer's JSON; of null if the answer has no body. */
    final Function<Object, T> read;

    final Map<String, String> headers;
    final byte[] body;

    /** Whether doing it twice is the same as doing it once, so that it may be tried again. */
    final boolean repeatable;

    private Call(
            String method,
            String target,
            Map<String, String> headers,
            byte[] body,
            boolean repeatable,
            Function<Object, T> read) {
        this.method = method;
        this.target = target;
        this.headers = headers;
        this.body = body;
        this.repeatable = repeatable;
        this.read = read;
    }

    static <T> Call<T> get(String target, Function<Object, T> read) {
        return new Call<>("GET", target, Map.of(), NO_BODY, true, read);
    }

    static Call<Void> delete(String target) {
        return new Call<>("DELETE", target, Map.of(), NO_BODY, true, nothing -> null);
    }

    static <T> Call<T> post(
            String target, Map<String, String> headers, byte[] body, boolean repeatable, Function<Object, T> read) {
        return new Call<>("POST", target, headers, body, repeatable, read);
    }
}
