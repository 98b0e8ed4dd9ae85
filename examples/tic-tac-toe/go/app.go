package main

import (
	"context"
	"crypto/rand"
	"errors"
	"log"
	"math/big"
	"net/http"
	"os"
	"regexp"
	"strings"

	"downlink.dev/go/channel"
	"downlink.dev/go/downlink"
)

// bodyBytesMax is more than anything that comes here: moves have no body, and a notice has less
// than 1 KiB.
const bodyBytesMax = 16 * 1024

// A client id is `<user>-<game>`, so neither may have a dash in it.
var (
	userName = regexp.MustCompile(`^[A-Za-z]{1,64}$`)
	gameName = regexp.MustCompile(`^[A-Za-z0-9]{1,64}$`)
)

// app is the application: the games that are going on, and the page that shows one.
type app struct {
	games games
	// page is the path of the page's file.
	page string
}

// handler answers the requests of pages and of Downlink.
func (a *app) handler() http.Handler {
	handlers := map[string]http.HandlerFunc{
		"GET /":                           a.main,
		"POST /opened":                    a.opened,
		"POST /move":                      a.move,
		"POST /_ah/channel/connected/":    a.presence,
		"POST /_ah/channel/disconnected/": a.presence,
	}
	return http.MaxBytesHandler(http.HandlerFunc(func(out http.ResponseWriter, request *http.Request) {
		handle, ok := handlers[request.Method+" "+request.URL.Path]
		if !ok {
			http.Error(out, "There is nothing here.", http.StatusNotFound)
			return
		}
		handle(out, request)
	}), bodyBytesMax)
}

// main gives a seat at the game, and a page with the token of the player's channel.
func (a *app) main(out http.ResponseWriter, request *http.Request) {
	user := userOf(request)
	// Stands for the login that a real application has.
	http.SetCookie(out, &http.Cookie{
		Name: "user", Value: user, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	query := request.URL.Query()
	if !query.Has("g") {
		http.Redirect(out, request, "/?g="+randomLetters(10), http.StatusSeeOther)
		return
	}
	id := query.Get("g")
	if !gameName.MatchString(id) {
		http.Error(out, "A game's name has letters and digits only.", http.StatusBadRequest)
		return
	}
	clientID := user + "-" + id
	mark := a.join(id, clientID)
	token := ""
	if mark != "" {
		var err error
		if token, err = channel.Create(request.Context(), clientID); err != nil {
			fail(out, err)
			return
		}
	}
	page, err := os.ReadFile(a.page)
	if err != nil {
		fail(out, err)
		return
	}
	out.Header().Set("Content-Type", "text/html; charset=utf-8")
	out.Header().Set("Cache-Control", "no-store") // The page holds a token.
	filled := strings.NewReplacer("{{token}}", token, "{{mark}}", mark, "{{game}}", id)
	if _, err := filled.WriteString(out, string(page)); err != nil {
		log.Print(err) // The visitor has gone.
	}
}

func (a *app) join(id, clientID string) string {
	game := a.games.getOrMake(id)
	game.lock.Lock()
	defer game.lock.Unlock()
	return game.join(clientID)
}

// opened: a page has opened its channel, and needs to know how the game stands.
func (a *app) opened(out http.ResponseWriter, request *http.Request) {
	a.forPlayer(out, request, func(*game, string) error { return nil })
}

// move: a player puts a mark into a cell.
func (a *app) move(out http.ResponseWriter, request *http.Request) {
	cell := request.URL.Query().Get("i")
	if len(cell) != 1 || cell[0] < '0' || cell[0] > '8' {
		http.Error(out, "A cell is a number from 0 to 8.", http.StatusBadRequest)
		return
	}
	a.forPlayer(out, request, func(game *game, mark string) error {
		return game.move(mark, int(cell[0]-'0'))
	})
}

// forPlayer lets one of the two players act, and tells both how the game stands then.
func (a *app) forPlayer(
	out http.ResponseWriter, request *http.Request, act func(*game, string) error,
) {
	id := request.URL.Query().Get("g")
	game := a.games.get(id)
	if game == nil {
		http.Error(out, "There is no such game.", http.StatusNotFound)
		return
	}
	game.lock.Lock()
	defer game.lock.Unlock()
	mark := game.markOf(userOf(request) + "-" + id)
	if mark == "" {
		http.Error(out, "You do not play in this game.", http.StatusForbidden)
		return
	}
	if err := act(game, mark); err != nil {
		http.Error(out, err.Error(), http.StatusBadRequest)
		return
	}
	if err := tellBoth(game); err != nil {
		fail(out, err)
		return
	}
	out.WriteHeader(http.StatusNoContent)
}

// presence: Downlink says that a player came or went.
func (a *app) presence(out http.ResponseWriter, request *http.Request) {
	notice, err := downlink.ReadNotice(request) // DOWNLINK_PRESENCE_SECRET
	if errors.Is(err, downlink.ErrInvalidNotice) {
		http.Error(out, err.Error(), http.StatusForbidden)
		return
	}
	if err == nil {
		err = a.note(notice)
	}
	if err != nil {
		fail(out, err)
		return
	}
	// Also for a game that is gone, or the notice would come again and again.
	out.WriteHeader(http.StatusNoContent)
}

// note keeps what the notice says, unless a newer one said otherwise, and tells both players.
func (a *app) note(notice downlink.Notice) error {
	game := a.games.get(notice.ClientID[strings.LastIndex(notice.ClientID, "-")+1:])
	if game == nil {
		return nil
	}
	game.lock.Lock()
	defer game.lock.Unlock()
	player := game.players[game.markOf(notice.ClientID)]
	if player == nil || notice.Generation <= player.generation {
		return nil
	}
	player.here = notice.Connected
	if err := tellBoth(game); err != nil {
		return err
	}
	// Only now: if telling failed, the notice comes again, and must count again.
	player.generation = notice.Generation
	return nil
}

// tellBoth sends the state over both channels.
func tellBoth(game *game) error {
	// Not the request's context: who moves and leaves at once has moved all the same.
	ctx := context.Background()
	for _, player := range game.players {
		if err := channel.SendJSON(ctx, player.clientID, game.state()); err != nil {
			return err
		}
	}
	return nil
}

// userOf returns the visitor: a new one, unless the cookie is one that was given here.
func userOf(request *http.Request) string {
	if cookie, err := request.Cookie("user"); err == nil && userName.MatchString(cookie.Value) {
		return cookie.Value
	}
	return randomLetters(20)
}

// randomLetters returns what nobody guesses.
func randomLetters(count int) string {
	letters := make([]byte, count)
	for index := range letters {
		random, err := rand.Int(rand.Reader, big.NewInt(26))
		if err != nil {
			panic("the system has random numbers: " + err.Error())
		}
		letters[index] = 'a' + byte(random.Int64())
	}
	return string(letters)
}

func fail(out http.ResponseWriter, err error) {
	log.Print(err) // Errors of channel and downlink hold no token and no key.
	http.Error(out, "Something went wrong here; the log says what.", http.StatusInternalServerError)
}
