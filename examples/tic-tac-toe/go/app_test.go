package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"downlink.dev/go/channel"
	"downlink.dev/go/downlink"
	"downlink.dev/go/internal/support"
)

const presenceSecret = "whsec_dGhlIHNlY3JldCBvZiB0aGUgdHdvLXdpbmRvdyBnYW1l"

// table is the application behind a Downlink of its own, as pages see it.
type table struct {
	url         string
	application string
}

func newTable(t *testing.T) table {
	t.Helper()
	t.Setenv("DOWNLINK_PRESENCE_SECRET", presenceSecret)
	application := app{page: "../page/index.html"}
	url := support.RunApplication(t, application.handler())
	server := support.RunServer(t, "--app", url, "DOWNLINK_PRESENCE_SECRET="+presenceSecret)
	client, err := downlink.NewClient(downlink.WithURL(server.URL), downlink.WithAPIKey(support.APIKey))
	if err != nil {
		t.Fatal(err)
	}
	channel.Use(client)
	t.Cleanup(func() { channel.Use(nil) })
	return table{url: server.URL, application: url}
}

// visitor is a browser of its own, with one game open.
type visitor struct {
	t       *testing.T
	url     string
	browser http.Client
	game    string
	token   string
	mark    string
	page    *support.Page
}

func said(t *testing.T, html, name string) string {
	t.Helper()
	found := regexp.MustCompile(`const ` + name + ` = "([\w.-]*)";`).FindStringSubmatch(html)
	if found == nil {
		t.Fatalf("the page does not say its %s", name)
	}
	return found[1]
}

// visit opens a game's page; it follows to a fresh game if none is named.
func (one table) visit(t *testing.T, game string) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	visitor := &visitor{t: t, url: one.url, browser: http.Client{Jar: jar}}
	path := "/"
	if game != "" {
		path += "?g=" + game
	}
	response, err := visitor.browser.Get(one.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	html, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || strings.Contains(string(html), "{{") {
		t.Fatal(err, response.Status)
	}
	visitor.game = said(t, string(html), "game")
	visitor.token, visitor.mark = said(t, string(html), "token"), said(t, string(html), "mark")
	return visitor
}

// open opens the channel, as the page does.
func (v *visitor) open() {
	v.t.Helper()
	v.page = support.OpenPage(v.t, v.url, v.token)
	v.post("/opened", 204)
}

// post sends what the page sends, and checks the status.
func (v *visitor) post(path string, status int) {
	v.t.Helper()
	joint := "?"
	if strings.Contains(path, "?") {
		joint = "&"
	}
	response, err := v.browser.Post(v.url+path+joint+"g="+v.game, "", nil)
	if err != nil {
		v.t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != status {
		v.t.Fatalf("%s: got %s, wanted %d", path, response.Status, status)
	}
}

// hears waits for a state that is so; those before it were sent before that was true.
func (v *visitor) hears(what string, isSo func(state) bool) state {
	v.t.Helper()
	var heard []state
	for len(heard) < 20 {
		var now state
		if err := json.Unmarshal([]byte(v.page.Texts(1)[0]), &now); err != nil {
			v.t.Fatal(err)
		}
		if isSo(now) {
			return now
		}
		heard = append(heard, now)
	}
	v.t.Fatalf("%s does not hear %s, but %+v", v.mark, what, heard)
	return state{}
}

func TestTwoWindowsPlayAGameToItsEnd_item_38_item_39(t *testing.T) {
	table := newTable(t)
	x := table.visit(t, "")
	o, third := table.visit(t, x.game), table.visit(t, x.game)
	if got := []string{x.mark, o.mark, third.mark, third.token}; !reflect.DeepEqual(got, []string{"X", "O", "", ""}) {
		t.Fatalf("got %q", got)
	}
	x.open()
	x.hears("that X is here", func(now state) bool { return now.Here.X && !now.Here.O })
	o.open()
	for _, player := range []*visitor{x, o} {
		player.hears("that both are here", func(now state) bool { return now.Here.X && now.Here.O })
	}
	o.post("/move?i=0", 400)
	third.post("/move?i=0", 403)
	for index, cell := range []int{4, 0, 2, 6} {
		[]*visitor{x, o}[index%2].post(fmt.Sprint("/move?i=", cell), 204)
	}
	x.post("/move?i=4", 400)
	board := "O-X-X-O--"
	for _, player := range []*visitor{x, o} {
		now := player.hears("the board", func(now state) bool { return now.Board == board })
		if now.Turn != "X" || now.Winner != "" {
			t.Errorf("got %+v", now)
		}
	}
	x.post("/move?i=5", 204)
	o.post("/move?i=3", 204)
	for _, player := range []*visitor{x, o} {
		player.hears("who has won", func(now state) bool { return now.Winner == "O" })
	}
	x.post("/move?i=1", 400)
	o.page.Close()
	x.hears("that O has gone", func(now state) bool { return now.Here.X && !now.Here.O })
}

func TestTheStateIsWhatThePageReads(t *testing.T) {
	game := newGame()
	game.join("a")
	game.players["X"].here = true
	text, err := json.Marshal(game.state())
	wanted := `{"board":"---------","turn":"X","winner":"","here":{"X":true,"O":false}}`
	if err != nil || string(text) != wanted {
		t.Errorf("got %s", text)
	}
}

func TestAPageIsNotKeptAndItsVisitorIs(t *testing.T) {
	table := newTable(t)
	once := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	first, err := once.Get(table.url)
	if err != nil {
		t.Fatal(err)
	}
	first.Body.Close()
	location := first.Header.Get("Location")
	if first.StatusCode != 303 || !regexp.MustCompile(`^/\?g=[a-z]{10}$`).MatchString(location) {
		t.Errorf("got %s to %q", first.Status, location)
	}
	cookie := first.Header.Get("Set-Cookie")
	if !regexp.MustCompile(`^user=[a-z]{20}; Path=/; HttpOnly; SameSite=Lax$`).MatchString(cookie) {
		t.Errorf("the cookie is %q", cookie)
	}
	second, err := once.Get(table.url + location)
	if err != nil {
		t.Fatal(err)
	}
	second.Body.Close()
	kind, kept := second.Header.Get("Content-Type"), second.Header.Get("Cache-Control")
	if kind != "text/html; charset=utf-8" || kept != "no-store" {
		t.Errorf("it is %q, %q", kind, kept)
	}
}

func TestNonsenseIsRefused(t *testing.T) {
	table := newTable(t)
	x := table.visit(t, "")
	for _, cell := range []string{"9", "-1", "1.5", "x", "", "00", "%D9%A1", "/"} {
		x.post("/move?i="+cell, 400)
	}
	x.post("/move", 400)
	x.post("/nothing", 404)
	game := x.game
	x.game = "nosuchgame"
	x.post("/opened", 404)
	x.post("/move?i=1", 404)
	x.game = game
	for path, status := range map[string]int{
		"/?g=%22%3E%3Cscript%3E": 400, "/?g=": 400, "/?g=a-b": 400, "/move": 404, "/?g=" + strings.Repeat("x", 65): 400,
	} {
		response, err := http.Get(table.url + path)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != status {
			t.Errorf("%s: got %s, wanted %d", path, response.Status, status)
		}
	}
}

func TestAForgedNoticeChangesNothing_item_54(t *testing.T) {
	table := newTable(t)
	x := table.visit(t, "")
	x.open()
	x.hears("that X is here", func(now state) bool { return now.Here.X })
	body := `{"type":"channel.disconnected","timestamp":"2026-11-24T06:30:00Z","data":{"client_id":"` +
		x.game + `","generation":9007199254740991}}`
	for _, url := range []string{table.url, table.application} {
		for _, body := range []string{body, "", strings.Repeat("x", 20*1024)} {
			response, err := http.Post(url+"/_ah/channel/disconnected/", "application/json", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != http.StatusForbidden {
				t.Errorf("got %s", response.Status)
			}
		}
	}
	x.post("/opened", 204)
	if now := x.hears("anything", func(state) bool { return true }); !now.Here.X {
		t.Errorf("got %+v", now)
	}
}

func TestAnOldNoticeChangesNothing(t *testing.T) {
	table := newTable(t)
	x := table.visit(t, "")
	x.open()
	application := app{}
	game := application.games.getOrMake(x.game)
	cookie, err := http.NewRequest(http.MethodGet, table.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	clientID := x.browser.Jar.Cookies(cookie.URL)[0].Value + "-" + x.game
	game.join(clientID)
	for _, one := range []struct {
		connected  bool
		generation int64
		here       bool
	}{{true, 7, true}, {false, 7, true}, {false, 6, true}, {false, 8, false}, {true, 7, false}} {
		notice := downlink.Notice{ClientID: clientID, Connected: one.connected, Generation: one.generation}
		if err := application.note(notice); err != nil || game.state().Here.X != one.here {
			t.Errorf("after %+v: %v, %+v", one, err, game.state())
		}
	}
	for _, stranger := range []string{"nobody", "a-" + x.game, "", "-"} {
		if err := application.note(downlink.Notice{ClientID: stranger, Connected: true, Generation: 9}); err != nil {
			t.Error(err)
		}
	}
}

func TestAPageThatIsNotThereIsAnError(t *testing.T) {
	newTable(t)
	application := app{page: os.DevNull + "/none"}
	out := httptest.NewRecorder()
	application.handler().ServeHTTP(out, httptest.NewRequest("GET", "/?g=abc", nil))
	if out.Code != http.StatusInternalServerError {
		t.Errorf("got %d", out.Code)
	}
}
