//! How do the tests run the program, and how do they read what it wrote? Short scripts, and rows by the names of columns.
//!
//! `place.simulate("--lambda 0").fails(2).says("type --lambda 2");` runs `straggle simulate --lambda 0` in a directory
//! of its own. Values with spaces go through [`Script::args`].

#![allow(dead_code)] // each test binary uses its share of this

pub mod digits;
pub mod server;
pub mod traces;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// The program, with nothing typed yet.
pub fn straggle() -> Script {
    let mut command = Command::new(env!("CARGO_BIN_EXE_straggle"));
    command.stdin(Stdio::null()).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").env_remove("CLICOLOR");
    Script(command)
}

/// A command line that is being written.
pub struct Script(Command);

impl Script {
    /// Adds arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Script {
        self.0.args(args);
        self
    }

    /// Adds arguments that have no spaces in them.
    pub fn words(self, words: &str) -> Script {
        self.args(words.split_whitespace())
    }

    /// Runs in this directory.
    pub fn inside(mut self, directory: &Path) -> Script {
        self.0.current_dir(directory);
        self
    }

    /// Sets a variable of the environment.
    pub fn with(mut self, name: &str, value: &str) -> Script {
        self.0.env(name, value);
        self
    }

    /// The standard output goes here.
    pub fn printing_to(mut self, stdout: impl Into<Stdio>) -> Script {
        self.0.stdout(stdout);
        self
    }

    /// Runs with an address space of so many kilobytes, where the system can limit it.
    pub fn within(self, kilobytes: u32) -> Script {
        if !cfg!(target_os = "linux") {
            return self;
        }
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -v {kilobytes}; exec \"$0\" \"$@\"")]);
        command.arg(self.0.get_program()).args(self.0.get_args()).stdin(Stdio::null());
        if let Some(directory) = self.0.get_current_dir() {
            command.current_dir(directory);
        }
        for (name, value) in self.0.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        Script(command)
    }

    /// The command itself, for those who want to do more with it than wait.
    pub fn command(self) -> Command {
        self.0
    }

    /// Runs it, whatever comes of it.
    pub fn runs(mut self) -> Said {
        let typed = self.0.get_args().map(|a| a.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ");
        let output = self.0.output().expect("the program starts");
        Said::new(typed, output)
    }

    /// Runs it, and it ends well.
    pub fn succeeds(self) -> Said {
        self.fails(0)
    }

    /// Runs it, and it ends with this status.
    pub fn fails(self, status: i32) -> Said {
        let said = self.runs();
        assert_eq!(said.status, Some(status), "{said}");
        said
    }
}

/// What a run said, and how it ended.
pub struct Said {
    pub typed: String,
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    pub fn new(typed: String, output: Output) -> Said {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Said { typed, status: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// It said this on stderr.
    pub fn says(&self, part: &str) -> &Said {
        assert!(self.stderr.contains(part), "'{part}' is not on stderr: {self}");
        self
    }

    /// It said nothing like this on stderr.
    pub fn does_not_say(&self, part: &str) -> &Said {
        assert!(!self.stderr.contains(part), "'{part}' is on stderr: {self}");
        self
    }

    /// It printed this on stdout.
    pub fn prints(&self, part: &str) -> &Said {
        assert!(self.stdout.contains(part), "'{part}' is not on stdout: {self}");
        self
    }

    /// It printed nothing on stdout.
    pub fn prints_nothing(&self) -> &Said {
        assert_eq!(self.stdout, "", "{self}");
        self
    }

    /// It said nothing on stderr.
    pub fn is_silent(&self) -> &Said {
        assert_eq!(self.stderr, "", "{self}");
        self
    }

    /// Its standard output: one JSON document and nothing else.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON ({error}): {self}"))
    }

    /// All that it said on stderr is one line, an error.
    pub fn in_one_sentence(&self) -> &Said {
        let one_line = self.stderr.ends_with('\n') && self.stderr.lines().count() == 1;
        assert!(one_line && self.stderr.starts_with("error: "), "not one sentence: {self}");
        assert!(!self.stderr.contains("panicked"), "{self}");
        self
    }

    /// The rows of the printed table, cut at white space; the header is left out.
    pub fn table(&self) -> Vec<Vec<&str>> {
        let ruled = self.stdout.lines().skip_while(|line| !line.starts_with('─')).skip(1);
        ruled.take_while(|line| !line.trim().is_empty()).map(|line| line.split_whitespace().collect()).collect()
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Said { typed, status, stdout, stderr } = self;
        write!(f, "\n$ straggle {typed}\nstatus {status:?}\nstdout: {stdout}\nstderr: {stderr}")
    }
}

/// An empty directory to run in; it goes away at the end.
pub struct Place(TempDir);

impl Place {
    #[allow(clippy::new_without_default)] // a directory is made: not a default
    pub fn new() -> Place {
        Place(tempfile::tempdir().expect("a temporary directory"))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Where `simulate` puts its files unless told otherwise.
    pub fn output(&self) -> PathBuf {
        self.path().join("output/simulate")
    }

    /// Puts a file here.
    pub fn with(self, name: &str, contents: impl AsRef<[u8]>) -> Place {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("below a directory")).expect("a directory");
        fs::write(path, contents).expect("a file");
        self
    }

    /// `straggle simulate`, run here, with these words.
    pub fn simulate(&self, words: &str) -> Script {
        straggle().inside(self.path()).args(["simulate"]).words(words)
    }

    /// Every file below, with its contents.
    pub fn contents(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let (mut files, mut directories) = (BTreeMap::new(), vec![self.path().to_path_buf()]);
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).expect("a directory") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    directories.push(path);
                } else {
                    files.insert(path.strip_prefix(self.path()).expect("below").to_path_buf(), read(&path));
                }
            }
        }
        files
    }

    /// A file that `simulate` wrote.
    pub fn file(&self, name: &str) -> Vec<u8> {
        read(&self.output().join(name))
    }

    /// The rows of `iteration_times.csv`.
    pub fn rows(&self) -> Vec<Row> {
        self.rows_of("iteration_times.csv")
    }

    /// The rows of a CSV file that `simulate` wrote.
    pub fn rows_of(&self, name: &str) -> Vec<Row> {
        let bytes = self.file(name);
        let mut reader = csv::Reader::from_reader(&bytes[..]);
        reader.deserialize().map(|row| Row(row.expect("a complete row"))).collect()
    }

    /// The row of a policy with so many workers.
    pub fn row(&self, policy: &str, workers: u32) -> Row {
        let wanted = |row: &Row| row.text("policy") == policy && row.text("workers") == workers.to_string();
        self.rows().into_iter().find(wanted).unwrap_or_else(|| panic!("no row of {policy} with {workers} workers"))
    }

    pub fn manifest(&self) -> serde_json::Value {
        serde_json::from_slice(&self.file("manifest.json")).expect("JSON")
    }
}

pub fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A row of a CSV file.
#[derive(Clone, Debug, PartialEq)]
pub struct Row(BTreeMap<String, String>);

impl Row {
    pub fn text(&self, column: &str) -> &str {
        self.0.get(column).unwrap_or_else(|| panic!("no column {column}"))
    }

    pub fn number(&self, column: &str) -> f64 {
        self.text(column).parse().unwrap_or_else(|_| panic!("{column} is no number: {self:?}"))
    }

    pub fn half_width(&self) -> f64 {
        (self.number("ci_high_s") - self.number("ci_low_s")) / 2.0
    }

    /// How far the simulated mean is from `exact`, in standard errors: half a 95 % interval is about two of them.
    pub fn z(&self, exact: f64) -> f64 {
        2.0 * (self.number("mean_s") - exact) / self.half_width()
    }

    /// Theory says that the time per update is exactly this, and the simulation bears it out: within five standard errors,
    /// which by chance (Student t with 31 degrees of freedom or more) one correct mean in 50 000 is not.
    pub fn agrees_with(&self, exact: f64) {
        assert_eq!(self.text("theory_kind"), "exact", "{self:?}");
        assert_near(self.number("theory_s"), exact);
        assert!(self.z(exact).abs() < 5.0, "{} standard errors away: {self:?}", self.z(exact));
    }
}

/// Equal up to rounding in quadratures and sums.
pub fn assert_near(a: f64, b: f64) {
    assert!((a / b - 1.0).abs() < 1e-8, "{a} is not {b}");
}

/// H_n.
pub fn harmonic(n: u32) -> f64 {
    (1..=n).map(|i| 1.0 / f64::from(i)).sum()
}
