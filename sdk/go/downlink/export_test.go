package downlink

import (
	"net/http"
	"time"
)

// VerifyNoticeAt is VerifyNotice at another time.
func VerifyNoticeAt(
	now time.Time, header http.Header, body []byte, secrets ...string,
) (Notice, error) {
	return verifyNotice(header, body, secrets, now)
}

// SignedAt makes a token of another time, and with a jti that is known.
func SignedAt(now time.Time, jti string) TokenOption {
	return tokenOption(func(settings *tokenSettings) { settings.now, settings.jti = now, jti })
}

// WithShortWaits is for tests that are not about how long a client waits between its tries.
func WithShortWaits() ClientOption {
	return WithFirstDelay(20 * time.Millisecond)
}

// WithFirstDelay sets the longest wait before the second try.
func WithFirstDelay(delay time.Duration) ClientOption {
	return func(settings *clientSettings) { settings.firstDelay = delay }
}
