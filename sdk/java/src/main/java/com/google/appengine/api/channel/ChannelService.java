package com.google.appengine.api.channel;

import java.io.IOException;
import javax.servlet.http.HttpServletRequest;

/** Creates channels, sends messages through them, and reads what the service posts to the application. */
public interface ChannelService {
    /**
     * Creates a channel and returns its token, with which a page opens it. It is good for two hours.
     *
     * @param clientId the application's name for who listens, at most 256 bytes of UTF-8
     * @throws IllegalArgumentException if the client id is null or too long
     * @throws ChannelFailureException if the service refuses it, as it does an empty one, or cannot be reached
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
     * <p>Returning says that the message is on its way, not that somebody got it; sending to somebody who is not
     * there is no error.
     *
     * @param message text of at most 32767 bytes of UTF-8, for a client id or for a token of one
     * @throws IllegalArgumentException if the client id or the text is null or too long
     * @throws ChannelFailureException if the service refuses it, as it does an empty text, or cannot be reached
     */
    void sendMessage(ChannelMessage message);

    /**
     * Reads a message that a page posted to {@code /_ah/channel/receive}, from the parameters {@code key} and
     * {@code msg}.
     *
     * @throws IllegalStateException if one of them is missing
     */
    ChannelMessage parseMessage(HttpServletRequest request);

    /**
     * Reads who came or went from a POST to {@code /_ah/channel/connected/} or {@code /_ah/channel/disconnected/}.
     *
     * <p>Where {@code DOWNLINK_PRESENCE_SECRET} is set, only what Downlink signed is believed. Give it the request
     * before anything else has read its body.
     *
     * @throws IllegalArgumentException if the request is not such a POST, or is forged
     * @throws IOException if its body cannot be read
     */
    ChannelPresence parsePresence(HttpServletRequest request) throws IOException;
}
