package dev.downlink;

import java.util.List;
import java.util.Optional;

/** Some of a channel's kept messages, oldest first. */
public final class MessagesPage {
    private final List<Message> messages;
    private final String cursor;
    private final Gap gap;
    private final String next;

    MessagesPage(List<Message> messages, String cursor, Gap gap, String next) {
        this.messages = List.copyOf(messages);
        this.cursor = cursor;
        this.gap = gap;
        this.next = next;
    }

    /** The messages of this page. */
    public List<Message> messages() {
        return messages;
    }

    /** Ask again with this one later, to get what came since. */
    public String cursor() {
        return cursor;
    }

    /** Set if messages before this page are missing. */
    public Optional<Gap> gap() {
        return Optional.ofNullable(gap);
    }

    /** Where the next page starts; empty on the last one. */
    public Optional<String> next() {
        return Optional.ofNullable(next);
    }
}
