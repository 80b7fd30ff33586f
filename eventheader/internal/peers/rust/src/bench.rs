// SPDX-License-Identifier: Apache-2.0

//! How long eventheader_dynamic takes to build the event of six fields of BenchmarkBuild.

use std::hint::black_box;
use std::io;
use std::io::Write;
use std::time::Instant;

use eventheader::FieldFormat;
use eventheader_dynamic::EventBuilder;

/// Builds the event so many times, and prints how many nanoseconds all of them took.
pub fn run(events: u64, mut output: impl Write) -> io::Result<()> {
    let mut event = EventBuilder::new();
    let begin = Instant::now();
    for _ in 0..events {
        build(black_box(&mut event));
    }
    writeln!(output, "{}", begin.elapsed().as_nanos())
}

fn build(event: &mut EventBuilder) {
    event
        .reset("Request", 0)
        .add_str("method", black_box("GET"), FieldFormat::Default, 0)
        .add_str("path", black_box("/api/orders/17"), FieldFormat::Default, 0)
        .add_value("status", black_box(200i64), FieldFormat::SignedInt, 0)
        .add_value("bytes", black_box(5120i64), FieldFormat::SignedInt, 0)
        .add_value("seconds", black_box(0.0125f64), FieldFormat::Float, 0)
        .add_value("cached", black_box(true), FieldFormat::Boolean, 0);
}
