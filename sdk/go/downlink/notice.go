package downlink

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// noticeAgeMax is how far a notice's time may be from now: enough for clocks that differ and for a
// slow way, and short for somebody who recorded a notice to send it again.
const noticeAgeMax = 5 * time.Minute

// noticeKeyBytesMin is what Standard Webhooks asks for: a secret that can be guessed proves nothing.
const noticeKeyBytesMin = 24

// Notice tells that a client id has its first socket open, or its last one ended.
type Notice struct {
	// ID is the same each time the notice is sent; any may arrive twice.
	ID string
	// Time is when it was sent.
	Time time.Time
	// ClientID is who came or went.
	ClientID string
	// Connected is true for who came.
	Connected bool
	// Generation rises with each notice of a client id: one that is not above the last is old.
	Generation int64
}

// VerifyNotice returns what a presence notice says, if it comes from Downlink and is fresh.
//
// It takes the request's headers and its body as it came. The secrets are those that notices are
// signed with ("whsec_..."); if there are none, DOWNLINK_PRESENCE_SECRET holds them, with a comma
// between two while the secret changes. The signed body alone decides what the notice says: neither
// the path nor the Content-Type does, since they are not signed.
//
// An error that is [ErrInvalidNotice] has the code missing_header, bad_timestamp, wrong_signature or
// unreadable; answer the request with 403. A secret that is missing or cannot be one is the code
// invalid_secret.
func VerifyNotice(header http.Header, body []byte, secrets ...string) (Notice, error) {
	return verifyNotice(header, body, secrets, time.Now())
}

func verifyNotice(header http.Header, body []byte, secrets []string, now time.Time) (Notice, error) {
	keys, err := noticeKeys(secrets)
	if err != nil {
		return Notice{}, err
	}
	id, withID := headerValue(header, "webhook-id")
	timestamp, withTimestamp := headerValue(header, "webhook-timestamp")
	signatures, withSignature := headerValue(header, "webhook-signature")
	if !withID || !withTimestamp || !withSignature {
		return Notice{}, &Error{
			Code:   "missing_header",
			Detail: "A notice has webhook-id, webhook-timestamp and webhook-signature.",
		}
	}
	sent, err := noticeTime(timestamp, now)
	if err != nil {
		return Notice{}, err
	}
	if !isSigned(id+"."+timestamp+".", body, signatures, keys) {
		return Notice{}, &Error{
			Code:   "wrong_signature",
			Detail: "The signature is not one of Downlink's; compare DOWNLINK_PRESENCE_SECRET on both sides.",
		}
	}
	said, ok := readNotice(body)
	if !ok {
		return Notice{}, &Error{
			Code:   "unreadable",
			Detail: "The body is signed, but is not a presence notice.",
		}
	}
	said.ID, said.Time = id, sent
	return said, nil
}

// noticeKeys decodes the secrets given, or else those of the environment.
func noticeKeys(secrets []string) ([][]byte, error) {
	if len(secrets) == 0 {
		secrets = []string{os.Getenv("DOWNLINK_PRESENCE_SECRET")}
	}
	var keys [][]byte
	for _, one := range strings.Split(strings.Join(secrets, ","), ",") {
		one = strings.TrimSpace(one)
		if one == "" {
			continue
		}
		encoded := strings.TrimPrefix(one, "whsec_")
		key, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil || encoded == one || len(key) < noticeKeyBytesMin {
			// The text names no part of the secret.
			return nil, &Error{
				Code:   "invalid_secret",
				Detail: "A presence secret is whsec_ and the base64 of 24 bytes or more.",
			}
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, &Error{Code: "invalid_secret", Detail: "Set DOWNLINK_PRESENCE_SECRET, or give the secret."}
	}
	return keys, nil
}

// headerValue looks a header up without regard to case, also where a map was filled by hand.
func headerValue(header http.Header, name string) (string, bool) {
	if values := header.Values(name); len(values) > 0 {
		return values[0], true
	}
	for other, values := range header {
		if strings.EqualFold(other, name) && len(values) > 0 {
			return values[0], true
		}
	}
	return "", false
}

func noticeTime(timestamp string, now time.Time) (time.Time, error) {
	// Digits only: the parser takes a sign as well.
	onlyDigits := strings.Trim(timestamp, "0123456789") == ""
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || !onlyDigits {
		return time.Time{}, &Error{
			Code: "bad_timestamp", Detail: "A notice's time is a whole number of seconds.",
		}
	}
	limit := int64(noticeAgeMax / time.Second)
	if age := now.Unix() - seconds; age > limit || age < -limit {
		return time.Time{}, &Error{
			Code:   "bad_timestamp",
			Detail: "The notice is more than five minutes old or ahead; set both clocks.",
		}
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// isSigned tells whether one of the signatures is ours, in a time that does not depend on where it
// differs.
func isSigned(prefix string, body []byte, signatures string, keys [][]byte) bool {
	found := 0
	for _, key := range keys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(prefix))
		mac.Write(body)
		expected := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		for _, signature := range strings.Fields(signatures) {
			found |= subtle.ConstantTimeCompare(expected, []byte(signature))
		}
	}
	return found == 1
}
