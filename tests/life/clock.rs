//! A clock that steps: nothing wrong is done, and nothing waits for a future that was only read off a clock.

use certsteward::domain::Duration;
use certsteward::domain::event::EventKind;
use certsteward::domain::report::Verb;
use certsteward::domain::watch::Matching;

use crate::support::world::{World, caller};

#[tokio::test]
async fn a_clock_that_steps_back_blinds_nobody() {
    for back in [Duration::hours(1), Duration::days(1), Duration::days(365)] {
        let mut world = World::late(Matching::Dn);
        world.change(|facts| facts.skew = back);
        world.watch.mode = certsteward::domain::watch::Mode::Observe;
        world.pass(Vec::new()).await;
        world.watch.mode = certsteward::domain::watch::Mode::Act;
        world.change(|facts| facts.skew = Duration::zero());
        world.after(1).await;
        world.change(|facts| facts.mappings.clear());
        world.run(60 * 7).await;
        assert_eq!(world.findings()[0], "critical rejected", "{back}: {:?}", world.findings());
    }
}

#[tokio::test]
async fn a_step_back_in_the_middle_of_a_renewal_ends_well() {
    for back in [Duration::hours(1), Duration::days(1), Duration::days(365)] {
        let mut world = World::late(Matching::Dn);
        world.watch.policy.acts_per_day = 3;
        world.change(|facts| {
            facts.skew = back;
            facts.fail_before = vec!["switch"];
        });
        world.command(Verb::Renew).await;
        world.change(|facts| facts.skew = Duration::zero());
        world.run(60 * 26).await;
        assert!(world.record().renewal.is_none() && world.cut_off.is_empty(), "{back}\n{}", world.text());
        assert_eq!(world.change(|facts| facts.issued), 1);
    }
}

#[tokio::test]
async fn a_clock_a_year_ahead_uses_no_certificate_that_looks_due() {
    let mut world = World::late(Matching::Dn);
    world.pass(Vec::new()).await;
    world.change(|facts| facts.skew = Duration::days(365));
    world.after(15).await;
    world.change(|facts| facts.skew = Duration::zero());
    world.run(60).await;
    assert!(world.cut_off.is_empty(), "{}", world.text());
    assert!(world.change(|facts| facts.issued) <= 1);
    assert!(world.change(|facts| facts.is_served("first")));
}

#[tokio::test]
async fn a_clock_that_leaps_back_discards_nothing_that_a_caller_uses() {
    for leap in [Duration::days(1), Duration::days(30), Duration::days(366)] {
        let mut world = World::late(Matching::Dn);
        world.watch.callers.push(caller("second"));
        world.change(|facts| {
            facts.destinations.insert("second".to_owned(), "sfapi.pem".to_owned());
            facts.unseen.insert("second".to_owned());
        });
        world.until_event(EventKind::Switched, 10).await;
        world.change(|facts| facts.skew = -leap);
        world.run(60).await;
        assert!(world.record().renewal.is_some(), "{leap}\n{}", world.story());
        world.change(|facts| {
            facts.skew = Duration::zero();
            facts.unseen.clear();
        });
        world.run(60 * 24).await;
        assert_eq!(world.change(|facts| facts.destinations["second"].clone()), "sfapi-2.pem", "{leap}");
        assert!(world.cut_off.is_empty(), "{leap}\n{}", world.story());
    }
}

#[tokio::test]
async fn a_pause_that_a_clock_ahead_dated_is_still_said_to_last() {
    let mut world = World::late(Matching::Dn);
    world.pass(Vec::new()).await;
    world.change(|facts| facts.skew = Duration::days(366));
    world.command(Verb::Pause).await;
    world.change(|facts| facts.skew = Duration::zero());
    world.run(60 * 24 * 3).await;
    assert!(world.findings().contains(&"warning paused".to_owned()), "{:?}", world.findings());
}
