//! Stochastic gradient descent: its settings, and blocked arithmetic on vectors that readers may share.

use std::sync::Arc;

/// How the step size depends on how gradients come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString, strum::VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum LearningRateRule {
    /// Every update moves by lr times the average of its gradients.
    Same,
    /// An update that averages K gradients moves K times as far: each gradient counts the same under every policy.
    Linear,
    /// A gradient that is s updates old counts 1/max(1, s).
    PerStaleness,
}

/// Plain or momentum SGD: v = momentum v + g, w = w - lr v.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// Step size, lr.
    pub rate: f32,
    /// Share of the velocity that is kept, 0 for plain SGD; it lives at the server, or with each worker.
    pub momentum: f32,
    /// What becomes of the rate when gradients are several or stale.
    pub rule: LearningRateRule,
}

/// Numbers that are summed up while they are at hand.
const BLOCK: usize = 4096;

/// Replaces each number by what `new` makes of it and the weighted sum of its neighbours in `parts`, in their order: in
/// place, if nobody else reads them.
pub(super) fn change(shared: &mut Arc<Vec<f32>>, parts: &[(f32, &[f32])], new: impl Fn(f32, f32) -> f32) {
    let mut sum = [0.0; BLOCK];
    if let Some(own) = Arc::get_mut(shared) {
        for (block, own) in own.chunks_mut(BLOCK).enumerate() {
            add_up(parts, block * BLOCK, &mut sum);
            own.iter_mut().zip(&sum).for_each(|(old, &by)| *old = new(*old, by));
        }
        return;
    }
    let mut fresh = Vec::with_capacity(shared.len());
    for (block, old) in shared.chunks(BLOCK).enumerate() {
        add_up(parts, block * BLOCK, &mut sum);
        fresh.extend(old.iter().zip(&sum).map(|(&old, &by)| new(old, by)));
    }
    *shared = Arc::new(fresh);
}

/// The weighted sum of the parts from `start` on, as far as `sum` and the parts go.
fn add_up(parts: &[(f32, &[f32])], start: usize, sum: &mut [f32]) {
    let (&(weight, first), rest) = parts.split_first().expect("an update has a gradient");
    sum.iter_mut().zip(&first[start..]).for_each(|(sum, g)| *sum = weight * g);
    for &(weight, part) in rest {
        sum.iter_mut().zip(&part[start..]).for_each(|(sum, g)| *sum += weight * g);
    }
}
