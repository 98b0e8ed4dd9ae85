package downlink_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"downlink.dev/go/downlink"
	"downlink.dev/go/internal/support"
)

// hides fails if fmt, with any of its verbs, or encoding/json shows a secret in a value.
func hides(t testing.TB, value any, secrets ...string) {
	t.Helper()
	shown := []string{fmt.Sprint(value)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t", "%T", "%p"} {
		shown = append(shown, fmt.Sprintf(verb, value))
	}
	if text, err := json.Marshal(value); err == nil {
		shown = append(shown, string(text))
	}
	for _, secret := range secrets {
		// As %x writes it, too.
		for _, form := range []string{secret, fmt.Sprintf("%x", secret)} {
			for _, text := range shown {
				if strings.Contains(text, form) {
					t.Errorf("%T shows a secret: %s", value, text)
				}
			}
		}
	}
}

func TestValuesDoNotShowTheToken(t *testing.T) {
	client, id := newClient(t), newID(t)
	channel := create(t, client, id)
	token := channel.Token()
	item := downlink.Item{To: token, Text: "private words"}
	for _, value := range []any{
		channel, &channel, []downlink.Channel{channel},
		// fmt calls no methods of what lies in a field that is not exported.
		struct{ channel downlink.Channel }{channel}, struct{ channel *downlink.Channel }{&channel},
		map[string]any{"channel": channel},
		downlink.WithTokenKey(token), downlink.WithAPIKey(token),
	} {
		hides(t, value, token)
	}
	// JSON is how an application might send an item itself; only fmt has to be silent there.
	for _, value := range []any{
		item, &item, []downlink.Item{item}, struct{ Item downlink.Item }{item},
		downlink.Item{ToMany: []string{token}, Binary: []byte("private words")},
		downlink.FailedTarget{To: token, Code: "any"},
		downlink.ItemResult{Failed: []downlink.FailedTarget{{To: token}}},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			text := fmt.Sprintf(verb, value)
			if strings.Contains(text, token) || strings.Contains(text, "private words") {
				t.Errorf("%s shows what it should not: %s", verb, text)
			}
		}
	}
	shown := fmt.Sprintf("%+v", channel)
	equal(t, "the client id is shown", strings.Contains(shown, id), true)
	equal(t, "item", fmt.Sprint(downlink.Item{To: "ada", Text: "hello"}), `Item{To: "ada", 5 bytes}`)
}

func TestAClientDoesNotShowItsKey(t *testing.T) {
	client := newClient(t)
	hides(t, client, support.APIKey)
	hides(t, *client, support.APIKey)
	hides(t, struct{ client *downlink.Client }{client}, support.APIKey)
	hides(t, struct{ client downlink.Client }{*client}, support.APIKey)
	hides(t, client.Messages("ada", ""), support.APIKey)
}

func TestFailuresDoNotShowTokenOrKey(t *testing.T) {
	token := create(t, newClient(t), newID(t)).Token()
	for _, fault := range []support.Fault{
		support.Cut, support.Unavailable, support.AnswerTorn, support.Elsewhere,
	} {
		relay := support.RunRelay(t, server.URL, fault, fault, fault)
		client := newClientOf(t, relay.URL, downlink.WithShortWaits())
		_, err := client.Send(ctx, token, "private words")
		hides(t, refusal(t, err), token, support.APIKey, "private words")
	}
	_, err := newClientOf(t, "http://127.0.0.1:9", downlink.WithShortWaits()).Send(ctx, token, "private words")
	hides(t, refusal(t, err), token, support.APIKey, "private words")
}
