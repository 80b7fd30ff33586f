// SPDX-License-Identifier: Apache-2.0

package listen_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os/signal"
	"syscall"

	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// An agent that hands on what it gets, and says what it could not get.
func Example() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	l, err := listen.Open(listen.Options{
		OnGap: func(g listen.Gap) { log.Printf("%s for %v", g.Reason(), g.To.Sub(g.From)) },
	})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()

	for ev, err := range l.All(ctx) {
		switch {
		case errors.Is(err, context.Canceled):
		case err != nil:
			log.Print(err)
		case ev.Err != nil:
			log.Printf("process %d (%q) writes nonsense: %v", ev.PID, ev.Process, ev.Err)
		default:
			handOn(ev.Payload) // before the next iteration, which reuses its memory
		}
	}
	total := l.Stats().Total()
	log.Printf("%d events received, %d lost in full rings, %d gaps", total.Received, total.Lost, total.Gaps)
}

func handOn([]byte) {}

// What a provider of EventHeader events writes, from warnings on, and which
// programs are started.
func ExampleOptions_events() {
	l, err := listen.Open(listen.Options{
		Events: append(listen.EventHeaderNames("Shop", eventheader.LevelWarning, 1), "sched:sched_process_exec"),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	for ev, err := range l.All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		text, err := ev.AppendJSON(nil)
		if err != nil {
			log.Printf("process %d (%q) writes nonsense: %v", ev.PID, ev.Process, err)
			continue
		}
		fmt.Printf("%s\n", text)
	}
}
