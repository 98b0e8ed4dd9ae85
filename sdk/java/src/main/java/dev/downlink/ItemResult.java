package dev.downlink;

/**
 * What became of one item of {@link DownlinkClient#sendMany}: a {@link Sent}, a {@link SentToMany} or an {@link
 * ItemError}.
 */
public abstract class ItemResult {
    ItemResult() {}
}
