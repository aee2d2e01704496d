//! Chance from a seed: the same numbers on every machine.
//! It reads neither the clock nor the system.

use certsteward::domain::Duration;

/// A generator of its own (splitmix64), so that a seed is a life on every machine.
pub struct Chance(u64);

impl Chance {
    /// Chance for one matter of a life: what is drawn for it does not depend on what is drawn for another.
    pub fn of(seed: u64, matter: &str) -> Self {
        let mut state = seed ^ 0xcbf2_9ce4_8422_2325;
        for byte in matter.bytes() {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        let mut chance = Self(state);
        chance.next();
        chance
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    pub fn one_in(&mut self, number: u64) -> bool {
        self.below(number) == 0
    }

    pub fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }

    pub fn one<T: Copy>(&mut self, of: &[T]) -> T {
        let at = self.below(of.len().try_into().unwrap_or(u64::MAX));
        of[usize::try_from(at).unwrap_or(0)]
    }

    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = u64::try_from(high - low + 1).unwrap_or(1);
        low + i64::try_from(self.below(span)).unwrap_or(0)
    }

    /// A span that is as likely to be of minutes as of hours, days or weeks.
    pub fn span(&mut self, longest: Duration) -> Duration {
        let unit = self.one(&[60, 600, 3_600, 6 * 3_600, 86_400, 7 * 86_400]);
        let seconds = self.between(unit / 10, unit * 3);
        Duration::seconds(seconds).min(longest)
    }
}
