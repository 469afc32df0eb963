//! Command blocks of README and book: what a ```console block shows is what the program says.
//!
//! A line `$ straggle ...` is run, with what earlier blocks of the same file have left, beside `steps.csv` of eight GPUs and the files
//! that ```toml blocks name in their first line (`# nodes.toml`); the lines below are its output. Words
//! are compared as they are, numbers up to a tolerance (trycmd knows none, and a mean of a simulation may differ in the last
//! digit on another processor), and a line `...` stands for any lines. A status other than 0 is shown as `[status: 2]`.

mod common;

use common::traces::eight_gpus;
use common::{Place, straggle};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// All that a document shows is to run in 2 GiB.
const ADDRESS_SPACE_KB: u32 = 2 << 20;

/// How far a number may be from the one that is shown, as a share of it, or by one in its last digit if that is more.
const TOLERANCE: f64 = 0.01;

#[test]
fn what_the_documents_show_is_what_the_program_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![root.join("README.md")];
    files_below(&root.join("docs/src"), &mut files);
    let wrong: Vec<String> = files.iter().flat_map(|file| failures(file)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn files_below(directory: &Path, files: &mut Vec<PathBuf>) {
    let mut paths: Vec<PathBuf> = fs::read_dir(directory).into_iter().flatten().flatten().map(|e| e.path()).collect();
    paths.sort();
    for path in paths {
        match path.is_dir() {
            true => files_below(&path, files),
            false if path.extension().is_some_and(|extension| extension == "md") => files.push(path),
            false => {}
        }
    }
}

/// A command line, and what it is said to print.
struct Shown {
    line: usize,
    command: String,
    output: Vec<String>,
}

fn shown(text: &str) -> Vec<Shown> {
    let (mut all, mut inside): (Vec<Shown>, bool) = (Vec::new(), false);
    let mut current: Option<Shown> = None;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            inside = !inside && line.trim() == "```console";
            all.extend(current.take());
        } else if let (true, Some(command)) = (inside, line.strip_prefix("$ ")) {
            all.extend(current.take());
            current = Some(Shown { line: number + 1, command: command.to_string(), output: Vec::new() });
        } else if let (true, Some(current)) = (inside, &mut current) {
            match current.command.strip_suffix('\\') {
                Some(start) => current.command = format!("{start} {}", line.trim()),
                None => current.output.push(line.to_string()),
            }
        }
    }
    all
}

/// Files that a document shows, by the name in their first line.
fn written(text: &str) -> Vec<(String, String)> {
    let blocks = text.split("```toml\n").skip(1).filter_map(|rest| rest.split_once("\n```"));
    let named = |(block, _): (&str, &str)| {
        let name = block.lines().next()?.strip_prefix("# ").filter(|name| name.ends_with(".toml"))?;
        Some((name.to_string(), block.to_string()))
    };
    blocks.filter_map(named).collect()
}

fn failures(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).expect("a document");
    let place = Place::new().with("steps.csv", eight_gpus());
    let place = written(&text).into_iter().fold(place, |place, (name, contents)| place.with(&name, contents));
    let failure = |shown: Shown| {
        let at = format!("{}:{}: $ {}", file.display(), shown.line, shown.command);
        let Some(typed) = shown.command.strip_prefix("straggle ") else {
            return Some(format!("{at}\n  is no command of straggle; mark the block as sh"));
        };
        let said = straggle().inside(place.path()).args(words(typed)).within(ADDRESS_SPACE_KB).runs();
        let mut lines: Vec<String> = said.stdout.lines().map(str::to_string).collect();
        let notes = said.stderr.lines().filter(|line| !line.starts_with("wrote "));
        lines.extend(notes.map(str::to_string));
        if said.status != Some(0) {
            lines.push(format!("[status: {}]", said.status.unwrap_or(-1)));
        }
        let nothing = shown.output.iter().all(|line| line.trim().is_empty());
        let fine = if nothing { said.status == Some(0) } else { matches(&shown.output, &lines) };
        (!fine).then(|| format!("{at}\n  shown:\n{}\n  printed:\n{}", shown.output.join("\n"), lines.join("\n")))
    };
    shown(&text).into_iter().filter_map(failure).collect()
}

/// No command of the README needs more than 2 GiB: those that take minutes are interrupted after some seconds.
#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "only Linux limits the address space")]
fn no_command_of_the_readme_aborts_for_want_of_memory() {
    let text = include_str!("../README.md");
    let place = Place::new().with("steps.csv", common::traces::eight_gpus());
    let lines = text.lines().map(|line| line.strip_prefix("$ ").unwrap_or(line));
    // What stands between words, too, but for what has to be filled in.
    let inline = text.split('`').skip(1).step_by(2).filter(|code| !code.contains('\n') && !code.contains("NAME"));
    let start =
        |line: &'static str| ["straggle ", "cargo run -- "].into_iter().find_map(|start| line.strip_prefix(start));
    let typed: Vec<&str> = lines.chain(inline).filter_map(start).collect();
    assert!(typed.len() > 10, "{typed:?}");
    for typed in typed {
        let script = straggle().inside(place.path()).args(words(typed)).within(ADDRESS_SPACE_KB);
        let mut command = script.command();
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(2) && child.try_wait().expect("a status").is_none() {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).stderr(Stdio::null()).status();
        let output = child.wait_with_output().expect("an end");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!([Some(0), Some(1), Some(130)].contains(&output.status.code()), "{typed}: {:?} {said}", output.status);
    }
}

/// Words as a shell takes them: quotes, no variables.
fn words(typed: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in typed.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, '#') if word.is_none() => break,
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Whether the lines are those that are shown.
fn matches(shown: &[String], lines: &[String]) -> bool {
    let blank = |line: &&String| line.trim().is_empty();
    let shown: Vec<&String> = shown.iter().filter(|line| !blank(line)).collect();
    let lines: Vec<&String> = lines.iter().filter(|line| !blank(line)).collect();
    matching(&shown, &lines)
}

fn matching(shown: &[&String], lines: &[&String]) -> bool {
    match (shown, lines) {
        ([], []) => true,
        ([dots, rest @ ..], _) if dots.trim() == "..." => {
            (0..=lines.len()).any(|skipped| matching(rest, &lines[skipped..]))
        }
        ([one, shown @ ..], [other, lines @ ..]) => alike(one, other) && matching(shown, lines),
        _ => false,
    }
}

fn alike(shown: &str, printed: &str) -> bool {
    let (shown, printed): (Vec<&str>, Vec<&str>) =
        (shown.split_whitespace().collect(), printed.split_whitespace().collect());
    shown.len() == printed.len() && shown.iter().zip(&printed).all(|(a, b)| same_word(a, b))
}

fn same_word(shown: &str, printed: &str) -> bool {
    let is_ruled = |word: &str| !word.is_empty() && word.chars().all(|c| c == '─');
    let bare = |word: &'_ str| word.trim_matches(['(', ')', ',', ';', '.']).to_string();
    let (shown_number, printed_number) = (bare(shown), bare(printed));
    let last_digit = |number: &str| {
        let (digits, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
        let decimals = digits.split_once('.').map_or(0, |(_, decimals)| decimals.len() as i32);
        10f64.powi(exponent.parse::<i32>().unwrap_or(0) - decimals)
    };
    match (shown_number.parse::<f64>(), printed_number.parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs() <= (TOLERANCE * a.abs().max(b.abs())).max(1.001 * last_digit(&shown_number)),
        _ => shown == printed || is_ruled(shown) && is_ruled(printed),
    }
}

#[test]
fn a_document_that_shows_something_else_is_found() {
    let lines = |text: &str| text.lines().map(str::to_string).collect::<Vec<_>>();
    let printed = lines(" sync  1  0.49619  0.50000\n async 2 0.25\n\nAt m = 2, async is faster (3.60).");
    assert!(matches(&lines("sync 1 0.4961 0.50000\n...\nAt m = 2, async is faster (3.61)."), &printed));
    assert!(matches(&lines("..."), &printed));
    for wrong in [
        "sync 1 0.49619 0.50000",
        "...\nAt m = 2, sync is faster (3.60).",
        "async 1 0.49 0.5\n...",
        "sync 9 0.49619 0.50000\n...",
        "sync 1 0.49019 0.50000\n...",
    ] {
        assert!(!matches(&lines(wrong), &printed), "{wrong}");
    }
    assert_eq!(words("a --b 'c d' \"e\" # f"), ["a", "--b", "c d", "e"]);
    let text = "```console\n$ straggle x \\\n  y\nout\n$ straggle z\n```\n```sh\n$ straggle never\n```\n";
    let shown = shown(text);
    let all: Vec<_> = shown.iter().map(|s| (s.command.as_str(), s.output.len(), s.line)).collect();
    assert_eq!(all, [("straggle x  y", 1, 2), ("straggle z", 0, 5)]);
}
