//! The book against the program: every option stands on its command's page, every option on a page exists, and every
//! column of every file is explained.

mod common;

use common::{Place, straggle};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src").join(name);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The long options in a text: two hyphens and letters.
fn options(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    let options = words.filter(|word| word.starts_with("--") && word.trim_start_matches('-').len() > 1);
    options.map(|word| word.trim_end_matches('-').to_string()).collect()
}

/// The commands that `straggle --help` lists.
fn commands() -> Vec<String> {
    let help = straggle().args(["--help"]).succeeds().stdout;
    let list = help.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
    let list = list.take_while(|line| !line.is_empty());
    let names = list.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_string).collect()
}

/// The page of a command: its own, or the one that the small ones share.
fn page_of(command: &str) -> String {
    match command {
        "replay" | "merge" | "completions" | "man" => page("commands/tools.md"),
        "check" => page("commands/explore.md"),
        _ => page(&format!("commands/{command}.md")),
    }
}

#[test]
fn every_option_stands_on_the_page_of_its_command_and_no_others() {
    // Of cargo, of its examples and of mpirun, not of ours.
    let foreign =
        ["--features", "--release", "--no-default-features", "--example", "--connections", "--seconds", "--mca"]
            .map(str::to_string);
    let mut shared = options(&page("commands/common.md"));
    shared.extend(foreign.iter().cloned());
    let mut all = options(&straggle().args(["--help"]).succeeds().stdout);
    for command in commands() {
        let help = options(&straggle().args([command.as_str(), "--help"]).succeeds().stdout);
        let told: BTreeSet<String> = &options(&page_of(&command)) | &shared;
        let untold: Vec<_> = help.iter().filter(|option| *option != "--help" && !told.contains(*option)).collect();
        assert!(untold.is_empty(), "docs/src/commands/{command}.md says nothing of {untold:?}");
        all.extend(help);
    }
    for command in commands() {
        let told = options(&page_of(&command));
        let wrong: Vec<_> = told.iter().filter(|o| !all.contains(*o) && !foreign.contains(o)).collect();
        assert!(wrong.is_empty(), "docs/src/commands/{command}.md tells of {wrong:?}, which no command takes");
    }
}

#[test]
fn every_column_is_explained() {
    let files = page("files.md");
    let place = Place::new();
    let run = |words: &str| straggle().inside(place.path()).words(words).succeeds();
    run("simulate --workers 2,3 --policies sync,async --learner quadratic(1,1,0.05) --updates 100 --out simulate");
    #[cfg(feature = "train")]
    {
        run("train --clock simulated --model softmax --samples 100 --updates 3 --out train");
        run(
            "scaling --workers 1,2 --samples 100 --batch-size 25 --model softmax --epochs 1 --policies sync --out scaling",
        );
    }
    let mut columns = 0;
    for directory in fs::read_dir(place.path()).expect("the runs left files") {
        for file in fs::read_dir(directory.expect("a directory").path()).expect("files") {
            let path = file.expect("a file").path();
            if path.extension().is_some_and(|extension| extension == "csv") {
                let text = fs::read_to_string(&path).expect("text");
                for column in text.lines().next().unwrap_or_default().split(',') {
                    let name = path.file_name().expect("a name").to_string_lossy();
                    assert!(
                        files.contains(&format!("`{column}`")),
                        "docs/src/files.md does not explain {column} of {name}"
                    );
                    columns += 1;
                }
            }
        }
    }
    assert!(columns > 20, "only {columns} columns were found");
}

/// `STRAGGLE_UPDATE=1` writes the table that the program looks in.
#[test]
fn the_page_of_formulas_has_the_programs_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src/formulas.md");
    let text = page("formulas.md");
    let (before, rest) = text.split_once("<!-- formulas -->\n").expect("where the table begins");
    let (_, after) = rest.split_once("<!-- /formulas -->").expect("where it ends");
    let expected = format!("{before}<!-- formulas -->\n{}<!-- /formulas -->{after}", sim::theory::formula::markdown());
    if std::env::var_os("STRAGGLE_UPDATE").is_some() {
        fs::write(&path, &expected).expect("the page can be written");
    }
    assert!(
        text == expected || std::env::var_os("STRAGGLE_UPDATE").is_some(),
        "STRAGGLE_UPDATE=1 cargo test --test book"
    );
}
