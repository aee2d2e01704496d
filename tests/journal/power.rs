//! The power fails: whatever of the last write has reached the disk, the store opens and holds a beginning of what was saved,
//! with everything in it that was answered with success.
//!
//! What a disk may keep of a write that was not confirmed is anything; so the log is cut at any byte, its end is spoilt, and
//! the pages of a checkpoint are kept or lost one by one. The fsync itself is SQLite's, asked for by `synchronous = FULL`.

use std::path::{Path, PathBuf};

use certsteward::domain::Duration;
use certsteward::journal::sqlite::Sqlite;
use certsteward::journal::{Change, Journal as _};

use super::{Place, all, change, full_change, now};

fn log(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}-wal", path.display()))
}

/// A store with this file and this log, as they are found after the power is back.
fn found(file: &[u8], log_bytes: &[u8]) -> Place {
    let place = Place::new();
    std::fs::create_dir_all(place.path.parent().unwrap()).unwrap();
    std::fs::write(&place.path, file).unwrap();
    std::fs::write(log(&place.path), log_bytes).unwrap();
    place
}

/// How many saves it holds, which must be the first ones and each of them whole.
async fn held(place: &Place) -> usize {
    let (journal, aside) = Sqlite::open(&place.path, now()).unwrap();
    assert_eq!(aside, None);
    let saved = journal.events(all()).await.unwrap().len();
    let records = journal.records().await.unwrap();
    let last = saved.checked_sub(1).and_then(|last| full_change(last.try_into().unwrap()).record);
    assert_eq!(records.get("sf"), last.as_ref(), "after {saved} saves");
    let due = journal.due(now() + Duration::days(365 * 200), 1000).await.unwrap();
    assert_eq!(due.len(), saved, "messages are saved with the record and the events");
    saved
}

/// Saves, and the file, the log and the log's length after each of them.
async fn saved(place: &Place, saves: u64) -> (Vec<u8>, Vec<u8>, Vec<usize>) {
    let journal = place.open();
    let mut lengths = Vec::new();
    for seed in 0..saves {
        journal.save(full_change(seed)).await.unwrap();
        lengths.push(usize::try_from(std::fs::metadata(log(&place.path)).unwrap().len()).unwrap());
    }
    let state = (std::fs::read(&place.path).unwrap(), std::fs::read(log(&place.path)).unwrap());
    (state.0, state.1, lengths)
}

#[tokio::test]
async fn a_log_that_is_cut_anywhere_holds_every_save_that_was_answered_before() {
    let place = Place::new();
    let (file, bytes, lengths) = saved(&place, 12).await;
    for (answered, length) in lengths.iter().enumerate() {
        assert_eq!(held(&found(&file, &bytes[..*length])).await, answered + 1);
    }
    let first = lengths[0];
    for step in 0..60 {
        let cut = first + (bytes.len() - first) * step / 60;
        let answered = lengths.iter().filter(|length| **length <= cut).count();
        assert_eq!(held(&found(&file, &bytes[..cut])).await, answered, "cut at {cut}");
        // The rest was written in another order, or only in part.
        let mut torn = bytes.clone();
        torn[cut..].iter_mut().step_by(3).for_each(|byte| *byte = !*byte);
        assert_eq!(held(&found(&file, &torn)).await, answered, "torn at {cut}");
    }
}

#[tokio::test]
async fn a_checkpoint_that_was_cut_anywhere_loses_nothing() {
    const PAGE: usize = 4096;
    let place = Place::new();
    let (before, bytes, lengths) = saved(&place, 12).await;
    place.meddle("PRAGMA wal_checkpoint(TRUNCATE)");
    let after = std::fs::read(&place.path).unwrap();
    for keep in 0..40_usize {
        let mut mixed = before.clone();
        mixed.resize(after.len(), 0);
        for (page, content) in after.chunks(PAGE).enumerate() {
            if (page * 7 + keep * 13) % 5 < 2 {
                mixed[page * PAGE..page * PAGE + content.len()].copy_from_slice(content);
            }
        }
        assert_eq!(held(&found(&mixed, &bytes)).await, lengths.len(), "{keep}");
    }
}

#[tokio::test]
async fn a_power_cut_while_a_command_is_absorbed_leaves_it_waiting_or_absorbed_and_never_gone() {
    let place = Place::new();
    let journal = place.open();
    let id = journal.accept(super::rich::Rich::new(3).commands().remove(0)).await.unwrap();
    let start = std::fs::read(log(&place.path)).unwrap().len();
    journal.save(Change { absorbed: vec![id], ..full_change(0) }).await.unwrap();
    let (file, bytes) = (std::fs::read(&place.path).unwrap(), std::fs::read(log(&place.path)).unwrap());
    for cut in (start..=bytes.len()).step_by(997).chain([bytes.len()]) {
        let place = found(&file, &bytes[..cut]);
        let journal = place.open();
        let saved = journal.records().await.unwrap().contains_key("sf");
        let waits = journal.commands().await.unwrap().len();
        assert_eq!(waits, usize::from(!saved), "cut at {cut}");
        journal.save(change("sf")).await.unwrap();
    }
}
