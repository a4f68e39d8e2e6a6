//! A link of a given delay and rate, in user space: for measurements without a network.
//!
//! Each link is a socket that forwards to one address. A chunk that is read at time t leaves the
//! bottleneck at
//!
//! ```text
//!   free ← max(free, t) + bytes / rate        and arrives at   free + delay
//! ```
//!
//! `free` is one value per link and direction, so that all connections of a site share its rate.
//! The queue before the bottleneck holds 64 KiB; when it is full the sender waits, as with a modem.
//! Every byte is counted.
//!
//! What it does not have: loss, jitter, and the slow start of a TCP connection over the distance (each
//! half of the connection ends on this machine).

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::desk::runtime;
use crate::error::Error;

/// Bytes read at a time.
const READ: usize = 16 << 10;
/// Bytes before the bottleneck.
const QUEUE: u64 = 64 << 10;
/// Chunks under way to a receiver that does not read.
const UNDER_WAY: usize = 1024;

/// Delay and rate of a link.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Shape {
    /// One way, in each direction.
    pub delay: Duration,
    /// Bytes a second in each direction; `None` is as fast as it goes.
    pub bytes_per_second: Option<u64>,
}

impl Shape {
    fn takes(&self, bytes: u64) -> Duration {
        match self.bytes_per_second {
            Some(rate) => Duration::from_nanos(bytes.saturating_mul(1_000_000_000) / rate.max(1)),
            None => Duration::ZERO,
        }
    }
}

/// Bytes that went over a link.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Carried {
    /// Out of the site.
    pub up: u64,
    /// Into it.
    pub down: u64,
}

/// A way over a site's link, with an address of its own to dial.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Passage {
    /// Over which link.
    pub link: usize,
    /// Whether it leads into the site, rather than out of it.
    pub inward: bool,
    /// Where it leads.
    pub to: To,
}

/// Where a passage leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum To {
    /// To an address.
    Address(SocketAddr),
    /// Over another passage, by its place in the list.
    Passage(usize),
}

/// Links of one shape, on a thread of their own, for as long as this value lives.
#[derive(Debug)]
pub struct ShapedLinks {
    addresses: Vec<SocketAddr>,
    counts: Vec<Arc<[Direction; 2]>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

#[derive(Default, Debug)]
struct Direction {
    bytes: AtomicU64,
    free: Mutex<Option<Instant>>,
}

impl ShapedLinks {
    /// Opens `links` links out to `to`.
    pub fn open(to: SocketAddr, links: usize, shape: Shape) -> Result<Self, Error> {
        let passage = |link| Passage {
            link,
            inward: false,
            to: To::Address(to),
        };
        Self::with(&(0..links).map(passage).collect::<Vec<_>>(), shape)
    }

    /// Opens links with these passages. One that leads to a passage that is not there leads nowhere.
    pub fn with(passages: &[Passage], shape: Shape) -> Result<Self, Error> {
        let io = || Error::io("a shaped link");
        let mut listeners = Vec::with_capacity(passages.len());
        for _ in passages {
            let listener = TcpListener::bind("127.0.0.1:0").map_err(io())?;
            listener.set_nonblocking(true).map_err(io())?;
            listeners.push(listener);
        }
        let addresses = listeners.iter().map(TcpListener::local_addr);
        let addresses: Vec<_> = addresses.collect::<Result<_, _>>().map_err(io())?;
        let links = passages
            .iter()
            .map(|p| p.link + 1)
            .max()
            .unwrap_or_default();
        let counts: Vec<Arc<[Direction; 2]>> = (0..links).map(|_| Arc::default()).collect();
        let runtime = runtime()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let mut ways = Vec::with_capacity(passages.len());
        for (listener, passage) in listeners.into_iter().zip(passages) {
            let to = match passage.to {
                To::Address(to) => Some(to),
                To::Passage(other) => addresses.get(other).copied(),
            };
            if let Some(to) = to {
                ways.push((listener, to, counts[passage.link].clone(), passage.inward));
            }
        }
        let forward = move || {
            runtime.block_on(async {
                for (listener, to, counts, inward) in ways {
                    if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                        tokio::spawn(accept(listener, to, shape, counts, inward));
                    }
                }
                let _ = stopped.await;
            });
        };
        let thread = thread::Builder::new()
            .name("links".into())
            .spawn(forward)
            .map_err(io())?;
        Ok(Self {
            addresses,
            counts,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where each passage is dialled.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What a link carried so far; nothing for a link that is not there.
    pub fn carried(&self, link: usize) -> Carried {
        let bytes = |way: usize| {
            let counts = self.counts.get(link);
            counts.map_or(0, |c| c[way].bytes.load(Ordering::Relaxed))
        };
        Carried {
            up: bytes(0),
            down: bytes(1),
        }
    }
}

impl Drop for ShapedLinks {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept(
    listener: tokio::net::TcpListener,
    to: SocketAddr,
    shape: Shape,
    counts: Arc<[Direction; 2]>,
    inward: bool,
) {
    while let Ok((near, _)) = listener.accept().await {
        let counts = counts.clone();
        tokio::spawn(async move {
            let Ok(far) = TcpStream::connect(to).await else {
                return;
            };
            let _ = (near.set_nodelay(true), far.set_nodelay(true));
            let (near_in, near_out) = near.into_split();
            let (far_in, far_out) = far.into_split();
            tokio::join!(
                forward(near_in, far_out, shape, &counts[usize::from(inward)]),
                forward(far_in, near_out, shape, &counts[usize::from(!inward)]),
            );
        });
    }
}

/// One direction of one connection, to its end.
async fn forward(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    shape: Shape,
    direction: &Direction,
) {
    let (under_way, mut arriving) = mpsc::channel::<(Instant, Vec<u8>)>(UNDER_WAY);
    let read = async move {
        loop {
            let mut chunk = vec![0; READ];
            let Ok(got @ 1..) = from.read(&mut chunk).await else {
                return;
            };
            chunk.truncate(got);
            direction.bytes.fetch_add(got as u64, Ordering::Relaxed);
            let leaves = direction.leaves(shape.takes(got as u64));
            if under_way.send((leaves + shape.delay, chunk)).await.is_err() {
                return;
            }
            if let Some(wait) = leaves.checked_sub(shape.takes(QUEUE))
                && wait > Instant::now()
            {
                sleep_until(wait).await;
            }
        }
    };
    let write = async move {
        while let Some((at, chunk)) = arriving.recv().await {
            if at > Instant::now() {
                sleep_until(at).await;
            }
            if to.write_all(&chunk).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    };
    tokio::join!(read, write);
}

impl Direction {
    /// When something that takes so long has passed the bottleneck.
    fn leaves(&self, takes: Duration) -> Instant {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let leaves = free.map_or(now, |free| free.max(now)) + takes;
        *free = Some(leaves);
        leaves
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn a_link_takes_its_delay_and_its_rate_and_counts_every_byte() {
        let far = TcpListener::bind("127.0.0.1:0").unwrap();
        let shape = Shape {
            delay: Duration::from_millis(30),
            bytes_per_second: Some(10_000_000),
        };
        let links = ShapedLinks::open(far.local_addr().unwrap(), 2, shape).unwrap();
        let mut near = std::net::TcpStream::connect(links.addresses()[1]).unwrap();
        let (mut far, _) = far.accept().unwrap();
        let began = Instant::now();
        let sent: Vec<u8> = (0..1_000_000u32).map(|i| i as u8).collect();
        let there = sent.clone();
        let sending = thread::spawn(move || {
            near.write_all(&there).unwrap();
            near
        });
        let mut got = vec![0; sent.len()];
        far.read_exact(&mut got).unwrap();
        let took = began.elapsed();
        assert!(got == sent);
        assert!(took >= Duration::from_millis(130), "{took:?}");
        let mut near = sending.join().unwrap();
        let began = Instant::now();
        far.write_all(b"back").unwrap();
        drop(far);
        let mut back = Vec::new();
        near.read_to_end(&mut back).unwrap();
        assert_eq!(back, b"back");
        assert!(began.elapsed() >= Duration::from_millis(30));
        let (up, down) = (sent.len() as u64, 4);
        assert_eq!(links.carried(1), Carried { up, down });
        assert_eq!(links.carried(0), Carried::default());
    }
}
