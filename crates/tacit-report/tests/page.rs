//! What the report page promises.

use std::time::{Duration, SystemTime};

use tacit_report::{
    Axis, Bars, Cell, Column, Error, Gallery, Gate, Lines, Provenance, Quantity, Report, Run,
    Section, Table, Unit,
};

const EVIL: &str = "<img src=x onerror=alert(1)>\"'&</style></title>";

fn run() -> Run {
    let mut run = Run::new("demo", "0.1.0", 7).unwrap();
    run.param("data", EVIL).unwrap();
    run.figure("encrypted.accuracy", 0.97).unwrap();
    run
}

fn lines(title: &str) -> Lines {
    Lines::new(title, Axis::count("round"), Axis::new(EVIL, Unit::Fraction))
        .series(EVIL, [(0.0, 0.5), (1.0, 0.9)])
        .guide(EVIL, 0.95)
        .caption(EVIL)
}

fn report() -> Report {
    let gate: Gate = "encrypted.accuracy>=0.99".parse().unwrap();
    Report::new(EVIL)
        .summary(EVIL)
        .verdicts([gate.judge(&run())])
        .key_figure_with_note(EVIL, Quantity::new(0.97, Unit::Fraction), EVIL)
        .section(
            Section::new(EVIL)
                .text(EVIL)
                .warning(EVIL)
                .table(Table::new(EVIL, [Column::text(EVIL)]).row([Cell::text(EVIL)]))
                .plot(lines(EVIL))
                .plot(Bars::new(EVIL, EVIL, Unit::Plain).bar(EVIL, 1.0)),
        )
        .limit(EVIL)
        .provenance(Provenance::default().fact(EVIL, EVIL))
}

#[test]
fn every_value_is_escaped() {
    let page = report().render(&run()).unwrap();
    assert!(
        !page.contains("<img"),
        "markup from a value reached the page"
    );
    assert!(page.matches("&#60;img").count() + page.matches("&lt;img").count() > 20);
    assert_eq!(page.matches("</style>").count(), 1);
}

#[test]
fn the_page_fetches_and_runs_nothing() {
    let page = report().render(&run()).unwrap();
    assert!(page.contains("default-src 'none'"));
    for outside in [
        "<script", "http://", "https://", "url(", "@import", "<link", "<iframe",
    ] {
        assert!(!page.contains(outside), "the page contains {outside}");
    }
}

#[test]
fn the_same_run_gives_the_same_bytes_and_only_the_time_differs() {
    let at = |s: u64| {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_762_000_000 + s);
        report()
            .provenance(Provenance::at(time))
            .render(&run())
            .unwrap()
    };
    assert_eq!(at(0), at(0));
    assert_eq!(at(0).replace("12:26:40", "12:26:41"), at(1));
}

#[test]
fn every_plot_has_a_text_alternative_and_its_figures_as_a_table() {
    let page = report().render(&run()).unwrap();
    let plots = page.matches("role=\"img\"").count();
    assert_eq!(plots, 2);
    assert_eq!(page.matches("<desc").count(), plots);
    assert_eq!(page.matches("These figures as a table").count(), plots);
    for number in 1..=plots {
        assert!(page.contains(&format!(
            "aria-labelledby=\"plot-{number}-title plot-{number}-text\""
        )));
        assert_eq!(
            page.matches(&format!("id=\"plot-{number}-title\"")).count(),
            1
        );
    }
}

#[test]
fn a_value_that_is_no_number_stops_the_report_and_is_named() {
    let plot = Lines::new(
        "margin",
        Axis::count("round"),
        Axis::new("noise", Unit::Bits),
    )
    .series("measured", [(0.0, f64::NAN)]);
    let report = Report::new("r").section(Section::new("s").plot(plot));
    let error = report.render(&run()).unwrap_err();
    assert!(matches!(&error, Error::Plot { plot, .. } if plot == "margin"));
    assert!(error.to_string().contains("noise"));
}

#[test]
fn a_gate_that_is_not_met_is_plain_to_see() {
    let page = report().render(&run()).unwrap();
    assert!(page.contains("not met") && page.contains("encrypted.accuracy ≥ 0.99"));
}

#[test]
fn images_are_inside_the_page_each_row_with_a_text_alternative() {
    let gallery = Gallery::new(EVIL, 2, 2)
        .row(EVIL, [[0, 255, 255, 0]])
        .row("plain", [[0, 1, 2, 3], [4, 5, 6, 7]])
        .caption(EVIL);
    let report = Report::new("r").section(Section::new("s").gallery(gallery));
    let page = report.render(&run()).unwrap();
    assert_eq!(page.matches("<img ").count(), 2);
    assert_eq!(page.matches("src=\"data:image/png;base64,iVBOR").count(), 2);
    assert!(page.contains("plain: 2 images of 2 by 2 pixels\""));
    assert!(!page.contains("onerror=alert(1)>"), "markup from a value");
}

#[test]
fn an_image_of_the_wrong_size_stops_the_report_and_is_named() {
    let gallery = Gallery::new("samples", 2, 2).row("a", [[0u8; 3]]);
    let report = Report::new("r").section(Section::new("s").gallery(gallery));
    let error = report.render(&run()).unwrap_err().to_string();
    assert!(
        error.contains("samples") && error.contains("image 1"),
        "{error}"
    );
}
