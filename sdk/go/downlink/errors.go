package downlink

import (
	"errors"
	"net/http"
)

// Error is what every call of this package returns when it fails: a refusal of Downlink, or a call
// that could not be made. [errors.Is] with one of the Err values tells what to do about it.
type Error struct {
	// Code is the stable word for what happened, such as "invalid_client_id".
	Code string
	// Detail is a sentence that says what to do. It never holds a token or a key.
	Detail string
	// Status is the HTTP status, or 0 when no answer of the server is behind this error.
	Status int

	// cause is the context's error, so that errors.Is finds it. Never an error of net/http: its
	// text holds the address of the request, and that may hold a token.
	cause error
}

// Error says the code and what to do.
func (e *Error) Error() string {
	return "downlink: " + e.Code + ": " + e.Detail
}

// Unwrap returns the context's error if the context ended the call.
func (e *Error) Unwrap() error {
	return e.cause
}

// Is reports whether target is the Err value that stands for this error.
func (e *Error) Is(target error) bool {
	kind, known := kindByCode[e.Code]
	if !known {
		kind, known = kindByStatus[e.Status]
	}
	if !known {
		return false
	}
	if target == ErrInvalidMessage {
		return kind == ErrEmptyMessage || kind == ErrMessageTooLarge || kind == ErrInvalidUTF8
	}
	return target == kind
}

// What can go wrong, by what a caller does about it.
var (
	// ErrInvalidClientID: the client id is empty, over 256 bytes, or not UTF-8.
	ErrInvalidClientID = errors.New("downlink: invalid client id")
	// ErrInvalidDuration: the duration is not a whole number of minutes from 1 to 1440.
	ErrInvalidDuration = errors.New("downlink: invalid duration")
	// ErrInvalidMessage: the message cannot be sent as it is. The three that follow say why, and
	// are this one too.
	ErrInvalidMessage = errors.New("downlink: invalid message")
	// ErrEmptyMessage: the message has no bytes.
	ErrEmptyMessage = errors.New("downlink: empty message")
	// ErrMessageTooLarge: the message is over the server's limit (32 KiB unless configured).
	ErrMessageTooLarge = errors.New("downlink: message too large")
	// ErrInvalidUTF8: the message was to be text and is not UTF-8.
	ErrInvalidUTF8 = errors.New("downlink: not UTF-8")
	// ErrInvalidCursor: the cursor does not parse; cursors are opaque and come from the server.
	ErrInvalidCursor = errors.New("downlink: invalid cursor")
	// ErrIdempotencyConflict: the idempotency key was used before with another message.
	ErrIdempotencyConflict = errors.New("downlink: idempotency key used before")
	// ErrInvalidAPIKey: the API key is missing, unknown or wrong.
	ErrInvalidAPIKey = errors.New("downlink: invalid API key")
	// ErrUnavailable: Downlink could not be reached, or cannot take the call now. Whether a send
	// that ended so was stored is unknown; sending it again with the same idempotency key within
	// ten minutes is safe either way.
	ErrUnavailable = errors.New("downlink: unavailable")
	// ErrInvalidNotice: a request is not a presence notice of Downlink, or no longer a fresh one.
	ErrInvalidNotice = errors.New("downlink: not a notice of Downlink")
)

var kindByCode = map[string]error{
	codeConnectionFailed: ErrUnavailable,
	"invalid_client_id":  ErrInvalidClientID,
	"invalid_duration":   ErrInvalidDuration,
	"empty_message":      ErrEmptyMessage,
	"message_too_large":  ErrMessageTooLarge,
	"invalid_utf8":       ErrInvalidUTF8,
	"invalid_cursor":     ErrInvalidCursor,
	"invalid_api_key":    ErrInvalidAPIKey,
	"missing_header":     ErrInvalidNotice,
	"bad_timestamp":      ErrInvalidNotice,
	"wrong_signature":    ErrInvalidNotice,
	"unreadable":         ErrInvalidNotice,
}

// kindByStatus is for answers whose code has no kind, and for those of a proxy, which bear none.
// 413 is absent: a whole batch can be too large as well.
var kindByStatus = map[int]error{
	http.StatusUnauthorized:        ErrInvalidAPIKey,
	http.StatusUnprocessableEntity: ErrIdempotencyConflict,
	http.StatusTooManyRequests:     ErrUnavailable,
	http.StatusBadGateway:          ErrUnavailable,
	http.StatusServiceUnavailable:  ErrUnavailable,
	http.StatusGatewayTimeout:      ErrUnavailable,
	http.StatusInsufficientStorage: ErrUnavailable,
}

func notAClientID() *Error {
	return &Error{Code: "invalid_client_id", Detail: "A client id is 1 to 256 bytes of UTF-8 text."}
}

func notText() *Error {
	return &Error{
		Code:   "invalid_utf8",
		Detail: "The text is not UTF-8; send it as binary, or correct it.",
	}
}
