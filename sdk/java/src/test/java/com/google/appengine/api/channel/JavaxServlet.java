package com.google.appengine.api.channel;

import java.io.IOException;
import javax.servlet.http.HttpServlet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;

/** As applications of the App Engine time had it. */
final class JavaxServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;
    private final transient Application application;

    JavaxServlet(Application application) {
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
