package dev.downlink;

import java.util.ArrayList;
import java.util.List;

/** Items that travel in one call, and their places among all. */
final class Batch {
    // The server's limits for one call.
    static final int ITEMS_MAX = 10_000;
    static final int BYTES_MAX = 16 * 1024 * 1024;

    private final List<byte[]> items = new ArrayList<>();
    private final List<Integer> places = new ArrayList<>();
    private long bytes = "[]".length();
    private boolean repeatable = true;

    /** Always true while empty: the server tells why one item alone is too large. */
    boolean hasRoomFor(byte[] encoded) {
        boolean fits = bytes + encoded.length + ",".length() <= BYTES_MAX && items.size() < ITEMS_MAX;
        return items.isEmpty() || fits;
    }

    /** Takes an item that there is room for. */
    void add(int place, byte[] encoded, boolean itemIsRepeatable) {
        repeatable &= itemIsRepeatable;
        bytes += encoded.length + ",".length();
        items.add(encoded);
        places.add(place);
    }

    boolean isEmpty() {
        return items.isEmpty();
    }

    /** Where each item stands among all. */
    List<Integer> places() {
        return places;
    }

    /** The call that sends these items. */
    Call<List<ItemResult>> call() {
        return Requests.sendItems(items, repeatable);
    }
}
