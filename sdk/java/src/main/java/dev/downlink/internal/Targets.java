package dev.downlink.internal;

/** What a send is addressed to: a client id or a token. */
public final class Targets {
    private Targets() {}

    /** Whether a target has the shape of a token, as the server sees it. */
    public static boolean looksLikeToken(String target) {
        // Three parts, of which the first is an encoded `{"`.
        return target.startsWith("eyJ") && target.chars().filter(character -> character == '.').count() == 2;
    }

    /** A target as it may stand in a log. */
    public static String shown(String target) {
        return looksLikeToken(target) ? "[token]" : target;
    }
}
