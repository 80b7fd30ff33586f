// SPDX-License-Identifier: Apache-2.0

package eventheader_test

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/eventheader/internal/eventtest"
)

// unhex returns the bytes of text like `0700 "name" 00`.
func unhex(t *testing.T, text string) (b []byte) {
	t.Helper()
	for i, part := range strings.Split(text, `"`) {
		if i%2 == 1 {
			b = append(b, part...)
			continue
		}
		digits, err := hex.DecodeString(strings.Join(strings.Fields(part), ""))
		require.NoError(t, err, part)
		b = append(b, digits...)
	}
	return b
}

var (
	little64 = eventtest.Writers[0]
	big32    = eventtest.Writers[3]
)

const (
	headerLittle64 = "07 00 0000 0000 00 05"
	headerBig32    = "04 03 0102 0304 01 04"
	twoIDs         = "000102030405060708090a0b0c0d0e0f 101112131415161718191a1b1c1d1e1f"
)

// described returns an event of a writer with an extension of metadata, whose size it fills in.
func described(t *testing.T, w eventtest.Writer, metadata, payload string) []byte {
	t.Helper()
	header := headerBig32
	if w == little64 {
		header = headerLittle64
	}
	return slices.Concat(w.Extension(unhex(t, header), 1, unhex(t, metadata)), unhex(t, payload))
}

func TestDecode(t *testing.T) {
	const meta5 = `"meta":{"level":5}}`
	for _, tt := range []struct {
		name              string
		metadata, payload string
		want              string // {"n":"P: and meta left out
	}{
		{"no fields", `"e" 00`, ``, `e",`},
		{"no name", `00`, ``, `",`},
		{"padding", `"e" 00 "f" 00 02`, `07 ffffff`, `e","f":7,`},
		{"attributes", `"e;k=v;l=" 00 "f;m=n" 00 02`, `07`, `e","f;m=n":7,`},
		{"doubled semicolons", `"e;;f;;;k=v;;" 00 "f;;" 00 02`, `07`, `e;f;","f;;":7,`},
		{"array of structs", `"e" 00 "s" 00 c102 "x" 00 02 "y" 00 02`, `0200 01020304`,
			`e","s":[{"x":1,"y":2},{"x":3,"y":4}],`},
		{"constant array of structs", `"e" 00 "s" 00 a101 0200 "x" 00 02 "z" 00 02`, `010203`,
			`e","s":[{"x":1},{"x":2}],"z":3,`},
		{"array of no structs, with structs within", `"e" 00 "s" 00 c102 "t" 00 8101 "x" 00 02 "u" 00 a101 0200
			"y" 00 22 0100 "z" 00 02`, `0000 03`, `e","s":[],"z":3,`},
		{"the metadata ends within a struct", `"e" 00 "s" 00 8105 "x" 00 02`, `01`, `e","s":{"x":1},`},
		{"the metadata ends where a struct begins", `"e" 00 "s" 00 8105`, ``, `e","s":{},`},
		{"escapes", `"e" 00 "f` + "\x01" + `\" 00 0a`, `0700 22 5c 0a 08 0c 0d 09`,
			`e","f\u0001\\":"\"\\\n\b\f\r\t",`},
		{"Latin-1 where it is not UTF-8", `"e` + "\xff" + `" 00 "f" 00 0a`, `0300 e2 82 41`,
			"eÿ\",\"f\":\"â\u0082A\","},
		{"UTF-16", `"e" 00 "f" 00 0b`, `0600 4100 3dd8 00de 3dd8 4200 00de`, "e\",\"f\":\"A😀\ufffdB\ufffd\","},
		{"UTF-32", `"e" 00 "f" 00 09`, `00f60100 00d80000 00001100 ffffffff 00000000`,
			"e\",\"f\":\"😀\ufffd\ufffd\ufffd\","},
	} {
		t.Run(tt.name, func(t *testing.T) {
			event := described(t, little64, tt.metadata, tt.payload)
			assert.Equal(t, `{"n":"P:`+tt.want+meta5, toJSON(t, event))
		})
	}
}

func TestDecodeBigEndian32(t *testing.T) {
	event := described(t, big32, `"e" 00 "f" 00 8382 0506 "g" 00 24 0002 "h" 00 08 "p" 00 8310`,
		`fffe 00000001 00000002 0041 20ac 0000 0050`)
	assert.Equal(t, `{"n":"P:e","f;tag=0x506":-2,"g":[1,2],"h":"A€","p":80,`+
		`"meta":{"id":258,"version":3,"level":4,"opcode":1,"tag":"0x304"}}`, toJSON(t, event))
}

func TestExtensions(t *testing.T) {
	const metadata, last = `0500 0180 "e" 00 "f" 00 02`, `0500 0100 "e" 00 "f" 00 02`
	for name, tt := range map[string]struct{ extensions, want string }{
		"ids behind":     {metadata + ` 1000 0200 000102030405060708090a0b0c0d0e0f`, "one"},
		"ids in front":   {`2000 0280 ` + twoIDs + last, "two"},
		"unknown ones":   {`0200 ff80 ffff 0000 0390` + metadata + `0100 ff7f 00`, "none"},
		"empty unknown":  {`0000 0380` + last, "none"},
		"ids of nothing": {metadata + ` 1000 0200 00000000000000000000000000000000`, "zero"},
	} {
		t.Run(name, func(t *testing.T) {
			event, err := eventheader.Parse(unhex(t, headerLittle64+tt.extensions+"07"))
			require.NoError(t, err)
			assert.Equal(t, "e", string(event.Name()))
			id, hasID := event.ActivityID()
			parent, hasParent := event.RelatedID()
			assert.Equal(t, tt.want != "none", hasID)
			assert.Equal(t, tt.want == "two", hasParent)
			if hasID && tt.want != "zero" {
				assert.Equal(t, byte(15), id[15])
			}
			if hasParent {
				assert.Equal(t, byte(31), parent[15])
			}
			fields := event.Fields()
			require.True(t, fields.Next())
			value, ok := fields.Field().Uint()
			assert.True(t, ok)
			assert.Equal(t, uint64(7), value)
		})
	}
}

func TestMalformedEvent(t *testing.T) {
	for name, tt := range map[string]struct {
		event string
		want  error
		says  string
	}{
		"empty":                      {``, eventheader.ErrMalformed, "0 bytes"},
		"7 bytes":                    {`07 00 0000 0000 00`, eventheader.ErrMalformed, "7 bytes"},
		"unknown flag":               {`0f 00 0000 0000 00 05 0200 0100 "e" 00`, eventheader.ErrMalformed, "0xf"},
		"no extension":               {`03 00 0000 0000 00 05`, eventheader.ErrNoMetadata, ""},
		"no metadata":                {headerLittle64 + `0000 0300`, eventheader.ErrNoMetadata, ""},
		"no extension, by its flag":  {headerLittle64, eventheader.ErrMalformed, "within an extension"},
		"within an extension's size": {headerLittle64 + `0200 01`, eventheader.ErrMalformed, "within an extension"},
		"extension too long":         {headerLittle64 + `0300 0100 "e" 00`, eventheader.ErrMalformed, "3 bytes, and 2"},
		"no extension after another": {headerLittle64 + `0200 0180 "e" 00`, eventheader.ErrMalformed, "within an ext"},
		"kind 0":                     {headerLittle64 + `0000 0080`, eventheader.ErrMalformed, "kind 0"},
		"two metadata": {headerLittle64 + `0200 0180 "e" 00 0200 0100 "e" 00`, eventheader.ErrMalformed,
			"two extensions of kind 1"},
		"two ids": {headerLittle64 + `2000 0280` + twoIDs + `2000 0200` + twoIDs, eventheader.ErrMalformed,
			"two extensions of kind 2"},
		"id of no bytes":       {headerLittle64 + `0000 0280 0200 0100 "e" 00`, eventheader.ErrMalformed, "0 bytes"},
		"id of 1 byte":         {headerLittle64 + `0100 0280 00 0200 0100 "e" 00`, eventheader.ErrMalformed, "1 bytes"},
		"name without its end": {headerLittle64 + `0100 0100 "e"`, eventheader.ErrMalformed, "does not end"},
		"empty metadata":       {headerLittle64 + `0000 0100`, eventheader.ErrMalformed, "does not end"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := eventheader.Parse(unhex(t, tt.event))
			require.ErrorIs(t, err, tt.want)
			assert.ErrorContains(t, err, tt.says)
		})
	}
}

func TestMalformedFields(t *testing.T) {
	for name, tt := range map[string]struct{ metadata, payload, says string }{
		"name without its end":      {`"f"`, ``, "ends within its definition"},
		"no encoding":               {`"f" 00`, ``, "ends within its definition"},
		"no format":                 {`"f" 00 82`, `01`, "within its format"},
		"no tag":                    {`"f" 00 8282 01`, `01`, "within its format"},
		"no count in the metadata":  {`"f" 00 22 01`, `01`, "within its count"},
		"constantly no elements":    {`"f" 00 22 0000`, ``, "constantly no"},
		"encoding 0":                {`"f" 00 00`, `01`, "encoding 0"},
		"encoding 14":               {`"f" 00 0e`, `01`, "encoding 14"},
		"array of encoding 31":      {`"f" 00 5f`, `0000`, "encoding 31"},
		"array of both kinds":       {`"f" 00 62 0100`, `0100 01`, "both kinds"},
		"struct without fields":     {`"f" 00 01`, ``, "struct without fields"},
		"the same, with a tag":      {`"f" 00 8180 0100`, ``, "struct without fields"},
		"no value":                  {`"f" 00 02`, ``, "ends within its value"},
		"half a value":              {`"f" 00 04`, `010203`, "ends within its value"},
		"no count in the payload":   {`"f" 00 42`, `01`, "no count"},
		"too few elements":          {`"f" 00 42`, `0200 01`, "ends within its value"},
		"no length":                 {`"f" 00 0a`, `01`, "ends within its value"},
		"string too short":          {`"f" 00 0b`, `0200 414243`, "ends within its value"},
		"string without its end":    {`"f" 00 07`, `"abc"`, "ends within its value"},
		"wide string without end":   {`"f" 00 08`, `4100 00`, "ends within its value"},
		"widest string without end": {`"f" 00 09`, `41000000 000000`, "ends within its value"},
		"in an array of no structs": {`"s" 00 c101 "f" 00`, `0000`, "ends within its definition"},
		"nine structs within each other": {strings.Repeat(`"f" 00 8101`, 9) + `"x" 00 02`, `01`,
			"more than 8 structs within"},
		"too many structs": {`"f" 00 c101`, `ffff`, "more than 4096 structs"},
		"too many of a struct": {`"f" 00 a101 ffff "f" 00 a101 ffff "x" 00 02`, strings.Repeat(`01`, 5000),
			"more than 4096 structs"},
		"too many definitions": {`"f` + strings.Repeat("\x1b", 3000) + `" 00 a101 ffff "f" 00 22 0100`,
			strings.Repeat(`01`, 5000), "more than 1048576 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			event, err := eventheader.Parse(described(t, little64, `"e" 00`+tt.metadata, tt.payload))
			require.NoError(t, err)
			fields := event.Fields()
			for fields.Next() {
			}
			require.ErrorIs(t, fields.Err(), eventheader.ErrMalformed)
			require.ErrorContains(t, fields.Err(), tt.says)
			assert.Less(t, len(fields.Err().Error()), 400, "whatever the length of the name")
			assert.False(t, fields.Next(), "once it has ended")
			text, err := event.AppendJSON([]byte("x"), eventheader.Name{}, "")
			require.ErrorIs(t, err, eventheader.ErrMalformed)
			assert.Equal(t, "x", string(text))
		})
	}
}

// An event that is cut anywhere is malformed, or has fewer bytes of padding.
func TestCutEvent(t *testing.T) {
	g := eventtest.NewGenerator(4)
	for range 100 {
		e := g.Event()
		whole := little64.Encode(&e)
		for n := range whole {
			event, err := eventheader.Parse(whole[:n])
			if err != nil {
				require.ErrorIs(t, err, eventheader.ErrMalformed)
				continue
			}
			_, err = event.AppendJSON(nil, e.Tracepoint, "")
			require.ErrorIs(t, err, eventheader.ErrMalformed, "%d of %d bytes", n, len(whole))
		}
	}
}

func TestMetaOfCaller(t *testing.T) {
	event, err := eventheader.Parse(described(t, little64, `"e" 00`, ``))
	require.NoError(t, err)
	text, err := event.AppendJSON(nil, eventheader.Name{Provider: `P"`, Keyword: 0xabc}, `"pid":7`)
	require.NoError(t, err)
	assert.Equal(t, `{"n":"P\":e","meta":{"pid":7,"level":5,"keyword":"0xABC"}}`, string(text))
}

func TestRawName(t *testing.T) {
	name := eventheader.RawName("a;;b;k=v=;;;l=;not;k=w")
	assert.Equal(t, "a;b", string(name.Name()))
	var pairs []string
	for key, value := range name.Attributes() {
		pairs = append(pairs, key, value)
	}
	assert.Equal(t, []string{"k", "v=;", "l", "", "k", "w"}, pairs)
	value, ok := name.Attribute("k")
	assert.True(t, ok)
	assert.Equal(t, "v=;", value, "the first one")
	assert.Empty(t, eventheader.RawName("").Name())
}

func TestDecodingAllocatesNothing(t *testing.T) {
	g := eventtest.NewGenerator(5)
	var events [][]byte
	for range 50 {
		e := g.Event()
		events = append(events, little64.Encode(&e))
	}
	buffer := make([]byte, 0, 1<<20)
	assert.Zero(t, testing.AllocsPerRun(10, func() {
		for _, data := range events {
			event, err := eventheader.Parse(data)
			if err != nil {
				panic(err)
			}
			fields := event.Fields()
			for fields.Next() {
				buffer = fields.Field().AppendText(buffer[:0])
				buffer = append(buffer, fields.Field().RawName()...)
			}
			if fields.Err() != nil {
				panic(fields.Err())
			}
			if buffer, err = event.AppendJSON(buffer[:0], eventheader.Name{Provider: "P"}, ""); err != nil {
				panic(err)
			}
		}
	}))
}

func TestBuildingAllocatesNothingOnceWarm(t *testing.T) {
	var b eventheader.Builder
	build := func() {
		buildSix(&b)
		b.BeginStructArray("orders;", 2)
		for range 2 {
			b.NextElement().Attribute("unit", "s;").Tag(1).Float32("f", 1)
			b.Text("text", "\u00e9\U0001f600", eventheader.EncodingZChar16, eventheader.FormatUTF)
		}
		b.EndStruct().Array("array", eventheader.EncodingChar8, eventheader.FormatDefault, 1).ElementString("x")
		if _, err := b.Bytes(eventheader.LevelError); err != nil {
			panic(err)
		}
	}
	build()
	assert.Zero(t, testing.AllocsPerRun(100, build))
}
