package dev.downlink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.downlink.testing.Page;
import dev.downlink.testing.Server;
import dev.downlink.testing.Setting;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tokens that were signed without a call, at the real server. */
class TokensTest {
    private static final Server SERVER = Server.shared();

    private final String clientId = Kept.newClientId();

    @Test
    void aTokenSignedOfflineOpensTheChannel() {
        try (Setting key = new Setting("DOWNLINK_TOKEN_KEY", Server.TOKEN_KEY);
                DownlinkClient client = client();
                Page page = new Page(SERVER.url(), Tokens.sign(clientId))) {
            client.send(clientId, "hello");
            assertEquals("hello", page.message());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"a/b", "<b>&amp;</b>", "ünïcödé 😀", "\"\\\t", "\u0001\u007f\u2028"})
    void anyClientIdCanBeSigned(String awkward) {
        try (DownlinkClient client = client();
                Page page = new Page(SERVER.url(), Tokens.sign(awkward, 1440, Server.TOKEN_KEY))) {
            assertEquals(1, client.send(awkward, "hello").sockets());
            assertEquals("hello", page.message());
        }
    }

    @Test
    void aTokenOfAnotherKeyOrAlteredIsRefused_item_16() {
        String forged = Tokens.sign(clientId, 1, Server.TOKEN_KEY + "x");
        assertEquals(401, assertThrows(Page.NotOpened.class, () -> new Page(SERVER.url(), forged)).status());
        String good = Tokens.sign(clientId, 1, Server.TOKEN_KEY);
        int middle = good.indexOf('.') + 9;
        String altered = good.substring(0, middle) + (good.charAt(middle) == 'A' ? 'B' : 'A')
                + good.substring(middle + 1);
        assertEquals(401, assertThrows(Page.NotOpened.class, () -> new Page(SERVER.url(), altered)).status());
    }

    @Test
    void everyTokenIsAnother_item_15() {
        String one = Tokens.sign(clientId, 1, Server.TOKEN_KEY);
        assertNotEquals(one, Tokens.sign(clientId, 1, Server.TOKEN_KEY));
        assertTrue(one.matches("[A-Za-z0-9._-]+"));
    }

    @Test
    void aKeyThatIsNotThereIsTold() {
        try (Setting key = new Setting("DOWNLINK_TOKEN_KEY", "")) {
            DownlinkException error = assertThrows(DownlinkException.class, () -> Tokens.sign(clientId));
            assertEquals("invalid_key", error.code());
        }
    }

    private static DownlinkClient client() {
        return DownlinkClient.builder().url(SERVER.url()).apiKey(Server.API_KEY).build();
    }
}
