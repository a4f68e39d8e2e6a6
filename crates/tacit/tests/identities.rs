//! Identities and rosters over their life: renewed, revoked, refused.

mod process;

use process::{code, done, record, refused, tacit, told, write};
use tempfile::TempDir;

/// Two parties and a hub with a roster; the issuer's key.
fn consortium() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "key", [9; 32]);
    for (name, role) in [("a", "party"), ("b", "party"), ("hub", "hub")] {
        new(folder.path(), name, role, "365");
    }
    let issued = done(
        folder.path(),
        &[
            "roster",
            "issue",
            "--identity",
            "a/identity.sealed",
            "--key-file",
            "key",
            "--serial",
            "1",
            "--out",
            "roster.toml",
            "a/request.toml",
            "b/request.toml",
            "hub/request.toml",
        ],
    );
    let text = String::from_utf8(issued.stdout).unwrap();
    let issuer = text.lines().find_map(|l| l.strip_prefix("issuer's key: "));
    (folder, issuer.unwrap().to_owned())
}

fn new(folder: &std::path::Path, name: &str, role: &str, days: &str) {
    let args = [
        "identity",
        "new",
        "--name",
        name,
        "--role",
        role,
        "--out",
        name,
        "--key-file",
        "key",
        "--days",
        days,
    ];
    done(folder, &args);
}

fn reissue<'a>(issuer: &'a str, serial: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec![
        "roster",
        "reissue",
        "--roster",
        "roster.toml",
        "--issuer",
        issuer,
        "--identity",
        "a/identity.sealed",
        "--key-file",
        "key",
        "--serial",
        serial,
        "--out",
        "next.toml",
    ];
    args.extend(more);
    args
}

#[test]
fn a_renewed_identity_keeps_its_signing_key_and_leaves_the_old_one_in_use() {
    let (folder, issuer) = consortium();
    let folder = folder.path();
    let before = std::fs::read(folder.join("b/identity.sealed")).unwrap();
    let show = |identity| {
        let args = [
            "identity",
            "show",
            "--identity",
            identity,
            "--key-file",
            "key",
            "--json",
            "-",
        ];
        record(&done(folder, &args))
    };
    let old = show("b/identity.sealed");
    let renew = [
        "identity",
        "renew",
        "--identity",
        "b/identity.sealed",
        "--key-file",
        "key",
        "--out",
        "b/next",
        "--days",
        "100",
    ];
    done(folder, &renew);
    assert_eq!(
        std::fs::read(folder.join("b/identity.sealed")).unwrap(),
        before
    );
    let new = show("b/next/identity.sealed");
    assert_eq!(old.params()["key"], new.params()["key"]);
    assert_ne!(old.params()["certificate"], new.params()["certificate"]);
    assert!(new.figures().get("days_left").unwrap() <= 100.0);
    // A second time the first renewal is not lost.
    let again = tacit(folder, &renew);
    assert_ne!(code(&again), 0);
    assert!(
        told(&again).contains("b/next/identity.sealed"),
        "{}",
        told(&again)
    );

    let request = [
        "--renewed",
        "b/next/request.toml",
        "--revoke",
        "b:laptop stolen",
    ];
    let mut args = reissue(&issuer, "2", &request);
    args.extend(["--json", "-"]);
    let issued = record(&done(folder, &args));
    assert_eq!(issued.figures().get("members"), Some(3.0));
    assert_eq!(issued.figures().get("revoked"), Some(1.0));
}

#[test]
fn a_member_that_is_revoked_without_a_renewal_leaves_and_mistakes_are_named() {
    let (folder, issuer) = consortium();
    let folder = folder.path();
    refused(
        folder,
        &reissue(&issuer, "1", &["--revoke", "hub:gone"]),
        &["serial 1", "above 1"],
    );
    refused(
        folder,
        &reissue(&issuer, "2", &["--revoke", "nobody:gone"]),
        &["`nobody`"],
    );
    refused(
        folder,
        &reissue(&issuer, "2", &["--revoke", "hub"]),
        &["NAME:REASON"],
    );
    new(folder, "c", "party", "365");
    let stranger = ["--renewed", "c/request.toml"];
    refused(
        folder,
        &reissue(&issuer, "2", &stranger),
        &["`c` is not a member"],
    );
    // Another identity of the same name is not a renewal.
    std::fs::rename(folder.join("b"), folder.join("b-before")).unwrap();
    new(folder, "b", "party", "365");
    let other = ["--renewed", "b/request.toml"];
    refused(
        folder,
        &reissue(&issuer, "2", &other),
        &["`b`", "another key or role"],
    );

    let issued = done(
        folder,
        &reissue(&issuer, "2", &["--revoke", "hub:moved out"]),
    );
    let text = String::from_utf8_lossy(&issued.stdout);
    assert!(text.contains("of `hub`: moved out"), "{text}");
}

#[test]
fn a_node_whose_own_certificate_is_not_good_does_not_start_and_preflight_says_why() {
    let (folder, issuer) = consortium();
    let folder = folder.path();
    let config = |identity: &str, roster: &str| {
        let text = format!(
            "identity = \"{identity}\"\nroster = \"{roster}\"\nissuer = \"{issuer}\"\nstate = \
             \"state\"\nunlock = {{ key_file = \"key\" }}\nrelay = {{ listen = \"127.0.0.1:0\" }}\n"
        );
        write(folder, "node.toml", text);
    };
    let fails = |words: &str| {
        let ran = tacit(folder, &["node", "run", "--config", "node.toml"]);
        assert!(told(&ran).contains(words), "{}", told(&ran));
        assert!([1, 2].contains(&code(&ran)));
        let tested = tacit(
            folder,
            &["node", "preflight", "--config", "node.toml", "--json", "-"],
        );
        assert_eq!(code(&tested), 1);
        let tested = record(&tested);
        let found = &tested.params()["certificate"];
        assert_eq!(found["result"], "bad");
        assert!(found["found"].as_str().unwrap().contains(words), "{found}");
        assert_ne!(found["remedy"], "");
    };
    config("a/identity.sealed", "roster.toml");
    fails("`a` is a party in the roster and may not act as a hub");
    done(
        folder,
        &reissue(&issuer, "2", &["--revoke", "hub:key lost"]),
    );
    config("hub/identity.sealed", "next.toml");
    fails("the certificate of `hub` is revoked: key lost");
    // Valid until the moment it was made.
    new(folder, "late", "hub", "0");
    let requests = ["a/request.toml", "b/request.toml", "late/request.toml"];
    let issue = [
        "roster",
        "issue",
        "--identity",
        "a/identity.sealed",
        "--key-file",
        "key",
        "--serial",
        "3",
        "--out",
        "third.toml",
    ];
    done(folder, &[&issue[..], &requests].concat());
    config("late/identity.sealed", "third.toml");
    fails("the certificate of `late` expired at");
    config("late/identity.sealed", "roster.toml");
    fails("is not in roster 1");
}
