package downlink_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"downlink.dev/go/downlink"
	"downlink.dev/go/internal/support"
)

var awkwardClientIDs = []string{
	".", "..", "a/b", "/", "a-b@c~d:e", "100%", "%2F", "a&b=c", "a+b", " a b ", "CAPITALS", "?#",
	"žluťoučký 🐎", "\x01", strings.Repeat("é", 128),
}

func TestWhatIsSentArrivesInOrder(t *testing.T) {
	client, id := newClient(t), newID(t)
	page := support.OpenPage(t, server.URL, create(t, client, id).Token())
	odd := "{\"three\": \"\u2028 <é 🐎>\n\"}"
	send(t, client, id, "one")
	if _, err := client.SendBinary(ctx, id, []byte{0, 1, 0xff}); err != nil {
		t.Fatal(err)
	}
	send(t, client, id, odd)
	got := page.Messages(3)
	equal(t, "first", got[0], support.Received{Data: "one"})
	equal(t, "second", got[1], support.Received{Data: "\x00\x01\xff", Binary: true})
	equal(t, "third", got[2], support.Received{Data: odd})
}

func TestAChannelIsGoodForAsLongAsAsked(t *testing.T) {
	client, id := newClient(t), newID(t)
	now := time.Now()
	twoHours := create(t, client, id)
	aMinute, err := client.CreateChannel(ctx, id, downlink.WithDuration(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "client id", twoHours.ClientID, id)
	if twoHours.Token() == aMinute.Token() {
		t.Error("two calls gave one token")
	}
	for wanted, channel := range map[time.Duration]downlink.Channel{
		2 * time.Hour: twoHours, time.Minute: aMinute,
	} {
		off := channel.ExpiresAt.Sub(now) - wanted
		if off < -30*time.Second || off > 30*time.Second {
			t.Errorf("a token of %s ends at %s", wanted, channel.ExpiresAt)
		}
	}
}

func TestWhatIsSentAfterTheChannelWasCreatedIsNotMissed(t *testing.T) {
	client, id := newClient(t), newID(t)
	send(t, client, id, "before")
	channel := create(t, client, id)
	send(t, client, id, "after")
	equalTexts(t, support.OpenPage(t, server.URL, channel.Token()).Texts(1), []string{"after"})
}

func TestEveryClientIDWorksEverywhere(t *testing.T) {
	client := newClient(t)
	for _, awkward := range awkwardClientIDs {
		t.Run(fmt.Sprintf("%.20q", awkward), func(t *testing.T) {
			channel := create(t, client, awkward)
			equal(t, "client id", channel.ClientID, awkward)
			page := support.OpenPage(t, server.URL, channel.Token())
			equal(t, "sockets", send(t, client, awkward, "direct").Sockets, 1)
			results, err := client.SendMany(ctx, []downlink.Item{{To: awkward, Text: "in a batch"}})
			if err != nil || results[0].Err != nil {
				t.Fatal(err, results)
			}
			wanted := []string{"direct", "in a batch"}
			equalTexts(t, page.Texts(2), wanted)
			state, err := client.Channel(ctx, awkward)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "connected", state.Connected, true)
			equal(t, "present", contains(present(t, client), awkward), true)
			equalTexts(t, texts(keptAfter(t, client, awkward, channel.Cursor)), wanted)
		})
	}
}

func TestATokenIsATarget(t *testing.T) {
	client, id := newClient(t), newID(t)
	token := create(t, client, id).Token()
	page := support.OpenPage(t, server.URL, token)
	send(t, client, token, "by token")
	results, err := client.SendMany(ctx, []downlink.Item{{To: token, Text: "by token in a batch"}})
	if err != nil || results[0].Err != nil {
		t.Fatal(err, results)
	}
	equalTexts(t, page.Texts(2), []string{"by token", "by token in a batch"})
}

func TestSendingToNobodySucceeds(t *testing.T) {
	sent := send(t, newClient(t), newID(t), "is anybody there")
	if sent.Sockets != 0 || sent.ID == "" {
		t.Errorf("got %+v", sent)
	}
}

func TestAMessageOf32768BytesFitsAndOneMoreDoesNot(t *testing.T) {
	client, id := newClient(t), newID(t)
	send(t, client, id, strings.Repeat("x", 32_768))
	_, err := client.SendBinary(ctx, id, make([]byte, 32_769))
	if !errors.Is(err, downlink.ErrMessageTooLarge) || !errors.Is(err, downlink.ErrInvalidMessage) {
		t.Errorf("got %v", err)
	}
	equal(t, "status", refusal(t, err).Status, 413)
	equal(t, "kept", len(kept(t, client, id)), 1)
}

func TestABadClientIDIsRefused(t *testing.T) {
	client := newClient(t)
	for _, bad := range []string{"", strings.Repeat("x", 257), strings.Repeat("é", 129)} {
		_, created := client.CreateChannel(ctx, bad)
		_, sent := client.Send(ctx, bad, "x")
		_, looked := client.Channel(ctx, bad)
		for _, err := range []error{created, sent, looked} {
			if !errors.Is(err, downlink.ErrInvalidClientID) {
				t.Errorf("%.5q: got %v", bad, err)
			}
			equal(t, "status", refusal(t, err).Status, 400)
		}
		results, err := client.SendMany(ctx, []downlink.Item{{To: bad, Text: "x"}})
		if err != nil || !errors.Is(results[0].Err, downlink.ErrInvalidClientID) {
			t.Errorf("%.5q: got %v and %v", bad, err, results)
		}
	}
}

func TestABadDurationIsRefused(t *testing.T) {
	client, id := newClient(t), newID(t)
	for _, bad := range []time.Duration{0, -1, -time.Minute, 1441 * time.Minute, 90 * time.Second, 1} {
		_, err := client.CreateChannel(ctx, id, downlink.WithDuration(bad))
		if !errors.Is(err, downlink.ErrInvalidDuration) {
			t.Errorf("%s: got %v", bad, err)
		}
	}
}

func TestAnEmptyMessageIsRefused(t *testing.T) {
	client, id := newClient(t), newID(t)
	_, text := client.Send(ctx, id, "")
	_, binary := client.SendBinary(ctx, id, nil)
	for _, err := range []error{text, binary} {
		if !errors.Is(err, downlink.ErrEmptyMessage) || !errors.Is(err, downlink.ErrInvalidMessage) {
			t.Errorf("got %v", err)
		}
	}
}

func TestAWrongKeyIsRefused(t *testing.T) {
	stranger := newClient(t, downlink.WithAPIKey("another-key-altogether"))
	_, err := stranger.CreateChannel(ctx, "ada")
	if !errors.Is(err, downlink.ErrInvalidAPIKey) || strings.Contains(err.Error(), "another-key") {
		t.Errorf("got %v", err)
	}
}

func TestPresenceFollowsSockets(t *testing.T) {
	client, id := newClient(t), newID(t)
	state, err := client.Channel(ctx, id)
	if err != nil || state.Connected || contains(present(t, client), id) {
		t.Fatal(state, err)
	}
	token := create(t, client, id).Token()
	support.OpenPage(t, server.URL, token)
	support.OpenPage(t, server.URL, token)
	state, err = client.Channel(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "connected", state.Connected, true)
	equal(t, "sockets", len(state.Sockets), 2)
	equal(t, "transport", state.Sockets[0].Transport, "lines")
	if time.Since(state.Since) > time.Minute || time.Since(state.Sockets[0].Since) > time.Minute {
		t.Errorf("got %+v", state)
	}
	equal(t, "present", contains(present(t, client), id), true)
}

func TestAMessageForNowOnlyIsNotStored(t *testing.T) {
	client, id := newClient(t), newID(t)
	page := support.OpenPage(t, server.URL, create(t, client, id).Token())
	equal(t, "id", send(t, client, id, "now or never", downlink.WithTTL(0)).ID, "")
	equalTexts(t, page.Texts(1), []string{"now or never"})
	equal(t, "kept", len(kept(t, client, id)), 0)
}

func TestATTLIsWholeSeconds(t *testing.T) {
	client, id := newClient(t), newID(t)
	send(t, client, id, "for an hour", downlink.WithTTL(time.Hour))
	for _, bad := range []time.Duration{-time.Second, time.Millisecond} {
		_, err := client.Send(ctx, id, "x", downlink.WithTTL(bad))
		equal(t, "code", refusal(t, err).Code, "invalid_ttl")
		results, err := client.SendMany(ctx, []downlink.Item{{To: id, Text: "x", TTL: downlink.TTL(bad)}})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "code", refusal(t, results[0].Err).Code, "invalid_ttl")
	}
}

func TestAnIdempotencyKeyStoresOnce(t *testing.T) {
	client, id := newClient(t), newID(t)
	key := downlink.WithIdempotencyKey("order 7")
	first, again := send(t, client, id, "paid", key), send(t, client, id, "paid", key)
	equal(t, "id", again.ID, first.ID)
	_, err := client.Send(ctx, id, "not paid", key)
	if !errors.Is(err, downlink.ErrIdempotencyConflict) {
		t.Errorf("got %v", err)
	}
	equal(t, "status", refusal(t, err).Status, 422)
	equal(t, "kept", len(kept(t, client, id)), 1)
}

func TestAClosedClientJustConnectsAnew(t *testing.T) {
	client := newClient(t)
	create(t, client, "ada")
	client.Close()
	create(t, client, "ada")
}

func TestADeletedChannelBeginsAnew(t *testing.T) {
	client, id := newClient(t), newID(t)
	token := create(t, client, id).Token()
	page := support.OpenPage(t, server.URL, token)
	send(t, client, id, "before")
	equalTexts(t, page.Texts(1), []string{"before"})

	if err := client.DeleteChannel(ctx, id); err != nil {
		t.Fatal(err)
	}
	equal(t, "close code", page.Closing(), 4410)
	equal(t, "status of its earlier token", support.RefusedWith(t, server.URL, token), http.StatusGone)
	equal(t, "kept", len(kept(t, client, id)), 0)
	// Deleting what is gone, or what never was, is no mistake.
	for _, again := range []string{id, newID(t), "..", "a/b ?"} {
		if err := client.DeleteChannel(ctx, again); err != nil {
			t.Errorf("%q: %v", again, err)
		}
	}

	renewed := support.OpenPage(t, server.URL, create(t, client, id).Token())
	send(t, client, id, "after")
	equalTexts(t, renewed.Texts(1), []string{"after"})
	equalTexts(t, texts(kept(t, client, id)), []string{"after"})
	if err := client.DeleteChannel(ctx, ""); !errors.Is(err, downlink.ErrInvalidClientID) {
		t.Errorf("got %v", err)
	}
}
