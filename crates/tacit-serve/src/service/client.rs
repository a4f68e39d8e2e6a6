//! The client: features of one encoder to the head that belongs to it.
//!
//! One connection carries all requests at a time and is opened again when it broke. A request is
//! asked a second time on a new connection if a connection that was used before fails it: the
//! answer is the same, though the server may count the row twice.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::AUTHORIZATION;
use http::{HeaderValue, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Body;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, watch};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::admission::Token;
use super::tls::{self, Credentials};
use crate::PATH;
use crate::error::Error;
use crate::message::{self, Answer, Reply};
use crate::model::{FeatureRule, ModelVersion};

/// How a client proves who it is.
#[derive(Debug)]
pub enum Proof {
    /// With a certificate.
    Certificate(Credentials),
    /// With a token.
    Token(Token),
}

/// How a client is set up.
#[derive(Debug)]
pub struct ClientSettings {
    /// Host and port.
    pub address: String,
    /// The name, or address, that the server's certificate must carry.
    pub server_name: String,
    /// Who may have signed it: these and nobody else.
    pub authorities: Vec<CertificateDer<'static>>,
    /// Who the client is.
    pub proof: Proof,
    /// The version of its encoder.
    pub model: ModelVersion,
    /// The features its encoder sends.
    pub rule: FeatureRule,
    /// How long an answer may take, connecting included.
    pub timeout: Duration,
    /// Longest answer that is read.
    pub max_answer_bytes: usize,
}

/// A client for asynchronous programs; [`blocking::Client`](super::blocking::Client) is for others.
/// Asks from many tasks share its connection.
pub struct Client {
    settings: ClientSettings,
    name: ServerName<'static>,
    tls: Arc<ClientConfig>,
    bearer: Option<HeaderValue>,
    connection: Mutex<Option<Connection>>,
}

/// A connection that is driven elsewhere, and why it ended once it has.
#[derive(Clone)]
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    end: watch::Receiver<Option<String>>,
}

impl Client {
    /// Checks the settings. The connection is opened when it is needed.
    pub fn new(settings: ClientSettings) -> Result<Self, Error> {
        let bad = |field, problem: String| Error::Setting { field, problem };
        let name = ServerName::try_from(settings.server_name.clone())
            .map_err(|e| bad("server_name", e.to_string()))?;
        let credentials = match &settings.proof {
            Proof::Certificate(credentials) => Some(credentials),
            Proof::Token(_) => None,
        };
        let tls = tls::client(&settings.authorities, credentials)?;
        let bearer = match &settings.proof {
            Proof::Certificate(_) => None,
            Proof::Token(token) => {
                let value = HeaderValue::from_str(&format!("Bearer {}", token.reveal()));
                let mut value = value.map_err(|e| bad("token", e.to_string()))?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        Ok(Self {
            settings,
            name,
            tls,
            bearer,
            connection: Mutex::new(None),
        })
    }

    /// The answers to whole rows of features, in their order.
    pub async fn query(&self, features: &[f32]) -> Result<Answer, Error> {
        let ClientSettings { model, rule, .. } = &self.settings;
        let request = message::write_request(model, rule, features).map_err(Error::Features)?;
        let reply = self.exchange(request).await?;
        let bad = |problem: &str| Error::Answer {
            problem: problem.into(),
        };
        match message::read_reply(&reply).map_err(bad)? {
            Reply::Refused(refusal) => Err(Error::Refused(refusal)),
            Reply::Answered(answered, _) if answered != *model => Err(Error::Version {
                answered,
                pinned: *model,
            }),
            Reply::Answered(_, answer) if answer.rows() * rule.columns() != features.len() => {
                Err(bad("not as many rows as were asked"))
            }
            Reply::Answered(_, answer) => Ok(answer),
        }
    }

    /// Sends bytes as they are and returns what comes back: for tests of servers, malformed
    /// requests included.
    pub async fn exchange(&self, request: Vec<u8>) -> Result<Vec<u8>, Error> {
        let limit = self.settings.timeout;
        let exchange = self.exchange_within(request.into());
        timeout(limit, exchange)
            .await
            .unwrap_or_else(|_| Err(self.late()))
    }

    async fn exchange_within(&self, body: Bytes) -> Result<Vec<u8>, Error> {
        let (connection, used) = self.connection().await?;
        match self.send(connection, body.clone()).await {
            Err(Error::Connection { .. }) if used => {
                let (connection, _) = self.connection().await?;
                self.send(connection, body).await
            }
            outcome => outcome,
        }
    }

    async fn send(&self, mut connection: Connection, body: Bytes) -> Result<Vec<u8>, Error> {
        match self.send_on(&mut connection.sender, body).await {
            // Why it ended says more than that it did: the alert of TLS is there.
            Err(Error::Connection { address, problem }) if connection.sender.is_closed() => {
                let end = connection.end.wait_for(Option::is_some).await;
                let why = end.ok().and_then(|why| why.clone());
                let problem = why.unwrap_or(problem);
                Err(Error::Connection { address, problem })
            }
            outcome => outcome,
        }
    }

    async fn send_on(
        &self,
        sender: &mut SendRequest<Full<Bytes>>,
        body: Bytes,
    ) -> Result<Vec<u8>, Error> {
        let uri = format!("https://{}{PATH}", self.settings.address);
        let mut request = Request::builder().method(Method::POST).uri(uri);
        if let Some(bearer) = &self.bearer {
            request = request.header(AUTHORIZATION, bearer);
        }
        let request = request.body(Full::new(body)).map_err(|e| Error::Setting {
            field: "address",
            problem: e.to_string(),
        })?;
        sender.ready().await.map_err(|e| self.broken(&e))?;
        let sent = sender.send_request(request).await;
        let mut body = sent.map_err(|e| self.broken(&e))?.into_body();
        let limit = self.settings.max_answer_bytes;
        let too_long = || Error::Answer {
            problem: format!("longer than {limit} bytes"),
        };
        let announced = body.size_hint().lower();
        if announced > limit as u64 {
            return Err(too_long());
        }
        let mut reply = BytesMut::with_capacity(announced as usize);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|e| self.broken(&e))?;
            if let Ok(bytes) = frame.into_data() {
                if reply.len() + bytes.len() > limit {
                    return Err(too_long());
                }
                reply.extend_from_slice(&bytes);
            }
        }
        Ok(reply.into())
    }

    /// The connection, and whether it was there before.
    async fn connection(&self) -> Result<(Connection, bool), Error> {
        let mut held = self.connection.lock().await;
        if let Some(connection) = held.as_ref().filter(|held| !held.sender.is_closed()) {
            return Ok((connection.clone(), true));
        }
        let stream = TcpStream::connect(&self.settings.address).await;
        let stream = stream.map_err(|e| self.broken(&e))?;
        // Small messages, each waited for.
        let _ = stream.set_nodelay(true);
        let connector = TlsConnector::from(self.tls.clone());
        let stream = connector.connect(self.name.clone(), stream).await;
        let stream = stream.map_err(|e| self.broken(&e))?;
        let (sender, driver) = Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|e| self.broken(&e))?;
        let (ended, end) = watch::channel(None);
        tokio::spawn(async move {
            if let Err(error) = driver.await {
                let why = with_sources(&error);
                tracing::debug!(why, "the connection broke");
                ended.send_replace(Some(why));
            }
        });
        Ok((held.insert(Connection { sender, end }).clone(), false))
    }

    fn late(&self) -> Error {
        Error::Timeout {
            address: self.settings.address.clone(),
            seconds: self.settings.timeout.as_secs_f64(),
        }
    }

    fn broken(&self, error: &dyn std::error::Error) -> Error {
        Error::Connection {
            address: self.settings.address.clone(),
            problem: with_sources(error),
        }
    }
}

/// An error with all that is behind it: the alert of TLS stands last.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Client({}, model {})",
            self.settings.address, self.settings.model
        )
    }
}
