// SPDX-License-Identifier: Apache-2.0

package source

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
)

// jsonKind is what a JSON value is, or several that share a type in an event.
type jsonKind int

const (
	jsonNull jsonKind = iota
	jsonBool
	jsonInt
	jsonUint // above the largest int64
	jsonFloat
	jsonText
	jsonArray
	jsonObject
)

// jsonValue is a value with its members in the order of the text. Unlike in a map,
// several may have one name.
type jsonValue struct {
	name  string // of a member of an object
	kind  jsonKind
	text  string      // of a number or text
	truth bool        // of a bool
	items []jsonValue // of an array or object
}

// parseJSON parses a text that is known to be valid JSON.
func parseJSON(text []byte) (jsonValue, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return nextJSON(d)
}

func nextJSON(d *json.Decoder) (v jsonValue, err error) {
	token, err := d.Token()
	if err != nil {
		return v, err
	}
	switch t := token.(type) {
	case bool:
		v.kind, v.truth = jsonBool, t
	case string:
		v.kind, v.text = jsonText, t
	case json.Number:
		v.kind, v.text = numberKind(t.String()), t.String()
	case json.Delim:
		v.kind = jsonArray
		if t == '{' {
			v.kind = jsonObject
		}
		for d.More() {
			item, name := jsonValue{}, ""
			if v.kind == jsonObject {
				if key, err := d.Token(); err != nil {
					return v, err
				} else {
					name, _ = key.(string)
				}
			}
			if item, err = nextJSON(d); err != nil {
				return v, err
			}
			item.name = name
			v.items = append(v.items, item)
		}
		_, err = d.Token() // the end
	}
	return v, err
}

// numberKind is what a number is that prints as the same text.
func numberKind(text string) jsonKind {
	if i, err := strconv.ParseInt(text, 10, 64); err == nil && strconv.FormatInt(i, 10) == text {
		return jsonInt
	}
	if _, err := strconv.ParseUint(text, 10, 64); err == nil {
		return jsonUint
	}
	return jsonFloat
}

// float is a number, some of which are written as text.
func (v *jsonValue) float() (x float64, ok bool) {
	switch v.kind {
	case jsonInt, jsonUint, jsonFloat:
	case jsonText:
		switch v.text {
		case "nan", "inf", "-inf":
		case "-nan":
			return math.Copysign(math.NaN(), -1), true
		default:
			return 0, false
		}
	default:
		return 0, false
	}
	x, err := strconv.ParseFloat(v.text, 64)
	return x, err == nil
}

// integer has the bits of a whole number, or 1 for true.
func (v *jsonValue) integer() uint64 {
	switch v.kind {
	case jsonBool:
		if v.truth {
			return 1
		}
	case jsonInt:
		i, _ := strconv.ParseInt(v.text, 10, 64) // as numberKind has seen
		return uint64(i)
	case jsonUint:
		u, _ := strconv.ParseUint(v.text, 10, 64)
		return u
	}
	return 0
}

// width is how many bytes a whole number needs as a jsonInt or a jsonUint.
func (v *jsonValue) width(as jsonKind) int {
	n := v.integer()
	for _, size := range []int{1, 2, 4} {
		shift := 64 - 8*size
		if as == jsonUint && n<<shift>>shift == n || as == jsonInt && int64(n)<<shift>>shift == int64(n) {
			return size
		}
	}
	return 8
}
