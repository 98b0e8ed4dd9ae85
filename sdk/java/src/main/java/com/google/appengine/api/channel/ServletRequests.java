package com.google.appengine.api.channel;

import java.io.IOException;
import javax.servlet.http.HttpServletRequest;

/**
 * Takes from a servlet's request what is needed of it. A class of its own, so that nothing else here needs servlets.
 */
final class ServletRequests {
    private ServletRequests() {}

    static ChannelMessage parseMessage(HttpServletRequest request) {
        return ChannelRequests.parseMessage(request::getParameter);
    }

    static ChannelPresence parsePresence(HttpServletRequest request) throws IOException {
        return ChannelRequests.parsePresence(
                request.getRequestURI(), request.getContentType(), request::getHeader, request.getInputStream());
    }
}
