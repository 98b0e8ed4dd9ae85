package downlink_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"downlink.dev/go/downlink"
	"downlink.dev/go/internal/support"
)

func TestTokensAreAsTheCasesSay(t *testing.T) {
	var cases []struct {
		Name     string         `json:"name"`
		Key      string         `json:"key"`
		KeyID    string         `json:"key_id"`
		ClientID string         `json:"client_id"`
		Minutes  *int           `json:"duration_minutes"`
		Now      int64          `json:"now"`
		ID       string         `json:"jti"`
		Header   map[string]any `json:"header"`
		Claims   map[string]any `json:"claims"`
		Refused  string         `json:"refused"`
	}
	support.ReadCases(t, "tokens", &cases)
	for _, one := range cases {
		one := one
		t.Run(one.Name, func(t *testing.T) {
			options := []downlink.TokenOption{
				downlink.WithTokenKey(one.Key), downlink.SignedAt(time.Unix(one.Now, 0), one.ID),
			}
			if one.KeyID != "" {
				options = append(options, downlink.WithKeyID(one.KeyID))
			}
			if one.Minutes != nil {
				duration := time.Duration(*one.Minutes) * time.Minute
				options = append(options, downlink.WithDuration(duration))
			}
			token, err := downlink.SignToken(one.ClientID, options...)
			if one.Refused != "" {
				equal(t, "code", refusal(t, err).Code, one.Refused)
				hides(t, err, one.Key)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			header, claims := decode(t, token, one.Key)
			if !reflect.DeepEqual(header, one.Header) || !reflect.DeepEqual(claims, one.Claims) {
				t.Errorf("got %v and %v", header, claims)
			}
		})
	}
}

// decode checks the signature and returns what a token says.
func decode(t testing.TB, token, key string) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	equal(t, "parts", len(parts), 3)
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(parts[0] + "." + parts[1]))
	equal(t, "signature", parts[2], base64.RawURLEncoding.EncodeToString(mac.Sum(nil)))
	for index, into := range []*map[string]any{&header, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[index])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatal(err)
		}
	}
	return header, claims
}

func TestATokenSignedHereOpensItsChannel(t *testing.T) {
	t.Setenv("DOWNLINK_TOKEN_KEY", tokenKey)
	client := newClient(t)
	for _, id := range []string{newID(t), newID(t) + "/é 🐎<&>\"\\"} {
		token, err := downlink.SignToken(id, downlink.WithDuration(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		page := support.OpenPage(t, server.URL, token)
		send(t, client, id, "by id")
		send(t, client, token, "by token")
		equalTexts(t, page.Texts(2), []string{"by id", "by token"})
	}
}

func TestEachTokenIsAnotherOne(t *testing.T) {
	made := map[string]bool{}
	for number := 0; number < 10; number++ {
		token, err := downlink.SignToken("ada", downlink.WithTokenKey(tokenKey))
		if err != nil {
			t.Fatal(err)
		}
		made[token] = true
		_, claims := decode(t, token, tokenKey)
		equal(t, "life", claims["exp"].(float64)-claims["iat"].(float64), 7200)
	}
	equal(t, "tokens", len(made), 10)
}

func TestNoTokenIsMadeOfWhatCannotBeOne(t *testing.T) {
	t.Setenv("DOWNLINK_TOKEN_KEY", "")
	_, err := downlink.SignToken("ada")
	equal(t, "without a key", refusal(t, err).Code, "invalid_key")
	key := downlink.WithTokenKey(tokenKey)
	_, err = downlink.SignToken("not \xff UTF-8", key)
	checkKinds(t, err, "client id")
	for _, bad := range []time.Duration{90 * time.Second, 1, 24*time.Hour + 1, -time.Hour} {
		_, err = downlink.SignToken("ada", key, downlink.WithDuration(bad))
		checkKinds(t, err, "duration")
	}
}

func ExampleSignToken() {
	token, err := downlink.SignToken("ada",
		downlink.WithTokenKey("the same 32 bytes or more that the server signs with"),
		downlink.WithDuration(15*time.Minute))
	fmt.Println(strings.Count(token, "."), err)
	// Output: 2 <nil>
}
