//! The demonstration's figures and its page, for someone who has to decide whether to sign.

use tacit_report::{
    Axis, Bars, Better, Cell, Column, Gallery, Quantity, Report, Scatter, Section, Table, Unit,
};

use tacit_collateral::Judged;

use super::super::attack::together;

use super::journey::Arrival;

pub(super) fn figures(
    before: &Judged,
    after: &Judged,
    found: &Arrival,
    wall: f64,
) -> Vec<(String, f64)> {
    let mut figures = vec![
        ("wall_s".to_owned(), wall),
        ("main.accuracy_before".to_owned(), before.figures.main),
        ("main.accuracy_after".to_owned(), after.figures.main),
        ("font.best_attacker_before".to_owned(), before.leak.best()),
        ("font.best_attacker_after".to_owned(), after.leak.best()),
        ("font.base_rate".to_owned(), after.figures.base_rate),
        ("encrypted.images".to_owned(), found.images as f64),
        (
            "encrypted.accuracy".to_owned(),
            found.right as f64 / found.images as f64,
        ),
        (
            "outputs_match".to_owned(),
            f64::from(u8::from(found.different == 0)),
        ),
        (
            "second_key_refused".to_owned(),
            f64::from(u8::from(!found.refusal.is_empty())),
        ),
        ("encrypt_ms".to_owned(), 1e3 * found.encrypt_s),
        ("evaluate_ms".to_owned(), 1e3 * found.evaluate_s),
        ("ciphertext_bytes".to_owned(), found.ciphertext_bytes as f64),
    ];
    for (when, side) in [("before", before), ("after", after)] {
        for attack in &side.leak.report.attacks {
            figures.push((format!("font.{}_{when}", attack.name), attack.accuracy));
        }
    }
    figures
}

pub(super) fn sentence(found: &Arrival) -> String {
    format!(
        "{} encrypted images: {} outputs differ from the clear, {} characters read rightly; {}",
        found.images,
        found.different,
        found.right,
        match found.refusal.is_empty() {
            true => "a second key was issued",
            false => "a second key, past the budget, was refused",
        }
    )
}

pub(super) fn summary(before: &Judged, after: &Judged) -> Table {
    let columns = [
        Column::text("question"),
        Column::number("without protection"),
        Column::number("with protection"),
    ];
    let fraction = |value| Cell::from(Quantity::new(value, Unit::Fraction));
    let mut table = Table::new("What the outputs tell", columns)
        .row([
            Cell::text("the character, by the public head"),
            fraction(before.figures.main),
            fraction(after.figures.main),
        ])
        .row([
            Cell::text("the font, by the best attacker"),
            fraction(before.leak.best()),
            fraction(after.leak.best()),
        ]);
    for attack in &after.leak.report.attacks {
        let without = before
            .leak
            .report
            .of(attack.name)
            .map(|a| fraction(a.accuracy));
        table = table.row([
            Cell::text(format!("the font, by {}", attack.name)),
            without.unwrap_or(Cell::Missing),
            fraction(attack.accuracy),
        ]);
    }
    table.row([
        Cell::text("the font, by always saying the commoner one"),
        fraction(before.figures.base_rate),
        fraction(after.figures.base_rate),
    ])
}

pub(super) struct Page<'a> {
    pub before: &'a Judged,
    pub after: &'a Judged,
    pub found: &'a Arrival,
    pub outputs: usize,
    pub rows: usize,
    pub gallery: Gallery,
    pub times: Table,
    pub wall: f64,
}

impl Page<'_> {
    pub(super) fn report(self) -> Report {
        let Page {
            before,
            after,
            found,
            ..
        } = self;
        let fraction = |value| Quantity::new(value, Unit::Fraction);
        let best = after.leak.report.best();
        let mut bars = Bars::grouped(
            "Accuracy on the font, by attacker",
            "accuracy",
            Unit::Fraction,
            ["without protection", "with protection"],
        );
        for attack in &after.leak.report.attacks {
            if let Some(without) = before.leak.report.of(attack.name) {
                bars = bars.stack(attack.name, [without.accuracy, attack.accuracy]);
            }
        }
        let mark = |side: &Judged| (String::new(), side.leak.best(), side.figures.main);
        let trade = Scatter::new(
            "Accuracy against leak",
            Axis::new("best attacker on the font", Unit::Fraction),
            Axis::new("accuracy on the character", Unit::Fraction),
        )
        .group("without protection", [mark(before)])
        .group("with protection", [mark(after)])
        .frontier(Better::Lower, Better::Higher);
        let mut keys = Section::new("Keys").text(
            "Any functional key opens every ciphertext under its master key, so the authority counts the independent \
             outputs it has ever given away. Here it may give away as many as the network has.",
        );
        if !found.refusal.is_empty() {
            keys = keys.text(format!(
                "A second key, for the network without protection, was {}.",
                found.refusal
            ));
        }
        Report::new("A server that learns one function of an image")
            .summary(format!(
                "Images of characters were encrypted. A server with one functional key learned {} numbers of each and read \
                 the character from them; it learned nothing else of the image.",
                self.outputs
            ))
            .summary(format!(
                "Those numbers were trained to say little about the font. The best of {} attackers found the font for {:.1} % \
                 of the images with protection, for {:.1} % without; guessing finds it for {:.1} %.",
                after.leak.report.attacks.len(),
                100.0 * best.accuracy,
                100.0 * before.leak.best(),
                100.0 * after.figures.base_rate
            ))
            .key_figure_with_note(
                "character, with protection",
                fraction(after.figures.main),
                format!("without: {:.1} %", 100.0 * before.figures.main),
            )
            .key_figure_with_note(
                "font, best attacker",
                fraction(best.accuracy),
                format!("{}; without: {:.1} %", best.name, 100.0 * before.leak.best()),
            )
            .key_figure_with_note(
                "encrypted images",
                Quantity::new(found.images as f64, Unit::Plain),
                format!("{} outputs differ from the clear", found.different),
            )
            .key_figure_with_note(
                "evaluation",
                Quantity::new(found.evaluate_s, Unit::Seconds),
                "per image, checks of the ciphertext included",
            )
            .key_figure_with_note(
                "wall time",
                Quantity::new(self.wall, Unit::Seconds),
                "everything on this page",
            )
            .section(Section::new("The images").gallery(self.gallery))
            .section(
                Section::new("What the outputs tell")
                    .plot(trade)
                    .plot(bars)
                    .table(summary(before, after)),
            )
            .section(together(&after.several))
            .section(keys)
            .section(Section::new("Times").table(self.times))
            .limit("The outputs leak by design: whatever follows from them is known to the holder of the key.")
            .limit("The protection is empirical. Another attacker, or one with more examples, may do better than those tried here.")
            .limit("Images that are known to come from one hand give more away together than one alone.")
            .limit("The scheme's proof is in the generic group model, at about 126 bits. Nothing shows that a ciphertext was made honestly.")
            .limit(format!(
                "The characters are drawn from two type faces; the network saw {} of them. People write more variously.",
                self.rows
            ))
    }
}
