//! The head as a service on this machine, and a client that asks it.

use std::path::Path;
use std::time::{Duration, Instant};

use tacit_data::tasks::Sets;
use tacit_nn::{Matrix, predict};
use tacit_report::Run;
use tacit_serve::blocking::Client;
use tacit_serve::{
    Answers, Authority, ClientSettings, Clients, Limits, ModelVersion, Proof, Server, Settings,
};
use tacit_split::export;

use super::super::{bundle, figures, model, service};
use crate::error::Context;
use crate::{Error, Progress};

/// Rows that are asked, one at a time.
const ASKED: usize = 200;

/// What the client saw.
pub(super) struct Served {
    pub rows: usize,
    /// Answers that are not what the network answers in this process.
    pub different: usize,
    /// Answers that name the public class.
    pub right: usize,
    /// Seconds of an answer: in the middle, and the 99th of 100.
    pub middle: f64,
    pub slowest: f64,
    /// Seconds of encoding a row.
    pub encode: f64,
    pub bytes_per_row: usize,
    /// Whether a client of another version was refused.
    pub stranger_refused: bool,
}

impl Served {
    pub fn figures(&self, run: &mut Run) -> Result<(), Error> {
        let ok = self.different == 0 && self.stranger_refused;
        figures::put(run, "query.ok", f64::from(u8::from(ok)))?;
        figures::put(run, "query.rows", self.rows as f64)?;
        figures::put(run, "query.different", self.different as f64)?;
        figures::put(
            run,
            "query.accuracy",
            self.right as f64 / self.rows.max(1) as f64,
        )?;
        figures::put(run, "query.p50_ms", 1e3 * self.middle)?;
        figures::put(run, "query.p99_ms", 1e3 * self.slowest)?;
        figures::put(run, "query.encode_ms", 1e3 * self.encode)?;
        figures::put(run, "query.bytes_per_row", self.bytes_per_row as f64)
    }
}

/// Serves the head in `folder` and asks it about test rows, with mutual TLS.
pub(super) fn serve(folder: &Path, sets: &Sets, progress: &Progress) -> Result<Served, Error> {
    let failed = || "the head cannot be served";
    let secret = bundle::secret(None, folder)?;
    let (manifest, encoder) = export::load_client(folder, secret).failed(failed)?;
    let (_, head) = export::load_head(folder).failed(failed)?;
    let local = head.clone();
    let day = Duration::from_secs(24 * 3600);
    let authority = Authority::generate("tacit split demo", day).failed(failed)?;
    let address = "127.0.0.1:0"
        .parse::<std::net::SocketAddr>()
        .failed(failed)?;
    let settings = Settings {
        address,
        operator: None,
        credentials: authority.server(&["localhost"]).failed(failed)?,
        clients: Clients::Certificates {
            authorities: vec![authority.certificate()],
            revoked: Vec::new(),
        },
        answers: Answers::Logits,
        limits: Limits::default(),
    };
    let server = Server::start(settings, service::model(&manifest, head)?).failed(failed)?;
    let ask = |version: ModelVersion| -> Result<Client, Error> {
        let settings = ClientSettings {
            address: server.address().to_string(),
            server_name: "localhost".into(),
            authorities: vec![authority.certificate()],
            proof: Proof::Certificate(authority.client("client").failed(failed)?),
            model: version,
            rule: service::rule(&manifest)?,
            timeout: Duration::from_secs(30),
            max_answer_bytes: 1 << 20,
        };
        Client::new(settings).failed(failed)
    };
    let client = ask(service::version(&manifest)?)?;

    let few: Vec<usize> = (0..sets.test.len().min(ASKED)).collect();
    let test = sets.test.select(&few);
    let phase = progress.phase("queries over TLS", few.len() as u64);
    let (mut times, mut encoding) = (Vec::new(), 0.0);
    let (mut different, mut right) = (0, 0);
    for (at, &class) in test.public.values.iter().enumerate() {
        let row = Matrix::new(1, test.size(), test.row(at).to_vec()).failed(failed)?;
        let started = Instant::now();
        let features = encoder.encode(&row).failed(failed)?;
        encoding += started.elapsed().as_secs_f64();
        let started = Instant::now();
        let answer = client
            .query(features.values())
            .failed(|| "the service did not answer")?;
        times.push(started.elapsed().as_secs_f64());
        let said = answer.classes().first().map_or(usize::MAX, |&c| c as usize);
        let expected = predict::argmax(&local.answer(&features).failed(failed)?);
        different += usize::from(expected != [said]);
        right += usize::from(said == class);
        phase.inc();
    }
    phase.finish();
    let stranger = ask(ModelVersion([0; 32]))?;
    let features = encoder
        .encode(&model::rows(&test.select(&[0]))?)
        .failed(failed)?;
    let stranger_refused = stranger.query(features.values()).is_err();
    server.shutdown();
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() as f64 * share) as usize).min(times.len() - 1)];
    Ok(Served {
        rows: few.len(),
        different,
        right,
        middle: at(0.5),
        slowest: at(0.99),
        encode: encoding / few.len() as f64,
        bytes_per_row: manifest.veil.bytes(features.columns()),
        stranger_refused,
    })
}
