package downlink_test

import (
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"downlink.dev/go/downlink"
)

func TestKeptMessagesHavePlacesAndTimes(t *testing.T) {
	client, id := newClient(t), newID(t)
	var ids []string
	for number := 0; number < 3; number++ {
		ids = append(ids, send(t, client, id, strconv.Itoa(number)).ID)
	}
	messages := kept(t, client, id)
	equal(t, "number", len(messages), 3)
	for index, message := range messages {
		equal(t, "id", message.ID, ids[index])
		if off := time.Since(message.Time); off < -30*time.Second || off > 30*time.Second {
			t.Errorf("stored at %s", message.Time)
		}
	}
	pages := client.Messages(id, ids[1])
	equal(t, "next", pages.Next(ctx), true)
	page := pages.Page()
	equal(t, "next", pages.Next(ctx), false)
	if len(page.Messages) != 1 || page.Messages[0].ID != ids[2] || page.Gap != nil || pages.Err() != nil {
		t.Errorf("got %+v and %v", page, pages.Err())
	}
	equal(t, "nothing new", len(keptAfter(t, client, id, page.Cursor)), 0)
}

func TestMessagesComeInPages(t *testing.T) {
	client, id := newClient(t), newID(t)
	const count = 600
	items := make([]downlink.Item, count)
	for number := range items {
		items[number] = downlink.Item{To: id, Text: strconv.Itoa(number)}
	}
	if _, err := client.SendMany(ctx, items); err != nil {
		t.Fatal(err)
	}
	calls, number := 0, 0
	for pages := client.Messages(id, ""); pages.Next(ctx); calls++ {
		for _, message := range pages.Page().Messages {
			equal(t, "text", string(message.Data), strconv.Itoa(number))
			number++
		}
	}
	equal(t, "messages", number, count)
	if calls < 2 {
		t.Errorf("%d messages came in %d page", count, calls)
	}
}

func TestACursorOfAnotherLifeOfTheLogIsAGap(t *testing.T) {
	client, id := newClient(t), newID(t)
	send(t, client, id, "kept")
	pages := client.Messages(id, "zzz.1")
	equal(t, "next", pages.Next(ctx), true)
	page := pages.Page()
	if page.Gap == nil || page.Gap.Reason != "epoch" {
		t.Errorf("got %+v", page)
	}
	equalTexts(t, texts(page.Messages), []string{"kept"})
}

func TestABadCursorIsRefused(t *testing.T) {
	pages := newClient(t).Messages("ada", "not a cursor")
	equal(t, "next", pages.Next(ctx), false)
	if !errors.Is(pages.Err(), downlink.ErrInvalidCursor) {
		t.Errorf("got %v", pages.Err())
	}
	equal(t, "next after a failure", pages.Next(ctx), false)
}

func TestOneBadItemDoesNotStopTheOthers(t *testing.T) {
	client, id := newClient(t), newID(t)
	other := id + "-2"
	results, err := client.SendMany(ctx, []downlink.Item{
		{To: id, Text: "one"},
		{To: id},
		{ToMany: []string{id, other}, Binary: []byte{2}},
		{To: id, Text: "not \xff UTF-8"},
		{To: "not \xff UTF-8", Text: "x"},
		{To: id, Text: "x", Binary: []byte("x")},
		{To: id, ToMany: []string{id}, Text: "x"},
		{To: id, Text: "x", IdempotencyKey: "a\nb"},
		{To: id, Binary: []byte{}},
		{To: id, Text: "three"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, result := range results {
		code := fmt.Sprint("stored ", result.Stored)
		if result.Err != nil {
			code = refusal(t, result.Err).Code
		}
		codes = append(codes, code)
	}
	equalTexts(t, codes, []string{
		"stored 1", "empty_message", "stored 2", "invalid_utf8", "invalid_client_id", "invalid_item",
		"invalid_item", "invalid_idempotency_key", "empty_message", "stored 1",
	})
	equalTexts(t, texts(kept(t, client, id)), []string{"one", "\x02", "three"})
	got := kept(t, client, other)
	if len(got) != 1 || !got[0].Binary {
		t.Errorf("got %+v", got)
	}
}

func TestMoreItemsThanOneCallTakes(t *testing.T) {
	client, id := newClient(t), newID(t)
	items := make([]downlink.Item, 10_050)
	for number := range items {
		items[number] = downlink.Item{To: fmt.Sprint(id, "-", number%50), Text: strconv.Itoa(number)}
	}
	results, err := client.SendMany(ctx, items)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "results", len(results), len(items))
	for _, result := range results {
		if result.Err != nil {
			t.Fatal(result.Err)
		}
	}
	var wanted []string
	for number := 7; number < len(items); number += 50 {
		wanted = append(wanted, strconv.Itoa(number))
	}
	equalTexts(t, texts(kept(t, client, id+"-7")), wanted)
}

func TestNoItemsAreNoCall(t *testing.T) {
	results, err := newClientOf(t, "http://127.0.0.1:9").SendMany(ctx, nil)
	if err != nil || len(results) != 0 {
		t.Errorf("got %v and %v", results, err)
	}
}
