// SPDX-License-Identifier: Apache-2.0

// An application with OpenTelemetry's exporter for user_events in Rust. It exports once, and ends.

use opentelemetry::{metrics::MeterProvider, InstrumentationScope, KeyValue};
use opentelemetry_sdk::{metrics::SdkMeterProvider, Resource};
use opentelemetry_user_events_metrics::MetricsExporter;

fn main() {
    let resource = Resource::builder_empty()
        .with_attributes([KeyValue::new("service.name", "rust-shop"), KeyValue::new("replica", 7)])
        .build();
    let provider = SdkMeterProvider::builder()
        .with_resource(resource)
        .with_periodic_exporter(MetricsExporter::new())
        .build();
    let scope = InstrumentationScope::builder("shop")
        .with_version("1.2.3")
        .with_schema_url("https://example.com/scope")
        .build();
    let meter = provider.meter_with_scope(scope);
    let route = [KeyValue::new("route", "/cart"), KeyValue::new("ok", true)];
    let orders = meter.u64_counter("orders").with_unit("{order}").with_description("Orders taken").build();
    orders.add(3, &route);
    orders.add(4, &[KeyValue::new("route", "/pay")]);
    meter.f64_counter("revenue").build().add(12.5, &route);
    meter.i64_up_down_counter("open").build().add(-2, &route);
    meter.f64_gauge("level").build().record(0.25, &route);
    let latency = meter.f64_histogram("latency").with_unit("ms").build();
    latency.record(1.5, &route);
    latency.record(250.0, &route);
    provider.shutdown().expect("shut down");
}
