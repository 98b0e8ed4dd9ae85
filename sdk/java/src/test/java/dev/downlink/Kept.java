package dev.downlink;

import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/** What several tests ask for. */
final class Kept {
    private Kept() {}

    /** All kept messages of a client id. */
    static List<Message> messages(DownlinkClient client, String clientId) {
        List<Message> messages = new ArrayList<>();
        client.messages(clientId).forEach(page -> messages.addAll(page.messages()));
        return messages;
    }

    /** The same, all of them text. */
    static List<String> texts(DownlinkClient client, String clientId) {
        List<String> texts = new ArrayList<>();
        messages(client, clientId).forEach(message -> texts.add(message.text()));
        return texts;
    }

    /** Nobody else's, so that tests can share a server. */
    static String newClientId() {
        return "client-" + UUID.randomUUID();
    }
}
