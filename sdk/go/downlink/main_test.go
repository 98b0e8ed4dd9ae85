package downlink_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"testing"

	"downlink.dev/go/downlink"
	"downlink.dev/go/internal/support"
)

// server is for most tests; those that kill it start their own.
var server *support.Server

// tokenKey and presenceSecret are the server's too.
const (
	tokenKey       = "the-token-key-of-the-go-tests-of-downlink"
	presenceSecret = "whsec_dGhlIHNlY3JldCBvZiB0aGUgcHJlc2VuY2UgdGVzdHM="
)

var ctx = context.Background()

func TestMain(m *testing.M) {
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	folder, err := os.MkdirTemp("", "downlink-go-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	server = support.NewServer(folder, "DOWNLINK_TOKEN_KEY="+tokenKey)
	if err := server.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer server.Stop()
	return m.Run()
}

// newClient makes a client of the shared server, which closes with the test.
func newClient(t testing.TB, options ...downlink.ClientOption) *downlink.Client {
	t.Helper()
	return newClientOf(t, server.URL, options...)
}

func newClientOf(t testing.TB, url string, options ...downlink.ClientOption) *downlink.Client {
	t.Helper()
	given := []downlink.ClientOption{downlink.WithURL(url), downlink.WithAPIKey(support.APIKey)}
	client, err := downlink.NewClient(append(given, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// newID makes a client id that is nobody else's, so that tests can share a server.
func newID(t testing.TB) string {
	t.Helper()
	random := make([]byte, 8)
	if _, err := rand.Read(random); err != nil {
		t.Fatal(err)
	}
	return "client-" + hex.EncodeToString(random)
}

func create(t testing.TB, client *downlink.Client, clientID string) downlink.Channel {
	t.Helper()
	channel, err := client.CreateChannel(ctx, clientID)
	if err != nil {
		t.Fatal(err)
	}
	return channel
}

func send(
	t testing.TB, client *downlink.Client, to, text string, options ...downlink.SendOption,
) downlink.Sent {
	t.Helper()
	sent, err := client.Send(ctx, to, text, options...)
	if err != nil {
		t.Fatal(err)
	}
	return sent
}

// kept returns all that is kept for a client id.
func kept(t testing.TB, client *downlink.Client, clientID string) []downlink.Message {
	t.Helper()
	return keptAfter(t, client, clientID, "")
}

func keptAfter(t testing.TB, client *downlink.Client, clientID, after string) []downlink.Message {
	t.Helper()
	var messages []downlink.Message
	pages := client.Messages(clientID, after)
	for pages.Next(ctx) {
		messages = append(messages, pages.Page().Messages...)
	}
	if err := pages.Err(); err != nil {
		t.Fatal(err)
	}
	return messages
}

func texts(messages []downlink.Message) []string {
	texts := []string{}
	for _, message := range messages {
		texts = append(texts, string(message.Data))
	}
	return texts
}

// present returns all client ids that have a socket open.
func present(t testing.TB, client *downlink.Client) []string {
	t.Helper()
	var clientIDs []string
	all := client.Presence()
	for all.Next(ctx) {
		clientIDs = append(clientIDs, all.ClientID())
	}
	if err := all.Err(); err != nil {
		t.Fatal(err)
	}
	return clientIDs
}

func contains(list []string, wanted string) bool {
	for _, one := range list {
		if one == wanted {
			return true
		}
	}
	return false
}

func equal[T comparable](t testing.TB, what string, got, wanted T) {
	t.Helper()
	if got != wanted {
		t.Fatalf("%s: got %v, wanted %v", what, got, wanted)
	}
}

func equalTexts(t testing.TB, got, wanted []string) {
	t.Helper()
	equal(t, "texts", fmt.Sprintf("%q", got), fmt.Sprintf("%q", wanted))
}

// refusal returns the error as what it has to be.
func refusal(t testing.TB, err error) *downlink.Error {
	t.Helper()
	var refusal *downlink.Error
	if !errors.As(err, &refusal) {
		t.Fatalf("got %v, wanted a *downlink.Error", err)
	}
	return refusal
}
