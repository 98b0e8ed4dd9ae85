package dev.downlink;

import dev.downlink.internal.Environment;
import dev.downlink.internal.HmacSha256;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * Tells presence notices of Downlink from forged and replayed ones, as Standard Webhooks says.
 *
 * <p>The signed body alone decides what a notice says: neither the path nor a header does, but for the three that
 * are part of the signature.
 */
public final class Notices {
    private static final String SECRET = "DOWNLINK_PRESENCE_SECRET";
    private static final String SECRET_PREFIX = "whsec_";
    private static final String SIGNATURE_PREFIX = "v1,";

    /** Standard Webhooks asks for at least so many; a secret that can be guessed proves nothing. */
    private static final int SECRET_BYTES_MIN = 24;

    /** How far the time of a notice may be off: a replay is good for no longer, and clocks differ by less. */
    private static final long TOLERANCE_SECONDS = 300;

    private Notices() {}

    /**
     * Verifies a notice with the secrets of {@code DOWNLINK_PRESENCE_SECRET}.
     *
     * @param headers the request's headers, as {@code com.sun.net.httpserver} and {@code java.net.http} have them;
     *     their names are compared without regard to case
     * @param body the raw bytes of the request's body
     * @throws DownlinkException.InvalidNotice if it is not to be believed
     */
    public static Notice verify(Map<String, List<String>> headers, byte[] body) {
        return verify(headers, body, secretsOfEnvironment());
    }

    /**
     * Verifies a notice with these secrets ({@code whsec_…}); one of them has to fit.
     *
     * @throws DownlinkException with the code {@code invalid_secret} if one of them cannot be a secret
     */
    public static Notice verify(Map<String, List<String>> headers, byte[] body, List<String> secrets) {
        return verify(name -> find(headers, name), body, secrets);
    }

    /**
     * Verifies a notice whose headers are asked for by name, such as {@code request::getHeader} of a servlet; null
     * is the answer for one that is missing.
     */
    public static Notice verify(Function<String, String> header, byte[] body) {
        return verify(header, body, secretsOfEnvironment());
    }

    /** Verifies a notice whose headers are asked for by name, with these secrets. */
    public static Notice verify(Function<String, String> header, byte[] body, List<String> secrets) {
        return verify(header, body, secrets, Instant.now());
    }

    /** Whether {@code DOWNLINK_PRESENCE_SECRET} is set, so that notices can be verified without giving secrets. */
    public static boolean hasSecret() {
        return Environment.get(SECRET).isPresent();
    }

    static Notice verify(Function<String, String> header, byte[] body, List<String> secrets, Instant now) {
        List<byte[]> keys = keys(secrets);
        String id = required(header, "webhook-id");
        String timestamp = required(header, "webhook-timestamp");
        String signatures = required(header, "webhook-signature");
        Instant time = checkedTime(timestamp, now);
        byte[] signed = (id + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8);
        if (!anyFits(keys, signed, body, signatures)) {
            throw new DownlinkException.InvalidNotice(
                    "wrong_signature", "The notice was not signed with this secret, or was altered.");
        }
        return NoticeBody.read(body).notice(id, time);
    }

    private static String required(Function<String, String> header, String name) {
        String value = header.apply(name);
        if (value == null) {
            throw new DownlinkException.InvalidNotice("missing_header", "A notice has the header " + name + ".");
        }
        return value;
    }

    private static Instant checkedTime(String timestamp, Instant now) {
        // Digits only, and few enough for a long.
        if (timestamp.matches("[0-9]{1,15}")) {
            long seconds = Long.parseLong(timestamp);
            if (Math.abs(seconds - now.getEpochSecond()) <= TOLERANCE_SECONDS) {
                return Instant.ofEpochSecond(seconds);
            }
        }
        throw new DownlinkException.InvalidNotice(
                "bad_timestamp", "The notice's time is no time, or over five minutes off; is a clock wrong?");
    }

    private static boolean anyFits(List<byte[]> keys, byte[] signed, byte[] body, String signatures) {
        boolean fits = false;
        for (byte[] key : keys) {
            byte[] expected = Base64.getEncoder().encode(HmacSha256.of(key, signed, body));
            for (String signature : signatures.split(" ")) {
                if (signature.startsWith(SIGNATURE_PREFIX)) {
                    byte[] given = signature.substring(SIGNATURE_PREFIX.length())
                            .getBytes(StandardCharsets.UTF_8);
                    // In constant time, or its bytes could be guessed one after the other.
                    fits |= MessageDigest.isEqual(expected, given);
                }
            }
        }
        return fits;
    }

    private static List<String> secretsOfEnvironment() {
        return Environment.get(SECRET).map(text -> List.of(text.split(","))).orElse(List.of());
    }

    private static List<byte[]> keys(List<String> secrets) {
        List<byte[]> keys = new ArrayList<>();
        for (String secret : secrets) {
            // As between a comma and the end.
            if (!secret.isBlank()) {
                keys.add(key(secret.strip()));
            }
        }
        if (keys.isEmpty()) {
            throw invalidSecret();
        }
        return keys;
    }

    private static byte[] key(String secret) {
        if (secret.startsWith(SECRET_PREFIX)) {
            try {
                byte[] key = Base64.getDecoder().decode(secret.substring(SECRET_PREFIX.length()));
                if (key.length >= SECRET_BYTES_MIN) {
                    return key;
                }
            } catch (IllegalArgumentException notBase64) {
                // Told below, without its own text, which quotes the secret.
            }
        }
        throw invalidSecret();
    }

    private static DownlinkException invalidSecret() {
        return new DownlinkException(
                "invalid_secret",
                "Set " + SECRET + " to what Downlink has: whsec_ and the base64 of " + SECRET_BYTES_MIN
                        + " bytes or more.");
    }

    private static String find(Map<String, List<String>> headers, String name) {
        for (Map.Entry<String, List<String>> header : headers.entrySet()) {
            boolean same = name.equalsIgnoreCase(header.getKey());
            if (same && header.getValue() != null && !header.getValue().isEmpty()) {
                return header.getValue().get(0);
            }
        }
        return null;
    }
}
