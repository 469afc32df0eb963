//! Does every bad argument get one sentence that says what to type instead, with status 2, and nothing else?

mod common;

use common::{Place, Said, straggle};

/// A place where a run has left something that must not be touched.
fn used() -> Place {
    Place::new().with("output/simulate/iteration_times.csv", "old").with("output/simulate/manifest.json", "{}")
}

/// Runs `straggle simulate` and makes sure that it refuses, prints nothing and touches no file.
fn refused(place: &Place, typed: &[&str], status: i32) -> Said {
    let before = place.contents();
    let said = straggle().inside(place.path()).args(["simulate"]).args(typed).fails(status);
    said.prints_nothing();
    assert!(before == place.contents(), "files were touched: {said}");
    said
}

/// `(flag, value, part of the sentence)`: refused with status 2.
fn refuses(table: &[(&str, &str, &str)]) {
    let place = used();
    for (flag, value, part) in table {
        let said = refused(&place, &[flag, value], 2);
        said.in_one_sentence().says(part);
        let tells =
            ["; type ", "did you mean '", "; lower ", "; choose "].iter().any(|hint| said.stderr.contains(hint));
        assert!(tells, "it does not say what to type: {said}");
    }
}

#[test]
fn a_rate_that_is_none() {
    let not = "is not a positive, finite rate; type --lambda 2";
    refuses(&["0", "-1", "-0.0", "NaN", "inf", "1e400", "1e-400", "two", "", "2,5"].map(|v| ("--lambda", v, not)));
}

#[test]
fn workers_who_cannot_be_counted() {
    refuses(&[
        ("--max-workers", "0", "'0' is not a whole number from 1; type 20"),
        ("--max-workers", "-3", "'-3' is not a whole number from 1"),
        ("--max-workers", "2.5", "'2.5' is not a whole number from 1"),
        ("--max-workers", "many", "'many' is not a whole number from 1"),
        ("--max-workers", "5000000000", "'5000000000' is not a whole number from 1"),
        ("--workers", "0", "'0' is not a whole number from 1"),
        ("--workers", "1,0", "'0' is not a whole number from 1"),
        ("--workers", "3,abc", "'abc' is not a whole number from 1"),
        ("--workers", "-1", "'-1' is not a whole number from 1"),
        ("--workers", "1,,2", "'' is not a whole number from 1"),
        ("--workers", "", "'' is not a whole number from 1"),
        ("--workers", "1..4", "'1..4' is not a whole number from 1"),
        ("--cores", "0", "'0' is not a whole number from 1"),
        ("--cores", "-2", "'-2' is not a whole number from 1"),
        ("--cores", "1.5", "'1.5' is not a whole number from 1"),
        ("--threads", "0", "'0' is not a whole number from 1"),
        ("--threads", "all", "'all' is not a whole number from 1"),
    ]);
}

#[test]
fn policies_that_are_none() {
    refuses(&[
        ("--policies", "asink", "there is no policy 'asink'; did you mean 'async'?"),
        ("--policies", "sync,ksync:3", "did you mean 'k-sync'?"),
        ("--policies", "hogwilt", "did you mean 'hogwild'?"),
        ("--policies", "sync,,async", "there is no policy ''"),
        ("--policies", "", "there is no policy ''"),
        ("--policies", "ssp:-1", "ssp takes a whole number from 0, or infinite; type ssp:2"),
        ("--policies", "ssp", "type ssp:2"),
        ("--policies", "ssp:1.5", "type ssp:2"),
        ("--policies", "k-sync:0", "k-sync takes a whole number from 1; type k-sync:4"),
        ("--policies", "k-async:", "type k-async:4"),
        ("--policies", "k-batch-sync:-2", "type k-batch-sync:4"),
        ("--policies", "k-batch-async:x", "type k-batch-async:4"),
        ("--policies", "backup:-1", "backup takes a whole number from 0; type backup:1"),
        ("--policies", "local:0", "local takes a whole number from 1; type local:8"),
        ("--policies", "sync:3", "sync takes no number; type sync"),
    ]);
}

#[test]
fn laws_that_are_none() {
    refuses(&[
        ("--step-time", "gama(4,0.25)", "there is no law 'gama'; did you mean 'gamma'?"),
        ("--step-time", "shifted_exp(1,2)", "did you mean 'shifted-exp'?"),
        ("--step-time", "2", "there is no law '2'"),
        ("--step-time", "exp", "exp takes 1 argument (rate), not 0; type exp(2)"),
        ("--step-time", "exp()", "exp takes 1 argument (rate), not 0"),
        ("--step-time", "exp(1,2)", "exp takes 1 argument (rate), not 2"),
        ("--step-time", "gamma(4)", "gamma takes 2 arguments (shape, scale), not 1; type gamma(4, 0.25)"),
        ("--step-time", "hyper-exp(0.5,1)", "hyper-exp takes 3 arguments (p, rate1, rate2), not 2"),
        ("--step-time", "exp(fast)", "rate of exp is not a number: 'fast'"),
        ("--step-time", "exp(rat=2)", "exp has no argument 'rat', only rate"),
        ("--step-time", "gamma(shape=1,shape=2)", "shape is given twice"),
        ("--step-time", "exp(2", "'exp(2' does not end with a closing parenthesis; type exp(2)"),
        ("--step-time", "trace", "trace takes"),
        ("--step-time", "trace(a,b,c)", "trace takes"),
        ("--delay", "exp(0)", "rate of exp must be positive and finite, not 0"),
        ("--delay", "expo(2)", "did you mean 'exp'?"),
        ("--server-time", "exp(-1)", "rate of exp must be positive and finite, not -1"),
        ("--server-time", "0.1", "there is no law '0.1'"),
    ]);
}

#[test]
fn laws_out_of_range() {
    let of = |law, part| ("--step-time", law, part);
    refuses(&[
        of("exp(0)", "rate of exp must be positive and finite, not 0; type exp(2)"),
        of("exp(-1)", "not -1"),
        of("exp(NaN)", "not NaN"),
        of("exp(inf)", "not inf"),
        of("exp(1e-320)", "seconds, which no run can measure"),
        of("shifted-exp(-1,2)", "shift of shifted-exp must be finite and at least 0, not -1"),
        of("constant(0)", "value of constant must be positive and finite, not 0"),
        of("uniform(-1,1)", "low of uniform must be finite and at least 0, not -1"),
        of("uniform(2,1)", "high of uniform must be finite and greater than low, not 1"),
        of("uniform(1,1)", "high of uniform must be finite and greater than low, not 1"),
        of("gamma(0,1)", "shape of gamma must be positive and finite, not 0"),
        of("gamma(1,-1)", "scale of gamma must be positive and finite, not -1"),
        of("weibull(0,1)", "shape of weibull must be positive and finite, not 0"),
        of("lognormal(inf,1)", "mu of lognormal must be finite, not inf"),
        of("lognormal(0,0)", "sigma of lognormal must be positive and finite, not 0"),
        of("lognormal(1000,1)", "the mean of lognormal(1000, 1) is inf seconds"),
        of("pareto(0,2)", "scale of pareto must be positive and finite, not 0"),
        of(
            "pareto(1,1)",
            "shape of pareto must be finite and greater than 1, as the mean is infinite otherwise, not 1",
        ),
        of("pareto(1,0.5)", "as the mean is infinite otherwise, not 0.5; type pareto(0.3, 2.5)"),
        of("gumbel(0,1)", "location of gumbel must be"),
        of("hyper-exp(1.5,1,1)", "p of hyper-exp must be between 0 and 1, not 1.5"),
        of("hyper-exp(0.5,0,1)", "rate1 of hyper-exp must be positive and finite, not 0"),
    ]);
}

#[test]
fn models_learners_lengths_and_speeds_that_are_none() {
    refuses(&[
        ("--model", "gate", "there is no model 'gate'; type event or gated"),
        ("--model", "", "type event or gated"),
        ("--learner", "quadratc(1,1,1)", "there is no learner 'quadratc'; did you mean 'quadratic'?"),
        ("--learner", "nothing", "there is no learner 'nothing'"),
        ("--learner", "quadratic", "quadratic takes 3 arguments (h, sigma, eta), not 0; type quadratic(1, 1, 0.05)"),
        ("--learner", "quadratic(1,1)", "quadratic takes 3 arguments (h, sigma, eta), not 2"),
        ("--learner", "quadratic(0,1,1)", "h of quadratic must be positive and finite, not 0"),
        ("--learner", "quadratic(1,-1,1)", "sigma of quadratic must be finite and at least 0, not -1"),
        ("--learner", "quadratic(1,1,NaN)", "eta of quadratic must be positive and finite, not NaN"),
        ("--iterations", "0", "'0' is not a whole number from 2, which an interval needs; type 5000"),
        ("--iterations", "1", "'1' is not a whole number from 2"),
        ("--iterations", "-5", "'-5' is not a whole number from 2"),
        ("--iterations", "1e3", "'1e3' is not a whole number from 2"),
        ("--precision", "0%", "'0%' is not between 0% and 100%; type 0.1%"),
        ("--precision", "100%", "'100%' is not between 0% and 100%"),
        ("--precision", "NaN%", "'NaN%' is not between 0% and 100%"),
        ("--precision", "5", "'5'"),
        ("--precision", "%", "'%'"),
        ("--speeds", "0", "'0' is not a number from 1e-9 to 1e9; type 1,1,0.5"),
        ("--speeds", "1,-1", "'-1' is not a number from 1e-9 to 1e9"),
        ("--speeds", "abc", "'abc' is not a number from 1e-9 to 1e9"),
        ("--speeds", "inf", "'inf' is not a number from 1e-9 to 1e9"),
    ]);
}

#[test]
fn more_gradients_than_workers() {
    let place = used();
    let never = "the gradients that k-sync:9 waits for can never arrive from ";
    let said = refused(&place, &["--max-workers", "4", "--policies", "k-sync:9"], 2);
    said.in_one_sentence().says(never).says("; lower K or raise the workers");
    let said = refused(&place, &["--workers", "1,3", "--policies", "backup:3"], 2);
    said.in_one_sentence().says("backup:3 leaves nobody to wait for").says("lower B");

    // Where some cells are left, they are run, and a note says which are not.
    let said = place.simulate("--workers 2,8,12 --iterations 50 --policies k-sync:9,sync").succeeds();
    said.says("note: left out 2 cells").says(never);
    let cells: Vec<_> =
        place.rows().iter().map(|row| format!("{} {}", row.text("policy"), row.text("workers"))).collect();
    assert_eq!(cells, ["k-sync:9 12", "sync 2", "sync 8", "sync 12"]);
}

#[test]
fn words_that_the_command_does_not_know() {
    // These are clap's sentences; its tips and the usage may follow.
    let place = used();
    for (typed, part) in [
        ("--lamda 3", "'--lambda'"),
        ("--lambda", "'--lambda <RATE>'"),
        ("--lambda 2 --lambda 3", "'--lambda <RATE>'"),
        ("--lambda 2 --step-time exp(2)", "'--step-time <LAW>'"),
        ("--workers 2 --max-workers 2", "'--max-workers <M>'"),
        ("--precision 1% --iterations 10", "'--iterations <N>'"),
        ("--precision 1% --learner quadratic(1,1,0.1)", "'--learner <LEARNER>'"),
        ("--lambda -inf", "-i"),
        ("--precision -1%", "-1"),
        ("--threads -1", "-1"),
        ("--seed -1", "-1"),
        ("--seed abc", "'--seed <N>'"),
        ("--quiet=yes", "--quiet"),
        ("extra", "'extra'"),
    ] {
        let said = refused(&place, &typed.split(' ').collect::<Vec<_>>(), 2);
        assert!(said.stderr.starts_with("error: ") && said.stderr.contains(part), "{said}");
    }
    let said = straggle().args(["simulat"]).fails(2);
    said.prints_nothing().says("'simulat'").says("'simulate'");
    straggle().fails(2).prints_nothing().says("simulate");
}
