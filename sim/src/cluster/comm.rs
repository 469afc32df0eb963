//! Communication: how long parameters and gradients travel, by the scheme, the payload and the links.
//!
//! For p nodes, n bytes, latency a per message and B bytes per second on a link: Hockney (1994) for a message, Patarasuk and
//! Yuan (2009) for the ring, Thakur et al. (2005) for tree and halving.

use std::fmt;
use std::str::FromStr;

/// How gradients come together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// A parameter server, whose link all workers share: in order of arrival, one way independent of the other.
    ParameterServer,
    /// All-reduce along a ring: 2 (p-1) a + 2 (p-1)/p n/B.
    Ring,
    /// Binomial tree, reduce and broadcast: 2 ceil(log2 p) (a + n/B).
    Tree,
    /// Recursive halving and doubling: 2 log2 p a + 2 (p-1)/p n/B, between powers of two as well.
    Halving,
    /// Rings inside groups of `group` nodes, and one between the groups for each share of the payload.
    Hierarchical {
        /// Nodes of a group.
        group: u32,
    },
}

/// Nodes of a group, unless typed: the accelerators of a usual machine.
const GROUP: u32 = 8;

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scheme::ParameterServer => f.pad("ps"),
            Scheme::Ring => f.pad("ring"),
            Scheme::Tree => f.pad("tree"),
            Scheme::Halving => f.pad("halving"),
            Scheme::Hierarchical { group: GROUP } => f.pad("hierarchical"),
            Scheme::Hierarchical { group } => write!(f, "hierarchical:{group}"),
        }
    }
}

impl FromStr for Scheme {
    type Err = String;

    fn from_str(text: &str) -> Result<Scheme, String> {
        match text {
            "ps" => Ok(Scheme::ParameterServer),
            "ring" => Ok(Scheme::Ring),
            "tree" => Ok(Scheme::Tree),
            "halving" => Ok(Scheme::Halving),
            "hierarchical" => Ok(Scheme::Hierarchical { group: GROUP }),
            _ => {
                let group = text.strip_prefix("hierarchical:").and_then(|group| group.parse().ok()).filter(|&g| g > 0);
                let group = group.ok_or_else(|| crate::unknown("communication", text, &Scheme::NAMES))?;
                Ok(Scheme::Hierarchical { group })
            }
        }
    }
}

impl Scheme {
    /// What people type; `hierarchical:G` for groups of G.
    pub const NAMES: [&'static str; 5] = ["ps", "ring", "tree", "halving", "hierarchical"];
}

fn finite(what: &str, value: f64, holds: bool, needed: &str) -> Result<(), String> {
    match holds && value.is_finite() {
        true => Ok(()),
        false => Err(format!("the {what} must be {needed}, not {value}")),
    }
}

/// A scheme with what it moves, over which links.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Communication {
    scheme: Scheme,
    payload_bytes: f64,
    latency_s: f64,
    bytes_per_s: f64,
    /// The same of the links inside a group.
    group_bytes_per_s: f64,
    overlap: f64,
}

impl Communication {
    /// `payload_bytes` each way, in messages that take `latency_s` to arrive, over links of `bytes_per_s`. A share `overlap` of
    /// an all-reduce is hidden behind computing, but no more than a step's computing lasts.
    ///
    /// # Errors
    /// A sentence that names the number that is out of its range.
    pub fn new(
        scheme: Scheme,
        payload_bytes: f64,
        latency_s: f64,
        bytes_per_s: f64,
        overlap: f64,
    ) -> Result<Communication, String> {
        finite("payload", payload_bytes, payload_bytes >= 0.0, "at least 0 bytes")?;
        finite("latency", latency_s, latency_s >= 0.0, "at least 0 seconds")?;
        finite("bandwidth", bytes_per_s, bytes_per_s > 0.0, "more than 0 bytes per second")?;
        finite("overlap", overlap, (0.0..=1.0).contains(&overlap), "a share from 0 to 1")?;
        Ok(Communication { scheme, payload_bytes, latency_s, bytes_per_s, group_bytes_per_s: bytes_per_s, overlap })
    }

    /// With other links inside the groups of a hierarchical all-reduce: those of one machine.
    ///
    /// # Errors
    /// A sentence if that is no bandwidth, or there are no groups.
    pub fn with_group_bandwidth(self, bytes_per_s: f64) -> Result<Communication, String> {
        finite("bandwidth inside a group", bytes_per_s, bytes_per_s > 0.0, "more than 0 bytes per second")?;
        match self.scheme {
            Scheme::Hierarchical { .. } => Ok(Communication { group_bytes_per_s: bytes_per_s, ..self }),
            Scheme::ParameterServer | Scheme::Ring | Scheme::Tree | Scheme::Halving => {
                Err(format!("{} has no groups with links of their own", self.scheme))
            }
        }
    }

    /// The same by another scheme, and with other numbers where there are some: payload, latency, bandwidth, overlap, as in
    /// [`new`](Communication::new). Links inside a group keep the bandwidth that they have of their own.
    ///
    /// # Errors
    /// As [`new`](Communication::new).
    pub fn changed(&self, scheme: Option<Scheme>, numbers: [Option<f64>; 4]) -> Result<Communication, String> {
        let [payload, latency, bandwidth, overlap] = numbers;
        let bandwidth = bandwidth.unwrap_or(self.bytes_per_s);
        let scheme = scheme.unwrap_or(self.scheme);
        let changed = Communication::new(
            scheme,
            payload.unwrap_or(self.payload_bytes),
            latency.unwrap_or(self.latency_s),
            bandwidth,
            overlap.unwrap_or(self.overlap),
        )?;
        let in_groups = matches!(scheme, Scheme::Hierarchical { .. });
        let own = in_groups && self.group_bytes_per_s != self.bytes_per_s;
        Ok(Communication { group_bytes_per_s: if own { self.group_bytes_per_s } else { bandwidth }, ..changed })
    }

    /// Bytes a second of a link.
    pub fn bytes_per_s(&self) -> f64 {
        self.bytes_per_s
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Seconds for which a message occupies a link: n/B.
    pub fn transfer_s(&self) -> f64 {
        self.payload_bytes / self.bytes_per_s
    }

    /// Seconds until a message arrives, beyond its transfer.
    pub fn latency_s(&self) -> f64 {
        self.latency_s
    }

    /// Seconds of an all-reduce among `nodes` nodes; none for a single one, or with a parameter server.
    ///
    /// ```
    /// use straggle_sim::cluster::comm::{Communication, Scheme};
    /// let ring = Communication::new(Scheme::Ring, 1.2e9, 0.0, 25e9, 0.0).unwrap();
    /// assert_eq!(ring.all_reduce_s(1), 0.0);
    /// assert!((ring.all_reduce_s(64) - 2.0 * 63.0 / 64.0 * 0.048).abs() < 1e-15); // 2 (p-1)/p n/B
    /// ```
    pub fn all_reduce_s(&self, nodes: u32) -> f64 {
        if nodes <= 1 {
            return 0.0;
        }
        let message_s = self.latency_s + self.transfer_s();
        match self.scheme {
            Scheme::ParameterServer => 0.0,
            Scheme::Ring => self.ring_s(nodes, self.transfer_s()),
            Scheme::Halving => 2.0 * f64::from(nodes).log2() * self.latency_s + shares_s(nodes, self.transfer_s()),
            Scheme::Tree => 2.0 * f64::from(nodes.next_power_of_two().ilog2()) * message_s,
            Scheme::Hierarchical { group } => {
                // Reduce-scatter and all-gather inside are the two halves of a ring; between groups each node's share travels.
                let inside = group.min(nodes);
                let share_s = self.transfer_s() / f64::from(inside);
                let inside_s = self.payload_bytes / self.group_bytes_per_s;
                self.ring_s(inside, inside_s) + self.ring_s(nodes.div_ceil(inside), share_s)
            }
        }
    }

    fn ring_s(&self, nodes: u32, transfer_s: f64) -> f64 {
        2.0 * (f64::from(nodes) - 1.0) * self.latency_s + shares_s(nodes, transfer_s)
    }

    /// The part of an all-reduce that computing does not hide, where a step's computing takes `compute_s`.
    pub fn exposed_s(&self, nodes: u32, compute_s: f64) -> f64 {
        let all_reduce_s = self.all_reduce_s(nodes);
        all_reduce_s - (self.overlap * all_reduce_s).min(compute_s)
    }
}

/// Each node sends and receives all but its own share twice, the least that an all-reduce takes: 2 (p-1)/p n/B.
fn shares_s(nodes: u32, transfer_s: f64) -> f64 {
    let p = f64::from(nodes);
    2.0 * (p - 1.0) / p * transfer_s
}

impl fmt::Display for Communication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Communication { scheme, payload_bytes, latency_s, bytes_per_s, group_bytes_per_s, overlap } = self;
        write!(f, "{scheme} of {payload_bytes:e} B at {bytes_per_s:e} B/s")?;
        if group_bytes_per_s != bytes_per_s {
            write!(f, " ({group_bytes_per_s:e} B/s inside a group)")?;
        }
        if *latency_s > 0.0 {
            write!(f, ", latency {latency_s} s")?;
        }
        if *overlap > 0.0 {
            write!(f, ", overlap {overlap}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_are_their_formulas() {
        let of = |scheme| Communication::new(scheme, 1e6, 1e-5, 1e8, 0.0).unwrap();
        // Four nodes by hand: a = 1e-5, n/B = 1e-2.
        let close = |found: f64, exact: f64| assert!((found / exact - 1.0).abs() < 1e-12, "{found} {exact}");
        close(of(Scheme::Ring).all_reduce_s(4), 6e-5 + 1.5e-2);
        close(of(Scheme::Tree).all_reduce_s(4), 4.0 * 1.001e-2);
        close(of(Scheme::Tree).all_reduce_s(5), 6.0 * 1.001e-2);
        close(of(Scheme::Halving).all_reduce_s(8), 6e-5 + 1.75e-2);
        // Two groups of two: a ring of two on everything, and one of two on half of it.
        close(of(Scheme::Hierarchical { group: 2 }).all_reduce_s(4), 2e-5 + 1e-2 + 2e-5 + 0.5e-2);
        // Inside, ten times as fast.
        let fast = of(Scheme::Hierarchical { group: 2 }).with_group_bandwidth(1e9).unwrap();
        close(fast.all_reduce_s(4), 2e-5 + 1e-3 + 2e-5 + 0.5e-2);
        assert!(of(Scheme::Ring).with_group_bandwidth(1e9).is_err());
        // One group is a ring.
        close(of(Scheme::Hierarchical { group: 8 }).all_reduce_s(4), of(Scheme::Ring).all_reduce_s(4));
        let hidden = Communication::new(Scheme::Ring, 1e6, 0.0, 1e8, 0.5).unwrap();
        close(hidden.exposed_s(4, 1.0), 0.75e-2);
        close(hidden.exposed_s(4, 1e-3), 1.4e-2);
    }

    #[test]
    fn schemes_print_as_they_are_typed() {
        for text in ["ps", "ring", "tree", "halving", "hierarchical", "hierarchical:4"] {
            assert_eq!(text.parse::<Scheme>().unwrap().to_string(), text);
        }
        assert!("rings".parse::<Scheme>().unwrap_err().contains("did you mean 'ring'"));
    }
}
