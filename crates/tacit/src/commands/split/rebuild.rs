//! Pictures reconstructed from features, beside the mean picture that the answer gives away anyway.

use tacit_audit::inversion::{InversionReport, Reconstruction};
use tacit_report::{Bar, Bars, Cell, Column, Gallery, Quantity, Run, Section, Table, Unit};

use super::figures;
use super::judge::Judged;
use crate::Error;

/// Pixels a side of a picture in the report, about.
const SHOWN: usize = 64;

/// `reconstruction.ssim` and what belongs to it.
pub fn record(run: &mut Run, before: Option<&Judged>, after: &Judged) -> Result<(), Error> {
    let sides = [("undefended.", before), ("", Some(after))];
    for (side, judged) in sides {
        let Some(report) = judged.and_then(|judged| judged.rebuilt.as_ref()) else {
            continue;
        };
        for attack in &report.attacks {
            let name = format!("reconstruction.{side}{}", figures::part(attack.name));
            figures::put(run, &format!("{name}.ssim"), attack.quality.ssim)?;
            figures::put(run, &format!("{name}.psnr"), attack.quality.psnr)?;
        }
        if let Some(best) = report.strongest() {
            let name = |figure: &str| format!("reconstruction.{side}{figure}");
            figures::put(run, &name("ssim"), best.quality.ssim)?;
            figures::put(run, &name("psnr"), best.quality.psnr)?;
            figures::put(run, &name("ssim_class_mean"), best.class_mean.ssim)?;
            figures::put(run, &name("psnr_class_mean"), best.class_mean.psnr)?;
        }
    }
    Ok(())
}

/// Pictures and figures; `None` where nothing was reconstructed.
pub fn section(before: Option<&Judged>, after: &Judged) -> Option<Section> {
    let after = after.rebuilt.as_ref()?;
    let before = before.and_then(|judged| judged.rebuilt.as_ref());
    let mut section = Section::new("Pictures from features").text(
        "What an attacker makes of the features of pictures it has not seen. The answer alone gives away the mean picture of \
         its class; what comes closer than that was in the features. The pictures are random, not picked.",
    );
    section = section
        .plot(bars(before, after))
        .table(table(before, after));
    match gallery(before, after) {
        Some(gallery) => Some(section.gallery(gallery)),
        None => Some(section),
    }
}

fn bars(before: Option<&InversionReport>, after: &InversionReport) -> Bars {
    let mut bars = Bars::new("Likeness to the picture", "SSIM", Unit::Plain)
        .bounds("the mean picture of the class", "the picture itself");
    for (name, report) in sides(before, after) {
        for attack in &report.attacks {
            bars = bars.push(Bar {
                label: format!("{}, {name}", attack.name),
                values: vec![attack.quality.ssim.max(0.0)],
                spread: None,
                floor: Some(attack.class_mean.ssim.max(0.0)),
                ceiling: None,
            });
        }
    }
    bars
}

fn table(before: Option<&InversionReport>, after: &InversionReport) -> Table {
    let columns = [
        Column::text("features"),
        Column::text("attack"),
        Column::number("SSIM"),
        Column::number("SSIM of the class mean"),
        Column::number("PSNR, dB"),
        Column::number("PSNR of the class mean, dB"),
        Column::number("pictures"),
        Column::text("settings"),
    ];
    let plain = |value| Quantity::new(value, Unit::Plain).into();
    let mut table = Table::new("Reconstruction", columns);
    for (name, report) in sides(before, after) {
        for attack in &report.attacks {
            table = table.row([
                Cell::text(name),
                Cell::text(attack.name),
                plain(attack.quality.ssim),
                plain(attack.class_mean.ssim),
                plain(attack.quality.psnr),
                plain(attack.class_mean.psnr),
                Quantity::count(attack.pictures as u64).into(),
                Cell::text(&attack.settings),
            ]);
        }
    }
    table
}

fn sides<'a>(
    before: Option<&'a InversionReport>,
    after: &'a InversionReport,
) -> impl Iterator<Item = (&'static str, &'a InversionReport)> {
    let before = before.map(|report| ("undefended", report));
    before.into_iter().chain([("hardened", after)])
}

/// Grey pictures row by row; colours are shown by their mean.
fn gallery(before: Option<&InversionReport>, after: &InversionReport) -> Option<Gallery> {
    let [channels, height, width] = after.shape;
    let first = after.gallery.first()?;
    // Small pictures are shown larger, pixel for square of pixels.
    let times = (SHOWN / height.max(width)).max(1);
    let grey = |values: &[f32]| -> Vec<u8> {
        let size = height * width;
        let pixel = |i: usize| (0..channels).map(|c| values[c * size + i]).sum::<f32>();
        let level = |i: usize| (pixel(i) / channels as f32 * 255.0).clamp(0.0, 255.0) as u8;
        let places = (0..height * times).flat_map(|y| (0..width * times).map(move |x| (y, x)));
        places
            .map(|(y, x)| level(y / times * width + x / times))
            .collect()
    };
    let row = |report: &InversionReport, of: &dyn Fn(&Reconstruction) -> Option<Vec<u8>>| {
        report.gallery.iter().filter_map(of).collect::<Vec<_>>()
    };
    let mut gallery = Gallery::new("Reconstructions", width * times, height * times)
        .caption("The same test pictures, drawn at random, in every row.")
        .row("pictures", row(after, &|r| Some(grey(&r.truth))))
        .row(
            "mean of the class",
            row(after, &|r| Some(grey(&r.class_mean))),
        );
    for (name, report) in sides(before, after) {
        for (at, &(attack, _)) in first.attempts.iter().enumerate() {
            let images = row(report, &|r| {
                r.attempts.get(at).map(|(_, found)| grey(found))
            });
            if !images.is_empty() {
                gallery = gallery.row(format!("{attack}, {name}"), images);
            }
        }
    }
    // Ink on paper for drawn characters and handwriting; photographs as they are.
    Some(match channels {
        1 => gallery.ink(),
        _ => gallery,
    })
}

/// The figure people look at first.
pub fn key_figure(report: tacit_report::Report, after: &Judged) -> tacit_report::Report {
    let best = after.rebuilt.as_ref().and_then(InversionReport::strongest);
    match best {
        None => report,
        Some(best) => report.key_figure_with_note(
            "best reconstruction, SSIM",
            Quantity::new(best.quality.ssim, Unit::Plain),
            format!("the mean of the class: {:.2}", best.class_mean.ssim),
        ),
    }
}
