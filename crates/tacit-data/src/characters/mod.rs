//! Characters in two fonts: a data set with a public question (which character?) and a private one
//! (which font?).
//!
//! The images stand for writing whose content may be read and whose hand should not be. Each is one
//! glyph of [Gelasio](https://github.com/SorkinType/Gelasio) (serif) or
//! [Dancing Script](https://github.com/googlefonts/DancingScript) (script; in bold, so that the amount
//! of ink says little and the shape must be looked at), both under the SIL Open Font License and
//! shipped unmodified in `fonts/`. It is made unlike its siblings by
//!
//! 1. a rotation by N(0, 10°) and a size factor N(1, 0.05);
//! 2. elastic distortion (Simard, Steinkraus, Platt, ICDAR 2003): every point p moves by
//!    α·(G_σ ∗ U)(p), where U is uniform on [−1, 1]² at each pixel, independently, and G_σ is a
//!    Gaussian of σ pixels;
//! 3. centring by mass, as in MNIST, and a small translation.
//!
//! All of this acts on the *outline*, which is rasterised once, at the end, with exact coverage: no
//! image is resampled, so the edges are as smooth as the pixels allow.
//!
//! Sample i of part p under seed s is a function of (spec, p, i) alone: the set is the same on any
//! number of threads, and a longer set begins with the shorter one. Class and font are dealt in
//! blocks, each a shuffle of every (class, font) pair once, so they are balanced and independent.
//! With [`Spec::correlation`] r, an image then takes, with probability r, the font its class prefers:
//! the first for every second character, the second for the others. Given the class, the preferred font has
//! probability (1 + r)/2, and Cramér's V between class and font is r up to sampling.
//!
//! ```
//! use tacit_data::characters::{Alphabet, Spec, generate};
//!
//! let spec = Spec { train: 200, test: 40, ..Spec::new(Alphabet::Digits, 1) };
//! let (train, test) = generate(&spec)?;
//! assert_eq!((train.len(), test.len(), train.side), (200, 40, 28));
//! assert_eq!(train.font.iter().filter(|&&font| font == 0).count(), 100);
//! # Ok::<(), tacit_data::DataError>(())
//! ```
//!
//! # Limits
//! The characters are drawn, not written: the variety is that of the three distortions. It suits the
//! comparison of defences; it does not measure how people write.

mod distort;
mod draw;
mod files;
mod glyph;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::DataError;
use crate::stream::Stream;
use distort::Field;
pub use files::{read, write};
use glyph::Glyph;

/// Names of the two fonts, in the order of [`Characters::font`].
pub const FONTS: [&str; 2] = ["Gelasio", "Dancing Script"];
/// Rows and columns of an image.
pub const SIDE: usize = 28;

const FONT_FILES: [&[u8]; 2] = [
    include_bytes!("../../fonts/Gelasio-Regular.ttf"),
    include_bytes!("../../fonts/DancingScript-Bold.ttf"),
];
/// Larger sets are refused: 2^24 images are 12 GiB.
const MAX_IMAGES: usize = 1 << 24;

/// Which characters there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alphabet {
    /// 0 to 9.
    Digits,
    /// a to z.
    Lower,
    /// A to Z.
    Upper,
}

impl Alphabet {
    /// The characters, by class index.
    pub fn symbols(self) -> &'static str {
        match self {
            Alphabet::Digits => "0123456789",
            Alphabet::Lower => "abcdefghijklmnopqrstuvwxyz",
            Alphabet::Upper => "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        }
    }

    /// Number of characters.
    pub fn classes(self) -> usize {
        self.symbols().len()
    }
}

/// What to generate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The characters.
    pub alphabet: Alphabet,
    /// Training images.
    pub train: usize,
    /// Test images.
    pub test: usize,
    /// Everything random follows from it.
    pub seed: u64,
    /// Standard deviation of the rotation, in degrees.
    pub rotation_degrees: f64,
    /// Standard deviation of the size factor, around 1.
    pub size_jitter: f64,
    /// The translation is uniform in ± this many pixels, along both axes.
    pub shift: f64,
    /// α of the elastic distortion; a point moves by α/(2σ√(3π)) pixels along each axis, as a
    /// standard deviation.
    pub elastic_alpha: f64,
    /// σ of the elastic distortion, in pixels.
    pub elastic_sigma: f64,
    /// How far the class decides the font: 0 not at all, 1 entirely.
    #[serde(default)]
    pub correlation: f64,
}

impl Spec {
    /// 60 000 training and 10 000 test images with the distortions of the published experiment.
    pub fn new(alphabet: Alphabet, seed: u64) -> Spec {
        Spec {
            alphabet,
            train: 60_000,
            test: 10_000,
            seed,
            rotation_degrees: 10.0,
            size_jitter: 0.05,
            shift: 1.0,
            elastic_alpha: 76.0,
            elastic_sigma: 9.0,
            correlation: 0.0,
        }
    }

    fn check(&self) -> Result<(), DataError> {
        let inside = |what, value: f64, low: f64, high: f64, expected| {
            if (low..=high).contains(&value) {
                Ok(())
            } else {
                Err(DataError::Parameter {
                    what,
                    value,
                    expected,
                })
            }
        };
        let images = MAX_IMAGES as f64;
        inside("train", self.train as f64, 0.0, images, "at most 2^24")?;
        inside("test", self.test as f64, 0.0, images, "at most 2^24")?;
        inside(
            "rotation_degrees",
            self.rotation_degrees,
            0.0,
            90.0,
            "0 to 90",
        )?;
        inside("size_jitter", self.size_jitter, 0.0, 0.2, "0 to 0.2")?;
        inside("shift", self.shift, 0.0, 8.0, "0 to 8 pixels")?;
        inside("correlation", self.correlation, 0.0, 1.0, "0 to 1")?;
        inside(
            "elastic_alpha",
            self.elastic_alpha,
            0.0,
            1000.0,
            "0 to 1000",
        )?;
        inside(
            "elastic_sigma",
            self.elastic_sigma,
            0.5,
            28.0,
            "0.5 to 28 pixels",
        )
    }
}

/// Grey images, each with its character and its font.
#[derive(Clone, PartialEq, Eq)]
pub struct Characters {
    /// Pixels, image after image, row after row; 0 is paper and 255 ink.
    pub images: Vec<u8>,
    /// Index into [`Alphabet::symbols`], one per image.
    pub class: Vec<u8>,
    /// Index into [`FONTS`], one per image.
    pub font: Vec<u8>,
    /// Rows and columns of an image.
    pub side: usize,
    /// Number of classes there can be.
    pub classes: usize,
}

impl std::fmt::Debug for Characters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Characters { side, classes, .. } = self;
        write!(
            f,
            "Characters({} of {side}×{side}, {classes} classes)",
            self.len()
        )
    }
}

/// Training and test set.
pub fn generate(spec: &Spec) -> Result<(Characters, Characters), DataError> {
    spec.check()?;
    let glyphs = glyph::all(spec.alphabet)?;
    let part = |name, count| Generator::new(spec, &glyphs, name).take(count);
    Ok((
        part("tacit-data 1 characters training", spec.train),
        part("tacit-data 1 characters test", spec.test),
    ))
}

struct Generator<'a> {
    spec: &'a Spec,
    /// Glyph of (class, font) at `class * 2 + font`.
    glyphs: &'a [Glyph],
    blur: distort::Blur,
    dealing: [u8; 32],
    preferring: [u8; 32],
    drawing: [u8; 32],
}

impl<'a> Generator<'a> {
    fn new(spec: &'a Spec, glyphs: &'a [Glyph], part: &str) -> Generator<'a> {
        let key = blake3::derive_key(part, &spec.seed.to_le_bytes());
        Generator {
            spec,
            glyphs,
            blur: distort::Blur::new(spec.elastic_sigma),
            dealing: blake3::derive_key("tacit-data 1 characters dealing", &key),
            preferring: blake3::derive_key("tacit-data 1 characters preferring", &key),
            drawing: blake3::derive_key("tacit-data 1 characters drawing", &key),
        }
    }

    fn take(&self, count: usize) -> Characters {
        let pairs = self.glyphs.len();
        let mut images = vec![0; count * SIDE * SIDE];
        let dealt: Vec<usize> = (0..count.div_ceil(pairs))
            .flat_map(|block| self.deal(block))
            .enumerate()
            .map(|(i, pair)| self.preferred(i, pair))
            .collect();
        images
            .par_chunks_mut(SIDE * SIDE)
            .zip(&dealt)
            .enumerate()
            .for_each(|(i, (image, &pair))| self.draw(i, &self.glyphs[pair], image));
        let dealt = &dealt[..count];
        Characters {
            images,
            class: dealt.iter().map(|pair| (pair / 2) as u8).collect(),
            font: dealt.iter().map(|pair| (pair % 2) as u8).collect(),
            side: SIDE,
            classes: pairs / 2,
        }
    }

    /// Every (class, font) pair once, shuffled (Fisher, Yates).
    fn deal(&self, block: usize) -> Vec<usize> {
        let mut stream = Stream::new(&self.dealing, block as u64);
        let mut pairs: Vec<usize> = (0..self.glyphs.len()).collect();
        for last in (1..pairs.len()).rev() {
            pairs.swap(last, (stream.uniform() * (last + 1) as f64) as usize);
        }
        pairs
    }

    /// The pair with the font its class prefers, for the share of images that follow it.
    fn preferred(&self, index: usize, pair: usize) -> usize {
        let follows = self.spec.correlation > 0.0
            && Stream::new(&self.preferring, index as u64).uniform() < self.spec.correlation;
        let class = pair / 2;
        if follows { class * 2 + class % 2 } else { pair }
    }

    fn draw(&self, index: usize, glyph: &Glyph, image: &mut [u8]) {
        let spec = self.spec;
        let mut stream = Stream::new(&self.drawing, index as u64);
        let angle = (stream.normal() * spec.rotation_degrees).to_radians();
        let size = (1.0 + spec.size_jitter * stream.normal()).clamp(0.5, 1.5);
        let shift = [0, 1].map(|_| ((2.0 * stream.uniform() - 1.0) * spec.shift) as f32);
        let field = Field::draw(&mut stream, &self.blur, spec.elastic_alpha);
        let outline = glyph.turned(angle, size);
        draw::rasterise(&field.moved(&outline), shift, image);
    }
}

impl Characters {
    /// Number of images.
    pub fn len(&self) -> usize {
        self.class.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.class.is_empty()
    }

    /// Pixels of image `i`.
    ///
    /// # Panics
    /// If `i` is not below [`len`](Self::len), like slice indexing.
    pub fn image(&self, i: usize) -> &[u8] {
        let size = self.side * self.side;
        &self.images[i * size..(i + 1) * size]
    }

    /// All pixels as numbers from 0 to 1.
    pub fn floating(&self) -> Vec<f32> {
        self.images.iter().map(|&p| f32::from(p) / 255.0).collect()
    }

    /// Rows of a sample sheet: for each class, each font, the indices of its first `columns` images.
    pub fn sheet(&self, columns: usize) -> Vec<Vec<usize>> {
        let mut rows = vec![Vec::with_capacity(columns); self.classes * FONTS.len()];
        for (i, (&class, &font)) in self.class.iter().zip(&self.font).enumerate() {
            let row = &mut rows[usize::from(class) * FONTS.len() + usize::from(font)];
            if row.len() < columns {
                row.push(i);
            }
        }
        rows
    }
}
