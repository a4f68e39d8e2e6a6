//! Where every number sits in a ciphertext, and what it costs to work there.
//!
//! # The layout
//!
//! One ciphertext of `S` real slots carries a mini-batch of `b` samples for `m` outputs ("lanes":
//! the classes of a multinomial model; 1 otherwise), whose weight vectors have `p` coordinates
//! (features, intercept, zero padding). All four are powers of two. What is left of the ciphertext
//! holds *copies* of the batch, `c = min(p, S/(b·m))` of them; each copy handles only
//! `q = p/c` of the `p` coordinates. With period `L = c·b·m` and group size `g = L/p`, slot `s`
//! belongs to
//!
//! ```text
//! lane(s)   = s mod m                  fastest
//! sample(s) = ⌊s/m⌋ mod b
//! copy(s)   = ⌊s/(b·m)⌋ mod c          slowest
//! coord(s)  = ⌊s/g⌋ mod p              which weight sits here
//! ```
//!
//! and every vector repeats with period `L`. The weights are laid out by `coord` and `lane`:
//! a weight fills a *group* of `g` neighbouring slots.
//!
//! ## Forward: `U = X·w`
//!
//! Rotating left by `g·t` raises the coordinate by exactly `t` and leaves the lane alone. So with
//! the plaintext diagonals
//!
//! ```text
//! P_t[s] = X[sample(s), (coord(s)+t) mod p]        t = 0 … q−1
//! ```
//!
//! the sum `Σ_t rot(w, g·t) ⊙ P_t` holds, in copy `k`, the part of `x·w` that runs over `q` of the
//! coordinates; over the `c` copies each coordinate occurs once. Copies are the slowest index, so
//! `log2 c` rotations-and-adds by multiples of `b·m` give every copy the full `u`.
//!
//! Why not give the weights period `p` (`coord(s) = s mod p`), the textbook choice? Because copies
//! that are folded by rotations must sit a multiple of `p` apart, hence would all see the same
//! coordinate under the same rotation: nothing to share out. There each party needs `2·√p`
//! rotations and `2p` plaintexts; here `log2 c + 2·√q` and `2q`. With 33 coordinates and 512 samples
//! that is 7 rotations instead of 28 and 4 plaintexts instead of 128.
//!
//! ## Gradient: `G = Xᵀ·E`
//!
//! Products are moved to a slot of their coordinate by *left* rotations too, so that no second
//! set of Galois keys is needed: with `landing(s) = coord(s − (g − m))` and
//!
//! ```text
//! D_t[s] = ω · X[sample(s), (landing(s)−t) mod p]      t = 0 … q−1
//! G      = Σ_t rot(E ⊙ D_t, g·t)
//! ```
//!
//! slot `s` of `G` holds a part of gradient coordinate `landing(s)`, and over the copies each
//! (sample, coordinate) pair occurs once. The parts are added once per iteration, on the *sum* over
//! all parties, at the root: `log2(g/m)` left rotations by `m, 2m, …` leave the sum in the *last*
//! `m` slots of each group (that is what the offset `g − m` in `landing` is for), a mask
//! ([`Layout::fold_mask`]) keeps these, and the same rotations again spread them over the group:
//! the layout of the weights. The mask costs one level; it is the price of the cheap forward
//! pass, paid once, not per party, and the step `η` rides on it.
//!
//! ## Baby steps and giant steps
//!
//! For `q > 1`, with `t = t1 + n1·t2`, `t1 < n1`, `t2 < n2`, `n1·n2 = q`:
//!
//! ```text
//! forward    Σ_t2 rot( Σ_t1 rot(w, g·t1) ⊙ rot(P_t, −g·n1·t2),  g·n1·t2 )
//! gradient   Σ_t2 rot( Σ_t1 rot(E, g·t1) ⊙ rot(D_t, g·t1),      g·n1·t2 )
//! ```
//!
//! The inner rotations are hoisted; the plaintexts are rotated by their owner before encoding
//! ([`Diagonals`]). [`Layout::rotations`] lists all Galois keys: with `q ≤ 2` they are exactly the
//! powers of two from `m` to `L/2`.
//!
//! ## The fused gradient saves a level
//!
//! `act(u) = x·h(x) + γ` for the folded activations ([`crate::activation::Folded`]), so
//! `G = Σ_t rot((x ⊙ D_t)·h, g·t) + Σ_t rot(D_t ⊙ (γ − y), g·t)`; the first factor is computed
//! beside `h`, not after it, and the second term is plaintext. With `q = 1` this is free;
//! otherwise it needs `n2` relinearisations instead of one and the baby steps of two vectors
//! ([`GradientForm`]).
//!
//! # Example
//!
//! ```
//! use tacit_learn::packing::{Cost, GradientForm, Layout};
//!
//! // 32 features and the intercept, one output, 512 samples in 16384 slots.
//! let layout = Layout::new(16_384, 33, 512, 1)?;
//! assert_eq!((layout.coordinates(), layout.copies(), layout.diagonals()), (64, 32, 2));
//!
//! let cost = Cost::of(&layout, 3, GradientForm::Fused);
//! assert_eq!(cost.levels(), 4); // X·w, two for the cubic with the gradient fused in, the mask
//! assert_eq!(cost.party.rotations, 1 + 5 + 2);
//! assert_eq!(layout.rotations().len(), 14);
//! # Ok::<(), tacit_learn::Error>(())
//! ```
//!
//! # Limits
//!
//! The padded model must fit: `p·m ≤ S` and `b·m ≤ S`.

mod circuit;
mod cost;
mod diagonals;
mod layout;
mod simulator;

pub use circuit::{PartyCircuit, fold};
pub use cost::{Cost, GradientForm, Operations};
pub use diagonals::{Batch, Diagonals};
pub use layout::{Bsgs, Layout};
pub use simulator::{Counts, SlotMachine, SlotVector};
