//! Does every file that cannot be read or written get one sentence, with status 3, and is what was there left alone?

mod common;

use common::{Place, Said, straggle};
use std::fs;

/// Runs `straggle simulate` here and makes sure that it fails with status 3 and touches no file.
fn refused(place: &Place, typed: &[&str]) -> Said {
    let before = place.contents();
    let said = straggle().inside(place.path()).args(["simulate"]).args(typed).fails(3);
    said.prints_nothing().in_one_sentence();
    assert!(before == place.contents(), "files were touched: {said}");
    said
}

fn used() -> Place {
    Place::new().with("output/simulate/iteration_times.csv", "old").with("output/simulate/manifest.json", "{}")
}

#[test]
fn traces_that_hold_no_step_times() {
    let give = "; give a ";
    let drop = "; correct or drop that line";
    let table: [(&[u8], &str, &str); 13] = [
        (b"", "steps.csv: is empty", give),
        (b"\n\n", "steps.csv: is empty", give),
        (b"step_time_s\n", "steps.csv: has a header and no rows", give),
        (b"worker,loss\n1,0.5\n", "no column is that of a step's time", "; name the column"),
        (b"step_time_s\n0.5\nfast\n", "steps.csv, line 3: 'fast' is no time", drop),
        (b"step_time_s\n0.5\n\"0,5\"\n", "steps.csv, line 3: '0,5' is no time", drop),
        (b"step_time_s\n0.5\n0.4\n-1\n", "steps.csv, line 4: a step time of -1 s", drop),
        (b"step_time_s\nNaN\n", "no column is that of a step's time", "; name the column"),
        (b"step_time_s\n0\n", "no step time is left: 0 missing or not a number, 1 zero", give),
        (b"step_time_s\n1e400\n", "1 negative or infinite", give),
        (b"worker,step_time_s\n1,0.5\n2\n", "steps.csv, line 3: 1 cell where the header has 2", drop),
        (b"step_time_s\n0.5\n\xff\xfe\n", "steps.csv, line 3: '", drop),
        (b"\0\0\0\0", "steps.csv: is no text", give),
    ];
    for (bytes, what, instead) in table {
        let place = used().with("steps.csv", bytes);
        refused(&place, &["--step-time", "trace(steps.csv)"]).says(what).says(instead);
    }
}

#[test]
fn traces_that_are_not_there() {
    let place = used().with("steps.csv", "worker,compute_s\n1,0.5\n");
    fs::create_dir(place.path().join("directory.csv")).expect("a directory");
    for flag in ["--step-time", "--delay", "--server-time"] {
        let give = "; give a file of step times";
        refused(&place, &[flag, "trace(missing.csv)"]).says("missing.csv: cannot be read: ").says(give);
        refused(&place, &[flag, "trace(directory.csv)"]).says("directory.csv: is a directory; give the files in it");
        refused(&place, &[flag, "trace(steps.csv/below.csv)"]).says("steps.csv/below.csv: cannot be read: ").says(give);
        let said = refused(&place, &[flag, "trace(steps.csv, computes)"]);
        said.says("there is no column 'computes' among worker, compute_s").says("did you mean 'compute_s'?");
    }
}

#[test]
fn an_output_directory_that_is_a_file() {
    let place = used().with("taken", "mine");
    for out in ["taken", "taken/below", "output/simulate/manifest.json"] {
        let said = refused(&place, &["--out", out]);
        said.says(&format!("cannot write {out}: ")).says("choose another place with --out DIR");
    }
}

#[cfg(unix)]
mod unix {
    use super::{Said, refused, used};
    use crate::common::{Place, straggle};
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn an_output_directory_that_must_not_be_written() {
        let place = used();
        let output = place.output();
        fs::set_permissions(&output, Permissions::from_mode(0o555)).expect("permissions");
        if tempfile::NamedTempFile::new_in(&output).is_ok() {
            eprintln!("skipped: root may write everywhere");
        } else {
            refused(&place, &[]).says("cannot write output/simulate: ").says("choose another place with --out DIR");
            refused(&place, &["--out", "output/simulate/new"]).says("cannot write output/simulate/new: ");
        }
        fs::set_permissions(&output, Permissions::from_mode(0o755)).expect("permissions");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn an_output_directory_that_not_even_root_can_make() {
        refused(&used(), &["--out", "/proc/straggle"]).says("cannot write /proc/straggle: ").says("--out DIR");
    }

    /// Runs the rest of the command line under a shell that lets no file grow beyond one block, as if the disk were full.
    fn on_a_full_disk(place: &Place, words: &str) -> Said {
        let program = env!("CARGO_BIN_EXE_straggle");
        let script = format!("trap '' XFSZ; ulimit -f 1; exec '{program}' simulate {words}");
        let output = std::process::Command::new("sh").args(["-c", &script]).current_dir(place.path()).output();
        Said::new(script, output.expect("a shell"))
    }

    #[test]
    fn a_full_disk_leaves_the_old_files_and_no_others() {
        let place = Place::new();
        place.simulate("--max-workers 3 --iterations 50").succeeds();
        let before = place.contents();
        let said = on_a_full_disk(&place, "--max-workers 20");
        assert_eq!(said.status, Some(3), "{said}");
        said.prints_nothing().in_one_sentence().says("cannot write output/simulate/").says("--out DIR");
        assert!(before == place.contents(), "{:?}", place.contents().keys());

        let fresh = Place::new();
        assert_eq!(on_a_full_disk(&fresh, "--max-workers 20").status, Some(3));
        assert!(fresh.contents().is_empty(), "{:?}", fresh.contents().keys());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_standard_output_is_an_error() {
        let place = Place::new();
        let full = fs::File::options().write(true).open("/dev/full").expect("a full device");
        let said = place.simulate("--max-workers 2 --iterations 50").printing_to(full).fails(3);
        said.in_one_sentence().says("cannot print the result: ");
    }

    #[test]
    fn a_reader_who_has_seen_enough_is_no_error() {
        for words in ["simulate --max-workers 2 --iterations 50", "--help", "simulate --help", "--version"] {
            let place = Place::new();
            let (reader, writer) = std::io::pipe().expect("a pipe");
            drop(reader);
            let said = straggle().inside(place.path()).words(words).printing_to(writer).succeeds();
            said.does_not_say("panicked").does_not_say("error");
            assert_eq!(place.contents().len(), if words.contains("50") { 4 } else { 0 });
        }
    }
}
