//! A querier's side: rows go out encrypted, answers come back that only it can read.

use std::path::Path;
use std::time::Duration;

use tacit_ckks::PublicKey;
use tacit_data::{Cohort, CohortSpec, Table};
use tacit_learn::encrypted::Querier;
use tacit_session::{PartyIndex, Plan};
use tacit_transport::grpc::{Mailbox, Site, SiteEvent, SiteOptions, correspond};

use crate::agreement::Agreement;
use crate::config::{NodeConfig, read_text};
use crate::error::Error;
use crate::letters::{ANSWER, KEY, Letters, REFUSED, ROWS, Topic};
use crate::rows::{Standardisation, samples};
use crate::warrant::Warrant;

/// What came back.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The plan.
    pub agreement: Agreement,
    /// Linear predictors, one per row and output.
    pub predictors: Vec<f64>,
    /// The labels in the file.
    pub labels: Vec<f64>,
    /// Queries that were answered.
    pub queries: usize,
}

/// Asks the parties of the configured plan about the rows of a file, which has the columns of a
/// party's cohort.
pub fn ask(
    config: &NodeConfig,
    input: &Path,
    patience: Duration,
    observer: impl FnMut(SiteEvent),
) -> Result<Answered, Error> {
    let querier = config.querier.as_ref().ok_or_else(|| {
        let problem = "there is no [querier] section";
        Error::config("node", problem)
    })?;
    let agreement = Agreement::from_toml(&read_text(&querier.plan)?)?;
    let Standardisation::Ranges(_) = &agreement.standardisation else {
        return Err(Error::Plan {
            field: "data.standardise",
            problem: "by statistics, which queriers do not have".into(),
            remedy: "standardise by ranges",
        });
    };
    let site = Site {
        identity: config.open_identity()?,
        roster: config.signed_roster()?,
        hub: querier.hub.clone(),
        address: querier.address.clone(),
        listen: None,
    };
    agreement.plan.check_roster(site.roster.session())?;
    let table = rows(&agreement.plan, input)?;
    let standardiser = agreement.standardisation.standardiser(table.names(), &[]);
    let rows = standardiser.and_then(|by| samples(&table, &by));
    let rows = rows.map_err(|e| Error::config(input.display().to_string(), e))?;
    let letters = Letters::new(
        Topic::Queries,
        &site.identity,
        site.roster.session(),
        agreement.digest,
        vec![PartyIndex::ROOT],
        agreement.plan.limits.max_payload_bytes,
    )?;

    let session = agreement.glm()?.clone();
    let asker = Querier::new(&session.config, &session.encryption)?;
    let options = SiteOptions {
        deadline: Some(patience),
        ..SiteOptions::default()
    };
    let (about, site) = (letters.about.clone(), &site);
    let talk = |mailbox: &Mailbox| {
        let params = &session.encryption.params;
        let exchange = Exchange {
            site,
            letters: &letters,
            mailbox,
            patience,
        };
        let key = exchange.ask(KEY, Vec::new())?;
        let key = PublicKey::from_bytes(params, &key)
            .map_err(tacit_learn::encrypted::EncryptedError::from)?;
        let (mut predictors, mut queries) = (Vec::new(), 0);
        let all: Vec<usize> = (0..rows.len()).collect();
        for chunk in all.chunks(asker.capacity().max(1)) {
            let query = asker.ask(&key, chunk.iter().map(|&i| rows.row(i)))?;
            let (encrypted, target) = query.subject(params);
            let identity = &site.identity;
            let warrant = Warrant::sign(
                identity.name(),
                &identity.session_key(),
                agreement.digest,
                &encrypted,
                &target,
            );
            let query = query.with_warrant(warrant.to_bytes()).to_bytes(params);
            let answer = exchange.ask(ROWS, query)?;
            let read = asker.read(&answer, chunk.len())?;
            predictors.extend(read.into_iter().flatten());
            queries += 1;
        }
        Ok((predictors, queries))
    };
    let talked: Result<_, Error> = correspond(site, &options, &about, observer, talk)?;
    let (predictors, queries) = talked?;
    Ok(Answered {
        labels: rows.labels().to_vec(),
        agreement,
        predictors,
        queries,
    })
}

/// The rows of a file with the columns of a party's cohort.
fn rows(plan: &Plan, input: &Path) -> Result<Table, Error> {
    let party = &plan.parties[0];
    let spec: CohortSpec = party.cohort.settings_as(&party.name)?;
    let spec = CohortSpec {
        path: Some(std::path::absolute(input).map_err(Error::io(input))?),
        query: None,
        filter: None,
        min_rows: 1,
        allow_constant_columns: true,
        allow_absent_classes: true,
        ..spec
    };
    let cohort = Cohort::load(&spec, Path::new(".")).map_err(|source| Error::Data {
        site: "the querier".into(),
        source: Box::new(source),
    })?;
    Ok(cohort.table)
}

/// Letters to the root and back.
struct Exchange<'a> {
    site: &'a Site,
    letters: &'a Letters,
    mailbox: &'a Mailbox,
    patience: Duration,
}

impl Exchange<'_> {
    fn ask(&self, label: &str, payload: Vec<u8>) -> Result<Vec<u8>, Error> {
        // Replies to an earlier process of this querier have another number.
        let mut number = [0; 4];
        tacit_ring::Xof::from_os()?.fill(&mut number);
        let number = u32::from_le_bytes(number);
        let letter = self
            .letters
            .write(&self.site.identity, number, label, payload)?;
        self.mailbox.send(PartyIndex::ROOT, letter);
        loop {
            let Some((from, reply)) = self.mailbox.receive(self.patience)? else {
                return Err(Error::Unanswered {
                    seconds: self.patience.as_secs(),
                });
            };
            self.mailbox.taken(from);
            if !self.letters.is_from(from, &reply) || reply.header().round != number {
                continue;
            }
            match reply.header().label.as_str() {
                REFUSED => {
                    let why: String = String::from_utf8_lossy(reply.payload()).into();
                    return Err(Error::QueryRefused {
                        why: why.chars().take(400).collect(),
                    });
                }
                KEY | ANSWER => return Ok(reply.payload().to_vec()),
                _ => {}
            }
        }
    }
}
