package downlink

import "context"

// MessagesPages goes through the pages of a channel's kept messages:
//
//	pages := client.Messages("ada", "")
//	for pages.Next(ctx) {
//		for _, message := range pages.Page().Messages {
//			...
//		}
//	}
//	if err := pages.Err(); err != nil {
//		...
//	}
type MessagesPages struct {
	client   *Client
	clientID string
	after    string
	page     MessagesPage
	err      error
	done     bool
}

// Next fetches the next page; it is false after the last one, and when a call failed.
func (m *MessagesPages) Next(ctx context.Context) bool {
	if m.done {
		return false
	}
	m.page, m.err = m.fetch(ctx)
	m.after = m.page.Next
	m.done = m.err != nil || m.page.Next == ""
	return m.err == nil
}

// Page returns what the last call of Next fetched.
func (m *MessagesPages) Page() MessagesPage {
	return m.page
}

// Err returns why Next was false; nil after the last page.
func (m *MessagesPages) Err() error {
	return m.err
}

func (m *MessagesPages) fetch(ctx context.Context) (MessagesPage, error) {
	call, err := messagesCall(m.clientID, m.after)
	if err != nil {
		return MessagesPage{}, err
	}
	return run(ctx, m.client, call, readMessages)
}

// PresentClients goes through the client ids that have a socket open:
//
//	present := client.Presence()
//	for present.Next(ctx) {
//		fmt.Println(present.ClientID())
//	}
//	if err := present.Err(); err != nil {
//		...
//	}
type PresentClients struct {
	client *Client
	// rest is what was fetched and not yet returned; the first is the current one.
	rest    []string
	after   string
	err     error
	started bool
}

// Next goes to the next client id; it is false after the last one, and when a call failed.
func (p *PresentClients) Next(ctx context.Context) bool {
	if p.err != nil {
		return false
	}
	if len(p.rest) > 0 {
		p.rest = p.rest[1:]
	}
	for len(p.rest) == 0 {
		if p.started && p.after == "" {
			return false
		}
		page, err := run(ctx, p.client, presenceCall(p.after), readPresence)
		if err != nil {
			p.err = err
			return false
		}
		p.rest, p.after, p.started = page.clientIDs, page.next, true
	}
	return true
}

// ClientID returns the client id that the last call of Next went to.
func (p *PresentClients) ClientID() string {
	if len(p.rest) == 0 {
		return ""
	}
	return p.rest[0]
}

// Err returns why Next was false; nil after the last client id.
func (p *PresentClients) Err() error {
	return p.err
}
