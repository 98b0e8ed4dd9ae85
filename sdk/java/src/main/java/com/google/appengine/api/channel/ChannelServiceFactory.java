package com.google.appengine.api.channel;

/** Where applications get the service from. */
public final class ChannelServiceFactory {
    private static final ChannelService SERVICE = new ChannelServiceImpl(new SharedClient());

    private ChannelServiceFactory() {}

    /** The service, which all threads may share. It reads its settings at the first call. */
    public static ChannelService getChannelService() {
        return SERVICE;
    }
}
