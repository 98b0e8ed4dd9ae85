package dev.downlink;

import java.net.http.HttpClient;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * Talks to Downlink. Make one and share it: it keeps connections, and is safe among threads.
 *
 * <p>Every call may throw a {@link DownlinkException}. It is tried three times when Downlink cannot be reached or
 * answers 429, 502, 503 or 504; a send bears an idempotency key and so is stored once all the same. Only a send with a
 * TTL of 0, which is not stored, is not tried again once it may have arrived.
 */
public final class DownlinkClient implements AutoCloseable {
    private final Settings settings;
    private final HttpClient http;
    private final Transport transport;
    private volatile boolean closed;

    private DownlinkClient(Builder builder) {
        settings = Settings.resolve(builder.url, builder.apiKey);
        http = HttpClient.newBuilder()
                .connectTimeout(builder.timeout)
                .followRedirects(HttpClient.Redirect.NEVER)
                .build();
        transport = new Transport(settings, http, builder.timeout, builder.firstDelay);
    }

    /** A client with what {@code DOWNLINK_URL} and {@code DOWNLINK_API_KEY} say. */
    public static DownlinkClient create() {
        return builder().build();
    }

    /** Makes a client with other settings. */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Makes a token with which a page opens the channel of {@code clientId}. It is good for 2 hours.
     *
     * <p>Nothing is stored, so create as many as you like; all tokens of a client id lead to the same channel.
     */
    public Channel createChannel(String clientId) {
        return run(Requests.createChannel(clientId, null));
    }

    /** Makes a token that is good for {@code durationMinutes}, 1 to 1440. */
    public Channel createChannel(String clientId, int durationMinutes) {
        return run(Requests.createChannel(clientId, (long) durationMinutes));
    }

    /** Makes a token that is good for {@code duration}, 1 to 1440 whole minutes. */
    public Channel createChannel(String clientId, Duration duration) {
        if (!duration.equals(Duration.ofMinutes(duration.toMinutes()))) {
            throw new DownlinkException.InvalidDuration();
        }
        return run(Requests.createChannel(clientId, duration.toMinutes()));
    }

    /**
     * Sends text to a client id, or to the one that a token is for. Sending to somebody who is not there succeeds.
     *
     * <p>Tries after the first never store a message twice.
     */
    public Sent send(String to, String text) {
        return send(to, text, SendOptions.none());
    }

    /** Sends text with options. */
    public Sent send(String to, String text, SendOptions options) {
        return run(Requests.sendText(to, text, options));
    }

    /** Sends bytes, which arrive as binary. */
    public Sent send(String to, byte[] bytes) {
        return send(to, bytes, SendOptions.none());
    }

    /** Sends bytes with options. */
    public Sent send(String to, byte[] bytes, SendOptions options) {
        return run(Requests.sendBytes(to, bytes, options));
    }

    /**
     * Sends many messages in few calls; returns one result per item, in their order.
     *
     * <p>An item that is refused gives an {@link ItemError} in its place and does not stop the others. Throws only if
     * nothing was sent; a failure later on gives an {@link ItemError} for each item that is left.
     */
    public List<ItemResult> sendMany(Iterable<Item> items) {
        checkOpen();
        return new SendMany(transport).run(items);
    }

    /** Tells who listens to {@code clientId}, and how far they are. */
    public ChannelState channel(String clientId) {
        return run(Requests.channel(clientId));
    }

    /** The messages still kept for {@code clientId}, oldest first; each page is asked for when it is needed. */
    public Iterable<MessagesPage> messages(String clientId) {
        return pages(clientId, null);
    }

    /** The messages behind the cursor {@code after}; a page's gap says if some of them are gone. */
    public Iterable<MessagesPage> messages(String clientId, String after) {
        return pages(clientId, Objects.requireNonNull(after, "after"));
    }

    /** The client ids that have a socket open now; each page is asked for when it is needed. */
    public Iterable<String> presence() {
        Iterable<PresencePage> pages = () ->
                new Pages<>(null, after -> run(Requests.presence(after)), page -> page.next);
        return () -> new Flattened<>(pages.iterator(), page -> page.clientIds);
    }

    /**
     * Ends the sockets of {@code clientId}, refuses its earlier tokens, and makes what is kept for it unreadable.
     * Later sends and new tokens work.
     */
    public void deleteChannel(String clientId) {
        run(Requests.deleteChannel(clientId));
    }

    /** Ends the use of this client. Its connections close by themselves; since Java 21, at once. */
    @Override
    public void close() {
        closed = true;
        if ((Object) http instanceof AutoCloseable) {
            closeNow((AutoCloseable) (Object) http);
        }
    }

    /** Shows where it talks to, and never the key. */
    @Override
    public String toString() {
        return "DownlinkClient(url=" + settings.url() + ")";
    }

    private Iterable<MessagesPage> pages(String clientId, String after) {
        return () -> new Pages<>(after, next -> run(Requests.messages(clientId, next)), MessagesPage::next);
    }

    private <T> T run(Call<T> call) {
        checkOpen();
        return transport.run(call);
    }

    private void checkOpen() {
        if (closed) {
            throw new IllegalStateException("This client is closed.");
        }
    }

    private static void closeNow(AutoCloseable http) {
        try {
            http.close();
        } catch (Exception failure) {
            throw new IllegalStateException("The connections cannot be closed.", failure);
        }
    }

    /** Settings of a client. What is not set comes from the environment. */
    public static final class Builder {
        private String url;
        private String apiKey;
        private Duration timeout = Duration.ofSeconds(5);
        private Duration firstDelay = Tries.FIRST_DELAY;

        private Builder() {}

        /** Where Downlink is; else {@code DOWNLINK_URL}, else {@code http://127.0.0.1:7171}. */
        public Builder url(String address) {
            url = address;
            return this;
        }

        /** The key to ask with; else {@code DOWNLINK_API_KEY}. */
        public Builder apiKey(String key) {
            apiKey = key;
            return this;
        }

        /** How long to wait for a connection, and for an answer: 5 seconds unless set. */
        public Builder timeout(Duration bound) {
            timeout = bound;
            return this;
        }

        /** For tests that are not about how long a client waits between its tries. */
        Builder firstDelay(Duration delay) {
            firstDelay = delay;
            return this;
        }

        /** Makes the client; nothing is sent yet. */
        public DownlinkClient build() {
            return new DownlinkClient(this);
        }
    }
}
