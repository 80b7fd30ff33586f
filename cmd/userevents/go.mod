module github.com/otel-userevents/usereventsmetric/cmd/userevents

go 1.26.0
