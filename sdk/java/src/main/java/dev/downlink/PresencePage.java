package dev.downlink;

import java.util.List;
import java.util.Optional;

/** Some of the client ids that have a socket open. */
final class PresencePage {
    final List<String> clientIds;
    final Optional<String> next;

    PresencePage(List<String> clientIds, Optional<String> next) {
        this.clientIds = clientIds;
        this.next = next;
    }
}
