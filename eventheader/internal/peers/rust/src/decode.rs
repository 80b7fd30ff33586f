// SPDX-License-Identifier: Apache-2.0

//! Prints what tracepoint_decode makes of events.
//!
//! The input has for each event its size, these 4 bytes included, as a little-endian u32, the
//! tracepoint's name and a NUL, and the event from its flags on: the form of LinuxTracepoints'
//! .dat files. The output has lines of words for each event, bytes in hexadecimal:
//!
//!     event NAME ID VERSION TAG OPCODE LEVEL KEYWORD PROVIDER OPTIONS ACTIVITY RELATED
//!     value|array|struct NAME ENCODING FORMAT TAG COUNT VALUE TEXT
//!     end-array|end-struct
//!     json TEXT
//!     error NAME      instead of the rest of the event
//!     end

use std::fmt::Write as _;
use std::io;
use std::io::{Read, Write};

use tracepoint_decode as td;
use tracepoint_decode::EventHeaderEnumeratorState as State;

use crate::hex::{encode, invalid};

/// Text as it is, and control characters too.
const OPTIONS: td::PerfConvertOptions = td::PerfConvertOptions::Default
    .and_not(td::PerfConvertOptions::Space)
    .and_not(td::PerfConvertOptions::StringControlCharsMask);

pub fn run(mut input: impl Read, mut output: impl Write) -> io::Result<()> {
    let mut events = Vec::new();
    input.read_to_end(&mut events)?;
    let mut context = td::EventHeaderEnumeratorContext::new();
    let mut rest = &events[..];
    while !rest.is_empty() {
        let (name, data) = next(&mut rest)?;
        let mut text = String::new();
        let result = context.enumerate_with_name_and_data(
            name,
            data,
            td::EventHeaderEnumeratorContext::MOVE_NEXT_LIMIT_DEFAULT,
        );
        match result {
            Err(err) => writeln!(text, "error {err}"),
            Ok(enumerator) => dump(&mut text, enumerator),
        }
        .and_then(|()| writeln!(text, "end"))
        .map_err(|_| invalid("the decoder failed to print"))?;
        output.write_all(text.as_bytes())?;
    }
    Ok(())
}

fn next<'dat>(rest: &mut &'dat [u8]) -> io::Result<(&'dat str, &'dat [u8])> {
    let cut = || invalid("an event is cut off");
    let size = rest.get(..4).ok_or_else(cut)?;
    let size = u32::from_le_bytes(size.try_into().expect("4 bytes")) as usize;
    let event = rest.get(4..size).ok_or_else(cut)?;
    *rest = &rest[size..];
    let end = event.iter().position(|&byte| byte == 0).ok_or_else(cut)?;
    let name = std::str::from_utf8(&event[..end]).map_err(|_| invalid("a name is not UTF-8"))?;
    Ok((name, &event[end + 1..]))
}

fn dump(text: &mut String, mut items: td::EventHeaderEnumerator) -> std::fmt::Result {
    let info = items.event_info();
    let header = info.header();
    writeln!(
        text,
        "event {} {} {} {:#x} {} {} {:#x} {} {} {} {}",
        encode(info.name_bytes()),
        header.id,
        header.version,
        header.tag,
        header.opcode.as_int(),
        header.level.as_int(),
        info.keyword(),
        encode(info.provider_name().as_bytes()),
        encode(info.options().as_bytes()),
        encode(info.activity_id().map_or(&[], |id| &id[..])),
        encode(info.related_activity_id().map_or(&[], |id| &id[..])),
    )?;
    while items.move_next() {
        item(text, items.state(), &items.item_info())?;
    }
    if items.state() == State::Error {
        return writeln!(text, "error {}", items.last_error());
    }
    items.reset();
    json(text, items)
}

fn item(text: &mut String, state: State, item: &td::EventHeaderItemInfo) -> std::fmt::Result {
    let kind = match state {
        State::Value => "value",
        State::ArrayBegin => "array",
        State::StructBegin => "struct",
        State::ArrayEnd => return writeln!(text, "end-array"),
        State::StructEnd => return writeln!(text, "end-struct"),
        other => return writeln!(text, "unknown {other}"),
    };
    let metadata = item.metadata();
    let encoding = metadata.encoding().without_flags();
    let (mut value, mut shown) = (Vec::new(), String::new());
    if state == State::Value {
        value.extend_from_slice(item.value().bytes());
        item.value().write_to(&mut shown, OPTIONS)?;
    }
    writeln!(
        text,
        "{kind} {} {} {} {:#x} {} {} {}",
        encode(item.name_bytes()),
        encoding.as_int(),
        metadata.format().without_flags().as_int(),
        metadata.field_tag(),
        metadata.element_count(),
        encode(&value),
        encode(shown.as_bytes()),
    )
}

fn json(text: &mut String, mut items: td::EventHeaderEnumerator) -> std::fmt::Result {
    let info = items.event_info();
    let mut object = format!("{{\"n\":\"{}\"", info.json_identity_display());
    items.write_json_item_and_move_next_sibling(&mut object, true, OPTIONS)?;
    let mut meta = info.json_meta_display(None);
    meta.convert_options(OPTIONS);
    write!(object, ",\"meta\":{{{meta}}}}}")?;
    writeln!(text, "json {}", encode(object.as_bytes()))
}
