package downlink

import (
	"encoding/json"
	"net/http"
	"unicode/utf8"
)

// The server's limits for one call.
const (
	batchItemsMax = 10_000
	batchBytesMax = 16 * 1024 * 1024
)

// batches cuts the items of SendMany into calls, and puts the answers back in order.
type batches struct {
	items []Item
	// read is how many items are in a batch, or refused, by now.
	read    int
	results []ItemResult
	// anyAnswer tells whether a call was answered, so that a failure must not hide what it did.
	anyAnswer bool
}

// batch is what travels in one call.
type batch struct {
	// content is the array without its end.
	content []byte
	// places tells where each of its items stands among all.
	places     []int
	repeatable bool
}

func newBatches(items []Item) *batches {
	return &batches{items: items, results: make([]ItemResult, len(items))}
}

// next returns the next call to make; items that cannot be sent are refused on the way.
func (b *batches) next() (batch, bool) {
	next := batch{content: []byte("["), repeatable: true}
	for ; b.read < len(b.items); b.read++ {
		item := b.items[b.read]
		encoded, err := encodeItem(item)
		if err != nil {
			b.results[b.read].Err = err
			continue
		}
		if !next.hasRoomFor(encoded) {
			break
		}
		next.add(b.read, encoded, isStored(item.TTL))
	}
	return next, len(next.places) > 0
}

// answered takes the answers to a batch.
func (b *batches) answered(batch batch, answers []ItemResult) error {
	if len(answers) != len(batch.places) {
		return &Error{
			Code:   "unexpected_answer",
			Detail: "The answer has another number of results than items were sent.",
		}
	}
	b.anyAnswer = true
	for index, place := range batch.places {
		b.results[place] = answers[index]
	}
	return nil
}

// refuseRest takes the failure of a whole call: it is the result of each item that is left.
func (b *batches) refuseRest(batch batch, failure error) {
	for _, place := range batch.places {
		b.results[place].Err = failure
	}
	for ; b.read < len(b.items); b.read++ {
		b.results[b.read].Err = failure
	}
}

// hasRoomFor is always true while the batch is empty: the server tells why one item alone is too
// large.
func (b *batch) hasRoomFor(encoded []byte) bool {
	if len(b.places) == 0 {
		return true
	}
	fits := len(b.content)+len(",")+len(encoded)+len("]") <= batchBytesMax
	return fits && len(b.places) < batchItemsMax
}

func (b *batch) add(place int, encoded []byte, repeatable bool) {
	if len(b.places) > 0 {
		b.content = append(b.content, ',')
	}
	b.content = append(b.content, encoded...)
	b.places = append(b.places, place)
	b.repeatable = b.repeatable && repeatable
}

func (b *batch) call() call {
	return call{
		method:     http.MethodPost,
		target:     "/v1/messages",
		headers:    map[string]string{"Content-Type": "application/json"},
		content:    append(b.content, ']'),
		repeatable: b.repeatable,
	}
}

// wireItem is one element of the array form of `POST /v1/messages`.
type wireItem struct {
	To             any         `json:"to"`
	Data           *string     `json:"data,omitempty"`
	Base64         *[]byte     `json:"base64,omitempty"`
	TTL            json.Number `json:"ttl,omitempty"`
	IdempotencyKey string      `json:"idempotency_key"`
}

// encodeItem refuses what JSON would carry, but not as it is.
func encodeItem(item Item) ([]byte, error) {
	if item.To != "" && item.ToMany != nil || item.Text != "" && item.Binary != nil {
		return nil, &Error{
			Code:   "invalid_item",
			Detail: "An item has one of To and ToMany, and one of Text and Binary.",
		}
	}
	key, err := idempotencyKey(item.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	wire := wireItem{To: item.To, IdempotencyKey: key}
	targets := []string{item.To}
	if item.ToMany != nil {
		wire.To, targets = item.ToMany, item.ToMany
	}
	for _, target := range targets {
		if !utf8.ValidString(target) {
			return nil, notAClientID()
		}
	}
	if item.Binary != nil {
		wire.Base64 = &item.Binary
	} else if utf8.ValidString(item.Text) {
		wire.Data = &item.Text
	} else {
		return nil, notText()
	}
	if item.TTL != nil {
		wire.TTL = json.Number(decimal(item.TTL.Seconds()))
	}
	return encodeJSON(wire), nil
}
