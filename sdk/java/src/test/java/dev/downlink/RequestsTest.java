package dev.downlink;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.downlink.internal.JsonObject;
import dev.downlink.internal.JsonReader;
import dev.downlink.testing.Recorder;
import dev.downlink.testing.Recorder.Request;
import dev.downlink.testing.Setting;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What each call puts on the wire, and what it makes of an answer. */
class RequestsTest {
    private static final String SENT = "{\"id\":\"k3f.7\",\"sockets\":2}";

    @Test
    void everyRequestBearsKeyAndAgent() {
        try (Recorder recorder = new Recorder().answering(201, SENT); DownlinkClient client = client(recorder)) {
            client.send("ada", "hello");
            Request request = recorder.only();
            assertEquals("Bearer the-key-for-tests", request.header("Authorization"));
            assertTrue(request.header("User-agent").startsWith("downlink-java/"));
            assertEquals("application/json", request.header("Accept"));
            assertEquals("none", request.header("Upgrade"), "it stays HTTP/1.1");
        }
    }

    @Test
    void createChannelNamesTheClientIdInItsBody() {
        String answer = "{\"client_id\":\"ada\",\"token\":\"eyJhbGciOiJIUzI1NiJ9.e30.c2ln\","
                + "\"expires_at\":\"2026-11-24T06:30:00.123456789Z\",\"cursor\":\"k3f.6\"}";
        try (Recorder recorder = new Recorder().answering(201, answer); DownlinkClient client = client(recorder)) {
            Channel channel = client.createChannel("ada");
            client.createChannel("é/..\"", 15);
            assertEquals("POST /v1/channels", line(recorder.requests().get(0)));
            assertEquals("{\"client_id\":\"ada\"}", recorder.requests().get(0).text());
            assertEquals(
                    "{\"client_id\":\"é/..\\\"\",\"duration_minutes\":15}", recorder.requests().get(1).text());
            assertEquals(Instant.parse("2026-11-24T06:30:00.123456789Z"), channel.expiresAt());
            assertEquals("k3f.6", channel.cursor());
        }
    }

    @ParameterizedTest
    @CsvSource({"ada,ada", ".,.", "..,..", "a/b?c#d&e=f+g %,a%2Fb%3Fc%23d%26e%3Df%2Bg%20%25", "é,%C3%A9", "%2F,%252F",
        "~*_-,%7E*_-"})
    void sendPutsAnyClientIdIntoTheQuery(String to, String encoded) {
        try (Recorder recorder = new Recorder().answering(201, SENT); DownlinkClient client = client(recorder)) {
            Sent sent = client.send(to, "hello");
            assertEquals("k3f.7", sent.id().orElseThrow());
            assertEquals(2, sent.sockets());
            assertEquals("POST /v1/messages?to=" + encoded, line(recorder.only()));
        }
    }

    @Test
    void aTokenStaysOutOfTheAddress() {
        String token = "eyJhbGciOiJIUzI1NiJ9.e30.c2ln";
        try (Recorder recorder = new Recorder().answering(200, results(1)); DownlinkClient client = client(recorder)) {
            assertEquals("k3f.7", client.send(token, "é").id().orElseThrow());
            client.send(token, new byte[] {1, 2}, SendOptions.none().withTtl(Duration.ZERO));
            for (Request request : recorder.requests()) {
                assertEquals("POST /v1/messages", line(request));
            }
            JsonObject text = onlyItem(recorder.requests().get(0));
            assertEquals(List.of(token, "é"), List.of(text.text("to"), text.text("data")));
            JsonObject bytes = onlyItem(recorder.requests().get(1));
            assertEquals("AQI=", bytes.text("base64"));
            assertEquals(0, bytes.number("ttl"));
        }
    }

    @Test
    void textAndBytesDifferInTheirType() {
        try (Recorder recorder = new Recorder().answering(201, SENT); DownlinkClient client = client(recorder)) {
            client.send("ada", "é");
            client.send("ada", new byte[] {-1});
            Request text = recorder.requests().get(0);
            Request bytes = recorder.requests().get(1);
            assertEquals("text/plain; charset=utf-8", text.header("Content-type"));
            assertArrayEquals("é".getBytes(StandardCharsets.UTF_8), text.body);
            assertEquals("application/octet-stream", bytes.header("Content-type"));
            assertArrayEquals(new byte[] {-1}, bytes.body);
            assertEquals("none", text.header("Downlink-ttl"));
            assertTrue(text.header("Idempotency-key").matches("[0-9a-f]{32}"));
            assertNotEquals(text.header("Idempotency-key"), bytes.header("Idempotency-key"));
        }
    }

    @Test
    void optionsAreHeaders() {
        try (Recorder recorder = new Recorder().answering(202, "{\"sockets\":3}");
                DownlinkClient client = client(recorder)) {
            SendOptions options =
                    SendOptions.none().withTtl(Duration.ofMinutes(1)).withIdempotencyKey("order 7");
            assertTrue(client.send("ada", "x", options).id().isEmpty());
            assertEquals("60", recorder.only().header("Downlink-ttl"));
            assertEquals("order 7", recorder.only().header("Idempotency-key"));
        }
    }

    @Test
    void aPrefixOfTheAddressIsKept() {
        try (Recorder recorder = new Recorder().answering(201, SENT);
                DownlinkClient client = DownlinkClient.builder()
                        .url(recorder.url() + "/downlink//")
                        .apiKey("the-key-for-tests")
                        .build()) {
            client.send("ada", "hello");
            assertEquals("POST /downlink/v1/messages?to=ada", line(recorder.only()));
        }
    }

    @Test
    void itemsTravelAsOneArrayEachWithItsKey() {
        String answer = "[{\"id\":\"k3f.8\",\"sockets\":1},"
                + "{\"id\":\"k3f.9\",\"stored\":1,\"sockets\":0,"
                + "\"failed\":[{\"to\":\"\",\"code\":\"invalid_client_id\"}]},"
                + "{\"code\":\"empty_message\",\"detail\":\"Send at least one byte.\"}]";
        try (Recorder recorder = new Recorder().answering(200, answer); DownlinkClient client = client(recorder)) {
            SendOptions options =
                    SendOptions.none().withTtl(Duration.ofSeconds(5)).withIdempotencyKey("mine");
            List<ItemResult> results = client.sendMany(List.of(
                    Item.of("ada", "hello").with(options),
                    Item.of(List.of("bob", ""), new byte[] {1, 2}),
                    Item.of("eve", "")));
            assertEquals("Sent(id=k3f.8, sockets=1)", results.get(0).toString());
            assertEquals(
                    "SentToMany(stored=1, sockets=0, failed=[FailedTarget(to=, code=invalid_client_id)])",
                    results.get(1).toString());
            assertEquals(
                    "ItemError(empty_message: Send at least one byte.)", results.get(2).toString());
            assertEquals("POST /v1/messages", line(recorder.only()));
            assertEquals("application/json", recorder.only().header("Content-type"));
            List<?> items = (List<?>) JsonReader.read(recorder.only().body);
            assertEquals(
                    Map.of("to", "ada", "data", "hello", "ttl", 5L, "idempotency_key", "mine"), items.get(0));
            JsonObject second = JsonObject.of(items.get(1));
            assertEquals(List.of("bob", ""), second.texts("to"));
            assertEquals("AQI=", second.text("base64"));
            assertNotEquals(
                    second.text("idempotency_key"), JsonObject.of(items.get(2)).text("idempotency_key"));
        }
    }

    @Test
    void itemsAreSplitByTheirNumber() {
        try (Recorder recorder = new Recorder().answering(200, results(10_000)).answering(200, results(5));
                DownlinkClient client = client(recorder)) {
            assertEquals(10_005, client.sendMany(Collections.nCopies(10_005, Item.of("ada", "x"))).size());
            assertEquals(List.of(10_000, 5), sizes(recorder));
        }
    }

    @Test
    void itemsAreSplitByTheirBytes() {
        try (Recorder recorder = new Recorder().answering(200, results(3)).answering(200, results(1));
                DownlinkClient client = client(recorder)) {
            client.sendMany(Collections.nCopies(4, Item.of("ada", "x".repeat(5_000_000))));
            assertEquals(List.of(3, 1), sizes(recorder));
            recorder.requests().forEach(request -> assertTrue(request.body.length <= 16 * 1024 * 1024));
        }
    }

    @Test
    void anItemThatCannotBeEncodedDoesNotStopTheOthers() {
        try (Recorder recorder = new Recorder().answering(200, results(1)); DownlinkClient client = client(recorder)) {
            List<ItemResult> results = client.sendMany(
                    List.of(Item.of("a", "\ud800"), Item.of("\ud800", "x"), Item.of("b", "x")));
            assertEquals("invalid_utf8", assertInstanceOf(ItemError.class, results.get(0)).code());
            assertEquals("invalid_client_id", assertInstanceOf(ItemError.class, results.get(1)).code());
            assertInstanceOf(Sent.class, results.get(2));
        }
    }

    @Test
    void aFailureAfterTheFirstPartIsToldPerItem() {
        try (Recorder recorder = new Recorder()
                        .answering(200, results(10_000))
                        .answering(500, "{\"code\":\"storage_failed\",\"detail\":\"Restart the server.\"}");
                DownlinkClient client = client(recorder)) {
            List<ItemResult> results = client.sendMany(Collections.nCopies(20_001, Item.of("ada", "x")));
            assertEquals(2, recorder.requests().size());
            assertInstanceOf(Sent.class, results.get(9_999));
            for (int place : new int[] {10_000, 20_000}) {
                assertEquals("ItemError(storage_failed: Restart the server.)", results.get(place).toString());
            }
        }
    }

    @Test
    void readsUseTheFormsThatCarryAnyClientId() {
        String answer = "{\"connected\":true,\"since\":\"2026-11-24T06:30:00+01:00\","
                + "\"sockets\":[{\"transport\":\"sse\"}],\"cursor\":\"k3f.9\",\"acked\":null,\"lag\":3,\"new\":1}";
        try (Recorder recorder = new Recorder().answering(200, answer); DownlinkClient client = client(recorder)) {
            ChannelState state = client.channel("a/..");
            assertEquals("GET /v1/channels?client_id=a%2F..", line(recorder.only()));
            assertEquals(Instant.parse("2026-11-24T05:30:00Z"), state.since().orElseThrow());
            assertTrue(state.connected());
            assertEquals(3, state.lag().orElseThrow());
            assertEquals("k3f.9", state.cursor().orElseThrow());
            assertTrue(state.acked().isEmpty());
            assertEquals("sse", state.sockets().get(0).get("transport"));
        }
    }

    @Test
    void aDeletionHasNeitherBodyNorAnswer() {
        try (Recorder recorder = new Recorder().answering(204, ""); DownlinkClient client = client(recorder)) {
            client.deleteChannel("..");
            assertEquals("DELETE /v1/channels?client_id=..", line(recorder.only()));
            assertEquals(0, recorder.only().body.length);
        }
    }

    @Test
    void messagesFollowThePages() {
        String first = "{\"messages\":[{\"id\":\"k3f.8\",\"base64\":\"AAEC\",\"time\":\"2026-11-24T06:30:00Z\"}],"
                + "\"cursor\":\"k3f.8\",\"gap\":{\"reason\":\"trimmed\",\"cursor\":\"k3f.7\"},\"next\":\"k3f.8\"}";
        String last = "{\"messages\":[],\"cursor\":\"k3f.9\",\"gap\":null,\"next\":null}";
        try (Recorder recorder = new Recorder().answering(200, first).answering(200, last);
                DownlinkClient client = client(recorder)) {
            List<MessagesPage> pages = new ArrayList<>();
            client.messages("..", "k3f.2").forEach(pages::add);
            assertEquals(
                    "GET /v1/channels/%2E%2E/messages?after=k3f.2", line(recorder.requests().get(0)));
            assertEquals(
                    "GET /v1/channels/%2E%2E/messages?after=k3f.8", line(recorder.requests().get(1)));
            assertEquals("Gap(reason=trimmed, cursor=k3f.7)", pages.get(0).gap().orElseThrow().toString());
            assertArrayEquals(new byte[] {0, 1, 2}, pages.get(0).messages().get(0).bytes());
            assertEquals("k3f.9", pages.get(1).cursor());
            assertEquals(2, pages.size());
        }
    }

    @Test
    void presenceFollowsThePages() {
        try (Recorder recorder = new Recorder()
                        .answering(200, "{\"client_ids\":[\"a b\",\"c&d\"],\"next\":\"c&d\"}")
                        .answering(200, "{\"client_ids\":[\"e\"],\"next\":null}");
                DownlinkClient client = client(recorder)) {
            List<String> clientIds = new ArrayList<>();
            client.presence().forEach(clientIds::add);
            assertEquals(List.of("a b", "c&d", "e"), clientIds);
            assertEquals("GET /v1/presence?limit=1000", line(recorder.requests().get(0)));
            assertEquals("GET /v1/presence?limit=1000&after=c%26d", line(recorder.requests().get(1)));
        }
    }

    @Test
    void theEnvironmentStandsIn() {
        try (Recorder recorder = new Recorder().answering(201, SENT);
                Setting url = new Setting("DOWNLINK_URL", recorder.url());
                Setting key = new Setting("DOWNLINK_API_KEY", "key-from-a-file\n");
                DownlinkClient client = DownlinkClient.create()) {
            client.send("ada", "hello");
            assertEquals("Bearer key-from-a-file", recorder.only().header("Authorization"));
        }
        try (Setting url = new Setting("DOWNLINK_URL", "");
                DownlinkClient client = DownlinkClient.builder().apiKey("key").build()) {
            assertEquals("DownlinkClient(url=http://127.0.0.1:7171)", client.toString());
        }
    }

    private static DownlinkClient client(Recorder recorder) {
        return DownlinkClient.builder().url(recorder.url()).apiKey("the-key-for-tests").build();
    }

    private static JsonObject onlyItem(Request request) {
        List<?> items = (List<?>) JsonReader.read(request.body);
        assertEquals(1, items.size());
        return JsonObject.of(items.get(0));
    }

    private static String line(Request request) {
        return request.method + " " + request.target;
    }

    private static String results(int count) {
        return Collections.nCopies(count, SENT).toString();
    }

    private static List<Integer> sizes(Recorder recorder) {
        List<Integer> sizes = new ArrayList<>();
        recorder.requests().forEach(request -> sizes.add(((List<?>) JsonReader.read(request.body)).size()));
        return sizes;
    }
}
