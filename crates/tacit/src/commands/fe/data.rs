//! `tacit fe data`: the two-font data set as files, with a sheet of samples.

use std::path::Path;

use clap::ValueEnum;
use tacit_data::characters::{self, Alphabet, Characters, FONTS, Spec};
use tacit_report::{Gallery, Quantity, Report, Run, Section, Unit, write_whole};

use crate::args::MeasureArgs;
use crate::error::Context;
use crate::{Console, Error, Outcome};

/// Samples of each character in each font on the sheet.
const COLUMNS: usize = 14;

/// Arguments of `tacit fe data`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Draws characters in two fonts, each turned, scaled and bent at random: the character is the public
question, the font the private one. The same seed gives the same bytes. Images, labels and fonts are IDX
files with MNIST's names, beside them samples.png.

Examples:
  tacit fe data --out characters
  tacit fe data --alphabet lower --train 60000 --test 10000 --seed 7 --out letters
  tacit fe data --train 2000 --test 500 --out small --json -")]
pub struct Data {
    /// Which characters.
    #[command(flatten)]
    pub set: CharacterSet,

    /// The record and its folder, which gets the data set too.
    #[command(flatten)]
    pub measure: MeasureArgs,
}

/// Arguments of every command that draws the two-font data set.
#[derive(Debug, Clone, clap::Args)]
pub struct CharacterSet {
    /// Which characters.
    #[arg(long, value_enum, default_value = "digits")]
    pub alphabet: Letters,

    /// Training images.
    #[arg(long, default_value_t = 60_000, value_parser = clap::value_parser!(u32).range(1..=1 << 24))]
    pub train: u32,

    /// Test images.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1 << 24))]
    pub test: u32,

    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Which characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Letters {
    /// 0 to 9.
    Digits,
    /// a to z.
    Lower,
    /// A to Z.
    Upper,
}

impl CharacterSet {
    /// What the generator is asked for.
    pub fn spec(&self) -> Spec {
        Spec {
            train: self.train as usize,
            test: self.test as usize,
            ..Spec::new(self.alphabet(), self.seed)
        }
    }

    /// The characters.
    pub fn alphabet(&self) -> Alphabet {
        match self.alphabet {
            Letters::Digits => Alphabet::Digits,
            Letters::Lower => Alphabet::Lower,
            Letters::Upper => Alphabet::Upper,
        }
    }
}

/// Draws the set and writes it.
pub fn run(args: &Data, console: &mut Console) -> Result<Outcome, Error> {
    let folder = console.run_folder("fe-data", &args.measure)?;
    let spec = args.set.spec();
    let phase = console.progress().phase("drawing characters", 0);
    let started = std::time::Instant::now();
    let (train, test) = characters::generate(&spec).bad_input(|| "no such data set")?;
    let seconds = started.elapsed().as_secs_f64();
    phase.finish();
    characters::write(folder.path(), &train, &test)
        .failed(|| "the data set could not be written")?;
    let gallery = sheet(&train, spec.alphabet, COLUMNS);
    let samples = folder.path().join("samples.png");
    write_sheet(&gallery, &samples)?;
    console.say(&format!(
        "{} training and {} test images of {} characters in {} fonts: {}",
        train.len(),
        test.len(),
        train.classes,
        FONTS.len(),
        folder.path().display()
    ))?;
    console.say(&format!("samples: {}", samples.display()))?;

    let failed = || "the record cannot be made";
    let mut run = Run::new("fe data", env!("CARGO_PKG_VERSION"), spec.seed).failed(failed)?;
    run.param("set", &spec).failed(failed)?;
    for (name, value) in [
        ("train.images", train.len() as f64),
        ("test.images", test.len() as f64),
        ("classes", train.classes as f64),
        ("font.base_rate", base_rate(&test.font)),
        ("main.base_rate", base_rate(&test.class)),
        ("generate_s", seconds),
    ] {
        run.figure(name, value).failed(failed)?;
    }
    let report = Report::new("Characters in two fonts")
        .summary(format!(
            "{} training and {} test images. The character is the public question, the font the private one; both \
             are balanced and independent of each other.",
            train.len(),
            test.len()
        ))
        .key_figure(
            "most frequent font, test",
            Quantity::new(base_rate(&test.font), Unit::Fraction),
        )
        .section(Section::new("Samples").gallery(gallery))
        .limit("The characters are drawn from two type faces; they do not show how people write.");
    Ok(Outcome::measured(run, report, folder))
}

/// The first images of each character in each font.
pub fn sheet(set: &Characters, alphabet: Alphabet, columns: usize) -> Gallery {
    let labels = alphabet
        .symbols()
        .chars()
        .flat_map(|symbol| FONTS.iter().map(move |font| format!("{symbol} {font}")));
    let gallery = Gallery::new("Samples by character and font", set.side, set.side)
        .caption("Rotation N(0, 10°), size jitter, elastic distortion, small translation.")
        .ink();
    labels
        .zip(set.sheet(columns))
        .filter(|(_, row)| !row.is_empty())
        .fold(gallery, |gallery, (label, row)| {
            gallery.row(label, row.into_iter().map(|i| set.image(i)))
        })
}

/// Writes a gallery as a PNG file.
pub fn write_sheet(gallery: &Gallery, path: &Path) -> Result<(), Error> {
    let png = gallery.to_png().failed(|| "the samples cannot be drawn")?;
    write_whole(path, &png).failed(|| "the samples could not be written")
}

/// The share of the most frequent label: what guessing without looking gets.
pub fn base_rate(labels: &[u8]) -> f64 {
    let mut counts = [0usize; 256];
    labels.iter().for_each(|&l| counts[usize::from(l)] += 1);
    let most = counts.into_iter().max().unwrap_or(0);
    most as f64 / labels.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_rate_is_the_share_of_the_commonest_label() {
        assert_eq!(base_rate(&[0, 1, 1, 7]), 0.5);
        assert_eq!(base_rate(&[]), 0.0);
    }
}
