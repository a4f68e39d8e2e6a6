//! A place to test at: an authority, a small head, a server on loopback, clients.

use std::time::{Duration, SystemTime};

use tacit_serve::{
    Answers, Authority, Client, ClientSettings, Clients, Dense, DenseHead, Encoding, FeatureRule,
    Head, Limits, Model, ModelVersion, Proof, Server, Settings, Token, TokenList,
};

pub const COLUMNS: usize = 8;
pub const CLIP: f32 = 2.0;
pub const OLD: ModelVersion = ModelVersion([1; 32]);
pub const NEW: ModelVersion = ModelVersion([2; 32]);

/// Numbers in [−1, 1), a function of the seed.
pub fn numbers(seed: u64, count: usize) -> Vec<f32> {
    let mut bytes = vec![0; 2 * count];
    let mut stream = blake3::Hasher::new()
        .update(&seed.to_le_bytes())
        .finalize_xof();
    stream.fill(&mut bytes);
    let number = |pair: &[u8]| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32768.0;
    bytes.chunks_exact(2).map(number).collect()
}

/// Two layers, other ones for every seed.
pub fn head(seed: u64) -> DenseHead {
    let layer = |seed, inputs: usize, outputs| Dense {
        weights: numbers(seed, inputs * outputs),
        bias: numbers(seed + 1000, outputs),
    };
    DenseHead::new(vec![layer(seed, COLUMNS, 6), layer(seed + 1, 6, 3)]).unwrap()
}

pub fn rule() -> FeatureRule {
    FeatureRule::new(COLUMNS, CLIP, Encoding::Float).unwrap()
}

pub fn model(version: ModelVersion) -> Model {
    Model::new(head(version.0[0].into()), version, rule()).unwrap()
}

/// What the head of [`model`] says.
pub fn logits(version: ModelVersion, features: &[f32]) -> Vec<f32> {
    let head = head(version.0[0].into());
    head.answer(features, features.len() / COLUMNS).unwrap()
}

/// Nothing in the way but what a test puts there.
pub fn wide() -> Limits {
    let mut limits = Limits {
        rows_per_second: 1e9,
        burst_rows: 1e9,
        ..Limits::default()
    };
    limits.repeats.same = 0;
    limits
}

pub struct Place {
    pub authority: Authority,
    pub token: Token,
    pub server: Option<Server>,
    pub address: String,
    pub rule: FeatureRule,
}

impl Place {
    /// With certificates, logits, and the old model.
    pub fn new(limits: Limits) -> Self {
        Self::with(limits, model(OLD), rule(), |authority, _| {
            Clients::Certificates {
                authorities: vec![authority.certificate()],
                revoked: vec![],
            }
        })
    }

    /// With tokens.
    pub fn with_tokens(limits: Limits) -> Self {
        Self::with(limits, model(OLD), rule(), |_, token| {
            let hour = Duration::from_secs(3600);
            let entry = token.entry("clinic-a", SystemTime::now() + hour).unwrap();
            Clients::Tokens(TokenList::from_toml(&entry).unwrap())
        })
    }

    pub fn with(
        limits: Limits,
        model: Model,
        rule: FeatureRule,
        clients: impl FnOnce(&Authority, &Token) -> Clients,
    ) -> Self {
        Self::answering(Answers::Logits, limits, model, rule, clients)
    }

    pub fn answering(
        answers: Answers,
        limits: Limits,
        model: Model,
        rule: FeatureRule,
        clients: impl FnOnce(&Authority, &Token) -> Clients,
    ) -> Self {
        let authority = Authority::generate("authority", Duration::from_secs(3600)).unwrap();
        let token = Token::generate().unwrap();
        let settings = Settings {
            address: "127.0.0.1:0".parse().unwrap(),
            operator: Some("127.0.0.1:0".parse().unwrap()),
            credentials: authority.server(&["localhost"]).unwrap(),
            clients: clients(&authority, &token),
            answers,
            limits,
        };
        let server = Server::start(settings, model).unwrap();
        Self {
            address: server.address().to_string(),
            server: Some(server),
            authority,
            token,
            rule,
        }
    }

    pub fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    /// The settings of a client with a new certificate, pinned to a version.
    pub fn client_settings(&self, name: &str, model: ModelVersion) -> ClientSettings {
        ClientSettings {
            address: self.address.clone(),
            server_name: "localhost".into(),
            authorities: vec![self.authority.certificate()],
            proof: Proof::Certificate(self.authority.client(name).unwrap()),
            model,
            rule: self.rule,
            timeout: Duration::from_secs(60),
            max_answer_bytes: 1 << 20,
        }
    }

    pub fn client(&self, name: &str, model: ModelVersion) -> Client {
        Client::new(self.client_settings(name, model)).unwrap()
    }

    pub fn client_with(&self, token: &Token) -> Client {
        let mut settings = self.client_settings("unused", OLD);
        settings.proof = Proof::Token(Token::parse(token.reveal()).unwrap());
        Client::new(settings).unwrap()
    }
}
