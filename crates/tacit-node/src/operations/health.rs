//! Whether a node is well, in one word for a machine and one sentence for a person.

use tacit_identity::SiteRole;

use super::Snapshot;

/// Whether the node does its work; else what is wrong with it. `now` in seconds since 1970; a session
/// that is open and has not moved for more than `stalled_after` seconds is not well.
pub fn health(node: &Snapshot, now: u64, stalled_after: u64) -> Result<String, String> {
    let status = &node.status;
    match node.role {
        None => return Ok("starting".into()),
        Some(SiteRole::Hub) => return in_date(node, now).map(|()| "relaying".into()),
        Some(_) => {}
    }
    if status.phase == "stopped" {
        let why = status.last_problem.as_deref().unwrap_or("no reason known");
        return Err(format!("stopped: {why}"));
    }
    let still = now.saturating_sub(status.progressed);
    if status.open && still > stalled_after {
        let whom = match (&status.late[..], &status.waiting_on[..]) {
            ([], []) => "nobody in particular".to_owned(),
            ([], waiting_on) => waiting_on.join(", "),
            (late, _) => late.join(", "),
        };
        let hub = match status.attached {
            true => "reached",
            false => "not reached",
        };
        return Err(format!(
            "no progress for {still} s in round {} ({}); it waits for {whom}; the hub is {hub}",
            status.round, status.label
        ));
    }
    Ok(status.phase.clone())
}

/// Whether the node can take part now: it is well, at its hub, and its certificate is in date.
pub fn readiness(node: &Snapshot, now: u64, stalled_after: u64) -> Result<String, String> {
    let well = health(node, now, stalled_after)?;
    in_date(node, now)?;
    match node.role {
        None => Err("starting: its files are not read yet".into()),
        Some(SiteRole::Hub) => Ok(well),
        Some(_) if node.status.attached => Ok(well),
        Some(_) => Err(match &node.status.last_problem {
            Some(problem) => format!("the hub is not reached; last problem: {problem}"),
            None => "the hub is not reached yet".into(),
        }),
    }
}

fn in_date(node: &Snapshot, now: u64) -> Result<(), String> {
    if now > node.certificate_ends {
        return Err("this site's certificate has expired; renew it".into());
    }
    if now > node.roster_ends {
        return Err("the roster has expired; fetch the present one from its issuer".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party() -> Snapshot {
        let mut node = Snapshot {
            role: Some(SiteRole::Party),
            certificate_ends: 10_000,
            roster_ends: 10_000,
            ..Snapshot::default()
        };
        node.status.begin(0, "training", 1000);
        node.status.attached = true;
        node
    }

    #[test]
    fn an_open_session_that_does_not_move_is_not_well_and_says_whom_it_waits_for() {
        let mut node = party();
        node.status.waiting_on = vec!["hospital-b".into(), "hospital-c".into()];
        assert!(health(&node, 1300, 300).is_ok());
        let said = health(&node, 1301, 300).unwrap_err();
        assert!(
            said.contains("301 s") && said.contains("hospital-b, hospital-c"),
            "{said}"
        );
        node.status.late = vec!["hospital-c".into()];
        let said = health(&node, 1301, 300).unwrap_err();
        assert!(said.contains("waits for hospital-c;"), "{said}");
        // Between sessions there is nothing to wait for.
        node.status.open = false;
        assert!(health(&node, 9999, 300).is_ok());
    }

    #[test]
    fn what_is_stopped_away_or_out_of_date_says_so() {
        let mut node = party();
        assert_eq!(readiness(&node, 1001, 300), Ok("training".into()));
        node.status.attached = false;
        assert!(health(&node, 1001, 300).is_ok());
        assert!(
            readiness(&node, 1001, 300)
                .unwrap_err()
                .contains("not reached")
        );
        node.status.attached = true;
        node.certificate_ends = 1000;
        assert!(readiness(&node, 1001, 300).unwrap_err().contains("expired"));
        node.status.phase = "stopped".into();
        node.status.last_problem = Some("the disk is full".into());
        assert!(
            health(&node, 1001, 300)
                .unwrap_err()
                .contains("the disk is full")
        );
    }

    #[test]
    fn a_hub_is_well_while_its_certificate_and_roster_are() {
        let mut node = party();
        node.role = Some(SiteRole::Hub);
        node.status.attached = false;
        assert!(readiness(&node, 9_999, 1).is_ok());
        node.roster_ends = 5;
        assert!(health(&node, 9_999, 1).unwrap_err().contains("roster"));
    }
}
