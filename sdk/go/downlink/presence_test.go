package downlink_test

import (
	"context"
	"fmt"
	"net/http"
	"sort"
	"strings"
	"testing"
	"time"

	"downlink.dev/go/downlink"
	"downlink.dev/go/internal/support"
)

// difficultClientIDs are those of the cases and of these tests, and what a form could trip over.
func difficultClientIDs(t testing.TB) []string {
	t.Helper()
	var cases []struct {
		To string `json:"to"`
	}
	support.ReadCases(t, "sends", &cases)
	unique := map[string]bool{"line\r\nbreak": true, "--": true, "\n": true, `{"type":1}`: true, "=?utf-8?q?a?=": true}
	for _, one := range cases {
		unique[one.To] = true
	}
	for _, id := range awkwardClientIDs {
		unique[id] = true
	}
	var ids []string
	for id := range unique {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	return ids
}

// told is what an application makes of one notice.
type told struct {
	clientID   string
	connected  bool
	generation int64
}

// gather opens and leaves a socket of each client id, and returns what the application was told of
// each, in the order in which it was told.
func gather(t testing.TB, own *support.Server, ids []string, notices <-chan told) map[string][]told {
	t.Helper()
	client := newClientOf(t, own.URL)
	var pages []*support.Page
	for _, id := range ids {
		pages = append(pages, support.OpenPage(t, own.URL, create(t, client, id).Token()))
	}
	by := map[string][]told{}
	await := func(count int) {
		for ; count > 0; count-- {
			select {
			case one := <-notices:
				by[one.clientID] = append(by[one.clientID], one)
			case <-time.After(support.Patience):
				t.Fatalf("%d notices do not come; there are %v", count, by)
			}
		}
	}
	await(len(ids))
	for _, page := range pages {
		page.Close()
	}
	await(len(ids))
	return by
}

func checkTold(t testing.TB, ids []string, by map[string][]told) {
	t.Helper()
	for _, id := range ids {
		all := by[id]
		if len(all) != 2 || !all[0].connected || all[1].connected || all[0].generation >= all[1].generation {
			t.Errorf("%q: told %+v", id, all)
		}
	}
	equal(t, "client ids", len(by), len(ids))
}

// An application of the App Engine time, with the verifier before its first line.
func TestFormValueGivesTheExactClientID_item_51(t *testing.T) {
	notices := make(chan told, 1024)
	mux := http.NewServeMux()
	for path, connected := range map[string]bool{
		"/_ah/channel/connected/": true, "/_ah/channel/disconnected/": false,
	} {
		connected := connected
		mux.HandleFunc(path, func(out http.ResponseWriter, request *http.Request) {
			notice, err := downlink.ReadNotice(request, presenceSecret)
			if err != nil {
				t.Errorf("a real notice is refused: %v", err)
				http.Error(out, err.Error(), http.StatusForbidden)
				return
			}
			from := request.FormValue("from")
			if from != notice.ClientID || connected != notice.Connected {
				t.Errorf("%q at %s, but the notice says %+v", from, request.URL, notice)
			}
			notices <- told{from, connected, notice.Generation}
		})
	}
	application := support.RunApplication(t, mux)
	own := support.RunServer(t, "--app", application, "DOWNLINK_PRESENCE_SECRET="+presenceSecret)
	ids := difficultClientIDs(t)
	checkTold(t, ids, gather(t, own, ids, notices))
}

func TestTheHandlerTakesTheStandardFormat_item_54(t *testing.T) {
	notices := make(chan told, 1024)
	genuine := downlink.NoticeHandler(func(_ context.Context, notice downlink.Notice) error {
		if age := time.Since(notice.Time); age > time.Minute || notice.ID == "" {
			return fmt.Errorf("odd: %+v", notice)
		}
		notices <- told{notice.ClientID, notice.Connected, notice.Generation}
		return nil
	})
	t.Setenv("DOWNLINK_PRESENCE_SECRET", "whsec_YW5vdGhlciBzZWNyZXQgb2YgdGhlIHRlc3Rz,"+presenceSecret)
	application := support.RunApplication(t, genuine)
	own := support.RunServer(t, "DOWNLINK_PRESENCE_URL="+application+"/presence",
		"DOWNLINK_PRESENCE_FORMAT=standard", "DOWNLINK_PRESENCE_SECRET="+presenceSecret)
	ids := difficultClientIDs(t)
	checkTold(t, ids, gather(t, own, ids, notices))

	forged, err := http.Post(application, "application/json", strings.NewReader(noticeBody))
	if err != nil {
		t.Fatal(err)
	}
	forged.Body.Close()
	equal(t, "forged", forged.StatusCode, http.StatusForbidden)
}
