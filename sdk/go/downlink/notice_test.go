package downlink_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"downlink.dev/go/downlink"
	"downlink.dev/go/internal/support"
)

// noticeCase is a case of notices.json.
type noticeCase struct {
	Name    string            `json:"name"`
	Secrets []string          `json:"secrets"`
	Now     int64             `json:"now"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	Notice  *struct {
		ID         string `json:"id"`
		Time       int64  `json:"time"`
		ClientID   string `json:"client_id"`
		Connected  bool   `json:"connected"`
		Generation int64  `json:"generation"`
	} `json:"notice"`
	Refused string `json:"refused"`
}

// check verifies the notice of a case, with its secrets given in one way and its headers in another.
func (n noticeCase) check(t *testing.T, header http.Header, secrets ...string) {
	t.Helper()
	got, err := downlink.VerifyNoticeAt(time.Unix(n.Now, 0), header, []byte(n.Body), secrets...)
	if n.Notice == nil {
		equal(t, "code", refusal(t, err).Code, n.Refused)
		checkKinds(t, err, "notice")
		hides(t, err, strings.TrimPrefix(n.Secrets[0], "whsec_"))
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "notice", got, downlink.Notice{
		ID:         n.Notice.ID,
		Time:       time.Unix(n.Notice.Time, 0).UTC(),
		ClientID:   n.Notice.ClientID,
		Connected:  n.Notice.Connected,
		Generation: n.Notice.Generation,
	})
}

func TestNoticesAreVerifiedAsTheCasesSay_item_54(t *testing.T) {
	var cases []noticeCase
	support.ReadCases(t, "notices", &cases)
	for _, one := range cases {
		one := one
		t.Run(one.Name, func(t *testing.T) {
			canonical, lower, upper := http.Header{}, http.Header{}, http.Header{}
			for name, value := range one.Headers {
				canonical.Set(name, value)
				lower[strings.ToLower(name)] = []string{value}
				upper[strings.ToUpper(name)] = []string{value}
			}
			for _, header := range []http.Header{canonical, lower, upper} {
				one.check(t, header, one.Secrets...)
			}
			one.check(t, canonical, strings.Join(one.Secrets, ","))
			t.Setenv("DOWNLINK_PRESENCE_SECRET", strings.Join(one.Secrets, " , "))
			one.check(t, canonical)
		})
	}
}

// signed returns the headers with which Downlink would send a body now.
func signed(body string) http.Header {
	timestamp := strconv.FormatInt(time.Now().Unix(), 10)
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(presenceSecret, "whsec_"))
	if err != nil {
		panic("the secret of the tests is base64")
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("notice_7." + timestamp + "." + body))
	header := http.Header{}
	header.Set("Webhook-Id", "notice_7")
	header.Set("Webhook-Timestamp", timestamp)
	header.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return header
}

func TestANoticeOfNowIsTaken(t *testing.T) {
	body := `{"type":"channel.connected","data":{"client_id":"ada","generation":9007199254740991}}`
	notice, err := downlink.VerifyNotice(signed(body), []byte(body), presenceSecret)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "generation", notice.Generation, 1<<53-1)
	equal(t, "zone", notice.Time.Location(), time.UTC)
	if age := time.Since(notice.Time); age < -time.Second || age > time.Minute {
		t.Errorf("it is %s old", age)
	}
}

func TestASignedBodyThatIsNoNoticeIsUnreadable(t *testing.T) {
	field := func(name, value string) string {
		return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
	}
	form := func(from, state, generation string) string {
		return field("from", from) + field("state", state) + field("generation", generation) + "--b--\r\n"
	}
	data := func(kind, data string) string {
		return fmt.Sprintf(`{"type":%q,"data":%s}`, kind, data)
	}
	bodies := map[string]string{
		"JSON: a generation over 2^53": data("channel.connected", `{"client_id":"a","generation":9007199254740992}`),
		"JSON: a negative generation":  data("channel.connected", `{"client_id":"a","generation":-1}`),
		"JSON: a broken generation":    data("channel.connected", `{"client_id":"a","generation":1.5}`),
		"JSON: a generation as text":   data("channel.connected", `{"client_id":"a","generation":"1"}`),
		"JSON: no generation":          data("channel.connected", `{"client_id":"a"}`),
		"JSON: an empty client id":     data("channel.connected", `{"client_id":"","generation":1}`),
		"JSON: a number as client id":  data("channel.connected", `{"client_id":7,"generation":1}`),
		"JSON: data is a list":         data("channel.connected", `[]`),
		"JSON: more behind it":         data("channel.connected", `{"client_id":"a","generation":1}`) + "x",
		"JSON: not UTF-8":              data("channel.connected", `{"client_id":"`+"\xff"+`","generation":1}`),
		"JSON: too long a client id":   data("channel.connected", `{"client_id":"`+strings.Repeat("x", 257)+`","generation":1}`),
		"form: another state":          form("a", "there", "1"),
		"form: a generation as text":   form("a", "connected", "first"),
		"form: a negative generation":  form("a", "connected", "-1"),
		"form: no end":                 strings.TrimSuffix(form("a", "connected", "1"), "--b--\r\n"),
		"form: no boundary":            strings.ReplaceAll(form("a", "connected", "1"), "--b", "--"),
		"form: only a line":            "--b\r\n",
		"form: not even that":          "--",
		"form: an empty client id":     form("", "connected", "1"),
		"form: not UTF-8":              form("\xff", "connected", "1"),
	}
	for name, body := range bodies {
		_, err := downlink.VerifyNotice(signed(body), []byte(body), presenceSecret)
		equal(t, name, refusal(t, err).Code, "unreadable")
	}
	good := form("a", "connected", "1")
	if _, err := downlink.VerifyNotice(signed(good), []byte(good), presenceSecret); err != nil {
		t.Errorf("the form that the others are made of: %v", err)
	}
}

func TestASecretThatCannotBeOneIsNoVerdict(t *testing.T) {
	t.Setenv("DOWNLINK_PRESENCE_SECRET", "")
	body := `{"type":"channel.connected","data":{"client_id":"ada","generation":1}}`
	for _, secrets := range [][]string{
		nil, {""}, {"whsec_"}, {"whsec_not base64"}, {"whsec_c2hvcnQ="},
		{strings.TrimPrefix(presenceSecret, "whsec_")}, {presenceSecret, "another"},
	} {
		_, err := downlink.VerifyNotice(signed(body), []byte(body), secrets...)
		equal(t, "code", refusal(t, err).Code, "invalid_secret")
		checkKinds(t, err)
		hides(t, err, strings.TrimPrefix(presenceSecret, "whsec_"), "another")
	}
}

func TestATimestampHasDigitsOnly(t *testing.T) {
	header := signed(noticeBody)
	for _, bad := range []string{"+" + header.Get("Webhook-Timestamp"), header.Get("Webhook-Timestamp") + " "} {
		header.Set("Webhook-Timestamp", bad)
		_, err := downlink.VerifyNotice(header, []byte(noticeBody), presenceSecret)
		equal(t, "code", refusal(t, err).Code, "bad_timestamp")
	}
}
