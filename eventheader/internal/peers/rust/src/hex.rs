// SPDX-License-Identifier: Apache-2.0

//! Bytes as hexadecimal digits, "-" for none.

use std::fmt::Write;
use std::io;

pub fn encode(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "-".to_string();
    }
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes all");
        text
    })
}

pub fn decode(text: &str) -> io::Result<Vec<u8>> {
    if text == "-" {
        return Ok(Vec::new());
    }
    let digits = text.as_bytes();
    digits
        .chunks(2)
        .map(|pair| {
            std::str::from_utf8(pair)
                .ok()
                .and_then(|pair| u8::from_str_radix(pair, 16).ok())
                .ok_or_else(|| invalid(format!("not hexadecimal: {text}")))
        })
        .collect()
}

pub fn invalid(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}
