//! Who is let in, who is not, and what they are told.

use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use tacit_identity::{
    CertificateRequest, Error, Identity, Refusal, Revocation, SignedRoster, SiteRole,
};
use tacit_seal::Unlock;

const DAY: Duration = Duration::from_secs(86_400);

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000)
}

fn site(name: &str, role: SiteRole) -> Identity {
    Identity::generate(name, role, now(), 365 * DAY).unwrap()
}

struct Consortium {
    a: Identity,
    b: Identity,
    clinic: Identity,
    hub: Identity,
}

impl Consortium {
    fn new() -> Self {
        Self {
            a: site("hospital-a", SiteRole::Party),
            b: site("hospital-b", SiteRole::Party),
            clinic: site("clinic", SiteRole::Querier),
            hub: site("hub", SiteRole::Hub),
        }
    }

    fn requests(&self) -> Vec<CertificateRequest> {
        // Not in the order of the roster.
        vec![
            self.hub.request(),
            self.a.request(),
            self.clinic.request(),
            self.b.request(),
        ]
    }

    fn issue(&self, serial: u64, revoked: Vec<Revocation>) -> Result<SignedRoster, Error> {
        let key = self.a.session_key();
        SignedRoster::issue(&key, serial, &self.requests(), revoked, now(), 30 * DAY)
    }
}

#[test]
fn members_are_admitted_in_their_role_and_only_in_it() {
    let all = Consortium::new();
    let roster = all.issue(1, vec![]).unwrap();
    let names: Vec<_> = roster.sites().iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["hospital-a", "hospital-b", "clinic", "hub"]);
    assert_eq!(roster.session().parties(), 2);
    assert_eq!(roster.session().members().len(), 3, "the hub says nothing");
    for site in [&all.a, &all.b, &all.clinic, &all.hub] {
        let der = site.certificate().der();
        let admitted = roster.admit(der, now(), site.role()).unwrap();
        assert_eq!(admitted.name, site.name());
        assert_eq!(
            admitted.key,
            site.session_key().public(),
            "party and certificate are bound"
        );
        for role in [SiteRole::Party, SiteRole::Querier, SiteRole::Hub] {
            let refusal = roster.admit(der, now(), role).err();
            assert_eq!(refusal.is_some(), role != site.role());
            assert!(matches!(refusal, None | Some(Refusal::WrongRole { .. })));
        }
    }
}

#[test]
fn unknown_expired_early_and_revoked_certificates_are_refused_by_name_and_reason() {
    let all = Consortium::new();
    let lost = site("hospital-b", SiteRole::Party);
    let revoked = Revocation {
        name: "hospital-b".into(),
        certificate: lost.certificate().fingerprint(),
        reason: "laptop stolen".into(),
    };
    let roster = all.issue(2, vec![revoked]).unwrap();
    let refused = |identity: &Identity, at| {
        let der = identity.certificate().der();
        roster.admit(der, at, SiteRole::Party).unwrap_err()
    };
    let stranger = refused(&site("hospital-b", SiteRole::Party), now());
    assert!(matches!(stranger, Refusal::Unknown { serial: 2, .. }));
    assert!(refused(&lost, now()).to_string().contains("laptop stolen"));
    let early = refused(&all.a, now() - 2 * DAY);
    assert!(matches!(early, Refusal::NotYetValid { .. }));
    let old_roster = refused(&all.a, now() + 31 * DAY);
    assert!(matches!(old_roster, Refusal::RosterExpired { .. }));

    let short = Identity::generate("hospital-c", SiteRole::Party, now(), DAY).unwrap();
    let requests = [all.a.request(), short.request()];
    let key = all.a.session_key();
    let roster = SignedRoster::issue(&key, 3, &requests, vec![], now(), 30 * DAY).unwrap();
    let der = short.certificate().der();
    assert!(roster.admit(der, now() + DAY / 2, SiteRole::Party).is_ok());
    let refusal = roster.admit(der, now() + 2 * DAY, SiteRole::Party);
    let said = refusal.unwrap_err().to_string();
    assert!(
        said.contains("hospital-c") && said.contains("expired"),
        "{said}"
    );
}

#[test]
fn a_renewed_certificate_changes_the_signed_roster_and_no_plan() {
    let mut all = Consortium::new();
    let before = all.issue(1, vec![]).unwrap();
    let old = all.b.certificate().clone();
    all.b = all.b.renewed(now(), 365 * DAY).unwrap();
    let revoked = Revocation {
        name: "hospital-b".into(),
        certificate: old.fingerprint(),
        reason: "renewed".into(),
    };
    let after = all.issue(2, vec![revoked]).unwrap();
    assert_eq!(before.session().digest(), after.session().digest());
    assert_ne!(before.fingerprint(), after.fingerprint());
    let party = |der| after.admit(der, now(), SiteRole::Party);
    assert!(matches!(party(old.der()), Err(Refusal::Revoked { .. })));
    assert!(party(all.b.certificate().der()).is_ok());
}

#[test]
fn a_roster_is_read_back_under_its_issuers_key_alone() {
    let all = Consortium::new();
    let roster = all.issue(7, vec![]).unwrap();
    let text = roster.to_toml();
    let read = SignedRoster::open(&text, &all.a.session_key().public()).unwrap();
    assert_eq!(read, roster);
    assert_eq!(read.fingerprint().to_string().len(), 39);
    let other = SignedRoster::open(&text, &all.b.session_key().public());
    assert!(matches!(other, Err(Error::Roster { .. })));
    assert!(read.check_not_older_than(7).is_ok());
    assert!(read.check_not_older_than(8).is_err(), "an old one returns");
}

#[test]
fn every_change_to_a_roster_or_request_breaks_its_signature() {
    let all = Consortium::new();
    let issuer = all.a.session_key().public();
    let roster = all.issue(7, vec![]).unwrap().to_toml();
    let request = all.b.request().to_toml();
    let (b, clinic) = (&all.b, &all.clinic);
    for (from, to) in [
        ("serial = 7".to_owned(), "serial = 8".to_owned()),
        ("role = \"querier\"".into(), "role = \"party\"".into()),
        ("hospital-b".into(), "hospital-x".into()),
        (
            b.certificate().fingerprint().to_string(),
            site("x", SiteRole::Party)
                .certificate()
                .fingerprint()
                .to_string(),
        ),
        (
            clinic.session_key().public().to_string(),
            site("x", SiteRole::Party)
                .session_key()
                .public()
                .to_string(),
        ),
    ] {
        assert!(roster.contains(&from), "{from}");
        let changed = roster.replace(&from, &to);
        assert!(SignedRoster::open(&changed, &issuer).is_err(), "{from}");
    }
    assert_eq!(
        CertificateRequest::from_toml(&request).unwrap(),
        b.request()
    );
    for (from, to) in [
        ("role = \"party\"", "role = \"hub\""),
        ("name = \"hospital-b\"", "name = \"hospital-a\""),
        ("schema = 1", "schema = 2"),
    ] {
        let changed = request.replace(from, to);
        assert_ne!(changed, request);
        assert!(CertificateRequest::from_toml(&changed).is_err(), "{from}");
    }
}

#[test]
fn names_keys_and_certificates_occur_once() {
    let all = Consortium::new();
    let key = all.a.session_key();
    let issue = |requests: &[CertificateRequest]| {
        SignedRoster::issue(&key, 1, requests, vec![], now(), DAY).map(|_| ())
    };
    let (a, b) = (all.a.request(), all.b.request());
    assert!(issue(&[a.clone(), b.clone()]).is_ok());
    assert!(issue(&[a.clone(), b.clone(), b.clone()]).is_err());
    let namesake = site("hospital-b", SiteRole::Party).request();
    assert!(issue(&[a.clone(), b.clone(), namesake]).is_err());
    let renewed = all.b.renewed(now(), DAY).unwrap().request();
    assert!(
        issue(&[a.clone(), b, renewed]).is_err(),
        "one key, two lines"
    );
    assert!(issue(&[a]).is_err(), "nobody is a session alone");
}

#[test]
fn an_identity_is_on_disk_only_sealed_and_never_overwritten_by_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("identity.sealed");
    let unlock = Unlock::key([3; 32]).unwrap();
    let identity = site("hospital-a", SiteRole::Party);
    identity.create(&path, &unlock).unwrap();
    assert!(identity.create(&path, &unlock).is_err());
    let read = Identity::open(&path, &unlock).unwrap();
    assert_eq!(read.request(), identity.request());
    assert_eq!(read.tls_key(), identity.tls_key());
    assert!(Identity::open(&path, &Unlock::key([4; 32]).unwrap()).is_err());

    let bytes = std::fs::read(&path).unwrap();
    let key = identity.tls_key();
    assert!(!bytes.windows(32).any(|w| w == &key[key.len() - 32..]));
    let shown = format!("{identity:?}");
    assert!(!shown.contains("seed") && !shown.contains("tls_key"));

    let renewed = read.renewed(now(), DAY).unwrap();
    renewed.replace(&path, &unlock).unwrap();
    let read = Identity::open(&path, &unlock).unwrap();
    assert_eq!(read.session_key().public(), identity.session_key().public());
    assert_ne!(read.certificate(), identity.certificate());
}

#[test]
fn names_that_are_no_host_names_are_refused() {
    for bad in ["", "-a", "a-", "A", "a.b", "a b", &"a".repeat(64)] {
        assert!(Identity::generate(bad, SiteRole::Party, now(), DAY).is_err());
    }
}

proptest! {
    #[test]
    fn reading_anything_never_panics(
        text in "\\PC{0,200}",
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let issuer = tacit_session::IdentityKey::from_seed(&zeroize::Zeroizing::new([1; 32]));
        let _ = SignedRoster::open(&text, &issuer.public());
        let _ = CertificateRequest::from_toml(&text);
        let _ = tacit_identity::Certificate::from_der(&bytes);
    }

    #[test]
    fn a_damaged_request_is_refused(at in 0usize..2000, byte in 32u8..127) {
        let identity = site("hospital-b", SiteRole::Party);
        let mut text = identity.request().to_toml().into_bytes();
        let at = at % text.len();
        prop_assume!(text[at] != byte && text[at] != b'\n' && text[at] != b' ');
        text[at] = byte;
        let text = String::from_utf8(text).unwrap();
        if let Ok(read) = CertificateRequest::from_toml(&text) {
            // Spaces between tokens mean nothing.
            prop_assert_eq!(read, identity.request());
        }
    }
}

#[test]
fn a_roster_that_is_issued_again_keeps_places_and_plans_and_takes_certificates_away() {
    let all = Consortium::new();
    let key = all.a.session_key();
    let first = all.issue(1, vec![]).unwrap();
    let lost = all.b.certificate().clone();
    let b = all.b.renewed(now(), 90 * DAY).unwrap();
    let stolen = [("hospital-b".to_owned(), "stolen".to_owned())];
    let from = (now(), 30 * DAY);
    let second = first
        .reissue(&key, 2, &[b.request()], &stolen, from)
        .unwrap();
    assert_eq!(second.session().digest(), first.session().digest());
    let admit =
        |roster: &SignedRoster, der: &[u8]| roster.admit(der, now(), SiteRole::Party).map(drop);
    assert!(admit(&second, b.certificate().der()).is_ok());
    let refusal = admit(&second, lost.der()).unwrap_err();
    assert!(matches!(&refusal, Refusal::Revoked { reason, .. } if reason == "stolen"));
    let read = SignedRoster::open(&second.to_toml(), &key.public()).unwrap();
    assert_eq!(read, second);

    // What was revoked stays so, and who has no new certificate leaves.
    let gone = [("clinic".to_owned(), "project ended".to_owned())];
    let third = second.reissue(&key, 3, &[], &gone, from).unwrap();
    assert_eq!((third.revoked().len(), third.sites().len()), (2, 3));
    assert!(first.reissue(&key, 1, &[], &[], from).is_err());
    let other = site("hospital-a", SiteRole::Party).request();
    let refused = first.reissue(&key, 2, &[other], &[], from).unwrap_err();
    assert!(
        refused.to_string().contains("another key or role"),
        "{refused}"
    );
}
