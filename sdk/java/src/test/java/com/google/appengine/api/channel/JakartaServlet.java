package com.google.appengine.api.channel;

import com.google.appengine.api.channel.jakarta.ChannelService;
import com.google.appengine.api.channel.jakarta.ChannelServiceFactory;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;

/** The same servlet after its move: only its imports differ. */
final class JakartaServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;
    private final transient Application application;

    JakartaServlet(Application application) {
        this.application = application;
    }

    @Override
    protected void doPost(HttpServletRequest request, HttpServletResponse response) throws IOException {
        ChannelService service = ChannelServiceFactory.getChannelService();
        String answer = application.answer(
                request.getRequestURI(), () -> service.parseMessage(request), () -> service.parsePresence(request));
        response.setStatus(Integer.parseInt(answer.substring(0, 3)));
        response.setCharacterEncoding("UTF-8");
        response.getWriter().print(answer.substring(4));
    }
}
