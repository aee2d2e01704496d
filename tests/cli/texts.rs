//! The help, the manual and docs/cli.md say the same, and their examples are true.
//! Nothing is run here but the parser of arguments.

use certsteward::cli;

const DOCS: &str = include_str!("../../docs/cli.md");

fn verbs() -> Vec<String> {
    cli::command().get_subcommands().map(|verb| verb.get_name().to_owned()).collect()
}

#[test]
fn the_page_has_every_verb_and_no_other() {
    let headings = DOCS.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'));
    let mut described: Vec<&str> = headings.collect();
    let mut verbs = verbs();
    described.sort_unstable();
    verbs.sort_unstable();
    assert_eq!(described, verbs);
}

#[test]
fn each_verb_of_the_page_has_an_example_of_itself() {
    for section in DOCS.split("### `").skip(1) {
        let (verb, text) = section.split_once('`').unwrap();
        let shown = examples(text).iter().any(|words| words.contains(&verb.to_owned()));
        assert!(shown, "{verb} has no example");
    }
}

#[test]
fn every_example_of_the_page_can_be_typed() {
    let examples = examples(DOCS);
    assert!(examples.len() > 40, "only {} examples were found", examples.len());
    examples.iter().for_each(|words| parses(words));
}

#[test]
fn every_example_of_the_help_can_be_typed() {
    let mut count = 0;
    let mut waiting = vec![cli::command()];
    while let Some(command) = waiting.pop() {
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        for words in examples(&after) {
            parses(&words);
            count += 1;
        }
        waiting.extend(command.get_subcommands().cloned());
    }
    assert!(count > 40, "only {count} examples were found");
}

#[test]
fn every_verb_says_what_it_does_and_shows_an_example() {
    for verb in cli::command().get_subcommands() {
        assert!(verb.get_about().is_some(), "{}", verb.get_name());
        let below = verb.get_subcommands().any(|act| act.get_after_help().is_some());
        assert!(below || verb.get_after_help().is_some(), "{} has no example", verb.get_name());
    }
}

#[test]
fn what_changes_something_takes_a_comment_and_a_ticket() {
    let changing = [
        "renew", "approve", "reject", "cancel", "retry", "rollback", "retire", "confirm", "pause", "resume",
        "silence",
    ];
    for verb in cli::command().get_subcommands() {
        let takes = |name: &str| verb.get_arguments().any(|argument| argument.get_long() == Some(name));
        let changes = changing.contains(&verb.get_name());
        assert_eq!((takes("comment"), takes("ticket")), (changes, changes), "{}", verb.get_name());
    }
}

#[test]
fn the_manual_has_a_page_for_each_verb() {
    let folder = tempfile::tempdir().unwrap();
    let ran = super::certsteward(folder.path(), &["man", "--dir", "man1"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    for verb in verbs() {
        let page = std::fs::read_to_string(folder.path().join(format!("man1/certsteward-{verb}.1"))).unwrap();
        assert!(page.contains(".SH SYNOPSIS"), "{verb}");
    }
    assert!(folder.path().join("man1/certsteward.1").exists());
}

#[test]
fn each_shell_gets_a_script() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = super::certsteward(std::path::Path::new("."), &["completions", shell]);
        assert_eq!(ran.code, 0, "{shell}");
        assert!(ran.out.contains("rollback"), "{shell}");
    }
}

/// The commands that begin with `certsteward`, as words, up to a pipe, a redirection or a remark.
fn examples(text: &str) -> Vec<Vec<String>> {
    let commands = text.lines().filter_map(|line| {
        let line = line.trim();
        let at = if line.starts_with("certsteward ") { 0 } else { line.find("| certsteward ")? + 2 };
        Some(&line[at..])
    });
    commands.map(words).collect()
}

fn words(line: &str) -> Vec<String> {
    let (mut words, mut quote) = (vec![String::new()], None);
    let line = line.split("   ").next().unwrap();
    for c in line.chars() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '|' | '>') => break,
            (None, ' ') => words.push(String::new()),
            (_, _) => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[track_caller]
fn parses(words: &[String]) {
    if let Err(error) = cli::command().try_get_matches_from(words) {
        panic!("{}: {error}", words.join(" "));
    }
}
