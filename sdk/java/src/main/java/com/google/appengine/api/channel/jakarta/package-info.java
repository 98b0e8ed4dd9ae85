/**
 * The Channel API of App Engine for servlets of {@code jakarta.servlet}.
 *
 * <p>An application that moves from {@code javax.servlet} imports {@code ChannelService} and {@code
 * ChannelServiceFactory} from here; messages, presences and exceptions stay where they were. It is a package of its
 * own, since a compiler that sees a method for either kind of request asks for both to be there.
 */
package com.google.appengine.api.channel.jakarta;
