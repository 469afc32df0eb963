//! Are parameters kept by `--save` and taken up by `--load` as they were, and is a file that does not fit refused in one
//! sentence before anything is touched?
#![cfg(feature = "train")]

mod common;

use common::digits::{EASY, train, with_easy_digits};
use common::{Place, Said, read};
use serde_json::{Value, json};
use std::fs;

/// Where the rows of a [`Place`] are looked for.
const HERE: &str = "--out output/simulate";
const SAVED: &str = "kept/parameters.safetensors";

/// Test loss and accuracy of the first row and of the last.
fn ends(place: &Place) -> [[String; 2]; 2] {
    let rows = place.rows_of("metrics.csv");
    let score = |index: usize| ["test_loss", "test_accuracy"].map(|column| rows[index].text(column).to_string());
    [score(0), score(rows.len() - 1)]
}

fn saved() -> Place {
    let place = with_easy_digits();
    train(&place, &format!("{EASY} {HERE} --epochs 1 --save {SAVED} --quiet")).succeeds();
    place
}

/// What a file of parameters says of itself.
fn about(place: &Place, name: &str) -> Value {
    let bytes = read(&place.path().join(name));
    let length = u64::from_le_bytes(bytes[..8].try_into().expect("a length")) as usize;
    let header: Value = serde_json::from_slice(&bytes[8..8 + length]).expect("a header");
    let about = header["__metadata__"]["straggle"].as_str().expect("its own entry");
    serde_json::from_str(about).expect("JSON")
}

#[test]
fn a_run_goes_on_exactly_where_another_ended() {
    for model in ["softmax", "mlp", "lenet-small", "lenet"] {
        let place = with_easy_digits();
        let words = format!("--data easy --model {model} --batch-size 10 --lr 0.1 {HERE}");
        train(&place, &format!("{words} --updates 7 --policy async --save {SAVED}")).succeeds().says(SAVED);
        let [first, kept] = ends(&place);
        assert!(first != kept, "{model}: nothing was learnt");
        let again = train(&place, &format!("{words} --updates 3 --load {SAVED}")).succeeds();
        again.prints(&format!("{model} from {SAVED}"));
        assert_eq!(ends(&place)[0], kept, "{model}");
    }
}

#[test]
fn a_file_says_what_its_parameters_are_worth() {
    let place = saved();
    let (about, manifest) = (about(&place, SAVED), place.manifest());
    let [_, last] = ends(&place);
    assert_eq!(about["score"], manifest["score"], "there and in the run's own directory");
    assert_eq!(about["score"]["test_loss"].to_string(), last[0]);
    assert_eq!(about["score"]["test_accuracy"].as_f64(), last[1].parse().ok());
    assert_eq!((&about["complete"], &about["seed"]), (&json!(true), &json!(0)));
    assert_eq!(about["arguments"]["model"], json!("softmax"));
    assert_eq!(about["arguments"]["load"], json!(null));
    let files = manifest["files"].as_array().expect("a list");
    let file = files.iter().find(|file| file["name"] == json!(SAVED)).expect("it is listed");
    assert_eq!(file["bytes"], json!(read(&place.path().join(SAVED)).len()));

    train(&place, &format!("{EASY} {HERE} --updates 1 --load {SAVED}")).succeeds();
    let loaded = &place.manifest()["inputs"][0];
    assert_eq!((&loaded["name"], &loaded["sha256"]), (&json!(SAVED), &file["sha256"]));
}

#[test]
fn equal_runs_keep_equal_bytes() {
    let words = format!("{EASY} {HERE} --clock simulated --epochs 1 --policy async --save {SAVED}");
    let bytes = |threads: &str| {
        let place = with_easy_digits();
        train(&place, &format!("{words} {threads}")).succeeds();
        read(&place.path().join(SAVED))
    };
    assert!(bytes("--threads 1") == bytes("--threads 2"));
}

/// Fails before anything is touched.
fn refused(place: &Place, words: &str, status: i32) -> Said {
    let before = place.contents();
    let said = train(place, &format!("{EASY} {HERE} {words}")).fails(status);
    said.prints_nothing().in_one_sentence();
    assert!(before == place.contents(), "files were touched: {said}");
    said
}

#[test]
fn files_that_cannot_be_loaded() {
    let place = saved();
    let whole = read(&place.path().join(SAVED));
    let cut = whole[..whole.len() - 100].to_vec();
    let mut not_a_number = whole.clone();
    not_a_number[whole.len() - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    // The header is JSON, so its text may be changed for one of equal length.
    let text = |from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        let at = whole.windows(from.len()).position(|window| window == from.as_bytes()).expect(from);
        [&whole[..at], to.as_bytes(), &whole[at + from.len()..]].concat()
    };
    for (bytes, part) in [
        (Vec::new(), "is not a safetensors file"),
        (b"step_time_s\n0.5\n".to_vec(), "is not a safetensors file"),
        (b"PK\x03\x04 a zip archive, as torch.save makes them".to_vec(), "is not a safetensors file"),
        (cut, "does not end where its header says; copy it again"),
        (not_a_number, "holds NaN in fc1.weight at place 7839 (from 0); save parameters that have not diverged"),
        (text("[10,784]", "[784,10]"), "holds fc1.weight of shape [784, 10] where [10, 784] is needed"),
        (text("fc1.bias", "fc9.bias"), "holds fc9.bias, which softmax lacks; give parameters of"),
        (text("\"F32\"", "\"I32\""), "as I32 where F32 is needed; convert it"),
        (text(r#"\"format\":2"#, r#"\"format\":3"#), "is of format 3, and this version reads up to 2; take a later"),
    ] {
        fs::write(place.path().join("bad.safetensors"), bytes).expect("a file");
        refused(&place, "--load bad.safetensors", 3).says("bad.safetensors ").says(part);
    }
    refused(&place, "--load missing.safetensors", 3).says("cannot read missing.safetensors: ").says("made by --save");
    refused(&place, "--load kept", 3).says("cannot read kept: ");
}

#[test]
fn a_file_of_another_model_names_the_right_one() {
    let place = saved();
    let before = place.contents();
    let said = train(&place, &format!("--data easy --model mlp {HERE} --load {SAVED}")).fails(3);
    said.prints_nothing().in_one_sentence();
    said.says("holds the parameters of softmax, not of mlp; type --model softmax");
    assert!(before == place.contents());
}

#[test]
fn places_where_nothing_can_be_saved() {
    let place = saved().with("taken", "mine");
    for path in ["taken/below", "kept"] {
        // Seen before training begins: all of these updates would take weeks.
        let said = refused(&place, &format!("--updates 1000000000000 --save {path}"), 3);
        said.says("cannot write ").says("choose another place with --save FILE");
    }
    let said = refused(&place, "--updates 1000000000000 --save output/../output/simulate/metrics.csv", 2);
    said.says("is a file of the run itself; choose another with --save FILE");
    refused(&place, "--updates 1000000000000 --save ..", 3).says("--save FILE");
    if cfg!(unix) {
        refused(&place, "--updates 1000000000000 --save /dev/null", 3).says("/dev/null is no regular file");
    }
}

#[test]
fn what_has_diverged_is_not_saved() {
    let place = saved();
    let kept = read(&place.path().join(SAVED));
    let mad = "--model mlp --batch-size 10 --data easy --lr 1e30 --quiet --clock simulated";
    let said = train(&place, &format!("{mad} {HERE} --epochs 10 --save {SAVED}")).fails(1);
    said.in_one_sentence().says("training diverged at update ");
    assert!(kept == read(&place.path().join(SAVED)), "the older parameters are gone");
    // The loss of the very last update is that of the parameters before it.
    let said = train(&place, &format!("{mad} {HERE} --workers 1 --updates 1 --save {SAVED}")).fails(1);
    said.in_one_sentence().says("training diverged at update 1:");
    assert!(kept == read(&place.path().join(SAVED)), "the older parameters are gone");
}

#[cfg(unix)]
#[test]
fn a_full_disk_leaves_the_old_files_and_no_others() {
    // Under a shell that lets no file grow beyond one block, as if the disk were full: the rows fit into none, and with
    // blocks of 512 or 1024 bytes the parameters do not, either.
    let on_a_full_disk = |place: &Place| {
        let program = env!("CARGO_BIN_EXE_straggle");
        let words = format!("train {EASY} {HERE} --epochs 1 --seed 1 --save {SAVED}");
        let script = format!("trap '' XFSZ; ulimit -f 1; exec '{program}' {words}");
        let output = std::process::Command::new("sh").args(["-c", &script]).current_dir(place.path()).output();
        let said = Said::new(script, output.expect("a shell"));
        assert_eq!(said.status, Some(3), "{said}");
        said.prints("updates in ").in_one_sentence().says("cannot write output/simulate/").says("--out DIR");
    };
    for place in [saved(), with_easy_digits()] {
        let before = place.contents();
        on_a_full_disk(&place);
        assert!(before == place.contents(), "{:?}", place.contents().keys());
    }
}

#[cfg(all(feature = "gpu", target_os = "linux"))]
#[test]
fn a_machine_without_a_graphics_card_says_so() {
    let place = with_easy_digits();
    let drivers = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES", "__EGL_VENDOR_LIBRARY_FILENAMES", "LIBGL_DRIVERS_PATH"];
    let run = train(&place, &format!("{EASY} {HERE} --backend gpu --updates 2"));
    let said = drivers.iter().fold(run, |run, name| run.with(name, "/nowhere")).runs();
    if said.status == Some(0) {
        return eprintln!("skipped: the card is there whatever the environment says");
    }
    assert_eq!(said.status, Some(3), "{said}");
    said.in_one_sentence().says("there is no graphics card to compute on (").says("type --backend cpu");
}

#[cfg(not(feature = "gpu"))]
#[test]
fn a_build_without_a_gpu_says_how_to_make_one_that_has() {
    let said = refused(&saved(), "--backend gpu", 2);
    said.says("this build has no GPU backend; build with --features gpu, or type --backend cpu");
    refused(&saved(), "--backend tpu", 2).says("type one of cpu, gpu");
}
