package dev.downlink.internal;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A JSON object whose members are asked for by name and kind; other members do not matter. */
public final class JsonObject {
    private final Map<?, ?> members;

    private JsonObject(Map<?, ?> members) {
        this.members = members;
    }

    /**
     * A value that has to be an object.
     *
     * @throws Unreadable if it is none, as do all methods here for a member that is missing or of another kind
     */
    public static JsonObject of(Object value) {
        return new JsonObject(cast(value, Map.class, "an object"));
    }

    /** Whether there is a member, and not null. */
    public boolean has(String name) {
        return members.get(name) != null;
    }

    /** A text. */
    public String text(String name) {
        return cast(members.get(name), String.class, name);
    }

    /** A text that may be absent or null. */
    public Optional<String> optionalText(String name) {
        return has(name) ? Optional.of(text(name)) : Optional.empty();
    }

    /** A whole number. */
    public long number(String name) {
        return cast(members.get(name), Long.class, name);
    }

    /** A whole number that an {@code int} holds. */
    public int count(String name) {
        long number = number(name);
        if (number < 0 || number > Integer.MAX_VALUE) {
            throw new Unreadable(name + " is no count");
        }
        return (int) number;
    }

    /** A truth. */
    public boolean flag(String name) {
        return cast(members.get(name), Boolean.class, name);
    }

    /** An object. */
    public JsonObject object(String name) {
        return of(members.get(name));
    }

    /** A list of any values. */
    public List<?> list(String name) {
        return cast(members.get(name), List.class, name);
    }

    /** A list of texts. */
    public List<String> texts(String name) {
        List<String> texts = new ArrayList<>();
        for (Object element : list(name)) {
            texts.add(cast(element, String.class, name));
        }
        return texts;
    }

    /** All members as they were read. */
    public Map<?, ?> members() {
        return members;
    }

    private static <T> T cast(Object value, Class<T> kind, String what) {
        if (!kind.isInstance(value)) {
            throw new Unreadable("there should be " + what + " as " + kind.getSimpleName());
        }
        return kind.cast(value);
    }
}
