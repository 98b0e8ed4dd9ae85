package dev.downlink;

import dev.downlink.internal.JsonObject;
import dev.downlink.internal.JsonReader;
import dev.downlink.internal.MultipartForm;
import dev.downlink.internal.Unreadable;
import java.time.Instant;
import java.util.Map;

/** What a signed body says, in either of its two formats. */
final class NoticeBody {
    /** What every language's numbers hold exactly. */
    private static final long GENERATION_MAX = (1L << 53) - 1;

    private final String clientId;
    private final boolean connected;
    private final long generation;

    private NoticeBody(String clientId, boolean connected, long generation) {
        if (!ClientIds.isOne(clientId) || generation < 0 || generation > GENERATION_MAX) {
            throw new Unreadable("a notice has a client id and a generation");
        }
        this.clientId = clientId;
        this.connected = connected;
        this.generation = generation;
    }

    /** A body that begins with a brace is JSON, any other one has to be a form. */
    static NoticeBody read(byte[] body) {
        try {
            return body.length > 0 && body[0] == '{' ? json(body) : form(body);
        } catch (Unreadable noNotice) {
            throw new DownlinkException.InvalidNotice(
                    "unreadable", "The body is signed but no presence notice; is this library too old for it?");
        }
    }

    Notice notice(String id, Instant time) {
        return new Notice(id, time, clientId, connected, generation);
    }

    private static NoticeBody json(byte[] body) {
        JsonObject notice = JsonObject.of(JsonReader.read(body));
        boolean connected = oneOf(notice.text("type"), "channel.connected", "channel.disconnected");
        JsonObject data = notice.object("data");
        return new NoticeBody(data.text("client_id"), connected, data.number("generation"));
    }

    private static NoticeBody form(byte[] body) {
        Map<String, String> fields = MultipartForm.read(body);
        boolean connected = oneOf(fields.get("state"), "connected", "disconnected");
        String generation = fields.getOrDefault("generation", "");
        // Few enough digits for a long.
        if (!generation.matches("[0-9]{1,16}")) {
            throw new Unreadable("a notice has a generation");
        }
        return new NoticeBody(fields.getOrDefault("from", ""), connected, Long.parseLong(generation));
    }

    private static boolean oneOf(String word, String yes, String no) {
        if (!yes.equals(word) && !no.equals(word)) {
            throw new Unreadable("a notice says that somebody came or went");
        }
        return yes.equals(word);
    }
}
