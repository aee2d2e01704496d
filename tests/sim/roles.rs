//! certsteward's roles, served by the simulated systems: each look and each act passes the faults and the judge.
//! They keep the contracts of the roles, and no more than those.

use std::sync::Arc;

use certsteward::callers::Caller;
use certsteward::clock::Clock;
use certsteward::domain::certificate::Fingerprint;
use certsteward::domain::chain::Chain;
use certsteward::domain::reason::{Answer, Failure, Reason, Unseen};
use certsteward::domain::record::{CopyOrder, Order};
use certsteward::domain::report::{CallerSighting, DestinationFacts, Sighting};
use certsteward::domain::verdict::Probed;
use certsteward::domain::watch::Validity;
use certsteward::domain::{Duration, Timestamp};
use certsteward::engine::execute::Parts;
use certsteward::identity::Identity;
use certsteward::probers::Prober;
use certsteward::renewers::Renewer;
use certsteward::sources::Source;

use super::certificates::Issued;
use super::faults::{self, How};
use super::settings::probe_id;
use super::systems::{Entry, Outside, World};

impl World {
    /// An act: judged before it, hit by faults, and judged by its effect.
    fn act(
        &self,
        kind: &'static str,
        effect: impl FnOnce(&mut Outside) -> Result<(), Failure>,
    ) -> Result<Answer, Failure> {
        let acted = self.with(|outside| {
            if outside.dead {
                return Err(Failure::uncertain(Reason::Interrupted, "the process died"));
            }
            outside.timeline.count(&format!("act {kind}"));
            outside.judge_beginning(kind);
            let how = outside.take_armed(kind);
            if let Some(how) = how {
                let now = outside.now;
                outside.timeline.say(now, || format!("!! {kind}: {how:?}"));
                outside.timeline.count(&format!("fault {kind} {}", word(how)));
            }
            if let Some(failure) = how.and_then(faults::before_effect) {
                outside.dead |= how == Some(How::DiesBefore);
                return Err(failure);
            }
            let away = outside.weather.source.filter(|(until, _)| *until > outside.now && kind != "publish");
            if let Some((_, reason)) = away {
                return Err(Failure::certain(reason, "the store does not answer as it should"));
            }
            let before = outside.service();
            effect(outside)?;
            outside.notice_callers();
            outside.judge_effect(kind, &before);
            match how {
                Some(How::LostAfter) => Err(Failure::uncertain(Reason::Timeout, "no answer within 30 s")),
                Some(How::DiesAfter) => {
                    outside.dead = true;
                    Err(Failure::uncertain(Reason::Interrupted, "the process died"))
                }
                Some(_) | None => Ok(()),
            }
        });
        acted.map(|()| Answer::new(kind, "done"))
    }

    fn see(&self, name: &str, followed: bool) -> Result<Option<Sighting>, Unseen> {
        self.with(|outside| {
            if let Some(unseen) = outside.blind() {
                return Err(unseen);
            }
            let destination = outside.watch.source.destination.clone().filter(|_| followed);
            let destination = destination.map(|id| DestinationFacts {
                name: id,
                authentication: Some("ClientCertificateAuthentication".to_owned()),
                keystore_location: Some(name.to_owned()),
                url: Some("https://api.example.org".to_owned()),
                company_id: None,
            });
            let now = outside.now;
            let entry = outside.entry(name).filter(|entry| entry.seen_from <= now);
            Ok(entry.map(|entry| Sighting {
                chain: (*entry.issued.chain).clone(),
                name: Some(name.to_owned()),
                has_key: None,
                destination,
                oddities: Vec::new(),
            }))
        })
    }

    /// The watch with its roles.
    pub fn parts(&self) -> Parts {
        let watch = self.with(|outside| Arc::clone(&outside.watch));
        let caller = |id: &String| -> (String, Arc<dyn Caller>) {
            (id.clone(), Arc::new(Told(self.clone(), id.clone())))
        };
        let target = |number: usize| -> (String, Arc<dyn certsteward::targets::Target>) {
            (watch.targets[number].id.clone(), Arc::new(Numbered(self.clone(), number)))
        };
        let prober = |number: usize| -> (String, (Arc<dyn Prober>, bool)) {
            (probe_id(number), (Arc::new(Numbered(self.clone(), number)), false))
        };
        Parts {
            places: Vec::new(),
            source: Arc::new(self.clone()),
            renewer: watch.renewal.as_ref().map(|_| -> Arc<dyn Renewer> { Arc::new(self.clone()) }),
            callers: watch.callers.iter().map(|each| caller(&each.id)).collect(),
            targets: (0..watch.targets.len()).map(target).collect(),
            probers: (0..watch.probes.len()).map(prober).collect(),
            watch,
        }
    }
}

fn word(how: How) -> &'static str {
    match how {
        How::Refused => "refused",
        How::Limited(_) => "limited",
        How::LostBefore => "lost before it",
        How::LostAfter => "lost after it",
        How::Conflict => "conflict",
        How::DiesBefore => "death before it",
        How::DiesAfter => "death after it",
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        self.with(|outside| {
            let tick = outside.tick;
            outside.now += tick;
            outside.our_time()
        })
    }
}

#[async_trait::async_trait]
impl Source for World {
    async fn look(&self, entry: Option<&str>) -> Result<Option<Sighting>, Unseen> {
        let name = entry.map_or_else(|| self.with(|outside| outside.followed()), str::to_owned);
        self.see(&name, entry.is_none())
    }

    async fn identity(&self, entry: Option<&str>) -> Result<Identity, Unseen> {
        let issued = self.with(|outside| {
            if let Some(unseen) = outside.blind() {
                return Err(unseen);
            }
            let name = entry.map_or_else(|| outside.followed(), str::to_owned);
            let away = outside.is_until(outside.weather.key);
            let found = outside.entry(&name).filter(|_| !away).map(|entry| entry.issued.clone());
            found.ok_or_else(|| Unseen::new(Reason::KeyUnavailable, "the key cannot be had"))
        })?;
        Identity::new((*issued.chain).clone(), issued.key())
    }
}

#[async_trait::async_trait]
impl Renewer for World {
    async fn look(&self, name: &str) -> Result<Option<Sighting>, Unseen> {
        self.see(name, false)
    }

    async fn issue(&self, order: &Order) -> Result<Answer, Failure> {
        self.act("issue", |outside| {
            if !order.in_place && outside.entry(&order.name).is_some() {
                return Ok(());
            }
            let days = match order.validity {
                Validity::Days(days) => i64::from(days),
                Validity::Months(months) => i64::from(months) * 30,
                Validity::Years(years) => i64::from(years) * 365,
            };
            let (from, to) = (outside.now - Duration::hours(1), outside.now + Duration::days(days));
            let issued = Issued::new(&order.common_name, from, to, outside.issued, 0);
            outside.issued += 1;
            outside.judge_issue(order);
            // In place the old content is shown until the new one is: that is the same as being seen at once.
            let late = if order.in_place { Duration::zero() } else { outside.weather.late };
            let seen_from = outside.now + late;
            let entry = Entry { issued, renews: false, seen_from, ours: true, used: false };
            outside.entries().insert(order.name.clone(), entry);
            Ok(())
        })
    }

    async fn copy(&self, copy: &CopyOrder) -> Result<Answer, Failure> {
        self.act("copy", |outside| {
            let print = |name: &str| outside.entry(name).map(|entry| entry.issued.chain.fingerprint());
            let holds = print(&copy.to);
            if holds == Some(copy.fingerprint) {
                return Ok(());
            }
            if print(&copy.from) != Some(copy.fingerprint) || holds != copy.over {
                return Err(Failure::certain(Reason::StateChanged, "an entry holds something else"));
            }
            let entry = outside.entry(&copy.from).cloned();
            let entry = entry.map(|entry| Entry { renews: false, ours: true, used: false, ..entry });
            outside.entries().extend(entry.map(|entry| (copy.to.clone(), entry)));
            Ok(())
        })
    }

    async fn remove(&self, name: &str, fingerprint: Fingerprint) -> Result<Answer, Failure> {
        self.act("remove", |outside| {
            let holds = outside.entry(name).map(|entry| entry.issued.chain.fingerprint());
            if holds.is_some_and(|holds| holds != fingerprint) {
                return Err(Failure::certain(Reason::StateChanged, "the entry holds another certificate"));
            }
            outside.judge_removal(name);
            outside.entries().remove(name);
            Ok(())
        })
    }
}

/// One caller.
struct Told(World, String);

#[async_trait::async_trait]
impl Caller for Told {
    async fn look(&self) -> Result<CallerSighting, Unseen> {
        self.0.with(|outside| {
            if let Some(unseen) = outside.blind() {
                return Err(unseen);
            }
            if outside.is_until(outside.weather.callers) {
                return Err(Unseen::new(Reason::Unavailable, "503 Service Unavailable"));
            }
            Ok(CallerSighting { uses: outside.destinations.get(&self.1).map(|one| one.names.clone()) })
        })
    }

    async fn switch(&self, from: &str, to: &str) -> Result<Answer, Failure> {
        self.0.act("switch", |outside| {
            let away = outside.is_until(outside.weather.callers);
            let Some(destination) = outside.destinations.get_mut(&self.1).filter(|_| !away) else {
                return Err(Failure::certain(Reason::Unavailable, "503 Service Unavailable"));
            };
            if destination.names != to && destination.names != from {
                let text = format!("it uses {} now", destination.names);
                return Err(Failure::certain(Reason::StateChanged, text));
            }
            destination.names = to.to_owned();
            destination.strayed = false;
            let print = outside.entry(to).map(|entry| entry.issued.chain.fingerprint());
            let led = print.map(|print| (self.1.clone(), to.to_owned(), print));
            outside.judge.led.extend(led);
            Ok(())
        })
    }
}

/// One system, as a target and as what a probe calls.
struct Numbered(World, usize);

#[async_trait::async_trait]
impl Prober for Numbered {
    async fn probe(&self, identity: Option<&Identity>, now: Timestamp) -> Probed {
        let chain = identity.unwrap().chain();
        let (verdict, wish) = self.0.with(|outside| {
            outside.outlives_call();
            outside.timeline.count("probes");
            let (true_now, permission) = (outside.now, !outside.is_until(outside.weather.permission));
            if let Some((_, verdict, wish)) = outside.weather.api.filter(|(until, _, _)| *until > true_now) {
                return (verdict, wish);
            }
            let before = outside.systems[self.1].ratchet.then(|| outside.service());
            let verdict = outside.systems[self.1].answer(chain, true_now, permission);
            before.iter().for_each(|before| outside.judge_effect("call", before));
            outside.judge_logon(self.1);
            (verdict, None)
        });
        Probed {
            verdict,
            detail: None,
            status: None,
            at: now,
            phases: Vec::new(),
            presented: Some(chain.fingerprint()),
            asked_for_certificate: true,
            acceptable_authorities: Vec::new(),
            tls_version: None,
            cipher: None,
            server_chain: Vec::new(),
            text: String::new(),
            retry_after_seconds: wish,
        }
    }
}

#[async_trait::async_trait]
impl certsteward::targets::Target for Numbered {
    async fn look(&self, chain: &Chain) -> Result<Option<bool>, Unseen> {
        self.0.with(|outside| {
            outside.outlives_call();
            if outside.is_until(outside.weather.targets) {
                return Err(Unseen::new(Reason::Timeout, "no answer within 30 s"));
            }
            let mappings = &outside.systems[self.1].mappings;
            Ok(Some(mappings.iter().any(|mapped| mapped.fingerprint() == chain.fingerprint())))
        })
    }

    async fn publish(&self, chain: &Chain) -> Result<Answer, Failure> {
        self.0.act("publish", |outside| {
            if outside.is_until(outside.weather.targets) {
                return Err(Failure::certain(Reason::Unavailable, "503 Service Unavailable"));
            }
            let system = &mut outside.systems[self.1];
            system.delete_name(chain);
            system.add(&Arc::new(chain.clone()));
            Ok(())
        })
    }
}
