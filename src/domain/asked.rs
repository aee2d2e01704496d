//! What a person is asked, and what they said to it. It asks nobody.

use super::Timestamp;
use super::report::Sign;

/// An open question to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandOffFacts {
    /// What is asked.
    pub ask: Ask,
    /// When.
    pub opened: Timestamp,
    /// The token of its link: can download, say done and check now, nothing else.
    pub token: String,
    /// The last signs people gave, newest last.
    pub signs: Vec<(Timestamp, Sign, String)>,
    /// The reminders already sent, as seconds before the deadline.
    pub reminded: Vec<i64>,
    /// When the deputy was asked.
    pub escalated: Option<Timestamp>,
    /// When it was done, or not wanted any more.
    pub closed: Option<Timestamp>,
    /// It was not done: it is not wanted any more, and may be again.
    pub withdrawn: bool,
}

impl HandOffFacts {
    /// How many signs are kept: a link may be pressed without end, a record may not grow without end.
    const SIGNS: usize = 20;

    /// Whether a person said that it is done.
    #[must_use]
    pub fn is_said_to_be_done(&self) -> bool {
        self.signs.iter().any(|(_, sign, _)| *sign == Sign::Saved)
    }

    /// Whether a person said that the old mapping is being deleted, or that everything is done.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.signs.iter().any(|(_, sign, _)| matches!(sign, Sign::Deleting | Sign::Saved))
    }

    /// Keeps a person's sign. The first word that it is done is never forgotten: what follows from it may still be ahead.
    pub fn sign(&mut self, at: Timestamp, sign: Sign, by: String) {
        let done = |(_, sign, _): &(Timestamp, Sign, String)| *sign == Sign::Saved;
        while self.signs.len() >= Self::SIGNS {
            let kept = self.signs.iter().position(done);
            self.signs.remove(usize::from(kept == Some(0)));
        }
        self.signs.push((at, sign, by));
    }
}

/// What a person is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ask {
    /// Add the certificate beside what stands there.
    Add,
    /// Delete what stands there, then add: a gap.
    Replace,
    /// Remove the replaced certificate.
    Remove,
}

impl Ask {
    /// What a person is asked to do, as the rest of a sentence.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Add => "add the certificate",
            Self::Replace => "delete the old certificate and add the new one",
            Self::Remove => "remove the replaced certificate",
        }
    }

    /// The word of metrics, mails and pages.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Replace => "replace",
            Self::Remove => "remove",
        }
    }
}
