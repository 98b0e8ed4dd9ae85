// Tic-tac-toe in two windows: the application's side, as one of the App Engine time had it.
//
// Moves come by ordinary HTTP, and each new state goes to both players over their channels. Needs
// nothing but Go and the module downlink.dev/go; README.md says how to run it.
package main

import (
	"log"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	log.SetFlags(0)
	port, page := os.Getenv("PORT"), os.Getenv("PAGE")
	if port == "" {
		port = "8080"
	}
	if page == "" {
		page = "../page/index.html"
	}
	if _, err := os.Stat(page); err != nil {
		log.Fatalf("There is no page: %v. Run this in its folder, or set PAGE.", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("The application listens on http://%s", listener.Addr())
	log.Print("Open it through Downlink: http://127.0.0.1:7171/")
	application := app{page: page}
	server := http.Server{
		Handler:           application.handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		IdleTimeout:       time.Minute,
	}
	log.Fatal(server.Serve(listener))
}
