//! Files as people have them, read to the end: public ones in small, and the ways in which they go wrong.

use super::*;
use crate::garbled::garbled;
use std::fs;

fn case(file: &str) -> String {
    format!("{}/tests/data/cases/{file}", env!("CARGO_MANIFEST_DIR"))
}

fn read_with(file: &str, options: Options) -> Result<Recorded, Refusal> {
    read(&[case(file)], &options)
}

fn read_case(file: &str) -> Recorded {
    read_with(file, Options::default()).unwrap_or_else(|e| panic!("{e}"))
}

/// A file of this text, read.
fn text(name: &str, text: &str, options: &Options) -> Result<Recorded, Refusal> {
    bytes(name, text.as_bytes(), options)
}

fn bytes(name: &str, bytes: &[u8], options: &Options) -> Result<Recorded, Refusal> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("a file");
    read(&[path.to_string_lossy().into_owned()], options)
}

fn named(column: &str) -> Options {
    Options { column: Some(column.parse().unwrap()), ..Options::default() }
}

/// The same 60 times, in seconds, are behind seven of the cases, each in another layout.
#[test]
fn the_same_times_in_every_layout() {
    let in_seconds = read_case("tab.tsv").times;
    assert_eq!((in_seconds.len(), in_seconds.pooled()[0]), (60, 0.1035));
    for file in ["nano.log", "profiler_trace.json", "sparse.csv", "ms.csv", "ms_unit.csv", "comment.csv"] {
        let read = read_case(file);
        assert_eq!(read.times.workers(), 1, "{file}");
        let apart = read.times.pooled().iter().zip(in_seconds.pooled()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(read.times.len() == 60 && apart < 1e-4, "{file}: {} times, {apart} apart", read.times.len());
    }
    assert_eq!((read_case("nano.log").times.pooled()[0], read_case("nano.log").unit), (0.10346, Unit::Ms));
    let scalars = read_case("scalars_export.csv");
    // Differences begin with the second.
    let apart =
        scalars.times.pooled().iter().zip(&in_seconds.pooled()[1..]).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(scalars.times.len() == 59 && apart < 1e-4, "{apart}");
    assert_eq!(scalars.notes, [Note::Differences { column: "Wall time".into() }]);
}

#[test]
fn counters_are_warned_of_when_named_and_advised_by_nobody() {
    let step = read_with("scalars_export.csv", named("Step")).unwrap();
    assert!(step.notes.contains(&Note::Suspicious { column: "Step".into(), what: "counts" }), "{:?}", step.notes);
    let wall = read_with("scalars_export.csv", named("Wall time")).unwrap();
    assert!(wall.notes.iter().any(|note| note.to_string().contains("'diff:Wall time'")), "{:?}", wall.notes);
    let said = read_with("scalars_export.csv", named("step_time_s")).unwrap_err().to_string();
    assert!(said.contains("there is no column 'step_time_s'") && !said.contains("trace("), "{said}");
    // Nothing but counters and losses: what is advised is a name, not one of them.
    let nothing = text("f.csv", "epoch,step,loss\n0,0,2.3\n0,1,2.1\n0,2,2.2\n", &Options::default()).unwrap_err();
    assert!(nothing.advice.contains("step_time_s") && !nothing.advice.contains("'loss'"), "{nothing}");
}

#[test]
fn empty_cells_zeros_and_first_rows_are_counted() {
    let sparse = read_case("sparse.csv");
    assert!(sparse.times.dropped().missing >= 1, "{:?}", sparse.times.dropped());
    let first = text("f.csv", "step,time_s\n0,nan\n1,0\n2,0.5\n3,0.25\n", &Options::default()).unwrap();
    assert_eq!(first.times.pooled(), [0.5, 0.25]);
    let said = first.notes.last().unwrap().to_string();
    assert_eq!(said, "left out: 1 missing or not a number, 1 zero");
    // What Python writes as JSON.
    let lines = "{\"step\": 0, \"time_s\": NaN, \"note\": \"a \\\"NaN\\\"\"}\n{\"step\": 1, \"time_s\": 0.5}\n{\"step\": 2, \"time_s\": 0.25}\n";
    let list = "{\"time_s\": [NaN, 0.5, NaN, 0.25]}";
    for (json, left_out) in [(lines, "1 missing or not a number"), (list, "2 missing or not a number")] {
        let read = text("f.json", json, &Options::default()).unwrap();
        assert_eq!(read.times.pooled(), [0.5, 0.25], "{json}");
        assert!(read.notes.last().unwrap().to_string().contains(left_out), "{:?}", read.notes);
    }
    let skipped =
        text("f.csv", "step,time_s\n0,9\n1,0.5\n2,0.25\n", &Options { skip: 1, ..Options::default() }).unwrap();
    assert_eq!(skipped.times.pooled(), [0.5, 0.25]);
    assert!(skipped.notes.last().unwrap().to_string().contains("1 first steps, as you asked"));
    let too_many = text("f.csv", "step,time_s\n0,9\n", &Options { skip: 1, ..Options::default() }).unwrap_err();
    assert!(too_many.to_string().contains("no usable step time"), "{too_many}");
}

#[test]
fn a_column_for_each_rank_is_a_law_for_each_rank() {
    let wide = read_case("wide.csv");
    assert_eq!(wide.times.labels(), ["rank0", "rank1", "rank2", "rank3"]);
    assert!(wide.times.mean_of_worker(3) > 1.9 * wide.times.mean_of_worker(0));
    assert_eq!(wide.notes[0], Note::Wide { workers: 4 });
    // One of them by its name is one worker.
    assert_eq!(read_with("wide.csv", named("rank3")).unwrap().times.workers(), 1);
    let ms =
        text("f.csv", "iter;gpu0_ms;gpu1_ms;loss\n0;100;200;3.0\n1;110;190;2.0\n2;105;195;2.5\n", &Options::default())
            .unwrap();
    assert_eq!((ms.times.of_worker(1), ms.unit), (&[0.2, 0.19, 0.195][..], Unit::Ms));
}

#[test]
fn other_cases() {
    let alternate = read_case("alternate.csv");
    assert_eq!((alternate.column.as_str(), alternate.times.pooled()[0]), ("Time/step", 1400.0));
    assert_eq!(read_case("one_row.csv").times.pooled(), [0.5]);
    assert_eq!(read_case("twopoint.csv").times.workers(), 1);
    // Totals of whole runs are no step times unless somebody says so.
    let totals = read_with("local_sgd_4gpu.csv", Options::default()).unwrap_err();
    assert!(totals.to_string().contains("type --column 'train_time_s'"), "{totals}");
}

#[test]
fn units_are_in_the_name_in_the_cell_or_typed() {
    let ms = Options { unit: Some(Unit::Ms), ..Options::default() };
    assert_eq!(text("f.csv", "step,time\n0,250\n1,300\n", &ms).unwrap().times.pooled(), [0.25, 0.3]);
    let assumed = text("f.csv", "step,time\n0,0.250\n1,0.300\n", &Options::default()).unwrap();
    assert_eq!(assumed.notes, [Note::UnitAssumed { column: "'time'".into() }]);
    let clash = text("f.csv", "step,time\n0,250s\n1,300s\n", &ms).unwrap_err();
    assert!(clash.to_string().contains("leave --unit out"), "{clash}");
    let other = text("f.csv", "step,time_us\n0,250\n1,300\n", &ms).unwrap();
    assert_eq!(other.notes.len(), 1);
    assert_eq!(
        text("f.csv", "step,time_us\n0,250\n1,300\n", &Options::default()).unwrap().times.pooled(),
        [250e-6, 300e-6]
    );
}

#[test]
fn dates_with_their_time_of_day_are_a_clock() {
    let rows =
        (0..20).map(|i| format!("{i},2024-05-01T10:00:{:06.3}\n", 0.5 * f64::from(i) + 0.01 * f64::from(i * i % 7)));
    let read = text("f.csv", &format!("step,timestamp\n{}", rows.collect::<String>()), &Options::default()).unwrap();
    assert!(read.times.len() == 19 && (read.times.mean() - 0.5).abs() < 0.01, "{:?}", read.times.pooled());
    assert_eq!(read.notes, [Note::Differences { column: "timestamp".into() }]);
}

#[test]
fn encodings_and_zips_make_no_difference() {
    let plain = "step,time_ms\n0,103.46\n1,159.64\n";
    let want = text("f.csv", plain, &Options::default()).unwrap().times;
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(plain.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert_eq!(bytes("f.csv", &utf16, &Options::default()).unwrap().times, want);
    let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut zip, plain.as_bytes()).unwrap();
    assert_eq!(bytes("f.csv.gz", &zip.finish().unwrap(), &Options::default()).unwrap().times, want);
    let latin = b"step,h\xf4te,time_ms\n0,caf\xe9,103.46\n1,caf\xe9,159.64\n";
    let french = bytes("f.csv", latin, &Options::default()).unwrap().times;
    assert_eq!((french.pooled(), french.labels()), (want.pooled(), &["café".to_string()][..]));
    let comma = "step;time_ms\n0;103,46\n1;159,64\n";
    assert_eq!(text("f.csv", comma, &Options::default()).unwrap().times, want);
    let quoted = "step,\"time, all of it (ms)\"\n0,103.46\n1,159.64\n";
    assert_eq!(text("f.csv", quoted, &Options::default()).unwrap().times, want);
    let nul = text("f.csv", "step,time_ms\n0,103.46\n1,15\09.64\n", &Options::default()).unwrap_err();
    assert_eq!((nul.line, nul.reason.as_str()), (Some(3), "a byte is zero, which no text has"));
    let unreadable = b"step,w\xf6rker,time_ms\n0,0,103.46\n0,1,1\n1,0,159.64\n1,1,1\n";
    let refused = bytes("f.csv", unreadable, &Options::default()).unwrap_err().to_string();
    let named = refused.split('\'').nth(1).expect("a name").to_string();
    let selection = vec![(named, "0".to_string())];
    assert_eq!(
        bytes("f.csv", unreadable, &Options { selection, ..Options::default() }).unwrap().times,
        want,
        "{refused}"
    );
    let equal = text("f.csv", "time_ms,time_ms\n1.5,2.5\n1.25,2.25\n", &Options::default()).unwrap_err();
    assert!(equal.to_string().contains("name"), "{equal}");
}

#[test]
fn ranks_steps_and_what_else_tells_rows_apart() {
    let many = "rank,step,mode,time_s\n0,0,a,1\n1,0,a,2\n0,1,a,4\n1,1,a,3\n0,0,b,5\n1,0,b,6\n0,1,b,9\n1,1,b,8\n";
    let said = text("f.csv", many, &Options::default()).unwrap_err().to_string();
    assert!(said.contains("choose one by --where 'mode=a' (a, b)"), "{said}");
    let selection = vec![("mode".to_string(), "b".to_string())];
    let chosen = text("f.csv", many, &Options { selection, ..Options::default() }).unwrap();
    assert_eq!(chosen.times.rows().seconds, [5.0, 6.0, 9.0, 8.0]);
    // Epochs come one after the other; so does what a restart repeats.
    let epochs = "epoch,step,time_s\n0,0,1\n0,1,3\n1,0,2\n1,1,5\n";
    assert_eq!(text("f.csv", epochs, &Options::default()).unwrap().times.pooled(), [1.0, 3.0, 2.0, 5.0]);
    let restart = text("f.csv", "step,time_s\n0,1\n1,3\n1,2\n2,4\n", &Options::default()).unwrap();
    assert_eq!((restart.times.pooled(), &restart.notes[..]), (&[1.0, 3.0, 2.0, 4.0][..], &[Note::StepsRepeat][..]));
    // Ranks of several stages are as many workers.
    let stages = many.replace("mode", "stage");
    assert_eq!(text("f.csv", &stages, &Options::default()).unwrap().times.labels(), ["a/0", "a/1", "b/0", "b/1"]);
    // Machines with several devices.
    let nodes = "node,gpu,iter,iter_time_ms\nb,0,0,10\nb,1,0,20\na,0,0,30\na,1,0,40\n";
    assert_eq!(text("f.csv", nodes, &Options::default()).unwrap().times.labels(), ["a/0", "a/1", "b/0", "b/1"]);
}

#[test]
fn what_train_writes_takes_computing_and_delay() {
    let steps = "worker,serial,start_s,compute_s,delay_s,finish_s,base_version,applied_version\n0,0,0,0.001,0.02,0.0211,0,1\n\
                 1,0,0,0.002,0.01,0.0121,0,1\n1,1,0.0212,,,0.03,1,\n0,1,0.0212,0.001,0.03,0.0522,1,2\n";
    let read = text("steps.csv", steps, &Options::default()).unwrap();
    assert_eq!((read.times.of_worker(0), read.times.of_worker(1)), (&[0.021, 0.031][..], &[0.012][..]));
    assert_eq!((read.column.as_str(), read.times.dropped().missing), ("compute_s + delay_s", 1));
    assert_eq!(text("steps.csv", steps, &named("compute_s")).unwrap().times.of_worker(1), [0.002]);
}

#[test]
fn json_in_its_layouts() {
    let lines = "{\"step\": 0, \"perf\": {\"step_time\": 0.5}}\n{\"step\": 1, \"perf\": {\"step_time\": 0.25}}\n";
    let read = text("f.jsonl", lines, &Options::default()).unwrap();
    assert_eq!((read.times.pooled(), read.column.as_str()), (&[0.5, 0.25][..], "perf.step_time"));
    let list = "[{\"rank\": 1, \"time_ms\": 500}, {\"rank\": 0, \"time_ms\": 250}]";
    assert_eq!(text("f.json", list, &Options::default()).unwrap().times.of_worker(0), [0.25]);
    let scalars = "[[1700000000.5, 0, 2.5], [1700000001.0, 10, 2.4], [1700000001.75, 20, 2.3], [1700000003.0, 30, 2.35], [1700000004.0, 40, 2.2]]";
    let read = text("f.json", scalars, &Options::default()).unwrap();
    assert_eq!(read.times.pooled(), [0.05, 0.075, 0.125, 0.1]);
    let columns = "{\"rank0\": [0.5, 0.6, 0.55], \"rank1\": [0.7, 0.8, 0.75]}";
    assert_eq!(text("f.json", columns, &Options::default()).unwrap().times.labels(), ["rank0", "rank1"]);
    let broken = text("f.json", "{\"step\": 0,\n \"time\": ", &Options::default()).unwrap_err();
    assert!(broken.to_string().contains("begins as JSON and is none"), "{broken}");
}

#[test]
fn profiles_are_a_file_a_rank_or_a_process_a_rank() {
    let span = |name: &str, pid: &str, ts: f64, dur: f64| {
        format!(
            "{{\"ph\": \"X\", \"name\": \"{name}\", \"pid\": {pid}, \"tid\": \"main\", \"ts\": {ts}, \"dur\": {dur}, \"args\": {{\"x\": [1]}}}}"
        )
    };
    let file = |events: &[String]| format!("{{\"schemaVersion\": 1, \"traceEvents\": [{}]}}", events.join(", "));
    let two = file(&[
        span("train_step 1", "7", 10.0, 2e5),
        span("train_step 0", "7", 0.0, 1e5),
        span("train_step 0", "8", 0.0, 3e5),
        span("forward", "8", 0.0, 1e5),
        "{\"ph\": \"M\", \"name\": \"process_name\", \"pid\": \"Spans\", \"ts\": 0.5}".to_string(),
    ]);
    let read_two = text("a.json", &two, &Options::default()).unwrap();
    assert_eq!(
        (read_two.times.labels(), read_two.times.of_worker(0)),
        (&["7".to_string(), "8".into()][..], &[0.1, 0.2][..])
    );
    let begins = "[{\"ph\": \"B\", \"name\": \"step\", \"ts\": 0, \"pid\": 1, \"tid\": 1}, {\"ph\": \"E\", \"name\": \"step\", \"ts\": 5e5, \"pid\": 1, \"tid\": 1},
        {\"ph\": \"B\", \"name\": \"step\", \"ts\": 6e5, \"pid\": 1, \"tid\": 1}, {\"ph\": \"E\", \"name\": \"step\", \"ts\": 1e6, \"pid\": 1, \"tid\": 1}]";
    assert_eq!(text("b.json", begins, &Options::default()).unwrap().times.pooled(), [0.5, 0.4]);
    let none = file(&[span("forward", "1", 0.0, 5.0), span("forward", "1", 9.0, 5.0)]);
    let said = text("c.json", &none, &Options::default()).unwrap_err().to_string();
    assert!(said.contains("no span is that of a step among forward") && said.contains("--column NAME"), "{said}");
    assert_eq!(text("c.json", &none, &named("forward")).unwrap().times.pooled(), [5e-6, 5e-6]);
    // A file a rank: workers are called as the files are.
    let folder = tempfile::tempdir().unwrap();
    let paths = ["rank0.json", "rank1.json"].map(|name| {
        let path = folder.path().join(name);
        fs::write(&path, file(&[span("ProfilerStep#1", "5", 0.0, 1e5), span("ProfilerStep#2", "5", 2e5, 2e5)]))
            .unwrap();
        path.to_string_lossy().into_owned()
    });
    let both = read(&paths, &Options::default()).unwrap();
    assert_eq!((both.times.labels(), both.workers_known), (&["rank0".to_string(), "rank1".into()][..], true));
    assert_eq!(both.files.len(), 2);
}

/// Two ranks, two steps, as people write them down: always 1 and 2 s, then 1.5 and 3 s.
#[test]
fn the_same_four_times_as_people_have_them() {
    let none = || Options::default();
    let ms = || Options { unit: Some(Unit::Ms), ..none() };
    for (name, contents, options) in [
        ("german.csv", "Schritt;Rang;Dauer_ms\r\n0;0;1.000,0\r\n0;1;2.000\r\n1;0;1.500\r\n1;1;3.000,00\r\n", none()),
        ("zeit.csv", "zeit [ms];schritt;rang\n1000,5;0;0\n1999,5;0;1\n1500,5;1;0\n2999,5;1;1\n", none()),
        (
            "knoten.csv",
            "Knoten,Iteration,Schrittzeit (s)\na,0,\"1,0\"\nb,0,\"2,0\"\na,1,\"1,5\"\nb,1,\"3,0\"\n",
            none(),
        ),
        ("rang.csv", "rang;étape;durée (ms)\n0;0;1000,5\n1;0;1999,5\n0;1;1500,5\n1;1;2999,5\n", none()),
        ("us.csv", "rank,step,time_ms\n0,0,\"1,000.0\"\n1,0,\"2,000\"\n0,1,\"1,500\"\n1,1,\"3,000.0\"\n", none()),
        ("wide.csv", "Schritt;Rang 0;Rang 1\n0;1.000,5;1.999,5\n1;1.500,5;2.999,5\n", ms()),
        (
            "pandas.csv",
            "rank,step,step_time\n0,0,0 days 00:00:01\n1,0,0 days 00:00:02\n0,1,0 days 00:00:01.5\n1,1,0 days 00:00:03\n",
            none(),
        ),
        ("spans.csv", "rank,step,start_s,end_s\n0,0,10,11\n1,0,10,12\n0,1,20,21.5\n1,1,20,23\n", none()),
        (
            "parts.csv",
            "rank,step,forward_ms,backward_ms\n0,0,400,600\n1,0,800,1200\n0,1,700,800\n1,1,1000,2000\n",
            none(),
        ),
        ("rate.csv", "rank,step,it/s\n0,0,1\n1,0,0.5\n0,1,0.6666667\n1,1,0.3333333\n", none()),
        (
            "export.csv",
            "Step,rank0 - step_time,rank0 - step_time__MAX,rank1 - step_time,rank1 - step_time__MAX\n0,1000,9,2000,9\n1,1500,9,3000,9\n",
            ms(),
        ),
        (
            "colours.log",
            "\x1b[32m[rank0]\x1b[0m: step 0 time 1.0 s\n\x1b[32m[rank1]\x1b[0m: step 0 time 2.0 s\n[rank0]: step 1 time 1.5 s\n[rank1]: step 1 time 3.0 s\n",
            none(),
        ),
        (
            "torchrun.log",
            "[default0]:step: 0 | step_time: 1.0 s\n[default1]:step: 0 | step_time: 2.0 s\n[default0]:step: 1 | step_time: 1.5 s\n[default1]:step: 1 | step_time: 3.0 s\n",
            none(),
        ),
    ] {
        let read = text(name, contents, &options).unwrap_or_else(|e| panic!("{name}: {e}"));
        let times = read.times.rows().seconds;
        let apart = times.iter().zip([1.0, 2.0, 1.5, 3.0]).map(|(a, b): (&f64, f64)| (a - b).abs()).fold(0.0, f64::max);
        assert!(times.len() == 4 && apart < 1e-3, "{name}: {times:?}");
    }
    let summed =
        format!("rank,step,time_s\n{}mean,,1.9\n", (0..20).map(|step| format!("0,{step},1\n")).collect::<String>());
    let read = text("total.csv", &summed, &none()).unwrap();
    assert_eq!((read.times.workers(), read.notes.last()), (1, Some(&Note::WithoutStep { rows: 1 })));
    // A hundred ranks in the order of their numbers, and a profiler that draws its steps on the device once more.
    let ranks: String = (0..100).rev().map(|rank| format!("rank_{rank},0,{}\n", 1 + rank)).collect();
    let read = text("ranks.csv", &format!("rank,step,time_s\n{ranks}"), &none()).unwrap();
    assert_eq!((read.times.labels()[2].as_str(), read.times.of_worker(10)), ("rank_2", &[11.0][..]));
    let span = |cat: &str, pid: u32, step: u32, dur: f64| {
        format!(
            "{{\"ph\": \"X\", \"cat\": \"{cat}\", \"name\": \"ProfilerStep#{step}\", \"pid\": {pid}, \"ts\": {}, \"dur\": {dur}}}",
            1e7 * f64::from(step)
        )
    };
    let all = [(1, 1e6), (2, 2e6)].map(|(step, dur)| {
        [span("user_annotation", 7, step, dur), span("gpu_user_annotation", 0, step, dur / 2.0)].join(",")
    });
    let read = text("gpu.json", &format!("{{\"traceEvents\": [{}]}}", all.join(",")), &none()).unwrap();
    assert_eq!((read.times.workers(), read.times.pooled()), (1, &[1.0, 2.0][..]));
    // What nobody can tell is not read on a guess.
    for (contents, part) in [
        ("rang;zeit_ms\n0;1.286\n0;1.310\n", "separate the columns by commas if it is a decimal point"),
        ("rank;time_ms;loss\n0;1.286;2,5\n0;1.310;2,25\n", "where other columns have decimal commas"),
        ("rank;time_ms\n0;1,286\n0;1,310\n", "may be thousands or a decimal comma"),
    ] {
        let said = text("f.csv", contents, &none()).unwrap_err().to_string();
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn what_cannot_be_read_is_refused_in_a_line_that_quotes_little() {
    let long = "x".repeat(100_000);
    let names: Vec<String> = (0..50_000).map(|i| format!("name{i}")).collect();
    for (name, contents) in [
        ("f.csv", String::new()),
        ("f.csv", "\n\n".into()),
        ("f.csv", format!("step,{long}\n0,1\n1,2\n2,3\n3,4\n")),
        ("f.csv", format!("step,time_s\n0,{long}\n")),
        ("f.csv", format!("step,time_s\n0,\"{}", "a,b\n".repeat(50_000))),
        ("f.csv", format!("{}\n{}\n", names.join(","), "1,".repeat(49_999) + "1")),
        ("f.json", format!("{{\"{long}\": 1}}")),
        ("f.json", format!("{{\"traceEvents\": [{{\"{long}")),
        ("f.log", long.clone()),
        ("f.log", format!(":::MLLOG {long}\n")),
        ("f.csv", "step,time_s\n0,-0.5\n1,0.5\n".into()),
        ("f.csv", "step,time_s\n0,1:02.5\n".into()),
        ("f.csv", "0,0.5\n1,0.25\n".into()),
        ("f.csv", "time_s\n0,5\n0,25\n".into()),
    ] {
        let refusal = text(name, &contents, &Options::default()).unwrap_err();
        let said = refusal.of("F").to_string();
        assert!(said.len() < 300 && !said.contains('\n') && said.contains("; "), "{said}");
    }
}

#[test]
fn garbled_files_are_read_or_refused() {
    let cases = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cases");
    let mut samples: Vec<Vec<u8>> = std::fs::read_dir(cases)
        .expect("samples")
        .map(|entry| std::fs::read(entry.expect("a sample").path()).expect("a sample"))
        .map(|bytes| bytes[..bytes.len().min(2000)].to_vec())
        .collect();
    samples.sort();
    let others = [
        "{\"rank\": 0, \"step\": 1, \"time_ms\": 5.5}\n{\"rank\": 0, \"step\": 2, \"time_ms\": 5.25}\n",
        ":::MLLOG {\"key\": \"step\", \"time_ms\": 1000, \"value\": 1}\n:::MLLOG {\"key\": \"step\", \"time_ms\": 1250, \"value\": 2}\n",
        "elapsed time per iteration (ms): 412.5 | lm loss: 2.1\nelapsed time per iteration (ms): 411.25 | lm loss: 2.0\n",
        SPANS,
    ];
    let samples: Vec<&[u8]> = samples.iter().map(Vec::as_slice).chain(others.map(str::as_bytes)).collect();
    garbled(&samples, |bytes| {
        let source = super::source::from(bytes, 1 << 20).map_err(|refusal| refusal.of("F"))?;
        for input in <Input as clap::ValueEnum>::value_variants() {
            let read = reading(&source.text, &Options { input: *input, ..Options::default() });
            if *input == Input::Auto {
                read.map_err(|refusal| refusal.of("F"))?;
            }
        }
        Ok::<(), Refusal>(())
    });
}

/// A profiler's trace in small.
const SPANS: &str = r#"{"traceEvents": [
{"ph": "X", "name": "ProfilerStep#1", "pid": 0, "tid": 1, "ts": 1000.5, "dur": 2500},
{"ph": "X", "name": "nccl:all_reduce", "pid": 0, "tid": 2, "ts": 1200, "dur": 40.5, "args": {"rank": 0}},
{"ph": "B", "name": "step", "pid": 1, "tid": 1, "ts": 10}, {"ph": "E", "pid": 1, "tid": 1, "ts": 30},
{"ph": "X", "name": "ProfilerStep#2", "pid": 0, "tid": 1, "ts": 3501, "dur": 2600}], "distributedInfo": {"rank": 3}}"#;

#[test]
fn garbled_tables_of_runs_are_read_or_refused() {
    let samples: [&[u8]; 4] = [
        b"num_nodes,num_replicas,local_bsz,step_time,sync_time\n1,1,32,0.13,0.0\n2,2,32,0.14,0.02\n4,8,32,0.15,0.03\n",
        b"algorithm,workers,local_steps,bandwidth,run,step,synced,wall_ms,compute_ms,sync_blocked_ms\ndiloco,4,1,200m,0,0,1,10468.2,2201.6,8254.3\ndiloco,4,1,1g,0,1,1,8364.7,26.8,8337.6\n",
        b"gpus;computing (ms);communication (ms);model\n1;103,5;0;lenet\n2;104;12,5;lenet\n2;99;3;vgg\n",
        b"{\"workers\": 2, \"step_ms\": 12.5, \"comm_ms\": 3}\n{\"workers\": 4, \"step_ms\": 13.5, \"comm_ms\": 5}\n",
    ];
    garbled(&samples, |bytes| {
        let open = |file: &str| source::from(bytes, 1 << 20).map_err(|refusal| refusal.of(file));
        let read = measured(&["F".to_string()], &Options::default(), open)?;
        if let Measured::Runs(runs) = read {
            assert!(runs.jobs.iter().flat_map(|job| &job.runs).all(|run| run.step_s().is_finite() && run.workers > 0));
        }
        Ok::<(), Refusal>(())
    });
}

#[test]
fn what_was_asked_for_wins_over_what_it_looks_like() {
    let input = Input::Wide;
    let wide =
        text("f.csv", "step,alice_s,bob_s\n0,1,2\n1,3,4\n2,2,5\n", &Options { input, ..Options::default() }).unwrap();
    assert_eq!(wide.times.labels(), ["alice_s", "bob_s"]);
    let selection = vec![("a".to_string(), "1".to_string())];
    let refused =
        text("f.log", "step 1 time 5ms\nstep 2 time 6ms\n", &Options { selection, ..Options::default() }).unwrap_err();
    assert!(refused.to_string().contains("leave --where out"), "{refused}");
    assert!(text("f.csv", "step,time_s\n0,1\n", &Options { input: Input::Dlio, ..Options::default() }).is_err());
}

#[test]
fn percentiles_beside_a_time_are_no_workers() {
    let rows: String = (0..9).map(|i| format!("{i},{},{},{}\n", 0.3 + 0.01 * f64::from(i % 4), 0.29, 0.4)).collect();
    let read = text("p.csv", &format!("step,step_time_s,p50_s,p95_s\n{rows}"), &Options::default()).unwrap();
    assert_eq!((read.times.workers(), read.column.as_str()), (1, "step_time_s"));
    let wide = text("w.csv", &format!("step,p0,p1,p2\n{rows}"), &Options::default()).unwrap();
    assert_eq!(wide.times.workers(), 3);
}

#[test]
fn units_of_wide_tables_are_those_of_tidy_ones() {
    let table = "step,rank0,rank1\n1,300 ms,310 ms\n2,305,320\n3,302 ms,311 ms\n";
    let read = text("w.csv", table, &Options::default()).unwrap();
    assert!(read.times.pooled().iter().all(|s| (0.3..0.33).contains(s)), "{:?}", read.times.pooled());
    let asked = Options { unit: Some(Unit::S), ..Options::default() };
    assert!(text("w.csv", table, &asked).unwrap_err().to_string().contains("leave --unit out"));
}

#[test]
fn an_end_without_a_name_ends_what_began_last() {
    let event = |ph: &str, name: &str, ts: u32| format!(r#"{{"ph":"{ph}","ts":{ts},"pid":1,"tid":1{name}}}"#);
    let step = r#","name":"step""#;
    let events: Vec<String> = (0..4)
        .flat_map(|i| {
            let at = 1000 * i;
            let inner = event("B", r#","name":"op""#, at + 10);
            [event("B", step, at), inner, event("E", "", at + 20), event("E", "", at + 300)]
        })
        .collect();
    let read = text("t.json", &format!("[{}]", events.join(",")), &Options::default()).unwrap();
    assert_eq!(read.times.pooled(), [3e-4; 4]);
    assert!(text("t.json", &format!("[{}]", events.join(",")), &named("diff:step")).is_err());
}

#[test]
fn objects_with_a_name_for_each_row_are_no_table() {
    let rows: String = (0..6000).map(|i| format!("{{\"a{i}\": 1}}\n")).collect();
    assert!(text("a.jsonl", &rows, &Options::default()).unwrap_err().to_string().contains("same few names"));
}

#[test]
fn a_table_whose_workers_are_called_like_units_is_a_table() {
    let rows: String = (0..12).map(|i| format!("h{},{},{}\n", i % 3, i / 3, 300 + 7 * (i % 5))).collect();
    let read = text("h.csv", &format!("host,step,time_ms\n{rows}"), &Options::default()).unwrap();
    assert_eq!((read.times.workers(), read.column.as_str()), (3, "time_ms"));
    // A title is no step.
    assert!(text("t.csv", &format!("Step times of run 7\n\nhost,step,time_ms\n{rows}"), &Options::default()).is_err());
}

#[test]
fn commas_in_logs_are_decimal_or_set_thousands_apart_or_are_refused() {
    let log = |time: &str| (1..=4).map(|step| format!("step {step} time: {time}\n")).collect::<String>();
    for (time, s) in [("0,294 s", 0.294), ("1,214.5 ms", 1.2145), ("12,5 ms", 0.0125)] {
        let read = text("a.log", &log(time), &Options::default()).unwrap();
        assert!(read.times.pooled().iter().all(|found| (found / s - 1.0).abs() < 1e-12), "{time}: {:?}", read.times);
    }
    assert!(text("a.log", &log("1,214 s"), &Options::default()).unwrap_err().to_string().contains("line 1"));
}

#[test]
fn what_rises_is_no_clock_if_it_is_a_steps_or_a_rate() {
    for (name, values) in [("step_time_s", "0.301 0.305 0.312 0.333 0.349"), ("samples_per_s", "200 380 700 1300 2400")]
    {
        let rows: String = (1..).zip(values.split(' ')).map(|(step, value)| format!("{step},{value}\n")).collect();
        let table = format!("step,{name}\n{rows}");
        assert!(text("r.csv", &table, &Options::default()).is_err(), "{name}");
        assert_eq!(text("r.csv", &table, &named(name)).is_ok(), name == "step_time_s");
    }
    let rows = "1,0.3\n2,inf\n3,0.31\n4,0.29\n5,0.32\n6,0.33\n";
    let read = text("i.csv", &format!("step,step_time_s\n{rows}"), &Options::default()).unwrap();
    assert_eq!((read.times.len(), read.times.dropped().impossible), (5, 1));
    let long = "1,1e300\n2,2e300\n3,1e300\n";
    let refusal = text("l.csv", &format!("step,step_time_s\n{long}"), &Options::default()).unwrap_err();
    assert!(refusal.to_string().contains("too long to calculate with"), "{refusal}");
}
