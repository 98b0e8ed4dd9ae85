package downlink

import (
	"net/http"
	"time"
)

// ClientOption changes how [NewClient] makes a client.
type ClientOption func(*clientSettings)

type clientSettings struct {
	url        *string
	apiKey     *string
	timeout    time.Duration
	firstDelay time.Duration
	transport  http.RoundTripper
}

// WithURL says where Downlink is; without it DOWNLINK_URL does, else it is http://127.0.0.1:7171.
func WithURL(url string) ClientOption {
	return func(settings *clientSettings) { settings.url = &url }
}

// WithAPIKey gives the API key; without it DOWNLINK_API_KEY does.
func WithAPIKey(key string) ClientOption {
	return func(settings *clientSettings) { settings.apiKey = &key }
}

// WithTimeout bounds each wait within a try: for a connection, for the next part of a request to
// be taken, and for the next part of its answer. It is 5 seconds unless set.
func WithTimeout(timeout time.Duration) ClientOption {
	return func(settings *clientSettings) { settings.timeout = timeout }
}

// WithTransport replaces the network, for tests and special routes.
func WithTransport(transport http.RoundTripper) ClientOption {
	return func(settings *clientSettings) { settings.transport = transport }
}

// ChannelOption changes what [Client.CreateChannel] makes.
type ChannelOption interface {
	applyToChannel(*channelSettings)
}

type channelSettings struct {
	duration *time.Duration
}

// DurationOption is what [WithDuration] gives.
type DurationOption struct {
	duration time.Duration
}

// WithDuration says how long a token is good: whole minutes, 1 to 1440. It is 2 hours unless set.
// [Client.CreateChannel] and [SignToken] take it.
func WithDuration(duration time.Duration) DurationOption {
	return DurationOption{duration: duration}
}

func (option DurationOption) applyToChannel(settings *channelSettings) {
	settings.duration = &option.duration
}

func (option DurationOption) applyToToken(settings *tokenSettings) {
	settings.duration = option.duration
}

// SendOption changes how [Client.Send] and [Client.SendBinary] send.
type SendOption func(*sendSettings)

type sendSettings struct {
	ttl            *time.Duration
	idempotencyKey string
}

// WithTTL says after how many seconds nobody needs the message any more. With 0 it is not stored
// and reaches only the pages that are there now.
func WithTTL(ttl time.Duration) SendOption {
	return func(settings *sendSettings) { settings.ttl = &ttl }
}

// WithIdempotencyKey gives the send a key of your own, so that it is stored once even when your
// program was started anew in between. Without it each send has a key that nobody else makes.
func WithIdempotencyKey(key string) SendOption {
	return func(settings *sendSettings) { settings.idempotencyKey = key }
}
