package channel_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"downlink.dev/go/channel"
	"downlink.dev/go/downlink"
	"downlink.dev/go/internal/support"
)

var (
	server *support.Server
	ctx    = context.Background()
)

const tokenKey = "the-token-key-of-the-go-tests-of-channel"

func TestMain(m *testing.M) {
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	folder, err := os.MkdirTemp("", "downlink-go-")
	if err == nil {
		defer os.RemoveAll(folder)
		server = support.NewServer(folder, "DOWNLINK_TOKEN_KEY="+tokenKey)
		err = server.Start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer server.Stop()
	os.Setenv("DOWNLINK_URL", server.URL)
	os.Setenv("DOWNLINK_API_KEY", support.APIKey)
	return m.Run()
}

func newID(t testing.TB) string {
	t.Helper()
	random := make([]byte, 8)
	if _, err := rand.Read(random); err != nil {
		t.Fatal(err)
	}
	return "client-" + hex.EncodeToString(random)
}

func create(t testing.TB, clientID string) string {
	t.Helper()
	token, err := channel.Create(ctx, clientID)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func openPage(t testing.TB, clientID string) *support.Page {
	t.Helper()
	return support.OpenPage(t, server.URL, create(t, clientID))
}

func send(t testing.TB, to, message string) {
	t.Helper()
	if err := channel.Send(ctx, to, message); err != nil {
		t.Fatal(err)
	}
}

// expect fails unless these texts, and nothing else before them, arrive.
func expect(t testing.TB, page *support.Page, wanted ...string) {
	t.Helper()
	if got := page.Texts(len(wanted)); !reflect.DeepEqual(got, wanted) {
		t.Fatalf("got %.60q, wanted %.60q", got, wanted)
	}
}

// checkCode fails unless the error is one of the service "channel" with this code.
func checkCode(t testing.TB, err error, code int32) {
	t.Helper()
	var refused *channel.APIError
	if !errors.As(err, &refused) {
		t.Fatalf("got %v, wanted an *APIError", err)
	}
	if refused.Service != "channel" || refused.Code != code || refused.Detail == "" {
		t.Fatalf("got %+v, wanted code %d", refused, code)
	}
	if !strings.HasPrefix(err.Error(), fmt.Sprintf("API error %d (channel: ", code)) {
		t.Errorf("its text is %q", err)
	}
}

func TestTwoChannelsOfOneClientIDBothConnect_item_1(t *testing.T) {
	id := newID(t)
	first, second := create(t, id), create(t, id)
	if first == "" || first == second {
		t.Fatal("the tokens are not two")
	}
	one, two := support.OpenPage(t, server.URL, first), support.OpenPage(t, server.URL, second)
	send(t, id, "hello")
	expect(t, one, "hello")
	expect(t, two, "hello")
}

func TestATokenCanBePastedAnywhere_item_15(t *testing.T) {
	if token := create(t, newID(t)); !regexp.MustCompile(`^[A-Za-z0-9._-]+$`).MatchString(token) {
		t.Error("it has other characters")
	}
}

func TestClientIDsHave256BytesAtMost_item_2(t *testing.T) {
	for _, fits := range []string{strings.Repeat("x", 256), strings.Repeat("é", 128)} {
		page := openPage(t, fits)
		send(t, fits, "hello")
		expect(t, page, "hello")
	}
	for _, bad := range []string{strings.Repeat("x", 257), strings.Repeat("é", 129), "\xff"} {
		_, err := channel.Create(ctx, bad)
		checkCode(t, err, channel.CodeInvalidChannelKey)
		checkCode(t, channel.Send(ctx, bad, "hello"), channel.CodeInvalidChannelKey)
	}
}

func TestAnEmptyClientIDIsRefused_item_3(t *testing.T) {
	_, err := channel.Create(ctx, "")
	checkCode(t, err, channel.CodeInvalidChannelKey)
	checkCode(t, channel.Send(ctx, "", "hello"), channel.CodeInvalidChannelKey)
}

var difficult = []string{
	"a/b", "/", "a-b", "me@Example.com", "~user", "a:b", "50%", "%2F", "a&b", "a+b", "two words", " ",
	"CAPITALS", "žluťoučký 🐎", ".", "..", "?", "#", `"quoted"`, `back\slash`,
}

func TestClientIDsWithAnyCharacterComeThrough_item_4(t *testing.T) {
	for _, id := range difficult {
		page := openPage(t, id)
		send(t, id, "hello")
		expect(t, page, "hello")
	}
}

func TestPresenceNamesTheSameClientID_item_4_item_51(t *testing.T) {
	secret := "whsec_dGhlIHNlY3JldCBvZiB0aGUgY2hhbm5lbCB0ZXN0cw=="
	came := make(chan string, len(difficult))
	mux := http.NewServeMux()
	mux.HandleFunc("/_ah/channel/connected/", func(out http.ResponseWriter, request *http.Request) {
		from := request.FormValue("from")
		// As games of that time did; it has to reach the one who just came.
		if err := channel.Send(request.Context(), from, "welcome"); err != nil {
			t.Error(err)
		}
		came <- from
	})
	mux.HandleFunc("/_ah/channel/disconnected/", func(http.ResponseWriter, *http.Request) {})
	application := support.RunApplication(t, mux)
	own := support.RunServer(t, "--app", application, "DOWNLINK_PRESENCE_SECRET="+secret)
	client, err := downlink.NewClient(downlink.WithURL(own.URL))
	if err != nil {
		t.Fatal(err)
	}
	channel.Use(client)
	defer channel.Use(nil)
	for _, id := range difficult {
		page := support.OpenPage(t, own.URL, create(t, id))
		select {
		case from := <-came:
			if from != id {
				t.Errorf("%q came, but the notice is from %q", id, from)
			}
		case <-time.After(support.Patience):
			t.Fatalf("nobody is told that %q came", id)
		}
		expect(t, page, "welcome")
	}
}

func TestMessagesHave32767BytesAtMost_item_6(t *testing.T) {
	id := newID(t)
	page := openPage(t, id)
	for _, fits := range []string{strings.Repeat("x", 32_767), strings.Repeat("é", 16_383) + "x"} {
		send(t, id, fits)
		expect(t, page, fits)
	}
	for _, bad := range []string{
		strings.Repeat("x", 32_768), strings.Repeat("é", 16_384), strings.Repeat("x", 32_769), "\xff",
	} {
		checkCode(t, channel.Send(ctx, id, bad), channel.CodeBadMessage)
	}
	send(t, id, "the next one")
	expect(t, page, "the next one")
}

func TestAnEmptyMessageReachesNobody_item_7(t *testing.T) {
	id := newID(t)
	page := openPage(t, id)
	checkCode(t, channel.Send(ctx, id, ""), channel.CodeBadMessage)
	send(t, id, "the next one")
	expect(t, page, "the next one")
}

func TestASendBeforeTheChannelWasCreatedReachesNobody_item_8(t *testing.T) {
	id := newID(t)
	send(t, id, "too early")
	page := openPage(t, id)
	send(t, id, "in time")
	expect(t, page, "in time")
}

func TestATokenIsATarget_item_9(t *testing.T) {
	for _, id := range []string{newID(t), strings.Repeat("é", 128)} {
		page := openPage(t, id)
		send(t, create(t, id), "by token")
		expect(t, page, "by token")
	}
}

func TestATokenWhoseTimeIsOverReachesNobody_item_9(t *testing.T) {
	id := newID(t)
	page := openPage(t, id)
	over, err := signedLongAgo(id)
	if err != nil {
		t.Fatal(err)
	}
	send(t, over, "too late")
	// What is no genuine token is a client id that nobody has.
	send(t, over[:len(over)-2]+"AA", "altered")
	send(t, id, "the next one")
	expect(t, page, "the next one")
}

func TestSendJSONSendsExactlyTheJSONText_item_11(t *testing.T) {
	id := newID(t)
	page := openPage(t, id)
	for _, value := range []any{
		map[string]any{"b": 1, "a": []string{"<x>", "é&\u2028🐎"}},
		struct {
			Board string `json:"board"`
			Turn  *int   `json:",omitempty"`
		}{Board: "XO  \"' X"},
		"text", 1.5, nil, true, json.RawMessage(`{ "spaces" : 1 }`), []int{},
	} {
		wanted, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		if err := channel.SendJSON(ctx, id, value); err != nil {
			t.Fatal(err)
		}
		expect(t, page, string(wanted))
	}
}

type unwilling struct{}

var errUnwilling = errors.New("no JSON of this")

func (unwilling) MarshalJSON() ([]byte, error) { return nil, errUnwilling }

func TestErrorsOfMarshalComeBackAsTheyAre_item_11(t *testing.T) {
	for _, value := range []any{make(chan int), unwilling{}} {
		_, wanted := json.Marshal(value)
		got := channel.SendJSON(ctx, "ada", value)
		if reflect.TypeOf(got) != reflect.TypeOf(wanted) || got.Error() != wanted.Error() {
			t.Errorf("got %v, wanted %v", got, wanted)
		}
	}
	if err := channel.SendJSON(ctx, "ada", unwilling{}); !errors.Is(err, errUnwilling) {
		t.Errorf("got %v", err)
	}
	checkCode(t, channel.SendJSON(ctx, "", 1), channel.CodeInvalidChannelKey)
}

func TestOtherFailuresAreInternalErrors_item_10(t *testing.T) {
	defer channel.Use(nil)
	for _, one := range []struct{ name, value string }{
		{"DOWNLINK_API_KEY", "another-key-altogether"},
		{"DOWNLINK_API_KEY", ""},
		{"DOWNLINK_URL", "http://127.0.0.1:9"},
		{"DOWNLINK_URL", "nowhere"},
	} {
		t.Run(one.name+"="+one.value, func(t *testing.T) {
			t.Setenv(one.name, one.value)
			channel.Use(nil)
			_, created := channel.Create(ctx, "ada")
			for _, err := range []error{created, channel.Send(ctx, "ada", "hello")} {
				checkCode(t, err, channel.CodeInternalError)
				if strings.Contains(fmt.Sprintf("%+v %#v", err, err), "another-key") {
					t.Error("it shows the key")
				}
			}
		})
	}
}

func TestAContextEndsACall(t *testing.T) {
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	err := channel.Send(cancelled, "ada", "hello")
	checkCode(t, err, channel.CodeInternalError)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestTheEnvironmentIsReadAtTheFirstCall(t *testing.T) {
	create(t, "ada")
	t.Setenv("DOWNLINK_API_KEY", "another-key-altogether")
	create(t, "ada")
}

func TestGoroutinesShareOneClient(t *testing.T) {
	id := newID(t)
	page := openPage(t, id)
	channel.Use(nil)
	var all sync.WaitGroup
	for number := 0; number < 16; number++ {
		all.Add(1)
		go func() {
			defer all.Done()
			if err := channel.Send(ctx, id, "hello"); err != nil {
				t.Error(err)
			}
		}()
	}
	all.Wait()
	if got := len(page.Texts(16)); got != 16 {
		t.Errorf("got %d", got)
	}
}
