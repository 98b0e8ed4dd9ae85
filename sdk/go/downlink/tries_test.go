package downlink

import (
	"testing"
	"time"
)

var (
	lostAnswer   = failure{reason: "the connection broke", mayHaveArrived: true}
	noConnection = failure{reason: "no connection"}
	busy         = answer{status: 503}
)

func TestTheWaitsGrowAndDifferAndEnd(t *testing.T) {
	first, second := map[time.Duration]bool{}, map[time.Duration]bool{}
	for run := 0; run < 200; run++ {
		tries := newTries(true, firstDelayDefault)
		one, again := tries.afterFailure(lostAnswer)
		if !again || one < 100*time.Millisecond || one > 300*time.Millisecond {
			t.Fatalf("the first wait is %s", one)
		}
		two, again := tries.afterAnswer(busy)
		if !again || two < 300*time.Millisecond || two > 900*time.Millisecond {
			t.Fatalf("the second wait is %s", two)
		}
		if _, again := tries.afterAnswer(busy); again {
			t.Fatal("there is a fourth try")
		}
		first[one], second[two] = true, true
	}
	if len(first) < 100 || len(second) < 100 {
		t.Error("the waits do not differ")
	}
}

func TestAServerMayAskForPatienceWithinReason(t *testing.T) {
	for asked, bounds := range map[string][2]time.Duration{
		"2":                    {2 * time.Second, 2 * time.Second},
		"600":                  {5 * time.Second, 5 * time.Second},
		"18446744073709551615": {5 * time.Second, 5 * time.Second},
		"soon":                 {100 * time.Millisecond, 300 * time.Millisecond},
		"-1":                   {100 * time.Millisecond, 300 * time.Millisecond},
		"0":                    {100 * time.Millisecond, 300 * time.Millisecond},
	} {
		busy := answer{status: 503, retryAfter: asked}
		delay, again := newTries(true, firstDelayDefault).afterAnswer(busy)
		if !again || delay < bounds[0] || delay > bounds[1] {
			t.Errorf("asked for %s, it waits %s", asked, delay)
		}
	}
}

func TestWhoAskedTooOftenAsksAgainWhenItWasToldTo(t *testing.T) {
	tooOften := answer{status: 429, retryAfter: "1"}
	if delay, again := newTries(true, firstDelayDefault).afterAnswer(tooOften); !again || delay != time.Second {
		t.Errorf("it waits %s", delay)
	}
}

func TestOtherAnswersAreTheLastWord(t *testing.T) {
	for _, status := range []int{200, 201, 202, 204, 302, 400, 401, 413, 422, 500, 507} {
		if _, again := newTries(true, firstDelayDefault).afterAnswer(answer{status: status}); again {
			t.Errorf("%d is tried again", status)
		}
	}
}

func TestWhatMustNotBeDoneTwiceIsTriedAgainOnlyIfItNeverArrived(t *testing.T) {
	if _, again := newTries(false, firstDelayDefault).afterAnswer(busy); again {
		t.Error("tried again after an answer")
	}
	if _, again := newTries(false, firstDelayDefault).afterFailure(lostAnswer); again {
		t.Error("tried again after it may have arrived")
	}
	if _, again := newTries(false, firstDelayDefault).afterFailure(noConnection); !again {
		t.Error("not tried again without a connection")
	}
}
