//! Who is next? One pending event per worker, the earliest first.
//!
//! A tournament over the workers: a leaf holds a worker's time, every inner node the winner of its two children, time and
//! worker. The root is the answer; taking the first out replays one path to the root, log2 m matches without a branch that could
//! be mispredicted, and so does setting its worker's next time; another time is entered as far up as it wins. Unlike a heap it
//! forgets a time that is overwritten, so a cancelled event leaves nothing behind, and unlike a calendar's its cost does not
//! depend on the law of the times.
//!
//! The tree is cut into blocks of 32 leaves, five rounds each, whose winners are the leaves of the blocks above: 1000
//! workers make two storeys, a million four. Inside a block every position is known to be within it, so nothing is checked
//! and no loop counted, and a path touches few pages.

use crate::cluster::time::Time;
use std::hint::select_unpredictable;

/// Pending events of `m` workers, at most one each; ties go to the lowest worker.
///
/// `set` and `pop` cost O(log m), `first` nothing; space is 25 bytes a worker.
#[derive(Clone, Debug)]
pub struct Queue {
    /// All blocks, storey by storey from the workers up.
    blocks: Vec<Block>,
    /// Where each storey begins.
    storeys: Vec<usize>,
    winner: Entry,
    /// A worker whose event was taken out while its leaf still shows it, or [`NOBODY`]. Most often the next thing that
    /// happens is a new event of the same worker, and one path is replayed instead of two.
    vacant: u32,
}

/// Who won a match, and with what time.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// The bits of a time that is not negative order as the times do.
    time: u64,
    worker: u32,
}

/// A tournament of 32: the winner at 1, node i's children at 2i and 2i+1, leaf i at 32 + i.
#[derive(Clone, Debug)]
struct Block {
    times: [u64; 2 * LEAVES],
    workers: [u32; 2 * LEAVES],
}

const ROUNDS: u32 = 5;
const LEAVES: usize = 1 << ROUNDS;

/// No event is pending: later than every instant, and one less than the greatest number, so that 1 can be added.
const NEVER: u64 = u64::MAX - 1;

const NOBODY: u32 = u32::MAX;

impl Block {
    const EMPTY: Block = Block { times: [NEVER; 2 * LEAVES], workers: [NOBODY; 2 * LEAVES] };

    /// Enters someone at a node; who wins its match now?
    #[inline(always)]
    fn play_one(&mut self, node: usize, best: Entry) -> Entry {
        self.times[node] = best.time;
        self.workers[node] = best.worker;
        let (time, worker) = (self.times[node ^ 1], self.workers[node ^ 1]);
        // A right child also loses against an equal: ties go to the left, which is the lower worker. A plain `if` would
        // become a branch, mispredicted every other time.
        let lost = time < best.time + (node as u64 & 1);
        Entry {
            time: select_unpredictable(lost, time, best.time),
            worker: select_unpredictable(lost, worker, best.worker),
        }
    }

    /// Enters someone at a leaf; who wins the block now?
    #[inline(always)]
    fn play(&mut self, leaf: usize, mut best: Entry) -> Entry {
        let mut node = LEAVES + leaf % LEAVES;
        for _ in 0..ROUNDS {
            best = self.play_one(node, best);
            node /= 2;
        }
        best
    }
}

impl Queue {
    /// A queue for `workers` workers, with nothing pending.
    pub fn new(workers: u32) -> Queue {
        let (mut storeys, mut blocks, mut entrants) = (Vec::new(), 0, workers as usize);
        loop {
            storeys.push(blocks);
            entrants = entrants.div_ceil(LEAVES).max(1);
            blocks += entrants;
            if entrants == 1 {
                break;
            }
        }
        Queue {
            blocks: vec![Block::EMPTY; blocks],
            storeys,
            winner: Entry { time: NEVER, worker: NOBODY },
            vacant: NOBODY,
        }
    }

    /// Replaces what is pending for `worker`.
    #[inline(always)]
    pub fn set(&mut self, worker: u32, at: Option<Time>) {
        let time = at.map_or(NEVER, Time::bits);
        if self.vacant == worker {
            self.vacant = NOBODY;
            self.replay(worker, time);
        } else {
            // Beside a leaf that is vacant: it still shows who was the first, and is cleared before anybody asks again.
            self.enter(worker, time);
        }
    }

    /// The same up to the first match whose winner stays who it was: nothing changes above. Most new events are not among the
    /// first, and lose soon.
    #[inline]
    fn enter(&mut self, worker: u32, time: u64) {
        let mut best = Entry { time, worker };
        let mut place = worker as usize;
        for &storey in &self.storeys {
            let block = &mut self.blocks[storey + place / LEAVES];
            let mut node = LEAVES + place % LEAVES;
            while node > 1 {
                if block.times[node] == best.time && block.workers[node] == best.worker {
                    return;
                }
                best = block.play_one(node, best);
                node /= 2;
            }
            place /= LEAVES;
        }
        self.winner = best;
    }

    #[inline(always)]
    fn replay(&mut self, worker: u32, time: u64) {
        let mut best = Entry { time, worker };
        let mut place = worker as usize;
        for &storey in &self.storeys {
            best = self.blocks[storey + place / LEAVES].play(place, best);
            place /= LEAVES;
        }
        self.winner = best;
    }

    /// Clears the leaf of an event that was taken out.
    #[inline(always)]
    fn settle(&mut self) {
        if self.vacant != NOBODY {
            self.clear();
        }
    }

    #[inline(never)]
    fn clear(&mut self) {
        self.replay(self.vacant, NEVER);
        self.vacant = NOBODY;
    }

    /// What is pending for `worker`.
    pub fn get(&self, worker: u32) -> Option<Time> {
        let place = worker as usize;
        let time = self.blocks[place / LEAVES].times[LEAVES + place % LEAVES];
        (time != NEVER && self.vacant != worker).then(|| Time::from_bits(time))
    }

    /// The earliest event and whose it is.
    #[inline(always)]
    pub fn first(&mut self) -> Option<(Time, u32)> {
        self.settle();
        let Entry { time, worker } = self.winner;
        (time != NEVER).then(|| (Time::from_bits(time), worker))
    }

    /// Takes the earliest event out.
    #[inline(always)]
    pub fn pop(&mut self) -> Option<(Time, u32)> {
        let first = self.first()?;
        self.vacant = first.1;
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_first_is_the_least_of_all(
            workers in prop_oneof![1u32..40, 1000u32..1100],
            changes in prop::collection::vec((0u32..1100, prop::option::of(0u8..9), prop::bool::ANY), 1..200),
        ) {
            let mut queue = Queue::new(workers);
            let mut plain: Vec<Option<Time>> = vec![None; workers as usize];
            for (worker, at, pops) in changes {
                let worker = worker % workers;
                let at = at.map(|s| Time::at(f64::from(s)).unwrap());
                queue.set(worker, at);
                plain[worker as usize] = at;
                // `min` keeps the first of equals: the lowest worker.
                let least = (0..workers).filter_map(|w| plain[w as usize].map(|at| (at, w))).min();
                if pops {
                    prop_assert_eq!(queue.pop(), least);
                    if let Some((_, first)) = least {
                        plain[first as usize] = None;
                        prop_assert_eq!(queue.get(first), None);
                    }
                } else {
                    prop_assert_eq!(queue.first(), least);
                }
                for (w, &at) in (0..workers).zip(&plain) {
                    prop_assert_eq!(queue.get(w), at);
                }
            }
        }
    }
}
