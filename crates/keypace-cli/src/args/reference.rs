//! The book's reference, made from the tree of arguments: a page a command, and one for what all of them take. Writes
//! nothing but those pages, and only where a test is told to.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Arg, Command, CommandFactory as _};

use super::Cli;

/// Below docs. Written anew with `KEYPACE_WRITE_DOCS=1`.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference");
/// The page of what every command takes.
const ALL: &str = "keypace";
const NOTE: &str = "This page is made from the program's own flags: a test compares it.";
/// Headings of flags that have none of their own.
const ARGUMENTS: &str = "Arguments";
const FLAGS: &str = "Flags";

/// Name and text of each page.
fn pages() -> Vec<(String, String)> {
    let mut tree = Cli::command();
    tree.build();
    let commands: Vec<Command> = tree
        .get_subcommands()
        .filter(|command| command.get_name() != "help")
        .cloned()
        .collect();
    let mut pages = vec![(ALL.to_owned(), overview(&tree, &commands))];
    for command in &commands {
        let mut text = format!("# keypace {}\n{NOTE}\n\n", command.get_name());
        describe(command, 2, &mut text);
        text += &format!("\nFlags that every command takes are in [{ALL}]({ALL}.md).\n");
        pages.push((command.get_name().to_owned(), text));
    }
    pages
}

fn overview(tree: &Command, commands: &[Command]) -> String {
    let mut text = format!("# keypace: commands, and flags that all of them take\n{NOTE}\n\n");
    text += "| command | what it does |\n|---|---|\n";
    for command in commands {
        let (name, about) = (command.get_name(), about(command));
        let _ = writeln!(text, "| [{name}]({name}.md) | {about} |");
    }
    text += "\nThe flags below stand before or after a command's name.\n";
    arguments(tree, 2, &|argument| argument.is_global_set(), &mut text);
    examples(tree, &mut text);
    text
}

/// What a command does, how it is called, its flags and examples; the same for the commands below it.
fn describe(command: &Command, depth: usize, text: &mut String) {
    let _ = writeln!(text, "{}.\n", about(command));
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim();
    let _ = writeln!(text, "```text\n{}\n```", unindented(usage));
    arguments(command, depth, &|argument| !argument.is_global_set(), text);
    examples(command, text);
    for inner in command.get_subcommands() {
        if inner.get_name() == "help" {
            continue;
        }
        let sharps = "#".repeat(depth);
        let full = format!("{} {}", command.get_name(), inner.get_name());
        let _ = writeln!(text, "\n{sharps} {full}");
        describe(inner, depth + 1, text);
    }
}

fn about(command: &Command) -> String {
    let about = command.get_about().map(ToString::to_string);
    cell(about.unwrap_or_default().trim_end_matches('.'))
}

/// A list for each heading, in the order of the headings' first flags.
fn arguments(command: &Command, depth: usize, takes: &dyn Fn(&Arg) -> bool, text: &mut String) {
    let is_shown = |argument: &&Arg| {
        takes(argument)
            && !argument.is_hide_set()
            && !["help", "version"].contains(&argument.get_id().as_str())
    };
    let shown: Vec<&Arg> = command.get_arguments().filter(is_shown).collect();
    let heading = |argument: &Arg| match argument.get_help_heading() {
        _ if argument.is_positional() => ARGUMENTS.to_owned(),
        Some(heading) => heading.to_owned(),
        None => FLAGS.to_owned(),
    };
    let mut headings: Vec<String> = Vec::new();
    for argument in &shown {
        let own = heading(argument);
        if !headings.contains(&own) {
            headings.push(own);
        }
    }
    for own in headings {
        let _ = writeln!(text, "\n{} {own}", "#".repeat(depth));
        for argument in shown.iter().filter(|argument| heading(argument) == own) {
            item(argument, text);
        }
    }
}

fn item(argument: &Arg, text: &mut String) {
    let help = argument.get_long_help().or_else(|| argument.get_help());
    let help = help.map(ToString::to_string).unwrap_or_default();
    let values = argument.get_possible_values();
    // A switch's values are yes and no, and nobody types them.
    let is_choice = argument.get_action().takes_values() && !argument.is_hide_possible_values_set();
    // A first paragraph is a heading's worth and ends without a full stop.
    let parts: Vec<String> = help
        .split("\n\n")
        .map(|part| cell(part).trim_end_matches('.').to_owned())
        .collect();
    let _ = write!(text, "- `{}`: {}", spelled(argument), parts.join(". "));
    if is_choice && !values.is_empty() {
        let _ = write!(text, ". One of");
        for (place, value) in values.iter().enumerate() {
            let begin = if place == 0 { " " } else { ", " };
            let _ = write!(text, "{begin}`{}`", value.get_name());
            if let Some(help) = value.get_help() {
                let _ = write!(text, " ({})", cell(&help.to_string()));
            }
        }
    }
    let defaults = argument.get_default_values();
    if argument.get_action().takes_values() && !defaults.is_empty() {
        let words: Vec<_> = defaults.iter().map(|word| word.to_string_lossy()).collect();
        let _ = write!(text, ". Default: `{}`", words.join(" "));
    }
    text.push('\n');
}

/// `--type T`, `-0, --null`, `PATTERN...`.
fn spelled(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    let values: Vec<String> = names.iter().map(ToString::to_string).collect();
    let takes_more = argument
        .get_num_args()
        .is_some_and(|range| range.max_values() > 1);
    let mut value = values.join(" ");
    if argument.is_positional() {
        let more = if takes_more { "..." } else { "" };
        return format!("{value}{more}");
    }
    let short = argument.get_short().map(|short| format!("-{short}"));
    let long = argument.get_long().map(|long| format!("--{long}"));
    let flags: Vec<String> = short.into_iter().chain(long).collect();
    if !argument.get_action().takes_values() {
        value.clear();
    }
    format!("{} {value}", flags.join(", "))
        .trim_end()
        .to_owned()
}

fn examples(command: &Command, text: &mut String) {
    if let Some(examples) = command.get_after_long_help() {
        let examples = examples.to_string();
        let _ = writeln!(text, "\n```text\n{}\n```", examples.trim_end());
    }
}

/// One line, in which nothing is Markdown.
fn cell(help: &str) -> String {
    let words: Vec<&str> = help.split_whitespace().collect();
    let mut text = String::new();
    // What stands between backticks is code, where a backslash would be seen.
    for (place, part) in words.join(" ").split('`').enumerate() {
        if place > 0 {
            text.push('`');
        }
        if place % 2 == 1 {
            text.push_str(part);
        } else {
            for sign in part.chars() {
                if "|<>*_[]".contains(sign) {
                    text.push('\\');
                }
                text.push(sign);
            }
        }
    }
    text
}

fn unindented(usage: &str) -> String {
    let lines: Vec<&str> = usage.lines().map(str::trim).collect();
    lines.join("\n")
}

fn path(name: &str) -> PathBuf {
    Path::new(FOLDER).join(format!("{name}.md"))
}

#[test]
fn the_reference_is_that_of_the_flags() {
    let pages = pages();
    if std::env::var_os("KEYPACE_WRITE_DOCS").is_some() {
        fs::create_dir_all(FOLDER).expect("the folder can be made");
        for (name, text) in &pages {
            fs::write(path(name), text).expect("the page can be written");
        }
    }
    for (name, text) in &pages {
        let kept = fs::read_to_string(path(name)).unwrap_or_default();
        assert!(
            kept == *text,
            "docs/reference/{name}.md is old: run this test with KEYPACE_WRITE_DOCS=1"
        );
    }
    for entry in fs::read_dir(FOLDER).expect("the pages") {
        let file = entry.expect("an entry").path();
        let is_ours = pages.iter().any(|(name, _)| path(name) == file);
        assert!(is_ours, "{} is of no command", file.display());
    }
}

#[test]
fn every_flag_of_every_command_is_in_the_reference() {
    let text: String = pages().into_iter().map(|(_, text)| text).collect();
    let mut tree = Cli::command();
    tree.build();
    let mut flags = 0;
    let mut commands: Vec<&Command> = vec![&tree];
    while let Some(command) = commands.pop() {
        commands.extend(
            command
                .get_subcommands()
                .filter(|inner| inner.get_name() != "help"),
        );
        for argument in command
            .get_arguments()
            .filter(|argument| !argument.is_hide_set())
        {
            if let Some(long) = argument
                .get_long()
                .filter(|long| !["help", "version"].contains(long))
            {
                let is_there =
                    text.contains(&format!("--{long} ")) || text.contains(&format!("--{long}`"));
                assert!(is_there, "{} --{long}", command.get_name());
                flags += 1;
            }
        }
    }
    assert!(flags > 100, "too few are found: {flags}");
}
