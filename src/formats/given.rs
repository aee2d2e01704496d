//! What comes along with some bytes: the password, and how much work may be put into them.
//! It opens nothing; whoever opens something asks here first.

use std::cell::Cell;

use super::der::{self, Element};
use crate::domain::reason::{Reason, Unseen};

/// How many bytes are unpacked from archives in all, whatever they lie in.
const UNPACKED: u64 = 32 * 1024 * 1024;
/// How many rounds of password hashing are done in all: some seconds of work.
const ROUNDS: u64 = 5_000_000;
/// How many keystores and encrypted keys are opened; what each costs beyond its rounds is bounded by this.
const LOCKS: u64 = 500;
/// How deep a structure is searched for what it asks for.
const DEEPEST: usize = 24;

/// The password for some bytes and what is left of the work that they may cause.
pub(super) struct Given<'a> {
    pub(super) password: Option<&'a str>,
    /// The entry that is meant, where one was named.
    pub(super) alias: Option<&'a str>,
    unpacked: Cell<u64>,
    rounds: Cell<u64>,
    locks: Cell<u64>,
}

impl<'a> Given<'a> {
    /// Everything is left.
    pub(super) const fn new(password: Option<&'a str>, alias: Option<&'a str>) -> Self {
        Self {
            password,
            alias,
            unpacked: Cell::new(UNPACKED),
            rounds: Cell::new(ROUNDS),
            locks: Cell::new(LOCKS),
        }
    }

    /// How many bytes may still be unpacked.
    pub(super) const fn unpackable(&self) -> u64 {
        self.unpacked.get()
    }

    /// These bytes were unpacked.
    pub(super) fn unpacked(&self, bytes: u64) {
        self.unpacked.set(self.unpacked.get().saturating_sub(bytes));
    }

    /// Asks for the work of opening what a password protects.
    ///
    /// # Errors
    /// [`Reason::TooLarge`] where it, with all that was opened before, asks for more than is allowed.
    pub(super) fn unlock(&self, protected: &[u8]) -> Result<(), Unseen> {
        let rounds = rounds_of(protected, DEEPEST);
        let refused = |text: String| Err(Unseen::new(Reason::TooLarge, text));
        if !spend(&self.locks, 1) {
            return refused(format!(
                "more than {LOCKS} parts in it are protected by a password; put them into files of their own"
            ));
        }
        if !spend(&self.rounds, rounds) {
            return refused(format!(
                "it asks for more rounds of password hashing than the limit of {} million; write it anew with fewer, as openssl pkcs12 -export and openssl pkcs8 -topk8 do by themselves",
                ROUNDS / 1_000_000
            ));
        }
        Ok(())
    }
}

fn spend(left: &Cell<u64>, wanted: u64) -> bool {
    let enough = left.get().checked_sub(wanted);
    left.set(enough.unwrap_or_default());
    enough.is_some()
}

/// The rounds that a structure asks for, as far as it can be seen from outside: wherever a salt is followed by a number, be it
/// for PBKDF2, for the older ways of PKCS#12 or for a MAC, that many.
fn rounds_of(bytes: &[u8], depth: usize) -> u64 {
    let Some(deeper) = depth.checked_sub(1) else { return 0 };
    let mut rounds = 0_u64;
    let mut after_salt = false;
    for part in der::children(bytes) {
        if after_salt && part.tag == der::INTEGER {
            rounds = rounds.saturating_add(number(&part));
        }
        after_salt = part.tag == der::OCTET_STRING;
        let may_hold_more = part.tag & 0x20 != 0 || part.content.first() == Some(&der::SEQUENCE);
        if may_hold_more {
            rounds = rounds.saturating_add(rounds_of(part.content, deeper));
        }
    }
    rounds
}

fn number(integer: &Element<'_>) -> u64 {
    if integer.content.len() > 8 {
        return u64::MAX;
    }
    integer.content.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(rounds: &[u8]) -> Vec<u8> {
        let parameters =
            der::write(der::SEQUENCE, &[&[der::OCTET_STRING, 2, 7, 7], &der::write(der::INTEGER, &[rounds])]);
        der::write(der::SEQUENCE, &[&der::write(der::OCTET_STRING, &[&parameters])]).to_vec()
    }

    #[test]
    fn rounds_are_found_wherever_they_stand() {
        assert_eq!(rounds_of(&asks(&[8, 0]), DEEPEST), 2048);
        assert_eq!(rounds_of(&[asks(&[8, 0]), asks(&[1])].concat(), DEEPEST), 2049);
        assert_eq!(rounds_of(&asks(&[1; 9]), DEEPEST), u64::MAX);
        assert_eq!(rounds_of(&asks(&[8, 0]), 1), 0);
    }

    #[test]
    fn the_work_is_counted_over_all_that_is_opened() {
        let given = Given::new(None, None);
        let million = asks(&[0x0f, 0x42, 0x40]);
        for _ in 0..5 {
            assert_eq!(given.unlock(&million), Ok(()));
        }
        assert_eq!(given.unlock(&million).map_err(|odd| odd.reason), Err(Reason::TooLarge));
        assert_eq!(given.unlock(b"").map_err(|odd| odd.reason), Ok(()));
    }
}
