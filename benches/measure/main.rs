//! Measures the program beside its peers in one run, and prints a table: `cargo bench`, or `cargo bench -- files 10000`.
//! Nothing is asserted: a machine is never as quiet as the one before. docs/performance.md says what was measured last.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a benchmark may fail by panicking, speaks to whoever runs it, and measures real time"
)]

mod files;
mod parsing;
mod probing;
mod process;

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let count = asked.get(1).and_then(|word| word.parse().ok()).unwrap_or(10_000);
    let wants = |what: &str| asked.first().is_none_or(|word| word == what);
    println!("| what | here | goal or peer |\n|---|---|---|");
    if wants("parsing") {
        parsing::measure();
    }
    if wants("idle") {
        files::idle();
    }
    if wants("files") {
        files::measure(count);
    }
    if wants("probes") {
        probing::measure();
    }
}

/// One line of the table.
fn row(what: &str, here: &str, beside: &str) {
    println!("| {what} | {here} | {beside} |");
}
