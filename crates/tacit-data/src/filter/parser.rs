//! Tokens to a filter, by recursive descent with a bound on nesting and length.

use super::lexer::{At, Token, tokens};
use super::{Filter, Literal, Node, Op};
use crate::error::DataError;

/// Nesting of parentheses and `not`, and the number of tokens, stay below these, so that neither
/// parsing nor evaluation can exhaust the stack.
const MAX_DEPTH: usize = 64;
const MAX_TOKENS: usize = 1024;

const KEYWORDS: [&str; 6] = ["and", "or", "not", "in", "is", "missing"];

pub(super) fn parse(text: &str) -> Result<Filter, DataError> {
    let run = || {
        let tokens = tokens(text)?;
        if tokens.len() > MAX_TOKENS {
            return Err((1, format!("longer than {MAX_TOKENS} words and signs")));
        }
        let end = text.chars().count() + 1;
        let mut parser = Parser {
            tokens,
            next: 0,
            end,
            columns: Vec::new(),
            depth: 0,
        };
        let root = parser.or()?;
        match parser.peek() {
            Some(_) => Err(parser.expected("`and`, `or` or the end")),
            None => Ok(Filter {
                columns: parser.columns,
                root,
            }),
        }
    };
    run().map_err(|(position, reason): At<String>| DataError::FilterSyntax {
        text: text.to_owned(),
        position,
        reason,
    })
}

struct Parser {
    tokens: Vec<At<Token>>,
    next: usize,
    end: usize,
    columns: Vec<String>,
    depth: usize,
}

type Parsed<T> = Result<T, At<String>>;

impl Parser {
    fn or(&mut self) -> Parsed<Node> {
        let mut node = self.and()?;
        while self.take("or") {
            node = Node::Or(Box::new(node), Box::new(self.and()?));
        }
        Ok(node)
    }

    fn and(&mut self) -> Parsed<Node> {
        let mut node = self.not()?;
        while self.take("and") {
            node = Node::And(Box::new(node), Box::new(self.not()?));
        }
        Ok(node)
    }

    fn not(&mut self) -> Parsed<Node> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err((self.position(), format!("nested deeper than {MAX_DEPTH}")));
        }
        let node = if self.take("not") {
            Node::Not(Box::new(self.not()?))
        } else if self.take_token(&Token::Open) {
            let inner = self.or()?;
            self.require(&Token::Close, "`)`")?;
            inner
        } else {
            self.test()?
        };
        self.depth -= 1;
        Ok(node)
    }

    fn test(&mut self) -> Parsed<Node> {
        let column = self.column()?;
        if self.take("is") {
            let negated = self.take("not");
            if !self.take("missing") {
                return Err(self.expected("`missing`"));
            }
            return Ok(negate(negated, Node::IsMissing { column }));
        }
        let negated = self.take("not");
        if self.take("in") {
            self.require(&Token::Open, "`(`")?;
            let mut literals = vec![self.literal()?];
            while self.take_token(&Token::Comma) {
                literals.push(self.literal()?);
            }
            self.require(&Token::Close, "`,` or `)`")?;
            return Ok(negate(negated, Node::In { column, literals }));
        }
        if negated {
            return Err(self.expected("`in`"));
        }
        let Some(Token::Compare(op)) = self.peek().cloned() else {
            return Err(self.expected("one of = != < <= > >= in, is"));
        };
        let position = self.position();
        self.next += 1;
        let literal = self.literal()?;
        if matches!(literal, Literal::Text(_)) && !matches!(op, Op::Equal | Op::NotEqual) {
            return Err((
                position,
                "text has no order; use = or != or a number without quotes".into(),
            ));
        }
        Ok(Node::Compare {
            column,
            op,
            literal,
        })
    }

    fn column(&mut self) -> Parsed<usize> {
        let name = match self.peek() {
            Some(Token::Word(word)) if !KEYWORDS.iter().any(|k| word.eq_ignore_ascii_case(k)) => {
                word.clone()
            }
            Some(Token::Quoted(name)) => name.clone(),
            _ => return Err(self.expected("a column name, `not` or `(`")),
        };
        self.next += 1;
        Ok(match self.columns.iter().position(|c| *c == name) {
            Some(index) => index,
            None => {
                self.columns.push(name);
                self.columns.len() - 1
            }
        })
    }

    fn literal(&mut self) -> Parsed<Literal> {
        let literal = match self.peek() {
            Some(Token::Number(value)) => Literal::Number(*value),
            Some(Token::Text(text)) => Literal::Text(text.clone()),
            _ => return Err(self.expected("a number, or text in single quotes")),
        };
        self.next += 1;
        Ok(literal)
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn take(&mut self, keyword: &str) -> bool {
        let found = self.peek().is_some_and(|token| token.is(keyword));
        self.next += usize::from(found);
        found
    }

    fn take_token(&mut self, wanted: &Token) -> bool {
        let found = self.peek() == Some(wanted);
        self.next += usize::from(found);
        found
    }

    fn require(&mut self, wanted: &Token, name: &str) -> Parsed<()> {
        match self.take_token(wanted) {
            true => Ok(()),
            false => Err(self.expected(name)),
        }
    }

    fn position(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |(at, _)| *at)
    }

    fn expected(&self, what: &str) -> At<String> {
        let found = match self.peek() {
            Some(_) => "something else",
            None => "the end",
        };
        (self.position(), format!("expected {what}, found {found}"))
    }
}

fn negate(negated: bool, node: Node) -> Node {
    match negated {
        true => Node::Not(Box::new(node)),
        false => node,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(text: &str) -> usize {
        match parse(text) {
            Err(DataError::FilterSyntax { position, .. }) => position,
            other => panic!("{text:?} gave {other:?}"),
        }
    }

    #[test]
    fn mistakes_are_located() {
        for (text, at) in [
            ("", 1),
            ("age >", 6),
            ("age > 18 sex = 'f'", 10),
            ("age > 18 and", 13),
            ("(age > 18", 10),
            ("age > 'old'", 5),
            ("age > 1.2.3", 7),
            ("age > 12kg", 7),
            ("age = 'old", 7),
            ("age is null", 8),
            ("age in 1", 8),
            ("age not = 1", 9),
            ("education-num > 3", 10),
            ("and = 1", 1),
            ("a ; b", 3),
            ("age > 1e999", 7),
        ] {
            assert_eq!(position(text), at, "{text:?}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_not_recursed_into() {
        let deep = format!("{}a = 1{}", "(".repeat(300), ")".repeat(300));
        assert_eq!(position(&deep), MAX_DEPTH + 1);
        let nots = format!("{}a = 1", "not ".repeat(300));
        assert!(position(&nots) > 1);
        let long = vec!["a = 1"; 2000].join(" or ");
        assert_eq!(position(&long), 1);
    }
}
