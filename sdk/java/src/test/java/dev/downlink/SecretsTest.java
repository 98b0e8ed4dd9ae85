package dev.downlink;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.downlink.testing.Relay;
import dev.downlink.testing.Relay.Fault;
import dev.downlink.testing.Server;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import java.util.List;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Tokens and keys stay out of everything that ends up in a log. */
class SecretsTest {
    private static final Server SERVER = Server.shared();

    private final String clientId = Kept.newClientId();

    @Test
    void valuesDoNotShowTheToken() {
        try (DownlinkClient client = client(SERVER.url())) {
            Channel channel = client.createChannel(clientId);
            assertTrue(channel.toString().contains(clientId));
            assertTrue(client.toString().contains(SERVER.url()));
            List<Object> values = List.of(
                    channel,
                    client,
                    Item.of(channel.token(), "private words"),
                    Item.of(List.of(channel.token()), "private words"),
                    new FailedTarget(channel.token(), "any"),
                    client.send(channel.token(), "private words"),
                    client.sendMany(List.of(Item.of(channel.token(), ""))));
            for (Object value : values) {
                assertHidden(value.toString(), channel.token());
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"CUT", "UNAVAILABLE"})
    void failuresDoNotShowTokenOrKey(Fault fault) {
        String token;
        try (DownlinkClient direct = client(SERVER.url())) {
            token = direct.createChannel(clientId).token();
        }
        try (Relay relay = new Relay(SERVER.url(), fault, fault, fault); DownlinkClient client = client(relay.url())) {
            DownlinkException failure = assertThrows(
                    DownlinkException.Unavailable.class, () -> client.send(token, "private words"));
            assertHidden(stackTrace(failure), token);
        }
    }

    @Test
    void refusalsDoNotShowTokenOrKey() {
        String token;
        try (DownlinkClient direct = client(SERVER.url())) {
            token = direct.createChannel(clientId).token();
            DownlinkException tooLarge =
                    assertThrows(DownlinkException.class, () -> direct.send(token, "private words".repeat(10_000)));
            assertHidden(stackTrace(tooLarge), token);
        }
        try (DownlinkClient stranger = DownlinkClient.builder().url(SERVER.url()).apiKey("private").build()) {
            DownlinkException refusal = assertThrows(
                    DownlinkException.InvalidApiKey.class, () -> stranger.send(token, "private words"));
            assertHidden(stackTrace(refusal), token);
        }
    }

    @Test
    void logsDoNotShowTokenOrKey() {
        StringBuilder logged = new StringBuilder();
        Handler handler = new Handler() {
            @Override
            public void publish(LogRecord record) {
                logged.append(record.getMessage()).append('\n');
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        };
        Logger root = Logger.getLogger("");
        handler.setLevel(Level.ALL);
        root.addHandler(handler);
        Level before = root.getLevel();
        root.setLevel(Level.ALL);
        try (DownlinkClient client = client(SERVER.url())) {
            String token = client.createChannel(clientId).token();
            client.send(token, "private words");
            assertHidden(logged.toString(), token);
        } finally {
            root.setLevel(before);
            root.removeHandler(handler);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"private words", "private\nwords", "prïvate", "private\u0000"})
    void aKeyThatCannotBeOneIsNotQuoted(String key) {
        DownlinkException refusal = assertThrows(
                DownlinkException.InvalidApiKey.class, () -> DownlinkClient.builder().apiKey(key).build());
        assertFalse(stackTrace(refusal).contains(key));
    }

    @Test
    void badSecretsAreNotQuoted() {
        DownlinkException token = assertThrows(DownlinkException.class, () -> Tokens.sign("ada", 1, "private"));
        assertFalse(stackTrace(token).contains("private"));
        DownlinkException notice = assertThrows(
                DownlinkException.class,
                () -> Notices.verify(name -> name.equals("webhook-timestamp")
                        ? Long.toString(System.currentTimeMillis() / 1000)
                        : "x", new byte[0], List.of("whsec_private!")));
        assertFalse(stackTrace(notice).contains("private"));
    }

    private static void assertHidden(String text, String token) {
        assertFalse(text.contains(token), text);
        assertFalse(text.contains(Server.API_KEY), text);
        assertFalse(text.contains("private"), text);
    }

    private static String stackTrace(Throwable failure) {
        StringWriter text = new StringWriter();
        failure.printStackTrace(new PrintWriter(text));
        return text.toString();
    }

    private static DownlinkClient client(String url) {
        return DownlinkClient.builder()
                .url(url)
                .apiKey(Server.API_KEY)
                .firstDelay(Duration.ofMillis(20))
                .build();
    }
}
