// SPDX-License-Identifier: Apache-2.0

package source

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// The first and the last key of an event with fields: listen.Event.AppendJSON.
const (
	eventNameKey = "n"
	eventMetaKey = "meta"
)

// eventMeta is what a JSON event says of itself.
type eventMeta struct {
	Time            time.Time
	CPU, PID, TID   int
	ID              uint16
	Version, Opcode uint8
	Level           eventheader.Level
	Keyword, Tag    hexNumber
	Activity        jsonID
	RelatedActivity jsonID
}

// hexNumber is a number as "0x1F".
type hexNumber uint64

func (n *hexNumber) UnmarshalText(text []byte) error {
	v, err := strconv.ParseUint(string(text), 0, 64)
	*n = hexNumber(v)
	return err
}

// jsonID is a UUID, or zero where there is none.
type jsonID eventheader.ID

func (id *jsonID) UnmarshalText(text []byte) error {
	digits := bytes.ReplaceAll(text, []byte("-"), nil)
	if len(digits) != 2*len(id) {
		return fmt.Errorf("%q is no UUID", text)
	}
	_, err := hex.Decode(id[:], digits)
	return err
}

// parseFields makes the event from the JSON text that listen.Event.AppendJSON writes,
// so that this writes the same of it. JSON does not have all types: whole numbers
// have 64 bits then (in arrays as many as they need), times, UUIDs and the like are
// strings. An event of a tracepoint that is no EventHeader's has the form of one, and
// no level.
func (ev *Event) parseFields(text, metaText []byte) error {
	var meta eventMeta
	if err := json.Unmarshal(metaText, &meta); err != nil {
		return fmt.Errorf("%s: %w", eventMetaKey, err)
	}
	root, err := parseJSON(text)
	if err != nil {
		return err
	}
	members := root.items
	first, last := members[0], members[len(members)-1]
	provider, name, ok := strings.Cut(first.text, ":")
	if first.name != eventNameKey || first.kind != jsonText || !ok || last.name != eventMetaKey {
		return errors.New(`no event: it must begin with "n":"provider:event" and end with "meta"`)
	}
	var b eventheader.Builder
	b.Reset(name, uint16(meta.Tag)).ID(meta.ID, meta.Version).Opcode(eventheader.Opcode(meta.Opcode))
	switch {
	case meta.RelatedActivity != jsonID{}:
		b.ActivityIDs(eventheader.ID(meta.Activity), eventheader.ID(meta.RelatedActivity))
	case meta.Activity != jsonID{}:
		b.ActivityID(eventheader.ID(meta.Activity))
	}
	if err := buildMembers(&b, members[1:len(members)-1]); err != nil {
		return err
	}
	payload, err := b.Bytes(meta.Level)
	if err != nil {
		return err
	}
	tracepoint := first.text
	if meta.Level != 0 {
		tracepoint = eventheader.Name{Provider: provider, Level: meta.Level, Keyword: uint64(meta.Keyword)}.String()
	}
	*ev = Event{MessageOnly: meta.PID == 0 && meta.Time.IsZero(), Event: listen.Event{
		Tracepoint: tracepoint, Layout: listen.LayoutEventHeader,
		Provider: provider, Level: meta.Level, Keyword: uint64(meta.Keyword), Payload: payload,
		Time: meta.Time, CPU: meta.CPU, PID: meta.PID, TID: meta.TID,
	}}
	return nil
}

func buildMembers(b *eventheader.Builder, members []jsonValue) error {
	for i := range members {
		m := members[i : i+1]
		s, err := shapeOf(m)
		if err != nil {
			return fmt.Errorf("field %q: %w", m[0].name, err)
		}
		s.build(b, &m[0])
	}
	return b.Err()
}
