//! Faults by chance: which request of certsteward meets which of them is drawn from a seed.
//! The calling application and people on their pages meet none, so that what they lose is certsteward's doing.

use super::faults::{By, Planned};
use super::http::Answer;
use super::world::State;
use std::time::Duration;

/// How often faults come, and how they are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chances {
    /// The same seed draws the same faults.
    pub seed: u64,
    /// One request in so many meets a fault; 0 counts as 1.
    pub one_in: u64,
    /// How long a slow answer takes: longer than whoever asks waits.
    pub slow: Duration,
}

/// A kind of fault that comes by chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 503, and nothing was done.
    Unavailable,
    /// 429 with `Retry-After`, and nothing was done.
    Limited,
    /// No answer in time; done or not, whoever asked cannot know.
    Slow,
    /// What was asked was done, and the connection closed without an answer.
    Lost,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Unavailable, Self::Limited, Self::Slow, Self::Lost];

    /// Its name, for a summary.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unavailable => "503",
            Self::Limited => "429",
            Self::Slow => "timeouts",
            Self::Lost => "lost answers",
        }
    }
}

/// The chances under way, and what came of them.
pub(super) struct Weather {
    chances: Chances,
    drawn: u64,
    met: [u64; Kind::ALL.len()],
}

impl Weather {
    pub(super) fn new(chances: Chances) -> Self {
        Self { chances, drawn: chances.seed, met: [0; Kind::ALL.len()] }
    }

    pub(super) fn met(&self) -> Vec<(Kind, u64)> {
        Kind::ALL.into_iter().zip(self.met).collect()
    }

    /// The next number of the seed's row (SplitMix64), below `limit`.
    fn draw(&mut self, limit: u64) -> u64 {
        self.drawn = self.drawn.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.drawn ^ (self.drawn >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit.max(1)
    }

    fn next(&mut self) -> Option<Planned> {
        if self.draw(self.chances.one_in) != 0 {
            return None;
        }
        let at = usize::try_from(self.draw(4)).ok()?;
        *self.met.get_mut(at)? += 1;
        Some(match Kind::ALL.get(at)? {
            Kind::Unavailable => answered(Answer::text(503, "Service Unavailable".to_owned())),
            Kind::Limited => answered(
                Answer::text(429, "Too Many Requests".to_owned()).with("retry-after", "1".to_owned()),
            ),
            // Whoever gives up closes the connection, and a request that waits is gone with it.
            Kind::Slow if self.draw(2) == 0 => Planned { delay: self.chances.slow, ..Planned::default() },
            Kind::Slow => Planned { delay_answer: self.chances.slow, ..Planned::default() },
            Kind::Lost => Planned { drop_answer: true, ..Planned::default() },
        })
    }
}

fn answered(answer: Answer) -> Planned {
    Planned { answer: Some(answer), ..Planned::default() }
}

impl State {
    /// The fault that comes by chance, if one does.
    pub(super) fn weather(&mut self, by: By) -> Option<Planned> {
        self.weather.as_mut().filter(|_| by == By::Steward)?.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(seed: u64) -> Vec<u64> {
        let chances = Chances { seed, one_in: 5, slow: Duration::from_secs(1) };
        let mut weather = Weather::new(chances);
        for _ in 0..2000 {
            let _planned = weather.next();
        }
        weather.met().into_iter().map(|(_, count)| count).collect()
    }

    #[test]
    fn a_seed_draws_the_same_again_and_each_kind_comes() {
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
        assert!(drawn(7).iter().all(|count| *count > 50), "{:?}", drawn(7));
        let sum: u64 = drawn(7).iter().sum();
        assert!((300..500).contains(&sum), "{sum}");
    }
}
