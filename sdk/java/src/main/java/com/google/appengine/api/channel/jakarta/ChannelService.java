package com.google.appengine.api.channel.jakarta;

import com.google.appengine.api.channel.ChannelFailureException;
import com.google.appengine.api.channel.ChannelMessage;
import com.google.appengine.api.channel.ChannelPresence;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;

/** As {@link com.google.appengine.api.channel.ChannelService}, method by method. */
public interface ChannelService {
    /**
     * Creates a channel and returns its token, which is good for two hours.
     *
     * @throws IllegalArgumentException if the client id is null or over 256 bytes of UTF-8
     * @throws ChannelFailureException if the service refuses it, or cannot be reached
     */
    String createChannel(String clientId);

    /**
     * Creates a channel whose token is good for {@code durationMinutes}, 1 to 1440.
     *
     * @throws IllegalArgumentException if the duration is another one, or the client id is null or too long
     * @throws ChannelFailureException if the service refuses the client id, or cannot be reached
     */
    String createChannel(String clientId, int durationMinutes);

    /**
     * Sends a message to everyone who has the channel of a client id open.
     *
     * @throws IllegalArgumentException if the client id or the text is null or too long
     * @throws ChannelFailureException if the service refuses it, or cannot be reached
     */
    void sendMessage(ChannelMessage message);

    /**
     * Reads a message that a page posted to {@code /_ah/channel/receive}.
     *
     * @throws IllegalStateException if the parameter {@code key} or {@code msg} is missing
     */
    ChannelMessage parseMessage(HttpServletRequest request);

    /**
     * Reads who came or went from a POST to {@code /_ah/channel/connected/} or {@code /_ah/channel/disconnected/}.
     *
     * @throws IllegalArgumentException if the request is not such a POST, or is forged
     * @throws IOException if its body cannot be read
     */
    ChannelPresence parsePresence(HttpServletRequest request) throws IOException;
}
