package dev.downlink.testing;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;

/** Stands between a client and the server, and does to the first connections what networks do. */
public final class Relay implements AutoCloseable {
    /** What happens to one connection. */
    public enum Fault {
        /** The request is read and never answered. */
        SILENT(null),
        /** The answer's head comes, and then no more. */
        HALF_AN_ANSWER("HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{"),
        /** Closed before the request is read. */
        CUT(null),
        /** The server takes the request and answers, and the answer never arrives. */
        ANSWER_LOST(null),
        /** A proxy's 502, and the server never sees the request. */
        BAD_GATEWAY("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
        /** A proxy's 503, and the server never sees the request. */
        UNAVAILABLE("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\nConnection: close\r\n\r\nwait");

        private final String canned;

        Fault(String canned) {
            this.canned = canned;
        }
    }

    private final URI server;
    private final ServerSocket listener;
    private final Queue<Fault> faults;
    private final AtomicInteger connections = new AtomicInteger();
    private volatile Runnable beforeTheLoss = () -> {};

    public Relay(String serverUrl, Fault... faults) {
        server = URI.create(serverUrl);
        this.faults = new ConcurrentLinkedQueue<>(List.of(faults));
        try {
            listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
        start(this::accept);
    }

    public String url() {
        return "http://127.0.0.1:" + listener.getLocalPort();
    }

    /** How many connections there were. */
    public int connections() {
        return connections.get();
    }

    /** One more fault, for the next connection that has none. */
    public void add(Fault fault) {
        faults.add(fault);
    }

    /** What happens between an answer of the server and its loss. */
    public Relay beforeTheLoss(Runnable action) {
        beforeTheLoss = action;
        return this;
    }

    @Override
    public void close() {
        try {
            listener.close();
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    private void accept() {
        while (true) {
            try {
                Socket client = listener.accept();
                connections.incrementAndGet();
                Fault fault = faults.poll();
                start(() -> serve(client, fault));
            } catch (IOException closed) {
                return;
            }
        }
    }

    private void serve(Socket client, Fault fault) {
        try (client) {
            if (fault == null) {
                forward(client);
            } else if (fault != Fault.CUT) {
                fail(client, fault);
            }
        } catch (IOException gone) {
            // Either side may end a connection.
        }
    }

    private void forward(Socket client) throws IOException {
        try (Socket upstream = new Socket(server.getHost(), server.getPort())) {
            Thread back = start(() -> pump(upstream, client));
            pump(client, upstream);
            back.join();
        } catch (InterruptedException interruption) {
            throw new IllegalStateException(interruption);
        }
    }

    private void fail(Socket client, Fault fault) throws IOException {
        byte[] request = wholeRequest(client.getInputStream());
        if (fault == Fault.ANSWER_LOST) {
            try (Socket upstream = new Socket(server.getHost(), server.getPort())) {
                upstream.getOutputStream().write(request);
                upstream.getInputStream().read(new byte[65536]);
                beforeTheLoss.run();
            }
            return;
        }
        if (fault.canned != null) {
            client.getOutputStream().write(fault.canned.getBytes(StandardCharsets.US_ASCII));
        }
        if (fault == Fault.SILENT || fault == Fault.HALF_AN_ANSWER) {
            // Until the client gives up.
            client.getInputStream().read();
        }
    }

    private static void pump(Socket source, Socket sink) {
        try {
            InputStream in = source.getInputStream();
            OutputStream out = sink.getOutputStream();
            in.transferTo(out);
            sink.shutdownOutput();
        } catch (IOException ended) {
            // The other direction ended the connection.
        }
    }

    private static byte[] wholeRequest(InputStream in) throws IOException {
        ByteArrayOutputStream request = new ByteArrayOutputStream();
        String head = "";
        while (!head.endsWith("\r\n\r\n")) {
            int next = in.read();
            if (next < 0) {
                throw new IOException("the client left");
            }
            request.write(next);
            head += (char) next;
        }
        int length = 0;
        for (String line : head.toLowerCase(Locale.ROOT).split("\r\n")) {
            if (line.startsWith("content-length:")) {
                length = Integer.parseInt(line.substring("content-length:".length()).strip());
            }
        }
        request.write(in.readNBytes(length));
        return request.toByteArray();
    }

    private static Thread start(Runnable work) {
        Thread thread = new Thread(work);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }
}
