package tictactoe;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What the handlers need to know of a request. */
final class Request {
    /** Nothing that comes here is longer: moves have no body, and a notice has less than 1 KiB. */
    static final int BODY_BYTES_MAX = 16 * 1024;

    // A client id is `<user>-<game>`, so neither may have a dash in it.
    private static final String USER = "[A-Za-z]{1,64}";
    private static final String GAME_ID = "[A-Za-z0-9]{1,64}";
    private static final SecureRandom RANDOM = new SecureRandom();

    /** Method and path. */
    final String line;

    final Map<String, List<String>> headers;

    /** Up to one byte more than is allowed. */
    final byte[] body;

    /** The visitor. */
    final String user;

    private final Map<String, String> query;

    Request(HttpExchange exchange) throws IOException {
        line = exchange.getRequestMethod() + " " + exchange.getRequestURI().getRawPath();
        headers = exchange.getRequestHeaders();
        body = exchange.getRequestBody().readNBytes(BODY_BYTES_MAX + 1);
        query = parsed(exchange.getRequestURI().getRawQuery());
        user = userOf(exchange.getRequestHeaders().getOrDefault("Cookie", List.of()));
    }

    /** A value of the query; empty if it is not there. */
    String value(String name) {
        return query.getOrDefault(name, "");
    }

    /** Whether the query has such a value at all. */
    boolean has(String name) {
        return query.containsKey(name);
    }

    /** Which game it is about; empty if there can be no such game. */
    String gameId() {
        return value("g").matches(GAME_ID) ? value("g") : "";
    }

    /** Whose channel it is: each player of each game has one. */
    String clientId() {
        return user + "-" + gameId();
    }

    /** What nobody guesses. */
    static String randomLetters(int count) {
        StringBuilder letters = new StringBuilder();
        for (int number = 0; number < count; number++) {
            letters.append((char) ('a' + RANDOM.nextInt(26)));
        }
        return letters.toString();
    }

    /** The visitor of the cookie, if it is one that was given here; else a new one. */
    private static String userOf(List<String> cookies) {
        for (String cookie : String.join(";", cookies).split(";")) {
            String[] parts = cookie.strip().split("=", 2);
            if (parts.length == 2 && parts[0].equals("user") && parts[1].matches(USER)) {
                return parts[1];
            }
        }
        return randomLetters(20);
    }

    private static Map<String, String> parsed(String query) {
        Map<String, String> values = new HashMap<>();
        for (String pair : (query == null ? "" : query).split("&")) {
            String[] parts = pair.split("=", 2);
            values.putIfAbsent(parts[0], parts.length == 2 ? decoded(parts[1]) : "");
        }
        return values;
    }

    private static String decoded(String text) {
        try {
            return URLDecoder.decode(text, StandardCharsets.UTF_8);
        } catch (IllegalArgumentException notEncoded) {
            return text;
        }
    }
}
