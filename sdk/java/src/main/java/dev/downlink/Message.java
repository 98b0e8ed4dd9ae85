package dev.downlink;

import java.nio.charset.StandardCharsets;
import java.time.Instant;

/** A kept message of a channel: a text, or bytes. */
public final class Message {
    private final String id;
    private final String text;
    private final byte[] bytes;
    private final Instant time;

    private Message(String id, String text, byte[] bytes, Instant time) {
        this.id = id;
        this.text = text;
        this.bytes = bytes;
        this.time = time;
    }

    static Message ofText(String id, String text, Instant time) {
        return new Message(id, text, null, time);
    }

    static Message ofBytes(String id, byte[] bytes, Instant time) {
        return new Message(id, null, bytes, time);
    }

    /** Its place in the channel. */
    public String id() {
        return id;
    }

    /** When it was stored. */
    public Instant time() {
        return time;
    }

    /** Whether it was sent as text. */
    public boolean isText() {
        return text != null;
    }

    /**
     * Its text.
     *
     * @throws IllegalStateException if it was sent as bytes
     */
    public String text() {
        if (text == null) {
            throw new IllegalStateException("This message is binary; ask for its bytes().");
        }
        return text;
    }

    /** Its bytes; of a text, those of its UTF-8. */
    public byte[] bytes() {
        return text == null ? bytes.clone() : text.getBytes(StandardCharsets.UTF_8);
    }
}
