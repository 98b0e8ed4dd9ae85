package dev.downlink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.downlink.testing.Recorder;
import dev.downlink.testing.Setting;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Which error an answer becomes, and what it says. */
class ErrorsTest {
    @ParameterizedTest
    @CsvSource({
        "400,invalid_client_id,InvalidClientId",
        "400,invalid_duration,InvalidDuration",
        "400,empty_message,EmptyMessage",
        "413,message_too_large,MessageTooLarge",
        "400,invalid_utf8,InvalidUtf8",
        "400,invalid_cursor,InvalidCursor",
        "401,invalid_api_key,InvalidApiKey",
        "422,some_conflict,IdempotencyConflict",
        "503,outcome_unknown,Unavailable",
        "507,disk_full,Unavailable",
        "418,news_to_us,DownlinkException",
    })
    void aProblemBecomesAnErrorByItsCode(int status, String code, String kind) {
        String problem = String.format(
                Locale.ROOT, "{\"status\":%d,\"code\":\"%s\",\"detail\":\"Do this.\"}", status, code);
        DownlinkException error = failing(status, problem);
        assertEquals(kind, error.getClass().getSimpleName());
        assertEquals(code, error.code());
        assertEquals(status, error.status().orElseThrow());
        assertEquals("Do this.", error.detail());
        assertEquals(code + ": Do this.", error.getMessage());
    }

    @ParameterizedTest
    @CsvSource({
        "502,<html>Bad Gateway</html>,Unavailable",
        "401,'',InvalidApiKey",
        "404,[1],DownlinkException",
        "404,{\"code\":7},DownlinkException",
        "302,'',DownlinkException",
    })
    void anAnswerOfSomethingElseIsToldByItsStatus(int status, String body, String kind) {
        DownlinkException error = failing(status, body);
        assertEquals(kind, error.getClass().getSimpleName());
        assertEquals("http_" + status, error.code());
    }

    @ParameterizedTest
    @ValueSource(strings = {"null", "[]", "{}", "{\"id\":\"k3f.1\"}", "{\"id\":1,\"sockets\":0}", "<html>",
        "{\"id\":\"k3f.1\",\"sockets\":0}x", "{\"id\":\"k3f.1\",\"sockets\":1.5}", "{\"sockets\":-1}"})
    void aSuccessThatIsNotDownlinksIsAnError(String body) {
        DownlinkException error = failing(200, body);
        assertEquals("unexpected_answer", error.code());
        assertNull(error.getCause());
    }

    @ParameterizedTest
    @CsvSource({
        "message_too_large,MessageTooLarge",
        "empty_message,EmptyMessage",
        "idempotency_key_reused,IdempotencyConflict",
        "storage_failed,Unavailable",
        "news_to_us,DownlinkException",
    })
    void aRefusedSendToATokenHasItsOwnError(String code, String kind) {
        String answer = "[{\"code\":\"" + code + "\",\"detail\":\"Do this.\"}]";
        try (Recorder recorder = new Recorder().answering(200, answer);
                DownlinkClient client = client(recorder.url())) {
            DownlinkException error =
                    assertThrows(DownlinkException.class, () -> client.send("eyJh.e30.c2ln", "x"));
            assertEquals(kind, error.getClass().getSimpleName());
            assertEquals(code + ": Do this.", error.getMessage());
        }
    }

    @Test
    void tooFewResultsAreAnError() {
        try (Recorder recorder = new Recorder().answering(200, "[]"); DownlinkClient client = client(recorder.url())) {
            DownlinkException error =
                    assertThrows(DownlinkException.class, () -> client.sendMany(List.of(Item.of("ada", "x"))));
            assertEquals("unexpected_answer", error.code());
        }
    }

    @Test
    void errorsSurviveSerialization() throws Exception {
        DownlinkException error = DownlinkException.of("message_too_large", "Send less.", 413);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(error);
        }
        try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
            DownlinkException copy = (DownlinkException) in.readObject();
            assertSame(error.getClass(), copy.getClass());
            assertEquals("message_too_large", copy.code());
            assertEquals(413, copy.status().orElseThrow());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1:7171", "ftp://downlink.test", "http://", "http://downlink.test:port",
        "http://downlink.test/?a=b", "http://downlink.test/#a", "http://ada:secret-word@downlink.test", "http://a b/"})
    void anAddressThatCannotBeOneIsRefusedAtOnce(String url) {
        DownlinkException error = assertThrows(DownlinkException.class, () -> client(url));
        assertEquals("invalid_url", error.code());
        assertFalse(error.getMessage().contains("secret-word"));
    }

    @Test
    void aKeyThatIsNotThereIsToldAtOnce() {
        try (Setting key = new Setting("DOWNLINK_API_KEY", "  ")) {
            assertThrows(DownlinkException.InvalidApiKey.class, DownlinkClient::create);
        }
    }

    @Test
    void whatCannotBeSentIsRefusedWithoutARequest() {
        try (Recorder recorder = new Recorder(); DownlinkClient client = client(recorder.url())) {
            assertThrows(DownlinkException.InvalidClientId.class, () -> client.send("\ud800", "x"));
            assertThrows(DownlinkException.InvalidClientId.class, () -> client.createChannel("\ud800"));
            assertThrows(DownlinkException.InvalidClientId.class, () -> client.deleteChannel("\udc00"));
            assertThrows(DownlinkException.InvalidUtf8.class, () -> client.send("ada", "\ud800"));
            Duration odd = Duration.ofSeconds(90);
            assertThrows(DownlinkException.InvalidDuration.class, () -> client.createChannel("a", odd));
            SendOptions badKey = SendOptions.none().withIdempotencyKey("a\nb");
            DownlinkException key = assertThrows(DownlinkException.class, () -> client.send("ada", "x", badKey));
            assertEquals("invalid_idempotency_key", key.code());
            for (Duration ttl : List.of(Duration.ofMillis(500), Duration.ofSeconds(-1))) {
                DownlinkException bad =
                        assertThrows(DownlinkException.class, () -> SendOptions.none().withTtl(ttl));
                assertEquals("invalid_ttl", bad.code());
            }
            assertThrows(NullPointerException.class, () -> client.createChannel(null));
            assertThrows(NullPointerException.class, () -> Item.of("ada", (String) null));
            assertEquals(List.of(), recorder.requests());
        }
    }

    private static DownlinkException failing(int status, String body) {
        try (Recorder recorder = new Recorder().answering(status, body);
                DownlinkClient client = client(recorder.url())) {
            return assertThrows(DownlinkException.class, () -> client.send("ada", "hello"));
        }
    }

    private static DownlinkClient client(String url) {
        return DownlinkClient.builder()
                .url(url)
                .apiKey("the-key-for-tests")
                .firstDelay(Duration.ofMillis(5))
                .build();
    }
}
