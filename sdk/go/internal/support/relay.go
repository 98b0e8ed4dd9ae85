package support

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Fault is what happens to one connection.
type Fault string

// The faults that a relay knows.
const (
	// Silent reads the request and never answers it.
	Silent Fault = "silent"
	// Cut closes before the request is read.
	Cut Fault = "cut"
	// AnswerLost lets the server take the request and answer, and loses the answer.
	AnswerLost Fault = "answer lost"
	// AnswerTorn lets only the first part of the server's answer through.
	AnswerTorn Fault = "answer torn"
	// BadGateway is a proxy's 502; the server never sees the request.
	BadGateway Fault = "bad gateway"
	// Unavailable is a proxy's 503; the server never sees the request.
	Unavailable Fault = "unavailable"
	// Elsewhere is a proxy's redirect to another address.
	Elsewhere Fault = "elsewhere"
)

// QuickFaults are those that end a connection by themselves, without a wait, and that a client bears.
var QuickFaults = []Fault{Cut, AnswerLost, AnswerTorn, BadGateway, Unavailable}

var canned = map[Fault]string{
	BadGateway:  "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
	Unavailable: "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\nConnection: close\r\n\r\nwait",
	Elsewhere: "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:9/\r\n" +
		"Content-Length: 0\r\nConnection: close\r\n\r\n",
}

// Relay forwards each connection to the server, but for the first ones, which get the faults.
type Relay struct {
	// URL is where it listens.
	URL string
	// BeforeTheLoss, if set, happens between an answer of the server and its loss.
	BeforeTheLoss func()

	server      string
	listener    net.Listener
	connections atomic.Int32
	lock        sync.Mutex
	faults      []Fault
}

// RunRelay starts a relay that ends with the test.
func RunRelay(t testing.TB, serverURL string, faults ...Fault) *Relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	relay := &Relay{
		URL:      "http://" + listener.Addr().String(),
		server:   strings.TrimPrefix(serverURL, "http://"),
		listener: listener,
		faults:   faults,
	}
	t.Cleanup(func() { listener.Close() })
	go relay.accept()
	return relay
}

// Connections tells how many there were.
func (r *Relay) Connections() int {
	return int(r.connections.Load())
}

// AwaitConnections returns when there have been so many.
func (r *Relay) AwaitConnections(t testing.TB, count int) {
	t.Helper()
	for deadline := time.Now().Add(Patience); r.Connections() < count; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("%d connections do not come", count)
			return
		}
	}
}

// AddFault is for the next connection that has none yet.
func (r *Relay) AddFault(fault Fault) {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.faults = append(r.faults, fault)
}

func (r *Relay) accept() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.connections.Add(1)
		go func() {
			defer client.Close()
			r.serve(client, r.nextFault())
		}()
	}
}

func (r *Relay) nextFault() Fault {
	r.lock.Lock()
	defer r.lock.Unlock()
	if len(r.faults) == 0 {
		return ""
	}
	fault := r.faults[0]
	r.faults = r.faults[1:]
	return fault
}

func (r *Relay) serve(client net.Conn, fault Fault) {
	if fault == Cut {
		return
	}
	if fault == "" {
		r.forward(client)
		return
	}
	request, err := http.ReadRequest(bufio.NewReader(client))
	if err != nil {
		return
	}
	whole, err := httputil.DumpRequest(request, true)
	if err != nil {
		return
	}
	switch fault {
	case Silent:
		_, _ = client.Read(make([]byte, 1)) // Until the client gives up.
	case AnswerLost, AnswerTorn:
		answer := r.ask(whole)
		if r.BeforeTheLoss != nil {
			r.BeforeTheLoss()
		}
		if fault == AnswerTorn {
			_, _ = client.Write(answer[:len(answer)-1])
		}
	default:
		_, _ = io.WriteString(client, canned[fault])
	}
}

// ask sends a request to the server and returns its whole answer.
func (r *Relay) ask(request []byte) []byte {
	server, err := net.Dial("tcp", r.server)
	if err != nil {
		return []byte(" ")
	}
	defer server.Close()
	_, _ = server.Write(request)
	response, err := http.ReadResponse(bufio.NewReader(server), nil)
	if err != nil {
		return []byte(" ")
	}
	var answer bytes.Buffer
	_ = response.Write(&answer)
	return answer.Bytes()
}

func (r *Relay) forward(client net.Conn) {
	server, err := net.Dial("tcp", r.server)
	if err != nil {
		return
	}
	defer server.Close()
	done := make(chan struct{})
	go func() {
		pump(client, server)
		close(done)
	}()
	pump(server, client)
	<-done
}

func pump(sink, source net.Conn) {
	_, _ = io.Copy(sink, source) // The other direction ended the connection, if it fails.
	if tcp, ok := sink.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
}
