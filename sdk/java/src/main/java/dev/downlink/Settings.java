package dev.downlink;

import dev.downlink.internal.Environment;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.Optional;

/** Where Downlink is and with which key to ask: what was given, else from the environment; checked. */
final class Settings {
    static final String DEFAULT_URL = "http://127.0.0.1:7171";

    private final String url;
    private final String apiKey;

    private Settings(String url, String apiKey) {
        this.url = url;
        this.apiKey = apiKey;
    }

    /** Takes what is not null; {@code DOWNLINK_URL} and {@code DOWNLINK_API_KEY} stand in for the rest. */
    static Settings resolve(String url, String apiKey) {
        String address = url == null ? Environment.get("DOWNLINK_URL").orElse(DEFAULT_URL) : url.strip();
        String key = apiKey == null ? Environment.get("DOWNLINK_API_KEY").orElse("") : apiKey.strip();
        return new Settings(checkedUrl(address), checkedKey(key));
    }

    /** Without a slash at its end; may have a path, for a Downlink behind a prefix. */
    String url() {
        return url;
    }

    String apiKey() {
        return apiKey;
    }

    private static String checkedUrl(String url) {
        URI parts = parsed(url)
                .filter(uri -> uri.getHost() != null)
                .filter(uri -> "http".equalsIgnoreCase(uri.getScheme()) || "https".equalsIgnoreCase(uri.getScheme()))
                .orElseThrow(
                        () -> new DownlinkException("invalid_url", "Give Downlink's address as http://HOST:PORT."));
        // A user name would replace the API key in the Authorization header, and show in logs.
        if (parts.getRawUserInfo() != null || parts.getRawQuery() != null || parts.getRawFragment() != null) {
            throw new DownlinkException(
                    "invalid_url", "Downlink's address must have no user name, query or fragment.");
        }
        return url.replaceAll("/+$", "");
    }

    private static Optional<URI> parsed(String url) {
        try {
            return Optional.of(new URI(url));
        } catch (URISyntaxException noUri) {
            return Optional.empty();
        }
    }

    // Refused here, since the HTTP library would quote the key in the text of its error.
    private static String checkedKey(String apiKey) {
        if (apiKey.isEmpty()) {
            throw new DownlinkException.InvalidApiKey("Set DOWNLINK_API_KEY, or give the builder an apiKey.");
        }
        if (!apiKey.chars().allMatch(character -> character > ' ' && character < 0x7f)) {
            throw new DownlinkException.InvalidApiKey("An API key has visible ASCII characters only.");
        }
        return apiKey;
    }
}
