package downlink

import (
	"fmt"
	"strings"
	"time"
)

// Channel is a freshly created channel: what the page needs to open it.
type Channel struct {
	// ClientID is the application's name for who listens.
	ClientID string
	// ExpiresAt is when the token ends.
	ExpiresAt time.Time
	// Cursor is where a socket opened with the token starts: nothing sent after now is missed.
	Cursor string

	// token is behind a method, since values end up in logs.
	token secret
}

// Token returns the secret with which the page opens the channel, until it expires.
func (c Channel) Token() string {
	return c.token.reveal()
}

// Sent tells that a message was accepted.
type Sent struct {
	// ID is its place in the channel; empty if nothing was stored (a TTL of 0, or a token whose
	// time is over).
	ID string
	// Sockets is how many sockets were open on the answering node: a hint, not a receipt.
	Sockets int
}

// Item is one message of [Client.SendMany].
type Item struct {
	// To is a client id or a token.
	To string
	// ToMany is a list of client ids, in place of To: they get the message as one record.
	ToMany []string
	// Text is the message, if it is text.
	Text string
	// Binary is the message, if it is binary: anything but nil, in place of Text.
	Binary []byte
	// TTL is after how many seconds nobody needs the message any more; nil for as long as messages
	// are kept. See [TTL].
	TTL *time.Duration
	// IdempotencyKey is made for you when it is empty.
	IdempotencyKey string
}

// TTL returns what [Item] holds as its TTL. With 0 the message is not stored and reaches only the
// pages that are there now.
func TTL(ttl time.Duration) *time.Duration {
	return &ttl
}

// Format shows, for every verb, neither the message nor a token.
func (i Item) Format(out fmt.State, _ rune) {
	to := shownTarget(i.To)
	if i.ToMany != nil {
		to = fmt.Sprintf("[%d client ids]", len(i.ToMany))
	}
	length := len(i.Text)
	if i.Binary != nil {
		length = len(i.Binary)
	}
	fmt.Fprintf(out, "Item{To: %s, %d bytes}", to, length)
}

// ItemResult is what became of one item of [Client.SendMany].
type ItemResult struct {
	Sent
	// Stored is for how many client ids the message was stored.
	Stored int
	// Failed are those of a list of client ids that it was not stored for.
	Failed []FailedTarget
	// Err is set if the item was refused; it is an [*Error]. The other items are not touched by it.
	Err error
}

// FailedTarget is one of several targets that a message did not go to.
type FailedTarget struct {
	// To is the target as it was given.
	To string
	// Code is the stable word for what happened.
	Code string
}

// Format shows no token, for every verb.
func (f FailedTarget) Format(out fmt.State, _ rune) {
	fmt.Fprintf(out, "FailedTarget{To: %s, Code: %s}", shownTarget(f.To), f.Code)
}

// ChannelState tells who listens to a channel, and how far they are.
type ChannelState struct {
	// Connected tells whether a socket is open.
	Connected bool
	// Since is since when somebody is connected, or nobody is; zero if that is not known.
	Since time.Time
	// Sockets are those that are open.
	Sockets []Socket
	// Cursor is the newest place.
	Cursor string
	// Acked is the highest cursor that any socket acknowledged; empty if none did.
	Acked string
	// Lag is how many messages the slowest socket still has to get.
	Lag int
}

// Socket is one open connection to a channel.
type Socket struct {
	// Transport is how its frames travel, such as "websocket" or "lines".
	Transport string
	// Address is where it comes from.
	Address string
	// Since is when it was opened.
	Since time.Time
	// Cursor is up to where it has had everything.
	Cursor string
	// Acked is the highest cursor that it acknowledged; empty if it did not.
	Acked string
}

// Message is a kept message of a channel.
type Message struct {
	// ID is its place.
	ID string
	// Data is what was sent.
	Data []byte
	// Binary tells whether it was sent as binary and not as text.
	Binary bool
	// Time is when it was stored.
	Time time.Time
}

// Gap tells that messages between the asked cursor and the oldest kept message may be gone.
type Gap struct {
	// Reason is "trimmed" (too old to be kept) or "epoch" (the log began anew).
	Reason string
	// Cursor is where delivery goes on.
	Cursor string
}

// MessagesPage holds some of a channel's kept messages, oldest first.
type MessagesPage struct {
	Messages []Message
	// Cursor is what to ask with later, to get what came since.
	Cursor string
	// Gap is set if messages before this page are missing; nil if none are.
	Gap *Gap
	// Next is where the next page starts; empty on the last one.
	Next string
}

// shownTarget is how a send's target may be shown: it can be a token.
func shownTarget(target string) string {
	// The shape that the server takes for a token: three parts, of which the first is an encoded `{"`.
	if strings.HasPrefix(target, "eyJ") && strings.Count(target, ".") == 2 {
		return "[token]"
	}
	return fmt.Sprintf("%q", target)
}
