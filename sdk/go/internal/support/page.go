package support

import (
	"bufio"
	"encoding/json"
	"net/http"
	"sync"
	"testing"
	"time"
)

// lineBytesMax is more than the longest message makes, written as JSON with every byte escaped.
const lineBytesMax = 1024 * 1024

// Page listens to a channel as a page does, over streamed lines; what arrives is kept until asked for.
type Page struct {
	t      testing.TB
	frames chan frame
	close  func()
}

// Received is a message that arrived.
type Received struct {
	Data   string
	Binary bool
}

type frame struct {
	Type   string  `json:"type"`
	Data   *string `json:"data"`
	Base64 *[]byte `json:"base64"`
	Code   int     `json:"code"`
}

// OpenPage opens a socket with a token; it closes with the test, if not before.
func OpenPage(t testing.TB, serverURL, token string) *Page {
	t.Helper()
	response := ask(t, serverURL, token)
	if response.StatusCode != http.StatusOK {
		t.Fatalf("not opened: %s", response.Status)
	}
	page := &Page{t: t, frames: make(chan frame, 4096)}
	var once sync.Once
	page.close = func() { once.Do(func() { response.Body.Close() }) }
	t.Cleanup(page.close)
	go page.read(bufio.NewScanner(response.Body))
	if first := page.next(); first.Type != "open" {
		t.Fatalf("the first frame is %+v, not the open frame", first)
	}
	return page
}

// RefusedWith returns the status with which the server refuses to open a socket.
func RefusedWith(t testing.TB, serverURL, token string) int {
	t.Helper()
	response := ask(t, serverURL, token)
	response.Body.Close()
	return response.StatusCode
}

func ask(t testing.TB, serverURL, token string) *http.Response {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, serverURL+"/v1/socket", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Accept", "application/x-ndjson")
	// A connection of its own, which closes with the page.
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// Messages returns the next messages.
func (p *Page) Messages(count int) []Received {
	p.t.Helper()
	received := make([]Received, count)
	for index := range received {
		frame := p.nextWithoutPings()
		switch {
		case frame.Data != nil:
			received[index] = Received{Data: *frame.Data}
		case frame.Base64 != nil:
			received[index] = Received{Data: string(*frame.Base64), Binary: true}
		default:
			p.t.Fatalf("%+v came in place of a message", frame)
		}
	}
	return received
}

// Texts returns the next messages, which have to be texts.
func (p *Page) Texts(count int) []string {
	p.t.Helper()
	texts := make([]string, count)
	for index, message := range p.Messages(count) {
		if message.Binary {
			p.t.Fatal("a binary message came in place of a text")
		}
		texts[index] = message.Data
	}
	return texts
}

// Closing returns the code of the close frame, which has to come next.
func (p *Page) Closing() int {
	p.t.Helper()
	frame := p.nextWithoutPings()
	if frame.Type != "close" {
		p.t.Fatalf("%+v came in place of a close frame", frame)
	}
	return frame.Code
}

// Close goes away.
func (p *Page) Close() {
	p.close()
}

func (p *Page) nextWithoutPings() frame {
	p.t.Helper()
	for {
		if frame := p.next(); frame.Type != "ping" {
			return frame
		}
	}
}

func (p *Page) next() frame {
	p.t.Helper()
	select {
	case frame, more := <-p.frames:
		if !more {
			p.t.Fatal("the socket ended")
		}
		return frame
	case <-time.After(Patience):
		p.t.Fatal("nothing arrives")
	}
	return frame{}
}

func (p *Page) read(lines *bufio.Scanner) {
	defer close(p.frames)
	lines.Buffer(nil, lineBytesMax)
	for lines.Scan() {
		var one frame
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			one = frame{Type: "not JSON"}
		}
		p.frames <- one
	}
}
