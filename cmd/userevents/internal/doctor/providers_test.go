// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"encoding/json"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/commandtest"
)

// crowded is a healthy host with tracepoints of all layouts.
func crowded(t *testing.T) *fake {
	f := healthy(t)
	events := tracing + "/events/"
	f.files[tracing+"/user_events_status"] = "otlp_metrics # Used by ftrace perf\nShop_L4K1 # Used by perf\n" +
		"Shop_L5K1f\nShop_L2K1.0\ncpp\nmine\nevil\x1b[2J\ngone\n\nActive: 8\nBusy: 2\n"
	for _, name := range []string{"user_events/Shop_L4K1", "user_events/Shop_L5K1f", "user_events_multi/Shop_L2K1.0"} {
		f.files[events+name+"/format"] = eventHeaderFormat
	}
	fieldless, _, _ := strings.Cut(eventHeaderFormat, "\tfield:u8 eventheader_flags")
	f.files[events+"user_events/cpp/format"] = fieldless
	f.files[events+"user_events/mine/format"] = eventHeaderFormat // the fields, but no such name
	f.files[events+"user_events/evil\x1b[2J/format"] = otlpFormat
	f.links["/proc/1/fd/7"] = tracing + "/user_events_data"
	return f
}

func TestProviders(t *testing.T) {
	all, err := list(crowded(t).host(), Options{})
	require.NoError(t, err)
	var text strings.Builder
	require.NoError(t, all.Text(&text))
	rows := strings.Split(text.String(), "\n")
	var got []string
	for _, row := range rows {
		commandtest.Safe(t, row)
		got = append(got, strings.Join(strings.Fields(row), " "))
	}
	assert.Equal(t, []string{
		"user_events_multi:Shop_L2K1.0 eventheader error 0x1 -",
		"user_events:Shop_L4K1 eventheader information 0x1 perf",
		"user_events:Shop_L5K1f eventheader verbose 0x1f -",
		"user_events:cpp fieldless - - -",
		`user_events:evil\x1b[2J otlp - - -`,
		"user_events:gone - - - -",
		"user_events:mine any - - -",
		"user_events:otlp_metrics otlp - - ftrace,perf",
		"",
		"8 registered, 3 of them of 1 EventHeader providers; somebody listens to 2",
		"processes with user_events_data open: 1 (init)",
		"processes with perf events: 4711 (agent)",
		"",
	}, got)

	text.Reset()
	require.NoError(t, all.JSON(&text))
	for _, line := range strings.Split(text.String(), "\n") {
		commandtest.Safe(t, line)
	}
	var again Providers
	require.NoError(t, json.Unmarshal([]byte(text.String()), &again))
	assert.Equal(t, *all, again)
	assert.Equal(t, Registered{System: "user_events", Name: "Shop_L4K1", Layout: "eventheader", Provider: "Shop",
		Level: 4, Keyword: "0x1", UsedBy: []string{"perf"},
		Fields: "u8 eventheader_flags; u8 version; u16 id; u16 tag; u8 opcode; u8 level"}, again.Tracepoints[1])
}

func TestProvidersOfNobody(t *testing.T) {
	f := healthy(t)
	f.files[tracing+"/user_events_status"] = "\nActive: 0\nBusy: 0\n"
	f.links = nil
	all, err := list(f.host(), Options{})
	require.NoError(t, err)
	assert.Empty(t, all.Tracepoints)
	var text strings.Builder
	require.NoError(t, all.Text(&text))
	assert.Contains(t, text.String(), "processes with perf events: none that this user can see\n")
}

func TestProvidersThatCannotBeListed(t *testing.T) {
	f := healthy(t)
	f.denied[tracing+"/user_events_status"] = syscall.EACCES
	_, err := list(f.host(), Options{})
	require.ErrorIs(t, err, syscall.EACCES)
	assert.ErrorContains(t, err, "user_events_status")
	_, err = list((&fake{}).host(), Options{})
	require.ErrorIs(t, err, fs.ErrNotExist)

	alone := &fake{files: map[string]string{"/run/user_events_data": ""}}
	_, err = list(alone.host(), Options{DataFile: "/run/user_events_data"})
	assert.ErrorContains(t, err, "only /run/user_events_data is visible here")
}

// doctor knows EventHeader tracepoints, and counts them.
func TestDoctorKnowsEventHeader(t *testing.T) {
	r := examined(crowded(t), Options{Names: []string{"Shop_L5K1f"}}, works)
	details := map[string]string{}
	for _, c := range r.Checks {
		assert.Equal(t, OK, c.Status, c)
		details[c.Name] = c.Detail
	}
	assert.Equal(t, "Shop_L5K1f is of the EventHeader provider Shop, level verbose, keyword 0x1f",
		details["tracepoint"])
	assert.Contains(t, details["providers"], "8 registered, 3 of them of 1 EventHeader providers")
}
