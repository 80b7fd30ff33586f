module github.com/otel-userevents/usereventsmetric/examples

go 1.26.0
