//! Random lives with random faults and a person who takes their time: what must hold always, holds.

use certsteward::domain::Duration;
use certsteward::domain::record::Ask;
use certsteward::domain::verdict::Verdict;
use certsteward::domain::watch::{Matching, Rotation, SubjectChoice};

use crate::support::world::{World, epoch};

/// A small generator of its own, so that a seed is a life on every machine. `CERTSTEWARD_SEED` and `CERTSTEWARD_LIVES` choose others.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(u64::try_from(of.len()).unwrap())).unwrap()]
    }
}

fn begin(chance: &mut Chance) -> (World, String) {
    let matching = chance.one(&[Matching::Dn, Matching::Exact]);
    let rotation = chance.one(&[Rotation::SideBySide, Rotation::SideBySide, Rotation::InPlace]);
    let subject = match rotation {
        Rotation::InPlace => SubjectChoice::Same,
        Rotation::SideBySide | Rotation::LeftToSource => {
            chance.one(&[SubjectChoice::Auto, SubjectChoice::Same, SubjectChoice::Counted])
        }
    };
    let mut world = World::late(matching);
    world.terms().rotation = rotation;
    world.terms().subject = subject;
    (world, format!("{matching:?} {rotation:?} {subject:?}"))
}

fn fault(world: &mut World, chance: &mut Chance) {
    let act = chance.one(&["issue", "switch", "remove"]);
    let what = chance.below(10);
    world.timeline.push(format!("-- fault {what} {act}"));
    world.change(|facts| match what {
        0 => facts.fail_before.push(act),
        1 => facts.fail_after.push(act),
        2 => facts.api = Some(Verdict::Unavailable),
        3 => facts.sees = false,
        4 => facts.die_before = Some(act),
        5 => facts.die_after = Some(act),
        6 => facts.dead = true,
        7 => facts.fail_open.push(act),
        _ => (facts.api, facts.sees) = (None, true),
    });
}

/// Every destination is served, or a gap was announced, or a person is asked about what is in force.
fn check(world: &World, life: &str) {
    let served = world.change(|facts| facts.is_served("first"));
    let gap = world.text().contains("gap-announced");
    assert!(served || gap, "{life}: cut off without an announced gap\n{}", world.text());
    let generations = world.record().generation.max(1);
    let most = if life.contains("Auto") { generations + 1 } else { generations };
    let issued = world.change(|facts| facts.issued);
    assert!(issued <= most, "{life}: {issued} issued in {generations}\n{}", world.text());
    let live = world.change(|facts| facts.names()).len();
    let known = 1 + world.record().leftovers.len() + usize::from(world.record().renewal.is_some());
    assert!(live <= known, "{life}: {live} entries, {known} known\n{}", world.text());
    if world.record().unseen.is_some() {
        assert!(world.view().level.number() >= 2, "{life}: unseen is shown");
    }
}

async fn serve(world: &mut World) {
    let question = world.question();
    world.change(|facts| {
        if question.ask != Ask::Add {
            facts.unmap(&question.chain);
        }
        let there = facts.mappings.iter().any(|mapped| mapped.fingerprint() == question.chain.fingerprint());
        if question.ask != Ask::Remove && !there {
            facts.unmap(&question.chain);
            facts.map(&question.chain);
        }
    });
}

async fn live(seed: u64) {
    let mut chance = Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let (mut world, life) = begin(&mut chance);
    let life = format!("seed {seed} {life}");
    world.pass(Vec::new()).await;
    for _ in 0..60 {
        if chance.below(4) == 0 {
            fault(&mut world, &mut chance);
        }
        if chance.below(8) == 0 && world.view.as_ref().is_some_and(|view| !view.hand_offs.is_empty()) {
            serve(&mut world).await;
        }
        let minutes = chance.one(&[1, 5, 20, 60, 240, 1440]);
        world.after(minutes).await;
        if world.record.is_some() && !world.fresh {
            check(&world, &life);
        }
    }
    world.change(|facts| (facts.api, facts.sees, facts.dead) = (None, true, false));
    world.change(|facts| (facts.fail_before, facts.fail_after) = (Vec::new(), Vec::new()));
    world.change(|facts| facts.fail_open.clear());
    world.change(|facts| (facts.die_before, facts.die_after) = (None, None));
    for _ in 0..3 {
        world.run(120).await;
        if !world.view().hand_offs.is_empty() {
            serve(&mut world).await;
        }
    }
    world.run(60 * 24).await;
    check(&world, &life);
    let (now, text) = (world.change(|facts| facts.now), world.text());
    let renewed = world.record().in_force.as_ref().is_some_and(|standing| standing.ours);
    let due = now > epoch() + Duration::days(306);
    assert!(world.change(|facts| facts.is_served("first")), "{life}: not served at the end\n{text}");
    assert!(renewed || !due || world.view().level.number() >= 2, "{life}: {:?}\n{text}", world.findings());
}

#[tokio::test]
async fn random_lives_lose_no_caller() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = number("CERTSTEWARD_SEED").unwrap_or(1);
    let lives = number("CERTSTEWARD_LIVES").unwrap_or(40);
    for seed in first..first + lives {
        live(seed).await;
    }
}
