//! `tacit split query`: encodes inputs here, asks the head there.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tacit_nn::Matrix;
use tacit_report::{Cell, Column, Quantity, Run, Table, Unit};
use tacit_serve::blocking::Client;
use tacit_serve::{Answer, ClientSettings, Credentials, Proof, Token, read_certificates};
use tacit_split::export;

use super::encoding::Encoding;
use super::{bundle, figures, service};
use crate::args::RecordArgs;
use crate::error::Context;
use crate::{Console, Error, Outcome};

/// Longest answer that is read.
const MAX_ANSWER: usize = 1 << 24;

/// Arguments of `tacit split query`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Runs the encoder, covers the features by noise, sends them, and prints the answers. Inputs never leave. The noise is
bound to the input by a secret that is kept beside the encoder (or in --secret): lose it, and repeats across the
loss can be told apart from each other and averaged.

Examples:
  tacit split query --encoder hardened --input letter.png --server service.example:8443 --ca ca.pem --cert me.pem --key me.key
  tacit split query --encoder hardened --input rows.csv --server service.example:8443 --ca ca.pem --token token.txt")]
pub struct Query {
    /// The encoder, or its folder.
    #[arg(long, value_name = "PATH")]
    pub encoder: PathBuf,

    /// Pictures, or tables with the columns of the features; may be repeated.
    #[arg(long, value_name = "FILE", required = true)]
    pub input: Vec<PathBuf>,

    /// Host and port of the service.
    #[arg(long, value_name = "HOST:PORT")]
    pub server: String,

    /// The name in the server's certificate; left out, the host.
    #[arg(long, value_name = "NAME")]
    pub server_name: Option<String>,

    /// Who may have signed the server's certificate, PEM.
    #[arg(long, value_name = "FILE")]
    pub ca: PathBuf,

    /// This client's certificate, PEM.
    #[arg(
        long,
        value_name = "FILE",
        requires = "key",
        required_unless_present = "token"
    )]
    pub cert: Option<PathBuf>,

    /// Its private key, PEM.
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,

    /// A file with this client's token, in place of a certificate.
    #[arg(long, value_name = "FILE", conflicts_with = "cert")]
    pub token: Option<PathBuf>,

    /// The secret that binds noise to inputs; made when it is not there.
    #[arg(long, value_name = "FILE")]
    pub secret: Option<PathBuf>,

    /// How long an answer may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub timeout: u64,

    /// The record.
    #[command(flatten)]
    pub record: RecordArgs,
}

/// Asks.
pub fn run(args: &Query, console: &mut Console) -> Result<Outcome, Error> {
    let folder = bundle::folder(&args.encoder);
    let secret = bundle::secret(args.secret.as_deref(), &folder)?;
    let (manifest, encoder) =
        export::load_client(&folder, secret).bad_input(|| "the encoder cannot be used")?;
    let encoding = Encoding::beside(&folder.join("encoder"))?;
    let columns = manifest.encoder_architecture.input.size();
    let (rows, names) = args.inputs(&encoding, columns)?;

    let started = Instant::now();
    let features = encoder
        .encode(&rows)
        .bad_input(|| "the inputs cannot be encoded")?;
    let encode_s = started.elapsed().as_secs_f64() / rows.rows().max(1) as f64;
    let client = Client::new(ClientSettings {
        address: args.server.clone(),
        server_name: args.name(),
        authorities: read_certificates(&args.ca).bad_input(|| "--ca cannot be used")?,
        proof: args.proof()?,
        model: service::version(&manifest)?,
        rule: service::rule(&manifest)?,
        timeout: Duration::from_secs(args.timeout),
        max_answer_bytes: MAX_ANSWER,
    })
    .bad_input(|| "the service cannot be asked")?;
    let started = Instant::now();
    let answer = client
        .query(features.values())
        .failed(|| format!("{} did not answer", args.server))?;
    let answer_s = started.elapsed().as_secs_f64();
    console.table(&table(&names, &answer, &manifest.classes))?;

    let failed = || "the record cannot be made";
    let mut run = Run::new("split query", env!("CARGO_PKG_VERSION"), 0).failed(failed)?;
    figures::put(&mut run, "rows", rows.rows() as f64)?;
    figures::put(&mut run, "encode_ms", 1e3 * encode_s)?;
    figures::put(&mut run, "answer_ms", 1e3 * answer_s)?;
    figures::put(
        &mut run,
        "bytes_per_row",
        manifest.veil.bytes(features.columns()) as f64,
    )?;
    run.param("answers", answer.classes()).failed(failed)?;
    Ok(Outcome::recorded(run))
}

impl Query {
    /// All inputs as rows, each with what it is called.
    fn inputs(&self, encoding: &Encoding, columns: usize) -> Result<(Matrix, Vec<String>), Error> {
        let mut values = Vec::new();
        let mut names = Vec::new();
        for path in &self.input {
            let read = encoding.read(path)?;
            let count = read.len() / columns.max(1);
            names.extend((1..=count).map(|row| called(path, row, count)));
            values.extend(read);
        }
        let rows = Matrix::new(names.len(), columns, values)
            .bad_input(|| "the inputs do not fit the encoder")?;
        Ok((rows, names))
    }

    fn name(&self) -> String {
        let host = self
            .server
            .rsplit_once(':')
            .map_or(self.server.as_str(), |(host, _)| host);
        self.server_name.clone().unwrap_or_else(|| host.to_owned())
    }

    fn proof(&self) -> Result<Proof, Error> {
        let unusable = || "this client cannot prove who it is";
        if let Some(path) = &self.token {
            let text = std::fs::read_to_string(path).bad_input(unusable)?;
            return Token::parse(text.trim())
                .map(Proof::Token)
                .bad_input(unusable);
        }
        match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => Credentials::read(cert, key)
                .map(Proof::Certificate)
                .bad_input(unusable),
            _ => Err(Error::bad_input(unusable()).remedy("give --cert and --key, or --token")),
        }
    }
}

fn called(path: &Path, row: usize, of: usize) -> String {
    match of {
        1 => path.display().to_string(),
        _ => format!("{}, row {row}", path.display()),
    }
}

/// Answers beside inputs.
fn table(names: &[String], answer: &Answer, classes: &[String]) -> Table {
    let columns = [
        Column::text("input"),
        Column::text("answer"),
        Column::number("probability"),
    ];
    let said = answer.classes();
    let mut table = Table::new("Answers", columns);
    for (row, (name, &class)) in names.iter().zip(&said).enumerate() {
        let class_name = classes.get(class as usize).map_or("?", String::as_str);
        let sure = match answer {
            Answer::Logits {
                values, outputs, ..
            } => {
                let logits = values
                    .get(row * outputs..(row + 1) * outputs)
                    .unwrap_or(&[]);
                let shares = tacit_nn::predict::softmax(logits);
                let share = shares.get(class as usize).copied().unwrap_or(0.0);
                Quantity::new(f64::from(share), Unit::Fraction).into()
            }
            Answer::Classes(_) => Cell::Missing,
        };
        table = table.row([Cell::text(name), Cell::text(class_name), sure]);
    }
    table
}
