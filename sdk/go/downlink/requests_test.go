package downlink_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"downlink.dev/go/downlink"
)

// recorder keeps the requests, and answers each with what it was given; the last answer stays.
type recorder struct {
	answers  []canned
	requests []recorded
}

type canned struct {
	status int
	body   string
}

type recorded struct {
	method string
	target string
	url    string
	header http.Header
	body   string
}

func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	kept := recorded{
		method: request.Method,
		target: request.URL.RequestURI(),
		url:    request.URL.String(),
		header: request.Header,
	}
	if request.Body != nil {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return nil, err
		}
		kept.body = string(body)
	}
	r.requests = append(r.requests, kept)
	answer := r.answers[0]
	if len(r.answers) > 1 {
		r.answers = r.answers[1:]
	}
	return &http.Response{
		StatusCode: answer.status,
		Header:     http.Header{},
		Body:       io.NopCloser(strings.NewReader(answer.body)),
		Request:    request,
	}, nil
}

const sentAnswer = `{"id":"k3f.7","sockets":2}`

func newRecorder(answers ...canned) *recorder {
	return &recorder{answers: answers}
}

func clientOver(t testing.TB, transport http.RoundTripper) *downlink.Client {
	t.Helper()
	return newClientOf(t, "http://downlink.test:7171",
		downlink.WithTransport(transport), downlink.WithAPIKey("the-key-for-tests"),
		downlink.WithShortWaits())
}

func TestEveryRequestBearsKeyAndAgent(t *testing.T) {
	recorder := newRecorder(canned{201, sentAnswer})
	send(t, clientOver(t, recorder), "ada", "hello")
	header := recorder.requests[0].header
	equal(t, "key", header.Get("Authorization"), "Bearer the-key-for-tests")
	equal(t, "accept", header.Get("Accept"), "application/json")
	if !regexp.MustCompile(`^downlink-go/\d\S* go/\S+$`).MatchString(header.Get("User-Agent")) {
		t.Errorf("the agent is %q", header.Get("User-Agent"))
	}
}

func TestCreateChannelNamesTheClientIDInItsBody(t *testing.T) {
	answer := `{"client_id":"ada","token":"eyJ.e30.c2ln","cursor":"k3f.6",
		"expires_at":"2026-11-24T07:30:00.123456789+01:00"}`
	recorder := newRecorder(canned{201, answer})
	client := clientOver(t, recorder)
	channel := create(t, client, "ada")
	if _, err := client.CreateChannel(ctx, "é<&/..", downlink.WithDuration(15*time.Minute)); err != nil {
		t.Fatal(err)
	}
	first, second := recorder.requests[0], recorder.requests[1]
	equal(t, "first", first.method+" "+first.target+" "+first.body,
		`POST /v1/channels {"client_id":"ada"}`)
	equal(t, "second", second.body, `{"client_id":"é<&/..","duration_minutes":15}`)
	equal(t, "expiry", channel.ExpiresAt.Format(time.RFC3339Nano), "2026-11-24T06:30:00.123456789Z")
	equal(t, "cursor", channel.Cursor, "k3f.6")
	equal(t, "token", channel.Token(), "eyJ.e30.c2ln")
}

func TestSendPutsAnyClientIDIntoTheQuery(t *testing.T) {
	recorder := newRecorder(canned{201, sentAnswer})
	client := clientOver(t, recorder)
	for to, encoded := range map[string]string{
		"ada": "ada", ".": ".", "..": "..", "é": "%C3%A9", "%2F": "%252F",
		"a/b?c#d&e=f+g %": "a%2Fb%3Fc%23d%26e%3Df%2Bg%20%25",
	} {
		equal(t, "answer", send(t, client, to, "hello"), downlink.Sent{ID: "k3f.7", Sockets: 2})
		last := recorder.requests[len(recorder.requests)-1]
		equal(t, "request", last.method+" "+last.target, "POST /v1/messages?to="+encoded)
	}
}

func TestTextAndBytesDifferInTheirType(t *testing.T) {
	recorder := newRecorder(canned{201, sentAnswer})
	client := clientOver(t, recorder)
	send(t, client, "ada", "héllo")
	if _, err := client.SendBinary(ctx, "ada", []byte("\x00\xff")); err != nil {
		t.Fatal(err)
	}
	text, binary := recorder.requests[0], recorder.requests[1]
	equal(t, "type", text.header.Get("Content-Type"), "text/plain; charset=utf-8")
	equal(t, "text", text.body, "héllo")
	equal(t, "type", binary.header.Get("Content-Type"), "application/octet-stream")
	equal(t, "bytes", binary.body, "\x00\xff")
}

func TestASendBearsAFreshKeyUnlessItIsGivenOne(t *testing.T) {
	recorder := newRecorder(canned{201, sentAnswer})
	client := clientOver(t, recorder)
	send(t, client, "ada", "hello")
	send(t, client, "ada", "hello", downlink.WithIdempotencyKey(""))
	send(t, client, "ada", "hello", downlink.WithIdempotencyKey("order 7"), downlink.WithTTL(30*time.Second))
	keys := []string{}
	for _, request := range recorder.requests {
		keys = append(keys, request.header.Get("Idempotency-Key"))
	}
	made := regexp.MustCompile(`^[0-9a-f]{32}$`)
	if !made.MatchString(keys[0]) || !made.MatchString(keys[1]) || keys[0] == keys[1] {
		t.Errorf("the keys are %q", keys)
	}
	equal(t, "own key", keys[2], "order 7")
	equal(t, "no TTL", len(recorder.requests[0].header.Values("Downlink-TTL")), 0)
	equal(t, "TTL", recorder.requests[2].header.Get("Downlink-TTL"), "30")
}

func TestAPrefixOfTheAddressIsKept(t *testing.T) {
	recorder := newRecorder(canned{201, sentAnswer})
	client := newClientOf(t, "https://example.test/downlink/", downlink.WithTransport(recorder))
	send(t, client, "ada", "hello")
	equal(t, "address", recorder.requests[0].url, "https://example.test/downlink/v1/messages?to=ada")
}

func TestItemsTravelAsOneArrayEachWithItsKey(t *testing.T) {
	recorder := newRecorder(canned{200, `[{"id":"k3f.8","sockets":1},
		{"id":"k3f.9","stored":1,"sockets":0,"failed":[{"to":"","code":"invalid_client_id"}]},
		{"code":"empty_message","detail":"Send at least one byte."}]`})
	results, err := clientOver(t, recorder).SendMany(ctx, []downlink.Item{
		{To: "ada", Text: "<hello>", TTL: downlink.TTL(5 * time.Second), IdempotencyKey: "mine"},
		{ToMany: []string{"bob", ""}, Binary: []byte{1, 2}},
		{To: "eve"},
	})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "results", fmt.Sprintf("%v", results), "[{{k3f.8 1} 1 [] <nil>} "+
		"{{k3f.9 0} 1 [FailedTarget{To: \"\", Code: invalid_client_id}] <nil>} "+
		"{{ 0} 0 [] downlink: empty_message: Send at least one byte.}]")
	request := recorder.requests[0]
	equal(t, "request", request.method+" "+request.target, "POST /v1/messages")
	equal(t, "type", request.header.Get("Content-Type"), "application/json")
	var items []map[string]any
	if err := json.Unmarshal([]byte(request.body), &items); err != nil {
		t.Fatal(err)
	}
	equal(t, "first", fmt.Sprint(items[0]), "map[data:<hello> idempotency_key:mine to:ada ttl:5]")
	equal(t, "second", fmt.Sprint(items[1]["to"], items[1]["base64"]), "[bob ]AQI=")
	equal(t, "third", fmt.Sprintf("%q", items[2]["data"]), `""`)
	if items[1]["idempotency_key"] == items[2]["idempotency_key"] {
		t.Error("two items have one key")
	}
}

// itemsAnswer makes an answer of as many results as the request has items.
type itemsAnswer struct {
	sizes  []int
	counts []int
	// fail is which request is answered with a failure; 0 for none.
	fail int
}

func (i *itemsAnswer) RoundTrip(request *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	// Counted and not parsed, which would take seconds under the race detector.
	items := bytes.Count(body, []byte(`"idempotency_key":`))
	i.sizes, i.counts = append(i.sizes, len(body)), append(i.counts, items)
	answer := "[" + strings.Repeat(sentAnswer+",", items-1) + sentAnswer + "]"
	status := http.StatusOK
	if len(i.counts) == i.fail {
		answer, status = `{"code":"storage_failed","detail":"Restart the server."}`, 500
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(answer)),
	}, nil
}

func TestItemsAreSplitByTheirNumber(t *testing.T) {
	answer := &itemsAnswer{}
	results, err := clientOver(t, answer).SendMany(ctx, manyItems(10_005, "x"))
	if err != nil || len(results) != 10_005 {
		t.Fatal(err, len(results))
	}
	equal(t, "items a call", fmt.Sprint(answer.counts), "[10000 5]")
}

func TestItemsAreSplitByTheirBytes(t *testing.T) {
	answer := &itemsAnswer{}
	_, err := clientOver(t, answer).SendMany(ctx, manyItems(4, strings.Repeat("x", 5_000_000)))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "items a call", fmt.Sprint(answer.counts), "[3 1]")
	if answer.sizes[0] > 16*1024*1024 {
		t.Errorf("the first call has %d bytes", answer.sizes[0])
	}
}

func TestACallOfItemsIsFilledToTheLastByte(t *testing.T) {
	// Two items that make exactly 16 MiB, brackets and comma included.
	empty := &itemsAnswer{}
	key := func(text string) downlink.Item {
		return downlink.Item{To: "ada", Text: text, IdempotencyKey: "key"}
	}
	if _, err := clientOver(t, empty).SendMany(ctx, []downlink.Item{key("x"), key("x")}); err != nil {
		t.Fatal(err)
	}
	room := 16*1024*1024 - empty.sizes[0]
	for more, calls := range map[int]int{0: 1, 1: 2} {
		answer := &itemsAnswer{}
		items := []downlink.Item{key("x" + strings.Repeat("x", room+more)), key("x")}
		if _, err := clientOver(t, answer).SendMany(ctx, items); err != nil {
			t.Fatal(err)
		}
		equal(t, "calls", len(answer.counts), calls)
	}
}

func TestAFailureAfterTheFirstCallIsToldPerItem(t *testing.T) {
	answer := &itemsAnswer{fail: 2}
	results, err := clientOver(t, answer).SendMany(ctx, manyItems(20_001, "x"))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "calls", len(answer.counts), 2)
	equal(t, "last of the first call", results[9_999].ID, "k3f.7")
	for _, place := range []int{10_000, 20_000} {
		equal(t, "code", refusal(t, results[place].Err).Code, "storage_failed")
	}
}

func TestAFailureOfTheFirstCallIsReturned(t *testing.T) {
	results, err := clientOver(t, &itemsAnswer{fail: 1}).SendMany(ctx, manyItems(2, "x"))
	equal(t, "code", refusal(t, err).Code, "storage_failed")
	equal(t, "results", len(results), 0)
}

func manyItems(count int, text string) []downlink.Item {
	items := make([]downlink.Item, count)
	for index := range items {
		items[index] = downlink.Item{To: "ada", Text: text}
	}
	return items
}

func TestReadsUseTheFormsThatCarryAnyClientID(t *testing.T) {
	recorder := newRecorder(canned{200, `{"connected":true,"since":"2026-11-24T06:30:00+01:00",
		"sockets":[{"transport":"sse","address":"127.0.0.1:5","since":"2026-11-24T06:30:00Z",
		"cursor":"k3f.9","acked":null}],"cursor":"k3f.9","acked":null,"lag":3}`})
	state, err := clientOver(t, recorder).Channel(ctx, "a/..")
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "request", recorder.requests[0].target, "/v1/channels?client_id=a%2F..")
	equal(t, "state", fmt.Sprintf("%+v", state), "{Connected:true Since:2026-11-24 05:30:00 +0000 UTC "+
		"Sockets:[{Transport:sse Address:127.0.0.1:5 Since:2026-11-24 06:30:00 +0000 UTC Cursor:k3f.9 Acked:}] "+
		"Cursor:k3f.9 Acked: Lag:3}")
}

func TestDeleteUsesTheFormThatCarriesAnyClientID(t *testing.T) {
	recorder := newRecorder(canned{204, ""})
	if err := clientOver(t, recorder).DeleteChannel(ctx, ".."); err != nil {
		t.Fatal(err)
	}
	request := recorder.requests[0]
	equal(t, "request", request.method+" "+request.target, "DELETE /v1/channels?client_id=..")
}

func TestMessagesFollowThePages(t *testing.T) {
	recorder := newRecorder(
		canned{200, `{"messages":[{"id":"k3f.8","base64":"AAEC","time":"2026-11-24T06:30:00Z"}],
			"cursor":"k3f.8","gap":{"reason":"trimmed","cursor":"k3f.7"},"next":"k3f.8"}`},
		canned{200, `{"messages":[],"cursor":"k3f.9","gap":null,"next":null}`})
	pages := clientOver(t, recorder).Messages("..", "k3f.2")
	equal(t, "next", pages.Next(ctx), true)
	first := pages.Page()
	equal(t, "gap", *first.Gap, downlink.Gap{Reason: "trimmed", Cursor: "k3f.7"})
	equal(t, "data", bytes.Equal(first.Messages[0].Data, []byte{0, 1, 2}), true)
	equal(t, "next", pages.Next(ctx), true)
	equal(t, "cursor", pages.Page().Cursor, "k3f.9")
	equal(t, "next", pages.Next(ctx), false)
	equal(t, "first", recorder.requests[0].target, "/v1/channels/%2E%2E/messages?after=k3f.2")
	equal(t, "second", recorder.requests[1].target, "/v1/channels/%2E%2E/messages?after=k3f.8")
}

func TestThePathOfMessagesCarriesAnyClientID(t *testing.T) {
	recorder := newRecorder(canned{200, `{"messages":[],"cursor":"k3f.9","gap":null,"next":null}`})
	client := clientOver(t, recorder)
	for id, segment := range map[string]string{
		"a/b": "a%2Fb", "/": "%2F", ".": "%2E", "..": "%2E%2E", "...": "...", "100%": "100%25",
		"é ?#": "%C3%A9%20%3F%23", "a+b": "a%2Bb",
	} {
		client.Messages(id, "").Next(ctx)
		last := recorder.requests[len(recorder.requests)-1]
		equal(t, "request", last.target, "/v1/channels/"+segment+"/messages")
	}
}

func TestPresenceFollowsThePages(t *testing.T) {
	recorder := newRecorder(
		canned{200, `{"client_ids":["a b","c&d"],"next":"c&d"}`},
		canned{200, `{"client_ids":[],"next":"d"}`},
		canned{200, `{"client_ids":["e"],"next":null}`})
	equalTexts(t, present(t, clientOver(t, recorder)), []string{"a b", "c&d", "e"})
	var targets []string
	for _, request := range recorder.requests {
		targets = append(targets, request.target)
	}
	equalTexts(t, targets, []string{
		"/v1/presence?limit=1000", "/v1/presence?limit=1000&after=c%26d", "/v1/presence?limit=1000&after=d",
	})
}

func TestNobodyIsPresent(t *testing.T) {
	present := clientOver(t, newRecorder(canned{200, `{"client_ids":[],"next":null}`})).Presence()
	equal(t, "next", present.Next(ctx), false)
	equal(t, "next again", present.Next(ctx), false)
	equal(t, "client id", present.ClientID(), "")
}

func TestTheEnvironmentStandsIn(t *testing.T) {
	t.Setenv("DOWNLINK_URL", "http://elsewhere.test:99")
	t.Setenv("DOWNLINK_API_KEY", "key-from-a-file\n")
	recorder := newRecorder(canned{201, sentAnswer})
	for _, url := range []string{"http://elsewhere.test:99", ""} {
		t.Setenv("DOWNLINK_URL", url)
		client, err := downlink.NewClient(downlink.WithTransport(recorder))
		if err != nil {
			t.Fatal(err)
		}
		send(t, client, "ada", "hello")
	}
	equal(t, "set", recorder.requests[0].url, "http://elsewhere.test:99/v1/messages?to=ada")
	equal(t, "not set", recorder.requests[1].url, "http://127.0.0.1:7171/v1/messages?to=ada")
	equal(t, "key", recorder.requests[0].header.Get("Authorization"), "Bearer key-from-a-file")
}
