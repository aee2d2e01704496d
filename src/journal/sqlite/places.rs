//! What discoveries have found, as text: it is known through a restart at which nothing can be looked for.
//! It understands no place.

use rusqlite::{Connection, Transaction};

use super::rows::rows;
use crate::journal::Places;

/// All of it.
pub(super) fn read(connection: &mut Connection) -> rusqlite::Result<Places> {
    let mut places = Places::new();
    let query = "SELECT discovery, watch, place FROM places ORDER BY discovery, watch";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?));
    for (discovery, watch, place) in rows(connection, query, read)? {
        places.entry(discovery).or_default().insert(watch, place);
    }
    Ok(places)
}

/// What changed of one discovery.
pub(super) fn keep(
    transaction: &Transaction<'_>,
    discovery: &str,
    places: &[(String, Option<String>)],
) -> rusqlite::Result<()> {
    let mut put = transaction.prepare(
        "INSERT INTO places (discovery, watch, place) VALUES (?1, ?2, ?3) \
         ON CONFLICT (discovery, watch) DO UPDATE SET place = excluded.place",
    )?;
    let mut remove = transaction.prepare("DELETE FROM places WHERE discovery = ?1 AND watch = ?2")?;
    for (watch, place) in places {
        match place {
            Some(place) => put.execute([discovery, watch, place])?,
            None => remove.execute([discovery, watch])?,
        };
    }
    Ok(())
}
