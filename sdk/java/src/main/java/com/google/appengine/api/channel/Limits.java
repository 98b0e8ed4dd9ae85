package com.google.appengine.api.channel;

import dev.downlink.internal.Targets;
import dev.downlink.internal.Utf8;

/** What the old library refused by itself; the rest went to the service. */
final class Limits {
    private static final int CLIENT_ID_BYTES_MAX = 256;
    private static final int DURATION_MINUTES_MAX = 24 * 60;

    /** One less than Downlink itself takes. */
    private static final int MESSAGE_BYTES_MAX = 32_767;

    private Limits() {}

    static void checkDuration(int minutes) {
        if (minutes < 1 || minutes > DURATION_MINUTES_MAX) {
            throw new IllegalArgumentException(
                    "A duration is 1 to " + DURATION_MINUTES_MAX + " minutes, not " + minutes + ".");
        }
    }

    static void checkClientId(String clientId) {
        checkLength("A client id", clientId, CLIENT_ID_BYTES_MAX);
    }

    /** A token is longer than any client id may be; the service tells whether it is one. */
    static void checkTarget(String target) {
        if (target == null || !Targets.looksLikeToken(target)) {
            checkClientId(target);
        }
    }

    static void checkMessage(String message) {
        checkLength("A message", message, MESSAGE_BYTES_MAX);
    }

    private static void checkLength(String what, String text, int bytesMax) {
        if (text == null) {
            throw new IllegalArgumentException(what + " is a text, not null.");
        }
        int length = Utf8.encode(text)
                .orElseThrow(() -> new IllegalArgumentException(what + " has no lone surrogates."))
                .length;
        if (length > bytesMax) {
            throw new IllegalArgumentException(
                    what + " has at most " + bytesMax + " bytes of UTF-8; this has " + length + ".");
        }
    }
}
