//! `certsteward history verify`: whether every event is as it was written, and follows from the one before it.
//! It mends nothing: a history that was changed stays as it is, for whoever looks into it.

use std::path::PathBuf;

use serde_json::Value;

use super::super::Common;
use super::super::daemon::{AskDaemon, Daemon, segment};
use super::super::exit::{Exit, Failed};
use super::super::output::{Output, Tone};
use super::super::picture::{list_of, text};
use super::{must_be_known, stored};
use crate::app;

/// Prove that nobody changed the history
///
/// Each event has a hash over itself and the event before it, so that a changed, moved or removed one shows. Who can write the
/// store can write all of it anew: keep the newest hashes elsewhere, and give them back with --head or --heads.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  certsteward history verify\n  certsteward history verify > heads.txt        keep this on another machine\n  certsteward history verify --heads heads.txt\n\nExit codes: 0 proven   1 broken, or it could not be read   64 usage"
)]
pub(super) struct Arguments {
    /// The watch's id; without it: everything
    watch: Option<String>,
    /// A hash that was printed earlier: is it still part of the chain?
    #[arg(long = "head", value_name = "HASH", value_parser = head)]
    heads: Vec<String>,
    /// A file with such hashes: what this verb printed earlier, as text or as JSON
    #[arg(long = "heads", value_name = "FILE")]
    file: Option<PathBuf>,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

/// How many hashes are asked about at once: they stand in the address.
const AT_ONCE: usize = 500;

impl Arguments {
    pub(super) async fn perform(&self, common: &Common, output: &mut Output) -> Result<Exit, Failed> {
        let heads = self.all_heads()?;
        let watch = self.watch.as_deref().map(|watch| segment("watch", watch)).transpose()?;
        let proof = match ask(&Daemon::reach(common)?, watch, &heads).await {
            Ok(proof) => proof,
            Err(error) if error.is_not_running() => {
                let config = stored(common, &error)?;
                let proof = app::verified_store(&config, watch, heads).await;
                proof.map_err(|error| Failed::because(&error))?
            }
            Err(error) => return Err(error.into()),
        };
        if let (true, Some(watch)) = (list_of(&proof, "chains").is_empty() && is_proven(&proof), watch) {
            must_be_known(watch, common).await?;
        }
        if self.json {
            output.json(&proof);
        } else {
            show(&proof, watch, output);
        }
        Ok(if is_proven(&proof) { Exit::Done } else { Exit::CouldNot })
    }

    fn all_heads(&self) -> Result<Vec<String>, Failed> {
        let mut heads = self.heads.clone();
        if let Some(file) = &self.file {
            let shown = file.display();
            let text = std::fs::read_to_string(file)
                .map_err(|error| Failed::could_not(format!("cannot read {shown}: {error}")))?;
            let before = heads.len();
            heads.extend(text.split(|c: char| !c.is_ascii_alphanumeric()).filter_map(|word| head(word).ok()));
            if heads.len() == before {
                return Err(Failed::usage(format!(
                    "there is no hash in {shown}; give a file that certsteward history verify printed"
                )));
            }
        }
        heads.sort_unstable();
        heads.dedup();
        Ok(heads)
    }
}

/// A hash as this verb prints it.
fn head(text: &str) -> Result<String, String> {
    let is_hash = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash { Ok(text.to_ascii_lowercase()) } else { Err("a hash has 64 hexadecimal digits".to_owned()) }
}

async fn ask(daemon: &Daemon, watch: Option<&str>, heads: &[String]) -> Result<Value, AskDaemon> {
    let watch = watch.map(|watch| format!("&watch={watch}")).unwrap_or_default();
    let path = |heads: &[String]| format!("/api/v1/events/verify?heads={}{watch}", heads.join(","));
    let mut parts = heads.chunks(AT_ONCE);
    let mut proof = daemon.get(&path(parts.next().unwrap_or_default())).await?;
    for part in parts {
        let more = daemon.get(&path(part)).await?;
        merge(&mut proof, &more);
    }
    Ok(proof)
}

/// Adds what another part of the kept hashes showed: which were found, and which were not.
fn merge(proof: &mut Value, more: &Value) {
    let lost = list_of(more, "breaks").iter().filter(|found| found.get("row").is_none_or(Value::is_null));
    let lost: Vec<Value> = lost.cloned().collect();
    let broken = count(proof) + u64::try_from(lost.len()).unwrap_or(u64::MAX);
    let proven = is_proven(proof) && is_proven(more);
    let Some(proof) = proof.as_object_mut() else { return };
    for (key, items) in [("found", list_of(more, "found")), ("breaks", &lost)] {
        if let Some(list) = proof.get_mut(key).and_then(Value::as_array_mut) {
            list.extend(items.iter().cloned());
        }
    }
    proof.insert("broken".to_owned(), broken.into());
    proof.insert("proven".to_owned(), proven.into());
}

/// How many breaks there are.
fn count(proof: &Value) -> u64 {
    proof.get("broken").and_then(Value::as_u64).unwrap_or_default()
}

fn is_proven(proof: &Value) -> bool {
    proof.get("proven").and_then(Value::as_bool).unwrap_or(false)
}

fn show(proof: &Value, watch: Option<&str>, output: &mut Output) {
    for chain in list_of(proof, "chains") {
        show_chain(chain, output);
    }
    for found in list_of(proof, "found") {
        let hash: String = text(found, "head").chars().take(12).collect();
        output.line(format_args!("the kept hash {hash}… is still there: row {}", found["row"]));
    }
    let breaks = list_of(proof, "breaks");
    for found in breaks {
        let whose = match text(found, "watch") {
            "" => String::new(),
            watch => format!("{watch}: "),
        };
        let broken = output.tone(Tone::Bad, "broken");
        output.line(format_args!("{broken}: {whose}{}", text(found, "text")));
    }
    let more = count(proof).saturating_sub(u64::try_from(breaks.len()).unwrap_or(u64::MAX));
    if more > 0 {
        output.line(format_args!("and {more} more"));
    }
    match breaks.first() {
        Some(first) => {
            output.line(format_args!("this is not the history that was written; {}", text(first, "way_out")))
        }
        None if list_of(proof, "chains").is_empty() => {
            output.line(format_args!(
                "nothing happened yet{}",
                watch.map(|id| format!(" to {id}")).unwrap_or_default()
            ));
        }
        None => {
            let proven = output.tone(Tone::Good, "proven");
            output.line(format_args!(
                "{proven}: every event is as its hash says and follows from the one before it; keep the newest hashes elsewhere, and give them back with --heads"
            ));
        }
    }
}

fn show_chain(chain: &Value, output: &mut Output) {
    let whose = match text(chain, "watch") {
        "" => "certsteward itself",
        watch => watch,
    };
    let events = if chain["rows"].as_u64() == Some(1) {
        format!("1 event, row {}", chain["first"])
    } else {
        format!("{} events, rows {} to {}", chain["rows"], chain["first"], chain["last"])
    };
    output.line(format_args!("{whose}: {events}, newest hash {}", text(chain, "head")));
    if let Some(row) = chain["chained_afterwards"].as_i64() {
        output.line(format_args!(
            "    chained from row {row} on; the rows before it got their hashes only then, so nothing proves what became of them before"
        ));
    }
}
