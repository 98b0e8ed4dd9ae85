package channel

import (
	"errors"
	"fmt"
	"testing"

	"downlink.dev/go/downlink"
)

func TestEachErrorHasItsServiceCode_item_10(t *testing.T) {
	for code, wanted := range map[string]int32{
		"storage_failed": 1, "invalid_api_key": 1, "connection_failed": 1, "interrupted": 1,
		"invalid_client_id": 2,
		"empty_message":     3, "message_too_large": 3, "invalid_utf8": 3,
		"invalid_duration": 4,
	} {
		said := &downlink.Error{Code: code, Detail: "Do this."}
		got := apiError(said)
		if got.Code != wanted || got.Service != "channel" || !errors.Is(got, said) {
			t.Errorf("%s: got %+v", code, got)
		}
	}
}

func TestEachServiceCodeHasItsText_item_10(t *testing.T) {
	for code, name := range map[int32]string{
		1: "INTERNAL_ERROR", 2: "INVALID_CHANNEL_KEY", 3: "BAD_MESSAGE",
		4: "INVALID_CHANNEL_TOKEN_DURATION", 5: "APPID_ALIAS_REQUIRED",
	} {
		var err error = &APIError{Service: serviceName, Code: code, Detail: "Do this."}
		if wanted := fmt.Sprintf("API error %d (channel: %s): Do this.", code, name); err.Error() != wanted {
			t.Errorf("got %q", err)
		}
	}
	unknown := &APIError{Service: serviceName, Code: 77}
	if unknown.Error() != "API error 77 (channel)" {
		t.Errorf("got %q", unknown)
	}
}
