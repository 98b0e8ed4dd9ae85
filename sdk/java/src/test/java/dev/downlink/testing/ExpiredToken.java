package dev.downlink.testing;

import dev.downlink.internal.HmacSha256;
import dev.downlink.internal.JsonWriter;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;

/** A token whose time is over, which the library itself does not make. */
public final class ExpiredToken {
    private ExpiredToken() {}

    /** It was good for a minute, an hour ago. */
    public static String of(String clientId) {
        long then = System.currentTimeMillis() / 1000 - 3600;
        String signed = encoded(Map.of("alg", "HS256", "typ", "JWT")) + "."
                + encoded(Map.of("aud", "downlink", "sub", clientId, "iat", then, "exp", then + 60, "jti", "00"));
        byte[] key = Server.TOKEN_KEY.getBytes(StandardCharsets.UTF_8);
        return signed + "." + base64(HmacSha256.of(key, signed.getBytes(StandardCharsets.UTF_8)));
    }

    private static String encoded(Map<String, Object> json) {
        return base64(JsonWriter.write(json).getBytes(StandardCharsets.UTF_8));
    }

    private static String base64(byte[] bytes) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }
}
