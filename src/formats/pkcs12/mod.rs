//! PKCS#12 archives, modern and old, with and without a password. What lies open in one is read whatever the password.
//! It chooses no leaf: it hands over every certificate and key.

mod bags;
mod mac;

use std::collections::HashMap;

use zeroize::Zeroizing;

use super::ber;
use super::der::{self, Cut, Element, Kind};
use super::entries::{Entry, EntryKind, is_called};
use super::gather::{Gathered, truncated};
use super::given::Given;
use super::pbe::{self, Secret, Shut, broken};
use crate::domain::reason::{Reason, Unseen};
use bags::{Bags, KeyBag};
use mac::Mac;

/// Reads every certificate and key of an archive.
pub(super) fn gather(gathered: &mut Gathered, archive: &[u8], given: &Given<'_>) -> Result<(), Unseen> {
    given.unlock()?;
    let archive = ber::whole(archive).map_err(|cut| broken_off(cut, "it is PKCS#12 that"))?;
    let (content, mac) =
        parts(&archive).ok_or_else(|| broken("it looks like PKCS#12 but is not built as such"))?;
    let octets = data(&content).ok_or_else(|| {
        let kind = name_of(&content).unwrap_or_default();
        if kind == DATA { broken("the archive holds no octets") } else { of_another_kind(kind) }
    })?;
    let seal = Seal::of(gathered, mac, &octets, given);
    let safes = ber::whole(&octets).map_err(|cut| broken_off(cut, "the content of the archive"))?;
    let (safes, _) = der::element(&safes).map_err(|cut| broken_off(cut, "the content of the archive"))?;
    let mut bags = Bags::default();
    for safe in der::children(safes.content) {
        match add_safe(&mut bags, &safe, &seal, given) {
            // Of several parts that one password does not open it is said once.
            Err(odd) if !gathered.oddities.contains(&odd) => gathered.add_oddity(odd),
            Ok(()) | Err(_) => {}
        }
    }
    hand_over(gathered, bags, &seal, given);
    Ok(())
}

/// What an archive consists of: its content, and the checksum over that where it has one.
fn parts(archive: &[u8]) -> Option<(Element<'_>, Option<Element<'_>>)> {
    let (outer, _) = der::element(archive).ok()?;
    let mut parts = der::children(outer.content).skip(1);
    Some((parts.next()?, parts.next()))
}

/// What the checksum tells of the password.
enum Seal {
    /// This secret is the one.
    Open(Secret),
    /// Nothing tells: each part has to be tried with all that may be meant.
    Unchecked(Vec<Secret>),
    /// The password is another, or none was given.
    Shut,
}

impl Seal {
    fn of(gathered: &mut Gathered, mac: Option<Element<'_>>, octets: &[u8], given: &Given<'_>) -> Self {
        let secrets = Secret::all(given.password);
        let Some(mac) = mac else { return Self::Unchecked(secrets) };
        let checked = Mac::of(&mac).and_then(|mac| {
            for (at, secret) in secrets.iter().enumerate() {
                if mac.holds(octets, secret, given)? {
                    return Ok(Some(at));
                }
            }
            Ok(None)
        });
        match checked {
            Ok(Some(at)) => secrets.into_iter().nth(at).map_or(Self::Unchecked(Vec::new()), Self::Open),
            Ok(None) => {
                if given.password.is_some() {
                    gathered.add_oddity(wrong());
                }
                Self::Shut
            }
            // Whatever may be seen of it without the checksum is seen, and that it was not checked is said.
            Err(odd) => {
                let text = format!("whether the archive is whole cannot be checked: {}", odd.text);
                gathered.add_oddity(with_way_out(Unseen::new(odd.reason, text)));
                Self::Unchecked(secrets)
            }
        }
    }

    fn secrets(&self) -> &[Secret] {
        match self {
            Self::Open(secret) => std::slice::from_ref(secret),
            Self::Unchecked(secrets) => secrets,
            Self::Shut => &[],
        }
    }
}

/// Takes the bags of one part, opening it where it is encrypted.
fn add_safe(bags: &mut Bags, safe: &Element<'_>, seal: &Seal, given: &Given<'_>) -> Result<(), Unseen> {
    match name_of(safe).unwrap_or_default() {
        DATA => {
            let contents = data(safe).and_then(|octets| ber::whole(&octets).ok());
            let added = contents.is_some_and(|contents| bags.add(&contents));
            added.then_some(()).ok_or_else(|| broken("a part of the archive is not built as one"))
        }
        ENCRYPTED_DATA => add_encrypted(bags, safe, seal, given),
        other => Err(of_another_kind(other)),
    }
}

fn add_encrypted(bags: &mut Bags, safe: &Element<'_>, seal: &Seal, given: &Given<'_>) -> Result<(), Unseen> {
    let (algorithm, sealed) =
        encrypted(safe).ok_or_else(|| broken("an encrypted part of the archive is not built as one"))?;
    given.unlock()?;
    let fits = |plain: &[u8]| ber::whole(plain).is_ok_and(|plain| bags::are_bags(&plain));
    let plain = pbe::open(&algorithm, &sealed, seal.secrets(), given, fits)
        .map_err(|shut| refusal(shut, seal, given, "a part of it"))?;
    if let Ok(plain) = ber::whole(&plain) {
        bags.add(&plain);
    }
    Ok(())
}

/// The algorithm of an encrypted part and what it hides.
fn encrypted<'a>(safe: &Element<'a>) -> Option<(Element<'a>, Zeroizing<Vec<u8>>)> {
    let info = der::children(value_of(safe)?.content).nth(1)?;
    let mut parts = der::children(info.content).skip(1);
    let (algorithm, sealed) = (parts.next()?, parts.next()?);
    Some((algorithm, ber::octets(&sealed)?))
}

/// Hands over what was found, keys with the names of their certificates.
fn hand_over(gathered: &mut Gathered, bags: Bags, seal: &Seal, given: &Given<'_>) {
    let mut names = Names::default();
    let mut owners = HashMap::new();
    let mut trusted = Vec::new();
    for bag in &bags.certificates {
        let owner = gathered.add_certificate(&bag.der, "");
        if let Some(id) = &bag.label.id {
            owners.entry(id.as_slice()).or_insert((bag, owner));
        }
        // Java names the rest of a chain too, but marks what is an entry of its own.
        let own = bag.label.is_trusted || bags.keys.is_empty();
        if let Some(alias) = bag.label.name.clone().filter(|_| own) {
            trusted.push(Entry { alias, kind: EntryKind::Trusted, owner });
        }
    }
    for bag in &bags.keys {
        let own = bag.label.id.as_deref().and_then(|id| owners.get(id).copied());
        // A key is called as its certificate is, else as it is itself: Windows gives keys names that nobody knows.
        let name = own.and_then(|(own, _)| own.label.name.as_ref()).or(bag.label.name.as_ref());
        let alias = names.of(name.cloned());
        if given.alias.is_none_or(|wanted| is_called(&alias, wanted)) {
            add_key(gathered, bag, &alias, seal, given);
        }
        gathered.add_entry(Entry { alias, kind: EntryKind::Key, owner: own.and_then(|(_, owner)| owner) });
    }
    trusted.into_iter().for_each(|entry| gathered.add_entry(entry));
    for name in bags.secrets {
        gathered.saw("a secret key");
        gathered.add_entry(Entry { alias: names.of(name), kind: EntryKind::Secret, owner: None });
    }
    gathered.leave_out(bags.left_out);
    if bags.has_revocation_list {
        gathered.saw("a certificate revocation list");
    }
    if bags.other_certificates > 0 {
        let text = format!("it holds certificates that are not X.509, {} of them", bags.other_certificates);
        gathered.add_oddity(Unseen::new(Reason::UnsupportedFormat, text));
    }
}

/// What entries are called. Those without a name have a number, which is what Java shows for them.
#[derive(Default)]
struct Names {
    unnamed: u32,
}

impl Names {
    fn of(&mut self, name: Option<String>) -> String {
        name.filter(|name| !name.is_empty()).unwrap_or_else(|| {
            self.unnamed += 1;
            self.unnamed.to_string()
        })
    }
}

fn add_key(gathered: &mut Gathered, bag: &KeyBag, alias: &str, seal: &Seal, given: &Given<'_>) {
    match key(bag, seal, given, &format!("the private key {alias}")) {
        Ok((key, kind)) => gathered.add_key(&key, kind),
        Err(odd) => gathered.add_key_oddity(odd),
    }
}

fn key(
    bag: &KeyBag,
    seal: &Seal,
    given: &Given<'_>,
    place: &str,
) -> Result<(Zeroizing<Vec<u8>>, Kind), Unseen> {
    let key = if bag.is_encrypted {
        let (encrypted, _) = der::element(&bag.der).map_err(|cut| broken_off(cut, place))?;
        given.unlock()?;
        pbe::open_key(&encrypted, seal.secrets(), given).map_err(|shut| refusal(shut, seal, given, place))?
    } else {
        bag.der.clone()
    };
    let kind = pbe::key_kind(&key).ok_or_else(|| broken(&format!("{place} is not built as one")))?;
    Ok((key, kind))
}

fn refusal(shut: Shut, seal: &Seal, given: &Given<'_>, part: &str) -> Unseen {
    match (shut, seal) {
        (Shut::Refused(odd), _) => with_way_out(odd),
        (Shut::Wrong, Seal::Open(_)) => {
            let text = format!(
                "the password given opens the archive, but not {part}, which has one of its own; write it anew with one password for all"
            );
            Unseen::new(Reason::PasswordWrong, text)
        }
        (Shut::Wrong, Seal::Unchecked(_) | Seal::Shut) if given.password.is_some() => wrong(),
        (Shut::Wrong, Seal::Unchecked(_) | Seal::Shut) => {
            let text = "it is protected by a password and none was given; name the file that holds it (password = { file = … })";
            Unseen::new(Reason::PasswordNeeded, text)
        }
    }
}

fn wrong() -> Unseen {
    let text = "the password given does not open it; check the file it is read from";
    Unseen::new(Reason::PasswordWrong, text)
}

/// Some archives are locked with keys rather than with a password; hardly anything writes them, and openssl reads none.
fn of_another_kind(kind: &[u8]) -> Unseen {
    let text = format!(
        "what it holds is {}, which is not read here; have it exported anew, protected by a password alone",
        pbe::called(kind)
    );
    Unseen::new(Reason::UnsupportedFormat, text)
}

/// Adds how to get rid of a way of protection that is not read here. Through a pipe openssl would not read both certificates and
/// key, so a file lies between.
fn with_way_out(odd: Unseen) -> Unseen {
    if odd.reason != Reason::UnsupportedFormat {
        return odd;
    }
    let text = format!(
        "{}; write it anew with: openssl pkcs12 -legacy -in OLD.p12 -out ALL.pem && openssl pkcs12 -export -in ALL.pem -out NEW.p12",
        odd.text
    );
    Unseen::new(odd.reason, text)
}

fn broken_off(cut: Cut, what: &str) -> Unseen {
    match cut {
        Cut::Truncated => Unseen::new(Reason::Truncated, truncated(what)),
        Cut::Indefinite | Cut::Alien => broken(&format!("{what} is not built as PKCS#12 is")),
    }
}

/// The name that a content begins with.
fn name_of<'a>(content: &Element<'a>) -> Option<&'a [u8]> {
    der::children(content.content).next().map(|name| name.content)
}

/// What the name of a content stands for.
fn value_of<'a>(content: &Element<'a>) -> Option<Element<'a>> {
    let wrapped = der::children(content.content).nth(1)?;
    der::children(wrapped.content).next()
}

/// The octets of a content that is plain data.
fn data(content: &Element<'_>) -> Option<Zeroizing<Vec<u8>>> {
    let value = value_of(content).filter(|_| name_of(content) == Some(DATA))?;
    ber::octets(&value)
}

/// 1.2.840.113549.1.7.1
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
/// 1.2.840.113549.1.7.6
const ENCRYPTED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x06];
