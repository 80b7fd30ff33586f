// SPDX-License-Identifier: Apache-2.0

//! Records counters and exports them by the Rust user_events exporter, cycle
//! after cycle, and prints how much CPU time the exporter took:
//!
//!     rust-peer METRICS SERIES RESOURCE SHORT CYCLES
//!
//! METRICS counters with SERIES attribute sets each, of four attributes, under
//! a resource with RESOURCE attributes besides those of the SDK. The attributes'
//! names are those of the semantic conventions, or short if SHORT is 1. The
//! last line of its output is {"points":N,"cpu_ns":N}, of all cycles but the first two.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::metrics::MeterProvider;
use opentelemetry::KeyValue;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{
    Instrument, PeriodicReader, SdkMeterProvider, Stream, Temporality,
};
use opentelemetry_sdk::Resource;
use opentelemetry_user_events_metrics::MetricsExporter;

/// An exporter whose exports are timed, by the clock of the thread's CPU time.
struct Timed {
    inner: MetricsExporter,
    cpu: Arc<AtomicU64>,
}

impl PushMetricExporter for Timed {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let begin = thread_cpu();
        let result = self.inner.export(metrics).await;
        self.cpu.fetch_add(thread_cpu() - begin, Ordering::Relaxed);
        result
    }
    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }
    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }
    fn temporality(&self) -> Temporality {
        self.inner.temporality()
    }
}

fn thread_cpu() -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the clock is there since Linux 2.6, and `now` is ours.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut now) };
    assert_eq!(failed, 0, "clock_gettime");
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

fn main() {
    let args: Vec<u64> = std::env::args()
        .skip(1)
        .map(|a| {
            a.parse()
                .expect("METRICS SERIES RESOURCE SHORT CYCLES must be numbers")
        })
        .collect();
    let [metrics, series, more, short, cycles] = args[..] else {
        panic!("usage: rust-peer METRICS SERIES RESOURCE SHORT CYCLES");
    };

    let names = if short == 1 {
        ["method", "status", "route", "host"]
    } else {
        [
            "http.request.method",
            "http.response.status_code",
            "http.route",
            "server.address",
        ]
    };

    let cpu = Arc::new(AtomicU64::new(0));
    let exporter = Timed {
        inner: MetricsExporter::new(),
        cpu: cpu.clone(),
    };
    let mut resource = Resource::builder().with_service_name("checkout");
    for i in 0..more {
        resource = resource.with_attribute(KeyValue::new(
            format!("k8s.attribute.{i:02}"),
            format!("a-value-of-some-length-{i}"),
        ));
    }
    let limit = series as usize + 1;
    let provider = SdkMeterProvider::builder()
        .with_resource(resource.build())
        // No collection but those that are asked for.
        .with_reader(
            PeriodicReader::builder(exporter)
                .with_interval(Duration::from_secs(86_400))
                .build(),
        )
        .with_view(move |_: &Instrument| {
            Stream::builder().with_cardinality_limit(limit).build().ok()
        })
        .build();
    let meter = provider.meter("bench");
    let counters: Vec<_> = (0..metrics)
        .map(|m| {
            meter
                .u64_counter(format!("http.server.requests.{m}"))
                .with_description("Requests that the server has answered.")
                .with_unit("{request}")
                .build()
        })
        .collect();

    let mut before = 0;
    for cycle in 0..cycles {
        for (m, counter) in counters.iter().enumerate() {
            for s in 0..series {
                let i = m as u64 * series + s;
                counter.add(
                    i * 37 % 5000,
                    &[
                        KeyValue::new(names[0], format!("value-{}", i % 50)),
                        KeyValue::new(names[1], 200 + (i % 5) as i64),
                        KeyValue::new(names[2], format!("/shop/products/{i}")),
                        KeyValue::new(names[3], format!("value-{}", (i + 3) % 50)),
                    ],
                );
            }
        }
        if cycle == 2 {
            before = cpu.load(Ordering::Relaxed);
        }
        provider.force_flush().expect("force_flush");
    }
    println!(
        "{{\"points\":{},\"cpu_ns\":{}}}",
        metrics * series * cycles.saturating_sub(2),
        cpu.load(Ordering::Relaxed) - before
    );
}
