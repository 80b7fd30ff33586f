// SPDX-License-Identifier: Apache-2.0

// Package usereventsreceiver is a receiver for the OpenTelemetry Collector. It receives the OTLP metrics that processes
// on this host write to the Linux kernel's user_events.
//
// A receiver has two kinds of goroutines. A listener loop for each set of rings reads events and appends their
// payloads, still encoded, to a queue of bounded size. One goroutine takes batches from the queue, decodes them and
// passes them to the next consumer, retrying what is refused. While the queue is full, the listener loops wait and the
// rings fill up.
package usereventsreceiver

// mdatagen is go.opentelemetry.io/collector/cmd/mdatagen, in PATH; any recent version does.
//
//go:generate mdatagen metadata.yaml
//go:generate sh -c "git ls-files '*generated_*.go' | xargs sed -i '1s|^|// SPDX-License-Identifier: Apache-2.0\\n\\n|'"
//go:generate sh -c "git ls-files '*generated_*.go' | xargs gofmt -w"
