// SPDX-License-Identifier: Apache-2.0

package otlpview

import (
	"encoding/hex"
	"strconv"
	"strings"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/safetext"
)

const (
	maxAttributeText  = 4096 // bytes of all attributes of a point, about
	maxAttributeDepth = 8
)

// AttributesText writes attributes as key=value with blanks between, in the
// order of the message. It is safe for a terminal.
func AttributesText(attrs []*commonpb.KeyValue) string {
	w := attributeWriter{}
	w.list(attrs, " ", 0)
	return w.b.String()
}

// ValueText is the value of an attribute as text to compare with: a string as it
// is, which is not safe for a terminal, and all else as AttributesText has it.
func ValueText(v *commonpb.AnyValue) string {
	if s, ok := v.GetValue().(*commonpb.AnyValue_StringValue); ok {
		return s.StringValue
	}
	w := attributeWriter{}
	w.value(v, 0)
	return w.b.String()
}

// attributeWriter stops at its limits, for messages made to have none.
type attributeWriter struct{ b strings.Builder }

func (w *attributeWriter) full() bool { return w.b.Len() >= maxAttributeText }

func (w *attributeWriter) list(attrs []*commonpb.KeyValue, sep string, depth int) {
	for i, kv := range attrs {
		if i > 0 {
			w.b.WriteString(sep)
		}
		if w.full() {
			w.b.WriteString("...")
			return
		}
		w.string(kv.GetKey())
		w.b.WriteByte('=')
		w.value(kv.GetValue(), depth)
	}
}

func (w *attributeWriter) value(v *commonpb.AnyValue, depth int) {
	if depth > maxAttributeDepth {
		w.b.WriteString("...")
		return
	}
	switch x := v.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		w.string(x.StringValue)
	case *commonpb.AnyValue_BoolValue:
		w.b.WriteString(strconv.FormatBool(x.BoolValue))
	case *commonpb.AnyValue_IntValue:
		w.b.WriteString(strconv.FormatInt(x.IntValue, 10))
	case *commonpb.AnyValue_DoubleValue:
		w.b.WriteString(strconv.FormatFloat(x.DoubleValue, 'g', -1, 64))
	case *commonpb.AnyValue_BytesValue:
		w.b.WriteString("0x")
		w.b.WriteString(hex.EncodeToString(x.BytesValue[:min(len(x.BytesValue), maxAttributeText)]))
	case *commonpb.AnyValue_ArrayValue:
		w.b.WriteByte('[')
		for i, e := range x.ArrayValue.GetValues() {
			if i > 0 {
				w.b.WriteByte(',')
			}
			if w.full() {
				w.b.WriteString("...")
				break
			}
			w.value(e, depth+1)
		}
		w.b.WriteByte(']')
	case *commonpb.AnyValue_KvlistValue:
		w.b.WriteByte('{')
		w.list(x.KvlistValue.GetValues(), ",", depth+1)
		w.b.WriteByte('}')
	default:
		w.b.WriteByte('-')
	}
}

// string writes text plainly where that is unambiguous, and quoted where not.
func (w *attributeWriter) string(s string) {
	cut := len(s) > maxAttributeText
	if cut {
		s = s[:maxAttributeText]
	}
	if s == "" || strings.ContainsAny(s, " =\"',[]{}\\") {
		// Quote leaves what can be printed, as safetext.Escape does.
		w.b.WriteString(strconv.Quote(s))
	} else {
		w.b.WriteString(safetext.Escape(s))
	}
	if cut {
		w.b.WriteString("...")
	}
}
