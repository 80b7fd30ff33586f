// SPDX-License-Identifier: Apache-2.0

package eventheader

import "strconv"

// Level is the severity of an event: 1 to 255, of which five have a name. A lower one is more severe.
type Level uint8

// The levels with a name.
const (
	LevelCritical    Level = 1
	LevelError       Level = 2
	LevelWarning     Level = 3
	LevelInformation Level = 4
	LevelVerbose     Level = 5
)

var levelNames = [...]string{
	LevelCritical:    "critical",
	LevelError:       "error",
	LevelWarning:     "warning",
	LevelInformation: "information",
	LevelVerbose:     "verbose",
}

// String returns the name of the level, or its number.
func (l Level) String() string {
	if int(l) < len(levelNames) && levelNames[l] != "" {
		return levelNames[l]
	}
	return strconv.Itoa(int(l))
}

// Opcode says what an event means among others. Most are [OpcodeInfo].
type Opcode uint8

// The opcodes that are defined.
const (
	OpcodeInfo            Opcode = 0
	OpcodeActivityStart   Opcode = 1
	OpcodeActivityStop    Opcode = 2
	OpcodeCollectionStart Opcode = 3
	OpcodeCollectionStop  Opcode = 4
	OpcodeExtension       Opcode = 5
	OpcodeReply           Opcode = 6
	OpcodeResume          Opcode = 7
	OpcodeSuspend         Opcode = 8
	OpcodeSend            Opcode = 9
	OpcodeReceive         Opcode = 240
)
