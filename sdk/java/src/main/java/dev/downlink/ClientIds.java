package dev.downlink;

import dev.downlink.internal.Utf8;

/** What a client id is, for what is decided without asking the server. */
final class ClientIds {
    private static final int BYTES_MAX = 256;

    private ClientIds() {}

    static boolean isOne(String text) {
        int length = Utf8.encode(text).orElse(new byte[0]).length;
        return length >= 1 && length <= BYTES_MAX;
    }
}
