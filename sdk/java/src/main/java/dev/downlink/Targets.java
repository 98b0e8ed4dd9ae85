package dev.downlink;

/** What a send is addressed to: a client id or a token. */
final class Targets {
    private Targets() {}

    /** Whether a target has the shape of a token, as the server sees it. */
    static boolean looksLikeToken(String target) {
        // Three parts, of which the first is an encoded `{"`.
        return target.startsWith("eyJ") && target.chars().filter(character -> character == '.').count() == 2;
    }

    /** A target as it may stand in a log. */
    static String shown(String target) {
        return looksLikeToken(target) ? "[token]" : target;
    }
}
