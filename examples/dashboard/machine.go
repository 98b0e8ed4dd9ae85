package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// machine reads what Linux tells of the machine in /proc.
type machine struct {
	// Counters only rise; what counts is by how much since the last look.
	idle, all uint64
	down, up  uint64
	looked    time.Time
}

// sample is one look at the machine.
type sample struct {
	N        int     `json:"n"`
	TimeMs   int64   `json:"time"`
	CPU      float64 `json:"cpu"`    // percent of all cores
	Memory   float64 `json:"memory"` // bytes in use
	Total    float64 `json:"total"`  // bytes there are
	Down     float64 `json:"down"`   // bytes a second over all interfaces
	Up       float64 `json:"up"`
	Load     float64 `json:"load"` // processes that run or want to
	Watching int     `json:"watching"`
}

// look tells how the machine is now.
func (m *machine) look() (sample, error) {
	now := time.Now()
	seen := sample{TimeMs: now.UnixMilli()}
	for _, read := range []func(*sample, float64) error{m.readCPU, m.readMemory, m.readNetwork, m.readLoad} {
		if err := read(&seen, now.Sub(m.looked).Seconds()); err != nil {
			return seen, err
		}
	}
	m.looked = now
	return seen, nil
}

func (m *machine) readCPU(seen *sample, _ float64) error {
	return lines("/proc/stat", func(words []string) {
		if words[0] != "cpu" {
			return
		}
		var all uint64
		// The eight first are times; those of guests are in them already.
		for _, word := range words[1:9] {
			all += number(word)
		}
		idle := number(words[4]) + number(words[5])
		if passed := all - m.all; passed > 0 && m.all > 0 {
			seen.CPU = 100 * (1 - float64(idle-m.idle)/float64(passed))
		}
		m.all, m.idle = all, idle
	})
}

func (m *machine) readMemory(seen *sample, _ float64) error {
	return lines("/proc/meminfo", func(words []string) {
		switch words[0] {
		case "MemTotal:":
			seen.Total = float64(number(words[1]) * 1024)
		case "MemAvailable:":
			seen.Memory = seen.Total - float64(number(words[1])*1024)
		}
	})
}

func (m *machine) readNetwork(seen *sample, seconds float64) error {
	var down, up uint64
	err := lines("/proc/net/dev", func(words []string) {
		if len(words) < 10 || !strings.HasSuffix(words[0], ":") {
			return
		}
		down += number(words[1])
		up += number(words[9])
	})
	if m.down > 0 {
		seen.Down = float64(down-m.down) / seconds
		seen.Up = float64(up-m.up) / seconds
	}
	m.down, m.up = down, up
	return err
}

func (m *machine) readLoad(seen *sample, _ float64) error {
	return lines("/proc/loadavg", func(words []string) {
		seen.Load, _ = strconv.ParseFloat(words[0], 64)
	})
}

// lines gives each line's words.
func lines(path string, use func([]string)) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("this example reads /proc, so it needs Linux: %w", err)
	}
	defer file.Close()
	scanner := bufio.NewScanner(file)
	for scanner.Scan() {
		// An interface's name may stand against its first number.
		if words := strings.Fields(strings.Replace(scanner.Text(), ":", ": ", 1)); len(words) > 0 {
			use(words)
		}
	}
	return scanner.Err()
}

// number is 0 for what is none.
func number(word string) uint64 {
	value, _ := strconv.ParseUint(word, 10, 64)
	return value
}
