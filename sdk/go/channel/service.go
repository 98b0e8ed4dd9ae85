package channel

import (
	"sync"

	"downlink.dev/go/downlink"
)

// service makes its client at the first call, so that a program can set the environment before.
type service struct {
	lock   sync.Mutex
	client *downlink.Client
}

// get returns the client; while the environment has none to make, it fails each time.
func (s *service) get() (*downlink.Client, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.client == nil {
		client, err := downlink.NewClient()
		if err != nil {
			return nil, err
		}
		s.client = client
	}
	return s.client, nil
}

func (s *service) set(client *downlink.Client) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.client = client
}
