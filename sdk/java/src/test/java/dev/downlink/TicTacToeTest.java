package dev.downlink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.downlink.internal.JsonObject;
import dev.downlink.testing.GameServer;
import dev.downlink.testing.SignedNotice;
import dev.downlink.testing.Visitor;
import java.net.http.HttpResponse;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The two-window game behind {@code downlink dev --app}: its server, as pages and Downlink see it. */
class TicTacToeTest {
    private static final String CONNECTED = "/_ah/channel/connected/";
    private static final String DISCONNECTED = "/_ah/channel/disconnected/";
    private static GameServer game;

    private final String gameId = UUID.randomUUID().toString().replace("-", "");
    private Visitor x;
    private Visitor o;

    @BeforeAll
    static void start() throws Exception {
        game = new GameServer();
    }

    @AfterAll
    static void stop() {
        game.close();
    }

    @BeforeEach
    void sitDown() throws Exception {
        x = new Visitor(game.url(), gameId).open();
        o = new Visitor(game.url(), gameId).open();
        x.hearsHere(true, true);
        o.hearsHere(true, true);
    }

    @AfterEach
    void leave() {
        x.close();
        o.close();
    }

    @Test
    void theWayToANewGame() throws Exception {
        HttpResponse<String> first = x.get("/");
        assertEquals(303, first.statusCode());
        String location = first.headers().firstValue("Location").orElseThrow();
        assertTrue(location.matches("/\\?g=[a-z]+"), location);
        assertNotEquals(location, x.get("/").headers().firstValue("Location").orElseThrow());
        String cookie = first.headers().firstValue("Set-Cookie").orElseThrow();
        assertTrue(cookie.matches("user=[a-z]{20}; Path=/; HttpOnly; SameSite=Lax"), cookie);
        HttpResponse<String> page = x.get(location);
        assertEquals("text/html; charset=utf-8", page.headers().firstValue("Content-Type").orElseThrow());
        assertEquals("no-store", page.headers().firstValue("Cache-Control").orElseThrow());
        assertEquals(cookie, page.headers().firstValue("Set-Cookie").orElseThrow(), "the visitor stays the same");
    }

    @Test
    void theFirstPlaysXTheSecondOAndOthersWatch() throws Exception {
        assertEquals("X", x.said("mark"));
        assertEquals("O", o.said("mark"));
        assertEquals(gameId, o.said("game"));
        assertTrue(x.get("/?g=" + gameId).body().contains("const mark = \"X\";"), "a reload takes no second seat");
        try (Visitor third = new Visitor(game.url(), gameId)) {
            assertEquals("", third.said("mark"));
            assertEquals("", third.said("token"));
            assertEquals(403, third.move(0));
        }
    }

    @Test
    void aGameGoesOverBothChannelsToItsEnd() throws Exception {
        String[] boards = {"X--------", "X--O-----", "XX-O-----", "XX-OO----", "XXXOO----"};
        int[] cells = {0, 3, 1, 4, 2};
        for (int number = 0; number < cells.length; number++) {
            assertEquals(204, (number % 2 == 0 ? x : o).move(cells[number]));
            for (Visitor player : new Visitor[] {x, o}) {
                JsonObject state = player.hearsBoard(boards[number]);
                assertEquals(number % 2 == 0 ? "O" : "X", state.text("turn"));
                assertEquals(number == 4 ? "X" : "", state.text("winner"));
            }
        }
        assertEquals(400, o.move(8), "it is over");
    }

    @Test
    void aFullBoardIsADraw() throws Exception {
        int[] cells = {0, 1, 2, 4, 3, 5, 7, 6, 8};
        for (int number = 0; number < cells.length; number++) {
            assertEquals(204, (number % 2 == 0 ? x : o).move(cells[number]));
        }
        assertEquals("draw", o.hearsBoard("XOXXOOOXX").text("winner"));
    }

    @Test
    void nonsenseChangesNothing() throws Exception {
        assertEquals(400, o.move(0), "not their turn");
        assertEquals(204, x.move(0));
        assertEquals(400, o.move(0), "taken");
        for (Object cell : new Object[] {-1, 9, "", "a", "01", "%C2%B2", "1.0"}) {
            assertEquals(400, o.move(cell));
        }
        for (String path : new String[] {"nosuchgame", "", "a-b", "%C3%A9"}) {
            assertEquals(404, x.post("/opened?g=" + path));
            assertEquals(404, x.post("/move?i=1&g=" + path));
        }
        assertEquals(400, x.get("/?g=a-b").statusCode());
        assertEquals(400, x.get("/?g=" + "x".repeat(65)).statusCode());
        assertEquals(404, x.get("/nothing").statusCode());
        assertEquals(413, x.post(game.ownUrl() + "/move", Map.of(), new byte[20_000]));
        assertEquals(204, o.move(1));
        assertEquals("", x.hearsBoard("XO-------").text("winner"));
    }

    @Test
    void presenceIsShown() throws Exception {
        o.leave();
        x.hearsHere(true, false);
        o.open();
        x.hearsHere(true, true);
    }

    @Test
    void aLateNoticeChangesNothing() throws Exception {
        long newest = (1L << 53) - 1;
        notify(SignedNotice.form(o.clientId(), false, 0));
        x.move(0);
        assertEquals(Map.of("X", true, "O", true), x.hearsBoard("X--------").object("here").members());
        notify(SignedNotice.form(o.clientId(), false, newest - 1));
        x.hearsHere(true, false);
        notify(SignedNotice.json(o.clientId(), true, newest - 1));
        o.move(1);
        assertEquals(Map.of("X", true, "O", false), x.hearsBoard("XO-------").object("here").members());
        notify(SignedNotice.json(o.clientId(), true, newest));
        x.hearsHere(true, true);
        for (String clientId : new String[] {"someone-nosuchgame", "nodash", "-", "a-b-c"}) {
            notify(SignedNotice.form(clientId, true, 7));
        }
    }

    @Test
    void aForgedNoticeIsRefused_item_54() throws Exception {
        SignedNotice forged = SignedNotice.form(o.clientId(), false, 1L << 52);
        for (String path : new String[] {CONNECTED, DISCONNECTED}) {
            Map<String, String> unsigned = Map.of("Content-Type", forged.contentType());
            // From outside, and past Downlink to the program itself.
            assertEquals(403, x.post(game.url() + path, unsigned, forged.body()));
            assertEquals(403, x.post(game.ownUrl() + path, unsigned, forged.body()));
        }
        x.move(4);
        assertEquals(Map.of("X", true, "O", true), x.hearsBoard("----X----").object("here").members());
    }

    private void notify(SignedNotice notice) throws Exception {
        assertEquals(204, x.post(game.ownUrl() + DISCONNECTED, notice.headers(), notice.body()));
    }
}
