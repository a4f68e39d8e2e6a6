//! Rosters and certificate requests. Both are signed: what the fuzzer writes is signed here, with a key
//! of its own, so that it reaches what stands behind the signature.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tacit_identity::{CertificateRequest, Identity, Revocation, SignedRoster, SiteRole};
use tacit_session::{Digest, DigestWriter, IdentityKey, PublicKey};
use toml::{Table, Value};

fn key() -> IdentityKey {
    IdentityKey::from_seed(&zeroize::Zeroizing::new([7; 32]))
}

fn text<'a>(table: &'a Table, name: &str) -> Option<&'a str> {
    table.get(name)?.as_str()
}

fn role(table: &Table) -> Option<u64> {
    Some(match text(table, "role")? {
        "party" => 1,
        "querier" => 2,
        "hub" => 3,
        _ => return None,
    })
}

fn lines<'a>(table: &'a Table, name: &str) -> Option<Vec<&'a Table>> {
    match table.get(name) {
        None => Some(Vec::new()),
        Some(lines) => lines.as_array()?.iter().map(Value::as_table).collect(),
    }
}

/// The roster's text with this key's signature, if there is enough of a roster to sign.
fn sign_roster(written: &str) -> Option<String> {
    let mut table: Table = toml::from_str(written).ok()?;
    let (members, revoked) = (lines(&table, "member")?, lines(&table, "revoked")?);
    let mut hash = DigestWriter::new("tacit signed roster v1")
        .u64(table.get("serial")?.as_integer()?.try_into().ok()?)
        .bytes(text(&table, "issued")?.as_bytes())
        .bytes(text(&table, "expires")?.as_bytes())
        .bytes(key().public().as_bytes())
        .u64(members.len() as u64);
    for member in members {
        hash = hash
            .bytes(text(member, "name")?.as_bytes())
            .u64(role(member)?)
            .bytes(PublicKey::from_hex(text(member, "key")?)?.as_bytes())
            .bytes(&Digest::from_hex(text(member, "certificate")?)?.0);
    }
    hash = hash.u64(revoked.len() as u64);
    for line in revoked {
        hash = hash
            .bytes(text(line, "name")?.as_bytes())
            .bytes(&Digest::from_hex(text(line, "certificate")?)?.0)
            .bytes(text(line, "reason")?.as_bytes());
    }
    let signature = key().attest(hash.finish()).to_string();
    table.insert("issuer".into(), key().public().to_string().into());
    table.insert("signature".into(), signature.into());
    toml::to_string(&table).ok()
}

/// A roster as it was written and, where it can be, as its issuer would sign it.
pub fn roster(data: &[u8]) -> bool {
    let Ok(written) = std::str::from_utf8(data) else {
        return false;
    };
    let _ = SignedRoster::open(written, &key().public());
    let Some(signed) = sign_roster(written) else {
        return false;
    };
    let Ok(roster) = SignedRoster::open(&signed, &key().public()) else {
        return false;
    };
    let again = SignedRoster::open(&roster.to_toml(), &key().public());
    assert_eq!(again.expect("what is written is read"), roster);
    for site in roster.sites() {
        assert_eq!(roster.place(site).is_none(), site.role == SiteRole::Hub);
        assert!(
            roster
                .revoked()
                .iter()
                .all(|r| r.certificate != site.certificate)
        );
    }
    assert!(
        roster
            .admit(data, SystemTime::UNIX_EPOCH, SiteRole::Party)
            .is_err()
    );
    true
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000)
}

fn site(name: &str, role: SiteRole) -> Identity {
    let year = Duration::from_secs(365 * 86_400);
    Identity::generate(name, role, now(), year).expect("an identity")
}

pub fn roster_seeds() -> Vec<Vec<u8>> {
    let all = [
        site("a", SiteRole::Party).request(),
        site("b", SiteRole::Party).request(),
        site("clinic", SiteRole::Querier).request(),
        site("hub", SiteRole::Hub).request(),
    ];
    let line = Revocation {
        name: "b".into(),
        certificate: Digest::of(b"before"),
        reason: "laptop stolen".into(),
    };
    let year = Duration::from_secs(365 * 86_400);
    let issue = |requests: &[_], revoked| {
        let roster = SignedRoster::issue(&key(), 3, requests, revoked, now(), year);
        roster.expect("a roster").to_toml().into_bytes()
    };
    vec![issue(&all[..2], vec![]), issue(&all, vec![line])]
}

/// The request's text with this key's signature.
fn sign_request(written: &str) -> Option<String> {
    let mut table: Table = toml::from_str(written).ok()?;
    let digest = DigestWriter::new("tacit certificate request v1")
        .bytes(text(&table, "name")?.as_bytes())
        .u64(role(&table)?)
        .bytes(key().public().as_bytes())
        .bytes(&STANDARD.decode(text(&table, "certificate")?).ok()?)
        .finish();
    table.insert("key".into(), key().public().to_string().into());
    table.insert("signature".into(), key().attest(digest).to_string().into());
    toml::to_string(&table).ok()
}

/// A certificate request, as it was written and signed anew.
pub fn request(data: &[u8]) -> bool {
    let Ok(written) = std::str::from_utf8(data) else {
        return false;
    };
    let _ = CertificateRequest::from_toml(written);
    let Some(signed) = sign_request(written) else {
        return false;
    };
    let Ok(request) = CertificateRequest::from_toml(&signed) else {
        return false;
    };
    let again = CertificateRequest::from_toml(&request.to_toml());
    assert_eq!(again.expect("what is written is read"), request);
    assert_eq!(request.certificate().name(), request.name());
    true
}

pub fn request_seeds() -> Vec<Vec<u8>> {
    let all = [site("a", SiteRole::Party), site("hub", SiteRole::Hub)];
    all.map(|site| site.request().to_toml().into_bytes()).into()
}
