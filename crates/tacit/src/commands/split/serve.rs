//! `tacit split serve`: the head as a service over TLS.

use std::net::SocketAddr;
use std::path::PathBuf;

use tacit_serve::{
    Answers, Clients, Credentials, Limits, Model, Serial, Server, Settings, TokenList,
    read_certificates,
};
use tacit_split::export;

use super::{bundle, service};
use crate::error::Context;
use crate::{Console, Error, Outcome};

/// Arguments of `tacit split serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Clients prove who they are by a certificate (--clients-ca) or by a token (--tokens); nobody else is answered. Requests
are checked before the head sees them: version of the encoder, shape, range, finite numbers. Features are not logged. A
hangup (SIGHUP) reads the head, the certificates and the tokens anew; requests in flight finish on the old head.

Examples:
  tacit split serve --head hardened/head.safetensors --listen 0.0.0.0:8443 --cert server.pem --key server.key
      --clients-ca clients.pem
  tacit split serve --head hardened --cert server.pem --key server.key --tokens tokens.toml --answers classes
      --limits limits.toml --operator 127.0.0.1:9100")]
pub struct Serve {
    /// The head, or its folder.
    #[arg(long, value_name = "PATH")]
    pub head: PathBuf,

    /// Where clients connect.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8443")]
    pub listen: SocketAddr,

    /// The server's certificate, PEM, with what leads to its authority.
    #[arg(long, value_name = "FILE")]
    pub cert: PathBuf,

    /// The server's private key, PEM.
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,

    /// Answer clients with a certificate of these authorities, PEM.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "tokens",
        conflicts_with = "tokens"
    )]
    pub clients_ca: Option<PathBuf>,

    /// Certificates that no longer count: their serials, one a line.
    #[arg(long, value_name = "FILE", requires = "clients_ca")]
    pub revoked: Option<PathBuf>,

    /// Answer clients with a token of this list, TOML.
    #[arg(long, value_name = "FILE")]
    pub tokens: Option<PathBuf>,

    /// What clients get: all outputs, or the class alone.
    #[arg(long, value_enum, default_value = "logits")]
    pub answers: Given,

    /// Bounds on rows, bytes, rates and repeats, TOML.
    #[arg(long, value_name = "FILE")]
    pub limits: Option<PathBuf>,

    /// Where health and metrics are read: a loopback address.
    #[arg(long, value_name = "ADDRESS")]
    pub operator: Option<SocketAddr>,
}

/// What clients get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Given {
    /// All outputs of the head.
    Logits,
    /// The class alone.
    Classes,
}

/// Serves until the process is told to end.
pub fn run(args: &Serve, console: &mut Console) -> Result<Outcome, Error> {
    let limits = match &args.limits {
        None => Limits::default(),
        Some(path) => std::fs::read_to_string(path)
            .bad_input(|| format!("{} cannot be read", path.display()))
            .and_then(|text| Limits::from_toml(&text).bad_input(|| "the limits cannot be used"))?,
    };
    let settings = Settings {
        address: args.listen,
        operator: args.operator,
        credentials: args.credentials()?,
        clients: args.clients()?,
        answers: match args.answers {
            Given::Logits => Answers::Logits,
            Given::Classes => Answers::Classes,
        },
        limits,
    };
    let server =
        Server::start(settings, args.model()?).bad_input(|| "the server cannot be started")?;
    console.say(&format!(
        "serving {} at {}",
        server.version(),
        server.address()
    ))?;
    if let Some(operator) = server.operator_address() {
        console.say(&format!("health and metrics at http://{operator}"))?;
    }
    let anew = |server: &Server| -> Result<(), tacit_serve::Error> {
        let refused = |e: Error| tacit_serve::Error::Setting {
            field: "reload",
            problem: e.to_string(),
        };
        let model = args.model().map_err(refused)?;
        server.renew(
            &args.credentials().map_err(refused)?,
            args.clients().map_err(refused)?,
        )?;
        server.reload(model);
        Ok(())
    };
    let drained = server.run(anew).failed(|| "the server failed")?;
    if !drained {
        console.warn("some requests in flight were dropped");
    }
    Ok(Outcome::done())
}

impl Serve {
    fn model(&self) -> Result<Model, Error> {
        let folder = bundle::folder(&self.head);
        let (manifest, head) =
            export::load_head(&folder).bad_input(|| "the head cannot be used")?;
        service::model(&manifest, head)
    }

    fn credentials(&self) -> Result<Credentials, Error> {
        Credentials::read(&self.cert, &self.key)
            .bad_input(|| "the server's certificate cannot be used")
    }

    fn clients(&self) -> Result<Clients, Error> {
        let unusable = || "the list of clients cannot be used";
        if let Some(tokens) = &self.tokens {
            return TokenList::read(tokens)
                .map(Clients::Tokens)
                .bad_input(unusable);
        }
        let Some(authorities) = &self.clients_ca else {
            return Err(Error::bad_input("nobody could be answered")
                .remedy("give --clients-ca or --tokens"));
        };
        let revoked = match &self.revoked {
            None => Vec::new(),
            Some(path) => std::fs::read_to_string(path)
                .bad_input(|| format!("{} cannot be read", path.display()))
                .and_then(|text| Serial::parse_list(&text).bad_input(unusable))?,
        };
        Ok(Clients::Certificates {
            authorities: read_certificates(authorities).bad_input(unusable)?,
            revoked,
        })
    }
}
