package dev.downlink;

import java.util.OptionalInt;

/**
 * A call was refused, or could not be made.
 *
 * <p>Downlink answers errors as RFC 9457 problem documents with a stable {@code code}. A class stands here for each
 * answer that an application is likely to branch on; everything else is a plain {@code DownlinkException} with its
 * code. No text here ever holds a token or an API key.
 */
public class DownlinkException extends RuntimeException {
    private static final long serialVersionUID = 1L;
    /** No answer of the server, or none of its own: the answer to a batch is a good one. */
    static final int NO_STATUS = 0;


    private final String code;
    private final String detail;
    private final int status;

    /** An error behind which there is no answer of the server. */
    public DownlinkException(String code, String detail) {
        this(code, detail, NO_STATUS);
    }

    DownlinkException(String code, String detail, int status) {
        super(code + ": " + detail);
        this.code = code;
        this.detail = detail;
        this.status = status;
    }

    /** The stable word for what happened, such as {@code invalid_client_id}. */
    public String code() {
        return code;
    }

    /** A sentence that says what to do. */
    public String detail() {
        return detail;
    }

    /** The HTTP status; empty when no answer of the server is behind this error. */
    public OptionalInt status() {
        return status == NO_STATUS ? OptionalInt.empty() : OptionalInt.of(status);
    }

    /** Makes the error whose class fits the code, else the status. */
    static DownlinkException of(String code, String detail, int status) {
        switch (code) {
            case "invalid_client_id":
                return new InvalidClientId(detail, status);
            case "invalid_duration":
                return new InvalidDuration(detail, status);
            case "empty_message":
                return new EmptyMessage(detail, status);
            case "message_too_large":
                return new MessageTooLarge(detail, status);
            case "invalid_utf8":
                return new InvalidUtf8(detail, status);
            case "invalid_cursor":
                return new InvalidCursor(detail, status);
            case "invalid_api_key":
                return new InvalidApiKey(code, detail, status);
            case "idempotency_key_reused":
                return new IdempotencyConflict(code, detail, status);
            case "outcome_unknown":
            case "storage_failed":
            case "broker_away":
            case "overloaded":
            case "stopping":
            case "unavailable":
            case "disk_full":
                return new Unavailable(code, detail, status);
            default:
                return ofStatus(code, detail, status);
        }
    }

    // For codes without a class, and for the answers of a proxy, which bear none. 413 is absent: a whole batch can be
    // too large as well.
    private static DownlinkException ofStatus(String code, String detail, int status) {
        switch (status) {
            case 401:
                return new InvalidApiKey(code, detail, status);
            case 422:
                return new IdempotencyConflict(code, detail, status);
            case 429:
            case 502:
            case 503:
            case 504:
            case 507:
                return new Unavailable(code, detail, status);
            default:
                return new DownlinkException(code, detail, status);
        }
    }

    /** The client id is empty, over 256 bytes of UTF-8, or not text. */
    public static final class InvalidClientId extends DownlinkException {
        private static final long serialVersionUID = 1L;

        InvalidClientId(String detail, int status) {
            super("invalid_client_id", detail, status);
        }

        InvalidClientId() {
            this("A client id is 1 to 256 bytes of UTF-8 text.", NO_STATUS);
        }
    }

    /** The duration is not a whole number of minutes from 1 to 1440. */
    public static final class InvalidDuration extends DownlinkException {
        private static final long serialVersionUID = 1L;

        InvalidDuration(String detail, int status) {
            super("invalid_duration", detail, status);
        }

        InvalidDuration() {
            this("Give a whole number of minutes, 1 to 1440.", NO_STATUS);
        }
    }

    /** The message cannot be sent as it is; the subclasses say why. */
    public abstract static class InvalidMessage extends DownlinkException {
        private static final long serialVersionUID = 1L;

        InvalidMessage(String code, String detail, int status) {
            super(code, detail, status);
        }
    }

    /** The message has no bytes. */
    public static final class EmptyMessage extends InvalidMessage {
        private static final long serialVersionUID = 1L;

        EmptyMessage(String detail, int status) {
            super("empty_message", detail, status);
        }
    }

    /** The message is over the server's limit (32 KiB unless configured). */
    public static final class MessageTooLarge extends InvalidMessage {
        private static final long serialVersionUID = 1L;

        MessageTooLarge(String detail, int status) {
            super("message_too_large", detail, status);
        }
    }

    /** The message was to be text and is not UTF-8. */
    public static final class InvalidUtf8 extends InvalidMessage {
        private static final long serialVersionUID = 1L;

        InvalidUtf8(String detail, int status) {
            super("invalid_utf8", detail, status);
        }

        InvalidUtf8() {
            this("The text holds a lone surrogate, which UTF-8 cannot carry.", NO_STATUS);
        }
    }

    /** The cursor does not parse; cursors are opaque and come from the server only. */
    public static final class InvalidCursor extends DownlinkException {
        private static final long serialVersionUID = 1L;

        InvalidCursor(String detail, int status) {
            super("invalid_cursor", detail, status);
        }
    }

    /** The idempotency key was used before with another message. */
    public static final class IdempotencyConflict extends DownlinkException {
        private static final long serialVersionUID = 1L;

        IdempotencyConflict(String code, String detail, int status) {
            super(code, detail, status);
        }
    }

    /** The API key is missing, unknown or wrong. */
    public static final class InvalidApiKey extends DownlinkException {
        private static final long serialVersionUID = 1L;

        InvalidApiKey(String code, String detail, int status) {
            super(code, detail, status);
        }

        InvalidApiKey(String detail) {
            this("invalid_api_key", detail, NO_STATUS);
        }
    }

    /**
     * Downlink could not be reached, or cannot take the call now; trying later may help.
     *
     * <p>Whether a send that ended so was stored is unknown. Sending it again with the same idempotency key within
     * ten minutes is safe either way.
     */
    public static final class Unavailable extends DownlinkException {
        private static final long serialVersionUID = 1L;

        Unavailable(String code, String detail, int status) {
            super(code, detail, status);
        }

        Unavailable(String code, String detail) {
            this(code, detail, NO_STATUS);
        }
    }

    /**
     * A presence notice is not to be believed. The code is {@code missing_header}, {@code bad_timestamp},
     * {@code wrong_signature}, or, when it is signed and still no notice, {@code unreadable}.
     */
    public static final class InvalidNotice extends DownlinkException {
        private static final long serialVersionUID = 1L;

        InvalidNotice(String code, String detail) {
            super(code, detail);
        }
    }
}
