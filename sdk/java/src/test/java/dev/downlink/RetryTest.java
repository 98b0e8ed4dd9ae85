package dev.downlink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.downlink.testing.Relay;
import dev.downlink.testing.Relay.Fault;
import dev.downlink.testing.Server;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What the client does when the network or the server fails: nothing lost, nothing twice. */
class RetryTest {
    private static final Server SERVER = Server.shared();
    private static final SendOptions NOW_ONLY = SendOptions.none().withTtl(Duration.ZERO);

    private final String clientId = Kept.newClientId();

    @ParameterizedTest
    @EnumSource(names = {"CUT", "ANSWER_LOST", "BAD_GATEWAY", "UNAVAILABLE"})
    void aSendThatFailsTwiceIsStoredOnce(Fault fault) {
        try (Relay relay = new Relay(SERVER.url(), fault, fault); DownlinkClient client = client(relay.url())) {
            assertTrue(client.send(clientId, "once").id().isPresent());
            assertEquals(3, relay.connections());
        }
        assertEquals(List.of("once"), kept());
    }

    @Test
    void aBatchWhoseAnswerWasLostIsStoredOnce() {
        try (Relay relay = new Relay(SERVER.url(), Fault.ANSWER_LOST); DownlinkClient client = client(relay.url())) {
            List<ItemResult> results =
                    client.sendMany(List.of(Item.of(clientId, "0"), Item.of(clientId, "1"), Item.of(clientId, "2")));
            results.forEach(result -> assertInstanceOf(Sent.class, result));
        }
        assertEquals(List.of("0", "1", "2"), kept());
    }

    @ParameterizedTest
    @EnumSource(names = {"CUT", "ANSWER_LOST", "BAD_GATEWAY", "UNAVAILABLE"})
    void channelsAndReadsAreTriedAgainToo(Fault fault) {
        try (Relay relay = new Relay(SERVER.url(), fault); DownlinkClient client = client(relay.url())) {
            assertFalse(client.createChannel(clientId).token().isEmpty());
        }
        try (Relay relay = new Relay(SERVER.url(), fault); DownlinkClient client = client(relay.url())) {
            assertFalse(client.channel(clientId).connected());
        }
        try (Relay relay = new Relay(SERVER.url(), fault); DownlinkClient client = client(relay.url())) {
            client.presence().forEach(present -> {});
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"CUT", "ANSWER_LOST", "UNAVAILABLE"})
    void aDeletionIsTriedAgain(Fault fault) {
        try (DownlinkClient direct = client(SERVER.url())) {
            direct.send(clientId, "old");
        }
        try (Relay relay = new Relay(SERVER.url(), fault); DownlinkClient client = client(relay.url())) {
            client.deleteChannel(clientId);
        }
        assertEquals(List.of(), kept());
    }

    @Test
    void afterThreeTriesTheFailureIsTold() {
        try (Relay relay = new Relay(SERVER.url(), Fault.CUT, Fault.CUT, Fault.CUT);
                DownlinkClient client = client(relay.url())) {
            DownlinkException failure =
                    assertThrows(DownlinkException.Unavailable.class, () -> client.send(clientId, "lost"));
            assertEquals("connection_failed", failure.code());
            assertTrue(failure.status().isEmpty());
            assertEquals(3, relay.connections());
        }
        try (Relay relay = new Relay(SERVER.url(), Fault.UNAVAILABLE, Fault.UNAVAILABLE, Fault.UNAVAILABLE);
                DownlinkClient client = client(relay.url())) {
            DownlinkException failure =
                    assertThrows(DownlinkException.Unavailable.class, () -> client.send(clientId, "lost"));
            assertEquals(503, failure.status().orElseThrow());
        }
        assertEquals(List.of(), kept());
    }

    @ParameterizedTest
    @EnumSource(names = {"CUT", "ANSWER_LOST", "BAD_GATEWAY", "UNAVAILABLE"})
    void whatIsNotStoredIsNotSentAgainOnceItMayHaveArrived(Fault fault) {
        try (Relay relay = new Relay(SERVER.url(), fault, fault); DownlinkClient client = client(relay.url())) {
            assertThrows(DownlinkException.Unavailable.class, () -> client.send(clientId, "now", NOW_ONLY));
            assertThrows(
                    DownlinkException.Unavailable.class,
                    () -> client.sendMany(List.of(Item.of(clientId, "now").with(NOW_ONLY))));
            assertEquals(2, relay.connections());
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"SILENT", "HALF_AN_ANSWER"})
    @Timeout(20)
    void aServerThatNeverAnswersIsGivenUp(Fault fault) {
        try (Relay relay = new Relay(SERVER.url(), fault, fault, fault);
                DownlinkClient client = DownlinkClient.builder()
                        .url(relay.url())
                        .apiKey(Server.API_KEY)
                        .timeout(Duration.ofMillis(300))
                        .firstDelay(Duration.ofMillis(20))
                        .build()) {
            DownlinkException failure =
                    assertThrows(DownlinkException.Unavailable.class, () -> client.createChannel(clientId));
            assertTrue(failure.detail().contains("HttpTimeoutException"), failure.detail());
            assertEquals(3, relay.connections());
        }
    }

    @Test
    @Timeout(20)
    void anInterruptedThreadDoesNotWait() throws Exception {
        try (Relay relay = new Relay(SERVER.url(), Fault.SILENT); DownlinkClient client = client(relay.url())) {
            Thread.currentThread().interrupt();
            DownlinkException failure =
                    assertThrows(DownlinkException.Unavailable.class, () -> client.createChannel(clientId));
            assertEquals("interrupted", failure.code());
            assertTrue(Thread.interrupted(), "whoever runs the thread learns of it");
        }
    }

    @Test
    void nobodyListeningIsTold() {
        try (DownlinkClient client = client("http://127.0.0.1:9")) {
            DownlinkException failure =
                    assertThrows(DownlinkException.Unavailable.class, () -> client.send(clientId, "x", NOW_ONLY));
            assertEquals("connection_failed", failure.code());
        }
    }

    private List<String> kept() {
        try (DownlinkClient direct = client(SERVER.url())) {
            return Kept.texts(direct, clientId);
        }
    }

    private static DownlinkClient client(String url) {
        return DownlinkClient.builder()
                .url(url)
                .apiKey(Server.API_KEY)
                .firstDelay(Duration.ofMillis(20))
                .build();
    }
}
