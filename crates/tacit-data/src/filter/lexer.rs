//! Characters to tokens. Positions count characters from 1.

use super::Op;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A bare word: key word or column.
    Word(String),
    /// A column in double quotes.
    Quoted(String),
    Text(String),
    Number(f64),
    Compare(Op),
    Open,
    Close,
    Comma,
}

impl Token {
    /// Whether this is the given key word.
    pub fn is(&self, keyword: &str) -> bool {
        matches!(self, Token::Word(word) if word.eq_ignore_ascii_case(keyword))
    }
}

/// A token, or what is wrong, and where.
pub(super) type At<T> = (usize, T);

pub(super) fn tokens(text: &str) -> Result<Vec<At<Token>>, At<String>> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = Vec::new();
    let mut i = 0;
    while let Some(&c) = chars.get(i) {
        let start = i;
        let at = start + 1;
        let next = chars.get(i + 1).copied();
        let (token, length) = match c {
            c if c.is_whitespace() => {
                i += 1;
                continue;
            }
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            ',' => (Token::Comma, 1),
            '=' => (Token::Compare(Op::Equal), 1),
            '!' if next == Some('=') => (Token::Compare(Op::NotEqual), 2),
            '<' if next == Some('>') => (Token::Compare(Op::NotEqual), 2),
            '<' if next == Some('=') => (Token::Compare(Op::LessOrEqual), 2),
            '<' => (Token::Compare(Op::Less), 1),
            '>' if next == Some('=') => (Token::Compare(Op::GreaterOrEqual), 2),
            '>' => (Token::Compare(Op::Greater), 1),
            '\'' | '"' => {
                let (inner, end) = quoted(&chars, start)
                    .ok_or_else(|| (at, format!("the quote {c} is not closed")))?;
                let token = if c == '"' {
                    Token::Quoted(inner)
                } else {
                    Token::Text(inner)
                };
                (token, end - start)
            }
            c if c.is_ascii_digit() || matches!(c, '-' | '+' | '.') => {
                let end = number_end(&chars, start);
                let digits: String = chars[start..end].iter().collect();
                match digits.parse::<f64>() {
                    Ok(value) if value.is_finite() => (Token::Number(value), end - start),
                    _ => return Err((at, format!("{digits:?} is not a number"))),
                }
            }
            c if c.is_alphabetic() || c == '_' => {
                let end = run(&chars, start, |c| {
                    c.is_alphanumeric() || matches!(c, '_' | '.')
                });
                (Token::Word(chars[start..end].iter().collect()), end - start)
            }
            other => {
                return Err((
                    at,
                    format!(
                        "unexpected {other:?}; put column names with special characters in double quotes"
                    ),
                ));
            }
        };
        out.push((at, token));
        i += length;
    }
    Ok(out)
}

/// End of the longest run of accepted characters.
fn run(chars: &[char], start: usize, accept: impl Fn(char) -> bool) -> usize {
    chars[start..]
        .iter()
        .position(|&c| !accept(c))
        .map_or(chars.len(), |n| start + n)
}

/// A number reaches as far as digits, points, letters and signs after an exponent do, so that
/// `1.2.3` and `12kg` are refused as a whole.
fn number_end(chars: &[char], start: usize) -> usize {
    let mut end = start + 1;
    while let Some(&c) = chars.get(end) {
        let sign = matches!(c, '-' | '+') && matches!(chars[end - 1], 'e' | 'E');
        if !(c.is_alphanumeric() || matches!(c, '.' | '_') || sign) {
            break;
        }
        end += 1;
    }
    end
}

/// The text between quotes and the index after the closing one; a doubled quote is a quote.
fn quoted(chars: &[char], start: usize) -> Option<(String, usize)> {
    let quote = chars[start];
    let mut inner = String::new();
    let mut i = start + 1;
    loop {
        match (*chars.get(i)?, chars.get(i + 1)) {
            (c, Some(&d)) if c == quote && d == quote => {
                inner.push(quote);
                i += 2;
            }
            (c, _) if c == quote => return Some((inner, i + 1)),
            (c, _) => {
                inner.push(c);
                i += 1;
            }
        }
    }
}
