//! The history is a chain: what was changed, moved or taken out shows, and an outsider can compute why.

use certsteward::domain::certificate::Fingerprint;
use certsteward::domain::event::{Event, EventKind};
use certsteward::domain::trail::{Proof, Row};
use certsteward::journal::sqlite::Sqlite;
use certsteward::journal::{Change, EventQuery, Journal};
use certsteward::surfaces::history_row;
use serde_json::Value;

use super::rich::Rich;
use super::{Place, change, full_change, now};

/// Six events: 1, 3 and 5 of `a`, 2 and 4 of `b`, 6 of the daemon.
async fn written() -> (Place, Sqlite) {
    let place = Place::new();
    let journal = place.open();
    let mut rich = Rich::new(11);
    for watch in ["a", "b", "a", "b", "a", ""] {
        journal.save(Change { events: vec![rich.event(watch)], ..change(watch) }).await.unwrap();
    }
    (place, journal)
}

async fn rows(journal: &Sqlite) -> Vec<Row> {
    let query = EventQuery { limit: usize::MAX, ..EventQuery::default() };
    let mut rows = journal.rows(query).await.unwrap();
    rows.reverse();
    rows
}

async fn checked(journal: &Sqlite) -> Proof {
    journal.verify(None, Vec::new()).await.unwrap()
}

fn told(proof: &Proof) -> Vec<String> {
    let of = |watch: &str| if watch.is_empty() { String::new() } else { format!("{watch}: ") };
    proof.breaks.iter().map(|found| format!("{}{}", of(&found.watch), found.text)).collect()
}

/// Does something to the events that the store itself refuses.
fn tamper(place: &Place, statements: &str) {
    place.meddle(&format!(
        "DROP TRIGGER events_are_not_changed; DROP TRIGGER events_are_not_removed;
         DROP TRIGGER events_are_added_at_the_end; {statements}"
    ));
}

/// What the documentation tells an outsider to do with an exported event, written without the product's own code.
fn outsiders_hash(event: &Value) -> String {
    fn sorted(value: &Value) -> String {
        match value {
            Value::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                members.sort_unstable_by_key(|(name, _)| name.as_str());
                let members = members
                    .iter()
                    .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), sorted(value)));
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }
            other
            @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                other.to_string()
            }
        }
    }
    let mut event = event.clone();
    event.as_object_mut().unwrap().shift_remove("hash");
    Fingerprint::of(sorted(&event).as_bytes()).hex()
}

#[tokio::test]
async fn an_outsider_can_compute_the_chain_from_the_exported_events_alone() {
    let journal = Sqlite::in_memory().unwrap();
    for seed in 0..40 {
        let mut rich = Rich::new(seed);
        let mut event = rich.event(["a", "b", ""][usize::try_from(seed % 3).unwrap()]);
        event.text = format!("{} \"quoted\" \\ \u{1} \u{7f} \u{2028} é 🔑\n", event.text);
        event.facts.extend([("z", "1"), ("a", "2"), ("z", "3")].map(|(a, b)| (a.to_owned(), b.to_owned())));
        journal.save(Change { events: vec![event], ..change("a") }).await.unwrap();
    }
    let mut heads = std::collections::BTreeMap::new();
    for row in rows(&journal).await {
        let exported = history_row(&row);
        assert_eq!(exported["hash"], outsiders_hash(&exported), "{exported:#}");
        assert_eq!(exported["previous"], *heads.get(&row.watch).unwrap_or(&String::new()), "{exported:#}");
        heads.insert(row.watch, row.hash);
    }
    assert!(checked(&journal).await.holds());
}

#[tokio::test]
async fn a_chain_that_nobody_touched_is_proven_with_its_heads() {
    let (_place, journal) = written().await;
    let proof = checked(&journal).await;
    assert_eq!(told(&proof), Vec::<String>::new());
    let chains = proof.chains.iter().map(|chain| (chain.watch.as_str(), chain.rows, chain.first, chain.last));
    assert_eq!(chains.collect::<Vec<_>>(), [("", 1, 6, 6), ("a", 3, 1, 5), ("b", 2, 2, 4)]);
    let last = rows(&journal).await.pop().unwrap();
    assert_eq!((&proof.chains[0].head, &proof.chains[0].last_at), (&last.hash, &last.at));
    let of_b = journal.verify(Some("b".to_owned()), Vec::new()).await.unwrap();
    assert!(of_b.holds() && of_b.chains.len() == 1, "rows of others between its own are no gap");
}

#[tokio::test]
async fn the_store_itself_refuses_to_change_or_remove_an_event() {
    let (place, journal) = written().await;
    let connection = rusqlite::Connection::open(&place.path).unwrap();
    for statement in [
        "UPDATE events SET text = 'x' WHERE id = 3",
        "DELETE FROM events WHERE id = 3",
        "INSERT OR REPLACE INTO events SELECT id, watch, at, actor, kind, 'x', facts, previous, hash FROM events WHERE id = 3",
        "INSERT INTO events (watch, at, kind, text, facts) VALUES ('a', '', '', '', '[]')",
    ] {
        let refused = connection.execute_batch(statement).unwrap_err().to_string();
        assert!(refused.contains("events are"), "{statement}: {refused}");
    }
    assert!(checked(&journal).await.holds());
}

#[tokio::test]
async fn each_way_of_tampering_is_told_with_its_row() {
    let cases: [(&str, &[&str]); 9] = [
        (
            "UPDATE events SET text = 'it never happened' WHERE id = 3",
            &["a: row 3 was changed: what stands in it does not give its hash"],
        ),
        (
            "UPDATE events SET actor = 'somebody else' WHERE id = 4",
            &["b: row 4 was changed: what stands in it does not give its hash"],
        ),
        (
            "UPDATE events SET facts = 'no list' WHERE id = 6",
            &["row 6 was changed: what stands in it does not give its hash"],
        ),
        (
            "UPDATE events SET hash = upper(hash) WHERE id = 5",
            &["a: row 5 was changed: what stands in it does not give its hash"],
        ),
        (
            "DELETE FROM events WHERE id = 3",
            &[
                "row 3 is missing",
                "a: row 5 does not follow row 1: a row between them is missing, or one of them was changed or moved",
            ],
        ),
        (
            "DELETE FROM events WHERE id = 1",
            &[
                "row 1 is missing",
                "a: row 3 is the first there is, but was not the first: rows before it are missing",
            ],
        ),
        ("DELETE FROM events WHERE id >= 5", &["the rows 5 to 6 are missing"]),
        ("DELETE FROM events WHERE watch = 'b'", &["row 2 is missing", "row 4 is missing"]),
        (
            "UPDATE events SET id = 100 WHERE id = 3; UPDATE events SET id = 3 WHERE id = 5; UPDATE events SET id = 5 WHERE id = 100",
            &[
                "a: row 3 was changed: what stands in it does not give its hash",
                "a: row 3 does not follow row 1: a row between them is missing, or one of them was changed or moved",
                "a: row 5 was changed: what stands in it does not give its hash",
                "a: row 5 does not follow row 3: a row between them is missing, or one of them was changed or moved",
            ],
        ),
    ];
    for (statements, expected) in cases {
        let (place, journal) = written().await;
        tamper(&place, statements);
        let proof = checked(&journal).await;
        assert_eq!(told(&proof), expected, "{statements}");
        assert!(!proof.holds());
    }
}

#[tokio::test]
async fn what_is_written_anew_from_some_row_on_is_shown_by_a_kept_hash_alone() {
    let (place, journal) = written().await;
    let kept: Vec<String> = checked(&journal).await.chains.into_iter().map(|chain| chain.head).collect();
    let proof = journal.verify(None, kept.clone()).await.unwrap();
    assert_eq!((proof.holds(), proof.found.len()), (true, 3));
    // Whoever can write the file cuts the end, hides that numbers were given, and lets other things have happened.
    tamper(
        &place,
        "DELETE FROM events WHERE id >= 5; UPDATE sqlite_sequence SET seq = 4 WHERE name = 'events'",
    );
    let mut rich = Rich::new(5);
    for watch in ["a", ""] {
        journal.save(Change { events: vec![rich.event(watch)], ..change(watch) }).await.unwrap();
    }
    assert!(checked(&journal).await.holds(), "the chain alone cannot show it");
    let proof = journal.verify(None, kept.clone()).await.unwrap();
    assert_eq!((proof.broken, proof.found.len()), (2, 1));
    let text = &proof.breaks[0].text;
    assert!(
        text.contains(&format!(
            "the kept hash {}",
            &kept.iter().filter(|head| proof.found[0].0 != **head).min().unwrap()[..12]
        )),
        "{text}"
    );
}

#[tokio::test]
async fn a_store_of_the_old_schema_is_chained_and_says_since_when() {
    let place = Place::new();
    std::fs::create_dir_all(place.path.parent().unwrap()).unwrap();
    place.meddle(include_str!("old_schema.sql"));
    let journal = place.open();
    let rows = rows(&journal).await;
    let told = rows.iter().map(|row| format!("{} {}", row.watch, row.kind)).collect::<Vec<_>>();
    assert_eq!(told, [" started", "sf watched", "sf approved", " chained", "sf chained"]);
    assert_eq!(
        rows[4].text,
        "the history is chained from here on; the 2 events before got their hashes only now, so nothing proves what became of them until now"
    );
    assert!(rows[3].text.ends_with(
        "; the event before got its hash only now, so nothing proves what became of it until now"
    ));
    assert_eq!(rows[1].at, "2026-11-01T08:00:01.250Z");
    let proof = checked(&journal).await;
    assert!(proof.holds(), "{proof:?}");
    assert_eq!(
        proof.chains.iter().map(|chain| chain.chained_afterwards).collect::<Vec<_>>(),
        [Some(4), Some(5)]
    );
    drop(journal);
    let journal = place.open();
    journal.save(full_change(3)).await.unwrap();
    assert!(checked(&journal).await.holds());
    assert_eq!(
        journal.rows(EventQuery { limit: 100, ..EventQuery::default() }).await.unwrap().len(),
        6,
        "marked once"
    );
}

#[tokio::test]
async fn the_chain_holds_after_any_sequence_of_saves_that_succeed_fail_or_are_cut_off_by_a_kill() {
    for seed in 0..6_u64 {
        let mut place = Place::new();
        let mut journal = place.open();
        let (mut kept, mut saved) = (Vec::new(), 0);
        for step in 0..30_u64 {
            let mut rich = Rich::new(seed * 1000 + step);
            let watch = ["a", "b", "", "c"][usize::try_from((seed * 7 + step * step) % 4).unwrap()];
            let events: Vec<Event> = (0..(seed + step) % 4).map(|_| rich.event(watch)).collect();
            let count = events.len();
            let record = Some(rich.record());
            match (seed + step * 3) % 7 {
                // The record is written first, so that its last statement fails after the events are there.
                0 => {
                    place.meddle(
                        "CREATE TRIGGER full BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'full'); END",
                    );
                    let messages = vec![("ops".to_owned(), rich.message())];
                    assert!(
                        journal.save(Change { record, events, messages, ..change(watch) }).await.is_err()
                    );
                    place.meddle("DROP TRIGGER full");
                }
                1 => {
                    place = place.as_after_a_kill();
                    journal = place.open();
                }
                2 => journal.forget(watch).await.unwrap(),
                _ => {
                    journal.save(Change { record, events, ..change(watch) }).await.unwrap();
                    saved += count;
                }
            }
            let proof = journal.verify(None, kept.clone()).await.unwrap();
            assert!(proof.holds(), "seed {seed}, step {step}: {proof:?}");
            kept.extend(proof.chains.into_iter().map(|chain| chain.head));
            kept.sort_unstable();
            kept.dedup();
        }
        assert_eq!(rows(&journal).await.len(), saved, "seed {seed}");
    }
}

#[tokio::test]
async fn an_event_that_only_a_newer_version_knows_is_exported_and_part_of_the_chain() {
    let (place, journal) = written().await;
    tamper(&place, "UPDATE events SET kind = 'danced' WHERE id = 6");
    assert_eq!(rows(&journal).await.last().unwrap().kind, "danced");
    assert_eq!(journal.events(super::all()).await.unwrap().len(), 5);
}

#[tokio::test]
async fn a_lost_counter_of_the_store_does_not_stop_the_daemon() {
    let (place, journal) = written().await;
    tamper(&place, "DELETE FROM sqlite_sequence");
    let event = Event { kind: EventKind::Started, at: now(), ..Rich::new(1).event("") };
    journal.save(Change { events: vec![event], ..change("") }).await.unwrap();
    assert!(checked(&journal).await.holds());
}
