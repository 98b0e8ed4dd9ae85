package dev.downlink;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.downlink.internal.HmacSha256;
import dev.downlink.internal.JsonObject;
import dev.downlink.internal.JsonReader;
import dev.downlink.testing.Conformance;
import dev.downlink.testing.Page;
import dev.downlink.testing.Server;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** The conformance cases that are the SDKs' to run. */
class ConformanceTest {
    private static final Server SERVER = Server.shared();
    private static final DownlinkClient CLIENT = client(Server.API_KEY);

    @TestFactory
    Stream<DynamicTest> aMistakeHasItsCode() {
        // One that only raw HTTP can make has no `call`.
        return tests("errors", one -> one.has("call"), ConformanceTest::mistake);
    }

    @TestFactory
    Stream<DynamicTest> whatIsSentArrivesUnchanged() {
        return tests("sends", one -> true, ConformanceTest::send);
    }

    @TestFactory
    Stream<DynamicTest> aNoticeIsToldFromAForgedOne_item_54() {
        return tests("notices", one -> true, ConformanceTest::notice);
    }

    @TestFactory
    Stream<DynamicTest> aTokenIsSignedOffline() {
        return tests("tokens", one -> true, ConformanceTest::token);
    }

    private static Stream<DynamicTest> tests(
            String file, Predicate<JsonObject> isOurs, Consumer<JsonObject> run) {
        List<JsonObject> cases = new ArrayList<>(Conformance.cases(file));
        cases.removeIf(isOurs.negate());
        assertFalse(cases.isEmpty());
        return cases.stream().map(one -> DynamicTest.dynamicTest(one.text("name"), () -> run.accept(one)));
    }

    private static void mistake(JsonObject one) {
        boolean goodKey = one.object("request").text("key").equals("good");
        try (DownlinkClient client = client(goodKey ? Server.API_KEY : "not-the-key")) {
            Map.Entry<?, ?> call = one.object("call").members().entrySet().iterator().next();
            DownlinkException refusal = assertThrows(
                    DownlinkException.class,
                    () -> make((String) call.getKey(), JsonObject.of(call.getValue()), client));
            assertEquals(one.text("code"), refusal.code());
            assertFalse(refusal.detail().isEmpty());
            // A duration that is no whole number does not get as far as the server.
            refusal.status().ifPresent(status -> assertEquals(one.number("status"), status));
        }
    }

    /** Makes one call to its end, as a case words it. */
    private static void make(String call, JsonObject given, DownlinkClient client) {
        switch (call) {
            case "create_channel":
                if (!given.has("duration_minutes")) {
                    client.createChannel(given.text("client_id"));
                } else {
                    double minutes = ((Number) given.members().get("duration_minutes")).doubleValue();
                    client.createChannel(given.text("client_id"), Duration.ofSeconds((long) (minutes * 60)));
                }
                return;
            case "send":
                sendData(client, given.text("to"), Conformance.data(given));
                return;
            case "messages":
                client.messages(given.text("client_id"), given.text("after")).forEach(page -> {});
                return;
            case "presence":
                client.presence().forEach(clientId -> {});
                return;
            default:
                throw new AssertionError("the cases know a call that this test does not: " + call);
        }
    }

    private static void send(JsonObject one) {
        String to = one.text("to");
        Object data = Conformance.data(one);
        Channel channel = CLIENT.createChannel(to);
        assertEquals(to, channel.clientId());
        List<String> ids = new ArrayList<>();
        try (Page page = new Page(SERVER.url(), channel.token())) {
            ids.add(sendData(CLIENT, to, data).id().orElseThrow());
            Item item = data instanceof String ? Item.of(to, (String) data) : Item.of(to, (byte[]) data);
            Sent batched = assertInstanceOf(Sent.class, CLIENT.sendMany(List.of(item)).get(0));
            ids.add(batched.id().orElseThrow());
            assertSame(data, page.message());
            assertSame(data, page.message());
        }
        List<Message> kept = CLIENT.messages(to, channel.cursor()).iterator().next().messages();
        assertEquals(ids, List.of(kept.get(0).id(), kept.get(1).id()));
        kept.forEach(message -> assertSame(data, message.isText() ? message.text() : message.bytes()));
    }

    private static void notice(JsonObject one) {
        JsonObject headers = one.object("headers");
        byte[] body = one.text("body").getBytes(StandardCharsets.UTF_8);
        Instant now = Instant.ofEpochSecond(one.number("now"));
        if (one.has("refused")) {
            DownlinkException refusal = assertThrows(
                    DownlinkException.InvalidNotice.class,
                    () -> Notices.verify(name -> header(headers, name), body, one.texts("secrets"), now));
            assertEquals(one.text("refused"), refusal.code());
            return;
        }
        Notice notice = Notices.verify(name -> header(headers, name), body, one.texts("secrets"), now);
        JsonObject expected = one.object("notice");
        assertEquals(expected.text("id"), notice.id());
        assertEquals(expected.number("time"), notice.time().getEpochSecond());
        assertEquals(expected.text("client_id"), notice.clientId());
        assertEquals(expected.flag("connected"), notice.connected());
        assertEquals(expected.number("generation"), notice.generation());
    }

    private static void token(JsonObject one) {
        int minutes = one.has("duration_minutes")
                ? (int) one.number("duration_minutes")
                : Tokens.DEFAULT_DURATION_MINUTES;
        String keyId = one.optionalText("key_id").orElse(null);
        Instant now = Instant.ofEpochSecond(one.number("now"));
        String key = one.text("key");
        if (one.has("refused")) {
            DownlinkException refusal = assertThrows(
                    DownlinkException.class,
                    () -> Tokens.sign(one.text("client_id"), minutes, key, keyId, now, "any"));
            assertEquals(one.text("refused"), refusal.code());
            return;
        }
        String token = Tokens.sign(one.text("client_id"), minutes, key, keyId, now, one.text("jti"));
        String[] parts = token.split("\\.");
        assertEquals(3, parts.length);
        assertEquals(one.object("header").members(), decoded(parts[0]));
        assertEquals(one.object("claims").members(), decoded(parts[1]));
        byte[] signature = HmacSha256.of(
                key.getBytes(StandardCharsets.UTF_8), (parts[0] + "." + parts[1]).getBytes(StandardCharsets.UTF_8));
        assertArrayEquals(signature, Base64.getUrlDecoder().decode(parts[2]));
    }

    private static String header(JsonObject headers, String name) {
        return headers.optionalText(name).orElse(null);
    }

    private static Object decoded(String part) {
        return JsonReader.read(Base64.getUrlDecoder().decode(part));
    }

    private static Sent sendData(DownlinkClient client, String to, Object data) {
        return data instanceof String ? client.send(to, (String) data) : client.send(to, (byte[]) data);
    }

    private static void assertSame(Object expected, Object actual) {
        if (expected instanceof byte[]) {
            assertArrayEquals((byte[]) expected, assertInstanceOf(byte[].class, actual));
        } else {
            assertEquals(expected, actual);
        }
    }

    private static DownlinkClient client(String key) {
        return DownlinkClient.builder().url(SERVER.url()).apiKey(key).build();
    }
}
