// Package channel is the Channel API of App Engine, served by Downlink: Create, Send and SendJSON as
// applications of that time call them. Change the import, and hand over the request's context:
//
//	import "downlink.dev/go/channel"             // was "google.golang.org/appengine/channel"
//
//	ctx := r.Context()                           // was appengine.NewContext(r)
//	token, err := channel.Create(ctx, userID)
//	err = channel.Send(ctx, userID, "hello")
//
// DOWNLINK_URL (http://127.0.0.1:7171 by default) and DOWNLINK_API_KEY are read at the first call.
// What is new, such as downlink.Client.SendMany, is in the package downlink beside this one.
package channel

import (
	"context"
	"encoding/json"

	"downlink.dev/go/downlink"
)

// messageBytesMax is the old service's limit: one byte less than Downlink itself takes.
const messageBytesMax = 32767

// Create creates a channel and returns its token, with which the page opens it. It is good for two
// hours. A client id is at most 256 bytes of UTF-8.
func Create(ctx context.Context, clientID string) (token string, err error) {
	client, err := shared.get()
	if err != nil {
		return "", apiError(err)
	}
	created, err := client.CreateChannel(ctx, clientID)
	if err != nil {
		return "", apiError(err)
	}
	return created.Token(), nil
}

// Send sends a message to everyone who has the channel of clientID open; a token made by [Create]
// stands for its client id. A message is at most 32767 bytes of UTF-8.
//
// No error says that the message is on its way, not that somebody got it; sending to somebody who is
// not there is no error.
func Send(ctx context.Context, clientID, message string) error {
	if len(message) > messageBytesMax {
		return &APIError{
			Service: serviceName,
			Code:    CodeBadMessage,
			Detail:  "A message has at most 32767 bytes of UTF-8.",
		}
	}
	client, err := shared.get()
	if err != nil {
		return apiError(err)
	}
	if _, err := client.Send(ctx, clientID, message); err != nil {
		return apiError(err)
	}
	return nil
}

// SendJSON sends the JSON of a value, exactly as json.Marshal writes it. An error of json.Marshal
// comes back as it is.
func SendJSON(ctx context.Context, clientID string, value interface{}) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return Send(ctx, clientID, string(text))
}

// shared is the one client behind all calls.
var shared service

// Use makes the calls go through a client of your own, in place of one made from the environment.
func Use(client *downlink.Client) {
	shared.set(client)
}
