package downlink

import (
	"context"
	"net/http"
	"time"
)

const defaultTimeout = 5 * time.Second

// Client talks to Downlink. Make one and share it: it keeps connections, and is safe for
// concurrent use.
//
// Every call may return an [*Error]. It is tried three times when Downlink cannot be reached or
// answers 429, 502, 503 or 504; a send bears an idempotency key and so is stored once all the same. Only
// a send with a TTL of 0, which is not stored, is not tried again once it may have arrived. A call
// ends as soon as its context does, with an error that wraps the context's.
type Client struct {
	url     string
	apiKey  secret
	timeout time.Duration
	// firstDelay is the longest wait before the second try; tests of other things shorten it.
	firstDelay time.Duration
	http       *http.Client
}

// NewClient makes a client. DOWNLINK_URL and DOWNLINK_API_KEY stand in for what is not given.
func NewClient(options ...ClientOption) (*Client, error) {
	settings := clientSettings{timeout: defaultTimeout, firstDelay: firstDelayDefault}
	for _, option := range options {
		option(&settings)
	}
	url, err := checkedURL(settings.url)
	if err != nil {
		return nil, err
	}
	key, err := checkedKey(settings.apiKey)
	if err != nil {
		return nil, err
	}
	if settings.transport == nil {
		settings.transport = newTransport()
	}
	return &Client{
		url:        url,
		apiKey:     key,
		timeout:    settings.timeout,
		firstDelay: settings.firstDelay,
		http:       &http.Client{Transport: settings.transport, CheckRedirect: followNone},
	}, nil
}

// Close closes the connections that the client keeps for later calls.
func (c *Client) Close() {
	c.http.CloseIdleConnections()
}

// CreateChannel makes a token with which a page opens the channel of clientID.
//
// It is good for 2 hours unless [WithDuration] says otherwise. Nothing is stored, so create as many
// as you like; all tokens of a client id lead to the same channel.
func (c *Client) CreateChannel(
	ctx context.Context, clientID string, options ...ChannelOption,
) (Channel, error) {
	var settings channelSettings
	for _, option := range options {
		option.applyToChannel(&settings)
	}
	call, err := createChannelCall(clientID, settings)
	if err != nil {
		return Channel{}, err
	}
	return run(ctx, c, call, readChannel)
}

// Send sends text to a client id, or to the one that a token is for. It has to be UTF-8 and arrives
// as it is. Sending to somebody who is not there succeeds.
//
// Retries never store a message twice. Give [WithIdempotencyKey] to have the same across restarts
// of your program.
func (c *Client) Send(
	ctx context.Context, to, text string, options ...SendOption,
) (Sent, error) {
	call, err := sendTextCall(to, text, options)
	if err != nil {
		return Sent{}, err
	}
	return run(ctx, c, call, readSent)
}

// SendBinary sends bytes, which arrive in the page as an ArrayBuffer; else it is like [Client.Send].
func (c *Client) SendBinary(
	ctx context.Context, to string, data []byte, options ...SendOption,
) (Sent, error) {
	call, err := sendBinaryCall(to, data, options)
	if err != nil {
		return Sent{}, err
	}
	return run(ctx, c, call, readSent)
}

// SendMany sends many messages in few calls; it returns one result per item, in their order.
//
// An item that is refused has an error in its result and does not stop the others. SendMany itself
// returns an error only if nothing was sent; a failure later on is the result of each item that is
// left.
func (c *Client) SendMany(ctx context.Context, items []Item) ([]ItemResult, error) {
	batches := newBatches(items)
	for {
		batch, ok := batches.next()
		if !ok {
			return batches.results, nil
		}
		answers, err := run(ctx, c, batch.call(), readItemResults)
		if err == nil {
			err = batches.answered(batch, answers)
		}
		if err != nil {
			if !batches.anyAnswer {
				return nil, err
			}
			// The caller would not learn otherwise what became of the items before.
			batches.refuseRest(batch, err)
			return batches.results, nil
		}
	}
}

// Channel tells who listens to clientID, and how far they are.
func (c *Client) Channel(ctx context.Context, clientID string) (ChannelState, error) {
	call, err := channelCall(clientID)
	if err != nil {
		return ChannelState{}, err
	}
	return run(ctx, c, call, readState)
}

// DeleteChannel ends the sockets of clientID, refuses its earlier tokens, and makes what is kept
// for it unreadable. Later sends and new tokens just work.
func (c *Client) DeleteChannel(ctx context.Context, clientID string) error {
	call, err := deleteChannelCall(clientID)
	if err != nil {
		return err
	}
	_, err = run(ctx, c, call, readNothing)
	return err
}

// Messages returns the messages still kept for clientID, oldest first, page by page. With a cursor
// as after it returns what came behind that; a page's Gap says if some of it is gone.
func (c *Client) Messages(clientID, after string) *MessagesPages {
	return &MessagesPages{client: c, clientID: clientID, after: after}
}

// Presence returns the client ids that have a socket open now.
func (c *Client) Presence() *PresentClients {
	return &PresentClients{client: c}
}
