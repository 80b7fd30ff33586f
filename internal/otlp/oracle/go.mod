module github.com/otel-userevents/usereventsmetric/internal/otlp/oracle

go 1.26.0
