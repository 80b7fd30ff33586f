// SPDX-License-Identifier: Apache-2.0

//go:build kernel && disruptive && linux

package endtoend

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/elastic/go-seccomp-bpf/arch"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// seccompProfile is the part of the OCI runtime specification's LinuxSeccomp that ours uses.
type seccompProfile struct {
	DefaultAction   string
	DefaultErrnoRet uint32
	Syscalls        []seccompRule
}

type seccompRule struct {
	Names    []string
	Action   string
	ErrnoRet uint32
	Args     []seccompArgument
}

type seccompArgument struct {
	Index           uint32
	Value, ValueTwo uint64
	Op              string
}

// filter assembles the profile that the recipe names, since runtimes do so by a C library. As they do, it ignores
// system calls that this architecture does not have.
func (p pod) filter(t *testing.T) []bpf.RawInstruction {
	t.Helper()
	if p.SecurityContext.SeccompProfile.Type == "Unconfined" {
		return nil
	}
	require.Equal(t, "Localhost", p.SecurityContext.SeccompProfile.Type)
	require.Equal(t, "userevents-collector.json", p.SecurityContext.SeccompProfile.LocalhostProfile)
	text, err := os.ReadFile(filepath.Join("..", "..", "distribution", "seccomp.json"))
	require.NoError(t, err)
	var profile seccompProfile
	require.NoError(t, json.Unmarshal(text, &profile))
	machine, err := arch.GetInfo("")
	require.NoError(t, err)

	// struct seccomp_data: the number, the architecture, the instruction pointer, the arguments.
	number, architecture := bpf.LoadAbsolute{Off: 0, Size: 4}, bpf.LoadAbsolute{Off: 4, Size: 4}
	program := []bpf.Instruction{
		architecture,
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(machine.ID), SkipTrue: 1},
		bpf.RetConstant{Val: unix.SECCOMP_RET_KILL_PROCESS},
	}
	for _, rule := range profile.Syscalls {
		var match []bpf.Instruction // which ends the program, or falls through to what comes behind it
		for _, argument := range rule.Args {
			match = append(match, argument.test(t)...)
		}
		match = append(match, bpf.RetConstant{Val: seccompAction(t, rule.Action, rule.ErrnoRet)})
		for i := range match { // where a test fails, that is the next rule
			if jump, ok := match[i].(bpf.JumpIf); ok {
				jump.SkipFalse = uint8(len(match) - i - 1)
				match[i] = jump
			}
		}
		for _, name := range rule.Names {
			if n, ok := machine.SyscallNames[name]; ok {
				program = append(program, number,
					bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(n), SkipFalse: uint8(len(match))})
				program = append(program, match...)
			}
		}
	}
	program = append(program, bpf.RetConstant{Val: seccompAction(t, profile.DefaultAction, profile.DefaultErrnoRet)})
	raw, err := bpf.Assemble(program)
	require.NoError(t, err)
	return raw
}

func seccompAction(t *testing.T, name string, errno uint32) uint32 {
	t.Helper()
	switch name {
	case "SCMP_ACT_ALLOW":
		return unix.SECCOMP_RET_ALLOW
	case "SCMP_ACT_ERRNO":
		return unix.SECCOMP_RET_ERRNO | errno
	}
	require.Failf(t, "unknown action", "%s", name)
	return 0
}

// test continues if the argument is as the rule says. Its values fit into the lower half, which must then be alone.
func (a seccompArgument) test(t *testing.T) []bpf.Instruction {
	t.Helper()
	require.Less(t, a.Value, uint64(1<<32))
	const arguments, size = 16, 8
	low := bpf.LoadAbsolute{Off: arguments + size*a.Index, Size: 4}
	high := bpf.LoadAbsolute{Off: low.Off + 4, Size: 4}
	alone := []bpf.Instruction{high, bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0}, low}
	switch a.Op {
	case "SCMP_CMP_EQ":
		return append(alone, bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(a.Value)})
	case "SCMP_CMP_LT":
		return append(alone, bpf.JumpIf{Cond: bpf.JumpLessThan, Val: uint32(a.Value)})
	case "SCMP_CMP_MASKED_EQ":
		require.Equal(t, a.Value, a.ValueTwo)
		require.Zero(t, a.Value&(a.Value-1), "one bit")
		return []bpf.Instruction{low, bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: uint32(a.Value)}}
	}
	require.Failf(t, "unknown operator", "%s", a.Op)
	return nil
}
