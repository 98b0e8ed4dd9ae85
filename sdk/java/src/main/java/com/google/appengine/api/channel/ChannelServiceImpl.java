package com.google.appengine.api.channel;

import dev.downlink.DownlinkClient;
import dev.downlink.DownlinkException;
import java.io.IOException;
import java.util.function.Function;
import java.util.function.Supplier;
import javax.servlet.http.HttpServletRequest;

/**
 * The service, through a client of Downlink.
 *
 * <p>It only passes requests on, and so works where {@code javax.servlet} is not there.
 */
final class ChannelServiceImpl implements ChannelService {
    private final Supplier<DownlinkClient> client;

    ChannelServiceImpl(Supplier<DownlinkClient> client) {
        this.client = client;
    }

    @Override
    public String createChannel(String clientId) {
        Limits.checkClientId(clientId);
        return call(downlink -> downlink.createChannel(clientId).token());
    }

    @Override
    public String createChannel(String clientId, int durationMinutes) {
        // In this order, as the old library.
        Limits.checkDuration(durationMinutes);
        Limits.checkClientId(clientId);
        return call(downlink -> downlink.createChannel(clientId, durationMinutes).token());
    }

    @Override
    public void sendMessage(ChannelMessage message) {
        Limits.checkTarget(message.getClientId());
        Limits.checkMessage(message.getMessage());
        call(downlink -> downlink.send(message.getClientId(), message.getMessage()));
    }

    @Override
    public ChannelMessage parseMessage(HttpServletRequest request) {
        return ServletRequests.parseMessage(request);
    }

    @Override
    public ChannelPresence parsePresence(HttpServletRequest request) throws IOException {
        return ServletRequests.parsePresence(request);
    }

    private <T> T call(Function<DownlinkClient, T> call) {
        try {
            return call.apply(client.get());
        } catch (DownlinkException refusal) {
            throw ServiceCode.of(refusal).exception(refusal.getMessage(), refusal);
        }
    }
}
