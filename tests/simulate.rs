//! Does `straggle simulate` say what it promises: a table with theory beside simulation, a summary, four files?
//!
//! Seeds are fixed, so what passes once passes always; a correct program with other random numbers would fail
//! `the_default_command_tells_theory_beside_simulation` once in 1 200 times (40 means, five standard errors).

mod common;

use common::{Place, Script, harmonic, straggle};

/// How far apart a printed number and the exact one may be: half of the last digit.
fn rounds_to(printed: &str, exact: f64) -> bool {
    let decimals = printed.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let half = 0.5 * 10f64.powi(-(decimals as i32));
    let significant = printed.trim_start_matches(['0', '.']).replace('.', "").len();
    significant == 5 && (printed.parse::<f64>().expect("a number") - exact).abs() <= half * (1.0 + 1e-9)
}

#[test]
fn the_default_command_tells_theory_beside_simulation() {
    let place = Place::new();
    let said = place.simulate("--lambda 2 --max-workers 20").succeeds();
    let table = said.table();
    assert_eq!(table.len(), 40, "{said}");
    for (i, row) in table.iter().enumerate() {
        let (policy, m) = if i < 20 { ("sync", i as u32 + 1) } else { ("async", i as u32 - 19) };
        let exact = if policy == "sync" { harmonic(m) / 2.0 } else { 1.0 / f64::from(2 * m) };
        let [name, workers, mean, half, theory, z, ..] = row[..] else { panic!("{row:?}") };
        assert_eq!((name, workers), (policy, m.to_string().as_str()));
        assert!(rounds_to(theory, exact), "{policy}, m = {m}: {theory} is not {exact} to five digits");
        assert!(z.parse::<f64>().expect("a z-score").abs() < 5.0, "{row:?}");
        let row = place.row(policy, m);
        row.agrees_with(exact);
        assert!(rounds_to(mean, row.number("mean_s")), "{mean}: {row:?}");
        let printed: f64 = half.parse().expect("a half width");
        assert!((printed / row.half_width() - 1.0).abs() < 0.051, "two digits: {half} and {row:?}");
    }
}

#[test]
fn the_summary_answers_the_question() {
    let place = Place::new();
    let said = place.simulate("--lambda 2 --max-workers 20").succeeds();
    // 71.95 = (H_20 / 2) / (1 / 40), and H_20 = 3.598 is the advantage per gradient.
    said.prints("At m = 20, async updates ").prints("71.95").prints("times as often as sync");
    let (_, rest) = said.stdout.split_once("per gradient it is ").expect("the fair comparison");
    let faster: f64 = rest.split(' ').next().expect("a number").parse().expect("a number");
    assert!((faster / harmonic(20) - 1.0).abs() < 0.06, "{faster} against {}", harmonic(20));
    said.prints("times faster").prints("19.0 versions old on average");
}

#[test]
fn it_writes_its_files_and_says_where() {
    let place = Place::new();
    let said = place.simulate("").succeeds();
    said.says("output/simulate");
    let names: Vec<_> = place.contents().into_keys().collect();
    let expected =
        ["comparisons.csv", "iteration_times.csv", "iteration_times.png", "iteration_times.svg", "manifest.json"];
    assert_eq!(names, expected.map(|name| std::path::Path::new("output/simulate").join(name)));
    expected.iter().for_each(|name| _ = said.says(name));
    assert!(place.file("iteration_times.png").starts_with(b"\x89PNG\r\n\x1a\n"));
    let svg = String::from_utf8(place.file("iteration_times.svg")).expect("UTF-8");
    assert!(svg.contains("<svg") && svg.trim_end().ends_with("</svg>"));
}

#[test]
fn what_is_not_typed_is_as_if_the_defaults_were() {
    let (bare, typed) = (Place::new(), Place::new());
    let defaults = "--lambda 2 --max-workers 20 --policies sync,async --model event --speeds 1 \
                    --learner none --seed 0 --out output/simulate";
    let (said, same) = (bare.simulate("").succeeds(), typed.simulate(defaults).succeeds());
    assert_eq!(said.stdout, same.stdout);
    for name in ["iteration_times.csv", "iteration_times.svg", "iteration_times.png"] {
        assert!(bare.file(name) == typed.file(name), "{name} differs");
    }
}

#[test]
fn lambda_is_short_for_an_exponential_law() {
    let (short, long, named) = (Place::new(), Place::new(), Place::new());
    short.simulate("--max-workers 3 --iterations 50 --lambda 0.5").succeeds();
    long.simulate("--max-workers 3 --iterations 50 --step-time exp(0.5)").succeeds();
    named.simulate("--max-workers 3 --iterations 50 --step-time").args(["exp( rate = 5e-1 )"]).succeeds();
    assert_eq!(short.rows(), long.rows());
    assert_eq!(short.rows(), named.rows());
    assert_eq!(short.rows()[0].text("step_time"), "exp(0.5)");
}

#[test]
fn flags_may_be_typed_with_underscores() {
    let (hyphens, underscores) = (Place::new(), Place::new());
    let said = hyphens.simulate("--max-workers 3 --iterations 50 --step-time=exp(2) --server-time exp(9)").succeeds();
    let words = "--max_workers 3 --iterations 50 --step_time=exp(2) --server_time exp(9)";
    let same = underscores.simulate(words).succeeds();
    assert_eq!(said.stdout, same.stdout);
    assert_eq!(hyphens.rows(), underscores.rows());
}

#[test]
fn an_underscore_in_a_value_stays() {
    let place = Place::new();
    place.simulate("--max-workers 2 --iterations 50 --out=my_results").succeeds().says("my_results");
    assert!(place.path().join("my_results/iteration_times.csv").exists());
}

#[test]
fn quiet_leaves_the_result_and_nothing_else() {
    let (loud, quiet) = (Place::new(), Place::new());
    // One configuration is left out, which is worth a note.
    let words = "--workers 1,4 --iterations 50 --policies sync,k-sync:4";
    let said = loud.simulate(words).succeeds();
    said.says("note: ").says("wrote ");
    let less = quiet.simulate(words).args(["--quiet"]).succeeds();
    less.is_silent();
    assert_eq!(said.stdout, less.stdout);
    assert_eq!(loud.rows(), quiet.rows());
}

#[test]
fn there_is_no_colour_in_a_pipe_unless_it_is_asked_for() {
    let place = Place::new();
    let coloured = |script: Script| {
        let said = script.runs();
        said.stdout.contains('\x1b') || said.stderr.contains('\x1b')
    };
    // A note, an argument that cannot be read, and arguments that make no sense together.
    for words in ["--workers 1,4 --iterations 50 --policies sync,k-sync:4", "--lambda 0", "--policies k-sync:99"] {
        let script = || place.simulate(words);
        assert!(!coloured(script()), "{words}");
        assert!(coloured(script().with("CLICOLOR_FORCE", "1")), "or this test could not fail: {words}");
        assert!(!coloured(script().with("NO_COLOR", "1")), "{words}");
        assert!(!coloured(script().with("NO_COLOR", "1").with("CLICOLOR_FORCE", "1")), "{words}");
    }
}

#[test]
fn help_names_every_law_policy_and_option() {
    let said = straggle().words("simulate --help").succeeds();
    said.is_silent();
    let laws = "exp( shifted-exp( constant( uniform( gamma( weibull( lognormal( pareto( gumbel( hyper-exp( trace(";
    let policies = "sync k-sync:K backup:B k-batch-sync:K k-async:K k-batch-async:K async ssp:S local:H hogwild";
    let flags = "--lambda --step-time --max-workers --workers --policies --updates --precision --model --speeds \
                 --cores --delay --server-time --learner --seed --threads --out --quiet --json --format --config -o -q -j";
    for word in [laws, policies, flags].iter().flat_map(|words| words.split_whitespace()) {
        said.prints(word);
    }
    straggle().args(["--version"]).succeeds().prints(concat!("straggle ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn workers_and_policies_may_repeat_and_come_in_any_order() {
    let place = Place::new();
    place.simulate("--workers 4,1,4 --iterations 50 --policies async,sync,async").succeeds();
    let cells: Vec<_> =
        place.rows().iter().map(|row| (row.text("policy").into(), row.text("workers").into())).collect();
    let expected: [(String, String); 4] =
        [("async", "1"), ("async", "4"), ("sync", "1"), ("sync", "4")].map(|(p, m)| (p.into(), m.into()));
    assert_eq!(cells, expected);
}

/// Two workers 10^4 tasks apart need some 10^7 rounds of chance to get there: a run has 40 million steps for that, and says so.
#[test]
fn a_warm_up_that_is_cut_short_is_told_with_both_figures() {
    let place = Place::new();
    let said = place.simulate("--lambda 1 --policies ssp:10000,sync --workers 8 --updates 200").succeeds();
    said.says("1 configuration may not be in its steady state when it begins to count, ssp:10000 at m = 8 for one")
        .says("after 2000000 updates, where up to");
    let whole = place.simulate("--lambda 1 --policies ssp:2,async,sync --workers 8 --updates 200").succeeds();
    whole.does_not_say("steady state");
}
