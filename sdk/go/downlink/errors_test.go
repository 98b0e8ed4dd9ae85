package downlink_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"downlink.dev/go/downlink"
)

// kinds are all Err values, so that a test sees those that must not match too.
var kinds = map[string]error{
	"client id": downlink.ErrInvalidClientID, "duration": downlink.ErrInvalidDuration,
	"message": downlink.ErrInvalidMessage, "empty": downlink.ErrEmptyMessage,
	"large": downlink.ErrMessageTooLarge, "utf8": downlink.ErrInvalidUTF8,
	"cursor": downlink.ErrInvalidCursor, "conflict": downlink.ErrIdempotencyConflict,
	"key": downlink.ErrInvalidAPIKey, "unavailable": downlink.ErrUnavailable,
	"notice": downlink.ErrInvalidNotice,
}

func checkKinds(t *testing.T, err error, wanted ...string) {
	t.Helper()
	for name, kind := range kinds {
		equal(t, fmt.Sprintf("%v is %q", err, name), errors.Is(err, kind), contains(wanted, name))
	}
}

func failing(t *testing.T, status int, body string) *downlink.Error {
	t.Helper()
	_, err := clientOver(t, newRecorder(canned{status, body})).Send(ctx, "ada", "hello")
	return refusal(t, err)
}

func TestAProblemBecomesAnErrorByItsCode(t *testing.T) {
	for _, one := range []struct {
		status int
		code   string
		kinds  []string
	}{
		{400, "invalid_client_id", []string{"client id"}},
		{400, "invalid_duration", []string{"duration"}},
		{400, "empty_message", []string{"message", "empty"}},
		{413, "message_too_large", []string{"message", "large"}},
		{400, "invalid_utf8", []string{"message", "utf8"}},
		{400, "invalid_cursor", []string{"cursor"}},
		{401, "invalid_api_key", []string{"key"}},
		{422, "some_conflict", []string{"conflict"}},
		{503, "outcome_unknown", []string{"unavailable"}},
		{507, "disk_full", []string{"unavailable"}},
		{418, "news_to_us", nil},
	} {
		problem := fmt.Sprintf(`{"type":"about:blank","status":%d,"code":%q,"detail":"Do this."}`,
			one.status, one.code)
		err := failing(t, one.status, problem)
		checkKinds(t, err, one.kinds...)
		equal(t, "error", fmt.Sprint(err.Code, err.Status, err.Detail),
			fmt.Sprint(one.code, one.status, "Do this."))
		equal(t, "text", err.Error(), "downlink: "+one.code+": Do this.")
	}
}

func TestAnAnswerOfSomethingElseIsToldByItsStatus(t *testing.T) {
	for _, one := range []struct {
		status int
		body   string
		kinds  []string
	}{
		{502, "<html>Bad Gateway</html>", []string{"unavailable"}},
		{401, "", []string{"key"}},
		{404, "[1]", nil},
		{404, `{"code":7}`, nil},
		{302, "", nil},
	} {
		err := failing(t, one.status, one.body)
		checkKinds(t, err, one.kinds...)
		equal(t, "code", err.Code, fmt.Sprint("http_", one.status))
	}
}

func TestASuccessThatIsNotDownlinksIsAnError(t *testing.T) {
	for _, body := range []string{"", "null", "[]", "{}", `{"id":"k3f.1"}`, `{"code":"x"}`, "{"} {
		err := failing(t, 200, body)
		equal(t, "code of "+body, err.Code, "unexpected_answer")
		if err.Unwrap() != nil {
			t.Errorf("%q: the cause may quote the answer", body)
		}
	}
	for _, body := range []string{"", "null", "[]", "{}"} {
		client := clientOver(t, newRecorder(canned{200, body}))
		_, created := client.CreateChannel(ctx, "ada")
		_, looked := client.Channel(ctx, "ada")
		pages, present := client.Messages("ada", ""), client.Presence()
		if pages.Next(ctx) || present.Next(ctx) {
			t.Errorf("%q is a page", body)
		}
		for _, err := range []error{created, looked, pages.Err(), present.Err()} {
			equal(t, "code of "+body, refusal(t, err).Code, "unexpected_answer")
		}
	}
	page := `{"messages":[{"id":"k3f.1","time":"2026-11-24T06:30:00Z"}],"cursor":"k3f.1"}`
	pages := clientOver(t, newRecorder(canned{200, page})).Messages("ada", "")
	equal(t, "a message without data", pages.Next(ctx), false)
}

func TestTooFewResultsAreAnError(t *testing.T) {
	client := clientOver(t, newRecorder(canned{200, "[]"}))
	_, err := client.SendMany(ctx, []downlink.Item{{To: "ada", Text: "x"}})
	equal(t, "code", refusal(t, err).Code, "unexpected_answer")
}

func TestAnAddressThatCannotBeOneIsRefusedAtOnce(t *testing.T) {
	for _, url := range []string{
		"", "127.0.0.1:7171", "ftp://downlink.test", "http://", "http://downlink.test:port",
		"http://downlink.test/?a=b", "http://downlink.test/#", "http://ada:secret-word@downlink.test",
		"http://ada:secret-word@downlink.test:port",
	} {
		_, err := downlink.NewClient(downlink.WithURL(url), downlink.WithAPIKey("a-key"))
		equal(t, "code of "+url, refusal(t, err).Code, "invalid_url")
		hides(t, err, "secret-word")
	}
}

func TestAKeyThatCannotBeOneIsRefusedAtOnce(t *testing.T) {
	t.Setenv("DOWNLINK_API_KEY", "")
	for _, key := range []string{"", "  ", "secret word", "secret\nword", "sécret-word"} {
		_, err := downlink.NewClient(downlink.WithAPIKey(key))
		checkKinds(t, err, "key")
		hides(t, err, "word")
	}
	_, err := downlink.NewClient()
	checkKinds(t, err, "key")
}

// never fails a test that makes a request.
type never struct{ t *testing.T }

func (n never) RoundTrip(*http.Request) (*http.Response, error) {
	n.t.Error("a request was made")
	return nil, errors.New("none is expected")
}

func TestWhatCannotBeSentIsRefusedWithoutARequest(t *testing.T) {
	client := clientOver(t, never{t})
	bad := "not \xff UTF-8"
	_, to := client.Send(ctx, bad, "x")
	_, created := client.CreateChannel(ctx, bad)
	_, looked := client.Channel(ctx, bad)
	pages := client.Messages(bad, "")
	equal(t, "next", pages.Next(ctx), false)
	for _, err := range []error{to, created, looked, pages.Err(), client.DeleteChannel(ctx, bad)} {
		checkKinds(t, err, "client id")
	}
	_, text := client.Send(ctx, "ada", bad)
	checkKinds(t, text, "message", "utf8")
	for _, key := range []string{"a\nb", "é", "\x7f"} {
		_, err := client.Send(ctx, "ada", "x", downlink.WithIdempotencyKey(key))
		equal(t, "code", refusal(t, err).Code, "invalid_idempotency_key")
	}
}
