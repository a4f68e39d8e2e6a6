//! Figures of a judged encoder under the names that are promised to machines.

use tacit_audit::features::LeakReport;
use tacit_report::Run;

use super::judge::Judged;
use crate::Error;
use crate::error::Context;

/// A label or attacker as a part of a figure's name.
pub fn part(name: &str) -> String {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let text: String = name
        .chars()
        .map(|c| if fine(c) { c } else { '-' })
        .collect();
    if text.is_empty() {
        "label".into()
    } else {
        text
    }
}

/// `public.accuracy_hardened` and `private.<label>.…`.
pub fn hardened(run: &mut Run, judged: &Judged) -> Result<(), Error> {
    put(run, "public.accuracy_hardened", judged.public_accuracy)?;
    for leak in &judged.leaks {
        let label = part(&leak.private);
        scale(run, &format!("private.{label}"), leak)?;
        put(run, &format!("private.{label}.base_rate"), leak.base_rate)?;
        put(run, &format!("private.{label}.floor"), leak.floor_hard)?;
        put(
            run,
            &format!("private.{label}.floor_outputs"),
            leak.floor_full,
        )?;
        put(run, &format!("private.{label}.ceiling"), leak.ceiling)?;
        for attack in &leak.attacks {
            let name = format!(
                "private.{label}.{}.{}",
                part(attack.view),
                part(attack.family)
            );
            put(run, &name, attack.of(leak.metric))?;
        }
        for point in &leak.curve {
            put(
                run,
                &format!("private.{label}.with_{}_labels", point.labels),
                point.accuracy,
            )?;
        }
    }
    Ok(())
}

/// `public.accuracy_undefended` and `private.<label>.undefended.…`.
pub fn undefended(run: &mut Run, judged: &Judged) -> Result<(), Error> {
    put(run, "public.accuracy_undefended", judged.public_accuracy)?;
    for leak in &judged.leaks {
        scale(
            run,
            &format!("private.{}.undefended", part(&leak.private)),
            leak,
        )?;
    }
    Ok(())
}

fn scale(run: &mut Run, under: &str, leak: &LeakReport) -> Result<(), Error> {
    put(run, &format!("{under}.attack_max"), leak.attack_max)?;
    match leak.leak_normalised {
        Some(value) => put(run, &format!("{under}.leak_normalised"), value),
        None => Ok(()),
    }
}

/// A figure.
pub fn put(run: &mut Run, name: &str, value: f64) -> Result<(), Error> {
    run.figure(name, value)
        .failed(|| "the record cannot be made")
}

#[cfg(test)]
mod tests {
    use super::part;

    #[test]
    fn any_label_becomes_part_of_a_name() {
        assert_eq!(part("marital-status"), "marital-status");
        assert_eq!(part("5 o'Clock.Shadow"), "5-o-Clock-Shadow");
        assert_eq!(part(""), "label");
    }
}
