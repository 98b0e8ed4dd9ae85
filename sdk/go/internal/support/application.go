package support

import (
	"net"
	"net/http"
	"testing"
)

// RunApplication serves a handler on a free port until the test ends, and returns its address.
func RunApplication(t testing.TB, handler http.Handler) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	application := &http.Server{Handler: handler}
	go func() { _ = application.Serve(listener) }()
	t.Cleanup(func() { application.Close() })
	return "http://" + listener.Addr().String()
}
