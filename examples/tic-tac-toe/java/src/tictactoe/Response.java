package tictactoe;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/** What the handlers answer. */
final class Response {
    private final int status;
    private final String body;
    private final Map<String, String> headers = new LinkedHashMap<>();

    Response(int status, String body) {
        this.status = status;
        this.body = body;
    }

    /** Done, with nothing to say. */
    static Response done() {
        return new Response(204, "");
    }

    /** Says why not; the page shows it. */
    static Response refusal(int status, String reason) {
        return new Response(status, reason).with("Content-Type", "text/plain; charset=utf-8");
    }

    Response with(String name, String value) {
        headers.put(name, value);
        return this;
    }

    void send(HttpExchange exchange) throws IOException {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        headers.forEach(exchange.getResponseHeaders()::set);
        exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
        exchange.getResponseBody().write(bytes);
        exchange.close();
    }
}
