//! Options that come from a file: a `--config` in TOML, or the arguments of a manifest. They become what one would have
//! typed, so that the same parsers read them, with the same sentences where something is wrong.

use super::command;
use crate::error::Error;
use crate::formats::{clip, source};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Map, Value};
use std::ffi::OsString;
use std::path::Path;

/// The command line with the options of its `--config` file, those that were not typed, right after the command.
///
/// # Errors
/// If the file cannot be read, or names what is no option.
pub fn expand(typed: Vec<OsString>) -> Result<Vec<OsString>, Error> {
    // What is wrong with the rest is said when all is read.
    let lenient = command().ignore_errors(true).mut_subcommands(|command| command.ignore_errors(true));
    let Ok(matches) = lenient.try_get_matches_from(&typed) else { return Ok(typed) };
    let Some((name, given)) = matches.subcommand() else { return Ok(typed) };
    let Ok(Some(Some(file))) = given.try_get_one::<std::path::PathBuf>("config").map(|file| file.map(Some)) else {
        return Ok(typed);
    };
    let at = typed.iter().position(|argument| argument == name).map_or(typed.len(), |at| at + 1);
    let command = built(name).expect("a command that was parsed");
    let options = from_map(&command, &file.display().to_string(), &read(file)?, Some(given))?;
    Ok([&typed[..at], &options, &typed[at..]].concat())
}

/// The longest file of options that is read, in bytes.
const MOST: u64 = 1 << 20;

fn read(file: &Path) -> Result<Map<String, Value>, Error> {
    let shown = file.display();
    let source = source::read(&file.to_string_lossy(), MOST).map_err(|refusal| {
        Error::Input(format!("{shown} {}; give a TOML file with options by their long names", refusal.reason))
    })?;
    parse(&shown.to_string(), &source.text)
}

fn parse(shown: &str, text: &str) -> Result<Map<String, Value>, Error> {
    toml::from_str(text).map_err(|e: toml::de::Error| {
        let line = e.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        Error::Input(format!(
            "line {line} of {shown} is no TOML ({}); write max-workers = 8, for example",
            clip(e.message())
        ))
    })
}

/// A command by its name, with all its options, if there is one.
pub fn built(name: &str) -> Option<Command> {
    let mut all = command();
    all.build();
    all.find_subcommand(name).cloned()
}

/// The options of a map as one types them, but for those that were `given` and what cannot be used beside them; the command is
/// [`built`].
///
/// # Errors
/// If a name is no option of the command.
pub fn from_map(
    command: &Command,
    source: &str,
    map: &Map<String, Value>,
    given: Option<&ArgMatches>,
) -> Result<Vec<OsString>, Error> {
    let source_of = |arg: &Arg| given.and_then(|given| given.value_source(arg.get_id().as_str()));
    let is_given = |arg: &Arg| source_of(arg) == Some(ValueSource::CommandLine);
    let mut options = Vec::new();
    for (key, value) in map {
        let long = key.replace('_', "-");
        let is_meant = |arg: &&Arg| {
            arg.get_long() == Some(&long)
                || arg.get_all_aliases().is_some_and(|aliases| aliases.contains(&long.as_str()))
                || arg.is_positional() && arg.get_id() == key.as_str()
        };
        let Some(arg) = command.get_arguments().filter(|arg| arg.get_id() != "config").find(is_meant) else {
            let names: Vec<&str> = command.get_arguments().filter_map(Arg::get_long).collect();
            let instead =
                sim::nearest(&long, &names).map_or("see --help".to_string(), |one| format!("did you mean '{one}'?"));
            let key = crate::formats::clip(key);
            return Err(Error::Usage(format!(
                "{source} has '{key}', which is no option of straggle {}; {instead}",
                command.get_name()
            )));
        };
        // Whichever of the two says so.
        let excludes = |one: &Arg, other: &Arg| command.get_arg_conflicts_with(one).contains(&other);
        let is_excluded = |given: &Arg| is_given(given) && (excludes(arg, given) || excludes(given, arg));
        if is_given(arg) || command.get_arguments().any(is_excluded) {
            continue;
        }
        let flag = matches!(arg.get_action(), ArgAction::SetTrue);
        let texts = match value {
            Value::Null | Value::Bool(false) if flag || value.is_null() => continue,
            Value::Bool(true) if flag => vec![None],
            // What may be typed several times is, and what is a list becomes one.
            Value::Array(values) if matches!(arg.get_action(), ArgAction::Append) => {
                values.iter().map(|value| Some(plain(value))).collect()
            }
            Value::Array(values) => vec![Some(values.iter().map(plain).collect::<Vec<_>>().join(","))],
            value => vec![Some(plain(value))],
        };
        for text in texts {
            // Nobody typed it, and what it cannot be used with may have been.
            let is_default =
                |text: &String| arg.get_default_values().iter().map(|d| d.to_string_lossy()).eq([text.as_str()]);
            if text.as_ref().is_some_and(is_default) {
                continue;
            }
            options.push(match (arg.get_long(), text) {
                (None, text) => text.unwrap_or_default().into(),
                (Some(long), None) => format!("--{long}").into(),
                (Some(long), Some(text)) => format!("--{long}={text}").into(),
            });
        }
    }
    Ok(options)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::garbled::garbled_text;

    #[test]
    fn garbled_options_are_read_or_refused() {
        let simulate = built("simulate").expect("a command");
        let whole = "policies = [\"sync\", \"k-sync:3\"]\nmax-workers = 8\nprecision = \"1%\"\nstep-time = \"exp(2)\"\nquiet = true\n";
        garbled_text(&[whole, "lambda = 2.0\nspeeds = [1, 0.5]\n"], |text| {
            from_map(&simulate, "P", &parse("P", text)?, None).map(drop)
        });
    }

    #[test]
    fn what_is_typed_wins_over_what_it_cannot_stand_beside() {
        let simulate = built("simulate").unwrap();
        let left = |typed: &str, text: &str| {
            let given =
                simulate.clone().try_get_matches_from(["simulate"].into_iter().chain(typed.split(' '))).unwrap();
            from_map(&simulate, "P", &parse("P", text).unwrap(), Some(&given)).unwrap()
        };
        for (typed, text) in [
            ("--max-workers 8", "workers = 3"),
            ("--workers 3", "max-workers = 8"),
            ("--precision 1%", "updates = 100"),
            ("--updates 100", "precision = \"1%\""),
            ("--lambda 2", "step-time = \"exp(3)\""),
            ("--step-time exp(3)", "lambda = 2"),
        ] {
            assert_eq!(left(typed, text), [""; 0], "{typed}");
        }
        assert_eq!(left("--max-workers 8", "lambda = 2"), ["--lambda=2"]);
    }

    #[test]
    fn what_may_be_typed_several_times_is_and_a_list_is_one() {
        let typed = |command: &str, text: &str| {
            let options = from_map(&built(command).unwrap(), "P", &parse("P", text).unwrap(), None).unwrap();
            options.into_iter().map(|option| option.into_string().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(typed("simulate", "speeds = [1, 0.5]"), ["--speeds=1,0.5"]);
        #[cfg(feature = "serve")]
        assert_eq!(typed("serve", "model = [\"a=b.st\", \"c=d.st\"]"), ["--model=a=b.st", "--model=c=d.st"]);
        assert_eq!(typed("merge", "parts = [\"a\", \"b\"]"), ["a", "b"]);
    }
}
