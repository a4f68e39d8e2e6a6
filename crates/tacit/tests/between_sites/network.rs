//! A network trained by hospitals, which all of them then have.

use std::fs;

use crate::table::{SITES, Table, alone, examples, kept, prepare};

#[test]
fn five_hospitals_train_a_network_and_each_has_the_same_model_one_of_them_after_a_failure() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let sites = folder.path().join("sites");
    let text = fs::read_to_string(examples().join("network.toml")).unwrap();
    let plan = folder.path().join("plan.toml");
    fs::write(&plan, text.replacen("iterations = 6", "iterations = 2", 1)).unwrap();
    prepare(&sites, &plan, &examples().join("network-policy.toml"));
    let mut table = Table::open(&sites);
    SITES.iter().for_each(|site| table.start(site));
    let unlucky = SITES[3];
    table.hear(|line| line.site == unlucky && line.text.contains("train/gradient"));
    table.kill(unlucky);
    table.start(unlucky);
    table.finish(&SITES);
    let model = |site| fs::read(kept(&sites, site).join("model.safetensors")).unwrap();
    let first = model(SITES[0]);
    assert!(first.len() > 8 * (9 * 32 + 32 * 2));
    assert!(SITES.iter().all(|site| model(site) == first));
    let log = fs::read_to_string(sites.join(unlucky).join("state/releases.jsonl")).unwrap();
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains("model/release"), "{log}");
}
