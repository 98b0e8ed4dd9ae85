package downlink

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// call is one call of the API: what to send. It is never printed; its target may hold a token.
type call struct {
	method string
	// target is path and query, encoded.
	target  string
	headers map[string]string
	content []byte
	// repeatable tells whether doing it twice is the same as doing it once, so that it may be tried
	// again after it may have arrived.
	repeatable bool
}

// presencePage is few enough that a page of the longest client ids stays under 1 MiB of JSON.
const presencePage = "1000"

// createChannelCall is repeatable: creating a channel stores nothing, and an unused token just
// expires.
func createChannelCall(clientID string, settings channelSettings) (call, error) {
	if !utf8.ValidString(clientID) {
		return call{}, notAClientID()
	}
	body := struct {
		ClientID string      `json:"client_id"`
		Minutes  json.Number `json:"duration_minutes,omitempty"`
	}{ClientID: clientID}
	if settings.duration != nil {
		body.Minutes = json.Number(decimal(settings.duration.Minutes()))
	}
	return call{
		method:     http.MethodPost,
		target:     "/v1/channels",
		headers:    map[string]string{"Content-Type": "application/json"},
		content:    encodeJSON(body),
		repeatable: true,
	}, nil
}

func sendTextCall(to, text string, options []SendOption) (call, error) {
	if !utf8.ValidString(text) {
		return call{}, notText()
	}
	return sendCall(to, "text/plain; charset=utf-8", []byte(text), options)
}

func sendBinaryCall(to string, data []byte, options []SendOption) (call, error) {
	return sendCall(to, "application/octet-stream", data, options)
}

// sendCall puts the target into the query: a path cannot carry every client id.
func sendCall(to, contentType string, content []byte, options []SendOption) (call, error) {
	var settings sendSettings
	for _, option := range options {
		option(&settings)
	}
	if !utf8.ValidString(to) {
		return call{}, notAClientID()
	}
	key, err := idempotencyKey(settings.idempotencyKey)
	if err != nil {
		return call{}, err
	}
	headers := map[string]string{"Content-Type": contentType, "Idempotency-Key": key}
	if settings.ttl != nil {
		headers["Downlink-TTL"] = decimal(settings.ttl.Seconds())
	}
	return call{
		method:     http.MethodPost,
		target:     "/v1/messages?to=" + escape(to),
		headers:    headers,
		content:    content,
		repeatable: isStored(settings.ttl),
	}, nil
}

// channelCall uses the query form, which every client id fits into.
func channelCall(clientID string) (call, error) {
	return channelByQuery(http.MethodGet, clientID)
}

// deleteChannelCall is repeatable: a channel that was deleted twice is deleted.
func deleteChannelCall(clientID string) (call, error) {
	return channelByQuery(http.MethodDelete, clientID)
}

func channelByQuery(method, clientID string) (call, error) {
	if !utf8.ValidString(clientID) {
		return call{}, notAClientID()
	}
	target := "/v1/channels?client_id=" + escape(clientID)
	return call{method: method, target: target, repeatable: true}, nil
}

// messagesCall is the only call with the client id in its path.
func messagesCall(clientID, after string) (call, error) {
	if !utf8.ValidString(clientID) {
		return call{}, notAClientID()
	}
	segment := escape(clientID)
	if segment == "." || segment == ".." {
		// Spelled out, or the path would be resolved on the way.
		segment = strings.ReplaceAll(segment, ".", "%2E")
	}
	target := "/v1/channels/" + segment + "/messages"
	if after != "" {
		target += "?after=" + escape(after)
	}
	return call{method: http.MethodGet, target: target, repeatable: true}, nil
}

func presenceCall(after string) call {
	target := "/v1/presence?limit=" + presencePage
	if after != "" {
		target += "&after=" + escape(after)
	}
	return call{method: http.MethodGet, target: target, repeatable: true}
}

// isStored tells whether the key of a send protects it: what is not stored cannot be recognised
// when it comes again.
func isStored(ttl *time.Duration) bool {
	return ttl == nil || *ttl != 0
}

// idempotencyKey returns the key given, or one that nobody else makes.
func idempotencyKey(given string) (string, error) {
	for _, char := range []byte(given) {
		if char < ' ' || char >= 0x7f {
			return "", &Error{
				Code:   "invalid_idempotency_key",
				Detail: "An idempotency key has printable ASCII characters only.",
			}
		}
	}
	if given != "" {
		return given, nil
	}
	return randomHex(16)
}

func randomHex(bytes int) (string, error) {
	random := make([]byte, bytes)
	if _, err := rand.Read(random); err != nil {
		return "", &Error{Code: "no_random_numbers", Detail: "The system gives no random numbers."}
	}
	return hex.EncodeToString(random), nil
}

// escape makes a text safe in a path and in a query.
func escape(text string) string {
	// A space as `+` means itself in a path.
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}

// decimal writes a number without an exponent; a fraction is the server's to refuse.
func decimal(number float64) string {
	return strconv.FormatFloat(number, 'f', -1, 64)
}

// encodeJSON writes compact JSON, in which `<` and others stay as they are.
func encodeJSON(value any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic("plain structures are always encodable: " + err.Error())
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}
