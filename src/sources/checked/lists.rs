//! What revocation lists say of a chain: of the leaf, which one of them must speak of, and of the issuers beside it.
//! A list that cannot be read or believed is said, and clears nobody.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::{Finding, Presented, again, revoked, unknown};
use crate::domain::Timestamp;
use crate::domain::certificate::Fingerprint;
use crate::domain::reason::Unseen;
use crate::formats::files;
use crate::formats::revocation::{List, lists};
use crate::net::{self, Net};

/// Where lists are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A file, PEM or DER.
    File(PathBuf),
    /// An address, asked by GET.
    Url(String),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            // In a query a token may stand.
            Self::Url(url) => f.write_str(url.split(['?', '#']).next().unwrap_or(url)),
        }
    }
}

/// What addresses gave last, by address.
#[derive(Default)]
pub(super) struct Fetched(Mutex<HashMap<String, Answer>>);

/// What an address gave, said of one leaf.
#[derive(Clone)]
struct Answer {
    leaf: Fingerprint,
    said: Said,
    due: Timestamp,
}

/// What the lists of one place say.
#[derive(Clone, Default)]
struct Said {
    /// Who was taken back.
    revoked: Vec<Unseen>,
    /// Whether the leaf was not.
    clears: bool,
    /// Why something cannot be told.
    unknown: Vec<Unseen>,
    /// Lists of the leaf's issuer that are not believed: of no matter where another one clears it.
    doubted: Vec<Unseen>,
    next_update: Option<Timestamp>,
}

/// Asks every place of a chain.
pub(super) async fn check(
    places: &[Place],
    fetched: &Fetched,
    net: &Net,
    presented: &Presented,
    now: Timestamp,
) -> Finding {
    let mut finding = Finding::default();
    let mut all = Said::default();
    for place in places {
        let said = match place {
            Place::File(path) => of_file(path, presented, now, &mut finding).await,
            Place::Url(url) => of_url(url, fetched, net, presented, now, &mut finding).await,
        };
        finding.until(said.next_update);
        all.revoked.extend(said.revoked);
        all.unknown.extend(said.unknown);
        all.doubted.extend(said.doubted);
        all.clears |= said.clears;
    }
    let leaf = &presented.chain.leaf;
    if !all.clears {
        all.unknown.append(&mut all.doubted);
    }
    if !all.clears && all.revoked.is_empty() && all.unknown.is_empty() {
        let text = format!("no list is by its issuer {}; name that list too", leaf.issuer_name());
        all.unknown.push(unknown(leaf, &text));
    }
    // Who was taken back is known then.
    finding.oddities = if all.revoked.is_empty() { all.unknown } else { all.revoked };
    finding
}

async fn of_file(path: &Path, presented: &Presented, now: Timestamp, finding: &mut Finding) -> Said {
    let (own, what) = (path.to_owned(), presented.clone());
    let read = files::apart(path, move || {
        let (bytes, stamp) = files::read(&own)?;
        Ok((said(&bytes, &Place::File(own), &what, now), stamp))
    });
    match read.await.and_then(|read| read) {
        Ok((said, stamp)) => {
            finding.files.push((path.to_owned(), stamp));
            said
        }
        Err(unseen) => Said::blind(presented, &unseen.text),
    }
}

async fn of_url(
    url: &str,
    fetched: &Fetched,
    net: &Net,
    presented: &Presented,
    now: Timestamp,
    finding: &mut Finding,
) -> Said {
    let leaf = presented.chain.fingerprint();
    let known = fetched.get(url).filter(|answer| answer.leaf == leaf);
    let answer = match known {
        Some(answer) if now < answer.due => answer,
        known => {
            let said = fetch(url, net, presented, now).await;
            let due = again(said.next_update, now);
            // What was said before holds until something newer was to be said.
            let held = known.filter(|before| before.said.next_update.is_some_and(|next| now < next));
            let answer = match held {
                Some(before) if said.is_blind() => Answer { due, ..before },
                Some(_) | None => Answer { leaf, said, due },
            };
            fetched.put(url, answer.clone());
            answer
        }
    };
    finding.until(Some(answer.due));
    answer.said
}

async fn fetch(url: &str, net: &Net, presented: &Presented, now: Timestamp) -> Said {
    let place = Place::Url(url.to_owned());
    let asked = async {
        let http = net.http(&net::Settings::default(), None)?;
        let request = http.request(reqwest::Method::GET, url).header("accept", "application/pkix-crl, */*");
        Ok(http.send(request).await?.success(now)?)
    };
    match asked.await {
        Ok(answer) => {
            let what = presented.clone();
            let read = tokio::task::spawn_blocking(move || said(&answer.body, &place, &what, now)).await;
            read.unwrap_or_else(|_| Said::blind(presented, "reading the list ended early"))
        }
        Err::<net::Answer, Unseen>(unseen) => Said::blind(presented, &unseen.text),
    }
}

impl Fetched {
    fn get(&self, url: &str) -> Option<Answer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(url).cloned()
    }

    fn put(&self, url: &str, answer: Answer) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(url.to_owned(), answer);
    }
}

impl Said {
    /// Nothing could be read.
    fn blind(presented: &Presented, why: &str) -> Self {
        Self { unknown: vec![unknown(&presented.chain.leaf, why)], ..Self::default() }
    }

    /// Whether there is nothing to go by.
    fn is_blind(&self) -> bool {
        self.revoked.is_empty() && !self.clears
    }
}

/// What the lists in these bytes say.
fn said(bytes: &[u8], place: &Place, presented: &Presented, now: Timestamp) -> Said {
    let ders = match lists(bytes) {
        Ok(ders) => ders,
        Err(unseen) => return Said::blind(presented, &format!("{place}: {}", unseen.text)),
    };
    let mut said = Said::default();
    let mut strangers = Vec::new();
    for der in &ders {
        match List::parse(der) {
            Some(list) => strangers.extend(said.add(&list, place, presented, now)),
            None => said.unknown.push(unknown(
                &presented.chain.leaf,
                &format!("{place} holds a revocation list that cannot be read"),
            )),
        }
    }
    if let Some(stranger) = strangers.first().filter(|_| strangers.len() == ders.len()) {
        let text = format!("{place} is by {stranger}, who issued nothing in the chain");
        said.unknown.push(unknown(&presented.chain.leaf, &text));
    }
    said
}

impl Said {
    /// Takes in what one list says; gives whose it is where it speaks of nothing in the chain.
    fn add(
        &mut self,
        list: &List<'_>,
        place: &Place,
        presented: &Presented,
        now: Timestamp,
    ) -> Option<String> {
        let leaf = presented.chain.fingerprint();
        // A root is trusted or not, and revoked by nobody.
        let below = presented.chain.iter().filter(|one| one.fingerprint == leaf || !one.is_self_issued());
        let mut of_it = below.filter(|one| one.issuer == list.issuer).peekable();
        if of_it.peek().is_none() {
            return Some(list.issuer.to_string());
        }
        for certificate in of_it {
            let Some(issuer) = presented.issuer_of(certificate) else {
                let name = certificate.issuer_name();
                let text = format!(
                    "the certificate of its issuer {name}, which {place} must be signed by, is not at hand; put it into the chain, or into the trust store"
                );
                self.unknown.push(unknown(certificate, &text));
                continue;
            };
            match list.told(certificate, issuer, now) {
                Ok(told) => {
                    self.next_update = self.next_update.into_iter().chain(told.next_update).min();
                    match told.revocation {
                        Some(revocation) => {
                            let by = format!("the list {place}");
                            self.revoked.push(revoked(certificate, &revocation, &by));
                        }
                        None => self.clears |= certificate.fingerprint == leaf,
                    }
                }
                Err(why) => {
                    let doubt = unknown(certificate, &format!("{place} {why}"));
                    let is_leaf = certificate.fingerprint == leaf;
                    if is_leaf { self.doubted.push(doubt) } else { self.unknown.push(doubt) }
                }
            }
        }
        None
    }
}
