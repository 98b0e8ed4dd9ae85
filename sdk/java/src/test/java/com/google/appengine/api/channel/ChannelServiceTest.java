package com.google.appengine.api.channel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.downlink.DownlinkClient;
import dev.downlink.testing.ExpiredToken;
import dev.downlink.testing.Page;
import dev.downlink.testing.Server;
import dev.downlink.testing.Setting;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The old API against the real server: what applications of 2010 to 2017 relied on. */
class ChannelServiceTest {
    private static final Server SERVER = Server.shared();
    private static final Setting URL = new Setting("DOWNLINK_URL", SERVER.url());
    private static final Setting KEY = new Setting("DOWNLINK_API_KEY", Server.API_KEY);

    private final ChannelService service = ChannelServiceFactory.getChannelService();
    private final String clientId = "client-" + UUID.randomUUID();

    @AfterAll
    static void restore() {
        URL.close();
        KEY.close();
    }

    @Test
    void item_1_two_channels_of_one_client_id_both_connect() {
        String first = service.createChannel(clientId);
        String second = service.createChannel(clientId);
        assertNotEquals(first, second);
        try (Page one = new Page(SERVER.url(), first); Page two = new Page(SERVER.url(), second)) {
            send(clientId, "hello");
            assertEquals("hello", one.message());
            assertEquals("hello", two.message());
        }
        assertTrue(first.matches("[A-Za-z0-9._-]+"), "item 15: it can be pasted anywhere");
    }

    @ParameterizedTest
    @ValueSource(strings = {"x", "é"})
    void item_2_a_client_id_of_256_bytes_works_and_257_do_not(String character) {
        int fits = character.equals("x") ? 256 : 128;
        String longest = character.repeat(fits);
        try (Page page = open(longest)) {
            send(longest, "hello");
            assertEquals("hello", page.message());
        }
        String tooLong = character.repeat(fits + 1);
        assertThrows(IllegalArgumentException.class, () -> service.createChannel(tooLong));
        assertThrows(IllegalArgumentException.class, () -> service.createChannel(tooLong, 60));
        assertThrows(IllegalArgumentException.class, () -> send(tooLong, "hello"));
    }

    @Test
    void item_3_an_empty_client_id_is_refused_by_the_service() {
        assertThrows(ChannelFailureException.class, () -> service.createChannel(""));
        assertThrows(ChannelFailureException.class, () -> service.createChannel("", 60));
        assertThrows(ChannelFailureException.class, () -> send("", "hello"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"a/b", "a-b", "me@Example.com", "~", "a:b", "100%", "a&b=c", "a+b", " a b ", "CAPITALS",
        "ünïcödé 😀", ".", ".."})
    void item_4_client_ids_of_any_characters_work(String awkward) {
        try (Page page = open(awkward)) {
            send(awkward, "hello");
            assertEquals("hello", page.message());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 120, 1440})
    void item_5_durations_that_pass(int minutes) {
        assertFalse(service.createChannel(clientId, minutes).isEmpty());
    }

    @ParameterizedTest
    @ValueSource(ints = {0, -1, 1441, Integer.MIN_VALUE, Integer.MAX_VALUE})
    void item_5_durations_that_fail(int minutes) {
        assertThrows(IllegalArgumentException.class, () -> service.createChannel(clientId, minutes));
    }

    @Test
    void the_duration_is_checked_before_the_client_id() {
        IllegalArgumentException both =
                assertThrows(IllegalArgumentException.class, () -> service.createChannel("x".repeat(257), 0));
        assertTrue(both.getMessage().contains("duration"), both.getMessage());
        // Only the service knows that an empty client id is none; the library sees the duration first.
        assertThrows(IllegalArgumentException.class, () -> service.createChannel("", 0));
    }

    @Test
    void what_is_no_text_is_refused() {
        assertThrows(IllegalArgumentException.class, () -> service.createChannel(null));
        assertThrows(IllegalArgumentException.class, () -> service.createChannel("\ud800"));
        assertThrows(IllegalArgumentException.class, () -> send(null, "hello"));
        assertThrows(IllegalArgumentException.class, () -> send(clientId, null));
        assertThrows(IllegalArgumentException.class, () -> send(clientId, "\ud800"));
    }

    @Test
    void item_6_messages_of_32767_bytes_arrive_unchanged_and_longer_ones_are_refused() {
        String ascii = "x".repeat(32_767);
        String twoBytes = "é".repeat(16_383);
        try (Page page = open(clientId)) {
            send(clientId, ascii);
            send(clientId, twoBytes);
            assertEquals(List.of(ascii, twoBytes), page.texts(2));
            assertThrows(IllegalArgumentException.class, () -> send(clientId, ascii + "x"));
            assertThrows(IllegalArgumentException.class, () -> send(clientId, twoBytes + "é"));
            send(clientId, "the next one");
            assertEquals("the next one", page.message());
        }
    }

    @Test
    void item_7_an_empty_message_is_refused_and_reaches_nobody() {
        try (Page page = open(clientId)) {
            assertThrows(ChannelFailureException.class, () -> send(clientId, ""));
            send(clientId, "the next one");
            assertEquals("the next one", page.message());
        }
    }

    @Test
    void item_8_a_send_before_the_channel_was_created_succeeds_and_reaches_nobody() {
        send(clientId, "too early");
        String token = service.createChannel(clientId);
        send(clientId, "in time");
        try (Page page = new Page(SERVER.url(), token)) {
            assertEquals("in time", page.message());
        }
    }

    @Test
    void item_9_a_token_is_a_target_until_its_time_is_over() {
        String longest = "é".repeat(128);
        for (String to : List.of(clientId, longest)) {
            String token = service.createChannel(to);
            try (Page page = new Page(SERVER.url(), token)) {
                send(ExpiredToken.of(to), "to nobody");
                send(token, "by token");
                assertEquals("by token", page.message());
            }
        }
        assertTrue(service.createChannel(longest).length() > 256, "longer than a client id may be");
    }

    @Test
    void what_only_looks_like_a_token_is_an_overlong_client_id() {
        assertThrows(ChannelFailureException.class, () -> send("eyJ" + "a".repeat(300) + ".eyJ.c", "hello"));
    }

    @ParameterizedTest
    @EnumSource(ServiceCode.class)
    void item_10_each_service_code_is_a_channel_failure(ServiceCode code) {
        ChannelFailureException failure = code.exception("The reason.", null);
        assertTrue(failure.getMessage().endsWith("The reason."));
        boolean ownWords = code == ServiceCode.INTERNAL_ERROR || code == ServiceCode.APPID_ALIAS_REQUIRED;
        assertEquals(!ownWords, failure.getMessage().startsWith("The channel service refused"));
    }

    @ParameterizedTest
    @CsvSource({
        "DOWNLINK_API_KEY,another-key-altogether",
        "DOWNLINK_API_KEY,''",
        "DOWNLINK_URL,http://127.0.0.1:9",
        "DOWNLINK_URL,nowhere",
    })
    void item_10_other_failures_are_channel_failures_too(String name, String value) {
        try (Setting setting = new Setting(name, value)) {
            ChannelService lost = new ChannelServiceImpl(new SharedClient());
            ChannelFailureException create =
                    assertThrows(ChannelFailureException.class, () -> lost.createChannel(clientId));
            assertThrows(
                    ChannelFailureException.class, () -> lost.sendMessage(new ChannelMessage(clientId, "hello")));
            assertFalse(create.getMessage().contains("another-key"));
        }
    }

    @Test
    void the_environment_is_read_at_the_first_call_that_can_use_it() {
        ChannelService late;
        try (Setting key = new Setting("DOWNLINK_API_KEY", "")) {
            late = new ChannelServiceImpl(new SharedClient());
            assertThrows(ChannelFailureException.class, () -> late.createChannel(clientId));
        }
        late.createChannel(clientId);
        try (Setting key = new Setting("DOWNLINK_API_KEY", "another-key-altogether")) {
            late.createChannel(clientId);
        }
    }

    @Test
    void threads_share_one_service() throws Exception {
        assertSame(service, ChannelServiceFactory.getChannelService());
        SharedClient client = new SharedClient();
        ExecutorService pool = Executors.newFixedThreadPool(8);
        List<Future<DownlinkClient>> clients = new ArrayList<>();
        try (Page page = open(clientId)) {
            for (int number = 0; number < 8; number++) {
                String text = Integer.toString(number);
                clients.add(pool.submit(() -> {
                    new ChannelServiceImpl(client).sendMessage(new ChannelMessage(clientId, text));
                    return client.get();
                }));
            }
            assertEquals(
                    List.of("0", "1", "2", "3", "4", "5", "6", "7"), List.copyOf(new TreeSet<>(page.texts(8))));
        }
        for (Future<DownlinkClient> one : clients) {
            assertSame(client.get(), one.get());
        }
        pool.shutdown();
    }

    @Test
    void values_are_what_they_were_made_of() {
        ChannelMessage message = new ChannelMessage("ada", "hello");
        assertEquals("ada", message.getClientId());
        assertEquals("hello", message.getMessage());
    }

    private Page open(String to) {
        return new Page(SERVER.url(), service.createChannel(to));
    }

    private void send(String to, String text) {
        service.sendMessage(new ChannelMessage(to, text));
    }
}
