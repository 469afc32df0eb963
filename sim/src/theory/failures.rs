//! Checkpoints of a job that fails: how often is best.
//!
//! Exponential failures, of which each costs what was done since the last checkpoint.

/// Seconds of work between checkpoints that lose least, where the job fails every `mtbf_s` on average and a checkpoint costs
/// `cost_s`: M (1 + W(-e^(-1 - C/M))), W the principal branch of Lambert's function. It minimises M (e^((tau + C)/M) - 1)/tau, the
/// mean time for a second of work; √(2 C M) of Young (1974) is its first term, and Daly (Future Gener. Comput. Syst. 22, 2006,
/// 303-312) has more of them.
///
/// ```
/// use straggle_sim::theory::checkpoint_interval;
/// assert!((checkpoint_interval(50.0, 2.0) - 12.84).abs() < 0.01); // Young: 14.14
/// ```
pub fn checkpoint_interval(mtbf_s: f64, cost_s: f64) -> f64 {
    // As a share y of M the interval solves (1 - y) e^y = e^(-C/M), of which the left side falls from 1 to 0 between 0 and 1.
    let target = (-cost_s / mtbf_s).exp();
    let (mut low, mut high) = (0.0f64, 1.0f64);
    for _ in 0..200 {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            break;
        }
        if (1.0 - middle) * middle.exp() > target { low = middle } else { high = middle }
    }
    mtbf_s * high
}
