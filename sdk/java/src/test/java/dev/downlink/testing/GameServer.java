package dev.downlink.testing;

import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.ThreadLocalRandom;

/** The game of the examples, built and started as its README says, behind {@code downlink dev --app}. */
public final class GameServer implements AutoCloseable {
    private static final Path FOLDER = Server.REPOSITORY.resolve("examples/tic-tac-toe/java");

    private final Server server;
    private final Process process;
    private final String url;

    public GameServer() throws IOException, InterruptedException {
        Path made = Path.of("target", "game").toAbsolutePath();
        run(new ProcessBuilder("./build.sh", made.toString()));
        int port = freePort();
        url = "http://127.0.0.1:" + port;
        server = Server.own()
                .before(url)
                .with("DOWNLINK_PRESENCE_SECRET", SignedNotice.SECRET)
                .with("DOWNLINK_PRESENCE_GRACE_SECONDS", "1")
                .start();
        ProcessBuilder game = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-jar",
                        made.resolve("tic-tac-toe.jar").toString())
                .directory(FOLDER.toFile());
        game.environment().put("PORT", Integer.toString(port));
        game.environment().put("DOWNLINK_URL", server.url());
        game.environment().put("DOWNLINK_API_KEY", Server.API_KEY);
        game.environment().put("DOWNLINK_PRESENCE_SECRET", SignedNotice.SECRET);
        process = game.redirectError(ProcessBuilder.Redirect.INHERIT).start();
        // It says where it listens as soon as it does.
        StringBuilder said = new StringBuilder();
        while (said.indexOf(url) < 0) {
            int next = process.getInputStream().read();
            if (next < 0) {
                throw new AssertionError("the game ended; it said: " + said);
            }
            said.append((char) next);
        }
    }

    /** Where browsers come to. */
    public String url() {
        return server.url();
    }

    /** Where the program itself listens; browsers never come here. */
    public String ownUrl() {
        return url;
    }

    @Override
    public void close() {
        process.destroyForcibly();
        server.close();
    }

    private static void run(ProcessBuilder command) throws IOException, InterruptedException {
        Process building = command.directory(FOLDER.toFile()).redirectErrorStream(true).start();
        String said = new String(building.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (building.waitFor() != 0) {
            throw new AssertionError(said);
        }
    }

    /** Below those that the system hands out by itself: another program could have one before the game does. NATS's are below 30,000. */
    private static int freePort() throws IOException {
        for (int tries = 0; tries < 100; tries++) {
            int port = ThreadLocalRandom.current().nextInt(30_000, 32_768);
            try (ServerSocket probe = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
                return probe.getLocalPort();
            } catch (BindException taken) {
                // The next one.
            }
        }
        throw new IOException("no port was free in a hundred tries");
    }
}
