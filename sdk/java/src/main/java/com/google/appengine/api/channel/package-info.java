/**
 * The Channel API of App Engine, served by Downlink.
 *
 * <pre>{@code
 * ChannelService channelService = ChannelServiceFactory.getChannelService();
 * String token = channelService.createChannel(clientId);
 * channelService.sendMessage(new ChannelMessage(clientId, "hello"));
 * }</pre>
 *
 * <p>{@code DOWNLINK_URL} ({@code http://127.0.0.1:7171} unless set) and {@code DOWNLINK_API_KEY} are read at the
 * first call. What is new is in {@link dev.downlink}. Servlets of {@code jakarta.servlet} have the package
 * {@link com.google.appengine.api.channel.jakarta}, servers without servlets {@link
 * com.google.appengine.api.channel.ChannelRequests}.
 */
package com.google.appengine.api.channel;
