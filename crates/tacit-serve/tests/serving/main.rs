//! The service over real sockets on loopback.

mod answers;
mod bounds;
mod clients;
mod fuzzed;
mod gate;
mod place;
mod refusals;
mod reload;
mod stopping;
