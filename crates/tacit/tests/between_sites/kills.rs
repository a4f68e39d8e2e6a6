//! `kill -9` of nodes and hub at random moments of a training between processes. Two copies of one beginning are trained
//! to the end, one in calm and one under failures: keys and nonces are the same, so every journal must be, byte for byte.

use std::fs;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use tacit_session::simulation::Dice;

use crate::table::{HUB, SITES, Table, alone, copy, examples, kept, prepare, tacit};

fn median(mut of: Vec<Duration>) -> Duration {
    of.sort();
    of[of.len() / 2]
}

/// Set TACIT_KILLS for more of them, and TACIT_KILLS_SEED for others.
#[test]
fn a_training_under_failures_is_the_training_without_them_byte_for_byte() {
    let number =
        |name: &str, default: u64| std::env::var(name).map_or(default, |n| n.parse().unwrap());
    let kills = number("TACIT_KILLS", 8) as usize;
    let mut dice = Dice::new(number("TACIT_KILLS_SEED", 2));
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let [begun, calm, storm] = ["begun", "calm", "storm"].map(|name| folder.path().join(name));
    let plan = examples().join("plan.toml");
    prepare(&begun, &plan, &examples().join("policy.toml"));

    // The beginning: everyone has answered the root's nonce and begun with the keys.
    let mut table = Table::open(&begun);
    SITES.iter().for_each(|site| table.start(site));
    for site in SITES {
        table.hear(|line| line.site == site && line.text.contains("keys/"));
    }
    SITES.iter().for_each(|site| table.kill(site));
    drop(table);
    copy(&begun, &calm);
    copy(&begun, &storm);

    let mut table = Table::open(&calm);
    let started = Instant::now();
    SITES.iter().for_each(|site| table.start(site));
    table.finish(&SITES);
    let undisturbed = started.elapsed();

    let mut table = Table::open(&storm);
    let started = Instant::now();
    SITES.iter().for_each(|site| table.start(site));
    let (mut lost, mut of_hub, mut complete) = (Vec::new(), 0, 0);
    // All of them before the training is over.
    let longest = undisturbed.as_millis() as usize / kills.max(1);
    while lost.len() < kills {
        // A random moment; meanwhile the others go on.
        let moment = Instant::now() + Duration::from_millis(1 + dice.below(longest) as u64);
        while let Some(left) = moment.checked_duration_since(Instant::now()) {
            match table.lines.recv_timeout(left) {
                Ok(line) => complete += usize::from(line.text.starts_with("complete")),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => unreachable!("the table keeps a sender"),
            }
        }
        assert_eq!(
            complete,
            0,
            "the training ended after {} failures",
            lost.len()
        );
        let victim = match dice.below(SITES.len() + 1) {
            0 => HUB,
            n => SITES[n - 1],
        };
        let began = Instant::now();
        table.kill(victim);
        while table.lines.try_recv().is_ok() {}
        table.start(victim);
        match victim {
            HUB => {
                of_hub += 1;
                let mut away = Vec::from(SITES);
                while !away.is_empty() {
                    let back = table.hear(|line| line.text.ends_with("the hub is reached"));
                    away.retain(|site| *site != back.site);
                }
            }
            _ => drop(
                table.hear(|line| line.site == victim && line.text.ends_with("the hub is reached")),
            ),
        }
        lost.push(began.elapsed());
    }
    table.finish(&SITES);
    let disturbed = started.elapsed();

    for site in SITES {
        let [one, other] = [&calm, &storm].map(|run| {
            let journal = kept(run, site).join("training.log");
            fs::read(journal).unwrap()
        });
        let first = one.iter().zip(&other).position(|(a, b)| a != b);
        assert!(
            one == other,
            "{site}: the journals differ from byte {first:?} on"
        );
    }
    let journals = SITES.map(|site| kept(&storm, site).join("training.log"));
    let issuer = fs::read_to_string(begun.join("issuer")).unwrap();
    let audited = assert_cmd::Command::new(tacit())
        .args(["log", "audit"])
        .args(&journals)
        .arg("--plan")
        .arg(&plan)
        .arg("--roster")
        .arg(begun.join("roster.toml"))
        .args(["--issuer", issuer.trim()])
        .args(["--require", "journals.second_shares<=0"])
        .args(["--require", "journals.contradictions<=0"])
        .assert()
        .success();
    println!("{}", String::from_utf8_lossy(&audited.get_output().stdout));
    let each = disturbed.saturating_sub(undisturbed) / kills as u32;
    println!(
        "{kills} failures ({of_hub} of the hub): {disturbed:.1?} instead of {undisturbed:.1?}, {each:.2?} each; \
         back after {:.2?} in the middle",
        median(lost)
    );
}
