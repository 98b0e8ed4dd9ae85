package downlink

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// errNotDownlinks is what the readers below return for JSON that is not what Downlink says.
var errNotDownlinks = errors.New("not what Downlink says")

// readAnswer returns what a successful answer says, or the error that any other one means.
func readAnswer[T any](answer answer, read func([]byte) (T, error)) (T, error) {
	var nothing T
	if answer.status < 200 || answer.status > 299 {
		return nothing, readProblem(answer)
	}
	value, err := read(answer.body)
	if err != nil {
		// The cause is left out: its text may quote the answer, and the answer may hold a token.
		return nothing, &Error{
			Code:   "unexpected_answer",
			Detail: "The answer is not what Downlink says; is there something else at this address?",
			Status: answer.status,
		}
	}
	return value, nil
}

// readProblem makes an error of a problem document, or of the bare status where a proxy answered.
func readProblem(answer answer) *Error {
	var problem struct {
		Code   string `json:"code"`
		Detail string `json:"detail"`
		Title  string `json:"title"`
	}
	if err := json.Unmarshal(answer.body, &problem); err != nil || problem.Code == "" {
		return &Error{
			Code:   fmt.Sprintf("http_%d", answer.status),
			Detail: fmt.Sprintf("The answer was %d, with no reason given.", answer.status),
			Status: answer.status,
		}
	}
	if problem.Detail == "" {
		problem.Detail = problem.Title
	}
	return &Error{Code: problem.Code, Detail: problem.Detail, Status: answer.status}
}

// readChannel reads `POST /v1/channels`.
func readChannel(body []byte) (Channel, error) {
	var wire struct {
		ClientID  *string    `json:"client_id"`
		Token     string     `json:"token"`
		ExpiresAt *time.Time `json:"expires_at"`
		Cursor    *string    `json:"cursor"`
	}
	if err := json.Unmarshal(body, &wire); err != nil {
		return Channel{}, err
	}
	if wire.ClientID == nil || wire.Token == "" || wire.ExpiresAt == nil || wire.Cursor == nil {
		return Channel{}, errNotDownlinks
	}
	return Channel{
		ClientID:  *wire.ClientID,
		ExpiresAt: wire.ExpiresAt.UTC(),
		Cursor:    *wire.Cursor,
		token:     newSecret(wire.Token),
	}, nil
}

// readSent reads the answer to one message.
func readSent(body []byte) (Sent, error) {
	result, err := readItemResult(body)
	if err == nil {
		err = result.Err
	}
	return result.Sent, err
}

// readItemResults reads the array form of `POST /v1/messages`.
func readItemResults(body []byte) ([]ItemResult, error) {
	var wire []json.RawMessage
	if err := json.Unmarshal(body, &wire); err != nil {
		return nil, err
	}
	results := make([]ItemResult, len(wire))
	for index, one := range wire {
		result, err := readItemResult(one)
		if err != nil {
			return nil, err
		}
		results[index] = result
	}
	return results, nil
}

func readItemResult(body []byte) (ItemResult, error) {
	var wire struct {
		ID      string `json:"id"`
		Sockets *int   `json:"sockets"`
		Stored  *int   `json:"stored"`
		Failed  []struct {
			To   string `json:"to"`
			Code string `json:"code"`
		} `json:"failed"`
		Code   string `json:"code"`
		Detail string `json:"detail"`
	}
	if err := json.Unmarshal(body, &wire); err != nil {
		return ItemResult{}, err
	}
	if wire.Code != "" {
		return ItemResult{Err: &Error{Code: wire.Code, Detail: wire.Detail}}, nil
	}
	if wire.Sockets == nil {
		return ItemResult{}, errNotDownlinks
	}
	result := ItemResult{Sent: Sent{ID: wire.ID, Sockets: *wire.Sockets}}
	if wire.Stored != nil {
		result.Stored = *wire.Stored
	} else if wire.ID != "" {
		result.Stored = 1
	}
	for _, failed := range wire.Failed {
		result.Failed = append(result.Failed, FailedTarget{To: failed.To, Code: failed.Code})
	}
	return result, nil
}

// readState reads `GET /v1/channels?client_id=`.
func readState(body []byte) (ChannelState, error) {
	var wire struct {
		Connected *bool      `json:"connected"`
		Since     *time.Time `json:"since"`
		Sockets   []struct {
			Transport string    `json:"transport"`
			Address   string    `json:"address"`
			Since     time.Time `json:"since"`
			Cursor    string    `json:"cursor"`
			Acked     string    `json:"acked"`
		} `json:"sockets"`
		Cursor string `json:"cursor"`
		Acked  string `json:"acked"`
		Lag    int    `json:"lag"`
	}
	if err := json.Unmarshal(body, &wire); err != nil {
		return ChannelState{}, err
	}
	if wire.Connected == nil {
		return ChannelState{}, errNotDownlinks
	}
	state := ChannelState{
		Connected: *wire.Connected, Cursor: wire.Cursor, Acked: wire.Acked, Lag: wire.Lag,
	}
	if wire.Since != nil {
		state.Since = wire.Since.UTC()
	}
	for _, one := range wire.Sockets {
		socket := Socket(one)
		socket.Since = socket.Since.UTC()
		state.Sockets = append(state.Sockets, socket)
	}
	return state, nil
}

// readMessages reads a page of a channel's kept messages.
func readMessages(body []byte) (MessagesPage, error) {
	var wire struct {
		Messages *[]struct {
			ID     string     `json:"id"`
			Data   *string    `json:"data"`
			Base64 *[]byte    `json:"base64"`
			Time   *time.Time `json:"time"`
		} `json:"messages"`
		Cursor *string `json:"cursor"`
		Gap    *struct {
			Reason string `json:"reason"`
			Cursor string `json:"cursor"`
		} `json:"gap"`
		Next string `json:"next"`
	}
	if err := json.Unmarshal(body, &wire); err != nil {
		return MessagesPage{}, err
	}
	if wire.Messages == nil || wire.Cursor == nil {
		return MessagesPage{}, errNotDownlinks
	}
	page := MessagesPage{Cursor: *wire.Cursor, Next: wire.Next}
	if wire.Gap != nil {
		page.Gap = &Gap{Reason: wire.Gap.Reason, Cursor: wire.Gap.Cursor}
	}
	for _, one := range *wire.Messages {
		if one.ID == "" || one.Time == nil || (one.Data == nil) == (one.Base64 == nil) {
			return MessagesPage{}, errNotDownlinks
		}
		message := Message{ID: one.ID, Time: one.Time.UTC()}
		if one.Data != nil {
			message.Data = []byte(*one.Data)
		} else {
			message.Data, message.Binary = *one.Base64, true
		}
		page.Messages = append(page.Messages, message)
	}
	return page, nil
}

type presentPage struct {
	clientIDs []string
	next      string
}

// readPresence reads `GET /v1/presence`.
func readPresence(body []byte) (presentPage, error) {
	var wire struct {
		ClientIDs *[]string `json:"client_ids"`
		Next      string    `json:"next"`
	}
	if err := json.Unmarshal(body, &wire); err != nil {
		return presentPage{}, err
	}
	if wire.ClientIDs == nil {
		return presentPage{}, errNotDownlinks
	}
	return presentPage{clientIDs: *wire.ClientIDs, next: wire.Next}, nil
}

// readNothing reads the answer to a call that has no result.
func readNothing([]byte) (struct{}, error) {
	return struct{}{}, nil
}
