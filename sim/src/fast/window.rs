//! Bucket sort of the arrivals of a stretch of time.
//!
//! By the leading digits of their times, as cards are sorted into pigeonholes: a window is cut into as many equal parts as it
//! should have arrivals, which are counted, given their places and moved there. What is left to do within the parts is
//! little. The work for each arrival does not depend on how many there are.

use crate::cluster::time::Time;

/// A gradient reaches the server.
#[derive(Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) at: Time,
    /// The part of the window that it falls into.
    part: u32,
}

/// The arrivals of a stretch of time, in order.
pub(crate) struct Window {
    /// The first `ready` are all that happens before `end`; others wait for the next window.
    arrivals: Vec<Arrival>,
    ready: usize,
    /// How many of those were taken.
    taken: usize,
    end: Time,
    /// How long the next window is to be, s.
    length_s: f64,
    /// Arrivals that make a good window.
    wanted: usize,
    /// Arrivals as they are written down, after those that are left from the window before.
    unordered: Vec<Arrival>,
    left: usize,
    /// How many fall into each equal part of the window; then where the next of each belongs.
    parts: Vec<u32>,
}

/// More arrivals in one part of a window than this are not left to insertion, whose time grows with their square.
const CROWD: u32 = 32;

/// The next window, while arrivals are written down.
pub(crate) struct Page<'a> {
    from: Time,
    /// What happens from here on belongs to a later window.
    pub(crate) end: Time,
    parts_per_s: f64,
    last_part: f64,
    parts: &'a mut [u32],
    arrivals: &'a mut Vec<Arrival>,
    most: usize,
}

impl Page<'_> {
    /// Writes a arrival down; workers come in order.
    #[inline(always)]
    pub(crate) fn write(&mut self, arrival: Arrival) {
        // A whole number as the low bits of the float 2^52 + it: one addition, and none of the checks of `as`.
        const TWO_52: f64 = 4_503_599_627_370_496.0;
        let part = arrival.at.since(self.from) * self.parts_per_s;
        let part = ((if part < self.last_part { part } else { self.last_part }) + TWO_52).to_bits() as u32;
        self.parts[part as usize] += 1;
        self.arrivals.push(Arrival { part, ..arrival });
    }

    /// Whether this is several times what there should be: the window had better end sooner.
    #[inline(always)]
    pub(crate) fn is_full(&self) -> bool {
        self.arrivals.len() > self.most
    }
}

impl Arrival {
    #[inline(always)]
    pub(crate) fn new(at: Time) -> Arrival {
        Arrival { at, part: 0 }
    }
}

impl Window {
    /// No time has passed. Each of `workers` workers submits every `mean_step_s` or so, at least `fewest` in a window.
    pub(crate) fn new(workers: u32, mean_step_s: f64, fewest: usize) -> Window {
        // A window takes a pass over all workers: a quarter of them should have something to hand in.
        let wanted = fewest.max(workers as usize / 4);
        Window {
            arrivals: Vec::new(),
            ready: 0,
            taken: 0,
            end: Time::ZERO,
            length_s: wanted as f64 * mean_step_s / f64::from(workers),
            wanted,
            unordered: Vec::new(),
            left: 0,
            parts: vec![0; wanted],
        }
    }

    /// What happens next, as far as it is known.
    #[inline(always)]
    pub(crate) fn upcoming(&self) -> &[Arrival] {
        &self.arrivals[self.taken..self.ready]
    }

    /// The next `count` are done with.
    #[inline(always)]
    pub(crate) fn take(&mut self, count: usize) {
        self.taken += count;
    }

    /// Begins to write down the next window.
    #[inline(always)]
    pub(crate) fn page(&mut self) -> Page<'_> {
        self.parts.fill(0);
        self.unordered.clear();
        self.left = self.arrivals.len() - self.ready;
        let mut page = Page {
            from: self.end,
            end: self.end.after(self.length_s),
            parts_per_s: self.wanted as f64 / self.length_s,
            last_part: self.wanted as f64 - 1.0,
            parts: &mut self.parts,
            arrivals: &mut self.unordered,
            most: 4 * self.wanted + self.left,
        };
        self.arrivals[self.ready..].iter().for_each(|&left| page.write(left));
        page
    }

    /// Moves on to the window that is written down up to `reached`; it may be empty.
    #[inline(always)]
    pub(crate) fn step(&mut self, reached: Time) {
        self.order();
        (self.end, self.taken) = (reached, 0);
        self.ready = self.arrivals.partition_point(|arrival| arrival.at < reached);
        let found = self.arrivals.len() - self.left;
        self.length_s *= (self.wanted as f64 / found as f64).clamp(0.5, 2.0);
    }

    /// Puts what is written down in order of time.
    #[inline(always)]
    fn order(&mut self) {
        let (mut place, mut largest) = (0, 0);
        for part in &mut self.parts {
            largest = largest.max(*part);
            place += std::mem::replace(part, place);
        }
        self.arrivals.resize(self.unordered.len(), Arrival::new(Time::END));
        let (arrivals, parts) = (&mut self.arrivals[..], &mut self.parts[..]);
        for &arrival in &self.unordered {
            let place = &mut parts[arrival.part as usize];
            arrivals[*place as usize] = arrival;
            *place += 1;
        }
        if self.left > 0 || largest > CROWD {
            arrivals.sort_unstable_by_key(|arrival| arrival.at);
            return;
        }
        let mut latest = Time::ZERO;
        for i in 0..arrivals.len() {
            let arrival = arrivals[i];
            if arrival.at >= latest {
                latest = arrival.at;
                continue;
            }
            let mut place = i;
            while place > 0 && arrival.at < arrivals[place - 1].at {
                arrivals[place] = arrivals[place - 1];
                place -= 1;
            }
            arrivals[place] = arrival;
        }
    }
}
