//! Which watches have certificates with one issuer and serial number that are not the same certificate.
//! It judges none of them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::certificate::{Certificate, Fingerprint};

/// What must name one certificate only (RFC 5280 §4.1.2.2), by a digest: it is kept for every watch, and so must be small.
type Number = [u8; 16];

/// A number, and which certificate has it.
type Held = (Number, Fingerprint);

/// The issuer and serial number of the certificate in force of every watch.
#[derive(Debug, Default)]
pub struct Serials {
    /// By watch, so that what it had before is found again.
    held: HashMap<Arc<str>, Held>,
    /// Who has each number, copies of one certificate together: of a thousand copies none is looked at to see a twin.
    holders: BTreeSet<(Held, Arc<str>)>,
}

/// Another certificate with the same issuer and serial number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twin {
    /// The watch that has it.
    pub watch: Arc<str>,
    /// Which one it is.
    pub fingerprint: Fingerprint,
}

impl Serials {
    /// How many twins are told: an authority that gives everybody the same number must not cost more than it is worth.
    pub const MOST: usize = 100;

    /// This watch has this certificate from now on, or none. Returns the other watches of which another thing is to be said now:
    /// that they have a twin, or that they have none any more.
    pub fn note(&mut self, watch: &Arc<str>, leaf: Option<&Certificate>) -> Vec<Arc<str>> {
        let now = leaf.filter(|leaf| !leaf.is_self_issued()).map(|leaf| (number(leaf), leaf.fingerprint));
        let before = self.held.get(watch).copied();
        if before == now {
            return Vec::new();
        }
        let numbers: BTreeSet<Number> = before.into_iter().chain(now).map(|(number, _)| number).collect();
        let had: Vec<(Number, bool)> =
            numbers.into_iter().map(|number| (number, self.has_twins(number))).collect();
        if let Some(before) = before {
            self.holders.remove(&(before, Arc::clone(watch)));
            self.held.remove(watch);
        }
        if let Some(now) = now {
            self.held.insert(Arc::clone(watch), now);
            self.holders.insert((now, Arc::clone(watch)));
        }
        let changed = had.into_iter().filter(|(number, had)| self.has_twins(*number) != *had);
        let others = changed.flat_map(|(number, _)| self.between(floor(number), ceiling(number)));
        let others = others.map(|(_, other)| other);
        others.filter(|other| *other != watch).cloned().collect()
    }

    /// The other certificates with this one's issuer and serial number, one for each watch that has one, by the watch's id.
    /// One that signed itself has no issuer that could have counted wrong, and so no twin. At most [`Serials::MOST`] are told.
    #[must_use]
    pub fn twins(&self, watch: &str, leaf: &Certificate) -> Vec<Twin> {
        if leaf.is_self_issued() {
            return Vec::new();
        }
        let (number, own) = (number(leaf), leaf.fingerprint);
        let below = self.between(floor(number), ((number, own), FIRST));
        let others = below.chain(self.between(((number, own), LAST), ceiling(number)));
        let others = others.filter(|(_, other)| &***other != watch).take(Self::MOST);
        let mut twins: Vec<Twin> =
            others.map(|(print, other)| Twin { watch: Arc::clone(other), fingerprint: print }).collect();
        twins.sort_unstable_by(|one, other| one.watch.cmp(&other.watch));
        twins
    }

    fn has_twins(&self, number: Number) -> bool {
        let mut all = self.between(floor(number), ceiling(number)).map(|(print, _)| print);
        let ends = all.next().zip(all.next_back());
        ends.is_some_and(|(first, last)| first != last)
    }

    fn between(&self, from: Bound, to: Bound) -> impl DoubleEndedIterator<Item = (Fingerprint, &Arc<str>)> {
        let own = |(held, watch): Bound| (held, Arc::from(watch));
        self.holders.range(own(from)..own(to)).map(|((_, print), watch)| (*print, watch))
    }
}

/// Where holders begin or end.
type Bound = (Held, &'static str);

/// Before the name of every watch, and after it.
const FIRST: &str = "";
const LAST: &str = "\u{10ffff}";

const fn floor(number: Number) -> Bound {
    ((number, Fingerprint([0; 32])), FIRST)
}

const fn ceiling(number: Number) -> Bound {
    ((number, Fingerprint([u8::MAX; 32])), LAST)
}

fn number(leaf: &Certificate) -> Number {
    use sha2::Digest as _;
    // Each text begins with its length, so that no two pairs are written alike.
    let mut digest = sha2::Sha256::new();
    let mut add = |text: &str| {
        digest.update(text.len().to_be_bytes());
        digest.update(text);
    };
    add(&leaf.serial);
    for (key, value) in leaf.issuer.canonical() {
        add(&key);
        add(value);
    }
    let mut number = Number::default();
    number.iter_mut().zip(digest.finalize()).for_each(|(to, from)| *to = from);
    number
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sample::certificate;

    fn id(name: &str) -> Arc<str> {
        name.into()
    }

    fn notes(serials: &mut Serials, watch: &str, leaf: Option<&Certificate>) -> Vec<String> {
        serials.note(&id(watch), leaf).iter().map(ToString::to_string).collect()
    }

    fn seen(serials: &Serials, watch: &str, leaf: &Certificate) -> Vec<String> {
        serials.twins(watch, leaf).iter().map(|twin| twin.watch.to_string()).collect()
    }

    #[test]
    fn two_certificates_with_one_issuer_and_number_are_twins_and_copies_are_none() {
        let (one, two) = (certificate("one", 90, 60), certificate("two", 90, 60));
        let mut serials = Serials::default();
        assert_eq!(notes(&mut serials, "a", Some(&one)), [""; 0]);
        assert_eq!(notes(&mut serials, "copy-of-a", Some(&one)), [""; 0], "the same certificate twice");
        assert_eq!(seen(&serials, "a", &one), [""; 0]);
        assert_eq!(notes(&mut serials, "b", Some(&two)), ["a", "copy-of-a"]);
        assert_eq!(seen(&serials, "a", &one), ["b"]);
        assert_eq!(seen(&serials, "b", &two), ["a", "copy-of-a"]);
        assert_eq!(notes(&mut serials, "b", Some(&two)), [""; 0], "nothing is new");
    }

    #[test]
    fn a_twin_that_goes_or_changes_is_one_no_longer() {
        let (one, two) = (certificate("one", 90, 60), certificate("two", 90, 60));
        let mut serials = Serials::default();
        notes(&mut serials, "a", Some(&one));
        notes(&mut serials, "b", Some(&two));
        let renewed = Certificate { serial: "02".to_owned(), ..two.clone() };
        assert_eq!(notes(&mut serials, "b", Some(&renewed)), ["a"]);
        assert_eq!(seen(&serials, "a", &one), [""; 0]);
        notes(&mut serials, "b", Some(&two));
        assert_eq!(notes(&mut serials, "b", None), ["a"]);
        assert!(serials.held.len() == 1 && serials.holders.len() == 1);
    }

    #[test]
    fn who_signs_itself_has_no_twin() {
        let own = |name: &str| {
            let made = certificate(name, 90, 60);
            Certificate { issuer: made.subject.clone(), ..made }
        };
        let mut serials = Serials::default();
        let (one, two) = (own("localhost"), own("localhost"));
        let two = Certificate { fingerprint: Fingerprint::of(b"two"), ..two };
        notes(&mut serials, "a", Some(&one));
        assert_eq!(notes(&mut serials, "b", Some(&two)), [""; 0]);
        assert_eq!(seen(&serials, "b", &two), [""; 0]);
    }

    #[test]
    fn of_many_with_one_number_each_is_woken_once() {
        let mut serials = Serials::default();
        let woken: usize = (0..500)
            .map(|number| {
                notes(&mut serials, &format!("w{number}"), Some(&certificate(&format!("c{number}"), 90, 60)))
                    .len()
            })
            .sum();
        assert_eq!(woken, 1);
    }
}
