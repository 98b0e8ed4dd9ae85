package downlink

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"os"
	"time"
	"unicode/utf8"
)

const (
	clientIDBytesMax = 256
	tokenKeyBytesMin = 32
	durationDefault  = 2 * time.Hour
	durationMax      = 24 * time.Hour
)

// TokenOption changes how [SignToken] makes a token.
type TokenOption interface {
	applyToToken(*tokenSettings)
}

type tokenSettings struct {
	key      *string
	keyID    string
	duration time.Duration
	now      time.Time
	// jti makes each token another one; it is random unless a test needs it to be known.
	jti string
}

type tokenOption func(*tokenSettings)

func (option tokenOption) applyToToken(settings *tokenSettings) {
	option(settings)
}

// WithTokenKey gives the server's signing key; without it DOWNLINK_TOKEN_KEY does.
func WithTokenKey(key string) TokenOption {
	return tokenOption(func(settings *tokenSettings) { settings.key = &key })
}

// WithKeyID names the signing key, where the server has several.
func WithKeyID(id string) TokenOption {
	return tokenOption(func(settings *tokenSettings) { settings.keyID = id })
}

// SignToken makes a token for clientID without asking the server, with the key that the server
// signs with. A page opens the channel with it as with one of [Client.CreateChannel].
//
// Such a token has no place in the channel: a page that opens with it gets what was sent since
// 5 seconds before the token was signed. Whoever has the key can make tokens for every client id.
func SignToken(clientID string, options ...TokenOption) (string, error) {
	settings := tokenSettings{duration: durationDefault, now: time.Now()}
	for _, option := range options {
		option.applyToToken(&settings)
	}
	if err := settings.check(clientID); err != nil {
		return "", err
	}
	key := os.Getenv("DOWNLINK_TOKEN_KEY")
	if settings.key != nil {
		key = *settings.key
	}
	if len(key) < tokenKeyBytesMin {
		return "", &Error{
			Code:   "invalid_key",
			Detail: "A token key has at least 32 bytes; set DOWNLINK_TOKEN_KEY, or give WithTokenKey.",
		}
	}
	if settings.jti == "" {
		random, err := randomHex(16)
		if err != nil {
			return "", err
		}
		settings.jti = random
	}
	return settings.sign(clientID, []byte(key)), nil
}

func (s *tokenSettings) check(clientID string) error {
	if !isClientID(clientID) {
		return notAClientID()
	}
	if s.duration < time.Minute || s.duration > durationMax || s.duration%time.Minute != 0 {
		return &Error{
			Code:   "invalid_duration",
			Detail: "A duration is a whole number of minutes from 1 to 1440.",
		}
	}
	return nil
}

func isClientID(text string) bool {
	return text != "" && len(text) <= clientIDBytesMax && utf8.ValidString(text)
}

func (s *tokenSettings) sign(clientID string, key []byte) string {
	header := struct {
		Algorithm string `json:"alg"`
		Type      string `json:"typ"`
		KeyID     string `json:"kid,omitempty"`
	}{"HS256", "JWT", s.keyID}
	claims := struct {
		Audience  string `json:"aud"`
		Subject   string `json:"sub"`
		IssuedAt  int64  `json:"iat"`
		ExpiresAt int64  `json:"exp"`
		ID        string `json:"jti"`
	}{"downlink", clientID, s.now.Unix(), s.now.Add(s.duration).Unix(), s.jti}
	encoding := base64.RawURLEncoding
	signed := encoding.EncodeToString(encodeJSON(header)) + "." + encoding.EncodeToString(encodeJSON(claims))
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(signed))
	return signed + "." + encoding.EncodeToString(mac.Sum(nil))
}
