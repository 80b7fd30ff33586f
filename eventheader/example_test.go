// SPDX-License-Identifier: Apache-2.0

package eventheader_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"net/netip"
	"sync"

	"github.com/otel-userevents/usereventsmetric/eventheader"
)

// This is the code of docs/eventheader.md: see TestPageIsTheCode.

func ExampleProvider() {
	provider, err := eventheader.NewProvider("Shop")
	if err != nil {
		log.Print(err) // which also says what helps; a nil provider has sets that are never enabled
	}
	defer provider.Close()
	orders, err := provider.EventSet(eventheader.LevelInformation, 0x1)
	if err != nil {
		log.Print(err)
	}

	var b eventheader.Builder
	if orders.Enabled() {
		b.Reset("Order", 0)
		b.String("customer", "Ada")
		b.Int64("books", 3)
		if err := orders.Write(&b); err != nil {
			log.Print(err)
		}
	}
	// Output:
}

func ExampleEventSet() {
	builders := sync.Pool{New: func() any { return new(eventheader.Builder) }}

	logOrder := func(orders *eventheader.EventSet, customer string) error {
		if !orders.Enabled() {
			return nil
		}
		b := builders.Get().(*eventheader.Builder)
		defer builders.Put(b)
		return orders.Write(b.Reset("Order", 0).String("customer", customer))
	}
	if err := logOrder(nil, "Ada"); err != nil {
		log.Print(err)
	}
	// Output:
}

func ExampleBuilder() {
	var b eventheader.Builder
	b.Reset("Request", 0).ID(1, 2).Opcode(eventheader.OpcodeActivityStart).ActivityID(eventheader.ID{0xab})
	b.Value32("flags", 0x1f, eventheader.FormatHex)
	b.Errno("result", 2)
	b.Attribute("unit", "s").Tag(7).Float64("duration", 0.25)
	b.BeginStruct("peer").
		Address("address", netip.MustParseAddr("192.0.2.1")).
		Port("port", 443).
		EndStruct()
	b.Array("codes", eventheader.EncodingValue16, eventheader.FormatDefault, 2).
		Element16(200).
		Element16(304)
	b.BeginStructArray("items", 2).
		NextElement().String("name", "pen").Int32("count", 1).
		NextElement().String("name", "ink").Int32("count", 2).
		EndStruct()
	b.Text("note", "für 3 €", eventheader.EncodingZChar16, eventheader.FormatDefault)
	b.Binary("previous", nil, eventheader.FormatSigned) // null

	data, err := b.Bytes(eventheader.LevelWarning)
	if err != nil {
		log.Fatal(err) // the first mistake of all the calls above
	}
	event, err := eventheader.Parse(data)
	if err != nil {
		log.Fatal(err)
	}
	text, err := event.AppendJSON(nil, eventheader.Name{Provider: "Shop", Keyword: 0x1}, "")
	if err != nil {
		log.Fatal(err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, text, "", " "); err != nil {
		log.Fatal(err)
	}
	fmt.Println(&indented)
	// Output:
	// {
	//  "n": "Shop:Request",
	//  "flags": "0x1F",
	//  "result": "ENOENT(2)",
	//  "duration;unit=s;tag=0x7": 0.25,
	//  "peer": {
	//   "address": "192.0.2.1",
	//   "port": 443
	//  },
	//  "codes": [
	//   200,
	//   304
	//  ],
	//  "items": [
	//   {
	//    "name": "pen",
	//    "count": 1
	//   },
	//   {
	//    "name": "ink",
	//    "count": 2
	//   }
	//  ],
	//  "note": "für 3 €",
	//  "previous": null,
	//  "meta": {
	//   "id": 1,
	//   "version": 2,
	//   "level": 3,
	//   "keyword": "0x1",
	//   "opcode": 1,
	//   "activity": "ab000000-0000-0000-0000-000000000000"
	//  }
	// }
}

func ExampleParse() {
	// The event of another program: of 64 bits, little-endian.
	data := []byte("\x07\x00\x00\x00\x00\x00\x00\x04\x1f\x00\x01\x00" +
		"Order\x00customer\x00\x0abooks\x00\x84\x02paid\x00\x82\x07" +
		"\x03\x00Ada\x03\x00\x00\x00\x01")

	event, err := eventheader.Parse(data)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s %s\n", event.Level, event.Name())
	fields := event.Fields()
	for fields.Next() {
		field := fields.Field()
		if books, ok := field.Int(); ok {
			fmt.Printf("%s is the number %d\n", field.Name(), books)
			continue
		}
		fmt.Printf("%s: %s\n", field.Name(), field.AppendText(nil))
	}
	if err := fields.Err(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// information Order
	// customer: Ada
	// books is the number 3
	// paid: true
}

func ExampleIterator() {
	show := func(event *eventheader.Event) error {
		fields := event.Fields()
		for fields.Next() {
			field := fields.Field()
			switch field.Kind {
			case eventheader.KindStructBegin:
				fmt.Printf("%*sstruct %s\n", 2*field.Depth, "", field.Name())
			case eventheader.KindArrayBegin:
				fmt.Printf("%*s%d of %s\n", 2*field.Depth, "", field.Count, field.Name())
			case eventheader.KindValue:
				fmt.Printf("%*s%s=%s\n", 2*field.Depth, "", field.Name(), field.AppendText(nil))
			}
		}
		return fields.Err()
	}

	var b eventheader.Builder
	b.Reset("Request", 0).BeginStruct("peer").Port("port", 443).EndStruct()
	b.Array("codes", eventheader.EncodingValue16, eventheader.FormatDefault, 2).Element16(200).Element16(304)
	data, err := b.Bytes(eventheader.LevelError)
	if err != nil {
		log.Fatal(err)
	}
	event, err := eventheader.Parse(data)
	if err != nil {
		log.Fatal(err)
	}
	if err := show(&event); err != nil {
		log.Fatal(err)
	}
	// Output:
	// struct peer
	//   port=443
	// 2 of codes
	// codes=200
	// codes=304
}
