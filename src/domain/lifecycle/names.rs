//! The entries of a store that a record has to do with: what is in force, what is on its way, what was replaced.
//! It looks at none of them.

use super::super::record::{Record, Role};

/// The names of every entry that belongs to the watch of this record, now or until it is retired.
#[must_use]
pub fn own_names(record: &Record) -> Vec<String> {
    let roles = [Role::InForce, Role::Candidate, Role::Replaced];
    let standing = roles.into_iter().filter_map(|role| record.standing(role)?.name.clone());
    let renewal = record.renewal.as_ref();
    let ordered = renewal.and_then(|renewal| Some(renewal.order.as_ref()?.name.clone()));
    let kept = renewal.and_then(|renewal| Some(renewal.keep.as_ref()?.name.clone()));
    let replaced = renewal.and_then(|renewal| renewal.replaces_name.clone());
    let left = record.leftovers.iter().filter(|leftover| leftover.entry_removed.is_none());
    let left = left.filter_map(|leftover| leftover.name.clone());
    standing.chain(ordered).chain(kept).chain(replaced).chain(left).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sample::{certificate, standing};

    #[test]
    fn what_is_in_force_belongs_to_the_record_and_an_empty_one_has_nothing() {
        let mut record = Record::default();
        assert_eq!(own_names(&record), Vec::<String>::new());
        record.in_force = Some(standing("a.pem", certificate("a", 365, 100)));
        assert_eq!(own_names(&record), ["a.pem"]);
    }
}
