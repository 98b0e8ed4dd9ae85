/**
 * Send messages from your server to its browsers, through Downlink.
 *
 * <pre>{@code
 * DownlinkClient client = DownlinkClient.create();      // DOWNLINK_URL, DOWNLINK_API_KEY
 * Channel channel = client.createChannel("ada");        // channel.token() goes into the page
 * client.send("ada", "hello");                          // and this arrives there
 * }</pre>
 *
 * <p>{@link dev.downlink.Notices} tells real presence notices from forged ones, {@link dev.downlink.Tokens} signs
 * tokens without a call. Applications written for App Engine find their old API in {@code
 * com.google.appengine.api.channel}.
 */
package dev.downlink;
