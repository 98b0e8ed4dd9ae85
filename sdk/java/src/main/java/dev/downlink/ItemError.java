package dev.downlink;

/** One item of {@link DownlinkClient#sendMany} was refused; the others are not touched by it. */
public final class ItemError extends ItemResult {
    private final String code;
    private final String detail;

    ItemError(String code, String detail) {
        this.code = code;
        this.detail = detail;
    }

    /** The stable word for what happened. */
    public String code() {
        return code;
    }

    /** A sentence that says what to do. */
    public String detail() {
        return detail;
    }

    @Override
    public String toString() {
        return "ItemError(" + code + ": " + detail + ")";
    }
}
