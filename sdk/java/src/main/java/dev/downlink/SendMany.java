package dev.downlink;

import java.util.ArrayList;
import java.util.List;

/** One run of {@code sendMany}: cuts the items into calls, and gives one result per item in their order. */
final class SendMany {
    private final Transport transport;
    private final List<ItemResult> results = new ArrayList<>();
    private boolean anyAnswer;
    private DownlinkException failure;

    SendMany(Transport transport) {
        this.transport = transport;
    }

    /** Sends; items are read only as they are needed. */
    List<ItemResult> run(Iterable<Item> items) {
        Batch batch = new Batch();
        for (Item item : items) {
            int place = results.size();
            byte[] encoded;
            try {
                encoded = Requests.encodeItem(item);
            } catch (DownlinkException refusal) {
                results.add(new ItemError(refusal.code(), refusal.detail()));
                continue;
            }
            // Its place, until it is answered.
            results.add(null);
            if (!batch.hasRoomFor(encoded)) {
                send(batch);
                batch = new Batch();
            }
            batch.add(place, encoded, item.options().isStored());
        }
        if (!batch.isEmpty()) {
            send(batch);
        }
        return results;
    }

    /**
     * Sends one batch. A failure is thrown if it is the first call's; later it becomes the result of each item that
     * is left, or the caller would not learn what became of those before.
     */
    private void send(Batch batch) {
        if (failure == null) {
            try {
                answered(batch, transport.run(batch.call()));
                return;
            } catch (DownlinkException notSent) {
                if (!anyAnswer) {
                    throw notSent;
                }
                failure = notSent;
            }
        }
        for (int place : batch.places()) {
            results.set(place, new ItemError(failure.code(), failure.detail()));
        }
    }

    private void answered(Batch batch, List<ItemResult> answers) {
        if (answers.size() != batch.places().size()) {
            throw new DownlinkException(
                    "unexpected_answer", "The answer has another number of results than items sent.");
        }
        anyAnswer = true;
        for (int index = 0; index < answers.size(); index++) {
            results.set(batch.places().get(index), answers.get(index));
        }
    }
}
