//! Does what has lasted for a while last longer still?

use super::Law;

/// How a law's remaining time compares with a fresh one's; decides on which side of the truth a bound lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aging {
    /// Used is as good as new: exponential.
    Memoryless,
    /// New lasts longer than used (NBU).
    NewLasts,
    /// Used lasts longer than new (NWU).
    UsedLasts,
    /// Neither holds throughout, or it is not known.
    Neither,
}

impl Law {
    /// Whether new or used lasts longer.
    pub fn aging(&self) -> Aging {
        let by_shape = |shape: f64| match shape.total_cmp(&1.0) {
            std::cmp::Ordering::Less => Aging::UsedLasts,
            std::cmp::Ordering::Equal => Aging::Memoryless,
            std::cmp::Ordering::Greater => Aging::NewLasts,
        };
        match *self {
            Law::Exp { .. } | Law::ShiftedExp { shift: 0.0, .. } => Aging::Memoryless,
            Law::ShiftedExp { .. }
            | Law::Constant { .. }
            | Law::Uniform { .. }
            | Law::Gumbel { .. }
            | Law::Normal { .. } => Aging::NewLasts,
            Law::Gamma { shape, .. } | Law::Weibull { shape, .. } => by_shape(shape),
            Law::HyperExp { p, rate1, rate2 } if p == 0.0 || p == 1.0 || rate1 == rate2 => Aging::Memoryless,
            Law::HyperExp { .. } => Aging::UsedLasts,
            Law::LogNormal { .. } | Law::Pareto { .. } | Law::Markov(_) | Law::Trace(_) => Aging::Neither,
        }
    }

    /// The rate of a law that is memoryless, per second.
    pub fn memoryless_rate(&self) -> Option<f64> {
        (self.aging() == Aging::Memoryless).then(|| 1.0 / self.mean())
    }
}
