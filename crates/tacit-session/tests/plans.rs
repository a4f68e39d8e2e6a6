//! What a plan may say, and what its digest pins.

use proptest::prelude::*;
use tacit_session::{Error, Plan, Roster};

const PLAN: &str = r#"
schema = 1
name = "readmission"
min_rows = 50

[model]
family = "logistic"
iterations = 60
learning_rate = 0.5

[parameters]
choose = true

[[party]]
name = "hospital-a"
cohort = { path = "a.csv" }

[[party]]
name = "hospital-b"
cohort = { path = "b.csv" }

[[querier]]
name = "clinic"

[[release]]
what = "prediction"
to = ["clinic"]
at_most = 1000
precision_bits = 16
"#;

fn plan() -> Plan {
    Plan::from_toml(PLAN).unwrap()
}

fn refused(change: impl FnOnce(&mut Plan)) -> (String, String) {
    let mut plan = plan();
    change(&mut plan);
    match plan.validate() {
        Err(Error::Plan { field, remedy, .. }) => (field, remedy),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_refused_plan_names_the_field_and_the_remedy() {
    use tacit_session::plan::{
        ExplicitParameters, Parameters, ReleaseKind, RingKind, Threshold, TopologyPlan,
    };
    let cases = [
        (refused(|p| p.schema = 2), "schema"),
        (refused(|p| p.name = "Röntgen".into()), "name"),
        (refused(|p| p.model.family = String::new()), "model.family"),
        (refused(|p| p.min_rows = 0), "min_rows"),
        (refused(|p| p.parties.truncate(1)), "party"),
        (
            refused(|p| p.parties[1].name = "hospital-a".into()),
            "party `hospital-a`",
        ),
        (
            refused(|p| p.queriers[0].name = "hospital-a".into()),
            "querier `hospital-a`",
        ),
        (refused(|p| p.releases.clear()), "release"),
        (
            refused(|p| p.releases[0].to = vec!["mallory".into()]),
            "release 1.to",
        ),
        (refused(|p| p.releases[0].to.clear()), "release 1.to"),
        (refused(|p| p.releases[0].at_most = 0), "release 1.at_most"),
        (
            refused(|p| p.releases[0].precision_bits = 53),
            "release 1.precision_bits",
        ),
        (
            refused(|p| p.security.computational_bits = 80),
            "security.computational_bits",
        ),
        (
            refused(|p| p.security.statistical_bits = 20),
            "security.statistical_bits",
        ),
        (
            refused(|p| p.threshold = Some(Threshold { t: 3 })),
            "threshold.t",
        ),
        (
            refused(|p| p.threshold = Some(Threshold { t: 1 })),
            "threshold.t",
        ),
        (
            refused(|p| p.topology = TopologyPlan::Tree { arity: 1 }),
            "topology.arity",
        ),
        (
            refused(|p| p.limits.max_payload_bytes = 1),
            "limits.max_payload_bytes",
        ),
        (
            refused(|p| p.timing.retry_seconds = 0),
            "timing.retry_seconds",
        ),
        (
            refused(|p| p.timing.deadline_seconds = 1),
            "timing.deadline_seconds",
        ),
        (
            refused(|p| {
                p.min_rows = 9;
                p.releases[0].what = ReleaseKind::Statistics;
            }),
            "min_rows",
        ),
        (
            refused(|p| {
                p.parameters = Parameters::Explicit(ExplicitParameters {
                    ring: RingKind::ConjugateInvariant,
                    log_n: 14,
                    q_bits: vec![50, 40, 60],
                    p_bits: vec![50],
                    scale_bits: 40,
                });
            }),
            "parameters.q_bits",
        ),
    ];
    for ((field, remedy), expected) in cases {
        assert_eq!(field, expected);
        assert!(!remedy.is_empty());
    }
}

#[test]
fn unknown_and_contradictory_fields_are_refused_by_name() {
    let cases = [
        (PLAN.replace("min_rows", "minimum_rows"), "minimum_rows"),
        (
            PLAN.replace("choose = true", "choose = true\nlog_n = 14"),
            "scale_bits",
        ),
        (PLAN.replace("choose = true", "log_n = 14"), "scale_bits"),
        (PLAN.replace("at_most = 1000", "at_most = -1"), "at_most"),
        (
            PLAN.replace("\"prediction\"", "\"everything\""),
            "everything",
        ),
        (
            PLAN.replace("[parameters]", "[topology]\nshape = \"ring\"\n[parameters]"),
            "ring",
        ),
    ];
    for (text, named) in cases {
        match Plan::from_toml(&text) {
            Err(Error::PlanSyntax { problem }) => assert!(problem.contains(named), "{problem}"),
            other => panic!("{named}: {other:?}"),
        }
    }
    let long = format!("{PLAN}#{}", " ".repeat(1 << 20));
    assert!(matches!(
        Plan::from_toml(&long),
        Err(Error::PlanSyntax { .. })
    ));
}

#[test]
fn the_digest_is_of_the_meaning_not_of_the_text() {
    let digest = plan().digest().unwrap();
    let rewritten = plan().to_toml().unwrap();
    assert_ne!(rewritten, PLAN);
    assert_eq!(
        Plan::from_toml(&rewritten).unwrap().digest().unwrap(),
        digest
    );
    let with_default = PLAN.replace("[parameters]", "[security] # default\n[parameters]");
    assert_eq!(
        Plan::from_toml(&with_default).unwrap().digest().unwrap(),
        digest
    );
}

#[test]
fn every_change_of_meaning_changes_the_digest() {
    let changes = [
        ("min_rows = 50", "min_rows = 51"),
        ("iterations = 60", "iterations = 61"),
        ("learning_rate = 0.5", "learning_rate = 0.25"),
        ("iterations = 60", "iterations = \"60\""),
        ("a.csv", "c.csv"),
        ("clinic", "ward"),
        ("at_most = 1000", "at_most = 1001"),
        ("precision_bits = 16", "precision_bits = 17"),
        (
            "[parameters]",
            "[security]\nstatistical_bits = 65\n[parameters]",
        ),
        (
            "[parameters]",
            "[topology]\nshape = \"tree\"\narity = 2\n[parameters]",
        ),
        ("[parameters]", "[threshold]\nt = 2\n[parameters]"),
    ];
    let digest = plan().digest().unwrap();
    for (from, to) in changes {
        let changed = Plan::from_toml(&PLAN.replace(from, to)).unwrap();
        assert_ne!(changed.digest().unwrap(), digest, "{to}");
    }
}

/// The digest is signed and kept in logs: it may not drift from version to version.
#[test]
fn the_digest_of_a_plan_is_known() {
    let known = "b16066df6b726eca6b77c2cb300e492bc70d428aaa2d94b18e9766218004d099";
    assert_eq!(plan().digest().unwrap().to_string(), known);
}

#[test]
fn model_and_cohort_sections_are_read_as_the_types_that_own_them() {
    #[derive(serde::Deserialize, serde::Serialize, PartialEq, Debug)]
    #[serde(deny_unknown_fields)]
    struct Glm {
        iterations: u32,
        learning_rate: f64,
        #[serde(default)]
        momentum: f64,
    }
    let mut plan = plan();
    let glm: Glm = plan.model_as().unwrap();
    assert_eq!(
        glm,
        Glm {
            iterations: 60,
            learning_rate: 0.5,
            momentum: 0.0
        }
    );

    let before = plan.digest().unwrap();
    plan.set_model(&glm).unwrap();
    assert_ne!(plan.digest().unwrap(), before, "the default is now pinned");
    assert_eq!(plan.model_as::<Glm>().unwrap(), glm);

    #[derive(serde::Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    struct Selection {
        #[allow(dead_code)]
        table: String,
    }
    let party = &plan.parties[0];
    match party.cohort.settings_as::<Selection>(&party.name) {
        Err(Error::Plan { field, problem, .. }) => {
            assert_eq!(field, "party `hospital-a`.cohort");
            assert!(problem.contains("path"), "{problem}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_roster_must_be_the_plans() {
    use tacit_session::{IdentityKey, Member, Role};
    let member = |name: &str, role| {
        let key = IdentityKey::generate().unwrap().public();
        Member {
            name: name.into(),
            role,
            key,
        }
    };
    let (a, b) = (
        member("hospital-a", Role::Party),
        member("hospital-b", Role::Party),
    );
    let c = member("clinic", Role::Querier);
    let check = |members| plan().check_roster(&Roster::new(members).unwrap());
    check(vec![a.clone(), b.clone(), c.clone()]).unwrap();
    check(vec![b.clone(), a.clone(), c.clone()]).unwrap_err();
    check(vec![a.clone(), b.clone()]).unwrap_err();
    check(vec![
        a.clone(),
        b.clone(),
        c.clone(),
        member("d", Role::Querier),
    ])
    .unwrap_err();

    let refused = |members| match Roster::new(members) {
        Err(Error::Roster { member, .. }) => member,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(vec![a.clone(), a.clone()]), "hospital-a");
    let same_key = Member {
        name: "hospital-z".into(),
        ..a.clone()
    };
    assert_eq!(refused(vec![a.clone(), same_key]), "hospital-z");
    assert_eq!(refused(vec![a.clone(), c.clone(), b.clone()]), "clinic");
    assert_eq!(refused(vec![a.clone()]), "*");
    assert_eq!(refused(vec![a, member("B", Role::Party)]), "B");
}

proptest! {
    #[test]
    fn reading_a_plan_never_panics(text in ".{0,400}") {
        let _ = Plan::from_toml(&text);
        let _ = Roster::from_toml(&text);
    }

    #[test]
    fn reading_a_damaged_plan_never_panics(at in 0..PLAN.len(), with in "[ -~\n]{0,3}") {
        let mut text = PLAN.to_owned();
        text.replace_range(at..at + 1, &with);
        if let Ok(plan) = Plan::from_toml(&text) {
            let again = Plan::from_toml(&plan.to_toml().unwrap()).unwrap();
            prop_assert_eq!(again.digest().unwrap(), plan.digest().unwrap());
        }
    }
}
