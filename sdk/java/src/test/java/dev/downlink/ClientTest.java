package dev.downlink;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.downlink.testing.Page;
import dev.downlink.testing.Server;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The client against the real server. */
class ClientTest {
    private static final Server SERVER = Server.shared();
    private static final DownlinkClient CLIENT =
            DownlinkClient.builder().url(SERVER.url()).apiKey(Server.API_KEY).build();

    private final String clientId = Kept.newClientId();

    @AfterAll
    static void close() {
        CLIENT.close();
    }

    @Test
    void whatIsSentArrivesInOrder() {
        try (Page page = new Page(SERVER.url(), CLIENT.createChannel(clientId).token())) {
            CLIENT.send(clientId, "one");
            CLIENT.send(clientId, new byte[] {0, 1, -1});
            CLIENT.send(clientId, "{\"three\": \"\u2028 <é 🐎>\n\"}");
            assertEquals("one", page.message());
            assertArrayEquals(new byte[] {0, 1, -1}, (byte[]) page.message());
            assertEquals("{\"three\": \"\u2028 <é 🐎>\n\"}", page.message());
        }
    }

    @Test
    void aChannelIsGoodForAsLongAsAsked() {
        Channel twoHours = CLIENT.createChannel(clientId);
        Channel aMinute = CLIENT.createChannel(clientId, 1);
        Channel anHour = CLIENT.createChannel(clientId, Duration.ofHours(1));
        assertEquals(clientId, twoHours.clientId());
        assertNotEquals(twoHours.token(), aMinute.token());
        assertExpiresIn(Duration.ofHours(2), twoHours);
        assertExpiresIn(Duration.ofMinutes(1), aMinute);
        assertExpiresIn(Duration.ofHours(1), anHour);
    }

    @Test
    void whatIsSentAfterTheChannelWasCreatedIsNotMissed() {
        CLIENT.send(clientId, "before");
        Channel channel = CLIENT.createChannel(clientId);
        CLIENT.send(clientId, "after");
        try (Page page = new Page(SERVER.url(), channel.token())) {
            assertEquals("after", page.message());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {".", "..", "a/b", "/", "a-b@c~d:e", "100%", "%2F", "a&b=c", "a+b", " a b ", "CAPITALS",
        "?#", "žluťoučký 🐎", "\u0001", "a*b"})
    void everyClientIdWorksEverywhere(String awkward) {
        Channel channel = CLIENT.createChannel(awkward);
        assertEquals(awkward, channel.clientId());
        try (Page page = new Page(SERVER.url(), channel.token())) {
            assertEquals(1, CLIENT.send(awkward, "direct").sockets());
            assertInstanceOf(Sent.class, CLIENT.sendMany(List.of(Item.of(awkward, "in a batch"))).get(0));
            assertEquals(List.of("direct", "in a batch"), page.texts(2));
            assertTrue(CLIENT.channel(awkward).connected());
            assertTrue(present().contains(awkward));
        }
        List<String> kept = Kept.texts(CLIENT, awkward);
        assertEquals(List.of("direct", "in a batch"), kept.subList(kept.size() - 2, kept.size()));
    }

    @Test
    void aTokenIsATarget() {
        Channel channel = CLIENT.createChannel(clientId);
        try (Page page = new Page(SERVER.url(), channel.token())) {
            CLIENT.send(channel.token(), "by token");
            CLIENT.sendMany(List.of(Item.of(channel.token(), "in a batch")));
            assertEquals(List.of("by token", "in a batch"), page.texts(2));
        }
    }

    @Test
    void sendingToNobodySucceeds() {
        Sent sent = CLIENT.send(clientId, "is anybody there");
        assertEquals(0, sent.sockets());
        assertTrue(sent.id().isPresent());
    }

    @Test
    void oneBadItemDoesNotStopTheOthers() {
        List<ItemResult> results = CLIENT.sendMany(List.of(
                Item.of(clientId, "one"),
                Item.of(clientId, ""),
                Item.of(List.of(clientId, clientId + "-2"), "for both"),
                Item.of(clientId, new byte[] {3})));
        assertInstanceOf(Sent.class, results.get(0));
        assertEquals("empty_message", assertInstanceOf(ItemError.class, results.get(1)).code());
        SentToMany both = assertInstanceOf(SentToMany.class, results.get(2));
        assertEquals(2, both.stored());
        assertEquals(List.of(), both.failed());
        assertInstanceOf(Sent.class, results.get(3));
        List<Message> kept = Kept.messages(CLIENT, clientId);
        assertEquals(List.of("one", "for both"), List.of(kept.get(0).text(), kept.get(1).text()));
        assertFalse(kept.get(2).isText());
        assertArrayEquals(new byte[] {3}, kept.get(2).bytes());
        assertEquals(List.of("for both"), Kept.texts(CLIENT, clientId + "-2"));
    }

    @Test
    void moreItemsThanOneCallTakes() {
        List<Item> items = new ArrayList<>();
        List<String> expected = new ArrayList<>();
        for (int number = 0; number < 10_050; number++) {
            items.add(Item.of(clientId + "-" + number % 50, Integer.toString(number)));
            if (number % 50 == 7) {
                expected.add(Integer.toString(number));
            }
        }
        List<ItemResult> results = CLIENT.sendMany(items);
        assertEquals(items.size(), results.size());
        results.forEach(result -> assertInstanceOf(Sent.class, result));
        assertEquals(expected, Kept.texts(CLIENT, clientId + "-7"));
    }

    @Test
    void keptMessagesHavePlacesAndTimes() {
        List<String> ids = new ArrayList<>();
        for (int number = 0; number < 3; number++) {
            ids.add(CLIENT.send(clientId, "message " + number).id().orElseThrow());
        }
        for (Message message : Kept.messages(CLIENT, clientId)) {
            assertTrue(ids.contains(message.id()));
            assertTrue(Duration.between(message.time(), Instant.now()).abs().toSeconds() < 30);
        }
        MessagesPage page = CLIENT.messages(clientId, ids.get(1)).iterator().next();
        assertEquals(ids.get(2), page.messages().get(0).id());
        assertTrue(page.gap().isEmpty() && page.next().isEmpty());
        assertEquals(List.of(), CLIENT.messages(clientId, page.cursor()).iterator().next().messages());
    }

    @Test
    void aCursorOfAnotherLifeOfTheLogIsAGap() {
        CLIENT.send(clientId, "kept");
        MessagesPage page = CLIENT.messages(clientId, "zzz.1").iterator().next();
        assertEquals("epoch", page.gap().orElseThrow().reason());
        assertEquals("kept", page.messages().get(0).text());
    }

    @Test
    void presenceFollowsSockets() {
        assertFalse(present().contains(clientId));
        assertFalse(CLIENT.channel(clientId).connected());
        String token = CLIENT.createChannel(clientId).token();
        try (Page one = new Page(SERVER.url(), token); Page two = new Page(SERVER.url(), token)) {
            ChannelState state = CLIENT.channel(clientId);
            assertTrue(state.connected());
            assertEquals(2, state.sockets().size());
            assertEquals(0, state.lag().orElseThrow());
            assertEquals(1, present().stream().filter(clientId::equals).count());
        }
    }

    @Test
    void aMessageForNowOnlyIsNotStored() {
        try (Page page = new Page(SERVER.url(), CLIENT.createChannel(clientId).token())) {
            Sent sent = CLIENT.send(clientId, "now or never", SendOptions.none().withTtl(Duration.ZERO));
            assertTrue(sent.id().isEmpty());
            assertEquals("now or never", page.message());
        }
        assertEquals(List.of(), Kept.messages(CLIENT, clientId));
    }

    @Test
    void anIdempotencyKeyStoresOnce() {
        SendOptions order = SendOptions.none().withIdempotencyKey("order 7");
        Sent first = CLIENT.send(clientId, "paid", order);
        assertEquals(first.id(), CLIENT.send(clientId, "paid", order).id());
        DownlinkException conflict = assertThrows(
                DownlinkException.IdempotencyConflict.class, () -> CLIENT.send(clientId, "not paid", order));
        assertEquals(422, conflict.status().orElseThrow());
        assertEquals(List.of("paid"), Kept.texts(CLIENT, clientId));
    }

    @Test
    void aDeletedChannelBeginsAnew() {
        Channel before = CLIENT.createChannel(clientId);
        CLIENT.send(clientId, "old");
        try (Page page = new Page(SERVER.url(), before.token())) {
            assertEquals("old", page.message());
            CLIENT.deleteChannel(clientId);
            assertEquals(4410, page.closeCode());
        }
        assertThrows(Page.NotOpened.class, () -> new Page(SERVER.url(), before.token()));
        assertEquals(List.of(), Kept.messages(CLIENT, clientId));
        Channel after = CLIENT.createChannel(clientId);
        CLIENT.send(clientId, "new");
        try (Page page = new Page(SERVER.url(), after.token())) {
            assertEquals("new", page.message());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {".", "..", "a/b", "100%", "é 🐎"})
    void anyChannelCanBeDeletedThatOrNotThereIsOne(String awkward) {
        CLIENT.send(awkward, "old");
        CLIENT.deleteChannel(awkward);
        CLIENT.deleteChannel(awkward);
        assertEquals(List.of(), Kept.messages(CLIENT, awkward));
    }

    @Test
    void threadsShareOneClient() throws Exception {
        int threads = 8;
        int each = 25;
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        CountDownLatch together = new CountDownLatch(threads);
        List<Future<?>> running = new ArrayList<>();
        for (int thread = 0; thread < threads; thread++) {
            String own = clientId + "-" + thread;
            running.add(pool.submit(() -> {
                together.countDown();
                together.await();
                for (int number = 0; number < each; number++) {
                    CLIENT.send(own, own + " " + number);
                    CLIENT.createChannel(own);
                }
                return null;
            }));
        }
        for (Future<?> one : running) {
            one.get();
        }
        pool.shutdown();
        for (int thread = 0; thread < threads; thread++) {
            String own = clientId + "-" + thread;
            List<String> expected = new ArrayList<>();
            for (int number = 0; number < each; number++) {
                expected.add(own + " " + number);
            }
            assertEquals(expected, Kept.texts(CLIENT, own));
        }
    }

    @Test
    void aClosedClientCannotBeUsed() {
        DownlinkClient client;
        try (DownlinkClient opened = DownlinkClient.builder().url(SERVER.url()).apiKey(Server.API_KEY).build()) {
            opened.createChannel(clientId);
            client = opened;
        }
        assertThrows(IllegalStateException.class, () -> client.createChannel(clientId));
        assertThrows(IllegalStateException.class, () -> client.sendMany(List.of(Item.of(clientId, "x"))));
        client.close();
    }

    private static List<String> present() {
        List<String> clientIds = new ArrayList<>();
        CLIENT.presence().forEach(clientIds::add);
        return clientIds;
    }

    private static void assertExpiresIn(Duration expected, Channel channel) {
        Duration actual = Duration.between(Instant.now(), channel.expiresAt());
        assertTrue(actual.minus(expected).abs().toSeconds() < 30, () -> "it expires in " + actual);
    }
}
