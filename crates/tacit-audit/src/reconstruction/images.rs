//! Labelled images, borrowed.

use crate::error::AuditError;

/// Images of equal size with the label that is public and the one that is private.
#[derive(Debug, Clone, Copy)]
pub struct Images<'a> {
    pixels: usize,
    values: &'a [u8],
    public: &'a [u8],
    private: &'a [u8],
}

impl<'a> Images<'a> {
    /// `values` holds one image after another.
    pub fn new(
        pixels: usize,
        values: &'a [u8],
        public: &'a [u8],
        private: &'a [u8],
    ) -> Result<Self, AuditError> {
        for (what, found, expected) in [
            ("pixels of all images", values.len(), pixels * public.len()),
            ("private labels", private.len(), public.len()),
            ("images", public.len().min(1), 1),
        ] {
            if found != expected {
                return Err(AuditError::Shape {
                    what,
                    found,
                    expected,
                });
            }
        }
        Ok(Self {
            pixels,
            values,
            public,
            private,
        })
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.public.len()
    }

    /// Never: a set has at least one image.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Pixels of an image.
    pub fn pixels(&self) -> usize {
        self.pixels
    }

    /// Image i.
    pub fn image(&self, i: usize) -> &'a [u8] {
        &self.values[i * self.pixels..(i + 1) * self.pixels]
    }

    /// Its public label.
    pub fn public(&self, i: usize) -> u8 {
        self.public[i]
    }

    /// Its private label.
    pub fn private(&self, i: usize) -> u8 {
        self.private[i]
    }

    /// The images with this public label.
    pub(super) fn of_class(&self, class: u8) -> impl Iterator<Item = &'a [u8]> + '_ {
        let chosen = (0..self.len()).filter(move |&i| self.public(i) == class);
        chosen.map(|i| self.image(i))
    }
}
