//! `straggle explore` and `straggle check`: a page that stands alone, and numbers that are the program's.

mod common;

use common::{Place, straggle};
use serde_json::Value;

/// What the page shows beside its figures, typed into a shell and asked in the page, gives the same digits.
#[test]
fn the_page_and_the_program_give_the_same_digits() {
    let place = Place::new();
    let mut page = page::Session::default();
    for options in [
        "--step-time exp(2) --workers 1,2,5 --policies sync,async --updates 500",
        "--step-time 'gamma(11.11, 0.045)' --speeds 0.5,1,1,1 --workers 4 --policies k-sync:2,k-async:3 --updates 400 --seed 7",
        "--step-time 'lognormal(-1, 0.8)' --delay 'constant(0.1)' --workers 3 --policies ssp:2,local:4 --updates 300 --seed 99",
    ] {
        let answer: Value = serde_json::from_str(&page.answer(&format!("simulate {options}"))).unwrap();
        let typed = options.split('\'').enumerate().flat_map(|(i, part)| match i % 2 {
            0 => part.split_whitespace().map(str::to_string).collect::<Vec<_>>(),
            _ => vec![part.to_string()],
        });
        straggle().inside(place.path()).args(["simulate", "--quiet", "--out", "run"]).args(typed).succeeds();
        let mut reader = csv::Reader::from_path(place.path().join("run/iteration_times.csv")).unwrap();
        let header = reader.headers().unwrap().clone();
        let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
        let answer = answer.as_array().unwrap();
        assert_eq!(rows.len(), answer.len(), "{options}");
        for (row, asked) in rows.iter().zip(answer) {
            for column in [
                "policy",
                "workers",
                "mean_s",
                "ci_low_s",
                "ci_high_s",
                "theory_s",
                "s_per_gradient",
                "mean_staleness",
                "idle_share",
            ] {
                let printed = &row[header.iter().position(|name| name == column).unwrap()];
                let same = match &asked[column] {
                    Value::Null => printed.is_empty(),
                    Value::String(text) => printed == text,
                    number => printed.parse::<f64>().unwrap() == number.as_f64().unwrap(),
                };
                assert!(same, "{options}, {column}: {printed} in the file, {} on the page", asked[column]);
            }
        }
    }
}

/// What the page with a profile, or with measured times, asks its simulator is what `simulate` is told beside it.
#[test]
fn profiles_and_traces_give_the_same_digits_on_the_page() {
    let steps: String = (0..40)
        .flat_map(|step| (0..4).map(move |w| (w, step)))
        .map(|(w, step)| format!("{w},{step},{}\n", 100 + 7 * ((step * 5 + w * 3) % 11) + 60 * (w / 3)))
        .collect();
    let place = Place::new()
        .with("steps.csv", format!("rank,step,time_ms\n{steps}"))
        .with("typed.toml", TYPED)
        .with("laws.toml", "step_time = [\"gamma(9, 0.05)\", \"exp(2)\"]\ncontention = [1.0, 1.1]\n");
    straggle().inside(place.path()).words("fit steps.csv -o fitted.toml --quiet").succeeds();
    let rest = "--workers 1,2,4,6 --policies sync,k-async:2,async --updates 300 --seed 5";
    for (given, shown) in [
        ("--profile typed.toml", "--profile typed.toml".to_string()),
        ("--profile laws.toml", "--profile laws.toml".to_string()),
        ("--profile fitted.toml", "--profile fitted.toml".to_string()),
        ("--trace steps.csv", "--step-time trace(steps.csv,rows)".to_string()),
        ("--trace steps.csv", "--step-time trace(steps.csv,blocks:8)".to_string()),
    ] {
        straggle().inside(place.path()).words("explore --quiet -o page.html").words(given).succeeds();
        let html = std::fs::read_to_string(place.path().join("page.html")).unwrap();
        let settings = html.split("type=\"application/json\">").nth(1).unwrap().split("</script>").next().unwrap();
        let settings: Value = serde_json::from_str(settings).unwrap();
        let profile = &settings["profile"];
        let data = if profile.is_null() { &settings["trace"] } else { &profile["data"] };
        let mut page = page::Session::default();
        if let Some(lines) = data["lines"].as_str() {
            assert!(page.answer(&format!("data\n{lines}")).contains("\"count\":160"));
        }
        let options = match profile["options"].as_str() {
            Some(options) => options.to_string(),
            None => shown.replace("steps.csv", "data"),
        };
        let answer = page.answer(&format!("simulate {options} {rest}"));
        let answer: Value = serde_json::from_str(&answer).unwrap();
        straggle().inside(place.path()).words("simulate --quiet --out run").words(&shown).words(rest).succeeds();
        let mut reader = csv::Reader::from_path(place.path().join("run/iteration_times.csv")).unwrap();
        let mean = reader.headers().unwrap().iter().position(|name| name == "mean_s").unwrap();
        let means: Vec<f64> = reader.records().map(|row| row.unwrap()[mean].parse().unwrap()).collect();
        let asked: Vec<f64> = answer
            .as_array()
            .unwrap_or_else(|| panic!("{options}: {answer}"))
            .iter()
            .map(|row| row["mean_s"].as_f64().unwrap())
            .collect();
        assert_eq!(asked, means, "{given}: {options}");
    }
}

/// All that a person may write into a profile beside laws for each worker.
const TYPED: &str = r#"step_time = "0.35s ± 4%"
[slow]
factor = 1.5
share = 0.1
[communication]
scheme = "hierarchical:2"
payload = "1.2GB"
bandwidth = "25GB/s"
group_bandwidth = "300GB/s"
latency = "10us"
overlap = 0.5
[failures]
mtbf = "1d"
restart = "5m"
checkpoint = "10m"
checkpoint_cost = "20s"
"#;

#[test]
fn the_page_is_one_file_that_loads_nothing() {
    let place = Place::new().with("steps.csv", "worker,step_time_s\na,0.5\na,0.25\n</script>,0.75\n");
    straggle().inside(place.path()).words("explore --trace steps.csv -o page.html").succeeds().says("page.html");
    let page = std::fs::read_to_string(place.path().join("page.html")).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
    assert!(page.contains(r#""name":"steps.csv""#) && page.contains(r"\u003c/script>"));
    assert!(page.contains("Leon Sorokin"), "uPlot's licence goes with it");
    // What is packed is text by chance.
    let packed = |element: &str| element.split('>').next().is_some_and(|tag| tag.contains("application/gzip"));
    let readable: String = page.split("<script ").map(|rest| if packed(rest) { "" } else { rest }).collect();
    assert!(page.len() - readable.len() > 300_000);
    for loading in ["src=\"", "href=\"http", "@import", "url(http", "import(", "@@"] {
        assert!(!readable.contains(loading), "{loading}");
    }
    assert!(page.len() < 375_000, "{} bytes", page.len());
    straggle().inside(place.path()).words("explore --trace steps.csv -o again.html").succeeds();
    assert!(
        std::fs::read(place.path().join("again.html")).unwrap() == page.as_bytes(),
        "the same words, the same bytes"
    );
    straggle().inside(place.path()).words("explore --trace none.csv").fails(3).says("none.csv");
    straggle().inside(place.path()).words("explore --profile none.toml").fails(3).says("none.toml");
    straggle().inside(place.path()).words("explore --profile a.toml --trace b.csv").fails(2).says("--trace");
    straggle().inside(place.path()).words("explore -o no/such/folder/page.html").fails(3).says("--out");
}

#[test]
fn the_exercise_is_checked_by_its_exit_status() {
    let place = Place::new();
    let check = |words: &str| straggle().inside(place.path()).args(["check"]).words(words).runs().status;
    let right: Vec<u32> = (1..=20).filter(|k| check(&format!("{k} --seed ada")) == Some(0)).collect();
    let wrong = (1..=20).filter(|k| check(&format!("{k} --seed Ada")) == Some(1)).count();
    assert!(!right.is_empty() && wrong > 0, "{right:?}");
    assert_eq!((check("0 --seed ada"), check("five --seed ada"), check("5")), (Some(2), Some(2), Some(2)));
}
