// A live dashboard: the application's side.
//
// One channel for all who look: its client id is the dashboard's, and each page has a token of its
// own for it. README.md says how to run it.
package main

import (
	"context"
	"encoding/json"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"downlink.dev/go/downlink"
)

const (
	clientID = "dashboard"
	every    = 500 * time.Millisecond
	// kept is what a fresh page shows at once: a minute.
	kept = int(time.Minute / every)
)

// board is what has been seen lately.
type board struct {
	client  *downlink.Client
	lock    sync.Mutex
	samples []sample
}

// watch looks at the machine again and again, and sends what it sees.
func (b *board) watch(ctx context.Context) error {
	var machine machine
	if _, err := machine.look(); err != nil {
		return err
	}
	watching := 0
	for n := 1; ; n++ {
		time.Sleep(every)
		seen, err := machine.look()
		if err != nil {
			return err
		}
		seen.N, seen.Watching = n, watching
		b.keep(seen)
		text, err := json.Marshal(seen)
		if err != nil {
			return err
		}
		sent, err := b.client.Send(ctx, clientID, string(text))
		if err != nil {
			log.Print(err) // The next one is on its way; pages draw a line over what is missing.
			continue
		}
		// How many sockets are open: nobody has to be asked who looks.
		watching = int(sent.Sockets)
	}
}

func (b *board) keep(seen sample) {
	b.lock.Lock()
	defer b.lock.Unlock()
	b.samples = append(b.samples, seen)
	if len(b.samples) > kept {
		b.samples = b.samples[1:]
	}
}

// samplesPage answers a token and what was seen before. First the token: what is seen after it comes
// over the channel, and what is in both has one number.
func (b *board) samplesPage(out http.ResponseWriter, request *http.Request) {
	channel, err := b.client.CreateChannel(request.Context(), clientID)
	if err != nil {
		log.Print(err)
		http.Error(out, "Downlink cannot be reached; try again.", http.StatusBadGateway)
		return
	}
	b.lock.Lock()
	samples := append([]sample{}, b.samples...)
	b.lock.Unlock()
	out.Header().Set("Content-Type", "application/json")
	out.Header().Set("Cache-Control", "no-store") // There is a token in it.
	answer := map[string]any{"token": channel.Token(), "samples": samples}
	if err := json.NewEncoder(out).Encode(answer); err != nil {
		log.Print(err) // The visitor has gone.
	}
}

func main() {
	log.SetFlags(0)
	client, err := downlink.NewClient() // DOWNLINK_URL, DOWNLINK_API_KEY
	if err != nil {
		log.Fatal(err)
	}
	board := board{client: client}
	go func() { log.Fatal(board.watch(context.Background())) }()

	pages := http.NewServeMux()
	pages.HandleFunc("/samples", board.samplesPage)
	pages.Handle("/look/", http.StripPrefix("/look/", http.FileServer(http.Dir("../look"))))
	pages.Handle("/", http.FileServer(http.Dir("page")))

	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("The application listens on http://%s", listener.Addr())
	server := http.Server{Handler: pages, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	log.Fatal(server.Serve(listener))
}
