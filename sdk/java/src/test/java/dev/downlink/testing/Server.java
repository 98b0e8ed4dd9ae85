package dev.downlink.testing;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The real server, {@code downlink dev}, on a port of its choice that it keeps when it is started again. */
public final class Server implements AutoCloseable {
    public static final Path REPOSITORY = Path.of("").toAbsolutePath().getParent().getParent();
    public static final String API_KEY = "key-of-the-java-tests";
    public static final String TOKEN_KEY = "token-key-of-the-java-tests-of-over-32-bytes";

    private static final Pattern READY = Pattern.compile("listen(?:ing|s) on (http://127\\.0\\.0\\.1:(\\d+))");
    private static final int START_SECONDS = 20;
    private static Server shared;

    private final Path dataDir;
    private final Map<String, String> environment = new TreeMap<>();
    private final List<String> options = new ArrayList<>();
    private Process process;
    private String url = "";
    private int port;

    private Server() {
        try {
            dataDir = Files.createTempDirectory("downlink-java-");
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
        environment.put("DOWNLINK_API_KEY", API_KEY);
        environment.put("DOWNLINK_TOKEN_KEY", TOKEN_KEY);
        // Also if a test forgets it, or the tests are interrupted.
        Runtime.getRuntime().addShutdownHook(new Thread(this::close));
    }

    /** One for all tests that neither kill it nor ask for anything special. */
    public static synchronized Server shared() {
        if (shared == null) {
            shared = new Server().start();
        }
        return shared;
    }

    /** One that is not started yet. */
    public static Server own() {
        return new Server();
    }

    /** Starts it with a variable more. */
    public Server with(String name, String value) {
        environment.put(name, value);
        return this;
    }

    /** Starts it before an application. */
    public Server before(String applicationUrl) {
        options.addAll(List.of("--app", applicationUrl));
        return this;
    }

    /** Starts it, and returns when it listens. */
    public Server start() {
        List<String> command = new ArrayList<>(List.of(binary(), "dev", "--listen", "127.0.0.1:" + port));
        command.addAll(List.of("--data-dir", dataDir.resolve("data").toString()));
        command.addAll(options);
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().keySet().removeIf(name -> name.startsWith("DOWNLINK_"));
        builder.environment().putAll(environment);
        builder.redirectErrorStream(true).redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()));
        try {
            process = builder.start();
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
        waitUntilReady();
        return this;
    }

    public String url() {
        return url;
    }

    /** {@code kill -9}: no word of farewell, nothing flushed. */
    public void kill() {
        try {
            process.destroyForcibly().waitFor();
        } catch (InterruptedException interruption) {
            throw new IllegalStateException(interruption);
        }
    }

    /** Ends it, and removes what it kept. A kill as well: it would take its time to say farewell to open sockets. */
    @Override
    public void close() {
        if (process != null && process.isAlive()) {
            kill();
        }
        if (Files.exists(dataDir)) {
            try (Stream<Path> files = Files.walk(dataDir)) {
                files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
            } catch (IOException failure) {
                throw new UncheckedIOException(failure);
            }
        }
    }

    /** Where the program is; absence is a failure, since these tests prove nothing without it. */
    private static String binary() {
        String given = System.getenv("DOWNLINK_BIN");
        Path path = given == null || given.isEmpty() ? REPOSITORY.resolve("target/release/downlink") : Path.of(given);
        if (!Files.isExecutable(path)) {
            throw new AssertionError("no program at " + path + ": cargo build --release, or set DOWNLINK_BIN");
        }
        return path.toString();
    }

    private void waitUntilReady() {
        BlockingQueue<String> lines = new LinkedBlockingQueue<>();
        Process started = process;
        Thread drain = new Thread(() -> drain(started, lines));
        drain.setDaemon(true);
        drain.start();
        List<String> seen = new ArrayList<>();
        try {
            while (true) {
                String line = lines.poll(START_SECONDS, TimeUnit.SECONDS);
                if (line == null) {
                    throw new AssertionError("it did not say that it listens; it said: " + seen);
                }
                seen.add(line);
                Matcher ready = READY.matcher(line);
                if (ready.find()) {
                    url = ready.group(1);
                    port = Integer.parseInt(ready.group(2));
                    return;
                }
            }
        } catch (InterruptedException interruption) {
            throw new IllegalStateException(interruption);
        }
    }

    /** To the end of the process's life, or it would block on a full pipe. */
    private static void drain(Process process, BlockingQueue<String> lines) {
        try (BufferedReader output =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            output.lines().forEach(lines::add);
        } catch (IOException | UncheckedIOException ended) {
            // The process is gone.
        }
    }
}
