package com.google.appengine.api.channel;

import dev.downlink.DownlinkException;

/**
 * What the old service answered, and what its library made of each: here always the same exception, in other words.
 */
enum ServiceCode {
    INTERNAL_ERROR("An internal channel error occurred."),
    INVALID_CHANNEL_KEY(ServiceCode.GENERIC),
    BAD_MESSAGE(ServiceCode.GENERIC),
    INVALID_CHANNEL_TOKEN_DURATION(ServiceCode.GENERIC),
    APPID_ALIAS_REQUIRED("This app id needs an alias to use channels.");

    private static final String GENERIC = "The channel service refused the call.";

    private final String words;

    ServiceCode(String words) {
        this.words = words;
    }

    /** Everything that is not about a value, a server that cannot be reached included, is an internal error. */
    static ServiceCode of(DownlinkException refusal) {
        if (refusal instanceof DownlinkException.InvalidClientId) {
            return INVALID_CHANNEL_KEY;
        }
        if (refusal instanceof DownlinkException.InvalidMessage) {
            return BAD_MESSAGE;
        }
        if (refusal instanceof DownlinkException.InvalidDuration) {
            return INVALID_CHANNEL_TOKEN_DURATION;
        }
        return INTERNAL_ERROR;
    }

    ChannelFailureException exception(String detail, Throwable cause) {
        return new ChannelFailureException(words + " " + detail, cause);
    }
}
