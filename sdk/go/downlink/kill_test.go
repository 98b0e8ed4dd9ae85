package downlink_test

import (
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"downlink.dev/go/downlink"
	"downlink.dev/go/internal/support"
)

func restart(t testing.TB, server *support.Server) {
	t.Helper()
	server.Kill()
	if err := server.Start(); err != nil {
		t.Error(err)
	}
}

func TestEveryAnsweredMessageSurvivesAKill(t *testing.T) {
	own := support.RunServer(t)
	client := newClientOf(t, own.URL)
	bob := "bob/é 🐎"
	channel := create(t, client, "ada")
	var ids, wanted []string
	for number := 0; number < 20; number++ {
		wanted = append(wanted, strconv.Itoa(number))
		ids = append(ids, send(t, client, "ada", wanted[number]).ID)
	}
	binary, err := client.SendBinary(ctx, "ada", []byte("\x00\xff"))
	if err != nil {
		t.Fatal(err)
	}
	results, err := client.SendMany(ctx, []downlink.Item{
		{To: "ada", Text: "in a batch"}, {ToMany: []string{"ada", bob}, Text: "for both"},
	})
	if err != nil || results[0].Err != nil || results[1].Stored != 2 {
		t.Fatal(err, results)
	}
	ids = append(ids, binary.ID, results[0].ID, results[1].ID)
	wanted = append(wanted, "\x00\xff", "in a batch", "for both")

	restart(t, own)

	messages := kept(t, client, "ada")
	equalTexts(t, texts(messages), wanted)
	for index, message := range messages {
		equal(t, "id", message.ID, ids[index])
	}
	equalTexts(t, texts(kept(t, client, bob)), []string{"for both"})
	// A token and a cursor of before the kill are good after it, and nothing is said to be missing.
	pages := client.Messages("ada", channel.Cursor)
	equal(t, "next", pages.Next(ctx), true)
	if pages.Page().Gap != nil {
		t.Error("there is a gap")
	}
	page := support.OpenPage(t, own.URL, channel.Token())
	equal(t, "first", page.Messages(len(wanted))[0].Data, "0")
}

func TestAProgramThatSendsThroughAKillHasEveryMessageOnceAndInOrder(t *testing.T) {
	own := support.RunServer(t)
	client := newClientOf(t, own.URL)
	warm, back := make(chan struct{}), make(chan struct{})
	answered := make(chan []string)
	go func() {
		var ids []string
		for {
			select {
			case <-back:
				answered <- ids
				return
			default:
			}
			if len(ids) == 20 {
				close(warm)
			}
			number := strconv.Itoa(len(ids))
			ids = append(ids, sendUntilAnswered(t, client, number, "key "+number))
		}
	}()
	<-warm
	restart(t, own) // In the middle of whatever the program is at just now.
	close(back)
	ids := <-answered
	ids = append(ids, send(t, client, "ada", strconv.Itoa(len(ids))).ID)

	messages := kept(t, client, "ada")
	equal(t, "messages", len(messages), len(ids))
	for index, message := range messages {
		equal(t, "message", string(message.Data)+" "+message.ID, fmt.Sprint(index, " ", ids[index]))
	}
}

// sendUntilAnswered outlives an outage of any length: each call is tried three times, and so are
// the calls.
func sendUntilAnswered(t testing.TB, client *downlink.Client, text, key string) string {
	deadline := time.Now().Add(support.Patience)
	for {
		sent, err := client.Send(ctx, "ada", text, downlink.WithIdempotencyKey(key))
		if err == nil {
			return sent.ID
		}
		if !errors.Is(err, downlink.ErrUnavailable) || time.Now().After(deadline) {
			t.Error(err)
			return ""
		}
	}
}

func TestWhatWasStoredButNotAnsweredBeforeTheKillIsStoredOnce(t *testing.T) {
	for _, wanted := range [][]string{{"alone"}, {"one of", "two"}} {
		own := support.RunServer(t)
		relay := support.RunRelay(t, own.URL, support.AnswerLost)
		relay.BeforeTheLoss = func() { restart(t, own) }
		client := newClientOf(t, relay.URL, downlink.WithTimeout(support.Patience))
		var ids []string
		if len(wanted) == 1 {
			ids = append(ids, send(t, client, "ada", wanted[0]).ID)
		} else {
			var items []downlink.Item
			for _, text := range wanted {
				items = append(items, downlink.Item{To: "ada", Text: text})
			}
			results, err := client.SendMany(ctx, items)
			if err != nil {
				t.Fatal(err)
			}
			for _, result := range results {
				ids = append(ids, result.ID)
			}
		}
		// The first answer was lost, and the client tried again.
		equal(t, "connections", relay.Connections(), 2)
		messages := kept(t, client, "ada")
		equalTexts(t, texts(messages), wanted)
		for index, message := range messages {
			equal(t, "id", message.ID, ids[index])
		}
	}
}

func TestAProgramThatWasKilledTooSendsAgainWithItsOwnKey(t *testing.T) {
	own := support.RunServer(t)
	key := downlink.WithIdempotencyKey("order 7")
	sent := send(t, newClientOf(t, own.URL), "ada", "paid", key)
	restart(t, own)
	second := newClientOf(t, own.URL)
	equal(t, "id", send(t, second, "ada", "paid", key).ID, sent.ID)
	if _, err := second.Send(ctx, "ada", "not paid", key); !errors.Is(err, downlink.ErrIdempotencyConflict) {
		t.Errorf("got %v", err)
	}
	equalTexts(t, texts(kept(t, second, "ada")), []string{"paid"})
}
