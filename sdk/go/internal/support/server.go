// Package support is what the tests need to run the real server, to listen as a page does, and to
// do to connections what networks do.
package support

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// APIKey is the key of every server that the tests start.
const APIKey = "key-of-the-go-tests"

// Patience is how long a test waits for what has to come.
const Patience = 20 * time.Second

var ready = regexp.MustCompile(`listening on (http://(127\.0\.0\.1:\d+))`)

// Server is `downlink dev` on a port of its choice, which it keeps when it is started again.
type Server struct {
	// URL is where it listens.
	URL string

	listen      string
	arguments   []string
	environment []string
	// lock is for tests in which a relay kills the server and starts it again.
	lock    sync.Mutex
	process *exec.Cmd
}

// NewServer makes a server that is not started yet. Arguments that are NAME=value go into its
// environment, others to the program.
func NewServer(folder string, arguments ...string) *Server {
	server := &Server{listen: "127.0.0.1:0"}
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "DOWNLINK_") {
			server.environment = append(server.environment, variable)
		}
	}
	server.environment = append(server.environment, "DOWNLINK_API_KEY="+APIKey)
	server.arguments = []string{"dev", "--data-dir", filepath.Join(folder, "data")}
	for _, argument := range arguments {
		if strings.HasPrefix(argument, "DOWNLINK_") {
			server.environment = append(server.environment, argument)
		} else {
			server.arguments = append(server.arguments, argument)
		}
	}
	return server
}

// RunServer starts a server that ends with the test.
func RunServer(t testing.TB, arguments ...string) *Server {
	t.Helper()
	server := NewServer(t.TempDir(), arguments...)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return server
}

// Start starts it, and returns when it listens.
func (s *Server) Start() error {
	s.lock.Lock()
	defer s.lock.Unlock()
	program, err := program()
	if err != nil {
		return err
	}
	process := exec.Command(program, append(s.arguments, "--listen", s.listen)...)
	process.Env = s.environment
	var log strings.Builder
	process.Stderr = &log
	output, err := process.StdoutPipe()
	if err != nil {
		return err
	}
	if err := process.Start(); err != nil {
		return err
	}
	s.process = process
	listens := make(chan []string, 1)
	go readOutput(output, listens)
	select {
	case found := <-listens:
		if found != nil {
			if s.URL == "" {
				// The same ever after; so tests may read it while a relay starts the server again.
				s.URL, s.listen = found[1], found[2]
			}
			return nil
		}
		_ = process.Wait() // So that the log is whole.
		return fmt.Errorf("the server ended: %s", log.String())
	case <-time.After(Patience):
		s.endLocked(os.Kill)
		return errors.New("the server does not say where it listens")
	}
}

// Kill is `kill -9`: no word of farewell, nothing flushed.
func (s *Server) Kill() {
	s.end(os.Kill)
}

// Stop asks it to end.
func (s *Server) Stop() {
	s.end(syscall.SIGTERM)
}

func (s *Server) end(signal os.Signal) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.endLocked(signal)
}

func (s *Server) endLocked(signal os.Signal) {
	if s.process == nil {
		return
	}
	process := s.process
	s.process = nil
	_ = process.Process.Signal(signal)
	impatience := time.AfterFunc(Patience, func() { _ = process.Process.Kill() })
	defer impatience.Stop()
	_ = process.Wait() // A signal is an error to Wait.
}

// readOutput tells where the server listens, or nil if it ended without saying so. It reads on to
// the end, or the server would block on a full pipe.
func readOutput(output io.Reader, listens chan<- []string) {
	told := false
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if found := ready.FindStringSubmatch(lines.Text()); found != nil && !told {
			listens <- found
			told = true
		}
	}
	if !told {
		listens <- nil
	}
}

// program is where the server's program is; absence is a failure, since these tests prove nothing
// without it.
func program() (string, error) {
	path := os.Getenv("DOWNLINK_BIN")
	if path == "" {
		path = filepath.Join(Repository(), "target", "release", "downlink")
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("no program at %s: run `cargo build --release`, or set DOWNLINK_BIN", path)
	}
	return path, nil
}

// Repository is the root of this repository.
func Repository() string {
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		panic("a test knows where its source lies")
	}
	return filepath.Join(filepath.Dir(file), "..", "..", "..", "..")
}
