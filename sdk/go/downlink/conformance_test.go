package downlink_test

import (
	"testing"
	"time"

	"downlink.dev/go/downlink"
	"downlink.dev/go/internal/support"
)

// mistake is a case of errors.json. One that only raw HTTP can make has no call.
type mistake struct {
	Name    string `json:"name"`
	Request struct {
		Key string `json:"key"`
	} `json:"request"`
	Status int    `json:"status"`
	Code   string `json:"code"`
	Call   *struct {
		CreateChannel *struct {
			ClientID string   `json:"client_id"`
			Minutes  *float64 `json:"duration_minutes"`
		} `json:"create_channel"`
		Send *struct {
			To   string `json:"to"`
			Text string `json:"text"`
		} `json:"send"`
		Messages *struct {
			ClientID string `json:"client_id"`
			After    string `json:"after"`
		} `json:"messages"`
		Presence *struct{} `json:"presence"`
	} `json:"call"`
}

// make makes the call of a case to its end.
func (m mistake) make(t *testing.T, client *downlink.Client) error {
	switch call := m.Call; {
	case call.CreateChannel != nil:
		var options []downlink.ChannelOption
		if minutes := call.CreateChannel.Minutes; minutes != nil {
			duration := time.Duration(*minutes * float64(time.Minute))
			options = append(options, downlink.WithDuration(duration))
		}
		_, err := client.CreateChannel(ctx, call.CreateChannel.ClientID, options...)
		return err
	case call.Send != nil:
		_, err := client.Send(ctx, call.Send.To, call.Send.Text)
		return err
	case call.Messages != nil:
		pages := client.Messages(call.Messages.ClientID, call.Messages.After)
		for pages.Next(ctx) {
			continue
		}
		return pages.Err()
	case call.Presence != nil:
		present := client.Presence()
		for present.Next(ctx) {
			continue
		}
		return present.Err()
	}
	t.Fatal("the cases know a call that this test does not")
	return nil
}

func TestAMistakeHasItsCode(t *testing.T) {
	var cases []mistake
	support.ReadCases(t, "errors", &cases)
	keys := map[string]string{"good": support.APIKey, "wrong": "not-the-key"}
	made := 0
	for _, one := range cases {
		if one.Call == nil {
			continue
		}
		made++
		one := one
		t.Run(one.Name, func(t *testing.T) {
			client := newClient(t, downlink.WithAPIKey(keys[one.Request.Key]))
			refused := refusal(t, one.make(t, client))
			equal(t, "code", refused.Code, one.Code)
			equal(t, "status", refused.Status, one.Status)
			if refused.Detail == "" {
				t.Error("it does not say what to do")
			}
		})
	}
	if made == 0 {
		t.Error("no case has a call")
	}
}

func TestWhatIsSentArrivesUnchanged(t *testing.T) {
	var cases []struct {
		Name   string  `json:"name"`
		To     string  `json:"to"`
		Text   string  `json:"text"`
		Base64 *[]byte `json:"base64"`
	}
	support.ReadCases(t, "sends", &cases)
	client := newClient(t)
	for _, one := range cases {
		one := one
		t.Run(one.Name, func(t *testing.T) {
			channel := create(t, client, one.To)
			equal(t, "client id", channel.ClientID, one.To)
			page := support.OpenPage(t, server.URL, channel.Token())
			wanted := support.Received{Data: one.Text}
			item := downlink.Item{To: one.To, Text: one.Text}
			var sent downlink.Sent
			var err error
			if one.Base64 == nil {
				sent, err = client.Send(ctx, one.To, one.Text)
			} else {
				wanted = support.Received{Data: string(*one.Base64), Binary: true}
				item = downlink.Item{To: one.To, Binary: *one.Base64}
				sent, err = client.SendBinary(ctx, one.To, *one.Base64)
			}
			if err != nil {
				t.Fatal(err)
			}
			results, err := client.SendMany(ctx, []downlink.Item{item})
			if err != nil || results[0].Err != nil {
				t.Fatal(err, results)
			}
			stored := keptAfter(t, client, one.To, channel.Cursor)
			equal(t, "number of those kept", len(stored), 2)
			for index, got := range page.Messages(2) {
				equal(t, "arrived", got, wanted)
				equal(t, "kept", string(stored[index].Data), wanted.Data)
				equal(t, "kept as binary", stored[index].Binary, wanted.Binary)
			}
			equal(t, "id", stored[0].ID, sent.ID)
			equal(t, "id in a batch", stored[1].ID, results[0].ID)
		})
	}
}
