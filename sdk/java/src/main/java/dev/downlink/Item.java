package dev.downlink;

import dev.downlink.internal.Targets;
import java.util.List;
import java.util.Objects;

/** One message of {@link DownlinkClient#sendMany}. */
public final class Item {
    /** A text, or a list of texts: the array form of the API tells the two apart. */
    private final Object to;

    /** A text or a {@code byte[]}. */
    private final Object data;

    private final SendOptions options;

    private Item(Object to, Object data, SendOptions options) {
        this.to = Objects.requireNonNull(to, "to");
        this.data = Objects.requireNonNull(data, "data");
        this.options = options;
    }

    /** Text to a client id, or to the one that a token is for. */
    public static Item of(String to, String text) {
        return new Item(to, text, SendOptions.none());
    }

    /** Bytes to a client id, or to the one that a token is for. */
    public static Item of(String to, byte[] bytes) {
        return new Item(to, bytes.clone(), SendOptions.none());
    }

    /** Text to many client ids, stored as one record. */
    public static Item of(List<String> to, String text) {
        return new Item(List.copyOf(to), text, SendOptions.none());
    }

    /** Bytes to many client ids, stored as one record. */
    public static Item of(List<String> to, byte[] bytes) {
        return new Item(List.copyOf(to), bytes.clone(), SendOptions.none());
    }

    /** The same message with these options. */
    public Item with(SendOptions newOptions) {
        return new Item(to, data, newOptions);
    }

    Object to() {
        return to;
    }

    Object data() {
        return data;
    }

    SendOptions options() {
        return options;
    }

    /** Shows neither data nor tokens, since such texts end up in logs. */
    @Override
    public String toString() {
        return to instanceof String ? "Item(to=" + Targets.shown((String) to) + ")"
                : "Item(to=[" + ((List<?>) to).size() + " targets])";
    }
}
