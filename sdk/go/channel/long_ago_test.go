package channel_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"
)

// signedLongAgo makes a token that is genuine and whose time is over.
func signedLongAgo(clientID string) (string, error) {
	encoding := base64.RawURLEncoding
	now := time.Now().Unix()
	claims := fmt.Sprintf(`{"aud":"downlink","sub":%q,"iat":%d,"exp":%d,"jti":"1"}`, clientID, now-7200, now-3600)
	signed := encoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." +
		encoding.EncodeToString([]byte(claims))
	mac := hmac.New(sha256.New, []byte(tokenKey))
	if _, err := mac.Write([]byte(signed)); err != nil {
		return "", err
	}
	return signed + "." + encoding.EncodeToString(mac.Sum(nil)), nil
}
