package dev.downlink.internal;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads JSON (RFC 8259) into maps, lists, texts, {@link Long}, {@link Double}, booleans and null.
 *
 * <p>Strict: no comments, no trailing commas, nothing behind the value.
 */
public final class JsonReader {
    /** Deeper than anything Downlink says; a bound, since each level takes some stack. */
    private static final int DEPTH_MAX = 64;

    private final String text;
    private int position;

    private JsonReader(String text) {
        this.text = text;
    }

    /**
     * The value that the bytes hold.
     *
     * @throws Unreadable if they are not JSON in UTF-8
     */
    public static Object read(byte[] json) {
        String text = Utf8.decode(json).orElseThrow(() -> new Unreadable("JSON is UTF-8"));
        JsonReader reader = new JsonReader(text);
        Object value = reader.value(0);
        reader.skipSpace();
        if (reader.position < text.length()) {
            throw reader.unreadable("nothing more");
        }
        return value;
    }

    private Object value(int depth) {
        if (depth > DEPTH_MAX) {
            throw unreadable("fewer levels");
        }
        skipSpace();
        switch (peek()) {
            case '{':
                return object(depth);
            case '[':
                return array(depth);
            case '"':
                return string();
            case 't':
                return word("true", Boolean.TRUE);
            case 'f':
                return word("false", Boolean.FALSE);
            case 'n':
                return word("null", null);
            default:
                return number();
        }
    }

    private Map<String, Object> object(int depth) {
        Map<String, Object> members = new LinkedHashMap<>();
        position++;
        skipSpace();
        if (accept('}')) {
            return members;
        }
        do {
            skipSpace();
            String name = string();
            skipSpace();
            expect(':');
            members.put(name, value(depth + 1));
            skipSpace();
        } while (accept(','));
        expect('}');
        return members;
    }

    private List<Object> array(int depth) {
        List<Object> elements = new ArrayList<>();
        position++;
        skipSpace();
        if (accept(']')) {
            return elements;
        }
        do {
            elements.add(value(depth + 1));
            skipSpace();
        } while (accept(','));
        expect(']');
        return elements;
    }

    private String string() {
        expect('"');
        StringBuilder out = new StringBuilder();
        while (true) {
            char character = next();
            if (character == '"') {
                return out.toString();
            }
            if (character < ' ') {
                throw unreadable("an escaped control character");
            }
            out.append(character == '\\' ? escaped() : character);
        }
    }

    private char escaped() {
        char character = next();
        switch (character) {
            case '"':
            case '\\':
            case '/':
                return character;
            case 'b':
                return '\b';
            case 'f':
                return '\f';
            case 'n':
                return '\n';
            case 'r':
                return '\r';
            case 't':
                return '\t';
            case 'u':
                int unit = 0;
                for (int digits = 0; digits < 4; digits++) {
                    unit = unit * 16 + hexDigit(next());
                }
                return (char) unit;
            default:
                throw unreadable("an escape");
        }
    }

    private int hexDigit(char character) {
        // `Character.digit` also takes digits of other scripts.
        int value = character < 128 ? Character.digit(character, 16) : -1;
        if (value < 0) {
            throw unreadable("a hexadecimal digit");
        }
        return value;
    }

    private Number number() {
        int start = position;
        accept('-');
        if (!accept('0')) {
            digits();
        }
        boolean whole = true;
        if (accept('.')) {
            whole = false;
            digits();
        }
        if (accept('e') || accept('E')) {
            whole = false;
            if (!accept('+')) {
                accept('-');
            }
            digits();
        }
        String digits = text.substring(start, position);
        try {
            return whole ? (Number) Long.valueOf(digits) : (Number) Double.valueOf(digits);
        } catch (NumberFormatException beyondLong) {
            return Double.valueOf(digits);
        }
    }

    private void digits() {
        int start = position;
        while (position < text.length() && text.charAt(position) >= '0' && text.charAt(position) <= '9') {
            position++;
        }
        if (position == start) {
            throw unreadable("a value");
        }
    }

    private Object word(String word, Object value) {
        if (!text.startsWith(word, position)) {
            throw unreadable("a value");
        }
        position += word.length();
        return value;
    }

    private void skipSpace() {
        while (position < text.length() && " \t\n\r".indexOf(text.charAt(position)) >= 0) {
            position++;
        }
    }

    private char peek() {
        if (position == text.length()) {
            throw unreadable("more");
        }
        return text.charAt(position);
    }

    private char next() {
        char character = peek();
        position++;
        return character;
    }

    private boolean accept(char character) {
        boolean there = position < text.length() && text.charAt(position) == character;
        if (there) {
            position++;
        }
        return there;
    }

    private void expect(char character) {
        if (!accept(character)) {
            throw unreadable("'" + character + "'");
        }
    }

    private Unreadable unreadable(String expected) {
        return new Unreadable("JSON should have " + expected + " at character " + position);
    }
}
