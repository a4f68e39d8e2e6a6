//! Report tables as terminal text.

use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, TableStyle};
use tacit_report::{Align, Table};

use super::{Look, printable};

/// Rules above and below the rows, none between them.
const STYLE: TableStyle = TableStyle::new().header_separator(RULE).bottom_border(RULE);
const RULE: LineStyle = LineStyle::none().fill('─').junction('─');

/// The table as lines of text, ending with a newline; the last row set apart keeps its place.
pub(super) fn render(table: &Table, look: Look) -> String {
    let mut grid = comfy_table::Table::new();
    grid.load_style(STYLE);
    if let Some(width) = look.width {
        grid.set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(width);
    }
    let aligned = |at: usize, text: &str| {
        let alignment = match table.columns[at].align {
            Align::Start => CellAlignment::Left,
            Align::End => CellAlignment::Right,
        };
        Cell::new(printable(text)).set_alignment(alignment)
    };
    let headings = table.columns.iter().enumerate();
    grid.set_header(headings.map(|(at, column)| aligned(at, &column.heading)));
    for row in table.rows.iter().chain(&table.total) {
        grid.add_row(
            row.iter()
                .enumerate()
                .map(|(at, cell)| aligned(at, &cell.to_string())),
        );
    }
    let caption = console::style(printable(&table.caption))
        .bold()
        .force_styling(look.colour);
    format!("\n{caption}\n{grid}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tacit_report::{Column, Quantity, Unit};

    #[test]
    fn numbers_are_aligned_and_control_characters_are_harmless() {
        let table = Table::new(
            "Accuracy",
            [Column::text("model"), Column::number("accuracy")],
        )
        .row([
            tacit_report::Cell::text("\u{1b}[31mencrypted"),
            Quantity::new(0.974, Unit::Fraction).into(),
        ])
        .total([
            tacit_report::Cell::text("pooled"),
            Quantity::new(1.0, Unit::Fraction).into(),
        ]);
        let text = render(
            &table,
            Look {
                colour: false,
                width: None,
            },
        );
        assert!(!text.contains('\u{1b}'));
        assert!(text.starts_with("\nAccuracy\n"), "{text}");
        let ends: Vec<_> = text
            .lines()
            .filter(|l| l.contains('%'))
            .map(|l| l.trim_end().chars().count())
            .collect();
        assert_eq!(ends.len(), 2);
        assert_eq!(ends[0], ends[1]);
    }
}
