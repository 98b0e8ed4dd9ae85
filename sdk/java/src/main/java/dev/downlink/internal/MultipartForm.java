package dev.downlink.internal;

import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads the fields of a small {@code multipart/form-data} body that is in memory. */
public final class MultipartForm {
    private static final Pattern NAME = Pattern.compile("(?i)[;\\s]name=(?:\"([^\"]*)\"|([^\\s;\"]+))");
    private static final Pattern BOUNDARY = Pattern.compile("(?i);\\s*boundary=(?:\"([^\"]+)\"|([^\\s;\"]+))");

    private MultipartForm() {}

    /** Whether a Content-Type, which may be null, says that a body is multipart. */
    public static boolean isSaidBy(String contentType) {
        return contentType != null && contentType.strip().toLowerCase(Locale.ROOT).startsWith("multipart/");
    }

    /** The boundary that a Content-Type names. */
    public static Optional<String> boundaryIn(String contentType) {
        Matcher boundary = BOUNDARY.matcher(contentType);
        return boundary.find() ? Optional.of(firstGroup(boundary)) : Optional.empty();
    }

    /**
     * The fields by name, as text; of fields with the same name, the first. The body's first line is its boundary, so
     * that nothing outside the body has a say in how it is read.
     *
     * @throws Unreadable if the body is not such a form
     */
    public static Map<String, String> read(byte[] body) {
        // A byte a character: what is searched for is ASCII, and values are decoded by themselves.
        String text = new String(body, StandardCharsets.ISO_8859_1);
        int end = text.indexOf("\r\n");
        if (!text.startsWith("--") || end < 3) {
            throw new Unreadable("a form begins with its boundary");
        }
        return fields(text, text.substring(2, end).stripTrailing());
    }

    /**
     * The same, with a boundary given from outside; what stands before its first line is skipped.
     *
     * @throws Unreadable if the body is not such a form
     */
    public static Map<String, String> read(byte[] body, String boundary) {
        return fields(new String(body, StandardCharsets.ISO_8859_1), boundary);
    }

    private static Map<String, String> fields(String body, String boundary) {
        String delimiter = "\r\n--" + boundary;
        // The first boundary has no line end of its own before it.
        String text = "\r\n" + body;
        Map<String, String> fields = new LinkedHashMap<>();
        int start = text.indexOf(delimiter);
        if (start < 0) {
            throw new Unreadable("a form has its boundary");
        }
        while (true) {
            start += delimiter.length();
            if (text.startsWith("--", start)) {
                return fields;
            }
            int next = text.indexOf(delimiter, start);
            int lineEnd = text.indexOf("\r\n", start);
            if (next < 0 || lineEnd < 0 || !text.substring(start, lineEnd).isBlank()) {
                throw new Unreadable("a form's part ends with its boundary");
            }
            addPart(text.substring(lineEnd, next), fields);
            start = next;
        }
    }

    private static void addPart(String part, Map<String, String> fields) {
        int headEnd = part.indexOf("\r\n\r\n");
        if (headEnd < 0) {
            throw new Unreadable("a form's part has a head");
        }
        for (String line : part.substring(0, headEnd).split("\r\n")) {
            Matcher name = NAME.matcher(line);
            if (line.toLowerCase(Locale.ROOT).startsWith("content-disposition:") && name.find()) {
                byte[] value = part.substring(headEnd + 4).getBytes(StandardCharsets.ISO_8859_1);
                fields.putIfAbsent(
                        firstGroup(name),
                        Utf8.decode(value).orElseThrow(() -> new Unreadable("a form's field is UTF-8")));
            }
        }
    }

    private static String firstGroup(Matcher matcher) {
        return matcher.group(1) == null ? matcher.group(2) : matcher.group(1);
    }
}
