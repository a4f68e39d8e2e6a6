//! One string of bytes per meaning of a plan.
//!
//! The plan is taken as a tree of TOML values with all defaults present. Each value is a type byte
//! and its content; tables list their keys in byte order; every string, array and table is
//! prefixed with its length; floats are their IEEE 754 bits.

use toml::Value;

use super::Plan;
use crate::codec::Writer;
use crate::digest::{Digest, DigestWriter};
use crate::error::Error;

pub(super) fn digest(plan: &Plan) -> Result<Digest, Error> {
    let value = Value::try_from(plan).map_err(|e| Error::PlanSyntax {
        problem: e.to_string(),
    })?;
    let mut bytes = Writer::default();
    put(&value, &mut bytes);
    Ok(DigestWriter::new("tacit plan v1")
        .bytes(bytes.as_slice())
        .finish())
}

fn put(value: &Value, out: &mut Writer) {
    match value {
        Value::String(text) => put_text(1, text, out),
        Value::Integer(number) => drop(out.u8(2).u64(*number as u64)),
        Value::Float(number) => drop(out.u8(3).u64(number.to_bits())),
        Value::Boolean(flag) => drop(out.u8(4).u8(u8::from(*flag))),
        Value::Datetime(time) => put_text(5, &time.to_string(), out),
        Value::Array(values) => {
            out.u8(6).u64(values.len() as u64);
            values.iter().for_each(|v| put(v, out));
        }
        Value::Table(table) => {
            out.u8(7).u64(table.len() as u64);
            let mut entries: Vec<_> = table.iter().collect();
            entries.sort_by_key(|(key, _)| key.as_bytes());
            for (key, value) in entries {
                put_text(1, key, out);
                put(value, out);
            }
        }
    }
}

fn put_text(kind: u8, text: &str, out: &mut Writer) {
    out.u8(kind).u64(text.len() as u64).raw(text.as_bytes());
}
