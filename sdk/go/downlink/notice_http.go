package downlink

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
)

// noticeBytesMax is many times the longest notice, a client id of 256 bytes and a few words.
const noticeBytesMax = 16 * 1024

// ReadNotice reads the body of a request, at most 16 KiB of it, and verifies it as [VerifyNotice]
// does. The body can be read again afterwards, by FormValue("from") for instance: a handler written
// for App Engine gets this check before its first line, and answers 403 when there is an error.
func ReadNotice(request *http.Request, secrets ...string) (Notice, error) {
	var body []byte
	if request.Body != nil {
		var err error
		body, err = io.ReadAll(io.LimitReader(request.Body, noticeBytesMax+1))
		if err != nil {
			return Notice{}, &Error{Code: "unreadable", Detail: "The body did not arrive to its end."}
		}
	}
	if len(body) > noticeBytesMax {
		return Notice{}, &Error{Code: "unreadable", Detail: "The body is larger than any notice."}
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	return VerifyNotice(request.Header, body, secrets...)
}

// NoticeHandler answers the POSTs of Downlink's presence notices, of either format, and calls handle
// with each that is genuine. What handle returns is the answer: 204 if nil, so that the notice is
// settled, else 500, so that Downlink sends it again later. All others are refused with 403 (405 if
// they are no POST), and with 500 if there is no secret to verify with.
//
//	http.Handle("/_ah/channel/", downlink.NoticeHandler(func(ctx context.Context, notice downlink.Notice) error {
//		log.Print(notice.ClientID, " connected: ", notice.Connected)
//		return nil
//	}))
func NoticeHandler(handle func(context.Context, Notice) error, secrets ...string) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, request *http.Request) {
		if request.Method != http.MethodPost {
			out.Header().Set("Allow", http.MethodPost)
			http.Error(out, "Presence notices are POSTs.", http.StatusMethodNotAllowed)
			return
		}
		notice, err := ReadNotice(request, secrets...)
		if errors.Is(err, ErrInvalidNotice) {
			http.Error(out, err.Error(), http.StatusForbidden)
			return
		}
		if err != nil || handle(request.Context(), notice) != nil {
			// Without the cause: it is the application's own, and Downlink only needs to come back.
			http.Error(out, "The notice was not taken.", http.StatusInternalServerError)
			return
		}
		out.WriteHeader(http.StatusNoContent)
	})
}
