package downlink_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"downlink.dev/go/downlink"
	"downlink.dev/go/internal/support"
)

func TestASendThatFailsTwiceIsStoredOnce(t *testing.T) {
	for _, fault := range support.QuickFaults {
		t.Run(string(fault), func(t *testing.T) {
			id := newID(t)
			relay := support.RunRelay(t, server.URL, fault, fault)
			sent := send(t, newClientOf(t, relay.URL, downlink.WithShortWaits()), id, "once")
			equal(t, "connections", relay.Connections(), 3)
			stored := kept(t, newClient(t), id)
			equalTexts(t, texts(stored), []string{"once"})
			equal(t, "id", sent.ID, stored[0].ID)
		})
	}
}

func TestABatchWhoseAnswerWasLostIsStoredOnce(t *testing.T) {
	id := newID(t)
	relay := support.RunRelay(t, server.URL, support.AnswerLost)
	client := newClientOf(t, relay.URL, downlink.WithShortWaits())
	results, err := client.SendMany(ctx, []downlink.Item{
		{To: id, Text: "0"}, {To: id, Text: "1"}, {ToMany: []string{id}, Text: "2"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, result := range results {
		if result.Err != nil {
			t.Error(result.Err)
		}
	}
	equalTexts(t, texts(kept(t, newClient(t), id)), []string{"0", "1", "2"})
}

func TestChannelsAndReadsAreTriedAgainToo(t *testing.T) {
	for _, fault := range support.QuickFaults {
		relay := support.RunRelay(t, server.URL, fault)
		client := newClientOf(t, relay.URL, downlink.WithShortWaits())
		create(t, client, newID(t))
		relay = support.RunRelay(t, server.URL, fault)
		state, err := newClientOf(t, relay.URL, downlink.WithShortWaits()).Channel(ctx, newID(t))
		if err != nil || state.Connected {
			t.Errorf("%s: got %+v and %v", fault, state, err)
		}
	}
}

func TestAfterThreeTriesTheFailureIsTold(t *testing.T) {
	id := newID(t)
	for fault, wanted := range map[support.Fault]downlink.Error{
		support.Cut:         {Code: "connection_failed"},
		support.Unavailable: {Code: "http_503", Status: 503},
	} {
		relay := support.RunRelay(t, server.URL, fault, fault, fault)
		client := newClientOf(t, relay.URL, downlink.WithShortWaits())
		_, err := client.Send(ctx, id, "lost")
		checkKinds(t, err, "unavailable")
		equal(t, "code", refusal(t, err).Code, wanted.Code)
		equal(t, "status", refusal(t, err).Status, wanted.Status)
		equal(t, "connections", relay.Connections(), 3)
	}
	equal(t, "kept", len(kept(t, newClient(t), id)), 0)
}

func TestASendThatIsNotStoredIsNotTriedAgainOnceItMayHaveArrived(t *testing.T) {
	for _, fault := range support.QuickFaults {
		t.Run(string(fault), func(t *testing.T) {
			id := newID(t)
			relay := support.RunRelay(t, server.URL, fault)
			client := newClientOf(t, relay.URL, downlink.WithShortWaits())
			_, err := client.Send(ctx, id, "now", downlink.WithTTL(0))
			checkKinds(t, err, "unavailable")
			relay.AddFault(fault)
			_, err = client.SendMany(ctx, []downlink.Item{{To: id, Text: "now", TTL: downlink.TTL(0)}})
			checkKinds(t, err, "unavailable")
			equal(t, "connections", relay.Connections(), 2)
		})
	}
}

// TestAConnectionThatDiesWhileItWaitsIsNoSecondSend: net/http itself sends again what it wrote to a
// kept connection that turned out to be closed, unless it is told not to.
func TestAConnectionThatDiesWhileItWaitsIsNoSecondSend(t *testing.T) {
	// Many times, since how net/http learns of the end differs from one to the next.
	for round := 0; round < 20; round++ {
		sendOverADyingConnection(t)
	}
}

func sendOverADyingConnection(t *testing.T) {
	t.Helper()
	arrived := make(chan string, 8)
	var answered atomic.Bool
	dying := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, request *http.Request) {
		arrived <- request.URL.Query().Get("to")
		if !answered.Swap(true) {
			out.WriteHeader(http.StatusCreated)
			_, _ = out.Write([]byte(sentAnswer))
			return
		}
		// Closed by the server at the very moment at which the client uses it again.
		connection, _, err := out.(http.Hijacker).Hijack()
		if err == nil {
			connection.Close()
		}
	}))
	client := newClientOf(t, dying.URL, downlink.WithShortWaits())
	send(t, client, "first", "x")
	_, err := client.Send(ctx, "second", "now", downlink.WithTTL(0))
	checkKinds(t, err, "unavailable")
	dying.Close()
	equal(t, "requests", len(arrived), 2)
	equal(t, "first", <-arrived, "first")
	equal(t, "second", <-arrived, "second")
}

func TestASendThatIsNotStoredIsTriedAgainIfItCannotHaveArrived(t *testing.T) {
	id := newID(t)
	dials := 0
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		if dials++; dials < 3 {
			return nil, errors.New("nobody is there yet")
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
	defer transport.CloseIdleConnections()
	client := newClient(t, downlink.WithTransport(transport), downlink.WithShortWaits())
	page := support.OpenPage(t, server.URL, create(t, newClient(t), id).Token())
	send(t, client, id, "now", downlink.WithTTL(0))
	equal(t, "dials", dials, 3)
	equalTexts(t, page.Texts(1), []string{"now"})
}

func TestAServerThatNeverAnswersIsGivenUp(t *testing.T) {
	relay := support.RunRelay(t, server.URL, support.Silent, support.Silent, support.Silent)
	client := newClientOf(t, relay.URL,
		downlink.WithShortWaits(), downlink.WithTimeout(100*time.Millisecond))
	_, err := client.CreateChannel(ctx, "ada")
	checkKinds(t, err, "unavailable")
	relay.AwaitConnections(t, 3)
	if !strings.Contains(err.Error(), "no answer in time") {
		t.Errorf("got %v", err)
	}
}

// TestTheTimeoutIsForEachWait: an answer that comes slowly, but comes, is read to its end.
func TestTheTimeoutIsForEachWait(t *testing.T) {
	slow := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
		out.Header().Set("Content-Length", "26")
		for _, char := range []byte(sentAnswer) {
			_, _ = out.Write([]byte{char})
			out.(http.Flusher).Flush()
			time.Sleep(60 * time.Millisecond)
		}
	}))
	defer slow.Close()
	equal(t, "length", len(sentAnswer), 26)
	client := newClientOf(t, slow.URL, downlink.WithTimeout(time.Second))
	equal(t, "answer", send(t, client, "ada", "x").ID, "k3f.7")
}

func TestAContextEndsACallAtOnce(t *testing.T) {
	for name, faults := range map[string][]support.Fault{
		"while it waits for an answer": {support.Silent},
		"between its tries":            {support.Unavailable, support.Unavailable, support.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			relay := support.RunRelay(t, server.URL, faults...)
			client := newClientOf(t, relay.URL, downlink.WithFirstDelay(time.Hour))
			ending, cancel := context.WithCancel(ctx)
			go func() {
				relay.AwaitConnections(t, 1)
				cancel()
			}()
			_, err := client.Send(ending, "ada", "x")
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			equal(t, "code", refusal(t, err).Code, "interrupted")
			equal(t, "connections", relay.Connections(), 1)
		})
	}
	late, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	relay := support.RunRelay(t, server.URL, support.Silent)
	if _, err := newClientOf(t, relay.URL).Channel(late, "ada"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	client := clientOver(t, never{t})
	_, err := client.Send(cancelled, "ada", "x")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	pages, present := client.Messages("ada", ""), client.Presence()
	if pages.Next(cancelled) || present.Next(cancelled) {
		t.Error("a page came")
	}
}

func TestTheKeyGoesNowhereElse(t *testing.T) {
	relay := support.RunRelay(t, server.URL, support.Elsewhere)
	_, err := newClientOf(t, relay.URL).CreateChannel(ctx, "ada")
	equal(t, "code", refusal(t, err).Code, "http_307")
}

func TestACertificateThatIsNotAcceptedIsToldSo(t *testing.T) {
	secured := httptest.NewUnstartedServer(http.NotFoundHandler())
	secured.Config.ErrorLog = log.New(io.Discard, "", 0) // It says that we refused it.
	secured.StartTLS()
	defer secured.Close()
	_, err := newClientOf(t, secured.URL, downlink.WithShortWaits()).CreateChannel(ctx, "ada")
	checkKinds(t, err, "unavailable")
	if !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %v", err)
	}
}
