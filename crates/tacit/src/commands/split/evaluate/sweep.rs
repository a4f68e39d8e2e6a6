//! The page of a sweep: the same study while public and private label are tied together more and more.

use tacit_report::{Axis, Lines, Report, Section, Unit};
use tacit_split::evaluate::{Estimate, Line};

use super::{Evaluate, Study, page};

/// The whole page.
pub(super) fn tell(args: &Evaluate, studies: &[Study]) -> Report {
    let mut report = Report::new("The more the answer tells").summary(
        "The same study while the public label decides the private one more and more: at 0 they are independent, at 1 the one \
         follows from the other. The floor, what the answer alone gives away, rises to the ceiling; no encoder can be \
         below it, and where the two meet there is nothing left to protect.",
    );
    let Some(first) = studies.first() else {
        return report;
    };
    report = report.summary(page::summary(args, first));
    for private in &first.plan.reported {
        let mut section = Section::new(format!("What features tell about {private}"))
            .plot(found(studies, private))
            .plot(normalised(studies, private))
            .plot(accuracy(studies, private));
        for study in studies {
            if let Some(v) = study.correlation {
                section = section.text(format!("Correlation {v}:"));
            }
            section = section.table(page::lines(study, private));
        }
        report = report.section(section);
    }
    report
}

type Picked<'a> = &'a dyn Fn(&Line) -> Option<Estimate>;

/// One line a candidate, with its interval as a band.
fn series(mut plot: Lines, studies: &[Study], private: &str, pick: Picked) -> Lines {
    let names = studies.first().into_iter().flat_map(|s| &s.plan.candidates);
    for candidate in names {
        let points = points(studies, private, &candidate.name, pick);
        if !points.is_empty() {
            plot = plot.series_with_band(&candidate.name, points);
        }
    }
    plot
}

fn points(
    studies: &[Study],
    private: &str,
    candidate: &str,
    pick: Picked,
) -> Vec<(f64, f64, f64, f64)> {
    let point = |study: &Study| {
        let line = study.of(private).find(|l| l.candidate == candidate)?;
        let estimate = pick(line)?;
        let half = estimate.half_width.unwrap_or(0.0);
        let mean = estimate.mean;
        Some((study.correlation?, mean, mean - half, mean + half))
    };
    studies.iter().filter_map(point).collect()
}

fn axis() -> Axis {
    Axis::new("correlation of the labels", Unit::Plain).from_zero()
}

/// The best attackers between the floor and the ceiling, both of the last candidate.
fn found(studies: &[Study], private: &str) -> Lines {
    let plot = Lines::new(
        format!("The best attacker on {private}"),
        axis(),
        Axis::new("share found", Unit::Fraction),
    )
    .caption("Bands are 95 % intervals. Floor and ceiling are those of the last candidate; the floors of the others differ as their answers do.");
    let plot = series(plot, studies, private, &|l| Some(l.attack_max));
    let last = studies.first().and_then(|s| s.plan.candidates.last());
    let Some(last) = last else {
        return plot;
    };
    let bound = |pick: Picked| {
        let points = points(studies, private, &last.name, pick).into_iter();
        points.map(|(x, y, _, _)| (x, y)).collect::<Vec<_>>()
    };
    plot.series("floor", bound(&|l| Some(l.floor_hard)))
        .series("ceiling", bound(&|l| Some(l.ceiling)))
}

fn normalised(studies: &[Study], private: &str) -> Lines {
    let plot = Lines::new(
        format!("Normalised leak of {private}"),
        axis(),
        Axis::new("leak", Unit::Plain),
    )
    .caption("Left out where ceiling − floor is below 0.1 in any run: the quotient would be noise over noise.");
    series(plot, studies, private, &|l| l.leak_normalised)
}

fn accuracy(studies: &[Study], private: &str) -> Lines {
    let plot = Lines::new(
        "Public accuracy",
        axis(),
        Axis::new("public accuracy", Unit::Fraction),
    );
    series(plot, studies, private, &|l| Some(l.public_after))
}
