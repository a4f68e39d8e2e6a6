//! A hospital that stays away: the others go on where the plan has a threshold, and it hears of it when it is back.

use std::fs;
use std::process::Command;

use crate::table::{SITES, Table, alone, examples, kept, prepare, tacit};

#[test]
fn three_of_five_are_enough_once_a_hospital_stays_away_and_it_is_told_when_it_is_back() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let sites = folder.path().join("sites");
    let text = fs::read_to_string(examples().join("plan.toml")).unwrap();
    let timing = "[timing]\nretry_seconds = 15\ndeadline_seconds = 600\n";
    assert!(text.contains(timing));
    let soon = "[threshold]\nt = 3\n\n[timing]\nretry_seconds = 1\ndeadline_seconds = 6\n";
    let plan = folder.path().join("plan.toml");
    fs::write(&plan, text.replacen(timing, soon, 1)).unwrap();
    prepare(&sites, &plan, &examples().join("policy.toml"));
    let mut table = Table::open(&sites);
    SITES.iter().for_each(|site| table.serve(site));
    // Two stay away, one after the other, with some iterations between.
    let gone = [SITES[3], SITES[1]];
    let mut iterations = 0;
    table.hear(|line| {
        iterations += usize::from(line.site == gone[0] && line.text.contains("train/refresh"));
        iterations == 3
    });
    table.kill(gone[0]);
    table.hear(|line| line.site == gone[1] && line.text.contains("continue/checkpoint"));
    table.hear(|line| line.site == gone[1] && line.text.contains("train/refresh"));
    table.kill(gone[1]);
    let asked = Command::new(tacit())
        .args(["query", "--patience", "200", "--config"])
        .arg(sites.join("clinic/node.toml"))
        .arg("--input")
        .arg(sites.join("clinic/patients.csv"))
        .arg("--out")
        .arg(folder.path().join("answers.csv"))
        .args(["--require", "accuracy>=0.7"])
        .env("TACIT_NODE_QUERIER__ADDRESS", &table.address)
        .output()
        .unwrap();
    let said: Vec<_> = (table.lines.try_iter())
        .map(|line| format!("{}: {}", line.site, line.text))
        .collect();
    assert!(asked.status.success(), "{asked:?}\n{}", said.join("\n"));
    for site in [SITES[0], SITES[2], SITES[4]] {
        let kept = kept(&sites, site);
        for name in [
            "go-on-1",
            "go-on-2",
            "training-attempt-2.over",
            "training-attempt-2.log",
        ] {
            assert!(
                kept.join(name).exists(),
                "{site}: {name}\n{}",
                said.join("\n")
            );
        }
        assert!(!kept.join("training.over").exists());
    }
    // Back again, it waits as it did, asks, and hears that it is not among them any more.
    table.serve(gone[0]);
    let told = table.hear(|line| line.site == gone[0] && line.text.contains("go on without"));
    assert!(told.text.contains(SITES[0]), "{}", told.text);
    assert!(!table.wait(gone[0]).success());
}
