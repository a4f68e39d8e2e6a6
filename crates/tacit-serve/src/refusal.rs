//! Why a request was not answered: stable codes, texts for people, nothing of the features.

use std::fmt;
use std::time::Duration;

macro_rules! codes {
    ($($(#[$doc:meta])+ $variant:ident = $number:literal, $name:literal, $status:literal;)+) => {
        /// A reason that will keep its number and its name.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum Code { $($(#[$doc])+ $variant = $number,)+ }

        impl Code {
            /// All codes, in the order of their numbers.
            pub const ALL: &[Code] = &[$(Code::$variant,)+];

            /// The number on the wire.
            pub fn number(self) -> u16 {
                self as u16
            }

            /// The code of a number.
            pub fn from_number(number: u16) -> Option<Self> {
                match number {
                    $($number => Some(Code::$variant),)+
                    _ => None,
                }
            }

            /// The name in metrics and logs.
            pub fn name(self) -> &'static str {
                match self { $(Code::$variant => $name,)+ }
            }

            /// The HTTP status that goes with it.
            pub(crate) fn status(self) -> u16 {
                match self { $(Code::$variant => $status,)+ }
            }
        }
    };
}

codes! {
    /// This server wants a bearer token and the request has none.
    TokenMissing = 1, "token_missing", 401;
    /// No client has this token.
    TokenUnknown = 2, "token_unknown", 401;
    /// The token was valid once.
    TokenExpired = 3, "token_expired", 401;
    /// The serial of the client's certificate is on the list of the revoked.
    CertificateRevoked = 4, "certificate_revoked", 403;
    /// The client's certificate was valid when the connection began and is no more.
    CertificateExpired = 5, "certificate_expired", 403;
    /// Certificates are wanted since the server's clients were renewed, and this connection has none.
    CertificateMissing = 6, "certificate_missing", 401;
    /// The body does not begin as a message does.
    NotAMessage = 10, "not_a_message", 400;
    /// A format this server does not speak.
    FormatVersion = 11, "format_version", 400;
    /// A message, but not a request.
    Kind = 12, "kind", 400;
    /// Not the numbers that the encoder of this model sends.
    DataType = 13, "dtype", 400;
    /// No rows, or not the columns of the cut.
    Shape = 14, "shape", 400;
    /// More rows than the server takes at once.
    BatchTooLarge = 15, "batch_too_large", 413;
    /// The body is shorter or longer than its shape says.
    Length = 16, "length", 400;
    /// The body is longer than any request may be.
    BodyTooLarge = 17, "body_too_large", 413;
    /// A feature is infinite or not a number.
    NotFinite = 18, "not_finite", 400;
    /// A feature lies beyond the clip, or a level beyond the last.
    OutOfRange = 19, "out_of_range", 400;
    /// The client's encoder belongs to another version of the model.
    ModelVersion = 20, "model_version", 409;
    /// The client asked more than its share.
    RateLimited = 30, "rate_limited", 429;
    /// The same, or nearly the same, features too often.
    Repeated = 31, "repeated", 429;
    /// The queue, or the memory for bodies, is full.
    Overloaded = 32, "overloaded", 503;
    /// The body did not arrive in time.
    TooSlow = 33, "too_slow", 408;
    /// The server is about to stop.
    ShuttingDown = 34, "shutting_down", 503;
    /// The head returned an error.
    HeadFailed = 40, "head_failed", 500;
    /// Only `POST /v1/answer` is served.
    NoSuchPlace = 41, "no_such_place", 404;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A request that was not answered, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// What programs act on.
    pub code: Code,
    /// What people read. Says where a value stands, never what it is.
    pub text: String,
    /// When asking again may help.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    pub(crate) fn new(code: Code, text: impl Into<String>) -> Self {
        Self {
            code,
            text: text.into(),
            retry_after: None,
        }
    }

    pub(crate) fn later(code: Code, text: impl Into<String>, after: Duration) -> Self {
        Self {
            retry_after: Some(after),
            ..Self::new(code, text)
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.text)
    }
}
