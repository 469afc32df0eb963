//! Output directory: it holds one run, all of it or none of it, and nothing of anybody else is touched.

mod common;

use common::{Place, Said, straggle};
use std::fs;

const SMALL: &str = "--max-workers 2 --updates 700";

/// Refused with status 3 and one sentence; no file is touched.
fn refused(place: &Place, words: &str) -> Said {
    let before = place.contents();
    let said = place.simulate(words).fails(3);
    said.prints_nothing().in_one_sentence().says("choose another place with --out DIR");
    assert!(before == place.contents(), "files were touched: {said}");
    said
}

#[test]
fn a_rerun_replaces_the_files_of_its_predecessor_and_nothing_else() {
    let place = Place::new().with("output/simulate/notes.txt", "mine");
    place.simulate(&format!("{SMALL} --learner quadratic(1,1,0.1)")).succeeds();
    assert_eq!(place.contents().len(), 10);
    let first = place.file("iteration_times.csv");
    place.simulate(&format!("{SMALL} --seed 1")).succeeds();
    let names: Vec<String> = place.contents().keys().map(|path| path.display().to_string()).collect();
    let expected = [
        "comparisons.csv",
        "iteration_times.csv",
        "iteration_times.png",
        "iteration_times.svg",
        "manifest.json",
        "notes.txt",
    ];
    assert_eq!(names, expected.map(|name| format!("output/simulate/{name}")), "no loss_curve of the first run");
    assert!(place.file("iteration_times.csv") != first);
    assert_eq!(place.file("notes.txt"), b"mine");
}

#[test]
fn what_no_manifest_vouches_for_is_in_the_way() {
    let foreign = Place::new().with("output/simulate/iteration_times.csv", "mine");
    refused(&foreign, SMALL).says("output/simulate/iteration_times.csv is not as a run of straggle simulate left it");

    let edited = Place::new();
    edited.simulate(SMALL).succeeds();
    let edited = edited.with("output/simulate/iteration_times.csv", "edited");
    refused(&edited, SMALL).says("iteration_times.csv is not as a run");

    refused(&Place::new().with("output/simulate/manifest.json", "{}"), SMALL).says("is not the manifest of a run");
    refused(&Place::new().with("output/simulate/iteration_times.csv/x", ""), SMALL).says("is a directory");
}

#[cfg(feature = "train")]
#[test]
fn a_directory_of_another_command_is_refused() {
    let place = Place::new();
    place.simulate(&format!("{SMALL} --out here")).succeeds();
    let before = place.contents();
    let said = straggle().inside(place.path()).words("train --out here").fails(3);
    said.in_one_sentence().says("here holds a run of straggle simulate, not of train");
    assert!(before == place.contents());
}

#[test]
fn only_the_formats_that_are_asked_for_are_written() {
    let place = Place::new();
    place.simulate(&format!("{SMALL} --format csv,pdf")).succeeds();
    assert!(place.file("iteration_times.pdf").starts_with(b"%PDF-"));
    assert_eq!(place.contents().len(), 4);
    place.simulate(&format!("{SMALL} --format csv")).succeeds();
    assert_eq!(place.contents().len(), 3);
}

#[cfg(feature = "train")]
#[test]
fn a_switch_that_was_cut_short_is_finished_and_what_was_never_decided_is_cleared() {
    let (old, new) = (Place::new(), Place::new());
    old.simulate(&format!("{SMALL} --learner quadratic(1,1,0.1)")).succeeds();
    new.simulate(&format!("{SMALL} --seed 1")).succeeds();
    // As a killed process leaves it: decided, the old manifest put aside, one of the new files moved already.
    let place = Place::new();
    let (here, decided) = (place.output(), place.output().join(".straggle-decided"));
    fs::create_dir_all(&decided).expect("a directory");
    for (path, bytes) in old.contents() {
        let name = path.file_name().expect("a name");
        let place = if name == "manifest.json" { decided.join("replaced.json") } else { here.join(name) };
        fs::write(place, bytes).expect("a file");
    }
    for (path, bytes) in new.contents() {
        let name = path.file_name().expect("a name");
        let place = if name == "iteration_times.csv" { here.join(name) } else { decided.join(name) };
        fs::write(place, bytes).expect("a file");
    }
    // Whoever opens the directory makes the switch, even if it is refused then.
    straggle()
        .inside(place.path())
        .words("train --out output/simulate")
        .fails(3)
        .says("holds a run of straggle simulate");
    assert!(place.contents() == new.contents(), "{:?}", place.contents().keys());
    // What was never decided is worth nothing.
    let place = place.with("output/simulate/.straggle-new/iteration_times.csv", "half");
    place.simulate(&format!("{SMALL} --seed 1")).succeeds();
    assert!(place.contents().keys().eq(new.contents().keys()), "{:?}", place.contents().keys());
}

#[test]
fn two_runs_into_one_directory_never_mix() {
    let place = Place::new();
    let start = |seed: u32| {
        let words = format!("--workers 1..40 --updates 20000 --seed {seed}");
        let mut command = place.simulate(&words).command();
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().expect("it starts")
    };
    let ended: Vec<_> = [start(1), start(2)].map(|child| child.wait_with_output().expect("an end")).into();
    assert!(ended.iter().any(|output| output.status.success()));
    for output in ended.iter().filter(|output| !output.status.success()) {
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("another run is writing to output/simulate"), "{said}");
    }
    let seed = place.manifest()["seed"].to_string();
    assert!(place.rows().iter().all(|row| row.text("seed") == seed), "rows of one run");
    assert_eq!(place.contents().len(), 5);
}

#[cfg(unix)]
mod unix {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    #[cfg_attr(as_root, ignore = "root may write everywhere")]
    fn a_directory_that_must_not_be_written() {
        let place = Place::new().with("output/simulate/notes.txt", "mine");
        fs::set_permissions(place.output(), Permissions::from_mode(0o555)).expect("permissions");
        let said = place.simulate(SMALL).fails(3);
        fs::set_permissions(place.output(), Permissions::from_mode(0o755)).expect("permissions");
        said.prints_nothing().in_one_sentence().says("cannot write output/simulate: ");
    }

    #[test]
    fn a_full_disk_leaves_the_old_run_and_the_table_is_printed_all_the_same() {
        // A shell that lets no file grow beyond one block, as if the disk were full.
        let on_a_full_disk = |place: &Place| {
            let script = format!("trap '' XFSZ; ulimit -f 1; exec '{}' simulate", env!("CARGO_BIN_EXE_straggle"));
            let output = std::process::Command::new("sh").args(["-c", &script]).current_dir(place.path()).output();
            let said = Said::new(script, output.expect("a shell"));
            assert_eq!(said.status, Some(3), "{said}");
            said.prints("At m = 20, async updates ").in_one_sentence().says("cannot write output/simulate/");
        };
        let place = Place::new();
        place.simulate(SMALL).succeeds();
        let before = place.contents();
        on_a_full_disk(&place);
        assert!(before == place.contents(), "{:?}", place.contents().keys());
        let fresh = Place::new();
        on_a_full_disk(&fresh);
        assert!(fresh.contents().is_empty(), "{:?}", fresh.contents().keys());
    }

    #[test]
    fn a_page_is_there_whole_or_not_at_all() {
        let place = Place::new().with("page.html", "mine");
        // As on a full disk: no file may grow beyond one block.
        let script = format!("trap '' XFSZ; ulimit -f 1; exec '{}' explore", env!("CARGO_BIN_EXE_straggle"));
        let output = std::process::Command::new("sh").args(["-c", &script]).current_dir(place.path()).output();
        let said = Said::new(script, output.expect("a shell"));
        assert_eq!(said.status, Some(3), "{said}");
        said.in_one_sentence().says("cannot write page.html: ");
        assert_eq!(place.contents().into_values().collect::<Vec<_>>(), [b"mine"]);
        straggle().inside(place.path()).words("explore").succeeds();
        assert!(place.contents().values().all(|bytes| bytes.len() > 100_000) && place.contents().len() == 1);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_has_no_end_is_not_read_to_it() {
        // In 4 GiB, of which nobody needs half.
        for (words, part) in [
            ("simulate --config /dev/zero", "is no text"),
            ("simulate --profile /dev/zero", "is no text"),
            ("simulate --step-time trace(/dev/zero)", "is no text"),
            ("plan /dev/zero", "is no text"),
            ("fit /dev/zero", "is no text"),
            ("explore --trace /dev/zero", "is no text"),
            ("replay /dev/zero", "longer than"),
            #[cfg(feature = "train")]
            ("train --load /dev/zero", "longer than"),
        ] {
            let said = straggle().inside(Place::new().path()).words(words).within(4 << 20).fails(3);
            said.in_one_sentence().says(part);
        }
        // What our own names lead to by a link is not ours.
        let place = Place::new();
        place.simulate(SMALL).succeeds();
        let path = place.output().join("iteration_times.csv");
        fs::remove_file(&path).expect("removed");
        std::os::unix::fs::symlink("/dev/zero", &path).expect("a link");
        place
            .simulate(SMALL)
            .within(4 << 20)
            .fails(3)
            .in_one_sentence()
            .says("is not as a run of straggle simulate left it");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_standard_output_is_an_error() {
        let full = fs::File::options().write(true).open("/dev/full").expect("a full device");
        let said = Place::new().simulate(SMALL).printing_to(full).fails(3);
        said.says("cannot print the result: ");
    }

    #[test]
    fn a_reader_who_has_seen_enough_is_no_error() {
        for words in [&format!("simulate {SMALL}"), "--help", "--version", "man"] {
            let place = Place::new();
            let (reader, writer) = std::io::pipe().expect("a pipe");
            drop(reader);
            let said = straggle().inside(place.path()).words(words).printing_to(writer).succeeds();
            said.does_not_say("panicked").does_not_say("error");
            assert_eq!(place.contents().len(), if words.contains("updates") { 5 } else { 0 });
        }
    }
}
