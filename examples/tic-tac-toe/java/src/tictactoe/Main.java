package tictactoe;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Executors;

/**
 * Tic-tac-toe in two windows.
 *
 * <p>Moves come by ordinary HTTP, and each new state goes to both players over their channels. README.md says how to
 * run it.
 */
public final class Main {
    /** Each request waits for Downlink once or twice, so many can be under way. */
    private static final int THREADS = 32;

    private Main() {}

    /** Serves until it is stopped. */
    public static void main(String[] arguments) throws IOException {
        Map<String, String> environment = System.getenv();
        int port = Integer.parseInt(environment.getOrDefault("PORT", "8080"));
        Handlers handlers = new Handlers(Path.of(environment.getOrDefault("PAGE", "../page/index.html")));
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        server.setExecutor(Executors.newFixedThreadPool(THREADS));
        server.createContext("/", exchange -> serve(exchange, handlers));
        server.start();
        System.out.println("The application listens on http://127.0.0.1:" + server.getAddress().getPort());
        System.out.println("Open it through Downlink: http://127.0.0.1:7171/");
    }

    private static void serve(HttpExchange exchange, Handlers handlers) throws IOException {
        Response response;
        try {
            response = handlers.answer(new Request(exchange));
        } catch (RuntimeException | IOException failure) {
            System.err.println(exchange.getRequestMethod() + " " + exchange.getRequestURI().getPath() + ": " + failure);
            response = Response.refusal(500, "The server has failed; try again.");
        }
        response.send(exchange);
    }
}
