package dev.downlink.testing;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;

/** Something at Downlink's address that answers what it was told, and keeps what it was asked. */
public final class Recorder implements AutoCloseable {
    private final HttpServer http;
    private final Deque<Map.Entry<Integer, String>> answers = new ArrayDeque<>();
    private final List<Request> requests = Collections.synchronizedList(new ArrayList<>());

    public Recorder() {
        try {
            http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
        http.createContext("/", this::answer);
        http.start();
    }

    /** One more answer; the last one is given again and again. */
    public Recorder answering(int status, String body) {
        answers.add(Map.entry(status, body));
        return this;
    }

    public String url() {
        return "http://127.0.0.1:" + http.getAddress().getPort();
    }

    public List<Request> requests() {
        return requests;
    }

    /** The request, if there was one and no other. */
    public Request only() {
        if (requests.size() != 1) {
            throw new AssertionError(requests.size() + " requests");
        }
        return requests.get(0);
    }

    @Override
    public void close() {
        http.stop(0);
    }

    private void answer(HttpExchange exchange) throws IOException {
        requests.add(new Request(exchange));
        Map.Entry<Integer, String> answer = answers.size() > 1 ? answers.poll() : answers.peek();
        byte[] body = answer.getValue().getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(answer.getKey(), body.length == 0 ? -1 : body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    /** What was asked. */
    public static final class Request {
        public final String method;
        public final String target;
        public final byte[] body;
        private final Map<String, List<String>> headers;

        private Request(HttpExchange exchange) throws IOException {
            method = exchange.getRequestMethod();
            target = exchange.getRequestURI().toString();
            headers = Map.copyOf(exchange.getRequestHeaders());
            body = exchange.getRequestBody().readAllBytes();
        }

        public String header(String name) {
            return headers.getOrDefault(name, List.of("none")).get(0);
        }

        public String text() {
            return new String(body, StandardCharsets.UTF_8);
        }
    }
}
