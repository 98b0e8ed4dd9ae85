package com.google.appengine.api.channel.jakarta;

import com.google.appengine.api.channel.ChannelMessage;
import com.google.appengine.api.channel.ChannelPresence;
import com.google.appengine.api.channel.ChannelRequests;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;

/** The service behind both packages, with another kind of request. */
final class ChannelServiceImpl implements ChannelService {
    @Override
    public String createChannel(String clientId) {
        return service().createChannel(clientId);
    }

    @Override
    public String createChannel(String clientId, int durationMinutes) {
        return service().createChannel(clientId, durationMinutes);
    }

    @Override
    public void sendMessage(ChannelMessage message) {
        service().sendMessage(message);
    }

    @Override
    public ChannelMessage parseMessage(HttpServletRequest request) {
        return ChannelRequests.parseMessage(request::getParameter);
    }

    @Override
    public ChannelPresence parsePresence(HttpServletRequest request) throws IOException {
        return ChannelRequests.parsePresence(
                request.getRequestURI(), request.getContentType(), request::getHeader, request.getInputStream());
    }

    private static com.google.appengine.api.channel.ChannelService service() {
        return com.google.appengine.api.channel.ChannelServiceFactory.getChannelService();
    }
}
