//! A race and its record: what the tests of replays share.

use sim::{Cluster, Event, Recording, Run, StalenessAudit, Time};

/// Runs until so many updates were made; the staleness must be conserved after every turn.
pub fn progress<C: Cluster>(run: &mut Run<C>, updates: u64) -> (Vec<(Time, Event)>, Recording) {
    let (mut events, mut recording, mut audit) = (Vec::new(), Recording::default(), StalenessAudit::default());
    while audit.updates() < updates {
        let Some(step) = run.step() else { break };
        events.extend(step.events());
        recording.add(&step);
        audit.add(&step);
        let (added, had) = audit.sides();
        assert_eq!(added, had);
    }
    (events, recording)
}
