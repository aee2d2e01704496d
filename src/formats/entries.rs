//! The named entries of keystores, and which of them is meant.
//! It opens no keystore.

use super::Key;
use crate::domain::certificate::{Certificate, Fingerprint};
use crate::domain::reason::{Reason, Unseen};

/// One entry of a keystore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name there, in one line.
    pub alias: String,
    /// What it is.
    pub kind: EntryKind,
    /// The public key of its own certificate, where that could be read.
    pub(super) owner: Option<Fingerprint>,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A private key with its certificates.
    Key,
    /// A certificate that is trusted.
    Trusted,
    /// A key that belongs to no certificate.
    Secret,
}

impl EntryKind {
    /// As it is told to people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Key => "a private key with its certificates",
            Self::Trusted => "a trusted certificate",
            Self::Secret => "a secret key",
        }
    }
}

/// Whether this is the name of an entry; Java makes no difference of case.
pub(super) fn is_called(alias: &str, name: &str) -> bool {
    alias == name || alias.to_lowercase() == name.to_lowercase()
}

/// Whether an entry with a private key shows the certificate of this public key as its own.
pub(super) fn is_with_key(entries: &[Entry], print: Fingerprint) -> bool {
    entries.iter().any(|entry| entry.kind == EntryKind::Key && entry.owner == Some(print))
}

/// The public key of the certificate that is meant: that of the entry called so, else of the only one with a private key,
/// authorities' keys aside. None where nothing tells.
pub(super) fn meant(
    entries: &[Entry],
    alias: Option<&str>,
    certificates: &[Certificate],
    known: &[(Fingerprint, Key)],
) -> Result<Option<Fingerprint>, Unseen> {
    match alias {
        Some(alias) => called(entries, alias).map(Some),
        None => with_key(entries, certificates, known),
    }
}

fn called(entries: &[Entry], alias: &str) -> Result<Fingerprint, Unseen> {
    let mut named: Vec<&Entry> = entries.iter().filter(|entry| is_called(&entry.alias, alias)).collect();
    if named.iter().any(|entry| entry.alias == alias) {
        named.retain(|entry| entry.alias == alias);
    }
    let mut owners: Vec<Fingerprint> = named.iter().filter_map(|entry| entry.owner).collect();
    owners.dedup();
    match (owners.as_slice(), named.first()) {
        ([one], _) => Ok(*one),
        ([], Some(entry)) => {
            let text =
                format!("the entry {} is {} and shows no certificate", entry.alias, entry.kind.words());
            Err(Unseen::new(Reason::NoCertificate, text))
        }
        ([], None) if entries.is_empty() => {
            let text = format!(
                "it has no named entries, so none is called {alias}; leave alias out (only keystores have them: JKS, JCEKS, PKCS#12)"
            );
            Err(Unseen::new(Reason::NotFound, text))
        }
        ([], None) => {
            let text = format!("it has no entry called {alias}; there are: {}", names(entries.iter()));
            Err(Unseen::new(Reason::NotFound, text))
        }
        _ => {
            let text = format!("there are {} entries called {alias} in it; rename all but one", owners.len());
            Err(Unseen::new(Reason::SeveralLeaves, text))
        }
    }
}

fn with_key(
    entries: &[Entry],
    certificates: &[Certificate],
    known: &[(Fingerprint, Key)],
) -> Result<Option<Fingerprint>, Unseen> {
    let of_key = |print: Fingerprint| certificates.iter().filter(move |one| one.key_fingerprint == print);
    let of_entries =
        entries.iter().filter(|entry| entry.kind == EntryKind::Key).filter_map(|entry| entry.owner);
    let mut matching: Vec<Fingerprint> = Vec::new();
    for print in known.iter().map(|(print, _)| *print).chain(of_entries) {
        if !matching.contains(&print) && of_key(print).next().is_some() {
            matching.push(print);
        }
    }
    let leaves: Vec<Fingerprint> =
        matching.iter().copied().filter(|print| of_key(*print).any(|one| !one.is_ca)).collect();
    match (matching.as_slice(), leaves.as_slice()) {
        ([], _) => Ok(known.first().map(|(print, _)| *print)),
        ([one], _) | (_, [one]) => Ok(Some(*one)),
        _ => Err(several(entries, &matching, certificates)),
    }
}

fn several(entries: &[Entry], matching: &[Fingerprint], certificates: &[Certificate]) -> Unseen {
    let aliases: Vec<&Entry> =
        entries.iter().filter(|entry| entry.owner.is_some_and(|owner| matching.contains(&owner))).collect();
    let (names, way_out) = if aliases.len() == matching.len() {
        (names(aliases.into_iter()), "choose an entry: alias = \"…\"")
    } else {
        let first = |print: &Fingerprint| certificates.iter().find(|one| one.key_fingerprint == *print);
        let names: Vec<String> = matching.iter().filter_map(first).map(Certificate::common_name).collect();
        (listed(&names), "put each in its own file")
    };
    let text = format!(
        "there are {} certificates with a private key in it ({names}) and nothing says which is meant; {way_out}",
        matching.len()
    );
    Unseen::new(Reason::SeveralLeaves, text)
}

fn names<'a>(entries: impl Iterator<Item = &'a Entry>) -> String {
    listed(&entries.map(|entry| entry.alias.clone()).collect::<Vec<_>>())
}

/// How many are named in a sentence.
const NAMED: usize = 8;

fn listed(names: &[String]) -> String {
    let more = if names.len() > NAMED { ", …" } else { "" };
    format!("{}{more}", names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", "))
}
