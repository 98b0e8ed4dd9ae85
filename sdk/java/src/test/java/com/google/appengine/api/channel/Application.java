package com.google.appengine.api.channel;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.catalina.Context;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.startup.Tomcat;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.servlet.ServletContextHandler;
import org.eclipse.jetty.servlet.ServletHolder;

/**
 * An application that parses what is posted to it, in a real container. It answers 200, or 400 and what it threw.
 *
 * <p>Paths that end in {@code /receive} are messages, all others presences.
 */
abstract class Application implements AutoCloseable {
    private final BlockingQueue<ChannelPresence> presences = new LinkedBlockingQueue<>();
    private int port;

    /** Which of them. */
    enum Kind {
        JAVAX_SERVLET,
        JAKARTA_SERVLET,
        NO_SERVLET
    }

    static Application start(Kind kind) throws Exception {
        Application application = kind == Kind.JAVAX_SERVLET
                ? new InJetty()
                : kind == Kind.JAKARTA_SERVLET ? new InTomcat() : new InHttpServer();
        application.port = application.listen();
        return application;
    }

    String url() {
        return "http://127.0.0.1:" + port;
    }

    /** The next presence that it was told of. */
    ChannelPresence presence() throws InterruptedException {
        ChannelPresence presence = presences.poll(20, TimeUnit.SECONDS);
        if (presence == null) {
            throw new AssertionError("nobody came or went");
        }
        return presence;
    }

    /** Whether there is nothing that it was told and that was not asked for. */
    boolean heardNothing() {
        return presences.isEmpty();
    }

    /** Starts it on a free port. */
    abstract int listen() throws Exception;

    @Override
    public abstract void close() throws IOException;

    /** Status and body of the answer to what was posted. */
    String answer(String path, Callable<ChannelMessage> message, Callable<ChannelPresence> presence) {
        try {
            if (path.endsWith("/receive")) {
                ChannelMessage parsed = message.call();
                return "200 " + parsed.getClientId() + "|" + parsed.getMessage();
            }
            presences.add(presence.call());
            return "200 ok";
        } catch (Exception refusal) {
            return "400 " + refusal.getClass().getSimpleName() + " " + refusal.getMessage();
        }
    }

    private static final class InJetty extends Application {
        private final Server jetty = new Server(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));

        @Override
        int listen() throws Exception {
            ServletContextHandler context = new ServletContextHandler();
            context.addServlet(new ServletHolder(new JavaxServlet(this)), "/*");
            jetty.setHandler(context);
            jetty.start();
            return ((ServerConnector) jetty.getConnectors()[0]).getLocalPort();
        }

        @Override
        public void close() throws IOException {
            try {
                jetty.stop();
            } catch (Exception failure) {
                throw new IOException(failure);
            }
        }
    }

    private static final class InTomcat extends Application {
        private final Tomcat tomcat = new Tomcat();

        @Override
        int listen() throws Exception {
            tomcat.setBaseDir(Path.of("target", "tomcat").toAbsolutePath().toString());
            tomcat.setHostname("127.0.0.1");
            tomcat.setPort(0);
            Context context = tomcat.addContext("", null);
            Tomcat.addServlet(context, "presence", new JakartaServlet(this));
            context.addServletMappingDecoded("/*", "presence");
            tomcat.getConnector().setProperty("address", "127.0.0.1");
            tomcat.start();
            return tomcat.getConnector().getLocalPort();
        }

        @Override
        public void close() throws IOException {
            try {
                tomcat.stop();
                tomcat.destroy();
            } catch (LifecycleException failure) {
                throw new IOException(failure);
            }
        }
    }

    private static final class InHttpServer extends Application {
        private HttpServer http;

        @Override
        int listen() throws IOException {
            http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
            http.createContext("/", this::handle);
            http.start();
            return http.getAddress().getPort();
        }

        @Override
        public void close() {
            http.stop(0);
        }

        private void handle(HttpExchange exchange) throws IOException {
            String path = exchange.getRequestURI().getPath();
            String answer = answer(
                    path,
                    () -> ChannelRequests.parseMessage(name -> parameter(exchange, name)),
                    () -> ChannelRequests.parsePresence(
                            path,
                            exchange.getRequestHeaders().getFirst("Content-Type"),
                            exchange.getRequestHeaders()::getFirst,
                            exchange.getRequestBody()));
            byte[] body = answer.substring(4).getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(Integer.parseInt(answer.substring(0, 3)), body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        }

        private static String parameter(HttpExchange exchange, String name) {
            for (String pair : String.valueOf(exchange.getRequestURI().getQuery()).split("&")) {
                if (pair.startsWith(name + "=")) {
                    return pair.substring(name.length() + 1);
                }
            }
            return null;
        }
    }
}
