//! Staleness audit: a fold over the steps of a run that must hold of every run.

use crate::cluster::Step;

/// Staleness is conserved: each update adds 1 to the staleness of every task in flight, and nothing else does.
///
/// So the staleness of all tasks that were applied, cancelled or are still open is, to the last digit, the number of
/// tasks in flight summed over the updates. It holds for any law, any policy, any cluster. What it shows is a task that
/// starts at a wrong version; what a task claims when it ends is checked, task by task, in the tests.
#[derive(Clone, Debug, Default)]
pub struct StalenessAudit {
    version: u64,
    in_flight: u64,
    /// Sum of tasks in flight over the updates.
    added: u128,
    /// Sum of the staleness of all closed tasks.
    closed: u128,
    /// Sum of the base versions of all open tasks.
    open_base: u128,
}

impl StalenessAudit {
    /// The audit of a run that goes on after so many updates.
    pub fn after(version: u64) -> StalenessAudit {
        StalenessAudit { version, ..StalenessAudit::default() }
    }

    /// Enters a turn.
    #[inline]
    pub fn add(&mut self, step: &Step<'_>) {
        let orders = step.orders;
        // What goes into no update: without a step, too stale, or lost.
        let empty = step.completion().map(|completion| completion.task).filter(|task| task.steps == 0);
        for task in empty.into_iter().chain(orders.discard).chain(orders.lost) {
            self.closed += u128::from(self.version - task.base_version);
            self.open_base -= u128::from(task.base_version);
            self.in_flight -= 1;
        }
        if !orders.update.is_empty() {
            for task in &orders.update {
                self.closed += u128::from(self.version - task.base_version);
                self.open_base -= u128::from(task.base_version);
            }
            self.in_flight -= orders.update.len() as u64;
            self.added += u128::from(self.in_flight);
            self.version += 1;
        }
        for task in &orders.cancel {
            self.closed += u128::from(self.version - task.base_version);
            self.open_base -= u128::from(task.base_version);
        }
        self.in_flight -= orders.cancel.len() as u64;
        self.in_flight += orders.start.len() as u64;
        for task in &orders.start {
            self.open_base += u128::from(task.base_version);
        }
    }

    /// Updates so far.
    pub fn updates(&self) -> u64 {
        self.version
    }

    /// Both sides of the law: what the updates added, and what the tasks have.
    pub fn sides(&self) -> (u128, u128) {
        let open = u128::from(self.in_flight) * u128::from(self.version) - self.open_base;
        (self.added, self.closed + open)
    }
}
