//! Row filters for cohorts that need no SQL.
//!
//! ```text
//! filter  = and { "or" and }
//! and     = not { "and" not }
//! not     = "not" not | "(" filter ")" | test
//! test    = column ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) literal
//!         | column [ "not" ] "in" "(" literal { "," literal } ")"
//!         | column "is" [ "not" ] "missing"
//! column  = letter or "_" { letter, digit, "_" or "." }  |  '"' any text '"'
//! literal = number | "'" any text "'"        (two quotes inside text stand for one)
//! ```
//!
//! Key words are case-insensitive; column names are not. Numbers compare as numbers, quoted text
//! compares for equality only. As in SQL a test on a missing value is *unknown*, `not unknown` is
//! unknown, and only rows for which the filter is true are kept.

mod lexer;
mod parser;

use crate::cells::Cell;
use crate::error::{DataError, shorten};

/// A parsed filter.
///
/// ```
/// use tacit_data::Filter;
///
/// let filter = Filter::parse("age >= 18 and (sex = 'f' or \"blood type\" in ('A', 'AB'))")?;
/// assert_eq!(filter.columns(), ["age", "sex", "blood type"]);
///
/// let error = Filter::parse("age => 18").unwrap_err();
/// assert!(error.to_string().contains("at character 6"));
/// # Ok::<(), tacit_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    columns: Vec<String>,
    root: Node,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Or(Box<Node>, Box<Node>),
    And(Box<Node>, Box<Node>),
    Not(Box<Node>),
    Compare {
        column: usize,
        op: Op,
        literal: Literal,
    },
    In {
        column: usize,
        literals: Vec<Literal>,
    },
    IsMissing {
        column: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Op {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, PartialEq)]
enum Literal {
    Number(f64),
    Text(String),
}

/// A number was compared with this text of this column.
struct NotComparable {
    column: usize,
    text: String,
}

impl Filter {
    /// Parses a filter.
    pub fn parse(text: &str) -> Result<Filter, DataError> {
        parser::parse(text)
    }

    /// The columns the filter looks at, in order of appearance.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Whether a row is kept; `cell` looks up the column with the given index in
    /// [`columns`](Self::columns).
    pub(crate) fn keeps<'a>(
        &self,
        cell: &dyn Fn(usize) -> Cell<'a>,
        place: &dyn Fn() -> Box<crate::error::Place>,
    ) -> Result<bool, DataError> {
        match self.root.evaluate(cell) {
            Ok(truth) => Ok(truth == Some(true)),
            Err(NotComparable { column, text }) => Err(DataError::FilterType {
                place: place(),
                column: self.columns[column].clone(),
                text: shorten(&text),
            }),
        }
    }
}

impl Node {
    /// Three-valued logic: `None` is unknown.
    fn evaluate<'a>(
        &self,
        cell: &dyn Fn(usize) -> Cell<'a>,
    ) -> Result<Option<bool>, NotComparable> {
        Ok(match self {
            Node::Or(a, b) => match (a.evaluate(cell)?, b.evaluate(cell)?) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            Node::And(a, b) => match (a.evaluate(cell)?, b.evaluate(cell)?) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Node::Not(a) => a.evaluate(cell)?.map(|truth| !truth),
            Node::IsMissing { column } => Some(cell(*column) == Cell::Missing),
            Node::Compare {
                column,
                op,
                literal,
            } => compare(*column, cell(*column), *op, literal)?,
            Node::In { column, literals } => {
                let mut found = Some(false);
                for literal in literals {
                    match compare(*column, cell(*column), Op::Equal, literal)? {
                        Some(true) => return Ok(Some(true)),
                        Some(false) => {}
                        None => found = None,
                    }
                }
                found
            }
        })
    }
}

fn compare(
    column: usize,
    cell: Cell<'_>,
    op: Op,
    literal: &Literal,
) -> Result<Option<bool>, NotComparable> {
    if cell == Cell::Missing {
        return Ok(None);
    }
    Ok(Some(match literal {
        Literal::Number(b) => {
            let Some(a) = cell.number() else {
                return Err(NotComparable {
                    column,
                    text: cell.written(),
                });
            };
            match op {
                Op::Equal => a == *b,
                Op::NotEqual => a != *b,
                Op::Less => a < *b,
                Op::LessOrEqual => a <= *b,
                Op::Greater => a > *b,
                Op::GreaterOrEqual => a >= *b,
            }
        }
        Literal::Text(b) => {
            let same = match cell {
                Cell::Text(a) => a == b,
                other => other.written() == *b,
            };
            // The parser lets no other operator through.
            same == (op == Op::Equal)
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Place;

    fn keeps(filter: &str, row: &[(&str, Cell<'static>)]) -> Result<bool, DataError> {
        let filter = Filter::parse(filter)?;
        let cell = |i: usize| {
            row.iter()
                .find(|(n, _)| *n == filter.columns()[i])
                .unwrap()
                .1
        };
        filter.keeps(&cell, &|| {
            Box::new(Place {
                source: "t".into(),
                row: 1,
                line: None,
            })
        })
    }

    #[test]
    fn precedence_is_not_then_and_then_or() {
        let row = [
            ("a", Cell::Whole(1)),
            ("b", Cell::Whole(0)),
            ("c", Cell::Whole(0)),
        ];
        assert!(keeps("a = 1 or b = 1 and c = 1", &row).unwrap());
        assert!(!keeps("(a = 1 or b = 1) and c = 1", &row).unwrap());
        assert!(keeps("not b = 1 and a = 1", &row).unwrap());
        assert!(!keeps("not (b = 0 or a = 2)", &row).unwrap());
    }

    #[test]
    fn missing_is_unknown_and_never_kept_by_accident() {
        let row = [("a", Cell::Missing), ("b", Cell::Whole(1))];
        assert!(!keeps("a = 1", &row).unwrap());
        assert!(!keeps("not a = 1", &row).unwrap());
        assert!(!keeps("a not in (1, 2)", &row).unwrap());
        assert!(keeps("a = 1 or b = 1", &row).unwrap());
        assert!(keeps("a is missing", &row).unwrap());
        assert!(!keeps("a is not missing", &row).unwrap());
    }

    #[test]
    fn text_and_numbers_compare_each_in_their_way() {
        let row = [
            ("s", Cell::Text("f")),
            ("n", Cell::Text("10")),
            ("x", Cell::Number(2.5)),
        ];
        assert!(keeps("s in ('m', 'f')", &row).unwrap());
        assert!(keeps("n > 9", &row).unwrap());
        assert!(keeps("x >= 2.5 and x < 3", &row).unwrap());
        assert!(keeps("s != 'it''s'", &row).unwrap());
        let error = keeps("s > 3", &row).unwrap_err();
        assert!(matches!(error, DataError::FilterType { ref column, .. } if column == "s"));
    }
}
