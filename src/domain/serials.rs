//! Which watches have certificates with one issuer and serial number that are not the same certificate.
//! It judges none of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::certificate::{Certificate, Fingerprint};

/// What must name one certificate only (RFC 5280 §4.1.2.2), by a digest: it is kept for every watch, and so must be small.
type Number = [u8; 16];

/// The issuer and serial number of the certificate in force of every watch.
#[derive(Debug, Default)]
pub struct Serials {
    /// By watch, so that what it had before is found again.
    numbers: HashMap<Arc<str>, Number>,
    /// Who has each number, and of which certificate.
    holders: BTreeMap<(Number, Arc<str>), Fingerprint>,
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
        let before = self.numbers.get(watch).copied();
        let held = before.and_then(|number| self.holders.get(&(number, Arc::clone(watch)))).copied();
        if before.zip(held) == now {
            return Vec::new();
        }
        let numbers: BTreeSet<Number> = before.into_iter().chain(now.map(|(number, _)| number)).collect();
        let had: Vec<(Number, bool)> =
            numbers.into_iter().map(|number| (number, self.has_twins(number))).collect();
        if let Some(number) = before {
            self.holders.remove(&(number, Arc::clone(watch)));
            self.numbers.remove(watch);
        }
        if let Some((number, print)) = now {
            self.numbers.insert(Arc::clone(watch), number);
            self.holders.insert((number, Arc::clone(watch)), print);
        }
        let changed = had.into_iter().filter(|(number, had)| self.has_twins(*number) != *had);
        let others = changed.flat_map(|(number, _)| self.holders_of(number).map(|(other, _)| other));
        others.filter(|other| *other != watch).cloned().collect()
    }

    /// The other certificates with this one's issuer and serial number, one for each watch that has one, by the watch's id.
    /// One that signed itself has no issuer that could have counted wrong, and so no twin. At most [`Serials::MOST`] are told.
    #[must_use]
    pub fn twins(&self, watch: &str, leaf: &Certificate) -> Vec<Twin> {
        if leaf.is_self_issued() {
            return Vec::new();
        }
        let holders = self.holders_of(number(leaf));
        let others = holders.filter(|(other, print)| &***other != watch && **print != leaf.fingerprint);
        let others = others.take(Self::MOST);
        others.map(|(other, print)| Twin { watch: Arc::clone(other), fingerprint: *print }).collect()
    }

    fn has_twins(&self, number: Number) -> bool {
        let mut prints = self.holders_of(number).map(|(_, print)| print);
        prints.next().is_some_and(|first| prints.any(|print| print != first))
    }

    fn holders_of(&self, number: Number) -> impl Iterator<Item = (&Arc<str>, &Fingerprint)> {
        let from = self.holders.range((number, Arc::from(""))..);
        from.take_while(move |((other, _), _)| *other == number).map(|((_, watch), print)| (watch, print))
    }
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
        assert!(serials.numbers.len() == 1 && serials.holders.len() == 1);
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
