//! What comes along with some bytes: the password, and how much work may be put into them.
//! It opens nothing; whoever opens something asks here first.

use std::cell::Cell;

use crate::domain::reason::{Reason, Unseen};

/// How many bytes are unpacked from archives in all, whatever they lie in.
const UNPACKED: u64 = 32 * 1024 * 1024;
/// How many rounds of password hashing are done in all: some seconds of work.
const ROUNDS: u64 = 5_000_000;
/// How many keystores and encrypted keys are opened; what each costs beyond its rounds is bounded by this.
const LOCKS: u64 = 500;

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

    /// Asks to open one more part that a password protects.
    ///
    /// # Errors
    /// [`Reason::TooLarge`] where more were opened before than are allowed.
    pub(super) fn unlock(&self) -> Result<(), Unseen> {
        if spend(&self.locks, 1) {
            return Ok(());
        }
        Err(Unseen::new(
            Reason::TooLarge,
            format!(
                "more than {LOCKS} parts in it are protected by a password; put them into files of their own"
            ),
        ))
    }

    /// Asks for so many rounds of password hashing.
    ///
    /// # Errors
    /// [`Reason::TooLarge`] where they, with all that were done before, are more than is allowed.
    pub(super) fn hash(&self, rounds: u64) -> Result<(), Unseen> {
        if spend(&self.rounds, rounds) {
            return Ok(());
        }
        Err(Unseen::new(
            Reason::TooLarge,
            format!(
                "it asks for more rounds of password hashing than the limit of {} million; write it anew with fewer, as openssl pkcs12 -export and openssl pkcs8 -topk8 do by themselves",
                ROUNDS / 1_000_000
            ),
        ))
    }
}

fn spend(left: &Cell<u64>, wanted: u64) -> bool {
    let enough = left.get().checked_sub(wanted);
    left.set(enough.unwrap_or_default());
    enough.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_is_counted_over_all_that_is_opened() {
        let given = Given::new(None, None);
        for _ in 0..5 {
            assert_eq!(given.hash(1_000_000), Ok(()));
        }
        assert_eq!(given.hash(1).map_err(|odd| odd.reason), Err(Reason::TooLarge));
        assert_eq!(given.hash(0), Ok(()));
    }

    #[test]
    fn what_is_refused_leaves_nothing_for_the_next() {
        let given = Given::new(None, None);
        assert!(given.hash(ROUNDS + 1).is_err());
        assert!(given.hash(1).is_err());
    }

    #[test]
    fn parts_that_are_opened_are_counted() {
        let given = Given::new(None, None);
        assert!((0..LOCKS).all(|_| given.unlock().is_ok()));
        assert_eq!(given.unlock().map_err(|odd| odd.reason), Err(Reason::TooLarge));
    }
}
