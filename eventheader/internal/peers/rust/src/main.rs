// SPDX-License-Identifier: Apache-2.0

//! The Rust crates for EventHeader, to be compared with package eventheader:
//!
//!     eventheader-peer decode          what tracepoint_decode makes of events: see decode.rs
//!     eventheader-peer write PROVIDER  writes events by eventheader_dynamic: see write.rs
//!     eventheader-peer bench EVENTS    how long it takes to build an event: see bench.rs

mod bench;
mod decode;
mod hex;
mod write;

use std::env;
use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args[..] {
        ["decode"] => decode::run(io::stdin().lock(), io::stdout().lock()),
        ["write", provider] => write::run(provider, io::stdin().lock(), io::stdout().lock()),
        ["bench", events] => match events.parse() {
            Ok(events) => bench::run(events, io::stdout().lock()),
            Err(_) => Err(hex::invalid("EVENTS must be a number")),
        },
        _ => {
            eprintln!("usage: eventheader-peer decode | write PROVIDER | bench EVENTS");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("eventheader-peer: {err}");
            ExitCode::FAILURE
        }
    }
}
