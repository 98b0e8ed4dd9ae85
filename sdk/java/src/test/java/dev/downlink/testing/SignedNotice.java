package dev.downlink.testing;

import dev.downlink.internal.HmacSha256;
import dev.downlink.internal.JsonWriter;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;

/** A presence notice as the server signs it, for what a real one cannot show: altered, old, of another key. */
public final class SignedNotice {
    public static final String SECRET = "whsec_YW4tb2xkLXByZXNlbmNlLXNlY3JldC1vZi0zMi1ieXQ=";

    private final String contentType;
    private final byte[] body;
    private long time = System.currentTimeMillis() / 1000;

    private SignedNotice(String contentType, String body) {
        this.contentType = contentType;
        this.body = body.getBytes(StandardCharsets.UTF_8);
    }

    /** In the format {@code standard}. */
    public static SignedNotice json(String clientId, boolean connected, long generation) {
        Map<String, Object> notice = new LinkedHashMap<>();
        notice.put("type", connected ? "channel.connected" : "channel.disconnected");
        notice.put("timestamp", "2023-11-14T22:13:20Z");
        notice.put("data", Map.of("client_id", clientId, "generation", generation));
        return new SignedNotice("application/json", JsonWriter.write(notice));
    }

    /** In the format {@code appengine}. */
    public static SignedNotice form(String clientId, boolean connected, long generation) {
        String boundary = "downlink-5f0c6f1a2b3c4d5e6f708192a3b4c5d6";
        String body = part(boundary, "from", clientId)
                + part(boundary, "state", connected ? "connected" : "disconnected")
                + part(boundary, "generation", Long.toString(generation))
                + "--" + boundary + "--\r\n";
        return new SignedNotice("multipart/form-data; boundary=" + boundary, body);
    }

    /** Anything at all, signed. */
    public static SignedNotice ofBody(String body) {
        return new SignedNotice("application/json", body);
    }

    /** The same, signed at another time, in seconds. */
    public SignedNotice signedAt(long seconds) {
        time = seconds;
        return this;
    }

    public String contentType() {
        return contentType;
    }

    public byte[] body() {
        return body.clone();
    }

    /** The three headers that sign it. */
    public Map<String, String> headers() {
        byte[] key = Base64.getDecoder().decode(SECRET.substring("whsec_".length()));
        byte[] signed = ("notice_41." + time + ".").getBytes(StandardCharsets.UTF_8);
        String signature = Base64.getEncoder().encodeToString(HmacSha256.of(key, signed, body));
        return Map.of(
                "webhook-id", "notice_41",
                "webhook-timestamp", Long.toString(time),
                "webhook-signature", "v1," + signature);
    }

    private static String part(String boundary, String name, String value) {
        return "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n"
                + "Content-Type: text/plain; charset=utf-8\r\n\r\n" + value + "\r\n";
    }
}
