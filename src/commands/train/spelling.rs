//! The spelling of `emeuro train` without its commands: `--search`, `--data FILE` and `--profile DIR` say which one is meant, and without them
//! applications are.

use std::ffi::OsString;

/// The commands of `emeuro train`, and clap's own.
const COMMANDS: [&str; 5] = ["app", "search", "data", "profile", "help"];

/// The arguments of the program, with the command of a training that does without.
pub(crate) fn with_subcommand(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    if arguments.get(1).is_none_or(|command| command != "train") {
        return arguments;
    }
    let mut rest = arguments.split_off(2);
    let first = rest.first().and_then(|first| first.to_str());
    let asks_for_help = rest.iter().any(|argument| argument == "-h" || argument == "--help");
    if !first.is_some_and(|first| COMMANDS.contains(&first)) && !asks_for_help {
        if let Some(file) = take(&mut rest, "--data") {
            arguments.extend(["data".into()].into_iter().chain(file));
        } else if let Some(folder) = take(&mut rest, "--profile") {
            arguments.extend(["profile".into()].into_iter().chain(folder));
        } else if let Some(place) = rest.iter().position(|argument| argument == "--search") {
            rest.remove(place);
            arguments.push("search".into());
        } else {
            arguments.push("app".into());
        }
    }
    arguments.extend(rest);
    arguments
}

/// Takes the option `name` and its value out of the arguments; none if it is not there, nothing in it if its value is not.
fn take(arguments: &mut Vec<OsString>, name: &str) -> Option<Option<OsString>> {
    let value_in = |argument: &OsString| {
        let value = argument.to_str()?.strip_prefix(name)?.strip_prefix('=')?;
        Some(OsString::from(value))
    };
    let place = arguments.iter().position(|argument| argument == name || value_in(argument).is_some())?;
    let argument = arguments.remove(place);
    if let Some(value) = value_in(&argument) {
        return Some(Some(value));
    }
    let follows = arguments.get(place).is_some_and(|value| !value.to_string_lossy().starts_with("--"));
    Some(follows.then(|| arguments.remove(place)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(text: &str) -> String {
        let words = with_subcommand(text.split(' ').map(OsString::from));
        words.iter().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn trainings_without_a_command_get_theirs() {
        for (old, new) in [
            ("emeuro train", "emeuro train app"),
            ("emeuro train rope --seed 3", "emeuro train app rope --seed 3"),
            ("emeuro train rope --search --budget 1m", "emeuro train search rope --budget 1m"),
            ("emeuro train --seed 2 --data - --inputs 3", "emeuro train data - --seed 2 --inputs 3"),
            ("emeuro train --data=a.csv --inputs 3", "emeuro train data a.csv --inputs 3"),
            ("emeuro train --json --profile p", "emeuro train profile p --json"),
            ("emeuro train --data --inputs 3", "emeuro train data --inputs 3"),
        ] {
            assert_eq!(spelled(old), new);
        }
    }

    #[test]
    fn everything_else_stays() {
        for text in [
            "emeuro",
            "emeuro build --json",
            "emeuro run x.yaml --data",
            "emeuro train data a.csv --inputs 3",
            "emeuro train --help",
            "emeuro train search rope",
            "emeuro train help data",
        ] {
            assert_eq!(spelled(text), text);
        }
    }
}
