//! What an operator does with nodes, as processes: watch, stop, start again.
#![cfg(unix)]

mod process;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use process::sites::{Node, PARTIES, Sites, get, sample};
use process::{done, record};
use tacit_identity::{Identity, SignedRoster};
use tacit_journal::Vault;
use tacit_seal::Unlock;
use tacit_session::{DigestWriter, Plan, PublicKey};

#[test]
fn a_node_that_is_terminated_in_mid_training_ends_in_order_and_goes_on_when_started_again() {
    let sites = Sites::new(4);
    let (hub, address, figures_of_hub) = sites.hub();
    for site in PARTIES {
        sites.configure(site, &Sites::party(&address));
    }
    let train = |site| sites.start(site, &["--train-only"]);
    let (a, c) = (train("hospital-a"), train("hospital-c"));
    let b = train("hospital-b");
    let figures_of_a = a.says("operations on ");
    b.says("train/gradient");
    b.signal("TERM");
    let (code, log) = b.ends();
    assert_eq!(code, 4, "{log}");
    assert!(
        log.contains("asked to stop") && log.contains("stopped by the operator"),
        "{log}"
    );
    hub.says("`hospital-b` is gone: it has left");

    let status = [
        "session",
        "status",
        "--config",
        "hospital-b/node.toml",
        "--json",
        "-",
    ];
    let left = record(&done(sites.path(), &status));
    assert_eq!(left.params()["phase"], "stopped");
    assert_eq!(left.params()["last_problem"], "by the operator");
    assert!(left.figures().get("bytes_sent").unwrap() > 1e5);

    // Meanwhile the others wait, and say for whom.
    let (line, well) = get(&figures_of_a, "/healthz");
    assert!(
        line.contains("200") && well == "training\n",
        "{line} {well}"
    );
    let (_, scraped) = get(&figures_of_a, "/metrics");
    assert_eq!(sample(&scraped, "tacit_attached"), 1.0);
    assert!(sample(&scraped, "tacit_sent_bytes_total") > 1e5);
    assert!(sample(&scraped, "tacit_received_frames_total") > 5.0);
    let (_, scraped) = get(&figures_of_hub, "/metrics");
    assert_eq!(
        sample(&scraped, "tacit_hub_attached{party=\"hospital-a\"}"),
        1.0
    );
    assert!(sample(&scraped, "tacit_hub_relayed_bytes_total") > 1e6);
    assert!(!scraped.contains("hospital-b"), "{scraped}");

    let b = train("hospital-b");
    for node in [a, b, c] {
        let (code, log) = node.ends();
        assert_eq!(code, 0, "{log}");
        assert!(log.contains("the training is complete"), "{log}");
    }
    let over = [
        "session",
        "status",
        "--config",
        "hospital-b/node.toml",
        "--watch",
        "--json",
        "-",
    ];
    let over = record(&done(sites.path(), &over));
    assert_eq!(over.params()["phase"], "done");
    assert_eq!(over.figures().get("trained"), Some(1.0));
    assert_eq!(over.figures().get("releases"), Some(1.0));
    // What preflight reckons is enough, and not far from it.
    let config = "hospital-a/node.toml";
    let tested = ["node", "preflight", "--config", config, "--json", "-"];
    let tested = record(&done(sites.path(), &tested));
    let space = tested.params()["space"]["found"]
        .as_str()
        .unwrap()
        .to_owned();
    let (_, may_write) = space.split_once("may write ").unwrap();
    let may_write: u64 = may_write.split(' ').next().unwrap().parse().unwrap();
    let written = size(&sites.path().join("hospital-a/state")) >> 20;
    assert!(
        written <= may_write && may_write < 8 * written.max(32),
        "{written}: {space}"
    );
    // A hub has nothing that would not be complete.
    hub.signal("INT");
    assert_eq!(hub.ends().0, 0);
}

/// Bytes of a folder's files.
fn size(folder: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let size = |entry: std::fs::DirEntry| match entry.metadata().unwrap() {
        found if found.is_dir() => size(&entry.path()),
        found => found.len(),
    };
    entries.map(size).sum()
}

#[test]
fn a_second_signal_ends_a_node_at_once() {
    let sites = Sites::new(1);
    let (hub, address, _) = sites.hub();
    sites.configure("hospital-a", &Sites::party(&address));
    let a: Node = sites.start("hospital-a", &[]);
    a.says("the hub is reached");
    // A hub that does not move keeps the node from leaving in order.
    hub.signal("STOP");
    a.signal("TERM");
    a.says("asked to stop");
    a.signal("TERM");
    let (code, log) = a.ends();
    assert_eq!(code, 130, "{log}");
}

/// Everything of a party that is secret and can be named.
fn secrets(sites: &Sites, site: &str) -> Vec<Vec<u8>> {
    let at = |name: &str| sites.path().join(site).join(name);
    let unlock = || Unlock::key_file(at("node.key")).unwrap();
    let identity = Identity::open(at("identity.sealed"), &unlock()).unwrap();
    let plan = std::fs::read_to_string(at("plan.toml")).unwrap();
    let digest = Plan::from_toml(&plan).unwrap().digest().unwrap();
    let roster = std::fs::read_to_string(sites.path().join("roster.toml")).unwrap();
    let issuer = PublicKey::from_hex(&sites.issuer).unwrap();
    let roster = SignedRoster::open(&roster, &issuer).unwrap();
    let owner = DigestWriter::new("tacit share key of a plan v1")
        .bytes(&digest.0)
        .bytes(&roster.session().digest().0)
        .bytes(identity.session_key().public().as_bytes())
        .finish();
    let folder = at("state").join(format!("diabetes-{}", &digest.to_string()[..16]));
    let vault = Vault::new(folder, unlock(), owner);
    let seed = vault.open("share-seed").unwrap().unwrap().to_vec();
    assert_eq!(seed.len(), 32);
    let tls = identity.tls_key().to_vec();
    let raw = tls[tls.len() - 32..].to_vec();
    vec![seed, tls, raw, std::fs::read(at("node.key")).unwrap()]
}

#[test]
fn the_log_of_a_whole_session_is_json_with_its_place_and_without_a_secret() {
    let sites = Sites::new(1);
    let (hub, address, _) = sites.hub();
    for site in PARTIES {
        sites.configure(site, &Sites::party(&address));
    }
    let json = ["--train-only", "--log-format", "json"];
    let nodes = PARTIES.map(|site| sites.start(site, &json));
    let mut logs = Vec::new();
    for node in nodes {
        let (code, log) = node.ends();
        assert_eq!(code, 0, "{log}");
        logs.push(log);
    }
    hub.signal("TERM");
    logs.push(hub.ends().1);
    let mut placed = 0;
    for line in logs[1].lines().filter(|line| line.starts_with('{')) {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(
            line["timestamp"].is_string() && line["level"].is_string(),
            "{line}"
        );
        let spans = line["spans"].as_array();
        let Some([node, session]) = spans.map(Vec::as_slice) else {
            continue;
        };
        assert_eq!(
            (&node["site"], &node["plan"]),
            (&"hospital-b".into(), &"diabetes".into())
        );
        assert!(
            session["round"].is_number() && session["session"] == 0,
            "{line}"
        );
        placed += 1;
    }
    assert!(placed > 5, "{}", logs[1]);
    for site in PARTIES {
        for secret in secrets(&sites, site) {
            let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
            // As bytes in brackets, as Debug writes them.
            let listed = format!("{secret:?}");
            let listed = listed.trim_matches(['[', ']']).to_owned();
            let forms = [
                hex.to_uppercase(),
                hex,
                STANDARD.encode(&secret).trim_end_matches('=').to_owned(),
                URL_SAFE.encode(&secret).trim_end_matches('=').to_owned(),
                listed.replace(' ', ""),
                listed,
            ];
            for log in &logs {
                let raw = log.as_bytes().windows(secret.len()).any(|w| w == secret);
                assert!(
                    !raw && forms.iter().all(|form| !log.contains(form)),
                    "{site}"
                );
            }
        }
    }
}
