// SPDX-License-Identifier: Apache-2.0

package show

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/prototext"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/safetext"
)

// text writes messages in protobuf's text form.
type text struct{ w *bufio.Writer }

// NewText returns a view with a comment and a message in protobuf's text form
// for each event.
func NewText(w io.Writer) View { return &text{bufio.NewWriter(w)} }

func (v *text) Event(ev *Event) error {
	// ASCII: no character that a terminal might act on.
	message, err := prototext.MarshalOptions{Multiline: true, Indent: "  ", EmitASCII: true}.Marshal(ev.Data)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(v.w, "# %s\n", comment(ev)) // its error is Flush's, too
	_, _ = v.w.Write(message)
	_, _ = v.w.WriteString("\n")
	return v.w.Flush()
}

func (v *text) Every() time.Duration { return 0 }
func (v *text) Draw(Status) error    { return nil }
func (v *text) Close(Status) error   { return v.w.Flush() }

// comment says what is known of an event besides its message.
func comment(ev *Event) string {
	if ev.Origin == MessageOnly {
		return "recorded without time, CPU and process"
	}
	parts := []string{timeText(ev, nil), "cpu=" + strconv.Itoa(ev.CPU)}
	if ev.Origin == Full {
		parts = append(parts, "pid="+strconv.Itoa(ev.PID))
	}
	parts = append(parts, "tid="+strconv.Itoa(ev.TID),
		"process="+safetext.Token(ev.Process), "tracepoint="+safetext.Token(ev.Tracepoint),
		"version="+safetext.Token(ev.Version), "bytes="+strconv.Itoa(len(ev.Payload)),
		"lost="+strconv.FormatUint(ev.LostBefore, 10))
	if ev.Origin == Full && ev.PID == 0 {
		parts = append(parts, "(of another pid namespace)")
	}
	return strings.Join(parts, " ")
}
