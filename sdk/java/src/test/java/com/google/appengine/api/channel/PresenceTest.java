package com.google.appengine.api.channel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.appengine.api.channel.Application.Kind;
import dev.downlink.DownlinkClient;
import dev.downlink.testing.Page;
import dev.downlink.testing.Server;
import dev.downlink.testing.Setting;
import dev.downlink.testing.SignedNotice;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What an application makes of the POSTs of the real server, and of others; in real containers. */
@Timeout(90)
class PresenceTest {
    private static final String CONNECTED = "/_ah/channel/connected/";
    private static final String DISCONNECTED = "/_ah/channel/disconnected/";
    private static final Map<String, String> UNSIGNED = Map.of();
    private static final HttpClient HTTP = HttpClient.newHttpClient();

    private static final List<String> CLIENT_IDS = List.of("ada", "a/b", "a-b_c", "me@Example.com", "~user", "a:b",
            "50%", "a&b=c", "a+b", "two  words ", ".", "..", "ünïcödé 😀", "\"quoted\" \\back", "line\r\nbreak",
            "--downlink", "é".repeat(128));

    @ParameterizedTest
    @EnumSource
    void item_14_item_51_real_posts_give_the_right_client_id_and_flag(Kind kind) throws Exception {
        try (Setting secret = new Setting("DOWNLINK_PRESENCE_SECRET", SignedNotice.SECRET)) {
            assertPresenceOfEverybody(kind);
        }
    }

    @Test
    void item_14_real_posts_are_read_by_an_application_without_a_secret() throws Exception {
        try (Setting secret = new Setting("DOWNLINK_PRESENCE_SECRET", "")) {
            assertPresenceOfEverybody(Kind.JAVAX_SERVLET);
        }
    }

    @ParameterizedTest
    @EnumSource
    void item_54_forged_posts_are_refused(Kind kind) throws Exception {
        try (Setting secret = new Setting("DOWNLINK_PRESENCE_SECRET", SignedNotice.SECRET);
                Application application = Application.start(kind)) {
            SignedNotice real = SignedNotice.form("ada", true, 7);
            assertEquals("200 ok", post(application, CONNECTED, real.contentType(), real.headers(), real.body()));
            assertEquals("ada", application.presence().clientId());

            assertRefused("missing_header", post(application, CONNECTED, real.contentType(), UNSIGNED, real.body()));
            byte[] altered = new String(real.body(), StandardCharsets.UTF_8)
                    .replace("ada", "eve")
                    .getBytes(StandardCharsets.UTF_8);
            assertRefused(
                    "wrong_signature", post(application, CONNECTED, real.contentType(), real.headers(), altered));
            assertRefused(
                    "the other path",
                    post(application, DISCONNECTED, real.contentType(), real.headers(), real.body()));
            long longAgo = System.currentTimeMillis() / 1000 - 301;
            SignedNotice old = SignedNotice.form("ada", true, 7).signedAt(longAgo);
            assertRefused("bad_timestamp", post(application, CONNECTED, old.contentType(), old.headers(), old.body()));
            assertTrue(application.heardNothing());
        }
    }

    @ParameterizedTest
    @EnumSource
    void a_bad_secret_is_told_and_nothing_is_believed(Kind kind) throws Exception {
        try (Setting secret = new Setting("DOWNLINK_PRESENCE_SECRET", "whsec_!");
                Application application = Application.start(kind)) {
            SignedNotice real = SignedNotice.form("ada", true, 7);
            String answer = post(application, CONNECTED, real.contentType(), real.headers(), real.body());
            assertTrue(answer.startsWith("400 ChannelFailureException"), answer);
            assertTrue(application.heardNothing());
        }
    }

    @ParameterizedTest
    @EnumSource
    void item_14_other_posts_are_refused_as_they_were(Kind kind) throws Exception {
        try (Setting secret = new Setting("DOWNLINK_PRESENCE_SECRET", "");
                Application application = Application.start(kind)) {
            String form = "--b\r\nContent-Disposition: form-data; name=\"from\"\r\n\r\nada\r\n"
                    + "--b\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\nme@appspot.com\r\n--b--\r\n";
            String multipart = "multipart/form-data; boundary=b";
            assertEquals("200 ok", post(application, "/any/channel/connected/", multipart, form));
            assertTrue(application.presence().isConnected());
            assertEquals("200 ok", post(application, DISCONNECTED, "multipart/form-data", form));
            assertFalse(application.presence().isConnected());

            String illegal = "400 IllegalArgumentException";
            assertStarts(illegal, post(application, "/_ah/channel/connected", multipart, form));
            assertStarts(illegal, post(application, "/_ah/channel/other/", multipart, form));
            assertStarts(illegal, post(application, CONNECTED, "application/x-www-form-urlencoded", "from=ada"));
            assertStarts(illegal, post(application, CONNECTED, multipart, form.replace("from", "form")));
            assertStarts(illegal, post(application, CONNECTED, multipart, form + "x".repeat(20_000)));
            assertStarts("400 IOException", post(application, CONNECTED, multipart, "--b\r\nbroken"));
            assertStarts("400 IOException", post(application, CONNECTED, multipart, ""));
            assertTrue(application.heardNothing());
        }
    }

    @ParameterizedTest
    @EnumSource
    void item_13_parse_message_reads_key_and_msg(Kind kind) throws Exception {
        try (Application application = Application.start(kind);
                Server server = Server.own().before(application.url()).start()) {
            String receive = "/_ah/channel/receive";
            String urlencoded = "application/x-www-form-urlencoded";
            for (String url : List.of(application.url(), server.url())) {
                assertEquals("200 ada|h i", post(url, receive + "?key=ada&msg=h%20i", "text/plain", ""));
                if (kind != Kind.NO_SERVLET) {
                    // A servlet container reads forms; without one, the application does.
                    assertEquals("200 ada|h i&", post(url, receive, urlencoded, "key=ada&msg=h+i%26"));
                }
                assertStarts("400 IllegalStateException", post(url, receive + "?key=ada", urlencoded, ""));
                assertStarts("400 IllegalStateException", post(url, receive + "?msg=hi", urlencoded, ""));
            }
        }
    }

    private static void assertPresenceOfEverybody(Kind kind) throws Exception {
        try (Application application = Application.start(kind);
                Server server = Server.own()
                        .before(application.url())
                        .with("DOWNLINK_PRESENCE_SECRET", SignedNotice.SECRET)
                        .with("DOWNLINK_PRESENCE_GRACE_SECONDS", "1")
                        .start();
                DownlinkClient client = DownlinkClient.builder()
                        .url(server.url())
                        .apiKey(Server.API_KEY)
                        .build()) {
            List<Page> pages = new ArrayList<>();
            for (String clientId : CLIENT_IDS) {
                pages.add(new Page(server.url(), client.createChannel(clientId).token()));
            }
            assertEquals(everybody(true), heard(application));
            pages.forEach(Page::close);
            assertEquals(everybody(false), heard(application));
        }
    }

    private static Map<String, Boolean> everybody(boolean connected) {
        Map<String, Boolean> everybody = new TreeMap<>();
        CLIENT_IDS.forEach(clientId -> everybody.put(clientId, connected));
        return everybody;
    }

    /** What it is told until each client id came up; a notice may come twice. */
    private static Map<String, Boolean> heard(Application application) throws InterruptedException {
        Map<String, Boolean> heard = new TreeMap<>();
        while (heard.size() < CLIENT_IDS.size()) {
            ChannelPresence presence = application.presence();
            heard.put(presence.clientId(), presence.isConnected());
        }
        return heard;
    }

    private static void assertRefused(String reason, String answer) {
        assertStarts("400 IllegalArgumentException", answer);
        assertTrue(answer.contains(reason), answer);
    }

    private static void assertStarts(String expected, String answer) {
        assertTrue(answer.startsWith(expected), answer);
    }

    private static String post(Application application, String path, String contentType, String body) throws Exception {
        return post(application.url(), path, contentType, body);
    }

    private static String post(String url, String path, String contentType, String body) throws Exception {
        return post(url, path, contentType, UNSIGNED, body.getBytes(StandardCharsets.UTF_8));
    }

    private static String post(
            Application application, String path, String contentType, Map<String, String> headers, byte[] body)
            throws Exception {
        return post(application.url(), path, contentType, headers, body);
    }

    private static String post(String url, String path, String contentType, Map<String, String> headers, byte[] body)
            throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url + path))
                .version(HttpClient.Version.HTTP_1_1)
                .header("Content-Type", contentType)
                .POST(BodyPublishers.ofByteArray(body));
        headers.forEach(request::header);
        HttpResponse<String> response = HTTP.send(request.build(), HttpResponse.BodyHandlers.ofString());
        return response.statusCode() + " " + response.body();
    }
}
