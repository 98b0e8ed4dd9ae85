package downlink

import (
	"net/url"
	"os"
	"strings"
)

const defaultURL = "http://127.0.0.1:7171"

// checkedURL returns the address without a slash at its end; it may have a path, for a Downlink
// behind a prefix. DOWNLINK_URL stands in for one that is not given.
func checkedURL(given *string) (string, error) {
	text := os.Getenv("DOWNLINK_URL")
	if given != nil {
		text = *given
	} else if text == "" {
		text = defaultURL
	}
	text = strings.TrimSpace(text)
	parts, err := url.Parse(text)
	if err != nil || parts.Hostname() == "" || parts.Scheme != "http" && parts.Scheme != "https" {
		// The parser's own text is left out: it quotes the address, which may hold a password.
		return "", &Error{Code: "invalid_url", Detail: "Give Downlink's address as http://HOST:PORT."}
	}
	// A user name would replace the API key in the Authorization header, and show in logs.
	if parts.User != nil || strings.ContainsAny(text, "?#") {
		return "", &Error{
			Code:   "invalid_url",
			Detail: "Downlink's address must have no user name, query or fragment.",
		}
	}
	return strings.TrimRight(text, "/"), nil
}

// checkedKey refuses what cannot stand in a header: net/http would quote it in its error.
func checkedKey(given *string) (secret, error) {
	text := os.Getenv("DOWNLINK_API_KEY")
	if given != nil {
		text = *given
	}
	text = strings.TrimSpace(text)
	if text == "" {
		return secret{}, &Error{
			Code: "invalid_api_key", Detail: "Set DOWNLINK_API_KEY, or give WithAPIKey.",
		}
	}
	for _, char := range []byte(text) {
		if char <= ' ' || char >= 0x7f {
			return secret{}, &Error{
				Code: "invalid_api_key", Detail: "An API key has visible ASCII characters only.",
			}
		}
	}
	return newSecret(text), nil
}
