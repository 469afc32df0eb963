//! Table of formulas for the mean time per update: policy, condition, formula, in what sense it holds, where it comes from.
//!
//! Every value of [`time_per_update`](crate::theory::time_per_update) names its row. m workers, K the quorum, H local steps,
//! X a step time of survival S, X_{K:m} the K-th smallest of m, 1/mu the mean of an exponential one.

use crate::theory::{Kind, Theory};

/// A formula: a row of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Formula {
    /// The policies that it is for.
    pub policy: &'static str,
    /// What has to hold.
    pub condition: &'static str,
    /// The mean time per update.
    pub formula: &'static str,
    /// In what sense.
    pub kind: Kind,
    /// Where it comes from.
    pub citation: &'static str,
}

impl Formula {
    /// What it comes to, s.
    pub(super) fn is(&'static self, seconds: f64) -> Option<Theory> {
        Some(Theory { seconds, kind: self.kind, formula: self })
    }
}

macro_rules! formulas {
    ($($name:ident: $kind:ident, $policy:literal, $condition:literal, $formula:literal, $citation:literal;)*) => {
        $(pub(super) static $name: Formula = Formula {
            policy: $policy, condition: $condition, formula: $formula, kind: Kind::$kind, citation: $citation,
        };)*

        /// All of them.
        pub fn formulas() -> Vec<&'static Formula> {
            vec![$(&$name),*]
        }
    };
}

formulas! {
    SINGLE: Exact, "all", "m = 1", "K (H E[X] + E[delay] + E[service]) + E[update]", "one after the other";
    ORDER: Exact, "sync, k-sync, backup, local, k-local; ssp:0 (over m)", "any law whose sum of H steps has a law",
        "E[X_{K:m}] = ∫ Pr(fewer than K are done by t) dt, of sums of H steps", "David and Nagaraja 2003; Dutta et al. 2018";
    EXPONENTIAL_ORDER: Exact, "sync, k-sync, backup, k-async", "Exp", "(H_m - H_{m-K})/mu", "Rényi 1953; Dutta et al. 2018";
    MEASURED_ROWS: Exact, "sync, k-sync, backup", "whole measured steps, as many workers as were measured or fewer",
        "mean over the measured steps of their K-th smallest time", "the definition of the model";
    UNEQUAL: Exact, "sync, k-sync, backup", "a law for each worker", "∫ Pr(fewer than K are done by t) dt", "David and Nagaraja 2003";
    COMMON: Exact, "sync, k-sync, backup", "a factor C that all workers have in common", "E[C] E[X_{K:m}]", "independence of C and X";
    SUM_OF_MAXIMA: Upper, "sync, local", "any law", "H E[X_{m:m}] + E[D_{m:m}]", "the greatest sum is at most the sum of the greatest";
    HARTLEY_DAVID: Upper, "sync, local", "any law of finite variance, equal workers", "E[Y] + sd (m-1)/√(2m-1), Y a task",
        "Hartley and David 1954";
    ERLANG: Exact, "k-batch-sync", "Exp", "K/(m mu)", "time of the K-th event of a Poisson process";
    CONSTANT_BATCH: Exact, "k-batch-sync", "constant times", "c H ⌈K/m⌉", "m gradients every c";
    FRESH_LOWER: Lower, "k-batch-sync", "new lasts longer than used", "K E[X]/m", "Wald's identity for the residual times";
    FRESH_UPPER: Upper, "k-batch-sync", "used lasts longer than new", "K E[X]/m", "Wald's identity for the residual times";
    RENEWAL: Exact, "async, hogwild, k-batch-async, fedbuff, async-local", "any law, dependent or not, any speeds",
        "K/Σ 1/E[Y_i], Y_i a task of worker i", "renewal theorem, Cox 1962";
    WAITING_RENEWAL: Lower, "k-async", "any law", "K/Σ 1/E[Y_i]", "who waits submits less often than who never waits";
    SSP_TWO: Exact, "ssp:S", "Exp, m = 2", "(2S+3)/(4 (S+1) mu)", "uniform stationary law on 2S+3 states";
    SSP_SLOWEST: Lower, "ssp:S", "any law", "max E[Y_i]/m", "nobody gets ahead of the slowest for ever";
    RENNALA: Exact, "rennala; k-batch-sync where nobody is stopped", "Exp",
        "f(m-1, K)/(m mu), f(j, k) = 1 + (j/m) f(j-1, k) + (1 - j/m) f(j, k-1)", "first step of the Markov chain; Tyurin and Richtárik 2023";
    LATE: Exact, "k-sync, backup where nobody is stopped, or not before its step is done", "Exp",
        "f(m-K, K, m), f(j, k, b) = (1/mu + j f(j-1, k, b) + (b-j) f(j, k-1, b-1))/b", "first step of the Markov chain";
    RINGMASTER: Approximation, "ringmaster:R", "Exp, equal speeds",
        "1/(m mu q), q = 1 - (a/(1/m + a))^R, a = (1 - 1/m) q", "mean field; Maranjyan et al. 2025";
    GRACE: Exact, "grace:K:g", "Exp", "(H_m - H_{m-K})/mu + ∫_0^g 1 - (1 - e^(-mu t))^(m-K) dt", "memorylessness; Chen et al. 2016";
    BUDGET: Exact, "drop-compute:s:M", "any law whose sum of M steps has a law",
        "E[min(s, Y_{m:m})]/(1 - S(s)^m), Y a sum of M steps", "Giladi et al. 2023; Wald's identity";
    BUDGET_APPROXIMATION: Approximation, "drop-compute:s:M", "any law of CV² ≤ M/4, equal workers",
        "min(s, M E[X] + sd √M ((1-c) z(1 - 1/m) + c z(1 - 1/(e m))))/(1 - S(s)^m), c = 0.5772", "Giladi et al. 2023";
    ANYTIME: Exact, "anytime:s", "independent steps", "s/(1 - S(s)^m)", "Ferdinand et al. 2019; Wald's identity";
    REPAIRMAN: Exact, "async", "exponential service, any law of computing, contention or not",
        "s/(1 - p_0), p_j ∝ Π_{i<j} (m-i) s/(f(m-i) E[X])", "Palm 1943; Baskett et al. 1975";
    SHARED_RENEWAL: Exact, "async, k-batch-async", "c shared cores", "K/Σ 1/E[Y_i] · max(1, m/c)", "all compute all the time";
    SHARED_ORDER: Exact, "sync, k-sync, k-async", "Exp, c shared cores", "Σ_{n=m-K+1..m} 1/(min(n, c) mu)", "memorylessness";
    BUSY_RENEWAL: Exact, "async, k-batch-async", "contention f(n)", "K/Σ 1/E[Y_i] · f(m)", "all compute all the time";
    BUSY_ORDER: Exact, "sync, k-sync, k-async", "Exp, contention f(n)", "Σ_{n=m-K+1..m} f(n)/(n mu)", "pure death process";
    BUSY_CONSTANT: Exact, "sync, local", "constant times, contention f(n)", "c H f(m)", "all compute until all are done";
    BUSY_SINGLE: Exact, "all", "m = 1, contention f(n)", "as without, X being f(1) times as long", "one after the other";
    LINK_ROUNDS: Exact, "sync, local", "constant times, a link of n/B at each end, both ways a",
        "c H + (m+1) n/B + 2a", "one after the other out, and as far apart back";
    LINK_CYCLES: Exact, "async, k-batch-async, fedbuff, async-local", "constant times, a link of n/B at each end, both ways a",
        "K max((c H + 2 n/B + 2a)/m, n/B)", "bottleneck of a cycle without chance";
    LINK_QUEUES: Exact, "async, k-batch-async, fedbuff, async-local",
        "any law of computing; links and a server of exponential times s_i, or shared equally",
        "K/r(m), r(n) = n/(Z + Σ R_i(n)), R_i(n) = s_i (1 + r(n-1) R_i(n-1)), Z the rest of a task",
        "mean value analysis, Reiser and Lavenberg 1980; Baskett et al. 1975";
    LINK_QUEUES_APPROXIMATION: Approximation, "async, k-batch-async, fedbuff, async-local",
        "any law of computing; links and a server of laws of CV ≤ 1",
        "the same, R_i(n) shorter by r(n-1) s_i² (1 - CV_i²)/2", "Reiser 1979";
    CHECKPOINTS: Exact, "sync, local", "failures, a checkpoint of C after T of work; in the sense in which it holds without",
        "E[without] (M + R)(e^((T+C)/M) - 1)/T, M = MTBF/m", "Daly 2006";
    SETBACKS: Exact, "sync, local", "failures, no checkpoints, equal workers, a sum of H steps that has a law",
        "(M + R) E[e^(Y/M) - 1], Y the slowest task", "Daly 2006, given Y";
    SETBACKS_LEAST: Lower, "sync, local", "failures, no checkpoints", "(M + R)(e^(E[without]/M) - 1)", "Daly 2006; Jensen's inequality";
    FAILING_RENEWAL: Exact, "async, k-batch-async", "failures, any law of computing and delay",
        "K (MTBF + R)/Σ phi_i/(1 - phi_i), phi_i = E[e^(-Y_i/MTBF)]", "renewal-reward theorem, Cox 1962";
    IN_THE_WAY: Lower, "all", "a queue, a core that is missing, or a server is in the way",
        "at least as without it, and at least as long as the server or the cores are busy", "nobody is faster with more in the way";
    UNEQUAL_CORES: Lower, "all", "m = 1, unequal cores", "as on the fastest of them", "on which it is, the cluster decides";
}

/// The table as the book prints it.
pub fn markdown() -> String {
    let mut text =
        String::from("| policy | condition | mean time per update | kind | source |\n|---|---|---|---|---|\n");
    for Formula { policy, condition, formula, kind, citation } in formulas() {
        text += &format!("| {policy} | {condition} | {formula} | {kind} | {citation} |\n").replace("\\", "");
    }
    text
}
