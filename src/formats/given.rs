//! What comes along with some bytes: the password, and how much work may be put into them.
//! It opens nothing; whoever opens something asks here first.

use std::cell::Cell;

use super::{Wanted, keys};
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
    trials: Cell<usize>,
    refused: Cell<bool>,
}

impl<'a> Given<'a> {
    /// Everything is left.
    pub(super) const fn new(wanted: Wanted<'a>) -> Self {
        Self {
            password: wanted.password,
            alias: wanted.alias,
            unpacked: Cell::new(UNPACKED),
            rounds: Cell::new(ROUNDS),
            locks: Cell::new(LOCKS),
            trials: Cell::new(keys::TRIALS),
            refused: Cell::new(false),
        }
    }

    /// Nothing is left: whatever takes more than reading is refused.
    pub(super) const fn light(wanted: Wanted<'a>) -> Self {
        Self {
            password: wanted.password,
            alias: wanted.alias,
            unpacked: Cell::new(0),
            rounds: Cell::new(0),
            locks: Cell::new(0),
            trials: Cell::new(0),
            refused: Cell::new(false),
        }
    }

    /// Whether more was asked for than was left.
    pub(super) const fn was_refused(&self) -> bool {
        self.refused.get()
    }

    /// How many bytes may still be unpacked.
    pub(super) fn unpackable(&self) -> u64 {
        let left = self.unpacked.get();
        self.granted(left > 0);
        left
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
        if self.spend(&self.locks, 1) {
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
        if self.spend(&self.rounds, rounds) {
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

    /// Asks to try one more certificate with a key that does not tell whose it is.
    pub(super) fn attempt(&self) -> bool {
        let enough = self.trials.get().checked_sub(1);
        self.trials.set(enough.unwrap_or_default());
        self.granted(enough.is_some())
    }

    fn spend(&self, left: &Cell<u64>, wanted: u64) -> bool {
        let enough = left.get().checked_sub(wanted);
        left.set(enough.unwrap_or_default());
        self.granted(enough.is_some())
    }

    fn granted(&self, granted: bool) -> bool {
        self.refused.set(self.refused.get() || !granted);
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_is_counted_over_all_that_is_opened() {
        let given = Given::new(Wanted::default());
        for _ in 0..5 {
            assert_eq!(given.hash(1_000_000), Ok(()));
        }
        assert_eq!(given.hash(1).map_err(|odd| odd.reason), Err(Reason::TooLarge));
        assert_eq!(given.hash(0), Ok(()));
    }

    #[test]
    fn what_is_refused_leaves_nothing_for_the_next() {
        let given = Given::new(Wanted::default());
        assert!(given.hash(ROUNDS + 1).is_err());
        assert!(given.hash(1).is_err());
    }

    #[test]
    fn parts_that_are_opened_are_counted() {
        let given = Given::new(Wanted::default());
        assert!((0..LOCKS).all(|_| given.unlock().is_ok()));
        assert_eq!(given.unlock().map_err(|odd| odd.reason), Err(Reason::TooLarge));
    }

    #[test]
    fn the_light_way_grants_nothing_and_tells_that_more_was_asked_for() {
        let light = || Given::light(Wanted::default());
        assert!(!light().was_refused());
        for ask in [
            |given: &Given<'_>| given.unlock().is_ok(),
            |given: &Given<'_>| given.hash(1).is_ok(),
            |given: &Given<'_>| given.unpackable() > 0,
            |given: &Given<'_>| given.attempt(),
        ] {
            let given = light();
            assert!(!ask(&given) && given.was_refused());
        }
        let given = Given::new(Wanted::default());
        assert!(given.attempt() && !given.was_refused());
    }
}
