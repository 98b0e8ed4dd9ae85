package dev.downlink;

import dev.downlink.internal.JsonWriter;
import dev.downlink.internal.Targets;
import dev.downlink.internal.Utf8;
import java.io.ByteArrayOutputStream;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;

/** Builds every request; {@link Transport} sends them. */
final class Requests {
    /** Few enough that a page of the longest client ids stays under 1 MiB of JSON. */
    static final int PRESENCE_PAGE = 1_000;

    private Requests() {}

    /** Repeatable: creating a channel stores nothing, and an unused token just expires. */
    static Call<Channel> createChannel(String clientId, Long durationMinutes) {
        Map<String, Object> body = new LinkedHashMap<>();
        body.put("client_id", Objects.requireNonNull(clientId, "clientId"));
        if (durationMinutes != null) {
            body.put("duration_minutes", durationMinutes);
        }
        byte[] json = Utf8.encode(JsonWriter.write(body)).orElseThrow(DownlinkException.InvalidClientId::new);
        return Call.post("/v1/channels", Call.JSON, json, true, Answers::channel);
    }

    static Call<Sent> sendText(String to, String text, SendOptions options) {
        if (Targets.looksLikeToken(to)) {
            return sendToToken(Item.of(to, text).with(options));
        }
        byte[] body = Utf8.encode(text).orElseThrow(DownlinkException.InvalidUtf8::new);
        return send(to, "text/plain; charset=utf-8", body, options);
    }

    static Call<Sent> sendBytes(String to, byte[] bytes, SendOptions options) {
        if (Targets.looksLikeToken(to)) {
            return sendToToken(Item.of(to, bytes).with(options));
        }
        return send(to, "application/octet-stream", bytes.clone(), options);
    }

    /** The target goes into the query: a path cannot carry every client id. */
    private static Call<Sent> send(String to, String contentType, byte[] body, SendOptions options) {
        Map<String, String> headers = new HashMap<>();
        headers.put("Content-Type", contentType);
        headers.put("Idempotency-Key", idempotencyKey(options));
        options.ttlSeconds().ifPresent(seconds -> headers.put("Downlink-TTL", Long.toString(seconds)));
        return Call.post("/v1/messages?to=" + encoded(to), headers, body, options.isStored(), Answers::sent);
    }

    /** A token is a secret, so it goes into the body: addresses end up in the logs of all that is on the way. */
    private static Call<Sent> sendToToken(Item item) {
        byte[] body = itemsBody(List.of(encodeItem(item)));
        return Call.post("/v1/messages", Call.JSON, body, item.options().isStored(), Answers::onlySent);
    }

    /** Items from {@link #encodeItem}; repeatable if each is stored, and so protected by its key. */
    static Call<List<ItemResult>> sendItems(List<byte[]> encodedItems, boolean repeatable) {
        return Call.post("/v1/messages", Call.JSON, itemsBody(encodedItems), repeatable, Answers::itemResults);
    }

    private static byte[] itemsBody(List<byte[]> encodedItems) {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        char separator = '[';
        for (byte[] item : encodedItems) {
            body.write(separator);
            body.write(item, 0, item.length);
            separator = ',';
        }
        body.write(']');
        return body.toByteArray();
    }

    /** One element of the array form of {@code POST /v1/messages}. */
    static byte[] encodeItem(Item item) {
        Map<String, Object> body = new LinkedHashMap<>();
        body.put("to", item.to());
        if (item.data() instanceof String) {
            body.put("data", item.data());
        } else {
            body.put("base64", Base64.getEncoder().encodeToString((byte[]) item.data()));
        }
        item.options().ttlSeconds().ifPresent(seconds -> body.put("ttl", seconds));
        body.put("idempotency_key", idempotencyKey(item.options()));
        Utf8.encode(JsonWriter.write(item.to())).orElseThrow(DownlinkException.InvalidClientId::new);
        return Utf8.encode(JsonWriter.write(body)).orElseThrow(DownlinkException.InvalidUtf8::new);
    }

    /** The query form, which every client id fits into. */
    static Call<ChannelState> channel(String clientId) {
        return Call.get("/v1/channels?client_id=" + encoded(clientId), Answers::channelState);
    }

    /** Repeatable: who sends while somebody deletes cannot know which of the two comes first. */
    static Call<Void> deleteChannel(String clientId) {
        return Call.delete("/v1/channels?client_id=" + encoded(clientId));
    }

    /** The only call with the client id in its path. */
    static Call<MessagesPage> messages(String clientId, String after) {
        String segment = encoded(clientId);
        // Spelled out, or the path would be resolved on the way.
        if (segment.equals(".") || segment.equals("..")) {
            segment = segment.replace(".", "%2E");
        }
        String query = after == null ? "" : "?after=" + encoded(after);
        return Call.get("/v1/channels/" + segment + "/messages" + query, Answers::messagesPage);
    }

    /** One page of the client ids with a socket. */
    static Call<PresencePage> presence(String after) {
        String rest = after == null ? "" : "&after=" + encoded(after);
        return Call.get("/v1/presence?limit=" + PRESENCE_PAGE + rest, Answers::presencePage);
    }

    /** The application's own key, or one that nobody else makes. */
    private static String idempotencyKey(SendOptions options) {
        String key = options.idempotencyKey().orElseGet(() -> UUID.randomUUID().toString().replace("-", ""));
        // Only these may stand in a header.
        if (!key.chars().allMatch(character -> character >= ' ' && character < 0x7f)) {
            throw new DownlinkException(
                    "invalid_idempotency_key", "An idempotency key has printable ASCII characters only.");
        }
        return key;
    }

    private static String encoded(String text) {
        if (Utf8.encode(text).isEmpty()) {
            throw new DownlinkException.InvalidClientId();
        }
        // Made for forms, where a space is a plus; what else it leaves as it is may stand anywhere.
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }
}
