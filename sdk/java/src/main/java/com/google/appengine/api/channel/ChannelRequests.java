package com.google.appengine.api.channel;

import dev.downlink.DownlinkException;
import dev.downlink.Notice;
import dev.downlink.Notices;
import dev.downlink.internal.MultipartForm;
import dev.downlink.internal.Unreadable;
import java.io.IOException;
import java.io.InputStream;
import java.util.Map;
import java.util.function.Function;

/**
 * Reads what the service posts to the application, for servers without servlets.
 *
 * <pre>{@code
 * ChannelPresence presence = ChannelRequests.parsePresence(
 *     exchange.getRequestURI().getPath(),
 *     exchange.getRequestHeaders().getFirst("Content-Type"),
 *     exchange.getRequestHeaders()::getFirst,
 *     exchange.getRequestBody());
 * }</pre>
 */
public final class ChannelRequests {
    private static final String CONNECTED = "/channel/connected/";
    private static final String DISCONNECTED = "/channel/disconnected/";

    /** A notice has a client id of at most 256 bytes, and little else. */
    private static final int BODY_BYTES_MAX = 16 * 1024;

    private ChannelRequests() {}

    /**
     * As {@link ChannelService#parseMessage}.
     *
     * @param parameter gives a parameter by its name, or null
     * @throws IllegalStateException if the message or its key is missing
     */
    public static ChannelMessage parseMessage(Function<String, String> parameter) {
        return new ChannelMessage(required(parameter, "key"), required(parameter, "msg"));
    }

    /**
     * As {@link ChannelService#parsePresence}.
     *
     * @param uri the request's path
     * @param contentType what its body is said to be; may be null
     * @param header gives a header by its name, whatever its case, or null
     * @param body read here, and not closed
     * @throws IllegalArgumentException if the request is no presence POST, or is forged
     * @throws IOException if the body cannot be read
     */
    public static ChannelPresence parsePresence(
            String uri, String contentType, Function<String, String> header, InputStream body) throws IOException {
        boolean connected = isConnected(uri);
        if (!MultipartForm.isSaidBy(contentType)) {
            throw new IllegalArgumentException("A presence POST is multipart, not " + contentType + ".");
        }
        byte[] bytes = body.readNBytes(BODY_BYTES_MAX + 1);
        if (bytes.length > BODY_BYTES_MAX) {
            throw new IllegalArgumentException("This body is too large for a presence POST.");
        }
        return Notices.hasSecret()
                ? verified(connected, header, bytes)
                : new ChannelPresence(connected, clientId(contentType, bytes));
    }

    private static boolean isConnected(String uri) {
        boolean connected = uri != null && uri.endsWith(CONNECTED);
        if (!connected && (uri == null || !uri.endsWith(DISCONNECTED))) {
            throw new IllegalArgumentException(
                    "A presence POST goes to …" + CONNECTED + " or …" + DISCONNECTED + ".");
        }
        return connected;
    }

    private static ChannelPresence verified(boolean connected, Function<String, String> header, byte[] body) {
        Notice notice;
        try {
            notice = Notices.verify(header, body);
        } catch (DownlinkException.InvalidNotice forged) {
            throw new IllegalArgumentException(forged.getMessage(), forged);
        } catch (DownlinkException badSecret) {
            throw ServiceCode.INTERNAL_ERROR.exception(badSecret.getMessage(), badSecret);
        }
        // The path is not signed: without this, a notice that somebody saw could be turned into its opposite.
        if (notice.connected() != connected) {
            throw new IllegalArgumentException("This notice was signed for the other path.");
        }
        return new ChannelPresence(connected, notice.clientId());
    }

    private static String clientId(String contentType, byte[] body) throws IOException {
        Map<String, String> fields;
        try {
            String boundary = MultipartForm.boundaryIn(contentType).orElse("");
            fields = boundary.isEmpty() ? MultipartForm.read(body) : MultipartForm.read(body, boundary);
        } catch (Unreadable broken) {
            throw new IOException(broken.getMessage(), broken);
        }
        if (!fields.containsKey("from")) {
            throw new IllegalArgumentException("A presence POST has a part named \"from\".");
        }
        return fields.get("from");
    }

    private static String required(Function<String, String> parameter, String name) {
        String value = parameter.apply(name);
        if (value == null) {
            throw new IllegalStateException("The request has no parameter \"" + name + "\".");
        }
        return value;
    }
}
