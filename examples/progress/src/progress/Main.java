package progress;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Executors;

/**
 * A long job's progress bar: the application's side.
 *
 * <p>A job counts primes and says over its channel how far it is. README.md says how to run it.
 */
public final class Main {
    /** Each request waits for Downlink once at most. */
    private static final int THREADS = 16;

    private Main() {}

    /** Serves until it is stopped. */
    public static void main(String[] arguments) throws IOException {
        int port = Integer.parseInt(System.getenv().getOrDefault("PORT", "8080"));
        Handlers handlers = new Handlers();
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        server.setExecutor(Executors.newFixedThreadPool(THREADS));
        server.createContext("/", exchange -> serve(exchange, handlers));
        server.start();
        System.out.println("The application listens on http://127.0.0.1:" + port);
    }

    private static void serve(HttpExchange exchange, Handlers handlers) throws IOException {
        Answer answer;
        try {
            answer = handlers.answer(exchange);
        } catch (RuntimeException | IOException failure) {
            System.err.println(failure);
            answer = Answer.refusal(500, "Something went wrong here; the log says what.");
        }
        exchange.getResponseHeaders().set("Content-Type", answer.type);
        exchange.getResponseHeaders().set("Cache-Control", "no-store");
        byte[] body = answer.body.getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(answer.status, body.length == 0 ? -1 : body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }
}
