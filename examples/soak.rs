//! Lives many simulated lives and judges each: `soak [--years N | --minutes M] [--seed S] [--threads 2] [--lives N]`.
//! It proves nothing about real systems; those have tests of their own.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a simulation may fail by panicking, speaks to whoever runs it, and measures real time"
)]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

#[path = "../tests/sim/mod.rs"]
#[allow(dead_code, reason = "the tests use other parts of it")]
mod sim;

/// How many broken lives are shown in full.
const SHOWN: usize = 3;

#[derive(Default)]
struct Total {
    lives: u64,
    days: i64,
    counts: BTreeMap<String, u64>,
    broken: Vec<String>,
}

struct Limits {
    years: Option<i64>,
    minutes: Option<u64>,
    lives: Option<u64>,
}

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1)?.parse::<u64>().ok()
    };
    let years = number("--years").and_then(|years| i64::try_from(years).ok());
    let limits = Limits { years, minutes: number("--minutes"), lives: number("--lives") };
    let endless = limits.years.is_none() && limits.minutes.is_none() && limits.lives.is_none();
    let limits = Limits { years: if endless { Some(500) } else { limits.years }, ..limits };
    let (total, next) = (Mutex::new(Total::default()), AtomicU64::new(number("--seed").unwrap_or(1)));
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..number("--threads").unwrap_or(2) {
            scope.spawn(|| work(&limits, &total, &next, began));
        }
    });
    let total = total.into_inner().unwrap();
    print(&total, began.elapsed());
    std::process::ExitCode::from(u8::from(!total.broken.is_empty()))
}

fn work(limits: &Limits, total: &Mutex<Total>, next: &AtomicU64, began: Instant) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let minutes = limits.minutes.map(|minutes| Duration::from_secs(minutes * 60));
    loop {
        {
            let total = total.lock().unwrap();
            let over = limits.years.is_some_and(|years| total.days >= years * 365)
                || limits.lives.is_some_and(|lives| total.lives >= lives)
                || minutes.is_some_and(|minutes| began.elapsed() >= minutes);
            if over {
                return;
            }
        }
        let seed = next.fetch_add(1, Ordering::SeqCst);
        let lived = std::panic::catch_unwind(|| runtime.block_on(sim::live(seed)));
        let total = &mut *total.lock().unwrap();
        total.lives += 1;
        let Ok(outcome) = lived else {
            total.broken.push(format!("seed {seed}: it panicked; see above"));
            continue;
        };
        total.days += outcome.days;
        for (what, count) in outcome.counts {
            *total.counts.entry(what).or_default() += count;
        }
        if let Some((what, text)) = outcome.broken {
            if total.broken.len() < SHOWN {
                println!("{text}\n");
            } else {
                println!("seed {}: {what}", outcome.seed);
            }
            total.broken.push(format!("seed {}: {what}", outcome.seed));
        }
    }
}

fn print(total: &Total, took: Duration) {
    let years = total.days / 365;
    let seconds = took.as_secs().max(1);
    println!("{years} watch-years in {} lives, {seconds} s", total.lives);
    let of = |prefix: &str| {
        let mine = total.counts.iter().filter(|(what, _)| what.starts_with(prefix));
        let lines: Vec<String> =
            mine.map(|(what, count)| format!("{} {count}", what.trim_start_matches(prefix))).collect();
        lines.join(", ")
    };
    println!("faults: {}", of("fault "));
    println!("acts: {}", of("act "));
    println!("history: {}", of("event "));
    println!("hand-offs: {}", of("hand-off served "));
    let rest = ["probes", "commands", "starts", "gaps begun by an act", "expiries in use"];
    let rest: Vec<String> =
        rest.iter().map(|what| format!("{what} {}", total.counts.get(*what).copied().unwrap_or(0))).collect();
    println!("{}", rest.join(", "));
    println!("broken: {}", total.broken.len());
    for what in &total.broken {
        println!("  {what}");
    }
}
