//! The messages: one request, one answer or refusal, each one tensor at most.
//!
//! All begin with 52 bytes (integers little-endian):
//!
//! | bytes | request | answer | refusal |
//! |---|---|---|---|
//! | 0–7 | `tacit.sv` | the same | the same |
//! | 8 | format, 1 | 1 | 1 |
//! | 9 | kind, 1 | 2 | 3 |
//! | 10 | type: 0 = f32, 1 = u8 | 0 = f32 logits, 2 = u32 classes | code, two bytes |
//! | 11 | 0 | 0 | |
//! | 12–15 | rows | rows | milliseconds after which to ask again, 0 = no use |
//! | 16–19 | columns | columns | bytes of text |
//! | 20–51 | model version | model version | zeros |
//! | 52– | rows × columns numbers | the same | text, UTF-8 |
//!
//! There is one encoding of everything, and nothing follows the last number. A reader knows from
//! the first 52 bytes how long the rest must be, and compares it with what the model takes before
//! it allocates. *Limits:* integrity and secrecy are those of the TLS connection around it.

use std::time::Duration;

use crate::model::{Encoding, FeatureRule, ModelVersion};
use crate::refusal::{Code, Refusal};

/// Bytes before the numbers.
pub const PREAMBLE: usize = 52;
/// Longest text of a refusal.
pub const MAX_TEXT: usize = 1024;

const MAGIC: &[u8; 8] = b"tacit.sv";
const FORMAT: u8 = 1;
const REQUEST: u8 = 1;
const ANSWER: u8 = 2;
const REFUSAL: u8 = 3;
const F32: u8 = 0;
const U8: u8 = 1;
const U32: u8 = 2;

/// The first 52 bytes of a request, understood but not yet compared with a model.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Preamble {
    quantised: bool,
    rows: u32,
    columns: u32,
    /// The version that the client pinned.
    pub model: ModelVersion,
}

impl Preamble {
    /// Reads the beginning of a request.
    pub fn read(bytes: &[u8; PREAMBLE]) -> Result<Self, Refusal> {
        if bytes[..8] != *MAGIC {
            return Err(Refusal::new(
                Code::NotAMessage,
                "the body does not begin with `tacit.sv`",
            ));
        }
        if bytes[8] != FORMAT {
            let text = format!("format {}; this server speaks {FORMAT}", bytes[8]);
            return Err(Refusal::new(Code::FormatVersion, text));
        }
        if bytes[9] != REQUEST {
            let text = format!("kind {}; a request is {REQUEST}", bytes[9]);
            return Err(Refusal::new(Code::Kind, text));
        }
        let quantised = match (bytes[10], bytes[11]) {
            (F32, 0) => false,
            (U8, 0) => true,
            (tag, _) => {
                let text = format!("type {tag}; features are 0 (f32) or 1 (u8), then a zero");
                return Err(Refusal::new(Code::DataType, text));
            }
        };
        Ok(Self {
            quantised,
            rows: word(bytes, 12),
            columns: word(bytes, 16),
            model: version(bytes),
        })
    }

    /// Rows that the request claims.
    pub fn rows(&self) -> usize {
        self.rows as usize
    }

    /// Compares type and shape with what a model takes. The bytes that must follow.
    pub fn expect(&self, rule: &FeatureRule, max_rows: usize) -> Result<usize, Refusal> {
        let name = |quantised| if quantised { "u8" } else { "f32" };
        let wanted = rule.encoding() != Encoding::Float;
        if self.quantised != wanted {
            let (sent, wanted) = (name(self.quantised), name(wanted));
            let text = format!("features are {sent}; this model takes {wanted}");
            return Err(Refusal::new(Code::DataType, text));
        }
        if self.rows == 0 || self.columns as usize != rule.columns() {
            let text = format!(
                "{} × {}; this model takes one row or more of {}",
                self.rows,
                self.columns,
                rule.columns()
            );
            return Err(Refusal::new(Code::Shape, text));
        }
        if self.rows() > max_rows {
            let text = format!("{} rows; at most {max_rows} at once", self.rows);
            return Err(Refusal::new(Code::BatchTooLarge, text));
        }
        self.rows()
            .checked_mul(rule.columns())
            .and_then(|count| count.checked_mul(rule.width()))
            .ok_or_else(|| Refusal::new(Code::BatchTooLarge, "longer than memory is"))
    }
}

/// Reads the numbers of a request whose length was [expected](Preamble::expect).
pub fn read_features(payload: &[u8], rule: &FeatureRule) -> Result<Vec<f32>, Refusal> {
    match rule.encoding() {
        Encoding::Float => {
            let values: Vec<f32> = payload.chunks_exact(4).map(float).collect();
            check(&values, rule)?;
            check(&values, rule)?;
            Ok(values)
        }
        Encoding::Quantised { levels } => {
            let table = rule.level_values(levels);
            let value = |(index, &level): (usize, &u8)| {
                let beyond = || out_of_range(index, rule.columns(), "a level beyond the last");
                table.get(usize::from(level)).copied().ok_or_else(beyond)
            };
            payload.iter().enumerate().map(value).collect()
        }
    }
}

/// A whole request: what a server does piece by piece.
pub fn read_request(
    bytes: &[u8],
    rule: &FeatureRule,
    max_rows: usize,
) -> Result<(Preamble, Vec<f32>), Refusal> {
    let Some((preamble, payload)) = bytes.split_first_chunk() else {
        return Err(Refusal::new(Code::Length, "shorter than its preamble"));
    };
    let preamble = Preamble::read(preamble)?;
    let length = preamble.expect(rule, max_rows)?;
    if payload.len() != length {
        return Err(wrong_length(payload.len(), length));
    }
    Ok((preamble, read_features(payload, rule)?))
}

/// Writes a request, after the checks that the server will make. Under a rule with levels each
/// feature is sent as the nearest level.
pub fn write_request(
    model: &ModelVersion,
    rule: &FeatureRule,
    features: &[f32],
) -> Result<Vec<u8>, Refusal> {
    let rows = features.len() / rule.columns();
    let fits = rows > 0 && rows * rule.columns() == features.len();
    let rows = u32::try_from(rows).ok().filter(|_| fits);
    let rows = rows.ok_or_else(|| {
        let (count, columns) = (features.len(), rule.columns());
        let text = format!("{count} numbers are not whole rows of {columns}");
        Refusal::new(Code::Shape, text)
    })?;
    check(features, rule)?;
    let tag = if rule.encoding() == Encoding::Float {
        F32
    } else {
        U8
    };
    let mut out = Vec::with_capacity(PREAMBLE + features.len() * rule.width());
    preamble(&mut out, REQUEST, [tag, 0]);
    out.extend(rows.to_le_bytes());
    out.extend((rule.columns() as u32).to_le_bytes());
    out.extend(model.0);
    match rule.encoding() {
        Encoding::Float => out.extend(features.iter().flat_map(|x| x.to_le_bytes())),
        Encoding::Quantised { levels } => {
            let last = f32::from(levels - 1);
            let level = |x: &f32| ((x / rule.clip() + 1.0) * 0.5 * last).round() as u8;
            out.extend(features.iter().map(level));
        }
    }
    Ok(out)
}

/// What a server says about each row.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    /// The head's outputs, `outputs` of them a row.
    Logits {
        /// Row by row.
        values: Vec<f32>,
        /// How many a row.
        outputs: usize,
    },
    /// The index of the greatest logit, and nothing else.
    Classes(Vec<u32>),
}

impl Answer {
    /// Rows answered.
    pub fn rows(&self) -> usize {
        match self {
            Self::Logits { values, outputs } => values.len() / outputs,
            Self::Classes(classes) => classes.len(),
        }
    }

    /// The class of each row, whatever the server gives out.
    pub fn classes(&self) -> Vec<u32> {
        match self {
            Self::Logits { values, outputs } => values.chunks_exact(*outputs).map(class).collect(),
            Self::Classes(classes) => classes.clone(),
        }
    }
}

/// The first of the greatest.
fn class(logits: &[f32]) -> u32 {
    let better = |best: usize, (index, value): (usize, &f32)| {
        if *value > logits[best] { index } else { best }
    };
    logits.iter().enumerate().fold(0, better) as u32
}

/// Writes an answer.
pub fn write_answer(model: &ModelVersion, answer: &Answer) -> Vec<u8> {
    let (tag, columns) = match answer {
        Answer::Logits { outputs, .. } => (F32, *outputs as u32),
        Answer::Classes(_) => (U32, 1),
    };
    let mut out = Vec::with_capacity(PREAMBLE + 4 * answer.rows() * columns as usize);
    preamble(&mut out, ANSWER, [tag, 0]);
    out.extend((answer.rows() as u32).to_le_bytes());
    out.extend(columns.to_le_bytes());
    out.extend(model.0);
    match answer {
        Answer::Logits { values, .. } => out.extend(values.iter().flat_map(|x| x.to_le_bytes())),
        Answer::Classes(classes) => out.extend(classes.iter().flat_map(|x| x.to_le_bytes())),
    }
    out
}

/// Writes a refusal, its text cut at [`MAX_TEXT`].
pub fn write_refusal(refusal: &Refusal) -> Vec<u8> {
    let mut end = refusal.text.len().min(MAX_TEXT);
    while !refusal.text.is_char_boundary(end) {
        end -= 1;
    }
    let mut out = Vec::with_capacity(PREAMBLE + end);
    preamble(&mut out, REFUSAL, refusal.code.number().to_le_bytes());
    let wait = refusal
        .retry_after
        .map_or(0, |after| after.as_millis().max(1));
    out.extend(u32::try_from(wait).unwrap_or(u32::MAX).to_le_bytes());
    out.extend((end as u32).to_le_bytes());
    out.extend([0; 32]);
    out.extend(&refusal.text.as_bytes()[..end]);
    out
}

/// What came back.
#[derive(Clone, PartialEq, Debug)]
pub enum Reply {
    /// An answer and the version that gave it.
    Answered(ModelVersion, Answer),
    /// Why there is none.
    Refused(Refusal),
}

/// Reads an answer or a refusal; on failure, what is wrong with it.
pub fn read_reply(bytes: &[u8]) -> Result<Reply, &'static str> {
    let Some((head, payload)) = bytes.split_first_chunk::<PREAMBLE>() else {
        return Err("shorter than its preamble");
    };
    if head[..8] != *MAGIC {
        return Err("it does not begin with `tacit.sv`");
    }
    if head[8] != FORMAT {
        return Err("a format that is not spoken here");
    }
    match head[9] {
        ANSWER => read_answer(head, payload),
        REFUSAL => read_refusal(head, payload),
        _ => Err("neither an answer nor a refusal"),
    }
}

fn read_answer(head: &[u8; PREAMBLE], payload: &[u8]) -> Result<Reply, &'static str> {
    let (rows, columns) = (word(head, 12) as usize, word(head, 16) as usize);
    let count = rows.checked_mul(columns).filter(|&count| count > 0);
    if count.and_then(|count| count.checked_mul(4)) != Some(payload.len()) {
        return Err("its length is not that of its shape");
    }
    let numbers = payload.chunks_exact(4);
    let answer = match (head[10], head[11]) {
        (F32, 0) => Answer::Logits {
            values: numbers.map(float).collect(),
            outputs: columns,
        },
        (U32, 0) if columns == 1 => Answer::Classes(numbers.map(|b| word(b, 0)).collect()),
        _ => return Err("neither logits nor classes"),
    };
    match &answer {
        Answer::Logits { values, .. } if values.iter().any(|x| !x.is_finite()) => {
            Err("a logit is not finite")
        }
        _ => Ok(Reply::Answered(version(head), answer)),
    }
}

fn read_refusal(head: &[u8; PREAMBLE], payload: &[u8]) -> Result<Reply, &'static str> {
    let code = u16::from_le_bytes([head[10], head[11]]);
    let code = Code::from_number(code).ok_or("a refusal without a known code")?;
    if payload.len() != word(head, 16) as usize || payload.len() > MAX_TEXT {
        return Err("its length is not that of its text");
    }
    if head[20..] != [0; 32] {
        return Err("a refusal with a model version");
    }
    let text = std::str::from_utf8(payload).map_err(|_| "its text is not UTF-8")?;
    let wait = Duration::from_millis(word(head, 12).into());
    Ok(Reply::Refused(Refusal {
        code,
        text: text.to_owned(),
        retry_after: Some(wait).filter(|wait| !wait.is_zero()),
    }))
}

pub(crate) fn wrong_length(got: usize, wanted: usize) -> Refusal {
    let text = format!("{got} bytes follow the preamble; its shape needs {wanted}");
    Refusal::new(Code::Length, text)
}

/// Finite and within the clip.
fn check(features: &[f32], rule: &FeatureRule) -> Result<(), Refusal> {
    let bad = |x: &f32| !matches!(x.abs().partial_cmp(&rule.clip()), Some(o) if o.is_le());
    let Some(index) = features.iter().position(bad) else {
        return Ok(());
    };
    if features[index].is_finite() {
        return Err(out_of_range(index, rule.columns(), "beyond the clip"));
    }
    let (row, column) = (index / rule.columns(), index % rule.columns());
    let text = format!("row {row}, column {column} is infinite or not a number");
    Err(Refusal::new(Code::NotFinite, text))
}

fn out_of_range(index: usize, columns: usize, how: &str) -> Refusal {
    let (row, column) = (index / columns, index % columns);
    Refusal::new(
        Code::OutOfRange,
        format!("row {row}, column {column} is {how}"),
    )
}

fn preamble(out: &mut Vec<u8>, kind: u8, tag: [u8; 2]) {
    out.extend(MAGIC);
    out.extend([FORMAT, kind]);
    out.extend(tag);
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn float(bytes: &[u8]) -> f32 {
    f32::from_bits(word(bytes, 0))
}

fn version(head: &[u8; PREAMBLE]) -> ModelVersion {
    let mut out = [0; 32];
    out.copy_from_slice(&head[20..]);
    ModelVersion(out)
}
