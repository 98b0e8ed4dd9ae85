package channel

import (
	"errors"
	"fmt"

	"downlink.dev/go/downlink"
)

const serviceName = "channel"

// The codes of the old service.
const (
	// CodeInternalError is for all that has no code of its own, a Downlink that cannot be reached
	// included.
	CodeInternalError int32 = 1
	// CodeInvalidChannelKey says that the client id is empty, over 256 bytes, or not UTF-8.
	CodeInvalidChannelKey int32 = 2
	// CodeBadMessage says that the message is empty, over 32767 bytes, or not UTF-8.
	CodeBadMessage int32 = 3
	// CodeInvalidChannelTokenDuration says that a duration is not 1 to 1440 minutes. Create asks for
	// none, so it does not come from here.
	CodeInvalidChannelTokenDuration int32 = 4
	// CodeAppIDAliasRequired was for app ids with a domain; Downlink never says it.
	CodeAppIDAliasRequired int32 = 5
)

var codeNames = map[int32]string{
	CodeInternalError:               "INTERNAL_ERROR",
	CodeInvalidChannelKey:           "INVALID_CHANNEL_KEY",
	CodeBadMessage:                  "BAD_MESSAGE",
	CodeInvalidChannelTokenDuration: "INVALID_CHANNEL_TOKEN_DURATION",
	CodeAppIDAliasRequired:          "APPID_ALIAS_REQUIRED",
}

// APIError is the error of every call that the service refused or could not take.
type APIError struct {
	// Service is always "channel".
	Service string
	// Detail is a sentence that says what to do. It never holds a token or a key.
	Detail string
	// Code is one of this package's codes.
	Code int32

	cause error
}

// Error says the code, its name, and what to do.
func (e *APIError) Error() string {
	name := e.Service
	if known := codeNames[e.Code]; known != "" {
		name += ": " + known
	}
	text := fmt.Sprintf("API error %d (%s)", e.Code, name)
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

// Unwrap returns the error of the package downlink that is behind this one, if there is one; through
// it errors.Is finds downlink.ErrUnavailable or context.Canceled, for instance.
func (e *APIError) Unwrap() error {
	return e.cause
}

// apiError is what an error of the package downlink is to applications of the old API.
func apiError(err error) *APIError {
	translated := &APIError{Service: serviceName, Code: CodeInternalError, Detail: err.Error(), cause: err}
	switch {
	case errors.Is(err, downlink.ErrInvalidClientID):
		translated.Code = CodeInvalidChannelKey
	case errors.Is(err, downlink.ErrInvalidMessage):
		translated.Code = CodeBadMessage
	case errors.Is(err, downlink.ErrInvalidDuration):
		translated.Code = CodeInvalidChannelTokenDuration
	}
	var said *downlink.Error
	if translated.Code != CodeInternalError && errors.As(err, &said) {
		translated.Detail = said.Detail
	}
	return translated
}
