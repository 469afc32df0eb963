//! Messages between ranks: bytes with a tag that says what they are.
//!
//! Whoever waits for one looks often at first and then now and then, so that a rank that waits leaves its core to one that
//! computes.

use mpi::point_to_point::{Message, Status};
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator as _, Destination, MatchedReceiveVec, Source};
use std::thread::{sleep, yield_now};
use std::time::{Duration, Instant};

/// A task, and the parameters that it reads.
pub const TASK: i32 = 1;
/// The same, for nothing.
pub const WARM_UP: i32 = 2;
/// The task is to end with the present step.
pub const ENOUGH: i32 = 3;
/// No more tasks come.
pub const END: i32 = 4;
/// What was computed.
pub const RESULT: i32 = 5;
/// A burst of a run under an all-reduce, for all ranks.
pub const BURST: i32 = 6;
/// Compute tasks for nothing, and say how long each took.
pub const CALIBRATE: i32 = 7;
/// Compute for nothing, until somebody says that it is enough.
pub const BESIDE: i32 = 8;
/// Send back what this holds.
pub const ECHO: i32 = 9;
/// Add up zeros, for all ranks.
pub const ADD_UP: i32 = 10;
/// What was measured of one of these.
pub const MEASURED: i32 = 11;

/// From whomever.
pub const ANY: Option<u32> = None;

/// A message that has come, and has to be opened.
#[must_use]
pub struct Letter((Message, Status));

impl Letter {
    /// What it is.
    pub fn tag(&self) -> i32 {
        self.0.1.tag()
    }

    /// Its bytes.
    pub fn open(self) -> Vec<u8> {
        self.0.matched_receive_vec::<u8>().0
    }
}

/// Sends bytes to a rank.
pub fn send(to: u32, tag: i32, bytes: &[u8]) {
    SimpleCommunicator::world().process_at_rank(to as i32).send_with_tag(bytes, tag);
}

/// A message from this rank with this tag, if there is one; of any where there is none.
pub fn look(from: Option<u32>, tag: Option<i32>) -> Option<Letter> {
    fn found(source: &impl Source, tag: Option<i32>) -> Option<(Message, Status)> {
        match tag {
            Some(tag) => source.immediate_matched_probe_with_tag(tag),
            None => source.immediate_matched_probe(),
        }
    }
    let world = SimpleCommunicator::world();
    match from {
        Some(rank) => found(&world.process_at_rank(rank as i32), tag),
        None => found(&world.any_process(), tag),
    }
    .map(Letter)
}

/// How long whoever waits looks all the time.
const AWAKE: Duration = Duration::from_micros(200);
/// How long it sleeps between two looks later on.
const NAP: Duration = Duration::from_micros(30);

/// Waits for a message until then.
pub fn wait(from: Option<u32>, tag: Option<i32>, until: Instant) -> Option<Letter> {
    let began = Instant::now();
    loop {
        let (found, now) = (look(from, tag), Instant::now());
        if found.is_some() || now >= until {
            return found;
        }
        if now - began < AWAKE { yield_now() } else { sleep(NAP) }
    }
}

/// Waits for a message, however long that takes.
pub fn receive(from: Option<u32>, tag: Option<i32>) -> Letter {
    loop {
        if let Some(letter) = wait(from, tag, Instant::now() + Duration::from_secs(1)) {
            return letter;
        }
    }
}
