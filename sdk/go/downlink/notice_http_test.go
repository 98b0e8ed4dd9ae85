package downlink_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"downlink.dev/go/downlink"
)

const noticeBody = `{"type":"channel.connected","data":{"client_id":"ada","generation":1}}`

func answerTo(handler http.Handler, method, body string, header http.Header) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, "/_ah/channel/connected/", strings.NewReader(body))
	for name, values := range header {
		request.Header[name] = values
	}
	out := httptest.NewRecorder()
	handler.ServeHTTP(out, request)
	return out
}

func TestAHandlerAnswersByWhatBecameOfTheNotice_item_54(t *testing.T) {
	var got []string
	var outcome error
	handler := downlink.NoticeHandler(func(_ context.Context, notice downlink.Notice) error {
		got = append(got, notice.ClientID)
		return outcome
	}, presenceSecret)
	good := signed(noticeBody)
	equal(t, "genuine", answerTo(handler, "POST", noticeBody, good).Code, 204)
	outcome = errors.New("private words")
	failed := answerTo(handler, "POST", noticeBody, good)
	equal(t, "not taken", failed.Code, 500)
	equal(t, "cause", strings.Contains(failed.Body.String(), "private"), false)
	equalTexts(t, got, []string{"ada", "ada"})

	equal(t, "unsigned", answerTo(handler, "POST", noticeBody, nil).Code, 403)
	altered := strings.Replace(noticeBody, "ada", "bob", 1)
	equal(t, "altered", answerTo(handler, "POST", altered, good).Code, 403)
	full := noticeBody + strings.Repeat(" ", 16*1024-len(noticeBody))
	outcome = nil
	equal(t, "as large as can be", answerTo(handler, "POST", full, signed(full)).Code, 204)
	large := full + " "
	equal(t, "too large", answerTo(handler, "POST", large, signed(large)).Code, 403)
	seen := answerTo(handler, "GET", "", nil)
	equal(t, "GET", seen.Code, 405)
	equal(t, "allow", seen.Header().Get("Allow"), "POST")
	t.Setenv("DOWNLINK_PRESENCE_SECRET", "")
	withoutSecret := downlink.NoticeHandler(func(context.Context, downlink.Notice) error { return nil })
	equal(t, "without a secret", answerTo(withoutSecret, "POST", noticeBody, good).Code, 500)
	equalTexts(t, got, []string{"ada", "ada", "ada"})
}

func TestABodyCanBeReadAgainAfterItsNotice(t *testing.T) {
	request := httptest.NewRequest("POST", "/", strings.NewReader(noticeBody))
	request.Header = signed(noticeBody)
	if _, err := downlink.ReadNotice(request, presenceSecret); err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "body", string(body), noticeBody)
	request.Body = nil
	_, err = downlink.ReadNotice(request, presenceSecret)
	equal(t, "without a body", refusal(t, err).Code, "wrong_signature")
}

type torn struct{}

func (torn) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestABodyThatIsTornIsNoNotice(t *testing.T) {
	request := httptest.NewRequest("POST", "/", torn{})
	_, err := downlink.ReadNotice(request, presenceSecret)
	checkKinds(t, err, "notice")
}
