package downlink

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"strconv"
	"unicode/utf8"
)

// generationMax is the largest whole number that every language's JSON reads exactly.
const generationMax = 1<<53 - 1

// readNotice reads what a signed body says, in either of the two formats.
func readNotice(body []byte) (Notice, bool) {
	var notice Notice
	var ok bool
	switch {
	case !utf8.Valid(body):
		return Notice{}, false
	case bytes.HasPrefix(body, []byte("{")):
		notice, ok = readJSONNotice(body)
	case bytes.HasPrefix(body, []byte("--")):
		notice, ok = readFormNotice(body)
	}
	inRange := notice.Generation >= 0 && notice.Generation <= generationMax
	return notice, ok && isClientID(notice.ClientID) && inRange
}

func readJSONNotice(body []byte) (Notice, bool) {
	var wire struct {
		Type string `json:"type"`
		Data struct {
			ClientID   string `json:"client_id"`
			Generation *int64 `json:"generation"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &wire); err != nil || wire.Data.Generation == nil {
		return Notice{}, false
	}
	notice := Notice{ClientID: wire.Data.ClientID, Generation: *wire.Data.Generation}
	switch wire.Type {
	case "channel.connected":
		notice.Connected = true
	case "channel.disconnected":
	default:
		return Notice{}, false
	}
	return notice, true
}

// readFormNotice takes the form's boundary from its first line: the header that names it is not
// signed.
func readFormNotice(body []byte) (Notice, bool) {
	line, _, found := bytes.Cut(body[len("--"):], []byte("\r\n"))
	if !found || len(line) == 0 {
		return Notice{}, false
	}
	fields, ok := formFields(body, string(line))
	if !ok {
		return Notice{}, false
	}
	generation, err := strconv.ParseInt(fields["generation"], 10, 64)
	if err != nil {
		return Notice{}, false
	}
	state := fields["state"]
	notice := Notice{
		ClientID: fields["from"], Connected: state == "connected", Generation: generation,
	}
	return notice, state == "connected" || state == "disconnected"
}

func formFields(body []byte, boundary string) (map[string]string, bool) {
	fields := map[string]string{}
	reader := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := reader.NextRawPart()
		if err == io.EOF {
			return fields, true
		}
		if err != nil {
			return nil, false
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return nil, false
		}
		// The first one counts, should there be several.
		if _, twice := fields[part.FormName()]; !twice {
			fields[part.FormName()] = string(value)
		}
	}
}
