package dev.downlink;

import dev.downlink.internal.Environment;
import dev.downlink.internal.HmacSha256;
import dev.downlink.internal.JsonWriter;
import dev.downlink.internal.Utf8;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Signs tokens without a call, with a key that the application and Downlink share.
 *
 * <p>A page opens its channel with such a token as with one from {@link DownlinkClient#createChannel(String)}. It
 * holds no position: the page gets what is sent from about the second of its signing on.
 */
public final class Tokens {
    /** Two hours, as the server gives them. */
    public static final int DEFAULT_DURATION_MINUTES = 120;

    private static final int DURATION_MINUTES_MAX = 24 * 60;

    /** The output of the hash: a shorter key would be the easier thing to guess. */
    private static final int KEY_BYTES_MIN = 32;

    private static final int ID_BYTES = 16;
    private static final SecureRandom RANDOM = new SecureRandom();
    private static final Base64.Encoder BASE64 = Base64.getUrlEncoder().withoutPadding();

    private Tokens() {}

    /** Signs a token of two hours with the key of {@code DOWNLINK_TOKEN_KEY}. */
    public static String sign(String clientId) {
        return sign(clientId, DEFAULT_DURATION_MINUTES);
    }

    /** Signs a token of 1 to 1440 minutes with the key of {@code DOWNLINK_TOKEN_KEY}. */
    public static String sign(String clientId, int durationMinutes) {
        return sign(clientId, durationMinutes, Environment.get("DOWNLINK_TOKEN_KEY").orElse(""));
    }

    /** Signs a token with this key: any text of 32 bytes or more. */
    public static String sign(String clientId, int durationMinutes, String key) {
        return sign(clientId, durationMinutes, key, null);
    }

    /**
     * Signs a token with this key, and says in it which one it is: the {@code kid} of the server's keyring.
     *
     * @throws DownlinkException with the code {@code invalid_client_id}, {@code invalid_duration} or {@code
     *     invalid_key}
     */
    public static String sign(String clientId, int durationMinutes, String key, String keyId) {
        byte[] id = new byte[ID_BYTES];
        RANDOM.nextBytes(id);
        return sign(clientId, durationMinutes, key, keyId, Instant.now(), hex(id));
    }

    static String sign(String clientId, int durationMinutes, String key, String keyId, Instant now, String id) {
        byte[] secret = checkedKey(key);
        if (!ClientIds.isOne(clientId)) {
            throw new DownlinkException.InvalidClientId();
        }
        if (durationMinutes < 1 || durationMinutes > DURATION_MINUTES_MAX) {
            throw new DownlinkException.InvalidDuration();
        }
        Map<String, Object> header = new LinkedHashMap<>();
        header.put("alg", "HS256");
        header.put("typ", "JWT");
        if (keyId != null) {
            header.put("kid", keyId);
        }
        Map<String, Object> claims = new LinkedHashMap<>();
        claims.put("aud", "downlink");
        claims.put("sub", clientId);
        claims.put("iat", now.getEpochSecond());
        claims.put("exp", now.getEpochSecond() + durationMinutes * 60L);
        claims.put("jti", id);
        String signed = encoded(header) + "." + encoded(claims);
        byte[] signature = HmacSha256.of(secret, signed.getBytes(StandardCharsets.US_ASCII));
        return signed + "." + BASE64.encodeToString(signature);
    }

    private static byte[] checkedKey(String key) {
        byte[] bytes = Utf8.encode(key).orElse(new byte[0]);
        if (bytes.length < KEY_BYTES_MIN) {
            throw new DownlinkException(
                    "invalid_key", "Set DOWNLINK_TOKEN_KEY, or give a key, of at least 32 bytes of UTF-8.");
        }
        return bytes;
    }

    private static String encoded(Map<String, Object> json) {
        return BASE64.encodeToString(JsonWriter.write(json).getBytes(StandardCharsets.UTF_8));
    }

    private static String hex(byte[] bytes) {
        StringBuilder hex = new StringBuilder();
        for (byte one : bytes) {
            hex.append(String.format("%02x", one));
        }
        return hex.toString();
    }
}
