//! The sandbox and our client against SAP's OpenAPI file of the Destination service, judged by a public validator of JSON Schema.
//! The file is SAP's and no part of this project: where it is not at hand, these tests say so and end.

mod answers;
mod examples;
mod file;
mod judge;
mod requests;

use std::collections::{BTreeMap, BTreeSet};

/// A deviation from SAP's file that is known, and why it is right.
type Known = (&'static str, &'static str);

/// What deviates must be known, and what is known must still deviate.
#[track_caller]
fn only_known(found: &[(String, String)], known: &[Known]) {
    let by_name: BTreeMap<&str, &str> = known.iter().copied().collect();
    let new: BTreeMap<&str, &str> = found
        .iter()
        .map(|(deviation, details)| (deviation.as_str(), details.as_str()))
        .filter(|(deviation, _)| !by_name.contains_key(deviation))
        .collect();
    assert!(new.is_empty(), "SAP's file says otherwise: {new:#?}");
    let seen: BTreeSet<&str> = found.iter().map(|(deviation, _)| deviation.as_str()).collect();
    let gone: Vec<&str> = by_name.keys().copied().filter(|deviation| !seen.contains(deviation)).collect();
    assert!(gone.is_empty(), "these deviations are over; take them off the list: {gone:#?}");
}

/// Query and path as they were sent.
fn split(target: &str) -> (String, Vec<(String, String)>) {
    let url = reqwest::Url::parse(&format!("http://localhost{target}")).unwrap();
    let query = url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned()));
    (url.path().to_owned(), query.collect())
}
