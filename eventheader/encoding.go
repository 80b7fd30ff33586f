// SPDX-License-Identifier: Apache-2.0

package eventheader

// Encoding says how long a value is and how its end is found.
type Encoding uint8

// The encodings. Strings are of units of 8, 16 or 32 bits: those called Z end with a zero unit, the others begin with
// the number of their units in 16 bits.
const (
	EncodingStruct   Encoding = 1 // no bytes of its own: the next fields are its fields
	EncodingValue8   Encoding = 2
	EncodingValue16  Encoding = 3
	EncodingValue32  Encoding = 4
	EncodingValue64  Encoding = 5
	EncodingValue128 Encoding = 6
	EncodingZChar8   Encoding = 7
	EncodingZChar16  Encoding = 8
	EncodingZChar32  Encoding = 9
	EncodingChar8    Encoding = 10
	EncodingChar16   Encoding = 11
	EncodingChar32   Encoding = 12
	EncodingBinary   Encoding = 13 // the number of bytes in 16 bits, then those
)

// The bits of a field's byte of encoding.
const (
	encodingMask       = 0x1f
	encodingConstArray = 0x20 // the count of elements is in the metadata
	encodingVarArray   = 0x40 // the count of elements is in the payload
	encodingArrays     = encodingConstArray | encodingVarArray
	encodingChain      = 0x80 // a byte of format follows
)

// Format says what a value means. A format that an encoding does not have stands for the default one.
type Format uint8

// The formats.
const (
	FormatDefault  Format = 0 // as the encoding says: unsigned, hexadecimal bytes, or UTF
	FormatUnsigned Format = 1
	FormatSigned   Format = 2
	FormatHex      Format = 3
	FormatErrno    Format = 4 // of Linux, 32 bits
	FormatPID      Format = 5 // 32 bits
	FormatTime     Format = 6 // signed seconds since 1970, 32 or 64 bits
	FormatBoolean  Format = 7 // 8, 16 or 32 bits
	FormatFloat    Format = 8 // 32 or 64 bits
	FormatHexBytes Format = 9
	FormatString8  Format = 10 // Latin-1, of 8-bit units
	FormatUTF      Format = 11 // UTF-8, UTF-16 or UTF-32, by the encoding
	FormatUTFBOM   Format = 12 // the same, unless a byte order mark says otherwise, as in XML and JSON
	FormatXML      Format = 13
	FormatJSON     Format = 14
	FormatUUID     Format = 15 // 128 bits, in network order
	FormatPort     Format = 16 // 16 bits, in network order
	FormatIP       Format = 17 // 32 bits or 128, in network order
	FormatIPOld    Format = 18 // the same
)

// The bits of a field's byte of format.
const (
	formatMask  = 0x7f
	formatChain = 0x80 // a tag in 16 bits follows
)

// The limits of what this package reads and writes, which are those of other decoders.
const (
	// MaxDepth is how many structs may be within each other.
	MaxDepth = 8
	// MaxStructFields is how many fields a struct may have.
	MaxStructFields = 127
)
