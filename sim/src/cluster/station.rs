//! Stations between a worker and the server, and how those who meet there share them.

use crate::random::law::Law;

/// How those who are at a station share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Processor sharing: everybody is served at the same reduced speed. Of cores: steps longer than the kernel's time slice.
    Equally,
    /// First come first served: whoever is served is served to the end. Of cores: steps shorter than the time slice.
    FirstCome,
}

/// One station between a worker and the server.
#[derive(Clone, Debug, PartialEq)]
pub struct Station {
    /// Seconds of service for each task.
    pub(crate) law: Law,
    /// How many are served at once, and how; `None` is a delay.
    pub(crate) servers: Option<(u32, Sharing)>,
}

impl Station {
    /// Time passes, the same for one as for many.
    pub fn delay(law: Law) -> Station {
        Station { law, servers: None }
    }

    /// A queue, first come first served, with so many servers, at least one.
    pub fn queue(law: Law, servers: u32) -> Station {
        Station { law, servers: Some((servers.max(1), Sharing::FirstCome)) }
    }

    /// Processor sharing of so many servers, at least one.
    pub fn shared(law: Law, servers: u32) -> Station {
        Station { law, servers: Some((servers.max(1), Sharing::Equally)) }
    }
}
