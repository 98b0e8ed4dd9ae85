package downlink

import (
	"math/rand"
	"net/http"
	"strconv"
	"time"
)

// When a call is tried again, and how long to wait before.
//
// Only repeatable calls are tried again after they may have arrived: reads, the creation of
// channels, which stores nothing, and sends, since each bears an idempotency key and is stored once
// however often it arrives. A send that is not to be stored (a TTL of 0) cannot be recognised when
// it comes again.
const (
	triesMax = 3

	// 0.1 to 0.3 s, then 0.3 to 0.9 s: enough for a quick restart; a page waits no longer than that.
	firstDelayDefault = 300 * time.Millisecond
	delayGrowth       = 3

	// A server may ask for more patience, but a request of the application's own user waits on this.
	retryAfterMax = 5 * time.Second
)

// tries counts the tries of one call.
type tries struct {
	left       int
	repeatable bool
	longest    time.Duration
}

func newTries(repeatable bool, firstDelay time.Duration) *tries {
	return &tries{left: triesMax, repeatable: repeatable, longest: firstDelay}
}

// afterAnswer returns how long to wait before the next try; false if this answer is the last word.
func (t *tries) afterAnswer(answer answer) (time.Duration, bool) {
	switch answer.status {
	// What a proxy says while the server behind it restarts, the server itself while it cannot, and to who asks more
	// often than it lets.
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
	default:
		return 0, false
	}
	if !t.repeatable {
		return 0, false
	}
	delay, again := t.next()
	if asked := askedPatience(answer.retryAfter); asked > delay {
		delay = asked
	}
	return delay, again
}

// afterFailure returns how long to wait before the next try; false if there is none.
func (t *tries) afterFailure(failure failure) (time.Duration, bool) {
	if !t.repeatable && failure.mayHaveArrived {
		return 0, false
	}
	return t.next()
}

func (t *tries) next() (time.Duration, bool) {
	t.left--
	if t.left <= 0 {
		return 0, false
	}
	// Jitter, so that many workers do not come back in the same instant.
	shortest := t.longest / delayGrowth
	delay := shortest + time.Duration(rand.Int63n(int64(t.longest-shortest)+1))
	t.longest *= delayGrowth
	return delay, true
}

func askedPatience(retryAfter string) time.Duration {
	seconds, err := strconv.ParseUint(retryAfter, 10, 64)
	if err != nil {
		return 0
	}
	if seconds > uint64(retryAfterMax/time.Second) {
		return retryAfterMax
	}
	return time.Duration(seconds) * time.Second
}
