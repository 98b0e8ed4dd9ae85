package dev.downlink.testing;

import dev.downlink.internal.JsonObject;
import dev.downlink.internal.JsonReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads the conformance cases: behaviour as data, the same for every part of Downlink. */
public final class Conformance {
    private Conformance() {}

    /** The cases of one file, with all repetitions written out. */
    public static List<JsonObject> cases(String name) {
        byte[] json;
        try {
            json = Files.readAllBytes(Server.REPOSITORY.resolve("conformance/cases/" + name + ".json"));
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
        List<JsonObject> cases = new ArrayList<>();
        for (Object one : JsonObject.of(writtenOut(JsonReader.read(json))).list("cases")) {
            cases.add(JsonObject.of(one));
        }
        if (cases.isEmpty()) {
            throw new AssertionError(name + ".json has no cases");
        }
        return cases;
    }

    /** What a case sends: a text, or a {@code byte[]}. */
    public static Object data(JsonObject one) {
        return one.has("base64") ? Base64.getDecoder().decode(one.text("base64")) : one.text("text");
    }

    private static Object writtenOut(Object value) {
        if (value instanceof List) {
            List<Object> elements = new ArrayList<>();
            ((List<?>) value).forEach(element -> elements.add(writtenOut(element)));
            return elements;
        }
        if (!(value instanceof Map)) {
            return value;
        }
        Map<?, ?> members = (Map<?, ?>) value;
        if (members.size() == 1 && members.containsKey("repeat")) {
            List<?> repeat = (List<?>) members.get("repeat");
            return ((String) repeat.get(0)).repeat(((Long) repeat.get(1)).intValue());
        }
        Map<Object, Object> copy = new LinkedHashMap<>();
        members.forEach((name, member) -> copy.put(name, writtenOut(member)));
        return copy;
    }
}
