package com.google.appengine.api.channel;

import dev.downlink.DownlinkClient;
import java.util.function.Supplier;

/** One client for all threads, made at the first call. */
final class SharedClient implements Supplier<DownlinkClient> {
    private DownlinkClient client;

    /** If the settings are wrong this throws, and the next call reads them again. */
    @Override
    public synchronized DownlinkClient get() {
        if (client == null) {
            client = DownlinkClient.create();
        }
        return client;
    }
}
