// SPDX-License-Identifier: Apache-2.0

//! Writes events by eventheader_dynamic, to tracepoints PROVIDER_L<level>K1.
//!
//! Each line of the input is a call, bytes in hexadecimal:
//!
//!     register LEVEL                       registers a tracepoint
//!     event NAME TAG ID VERSION OPCODE     begins an event
//!     struct NAME FIELDS TAG               begins a struct
//!     structs NAME FIELDS TAG COUNT        begins an array of them
//!     value NAME ENCODING FORMAT TAG DATA  a field
//!     array NAME ENCODING FORMAT TAG DATA...
//!     meta NAME ENCODING FORMAT TAG        the definition of a field, without a value; "meta-array"
//!     data DATA                            a value, without a definition
//!     write LEVEL ACTIVITY RELATED         writes the event
//!     sync                                 prints "ok"

use std::collections::HashMap;
use std::io;
use std::io::{BufRead, Write};
use std::str::FromStr;
use std::sync::Arc;

use eventheader::{FieldEncoding, FieldFormat, Level, Opcode};
use eventheader_dynamic::{EventBuilder, EventSet, Provider};

use crate::hex::{decode, invalid};

const KEYWORD: u64 = 1;

pub fn run(provider: &str, input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let mut writer = Writer {
        provider: Provider::new(provider, &Provider::new_options()),
        sets: HashMap::new(),
        event: EventBuilder::new(),
    };
    for line in input.lines() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        if words == ["sync"] {
            writeln!(output, "ok")?;
            output.flush()?;
            continue;
        }
        writer
            .call(&words)
            .map_err(|err| invalid(format!("{line}: {err}")))?;
    }
    Ok(())
}

struct Writer {
    provider: Provider,
    sets: HashMap<u8, Arc<EventSet>>,
    event: EventBuilder,
}

impl Writer {
    fn call(&mut self, words: &[&str]) -> io::Result<()> {
        match *words {
            ["register", level] => self.register(number(level)?)?,
            ["event", name, tag, id, version, opcode] => {
                self.event
                    .reset(&text(name)?, number(tag)?)
                    .id_version(number(id)?, number(version)?)
                    .opcode(Opcode::from_int(number(opcode)?));
            }
            ["struct", name, fields, tag] => {
                self.event
                    .add_struct(&text(name)?, number(fields)?, number(tag)?);
            }
            // The crate has no call for it.
            ["structs", name, fields, tag, count] => {
                let fields = FieldFormat::from_int(number(fields)?);
                self.event
                    .raw_add_meta_vcount(&text(name)?, FieldEncoding::Struct, fields, number(tag)?)
                    .raw_add_data_value(&number::<u16>(count)?);
            }
            ["value", name, encoding, format, tag, data] => {
                self.value(&Field::new(name, encoding, format, tag)?, &decode(data)?)?;
            }
            ["array", name, encoding, format, tag, ref data @ ..] => {
                let data: io::Result<Vec<Vec<u8>>> = data.iter().map(|data| decode(data)).collect();
                self.array(&Field::new(name, encoding, format, tag)?, &data?)?;
            }
            ["meta", name, encoding, format, tag] => {
                let field = Field::new(name, encoding, format, tag)?;
                self.event.raw_add_meta_scalar(
                    &field.name,
                    field.encoding,
                    field.format,
                    field.tag,
                );
            }
            ["meta-array", name, encoding, format, tag] => {
                let field = Field::new(name, encoding, format, tag)?;
                self.event.raw_add_meta_vcount(
                    &field.name,
                    field.encoding,
                    field.format,
                    field.tag,
                );
            }
            ["data", data] => {
                self.event.raw_add_data_slice(&decode(data)?);
            }
            ["write", level, activity, related] => {
                self.write(number(level)?, &decode(activity)?, &decode(related)?)?;
            }
            _ => return Err(invalid("no such call")),
        }
        Ok(())
    }

    fn register(&mut self, level: u8) -> io::Result<()> {
        let set = self.provider.register_set(Level::from_int(level), KEYWORD);
        match set.errno() {
            0 => {
                self.sets.insert(level, set);
                Ok(())
            }
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    }

    fn value(&mut self, field: &Field, data: &[u8]) -> io::Result<()> {
        let Field {
            name,
            encoding,
            format,
            tag,
        } = field;
        let (event, format, tag) = (&mut self.event, *format, *tag);
        match *encoding {
            FieldEncoding::Value8 => event.add_value(name, u8::of(data)?, format, tag),
            FieldEncoding::Value16 => event.add_value(name, u16::of(data)?, format, tag),
            FieldEncoding::Value32 => event.add_value(name, u32::of(data)?, format, tag),
            FieldEncoding::Value64 => event.add_value(name, u64::of(data)?, format, tag),
            FieldEncoding::Value128 => event.add_value(name, <[u8; 16]>::of(data)?, format, tag),
            FieldEncoding::ZStringChar8 => event.add_cstr(name, all::<u8>(data)?, format, tag),
            FieldEncoding::ZStringChar16 => event.add_cstr(name, all::<u16>(data)?, format, tag),
            FieldEncoding::ZStringChar32 => event.add_cstr(name, all::<u32>(data)?, format, tag),
            FieldEncoding::StringLength16Char8 => {
                event.add_str(name, all::<u8>(data)?, format, tag)
            }
            FieldEncoding::StringLength16Char16 => {
                event.add_str(name, all::<u16>(data)?, format, tag)
            }
            FieldEncoding::StringLength16Char32 => {
                event.add_str(name, all::<u32>(data)?, format, tag)
            }
            FieldEncoding::BinaryLength16Char8 => {
                event.add_binary(name, all::<u8>(data)?, format, tag)
            }
            other => return Err(invalid(format!("no value of encoding {}", other.as_int()))),
        };
        Ok(())
    }

    fn array(&mut self, field: &Field, data: &[Vec<u8>]) -> io::Result<()> {
        let Field {
            name,
            encoding,
            format,
            tag,
        } = field;
        let (event, format, tag) = (&mut self.event, *format, *tag);
        match *encoding {
            FieldEncoding::Value8 => {
                event.add_value_sequence(name, &each::<u8>(data)?, format, tag)
            }
            FieldEncoding::Value16 => {
                event.add_value_sequence(name, &each::<u16>(data)?, format, tag)
            }
            FieldEncoding::Value32 => {
                event.add_value_sequence(name, &each::<u32>(data)?, format, tag)
            }
            FieldEncoding::Value64 => {
                event.add_value_sequence(name, &each::<u64>(data)?, format, tag)
            }
            FieldEncoding::Value128 => {
                event.add_value_sequence(name, &each::<[u8; 16]>(data)?, format, tag)
            }
            FieldEncoding::ZStringChar8 => {
                event.add_cstr_sequence(name, strings::<u8>(data)?, format, tag)
            }
            FieldEncoding::ZStringChar16 => {
                event.add_cstr_sequence(name, strings::<u16>(data)?, format, tag)
            }
            FieldEncoding::ZStringChar32 => {
                event.add_cstr_sequence(name, strings::<u32>(data)?, format, tag)
            }
            FieldEncoding::StringLength16Char8 => {
                event.add_str_sequence(name, strings::<u8>(data)?, format, tag)
            }
            FieldEncoding::StringLength16Char16 => {
                event.add_str_sequence(name, strings::<u16>(data)?, format, tag)
            }
            FieldEncoding::StringLength16Char32 => {
                event.add_str_sequence(name, strings::<u32>(data)?, format, tag)
            }
            FieldEncoding::BinaryLength16Char8 => {
                event.add_binary_sequence(name, strings::<u8>(data)?, format, tag)
            }
            other => return Err(invalid(format!("no array of encoding {}", other.as_int()))),
        };
        Ok(())
    }

    fn write(&mut self, level: u8, activity: &[u8], related: &[u8]) -> io::Result<()> {
        let set = self
            .sets
            .get(&level)
            .ok_or_else(|| invalid("not registered"))?;
        if !set.enabled() {
            return Err(invalid("nobody listens"));
        }
        match self.event.write(set, id(activity)?, id(related)?) {
            0 => Ok(()),
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    }
}

struct Field {
    name: String,
    encoding: FieldEncoding,
    format: FieldFormat,
    tag: u16,
}

impl Field {
    fn new(name: &str, encoding: &str, format: &str, tag: &str) -> io::Result<Field> {
        Ok(Field {
            name: text(name)?,
            encoding: FieldEncoding::from_int(number(encoding)?),
            format: FieldFormat::from_int(number(format)?),
            tag: number(tag)?,
        })
    }
}

fn number<T: FromStr>(word: &str) -> io::Result<T> {
    word.parse()
        .map_err(|_| invalid(format!("not such a number: {word}")))
}

fn text(word: &str) -> io::Result<String> {
    String::from_utf8(decode(word)?).map_err(|_| invalid("a name is not UTF-8"))
}

fn id(bytes: &[u8]) -> io::Result<Option<&[u8; 16]>> {
    if bytes.is_empty() {
        return Ok(None);
    }
    bytes
        .try_into()
        .map(Some)
        .map_err(|_| invalid("an id has 16 bytes"))
}

/// What is made of bytes in this machine's order.
trait Of: Sized {
    const SIZE: usize;
    fn of(bytes: &[u8]) -> io::Result<Self>;
}

macro_rules! of {
    ($type:ty, $size:expr, $from:expr) => {
        impl Of for $type {
            const SIZE: usize = $size;
            fn of(bytes: &[u8]) -> io::Result<Self> {
                bytes
                    .try_into()
                    .map($from)
                    .map_err(|_| invalid(format!("{} bytes are needed", $size)))
            }
        }
    };
}

of!(u8, 1, u8::from_ne_bytes);
of!(u16, 2, u16::from_ne_bytes);
of!(u32, 4, u32::from_ne_bytes);
of!(u64, 8, u64::from_ne_bytes);
of!([u8; 16], 16, |bytes: [u8; 16]| bytes);

/// All units of a string.
fn all<T: Of>(bytes: &[u8]) -> io::Result<Vec<T>> {
    bytes.chunks(T::SIZE).map(T::of).collect()
}

/// All elements of an array.
fn each<T: Of>(data: &[Vec<u8>]) -> io::Result<Vec<T>> {
    data.iter().map(|bytes| T::of(bytes)).collect()
}

fn strings<T: Of>(data: &[Vec<u8>]) -> io::Result<Vec<Vec<T>>> {
    data.iter().map(|bytes| all(bytes)).collect()
}
