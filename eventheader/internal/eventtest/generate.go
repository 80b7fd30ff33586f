// SPDX-License-Identifier: Apache-2.0

package eventtest

import (
	"maps"
	"math/rand/v2"
	"strings"

	"github.com/otel-userevents/usereventsmetric/eventheader"
)

// Generator makes random events, the same ones for a seed. No event has more than eventheader.MaxEventSize bytes.
type Generator struct {
	// Counts is how many of each kind were made.
	Counts map[Kind]int

	random *rand.Rand
	// Of the event in the making.
	budget int // how many more fields and elements it may have
	depth  int
	arrays int // of structs, around
}

// NewGenerator returns a generator.
func NewGenerator(seed uint64) *Generator {
	return &Generator{Counts: make(map[Kind]int), random: rand.New(rand.NewPCG(seed, 0))}
}

func (g *Generator) made(k Kind) { g.Counts[k]++ }

// one is true about once in n times, and then counts k.
func (g *Generator) one(n int, k Kind) bool {
	if g.random.IntN(n) > 0 {
		return false
	}
	g.made(k)
	return true
}

// Event returns the next event.
func (g *Generator) Event() Event {
	for {
		before := maps.Clone(g.Counts)
		e := g.event()
		if len(Native.Encode(&e)) <= eventheader.MaxEventSize {
			return e
		}
		g.Counts = before
	}
}

func (g *Generator) event() Event {
	e := Event{
		Tracepoint: g.tracepoint(),
		Name:       g.name(),
		Opcode:     eventheader.Opcode(g.random.IntN(256)),
	}
	if g.one(4, EventID) {
		e.ID, e.Version = uint16(1+g.random.IntN(65535)), uint8(g.random.IntN(256))
	}
	if g.one(4, EventTag) {
		e.Tag = uint16(1 + g.random.IntN(65535))
	}
	for g.one(5, EventAttribute) {
		e.Attributes = append(e.Attributes, g.attribute())
	}
	switch {
	case g.one(4, Activity):
		e.Activity = []eventheader.ID{g.id()}
	case g.one(4, RelatedActivity):
		e.Activity = []eventheader.ID{g.id(), g.id()}
	}
	g.budget = 1 + g.random.IntN(30)
	if g.one(30, NoFields) {
		return e
	}
	if g.one(30, Deepest) {
		e.Fields = append(e.Fields, g.deepest())
	}
	e.Fields = append(e.Fields, g.fields(1+g.random.IntN(10))...)
	return e
}

func (g *Generator) tracepoint() eventheader.Name {
	name := eventheader.Name{
		Provider: "Provider_" + string(rune('a'+g.random.IntN(26))),
		Level:    eventheader.Level(1 + g.random.IntN(5)),
		Keyword:  g.random.Uint64() >> g.random.IntN(64),
	}
	if g.one(10, HighLevel) {
		name.Level = eventheader.Level(6 + g.random.IntN(250))
	}
	if g.one(5, NoKeyword) {
		name.Keyword = 0
	}
	if g.one(5, Group) {
		name.Options = "Ggroup1"
	}
	return name
}

func (g *Generator) id() (id eventheader.ID) {
	for i := range id {
		id[i] = byte(g.random.Uint32())
	}
	return id
}

// name returns the name of an event or of a field.
func (g *Generator) name() string {
	name := "n" + strings.Repeat("x", g.random.IntN(10))
	if g.one(10, Semicolon) {
		name += [...]string{";", ";;", ";k=v", ";;;"}[g.random.IntN(4)]
	}
	if g.one(10, NonASCIIName) {
		name += "äß\u20ac\U0001f600"
	}
	return name
}

func (g *Generator) attribute() Attribute {
	return Attribute{
		Key:   "key" + string(rune('a'+g.random.IntN(26))),
		Value: [...]string{"", "value", "a;b", ";", "=", "k=v;l=w"}[g.random.IntN(6)],
	}
}

// deepest returns a struct with as many within each other as there may be.
func (g *Generator) deepest() Field {
	field := g.value(eventheader.EncodingValue8, Single)
	for range eventheader.MaxDepth {
		field = Field{
			Name:     g.name(),
			Encoding: eventheader.EncodingStruct,
			Values:   []Value{{Fields: []Field{field}}},
		}
	}
	return field
}

// fields returns one field at least.
func (g *Generator) fields(n int) (fields []Field) {
	for ; n > 0 && (g.budget > 0 || len(fields) == 0); n-- {
		g.budget--
		fields = append(fields, g.field())
	}
	return fields
}

func (g *Generator) field() Field {
	first := eventheader.EncodingStruct
	if g.depth == eventheader.MaxDepth || g.budget <= 0 {
		first = eventheader.EncodingValue8
	}
	encoding := first + eventheader.Encoding(g.random.IntN(int(eventheader.EncodingBinary-first)+1))
	array := Array(g.random.IntN(3))
	var f Field
	if encoding == eventheader.EncodingStruct {
		f = g.structure(array)
	} else {
		f = g.value(encoding, array)
	}
	if g.one(5, FieldTag) {
		f.Tag = uint16(1 + g.random.IntN(65535))
	}
	for g.one(10, FieldAttribute) {
		f.Attributes = append(f.Attributes, g.attribute())
	}
	if g.one(20, EmptyName) {
		f.Name = ""
	}
	return f
}

// elements returns how many values a field has.
func (g *Generator) elements(array Array) int {
	switch array {
	case Const:
		return 1 + g.random.IntN(4)
	case Var:
		return g.random.IntN(4)
	}
	return 1
}

func (g *Generator) structure(array Array) Field {
	g.made(encodingKind(eventheader.EncodingStruct, array))
	if g.depth > 0 {
		g.made(Nested)
	}
	if array != Single {
		if g.arrays > 0 {
			g.made(NestedArrays)
		}
		g.arrays++
		defer func() { g.arrays-- }()
	}
	g.depth++
	f := Field{Name: g.name(), Encoding: eventheader.EncodingStruct, Array: array}
	template := g.fields(1 + g.random.IntN(4))
	g.depth--
	n := g.elements(array)
	if n == 0 {
		g.made(NoStructs)
		f.Template = template
		return f
	}
	f.Values = []Value{{Fields: template}}
	// Elements of elements of elements would be many.
	for range min(n-1, max(0, 3-g.depth)) {
		f.Values = append(f.Values, Value{Fields: g.again(template)})
	}
	return f
}

// again returns the same fields with other values.
func (g *Generator) again(template []Field) (fields []Field) {
	for _, f := range template {
		old := f.Values
		n := len(old)
		f.Values = nil
		if f.Encoding != eventheader.EncodingStruct {
			if f.Array == Var {
				n = g.elements(Var)
			}
			for range n {
				f.Values = append(f.Values, g.content(f.Encoding, f.Format))
			}
		}
		for i := 0; i < n && f.Encoding == eventheader.EncodingStruct; i++ {
			f.Values = append(f.Values, Value{Fields: g.again(old[i].Fields)})
		}
		fields = append(fields, f)
	}
	return fields
}

// value returns a field that is not a struct.
func (g *Generator) value(encoding eventheader.Encoding, array Array) Field {
	g.made(encodingKind(encoding, array))
	format := eventheader.Format(g.random.IntN(int(eventheader.FormatIPOld) + 1))
	if g.one(20, UnknownFormat) {
		format = eventheader.FormatIPOld + 1 + eventheader.Format(g.random.IntN(100))
	} else {
		g.made(formatKind(encoding, format))
	}
	f := Field{Name: g.name(), Encoding: encoding, Format: format, Array: array}
	for range g.elements(array) {
		f.Values = append(f.Values, g.content(encoding, format))
	}
	if len(f.Values) == 0 {
		g.made(NoElements)
	}
	return f
}

func (g *Generator) content(encoding eventheader.Encoding, format eventheader.Format) Value {
	switch encoding {
	case eventheader.EncodingValue8, eventheader.EncodingValue16, eventheader.EncodingValue32,
		eventheader.EncodingValue64:
		return g.number(1<<(encoding-eventheader.EncodingValue8), format)
	case eventheader.EncodingValue128:
		id := g.id()
		return Value{Bytes: id[:]}
	case eventheader.EncodingBinary, eventheader.EncodingChar8:
		if g.random.IntN(2) == 0 {
			return g.nullable(encoding, format)
		}
	}
	if encoding == eventheader.EncodingBinary {
		id := g.id()
		return Value{Bytes: append([]byte{}, id[:g.random.IntN(17)]...)}
	}
	return Value{Text: g.text(encoding, format)}
}

// number returns one of a size. Small ones and large ones are as likely.
func (g *Generator) number(size int, format eventheader.Format) Value {
	bits := 8 * size
	number := g.random.Uint64() >> (64 - bits) >> g.random.IntN(bits)
	if number>>(bits-1) > 0 {
		g.made(NegativeNumber)
	}
	return Value{Number: number, Size: size}
}

// nullable returns a value of a size that formats have, in an encoding that has any.
func (g *Generator) nullable(encoding eventheader.Encoding, format eventheader.Format) Value {
	fixed := format >= eventheader.FormatUnsigned && format <= eventheader.FormatFloat ||
		format >= eventheader.FormatUUID && format <= eventheader.FormatIPOld
	if !fixed {
		return g.number(1<<g.random.IntN(4), format)
	}
	if g.one(3, Null) {
		return Value{}
	}
	value := g.number(1<<g.random.IntN(4), format)
	if fits(format, value.Size) {
		g.made(Fitting)
	} else {
		g.made(Unfitting)
	}
	return value
}

// fits reports whether a format has values of a size in bytes.
func fits(format eventheader.Format, size int) bool {
	switch format {
	case eventheader.FormatUnsigned, eventheader.FormatSigned, eventheader.FormatHex:
		return true
	case eventheader.FormatErrno, eventheader.FormatPID, eventheader.FormatIP, eventheader.FormatIPOld:
		return size == 4
	case eventheader.FormatTime, eventheader.FormatFloat:
		return size >= 4
	case eventheader.FormatBoolean:
		return size <= 4
	case eventheader.FormatPort:
		return size == 2
	}
	return false
}

// text returns a string of UTF-8 without NUL.
func (g *Generator) text(encoding eventheader.Encoding, format eventheader.Format) string {
	if g.one(8, EmptyText) {
		return ""
	}
	text := strings.Repeat("text ", g.random.IntN(4)) + "."
	if g.one(6, Control) {
		text += "\x01\x1b[31m\t\"\\\n\x7f"
	}
	if g.one(6, BeyondBMP) {
		text += "\u00e9\u20ac\U0001f600\U0010ffff"
	}
	if g.one(10, Mark) {
		text = "\ufeff" + text
	}
	return text
}
