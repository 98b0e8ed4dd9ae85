// Package downlink sends messages from your server to its browsers.
//
//	client, err := downlink.NewClient()                 // DOWNLINK_URL, DOWNLINK_API_KEY
//	channel, err := client.CreateChannel(ctx, "ada")    // channel.Token() goes into Ada's page
//	_, err = client.Send(ctx, "ada", "hello")           // and this arrives there
//
// Beside the calls it has what an application needs without one: [VerifyNotice] tells presence
// notices of Downlink from forged ones, and [SignToken] makes a token with the signing key.
//
// No error, and no value of this package that fmt prints, shows a token or a key.
package downlink

// Version is this module's own version; it goes into the User-Agent of every call.
const Version = "0.1.0"
