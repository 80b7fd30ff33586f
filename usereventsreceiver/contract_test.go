// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pipeline"
	"go.opentelemetry.io/collector/receiver/receivertest"
)

// generator writes events, with one data point each, to the source that was opened last.
type generator struct {
	t       *testing.T
	machine *machine
	id      atomic.Int64
}

func (*generator) Start() {}
func (*generator) Stop()  {}

func (g *generator) Generate() []receivertest.UniqueIDAttrVal {
	id := strconv.FormatInt(g.id.Add(1), 10)
	metrics := pmetric.NewMetrics()
	addPoints(metrics, 0, 1)
	eachPoint([]pmetric.Metrics{metrics}, func(p pmetric.NumberDataPoint) {
		p.Attributes().PutStr(receivertest.UniqueIDAttrName, id)
	})
	g.machine.listener(g.t).write(event(metrics))
	return []receivertest.UniqueIDAttrVal{receivertest.UniqueIDAttrVal(id)}
}

func TestConsumeContract(t *testing.T) {
	m := &machine{}
	config := createDefaultConfig().(*Config)
	config.RetryOnFailure.InitialInterval = time.Millisecond
	config.RetryOnFailure.MaxInterval = 2 * time.Millisecond
	receivertest.CheckConsumeContract(receivertest.CheckConsumeContractParams{
		T: t, Factory: newFactory(m.open), Signal: pipeline.SignalMetrics, Config: config,
		Generator: &generator{t: t, machine: m}, GenerateCount: 1000,
	})
}
