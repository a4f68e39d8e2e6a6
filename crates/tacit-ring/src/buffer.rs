//! Memory of polynomials, recycled.
//!
//! Polynomials are megabytes; asking the system for fresh pages and filling them with zeros costs more than
//! many operations on them. Each thread keeps what its dropped polynomials leave, up to
//! [`KEPT_WORDS`], and hands it out again *with its contents*; what it has no room for goes to a shelf that all
//! threads take from, for polynomials made by one thread are often dropped by another. Secrets are erased before they are
//! dropped (see [`SecretPoly`](crate::SecretPoly)), so none is kept here.

use aligned_vec::{AVec, ConstAlign};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Mutex;

type Words = AVec<u64, ConstAlign<64>>;

/// Words that a thread keeps at most: 64 MiB, a few ciphertexts at N = 2^15 with their digits.
const KEPT_WORDS: usize = 8 << 20;

/// Words that all threads together keep at most besides: 128 MiB.
const COMMON_WORDS: usize = 16 << 20;

struct Shelf {
    /// Oldest first.
    buffers: VecDeque<Words>,
    words: usize,
    limit: usize,
}

thread_local! {
    static SHELF: RefCell<Shelf> = const { RefCell::new(Shelf::new(KEPT_WORDS)) };
}

/// What threads had no room for.
static COMMON: Mutex<Shelf> = Mutex::new(Shelf::new(COMMON_WORDS));

/// What there is in common, unless another thread is busy with it: then waiting would cost more than memory does.
fn common<T>(f: impl FnOnce(&mut Shelf) -> T) -> Option<T> {
    COMMON.try_lock().ok().map(|mut shelf| f(&mut shelf))
}

/// Aligned words that return to their thread's shelf when dropped.
pub(crate) struct Buffer {
    /// All that was allocated.
    words: Words,
    /// How many are in use.
    len: usize,
}

impl Buffer {
    /// `len` words of unspecified content.
    pub fn unspecified(len: usize) -> Self {
        let found = SHELF.try_with(|shelf| shelf.borrow_mut().take(len));
        let found = found.ok().flatten();
        let found = found.or_else(|| common(|shelf| shelf.take(len)).flatten());
        let words = found.unwrap_or_else(|| allocate(len));
        let mut out = Self { words, len };
        if cfg!(debug_assertions) {
            // No residue: whatever is not overwritten shows up in tests.
            out.fill(u64::MAX >> 1);
        }
        out
    }

    /// `len` zeros.
    pub fn zeroed(len: usize) -> Self {
        let mut out = Self::unspecified(len);
        out.fill(0);
        out
    }

    /// Forgets words from the end.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }
}

/// Zeros, written a block at a time ([`AVec::resize`] goes word by word).
fn allocate(len: usize) -> Words {
    static ZEROS: [u64; 1024] = [0; 1024];
    let mut words = AVec::with_capacity(64, len);
    while words.len() < len {
        words.extend_from_slice(&ZEROS[..ZEROS.len().min(len - words.len())]);
    }
    words
}

impl Shelf {
    const fn new(limit: usize) -> Self {
        Self {
            buffers: VecDeque::new(),
            words: 0,
            limit,
        }
    }

    /// Keeps a buffer; what was not asked for the longest makes room and goes to `next`.
    fn put(&mut self, words: Words, mut next: impl FnMut(Words)) {
        if words.is_empty() || words.len() > self.limit {
            return;
        }
        self.words += words.len();
        self.buffers.push_back(words);
        while self.words > self.limit {
            let Some(oldest) = self.buffers.pop_front() else {
                return;
            };
            self.words -= oldest.len();
            next(oldest);
        }
    }

    /// The buffer returned last that fits and wastes at most half of its words.
    fn take(&mut self, len: usize) -> Option<Words> {
        let fits = |b: &Words| b.len() >= len && b.len() <= 2 * len;
        let index = self.buffers.iter().rposition(fits)?;
        let words = self.buffers.remove(index)?;
        self.words -= words.len();
        Some(words)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let words = std::mem::replace(&mut self.words, AVec::new(64));
        // Fails only while the thread ends; then the memory is freed.
        let _ = SHELF.try_with(|shelf| {
            let mut shelf = shelf.borrow_mut();
            shelf.put(words, |oldest| {
                common(|shelf| shelf.put(oldest, drop));
            });
        });
    }
}

impl std::ops::Deref for Buffer {
    type Target = [u64];
    fn deref(&self) -> &[u64] {
        &self.words[..self.len]
    }
}

impl std::ops::DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u64] {
        &mut self.words[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_comes_back_and_zeros_are_zeros() {
        let mut first = Buffer::unspecified(1000);
        first.fill(7);
        let address = first.as_ptr();
        drop(first);
        let second = Buffer::zeroed(900);
        assert_eq!(second.as_ptr(), address);
        assert!(second.len() == 900 && second.iter().all(|&w| w == 0));
        // Too large for a small request.
        drop(second);
        assert_ne!(Buffer::unspecified(100).as_ptr(), address);
    }

    #[test]
    fn what_is_kept_is_bounded_and_recent() {
        drop(Buffer::zeroed(KEPT_WORDS + 1));
        let kept = || SHELF.with(|shelf| shelf.borrow().words);
        assert!(kept() <= KEPT_WORDS);
        let many = KEPT_WORDS / 4;
        drop(Buffer::zeroed(999));
        let buffers: Vec<Buffer> = (0..5).map(|_| Buffer::zeroed(many)).collect();
        drop(buffers);
        assert_eq!(kept(), 4 * many);
        let lengths = SHELF.with(|shelf| shelf.borrow().buffers.iter().map(|b| b.len()).collect());
        let lengths: Vec<usize> = lengths;
        assert_eq!(lengths, [many; 4]);
    }

    #[test]
    fn what_a_shelf_has_no_room_for_goes_to_the_next() {
        let (mut own, mut next) = (Shelf::new(100), Shelf::new(100));
        for len in [60, 50, 40, 70] {
            own.put(allocate(len), |oldest| next.put(oldest, drop));
        }
        let lengths = |shelf: &Shelf| shelf.buffers.iter().map(|b| b.len()).collect::<Vec<_>>();
        assert_eq!((lengths(&own), own.words), (vec![70], 70));
        assert_eq!((lengths(&next), next.words), (vec![50, 40], 90));
        assert_eq!(next.take(45).map(|b| b.len()), Some(50));
        assert_eq!(next.words, 40);
    }
}
