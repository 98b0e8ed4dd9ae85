package dev.downlink.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The reader and the writer of JSON. */
class JsonTest {
    @Test
    void everyKindOfValueIsRead() {
        Map<String, Object> expected = new LinkedHashMap<>();
        expected.put("text", "\"\\/\b\f\n\r\té😀\u0000");
        expected.put("numbers", List.of(0L, -7L, 9007199254740993L, 1.5, -2e3, 1e30));
        expected.put("words", Arrays.asList(true, false, null));
        expected.put("empty", List.of(Map.of(), List.of()));
        assertEquals(expected, read(" {\"text\" : \"\\\"\\\\\\/\\b\\f\\n\\r\\té\\uD83d\\ude00\\u0000\",\n"
                + "\"numbers\":[0,-7,9007199254740993,1.5,-2E+3,1000000000000000000000000000000],"
                + "\"words\":[true, false , null],\t\"empty\":[{ },[\r]]} "));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "{", "[1,]", "{\"a\":1,}", "{a:1}", "{\"a\" 1}", "[1 2]", "01", "-", "1.", ".5",
        "+1", "1e", "nul", "truer", "\"", "\"\\x\"", "\"\\u12g4\"", "\"\\u٠٠٠٠\"", "\"\n\"", "1 2", "'a'", "NaN",
        "٣", "[1]//", "\ufeff1"})
    void whatIsNotJsonIsRefused(String text) {
        assertThrows(Unreadable.class, () -> read(text));
    }

    @Test
    void whatIsNotUtf8IsRefused() {
        assertThrows(Unreadable.class, () -> JsonReader.read(new byte[] {'"', -1, '"'}));
    }

    @Test
    void depthHasABound() {
        assertThrows(Unreadable.class, () -> read("[".repeat(100_000)));
        assertThrows(Unreadable.class, () -> read("{\"a\":".repeat(100_000)));
        read("[".repeat(60) + "]".repeat(60));
    }

    @Test
    void errorsDoNotQuoteWhatWasRead() {
        Unreadable error = assertThrows(Unreadable.class, () -> read("{\"token\":\"secret\" x"));
        assertFalse(error.getMessage().contains("secret"));
    }

    @Test
    void whatIsWrittenIsReadAlike() {
        Random random = new Random(41);
        for (int run = 0; run < 2_000; run++) {
            Object value = anyValue(random, 4);
            assertEquals(value, read(JsonWriter.write(value)));
        }
    }

    @Test
    void brokenJsonOfAnyKindIsRefusedAndNothingElse() {
        Random random = new Random(42);
        byte[] good = JsonWriter.write(Map.of("a", List.of("é\n", 1.5, true))).getBytes(StandardCharsets.UTF_8);
        for (int run = 0; run < 20_000; run++) {
            byte[] altered = Arrays.copyOf(good, 1 + random.nextInt(good.length));
            altered[random.nextInt(altered.length)] = (byte) random.nextInt(256);
            try {
                JsonReader.read(altered);
            } catch (Unreadable refused) {
                // As it should be, if it is not JSON any more.
            }
        }
    }

    private static Object anyValue(Random random, int depth) {
        switch (random.nextInt(depth == 0 ? 4 : 6)) {
            case 0:
                return random.nextLong();
            case 1:
                return random.nextGaussian();
            case 2:
                return random.nextBoolean() ? null : random.nextBoolean();
            case 3:
                return anyText(random);
            case 4:
                List<Object> elements = new ArrayList<>();
                for (int count = random.nextInt(4); count > 0; count--) {
                    elements.add(anyValue(random, depth - 1));
                }
                return elements;
            default:
                Map<String, Object> members = new LinkedHashMap<>();
                for (int count = random.nextInt(4); count > 0; count--) {
                    members.put(anyText(random), anyValue(random, depth - 1));
                }
                return members;
        }
    }

    private static String anyText(Random random) {
        StringBuilder text = new StringBuilder();
        for (int count = random.nextInt(8); count > 0; count--) {
            int point = random.nextInt(random.nextBoolean() ? 0x80 : Character.MAX_CODE_POINT + 1);
            // Halves of surrogate pairs are not text.
            text.appendCodePoint(point >= 0xd800 && point <= 0xdfff ? '?' : point);
        }
        return text.toString();
    }

    private static Object read(String json) {
        return JsonReader.read(json.getBytes(StandardCharsets.UTF_8));
    }
}
