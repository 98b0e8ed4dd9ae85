package dev.downlink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.downlink.testing.Setting;
import dev.downlink.testing.SignedNotice;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the conformance cases do not say of the verifier: how headers and secrets are found. */
class NoticesTest {
    private static final String SECRET = SignedNotice.SECRET;
    private static final String OTHER_SECRET = "whsec_dGhlLW5ldy1wcmVzZW5jZS1zZWNyZXQtb2YtMzItYnk=";

    private final SignedNotice signed = SignedNotice.json("ada", true, 7);

    @Test
    void headersAreFoundWhateverTheirCase() {
        Map<String, List<String>> headers = new HashMap<>();
        signed.headers().forEach((name, value) -> headers.put(name.toUpperCase(Locale.ROOT), List.of(value)));
        // As HttpURLConnection names its status line.
        headers.put(null, List.of("HTTP/1.1 200 OK"));
        assertEquals("ada", Notices.verify(headers, signed.body(), List.of(SECRET)).clientId());
    }

    @Test
    void theEnvironmentHoldsTheSecret() {
        try (Setting secret = new Setting("DOWNLINK_PRESENCE_SECRET", " " + SECRET + "\n")) {
            assertTrue(Notices.hasSecret());
            assertEquals(7, Notices.verify(signed.headers()::get, signed.body()).generation());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {SECRET + "," + OTHER_SECRET, OTHER_SECRET + ", " + SECRET})
    void theEnvironmentHoldsTwoSecretsWhileTheyRotate(String both) {
        try (Setting secrets = new Setting("DOWNLINK_PRESENCE_SECRET", both)) {
            assertTrue(Notices.verify(signed.headers()::get, signed.body()).connected());
        }
    }

    @Test
    void withoutASecretNothingIsBelieved() {
        try (Setting secret = new Setting("DOWNLINK_PRESENCE_SECRET", "")) {
            assertFalse(Notices.hasSecret());
            DownlinkException error = assertThrows(
                    DownlinkException.class, () -> Notices.verify(signed.headers()::get, signed.body()));
            assertEquals("invalid_secret", error.code());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"whsec_", "whsec_!", "secret", "whsec_c2hvcnQ=",
        "YW4tb2xkLXByZXNlbmNlLXNlY3JldC1vZi0zMi1ieXQ="})
    void aSecretThatCannotBeOneIsTold(String secret) {
        DownlinkException error = assertThrows(
                DownlinkException.class,
                () -> Notices.verify(signed.headers()::get, signed.body(), List.of(SECRET, secret)));
        assertEquals("invalid_secret", error.code());
    }

    @ParameterizedTest
    @ValueSource(strings = {"{\"type\":\"channel.connected\",\"data\":{\"client_id\":\"\",\"generation\":1}}",
        "{\"type\":\"channel.connected\",\"data\":{\"client_id\":\"a\",\"generation\":-1}}",
        "{\"type\":\"channel.connected\",\"data\":{\"client_id\":\"a\",\"generation\":9007199254740992}}",
        "{\"type\":\"channel.connected\",\"data\":{\"client_id\":\"a\",\"generation\":1.0}}",
        "{\"type\":\"channel.connected\",\"data\":{\"client_id\":7,\"generation\":1}}",
        "{\"type\":\"channel.connected\"}", "{"})
    void whatIsSignedAndNoNoticeIsUnreadable(String body) {
        SignedNotice odd = SignedNotice.ofBody(body);
        DownlinkException refusal = assertThrows(
                DownlinkException.InvalidNotice.class,
                () -> Notices.verify(odd.headers()::get, odd.body(), List.of(SECRET)));
        assertEquals("unreadable", refusal.code());
    }

    @Test
    void aReplayOfLongAgoIsRefused_item_54() {
        SignedNotice old = SignedNotice.json("ada", true, 7).signedAt(System.currentTimeMillis() / 1000 - 400);
        DownlinkException refusal = assertThrows(
                DownlinkException.InvalidNotice.class,
                () -> Notices.verify(old.headers()::get, old.body(), List.of(SECRET)));
        assertEquals("bad_timestamp", refusal.code());
    }
}
