package downlink

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"runtime"
	"strings"
	"sync/atomic"
	"time"
)

// answerBytesMax is far above what Downlink answers: a page has at most 1 MiB of messages, a batch
// at most 10,000 results. It bounds what something else at the address can make us keep.
const answerBytesMax = 64 * 1024 * 1024

// connectionsKept is for programs that send from many goroutines at once; net/http keeps 2.
const connectionsKept = 64

var userAgent = "downlink-go/" + Version + " go/" + strings.TrimPrefix(runtime.Version(), "go")

// answer is what the server said to one try.
type answer struct {
	status     int
	retryAfter string
	body       []byte
}

// failure is why there was no answer to one try.
type failure struct {
	// reason is ours: the error of net/http quotes the request's address.
	reason string
	// mayHaveArrived is false if the server cannot have seen the request.
	mayHaveArrived bool
}

func newTransport() *http.Transport {
	transport := &http.Transport{}
	if standard, ok := http.DefaultTransport.(*http.Transport); ok {
		transport = standard.Clone()
	}
	transport.MaxIdleConnsPerHost = connectionsKept
	return transport
}

// followNone lets an answer that points elsewhere be the answer: the API key is for Downlink only.
func followNone(*http.Request, []*http.Request) error {
	return http.ErrUseLastResponse
}

// run makes a call, with as many tries as it takes, and reads its answer.
func run[T any](
	ctx context.Context, c *Client, call call, read func([]byte) (T, error),
) (T, error) {
	var nothing T
	tries := newTries(call.repeatable, c.firstDelay)
	for {
		if err := ctx.Err(); err != nil {
			return nothing, interrupted(err)
		}
		var delay time.Duration
		var again bool
		answer, failed := c.try(ctx, call)
		switch {
		case failed == nil:
			if delay, again = tries.afterAnswer(answer); !again {
				return readAnswer(answer, read)
			}
		case ctx.Err() != nil:
			return nothing, interrupted(ctx.Err())
		default:
			if delay, again = tries.afterFailure(*failed); !again {
				detail := "Downlink could not be reached (" + failed.reason + ")."
				return nothing, &Error{Code: codeConnectionFailed, Detail: detail}
			}
		}
		sleep(ctx, delay)
	}
}

// try makes one try of a call.
func (c *Client) try(ctx context.Context, call call) (answer, *failure) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watch := startWatch(c.timeout, cancel)
	defer watch.timer.Stop()

	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true); watch.progress() },
	})
	request, err := c.request(ctx, call, watch)
	if err != nil {
		return answer{}, &failure{reason: "no request can be made for this address"}
	}
	response, err := c.http.Do(request)
	if err == nil {
		defer response.Body.Close()
		var body []byte
		body, err = io.ReadAll(io.LimitReader(watch.over(response.Body), answerBytesMax))
		if err == nil {
			retryAfter := response.Header.Get("Retry-After")
			return answer{status: response.StatusCode, retryAfter: retryAfter, body: body}, nil
		}
	}
	arrived := connected.Load() || watch.used.Load()
	return answer{}, &failure{reason: reasonOf(err, arrived, watch), mayHaveArrived: arrived}
}

func (c *Client) request(ctx context.Context, call call, watch *watch) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, call.method, c.url+call.target, nil)
	if err != nil {
		return nil, err
	}
	if call.method == http.MethodPost {
		body := func() (io.ReadCloser, error) {
			return io.NopCloser(watch.over(bytes.NewReader(call.content))), nil
		}
		request.Body, _ = body()
		request.ContentLength = int64(len(call.content))
		if len(call.content) == 0 {
			request.Body = http.NoBody
		}
		if call.repeatable {
			// Without it net/http does not send a body again by itself.
			request.GetBody = body
		}
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Authorization", "Bearer "+c.apiKey.reveal())
	request.Header.Set("User-Agent", userAgent)
	for name, value := range call.headers {
		request.Header.Set(name, value)
	}
	return request, nil
}

// watch ends a try that makes no progress for the client's timeout.
type watch struct {
	timeout time.Duration
	timer   *time.Timer
	expired atomic.Bool
	// used tells whether anything of a body was read, for transports that do not tell of connections.
	used atomic.Bool
}

func startWatch(timeout time.Duration, cancel context.CancelFunc) *watch {
	watch := &watch{timeout: timeout}
	watch.timer = time.AfterFunc(timeout, func() { watch.expired.Store(true); cancel() })
	return watch
}

func (w *watch) progress() {
	w.timer.Reset(w.timeout)
}

// over returns the reader with each of its reads counted as progress.
func (w *watch) over(reader io.Reader) io.Reader {
	return watchedReader{reader: reader, watch: w}
}

type watchedReader struct {
	reader io.Reader
	watch  *watch
}

// Read reads from the reader below.
func (r watchedReader) Read(into []byte) (int, error) {
	r.watch.used.Store(true)
	n, err := r.reader.Read(into)
	r.watch.progress()
	return n, err
}

// reasonOf says in our own words why a try failed.
func reasonOf(err error, connected bool, watch *watch) string {
	var unknown x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown) || errors.As(err, &hostname) || errors.As(err, &invalid):
		return "its certificate is not accepted"
	case watch.expired.Load():
		return "no answer in time"
	case connected:
		return "the connection broke"
	default:
		return "no connection"
	}
}

const codeConnectionFailed = "connection_failed"

func interrupted(cause error) *Error {
	return &Error{
		Code:   "interrupted",
		Detail: "The context ended before Downlink answered.",
		cause:  cause,
	}
}

func sleep(ctx context.Context, delay time.Duration) {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
