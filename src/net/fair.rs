//! Who goes next where places are few: so many at once on one lane, so many in all, and the lane with the fewest goes first.
//! It waits for nothing and knows neither connections nor watches.

use std::collections::{BTreeMap, HashMap, VecDeque};

/// How many may go at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// On all lanes together.
    pub whole: usize,
    /// On one lane.
    pub per_lane: usize,
}

/// What waits, by lane. Of the lanes that may go on, the one with the fewest under way is next, and of equals the one that has
/// waited longest; so a lane on which everything is slow keeps the others waiting no longer than its own share lasts.
#[derive(Debug)]
pub struct Fair<T> {
    limits: Limits,
    under_way: usize,
    lanes: HashMap<String, Lane<T>>,
    /// The lanes that may go on: how many they have under way, and since when they wait.
    ready: BTreeMap<(usize, u64), String>,
    count: u64,
}

#[derive(Debug)]
struct Lane<T> {
    under_way: usize,
    waiting: VecDeque<T>,
    /// Where it stands among the lanes that may go on.
    place: Option<(usize, u64)>,
}

impl<T> Fair<T> {
    /// Nobody waits yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, under_way: 0, lanes: HashMap::new(), ready: BTreeMap::new(), count: 0 }
    }

    /// Sets other limits. What is under way goes on.
    pub fn limit(&mut self, limits: Limits) {
        self.limits = limits;
        let lanes: Vec<String> = self.lanes.keys().cloned().collect();
        lanes.iter().for_each(|lane| self.settle(lane));
    }

    /// Puts something at the end of a lane's queue.
    pub fn wait(&mut self, lane: &str, what: T) {
        let fresh = || Lane { under_way: 0, waiting: VecDeque::new(), place: None };
        self.lanes.entry(lane.to_owned()).or_insert_with(fresh).waiting.push_back(what);
        self.settle(lane);
    }

    /// What goes next, and on which lane; none where nothing waits or nothing more may go.
    pub fn go(&mut self) -> Option<(String, T)> {
        if self.under_way >= self.limits.whole {
            return None;
        }
        let (_, lane) = self.ready.pop_first()?;
        let held = self.lanes.get_mut(&lane)?;
        held.place = None;
        let what = held.waiting.pop_front()?;
        held.under_way = held.under_way.saturating_add(1);
        self.under_way = self.under_way.saturating_add(1);
        self.settle(&lane);
        Some((lane, what))
    }

    /// Something that went on this lane has ended.
    pub fn ended(&mut self, lane: &str) {
        if let Some(held) = self.lanes.get_mut(lane) {
            held.under_way = held.under_way.saturating_sub(1);
            self.under_way = self.under_way.saturating_sub(1);
            self.settle(lane);
        }
    }

    /// How many are under way.
    #[must_use]
    pub const fn under_way(&self) -> usize {
        self.under_way
    }

    /// Puts a lane where it belongs now.
    fn settle(&mut self, lane: &str) {
        let Some(held) = self.lanes.get_mut(lane) else { return };
        if held.waiting.is_empty() && held.under_way == 0 {
            let place = held.place;
            self.lanes.remove(lane);
            self.stand(lane, place, None);
            return;
        }
        let before = held.place;
        let may_go = !held.waiting.is_empty() && held.under_way < self.limits.per_lane;
        let stays = before.is_some_and(|(under_way, _)| under_way == held.under_way);
        if may_go && stays {
            return;
        }
        let after = may_go.then_some((held.under_way, self.count));
        self.count = self.count.wrapping_add(1);
        held.place = after;
        self.stand(lane, before, after);
    }

    fn stand(&mut self, lane: &str, before: Option<(usize, u64)>, after: Option<(usize, u64)>) {
        if let Some(place) = before {
            self.ready.remove(&place);
        }
        if let Some(place) = after {
            self.ready.insert(place, lane.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fair(whole: usize, per_lane: usize) -> Fair<u32> {
        Fair::new(Limits { whole, per_lane })
    }

    /// Everything that may go now.
    fn all(fair: &mut Fair<u32>) -> Vec<(String, u32)> {
        std::iter::from_fn(|| fair.go()).collect()
    }

    fn went(fair: &mut Fair<u32>) -> String {
        let all: Vec<String> = all(fair).into_iter().map(|(lane, what)| format!("{lane}{what}")).collect();
        all.join(" ")
    }

    #[test]
    fn a_lane_gets_no_more_than_its_share_and_keeps_its_order() {
        let mut fair = fair(10, 2);
        (1..=5).for_each(|n| fair.wait("a", n));
        assert_eq!(went(&mut fair), "a1 a2");
        fair.ended("a");
        assert_eq!(went(&mut fair), "a3");
        assert_eq!(fair.under_way(), 2);
    }

    #[test]
    fn a_lane_that_is_stuck_does_not_hold_up_another() {
        let mut fair = fair(10, 2);
        (1..=200).for_each(|n| fair.wait("stuck", n));
        all(&mut fair);
        (1..=3).for_each(|n| fair.wait("good", n));
        assert_eq!(went(&mut fair), "good1 good2");
        fair.ended("good");
        assert_eq!(went(&mut fair), "good3");
    }

    #[test]
    fn where_all_places_are_taken_the_lane_with_the_fewest_is_next() {
        let mut fair = fair(4, 2);
        for lane in ["a", "b", "c"] {
            (1..=3).for_each(|n| fair.wait(lane, n));
        }
        assert_eq!(went(&mut fair), "a1 b1 c1 a2");
        fair.wait("new", 1);
        fair.ended("a");
        assert_eq!(went(&mut fair), "new1", "nothing of it is under way yet");
        fair.ended("c");
        assert_eq!(went(&mut fair), "c2", "the one with none under way again goes before those with one");
    }

    #[test]
    fn of_equals_the_one_that_has_waited_longest_is_next() {
        let mut fair = fair(1, 1);
        for (lane, what) in [("a", 1), ("b", 1), ("c", 1), ("a", 2)] {
            fair.wait(lane, what);
        }
        let mut order = Vec::new();
        while let Some((lane, what)) = fair.go() {
            order.push(format!("{lane}{what}"));
            fair.ended(&lane);
        }
        assert_eq!(order.join(" "), "a1 b1 c1 a2");
    }

    /// Lives through calls in virtual time: each has a lane and takes so many milliseconds. When each lane's last call ended.
    fn lived(mut fair: Fair<u64>, calls: &[(&str, u64)]) -> BTreeMap<String, u64> {
        calls.iter().for_each(|(lane, takes)| fair.wait(lane, *takes));
        let (mut now, mut going, mut last) = (0, Vec::new(), BTreeMap::new());
        loop {
            going.extend(std::iter::from_fn(|| fair.go()).map(|(lane, takes)| (now + takes, lane)));
            going.sort();
            if going.is_empty() {
                return last;
            }
            let (ends, lane) = going.remove(0);
            fair.ended(&lane);
            now = ends;
            last.insert(lane, ends);
        }
    }

    #[test]
    fn two_hundred_calls_that_never_end_delay_no_other_lane() {
        let black_hole = [("black-hole", 30_000)].repeat(200);
        let good = [("good", 10)].repeat(20);
        let limits = Limits { whole: 8, per_lane: 4 };
        let last = lived(Fair::new(limits), &[black_hole, good].concat());
        assert_eq!(last["good"], 50, "five rounds of four");
        assert_eq!(last["black-hole"], 1_500_000, "fifty rounds of four");
    }

    #[test]
    fn where_slow_lanes_hold_every_place_another_waits_for_one_round_only() {
        let slow = [("a", 30_000), ("b", 30_000), ("c", 30_000)].repeat(100);
        let late = [("good", 10)].repeat(4);
        let limits = Limits { whole: 8, per_lane: 4 };
        let last = lived(Fair::new(limits), &[slow, late].concat());
        assert!(last["good"] <= 30_040, "{last:?}");
    }

    #[test]
    fn nothing_is_kept_of_a_lane_that_is_empty() {
        let mut fair = fair(4, 2);
        (1..=3).for_each(|n| fair.wait("a", n));
        assert_eq!(went(&mut fair), "a1 a2");
        (1..=2).for_each(|_| fair.ended("a"));
        assert_eq!(went(&mut fair), "a3");
        fair.ended("a");
        fair.ended("a");
        assert!(fair.lanes.is_empty() && fair.ready.is_empty() && fair.under_way() == 0);
    }

    #[test]
    fn other_limits_hold_at_once() {
        let mut fair = fair(4, 1);
        (1..=4).for_each(|n| fair.wait("a", n));
        assert_eq!(went(&mut fair), "a1");
        fair.limit(Limits { whole: 4, per_lane: 3 });
        assert_eq!(went(&mut fair), "a2 a3");
        fair.limit(Limits { whole: 4, per_lane: 1 });
        fair.ended("a");
        fair.ended("a");
        assert_eq!(went(&mut fair), "");
        fair.ended("a");
        assert_eq!(went(&mut fair), "a4");
    }

    #[test]
    fn a_hundred_thousand_lanes_cost_no_more_than_they_must() {
        let mut fair = fair(64, 4);
        (0..100_000).for_each(|n| fair.wait(&format!("host{n}"), n));
        let mut ended = 0;
        let mut going: VecDeque<String> = all(&mut fair).into_iter().map(|(lane, _)| lane).collect();
        while let Some(lane) = going.pop_front() {
            fair.ended(&lane);
            ended += 1;
            going.extend(all(&mut fair).into_iter().map(|(lane, _)| lane));
        }
        assert_eq!(ended, 100_000);
    }
}
