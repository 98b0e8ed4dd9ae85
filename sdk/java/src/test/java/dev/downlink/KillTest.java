package dev.downlink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.downlink.testing.Page;
import dev.downlink.testing.Relay;
import dev.downlink.testing.Relay.Fault;
import dev.downlink.testing.Server;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** {@code kill -9} of the server: what was answered is there afterwards, and nothing is there twice. */
class KillTest {
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private Server server;
    private DownlinkClient client;

    @BeforeEach
    void start() {
        server = Server.own().start();
        client = client(server.url());
    }

    @AfterEach
    void stop() {
        client.close();
        server.close();
    }

    @Test
    void everyAnsweredMessageIsKept() {
        Channel channel = client.createChannel("ada");
        List<String> ids = new ArrayList<>();
        List<String> texts = new ArrayList<>();
        for (int number = 0; number < 20; number++) {
            texts.add("message " + number);
            ids.add(client.send("ada", texts.get(number)).id().orElseThrow());
        }
        ItemResult batched = client.sendMany(List.of(Item.of("ada", "in a batch"))).get(0);
        texts.add("in a batch");
        ids.add(assertInstanceOf(Sent.class, batched).id().orElseThrow());

        server.kill();
        server.start();

        List<Message> kept = Kept.messages(client, "ada");
        assertEquals(ids, ids(kept));
        assertEquals(texts, Kept.texts(client, "ada"));
        // A token and a cursor of before the kill are good after it, and nothing is said to be missing.
        assertTrue(client.messages("ada", channel.cursor()).iterator().next().gap().isEmpty());
        try (Page page = new Page(server.url(), channel.token())) {
            assertEquals(texts, page.texts(texts.size()));
        }
    }

    @Test
    void aProgramThatSendsThroughAKillHasEveryMessageOnceAndInOrder() throws Exception {
        List<String> answered = new ArrayList<>();
        CountDownLatch warm = new CountDownLatch(20);
        AtomicBoolean back = new AtomicBoolean();
        ExecutorService pool = Executors.newSingleThreadExecutor();
        Future<?> sending = pool.submit(() -> {
            while (!back.get()) {
                int number = answered.size();
                answered.add(sendUntilAnswered(Integer.toString(number), "key " + number));
                warm.countDown();
            }
        });
        assertTrue(warm.await(PATIENCE.toSeconds(), TimeUnit.SECONDS));
        // In the middle of whatever the program is at just now.
        server.kill();
        server.start();
        back.set(true);
        sending.get();
        pool.shutdown();

        assertEquals(answered, ids(Kept.messages(client, "ada")));
        List<String> expected = new ArrayList<>();
        for (int number = 0; number < answered.size(); number++) {
            expected.add(Integer.toString(number));
        }
        assertEquals(expected, Kept.texts(client, "ada"));
    }

    @Test
    void aSendStoredButNotAnsweredBeforeTheKillIsStoredOnce() {
        try (Relay relay = new Relay(server.url(), Fault.ANSWER_LOST).beforeTheLoss(this::crash);
                DownlinkClient behind = client(relay.url())) {
            String id = behind.send("ada", "alone").id().orElseThrow();
            assertEquals(2, relay.connections(), "the first answer was lost, and the client tried again");
            assertEquals(List.of(id), ids(Kept.messages(client, "ada")));
        }
    }

    @Test
    void aBatchStoredButNotAnsweredBeforeTheKillIsStoredOnce() {
        try (Relay relay = new Relay(server.url(), Fault.ANSWER_LOST).beforeTheLoss(this::crash);
                DownlinkClient behind = client(relay.url())) {
            List<String> ids = new ArrayList<>();
            for (ItemResult result : behind.sendMany(List.of(Item.of("ada", "one of"), Item.of("ada", "two")))) {
                ids.add(assertInstanceOf(Sent.class, result).id().orElseThrow());
            }
            assertEquals(ids, ids(Kept.messages(client, "ada")));
        }
    }

    @Test
    void aProgramThatWasKilledTooSendsAgainWithItsOwnKey() {
        SendOptions order = SendOptions.none().withIdempotencyKey("order 7");
        Sent sent = client.send("ada", "paid", order);
        crash();
        try (DownlinkClient second = client(server.url())) {
            assertEquals(sent.id(), second.send("ada", "paid", order).id());
            assertThrows(
                    DownlinkException.IdempotencyConflict.class, () -> second.send("ada", "not paid", order));
            assertEquals(List.of("paid"), Kept.texts(second, "ada"));
        }
    }

    /** Outlives an outage of any length: each call is tried three times, and the calls too. */
    private String sendUntilAnswered(String text, String key) {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (true) {
            try {
                SendOptions options = SendOptions.none().withIdempotencyKey(key);
                return client.send("ada", text, options).id().orElseThrow();
            } catch (DownlinkException.Unavailable outage) {
                assertTrue(System.nanoTime() < deadline, "the server does not come back");
            }
        }
    }

    private void crash() {
        server.kill();
        server.start();
    }

    private static List<String> ids(List<Message> messages) {
        List<String> ids = new ArrayList<>();
        messages.forEach(message -> ids.add(message.id()));
        return ids;
    }

    private static DownlinkClient client(String url) {
        return DownlinkClient.builder().url(url).apiKey(Server.API_KEY).timeout(PATIENCE).build();
    }
}
