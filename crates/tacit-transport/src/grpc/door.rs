//! How many may be there of one kind: the oldest makes room.
//!
//! Who fills a place with connections that do nothing would lock out whoever comes next, if the next were
//! refused. Here the oldest of the same key goes instead: a peer that does what it came for is through
//! before that, and whoever holds many loses them.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Bounds by key and in all.
pub(super) struct Door<K> {
    each: usize,
    all: usize,
    inside: Mutex<Inside<K>>,
}

struct Inside<K> {
    by: HashMap<K, VecDeque<(u64, oneshot::Sender<()>)>>,
    count: usize,
    next: u64,
}

/// A place inside; dropped, it is free.
pub(super) struct Place<K: Hash + Eq + Copy> {
    door: Arc<Door<K>>,
    key: K,
    number: u64,
}

/// Done when this place is wanted for another.
pub(super) type Leave = oneshot::Receiver<()>;

impl<K: Hash + Eq + Copy> Door<K> {
    /// At most `each` of one key, `all` together.
    pub(super) fn new(each: usize, all: usize) -> Arc<Self> {
        let inside = Inside {
            by: HashMap::new(),
            count: 0,
            next: 0,
        };
        Arc::new(Self {
            each: each.max(1),
            all: all.max(1),
            inside: Mutex::new(inside),
        })
    }

    /// Lets one in. If there are too many of its key, the oldest of them leaves; if there are too many in
    /// all, the oldest of the key that has most.
    pub(super) fn enter(self: &Arc<Self>, key: K) -> (Place<K>, Leave) {
        let mut inside = self.lock();
        let full = inside.by.get(&key).is_some_and(|q| q.len() >= self.each);
        let crowded = inside.count >= self.all;
        let most = || inside.by.iter().max_by_key(|(_, q)| q.len());
        let from = match (full, crowded) {
            (true, _) => Some(key),
            (_, true) => most().map(|(key, _)| *key),
            _ => None,
        };
        if let Some(from) = from {
            inside.evict(from);
        }
        let (leave, left) = oneshot::channel();
        let number = inside.next;
        inside.next += 1;
        inside.count += 1;
        inside.by.entry(key).or_default().push_back((number, leave));
        let door = self.clone();
        (Place { door, key, number }, left)
    }

    fn lock(&self) -> MutexGuard<'_, Inside<K>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq + Copy> Inside<K> {
    fn evict(&mut self, key: K) {
        if let Some(queue) = self.by.get_mut(&key)
            && let Some((_, leave)) = queue.pop_front()
        {
            self.count -= 1;
            let _ = leave.send(());
        }
    }
}

impl<K: Hash + Eq + Copy> Drop for Place<K> {
    fn drop(&mut self) {
        let mut inside = self.door.lock();
        let Some(queue) = inside.by.get_mut(&self.key) else {
            return;
        };
        let before = queue.len();
        queue.retain(|(number, _)| *number != self.number);
        let gone = before - queue.len();
        if queue.is_empty() {
            inside.by.remove(&self.key);
        }
        inside.count -= gone;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_of_the_fullest_makes_room_and_places_are_free_again() {
        let door = Door::new(2, 3);
        let gone = |leave: &mut Leave| leave.try_recv().is_ok();
        let (first, mut one) = door.enter('a');
        let (_second, mut two) = door.enter('a');
        let (third, mut three) = door.enter('a');
        assert!(gone(&mut one) && !gone(&mut two) && !gone(&mut three));
        drop(first);
        let (_b, mut b) = door.enter('b');
        assert!(!gone(&mut two) && !gone(&mut b));
        // Three are inside: somebody of the crowd goes, not the one that comes.
        let (_c, mut c) = door.enter('c');
        assert!(gone(&mut two) && !gone(&mut b) && !gone(&mut c));
        drop(third);
        let (_d, mut d) = door.enter('d');
        assert!(!gone(&mut b) && !gone(&mut c) && !gone(&mut d));
        assert_eq!(door.lock().count, 3);
    }
}
