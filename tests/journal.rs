//! The journal keeps its contract: all or nothing, through crashes, for one daemon at a time, whatever lies in the file.

mod power;
mod rich;
mod trail;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use certsteward::domain::event::{Actor, EventKind};
use certsteward::domain::report::Command;
use certsteward::domain::{Duration, Timestamp};
use certsteward::journal::sqlite::Sqlite;
use certsteward::journal::{Change, EventQuery, Journal, JournalError};
use rich::Rich;

fn now() -> Timestamp {
    "2026-11-21T18:00:00Z".parse().unwrap()
}

struct Place {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lib/state.db");
        Self { _folder: folder, path }
    }

    fn open(&self) -> Sqlite {
        let (journal, set_aside) = Sqlite::open(&self.path, now()).unwrap();
        assert_eq!(set_aside, None);
        journal
    }

    /// The files as they are at this moment are what a kill leaves behind; the journal is still open.
    fn as_after_a_kill(&self) -> Self {
        let after = Self::new();
        std::fs::create_dir_all(after.path.parent().unwrap()).unwrap();
        for suffix in ["", "-wal"] {
            let with = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
            std::fs::copy(with(&self.path), with(&after.path)).unwrap();
        }
        after
    }

    /// Does something to the file behind the journal's back.
    fn meddle(&self, statements: &str) {
        rusqlite::Connection::open(&self.path).unwrap().execute_batch(statements).unwrap();
    }
}

fn change(watch: &str) -> Change {
    Change {
        watch: watch.to_owned(),
        record: None,
        events: Vec::new(),
        messages: Vec::new(),
        absorbed: Vec::new(),
    }
}

fn full_change(seed: u64) -> Change {
    let mut rich = Rich::new(seed);
    Change {
        record: Some(rich.record()),
        events: vec![rich.event("sf")],
        messages: vec![("ops".to_owned(), rich.message())],
        ..change("sf")
    }
}

fn all() -> EventQuery {
    EventQuery { limit: 100, ..EventQuery::default() }
}

fn far() -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::days(365 * 200)
}

#[tokio::test]
async fn a_record_with_everything_in_it_comes_back_as_it_was() {
    let journal = Sqlite::in_memory().unwrap();
    for seed in 0..60 {
        let record = Rich::new(seed).record();
        let saved = Change { record: Some(record.clone()), ..change("sf") };
        journal.save(saved).await.unwrap();
        let mut records = journal.records().await.unwrap();
        assert_eq!(records.remove("sf"), Some(record), "seed {seed}");
    }
}

#[tokio::test]
async fn an_empty_record_comes_back_as_it_was() {
    let journal = Sqlite::in_memory().unwrap();
    journal.save(Change { record: Some(Default::default()), ..change("sf") }).await.unwrap();
    assert_eq!(journal.records().await.unwrap()["sf"], Default::default());
}

#[tokio::test]
async fn messages_events_and_commands_come_back_as_they_were() {
    let journal = Sqlite::in_memory().unwrap();
    for seed in 0..30 {
        let mut rich = Rich::new(seed);
        let (message, event) = (rich.message(), rich.event("sf"));
        let messages = vec![("ops".to_owned(), message.clone())];
        journal.save(Change { events: vec![event.clone()], messages, ..change("sf") }).await.unwrap();
        let mut due = journal.due(far(), 10).await.unwrap();
        let outgoing = due.pop().unwrap();
        assert_eq!((*outgoing.message).clone(), message, "seed {seed}");
        journal.delivered(outgoing.id, now()).await.unwrap();
        assert_eq!(journal.events(all()).await.unwrap()[0].1, event, "seed {seed}");
        let given = rich.commands();
        let mut expected = Vec::new();
        for command in given {
            let id = journal.accept(command.clone()).await.unwrap();
            expected.push(Command { id, ..command });
        }
        assert_eq!(journal.commands().await.unwrap(), expected, "seed {seed}");
        let absorbed = expected.iter().map(|command| command.id).collect();
        journal.save(Change { absorbed, ..change("sf") }).await.unwrap();
        assert_eq!(journal.commands().await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_change_that_cannot_be_written_whole_is_not_written_at_all() {
    for table in ["records", "events", "outbox", "commands"] {
        let place = Place::new();
        let journal = place.open();
        let id = journal.accept(Rich::new(1).commands().remove(0)).await.unwrap();
        let timing = if table == "commands" { "UPDATE" } else { "INSERT" };
        place.meddle(&format!(
            "CREATE TRIGGER full BEFORE {timing} ON {table} BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        ));
        let refused = journal.save(Change { absorbed: vec![id], ..full_change(1) }).await.unwrap_err();
        assert!(matches!(refused, JournalError::Store { .. }), "{refused}");
        assert!(journal.records().await.unwrap().is_empty(), "{table}");
        assert!(journal.events(all()).await.unwrap().is_empty(), "{table}");
        assert!(journal.due(far(), 10).await.unwrap().is_empty(), "{table}");
        assert_eq!(journal.commands().await.unwrap().len(), 1, "{table}");
    }
}

#[tokio::test]
async fn what_was_answered_survives_a_process_that_is_killed() {
    let place = Place::new();
    let journal = place.open();
    journal.save(full_change(7)).await.unwrap();
    let id = journal.accept(Rich::new(7).commands().remove(2)).await.unwrap();
    journal.set_paused(Some((now(), Actor::Named("anna".to_owned())))).await.unwrap();
    let after = place.as_after_a_kill();
    let journal = after.open();
    assert_eq!(journal.records().await.unwrap()["sf"], full_change(7).record.unwrap());
    assert_eq!(journal.events(all()).await.unwrap().len(), 1);
    assert_eq!(journal.due(far(), 10).await.unwrap().len(), 1);
    assert_eq!(journal.commands().await.unwrap()[0].id, id);
    assert_eq!(journal.paused().await.unwrap(), Some((now(), Actor::Named("anna".to_owned()))));
}

#[tokio::test]
async fn a_second_daemon_is_refused_and_a_reader_is_not() {
    let place = Place::new();
    let journal = place.open();
    journal.save(full_change(3)).await.unwrap();
    let refused = Sqlite::open(&place.path, now()).err().unwrap();
    assert!(matches!(refused, JournalError::InUse { .. }), "{refused}");
    let reader = Sqlite::open_read_only(&place.path).unwrap();
    assert_eq!(reader.events(all()).await.unwrap().len(), 1);
    assert!(reader.forget("sf").await.is_err());
    drop(journal);
    assert_eq!(place.open().records().await.unwrap().len(), 1);
}

#[tokio::test]
async fn only_its_owner_can_read_it() {
    let place = Place::new();
    std::fs::create_dir_all(place.path.parent().unwrap()).unwrap();
    std::fs::write(&place.path, "").unwrap();
    std::fs::set_permissions(&place.path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let journal = place.open();
    journal.save(full_change(3)).await.unwrap();
    for entry in std::fs::read_dir(place.path.parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_store_is_set_aside_and_a_fresh_one_begun() {
    let place = Place::new();
    std::fs::create_dir_all(place.path.parent().unwrap()).unwrap();
    std::fs::write(&place.path, "this is no database, however long it goes on ".repeat(100)).unwrap();
    let (journal, set_aside) = Sqlite::open(&place.path, now()).unwrap();
    let set_aside = set_aside.unwrap();
    assert_eq!(set_aside.path.file_name().unwrap(), "state.db.corrupt-20261121T180000Z");
    assert!(set_aside.why.contains("not a database"), "{}", set_aside.why);
    assert!(std::fs::read_to_string(set_aside.path).unwrap().starts_with("this is no database"));
    assert!(journal.records().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_store_with_damaged_pages_is_set_aside() {
    let place = Place::new();
    let journal = place.open();
    for seed in 0..20 {
        journal.save(full_change(seed)).await.unwrap();
    }
    drop(journal);
    place.meddle("PRAGMA wal_checkpoint(TRUNCATE)");
    let mut bytes = std::fs::read(&place.path).unwrap();
    bytes[4096..].iter_mut().step_by(7).for_each(|byte| *byte = byte.wrapping_add(97));
    std::fs::write(&place.path, bytes).unwrap();
    let (journal, set_aside) = Sqlite::open(&place.path, now()).unwrap();
    assert!(set_aside.is_some());
    assert!(journal.records().await.unwrap().is_empty());
    journal.save(full_change(1)).await.unwrap();
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_left_alone() {
    let place = Place::new();
    drop(place.open());
    place.meddle("PRAGMA user_version = 99");
    let refused = Sqlite::open(&place.path, now()).err().unwrap();
    assert!(matches!(refused, JournalError::Newer { found: 99, .. }), "{refused}");
    assert!(refused.to_string().contains("use that version"), "{refused}");
    assert!(matches!(Sqlite::open_read_only(&place.path).err().unwrap(), JournalError::Newer { .. }));
}

#[tokio::test]
async fn another_programs_database_is_left_alone() {
    let place = Place::new();
    std::fs::create_dir_all(place.path.parent().unwrap()).unwrap();
    place.meddle("CREATE TABLE songs (title TEXT)");
    let refused = Sqlite::open(&place.path, now()).err().unwrap();
    assert!(refused.to_string().contains("cannot use the store"), "{refused}");
    place.meddle("INSERT INTO songs VALUES ('still here')");
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_kept_apart_from_the_others() {
    let place = Place::new();
    let journal = place.open();
    for watch in ["good", "odd", "torn"] {
        let record = Some(Rich::new(5).record());
        journal.save(Change { record, ..change(watch) }).await.unwrap();
    }
    place.meddle(
        "UPDATE records SET body = json_set(body, '$.in_force.chain.leaf', 'AAAA') WHERE watch = 'odd';
         UPDATE records SET body = substr(body, 1, 100) WHERE watch = 'torn';",
    );
    let records = journal.records().await.unwrap();
    assert_eq!(records.keys().collect::<Vec<_>>(), ["good"]);
    let apart = journal.kept_apart().await.unwrap();
    assert_eq!(apart.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["odd", "torn"]);
    assert!(apart[0].why.starts_with("in_force.chain.leaf: "), "{}", apart[0].why);
    journal.save(Change { record: Some(Default::default()), ..change("odd") }).await.unwrap();
    assert_eq!(journal.records().await.unwrap().len(), 2);
    assert_eq!(journal.kept_apart().await.unwrap().len(), 2);
}

#[tokio::test]
async fn words_of_a_newer_version_stop_only_the_row_they_stand_in() {
    let place = Place::new();
    let journal = place.open();
    journal.save(full_change(1)).await.unwrap();
    journal.save(full_change(2)).await.unwrap();
    for command in Rich::new(1).commands().into_iter().take(2) {
        journal.accept(command).await.unwrap();
    }
    place.meddle(
        "UPDATE outbox SET message = json_set(message, '$.topic', 'weather') WHERE id = 1;
         UPDATE commands SET verb = json_set(verb, '$.verb', 'dance') WHERE id = 1;
         DROP TRIGGER events_are_not_changed;
         UPDATE events SET kind = 'danced' WHERE id = 1;",
    );
    assert_eq!(journal.due(far(), 10).await.unwrap().len(), 1);
    assert_eq!(journal.commands().await.unwrap().len(), 1);
    assert_eq!(journal.events(all()).await.unwrap().len(), 1);
    let apart = journal.kept_apart().await.unwrap();
    assert_eq!(apart.iter().map(|row| row.kind.as_str()).collect::<Vec<_>>(), ["message", "command"]);
    assert!(apart[0].why.contains("\"weather\" is not known to this version"), "{}", apart[0].why);
}

#[tokio::test]
async fn fields_that_an_older_version_did_not_write_are_read_as_absent() {
    let place = Place::new();
    let journal = place.open();
    journal.save(full_change(4)).await.unwrap();
    place.meddle(
        "UPDATE records SET body = json_remove(body, '$.looked', '$.counts', '$.renewal.taken', '$.shown')",
    );
    let record = journal.records().await.unwrap().remove("sf").unwrap();
    assert!(record.looked.is_empty() && record.shown.is_none());
    assert_eq!(record.counts, Default::default());
    assert!(record.renewal.unwrap().taken.is_empty());
}

#[tokio::test]
async fn forgetting_a_watch_leaves_its_history() {
    let journal = Sqlite::in_memory().unwrap();
    journal.save(full_change(1)).await.unwrap();
    journal.forget("sf").await.unwrap();
    assert!(journal.records().await.unwrap().is_empty());
    assert_eq!(journal.events(all()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn events_are_read_newest_first_by_watch_by_time_and_in_pages() {
    let journal = Sqlite::in_memory().unwrap();
    let mut rich = Rich::new(9);
    for (minute, watch) in [(1, "a"), (2, "b"), (3, "a"), (4, "a")] {
        let at = now() + Duration::minutes(minute);
        let event = certsteward::domain::event::Event { at, kind: EventKind::Probed, ..rich.event(watch) };
        journal.save(Change { events: vec![event], ..change(watch) }).await.unwrap();
    }
    let rows = async |query| {
        let events = journal.events(query).await.unwrap();
        events.into_iter().map(|(row, _)| row).collect::<Vec<_>>()
    };
    let of_a = || EventQuery { watch: Some("a".to_owned()), ..all() };
    assert_eq!(rows(all()).await, [4, 3, 2, 1]);
    assert_eq!(rows(EventQuery { limit: 2, ..of_a() }).await, [4, 3]);
    assert_eq!(rows(EventQuery { before: Some(3), ..of_a() }).await, [1]);
    assert_eq!(rows(EventQuery { since: Some(now() + Duration::minutes(3)), ..all() }).await, [4, 3]);
}

#[tokio::test]
async fn the_outbox_tells_what_waits_what_was_delivered_and_when_the_next_is_due() {
    let journal = Sqlite::in_memory().unwrap();
    for minute in 0..3 {
        let mut message = Rich::new(1).message();
        message.at = now() + Duration::minutes(minute);
        let messages = vec![("ops".to_owned(), message.clone()), ("chat".to_owned(), message)];
        journal.save(Change { messages, ..change("sf") }).await.unwrap();
    }
    assert_eq!(journal.due(now() - Duration::minutes(1), 10).await.unwrap(), []);
    let due = journal.due(now() + Duration::minutes(1), 3).await.unwrap();
    assert_eq!(due.iter().map(|outgoing| outgoing.id).collect::<Vec<_>>(), [1, 2, 3]);
    journal.delivered(1, now() + Duration::minutes(5)).await.unwrap();
    journal.postponed(2, now() + Duration::minutes(9), "it was away").await.unwrap();
    let state = journal.outbox().await.unwrap();
    assert_eq!(state.oldest, Some(now()));
    assert_eq!(state.next, Some(now() + Duration::minutes(1)));
    assert_eq!(
        state.last_delivered.into_iter().collect::<Vec<_>>(),
        [("ops".to_owned(), now() + Duration::minutes(5))]
    );
    assert_eq!(
        state.waiting.into_iter().collect::<Vec<_>>(),
        [("chat".to_owned(), 3), ("ops".to_owned(), 2)]
    );
    let tried = journal.due(far(), 10).await.unwrap();
    assert_eq!((tried[0].id, tried[0].tries), (2, 1));
}

#[tokio::test]
async fn a_message_dated_by_a_clock_that_was_ahead_is_due_now() {
    let journal = Sqlite::in_memory().unwrap();
    let mut message = Rich::new(1).message();
    message.at = now() + Duration::days(365);
    journal.save(Change { messages: vec![("ops".to_owned(), message)], ..change("sf") }).await.unwrap();
    assert_eq!(journal.due(now(), 10).await.unwrap().len(), 1);
    journal.postponed(1, now() + Duration::hours(1), "it was away").await.unwrap();
    assert_eq!(journal.due(now(), 10).await.unwrap().len(), 0);
}

#[tokio::test]
async fn old_deliveries_are_forgotten_but_for_the_last_of_each_notifier() {
    let place = Place::new();
    let journal = place.open();
    for seed in 0..4 {
        journal.save(full_change(seed)).await.unwrap();
    }
    for (id, days) in [(1, 50), (2, 40), (3, 35)] {
        journal.delivered(id, now() - Duration::days(days)).await.unwrap();
    }
    drop(journal);
    let journal = place.open();
    let state = journal.outbox().await.unwrap();
    assert_eq!(state.last_delivered["ops"], now() - Duration::days(35));
    assert_eq!(state.waiting["ops"], 1);
    let left: i64 = rusqlite::Connection::open(&place.path)
        .unwrap()
        .query_row("SELECT count(*) FROM outbox", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 2);
}

#[tokio::test]
async fn a_pause_is_kept_until_it_is_ended() {
    let journal = Sqlite::in_memory().unwrap();
    assert_eq!(journal.paused().await.unwrap(), None);
    journal.set_paused(Some((now(), Actor::Daemon))).await.unwrap();
    assert_eq!(journal.paused().await.unwrap(), Some((now(), Actor::Daemon)));
    journal.set_paused(None).await.unwrap();
    assert_eq!(journal.paused().await.unwrap(), None);
}
