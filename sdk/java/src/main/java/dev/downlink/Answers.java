package dev.downlink;

import dev.downlink.internal.JsonObject;
import dev.downlink.internal.JsonReader;
import dev.downlink.internal.Unreadable;
import java.net.http.HttpResponse;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** Reads the server's JSON into this package's values. */
final class Answers {
    private static final int NO_CONTENT = 204;

    private Answers() {}

    /** Returns what a successful answer says; throws what any other one means. */
    static <T> T read(HttpResponse<byte[]> response, Function<Object, T> read) {
        int status = response.statusCode();
        if (status < 200 || status > 299) {
            throw problem(response.body(), status);
        }
        try {
            return read.apply(status == NO_CONTENT ? null : JsonReader.read(response.body()));
        } catch (Unreadable | DateTimeException | IllegalArgumentException unexpected) {
            // No cause: its text may quote the answer, and the answer may hold a token.
            throw new DownlinkException(
                    "unexpected_answer",
                    "The answer is not what Downlink says; is there something else at this address?",
                    status);
        }
    }

    /** Makes an error of a problem document, or of the bare status where a proxy answered. */
    private static DownlinkException problem(byte[] body, int status) {
        try {
            JsonObject problem = JsonObject.of(JsonReader.read(body));
            String detail = problem.optionalText("detail")
                    .or(() -> problem.optionalText("title"))
                    .orElse("");
            return DownlinkException.of(problem.text("code"), detail, status);
        } catch (Unreadable notAProblem) {
            String detail = "The answer was " + status + ", with no reason given.";
            return DownlinkException.of("http_" + status, detail, status);
        }
    }

    /** {@code POST /v1/channels}. */
    static Channel channel(Object json) {
        JsonObject body = JsonObject.of(json);
        return new Channel(
                body.text("client_id"), body.text("token"), time(body.text("expires_at")), body.text("cursor"));
    }

    /** A message for one client id. */
    static Sent sent(Object json) {
        JsonObject body = JsonObject.of(json);
        return new Sent(body.optionalText("id").orElse(null), body.count("sockets"));
    }

    /** The array form, for one item: its refusal is that of the call. */
    static Sent onlySent(Object json) {
        List<ItemResult> results = itemResults(json);
        if (results.size() == 1 && results.get(0) instanceof ItemError) {
            ItemError refusal = (ItemError) results.get(0);
            throw DownlinkException.of(refusal.code(), refusal.detail(), DownlinkException.NO_STATUS);
        }
        if (results.size() != 1 || !(results.get(0) instanceof Sent)) {
            throw new Unreadable("there should be one result");
        }
        return (Sent) results.get(0);
    }

    /** The array form of {@code POST /v1/messages}. */
    static List<ItemResult> itemResults(Object json) {
        if (!(json instanceof List)) {
            throw new Unreadable("there should be a list of results");
        }
        List<ItemResult> results = new ArrayList<>();
        for (Object element : (List<?>) json) {
            results.add(itemResult(element));
        }
        return results;
    }

    private static ItemResult itemResult(Object json) {
        JsonObject body = JsonObject.of(json);
        if (body.has("code")) {
            return new ItemError(body.text("code"), body.optionalText("detail").orElse(""));
        }
        if (!body.has("stored")) {
            return sent(json);
        }
        List<FailedTarget> failed = new ArrayList<>();
        if (body.has("failed")) {
            for (Object element : body.list("failed")) {
                JsonObject one = JsonObject.of(element);
                failed.add(new FailedTarget(one.text("to"), one.text("code")));
            }
        }
        return new SentToMany(body.count("stored"), body.count("sockets"), failed);
    }

    /** {@code GET /v1/channels?client_id=}. */
    static ChannelState channelState(Object json) {
        JsonObject body = JsonObject.of(json);
        List<Map<String, Object>> sockets = new ArrayList<>();
        for (Object socket : body.list("sockets")) {
            Map<String, Object> members = new LinkedHashMap<>();
            JsonObject.of(socket).members().forEach((name, value) -> members.put((String) name, value));
            sockets.add(members);
        }
        return new ChannelState(
                body.flag("connected"),
                body.optionalText("since").map(Answers::time).orElse(null),
                sockets,
                body.optionalText("cursor").orElse(null),
                body.optionalText("acked").orElse(null),
                body.has("lag") ? body.number("lag") : null);
    }

    /** {@code GET} of a channel's kept messages. */
    static MessagesPage messagesPage(Object json) {
        JsonObject body = JsonObject.of(json);
        List<Message> messages = new ArrayList<>();
        for (Object message : body.list("messages")) {
            messages.add(message(JsonObject.of(message)));
        }
        Gap gap = null;
        if (body.has("gap")) {
            JsonObject told = body.object("gap");
            gap = new Gap(told.text("reason"), told.optionalText("cursor").orElse(null));
        }
        return new MessagesPage(messages, body.text("cursor"), gap, body.optionalText("next").orElse(null));
    }

    private static Message message(JsonObject body) {
        Instant time = time(body.text("time"));
        if (body.has("data")) {
            return Message.ofText(body.text("id"), body.text("data"), time);
        }
        return Message.ofBytes(body.text("id"), Base64.getDecoder().decode(body.text("base64")), time);
    }

    /** {@code GET /v1/presence}. */
    static PresencePage presencePage(Object json) {
        JsonObject body = JsonObject.of(json);
        return new PresencePage(body.texts("client_ids"), body.optionalText("next"));
    }

    /** An RFC 3339 time. */
    private static Instant time(String text) {
        return OffsetDateTime.parse(text).toInstant();
    }
}
