//! The settings of one life, drawn from its seed, and the watch they make.
//! They are the whole of what certsteward is told beforehand.

use std::collections::BTreeMap;

use certsteward::domain::Duration;
use certsteward::domain::policy::{Emergency, Policy, Retire};
use certsteward::domain::watch::{
    AutoRenew, Caller, Delivery, Mapping, Matching, Mode, Probe, Rotation, SourceFacts, SubjectChoice,
    SwitchBy, Target, Terms, Validity, Watch,
};
use certsteward::domain::window::{Freeze, Window};

use super::chance::Chance;
use super::timeline::epoch;

/// One relying party.
#[derive(Debug, Clone)]
pub struct SystemSettings {
    pub matching: Matching,
    /// What certsteward is told of it.
    pub told: Matching,
    pub delivery: Delivery,
    pub locks_at: Option<u32>,
    /// A call with a newer certificate shuts the older ones out.
    pub ratchet: bool,
    /// A call shows whether it knows a certificate.
    pub probed: bool,
}

/// One caller.
#[derive(Debug, Clone)]
pub struct CallerSettings {
    pub instance: bool,
    pub cache: Duration,
}

/// One life's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    pub file: bool,
    pub mode: Mode,
    pub rotation: Rotation,
    pub subject: SubjectChoice,
    pub common_name: bool,
    /// Of what is issued, in days.
    pub days: u32,
    pub first_days: i64,
    /// The store renews the first entry by itself.
    pub renews: bool,
    pub auto_renew: AutoRenew,
    pub retire: Retire,
    pub retire_after: Duration,
    pub settle: Duration,
    pub emergency: Emergency,
    pub four_eyes: bool,
    pub acts_per_day: u32,
    pub window: Option<&'static str>,
    pub freeze: Option<(i64, i64)>,
    /// The source follows the first destination; else it names the entry.
    pub follows: bool,
    pub level: usize,
    pub systems: Vec<SystemSettings>,
    pub callers: Vec<CallerSettings>,
    /// Whether there are probes at all.
    pub probes: bool,
    pub every: Duration,
    pub bell: Duration,
    pub tick_milliseconds: i64,
    pub life: Duration,
    pub late: Duration,
    pub sqlite: bool,
    /// How many of the people asked do not do what they are asked, in percent.
    pub sloppy: u64,
    /// Whether the candidate is put under the original name.
    pub by_entry: bool,
    /// How long before the store's own renewal what is in force is kept from it.
    pub hold: Option<Duration>,
}

pub fn system_id(number: usize) -> String {
    format!("system-{}", number + 1)
}

pub fn caller_id(number: usize) -> String {
    format!("caller-{}", number + 1)
}

impl Settings {
    pub fn draw(seed: u64) -> Self {
        let chance = &mut Chance::of(seed, "settings");
        let file = chance.percent(8);
        let days = chance.one(&[7, 7, 14, 30, 90, 90, 180, 365, 365, 365, 365]);
        let rotation = chance.one(&[
            Rotation::SideBySide,
            Rotation::SideBySide,
            Rotation::SideBySide,
            Rotation::InPlace,
            Rotation::LeftToSource,
        ]);
        let renews = !file && (rotation == Rotation::LeftToSource || chance.percent(40));
        let told = chance.one(&[AutoRenew::Unknown, if renews { AutoRenew::Yes } else { AutoRenew::No }]);
        let subjects =
            [SubjectChoice::Auto, SubjectChoice::Auto, SubjectChoice::Same, SubjectChoice::Counted];
        let level = usize::from(chance.percent(30));
        let callers = 1 + chance.below(3);
        let systems = 1 + u64::from(chance.percent(25));
        let probes = Chance::of(seed, "probes").percent(85);
        let subject = chance.one(&subjects);
        let in_place = rotation == Rotation::InPlace;
        let subject =
            if in_place && subject == SubjectChoice::Counted { SubjectChoice::Same } else { subject };
        Self {
            file,
            mode: chance.one(&[Mode::Act, Mode::Act, Mode::Act, Mode::Propose, Mode::Propose, Mode::Observe]),
            rotation,
            subject,
            common_name: chance.percent(60) || subject == SubjectChoice::Counted,
            days,
            first_days: i64::from(days) * if chance.percent(20) { 2 } else { 1 },
            renews,
            auto_renew: if file { AutoRenew::No } else { told },
            retire: chance.one(&[Retire::Ask, Retire::Auto, Retire::Auto, Retire::Never]),
            retire_after: Duration::days(chance.one(&[1, 3, 14])),
            settle: Duration::minutes(chance.one(&[20, 20, 180])),
            emergency: emergency(chance),
            four_eyes: chance.percent(30),
            acts_per_day: chance.one(&[20, 20, 4]),
            window: window(chance),
            freeze: chance.percent(20).then(|| (chance.between(20, 400), chance.between(2, 12))),
            follows: chance.percent(60),
            level,
            systems: (0..systems)
                .map(|number| SystemSettings::draw(chance, (seed, number), probes))
                .collect(),
            callers: (0..callers).map(|_| CallerSettings::draw(chance, level)).collect(),
            probes,
            every: Duration::hours(chance.one(&[6, 24, 24, 72])),
            bell: Duration::hours(chance.one(&[6, 24, 48, 48])),
            tick_milliseconds: chance.one(&[0, 1, 50, 2_000]),
            life: Duration::days(
                i64::from(days) * chance.one(&[3, 4, 6]).min(1_300 / i64::from(days).max(1)),
            ),
            late: Duration::minutes(chance.one(&[0, 0, 0, 1, 25])),
            sqlite: chance.one_in(24),
            sloppy: chance.one(&[0, 10, 40]),
            by_entry: rotation == Rotation::SideBySide && Chance::of(seed, "entry").percent(30),
            hold: Chance::of(seed, "hold").percent(80).then(|| Duration::days(3)),
        }
    }

    pub fn entry(&self) -> &'static str {
        if self.file { "/etc/app/client.pem" } else { "sfapi.pem" }
    }

    fn renewal(&self) -> Option<Terms> {
        (!self.file).then(|| Terms {
            kind: "destination-service".to_owned(),
            rotation: self.rotation,
            subject: self.subject,
            common_name: self.common_name.then(|| "SFAPI-{n}".to_owned()),
            validity: Validity::Days(self.days),
            window: self.window.map(|text| Window::parse(text).unwrap()),
            switch: if self.by_entry { SwitchBy::Entry } else { SwitchBy::Caller },
        })
    }

    fn policy(&self) -> Policy {
        Policy {
            settle: self.settle,
            retire: self.retire,
            retire_after: self.retire_after,
            emergency: self.emergency,
            acts_per_day: self.acts_per_day,
            four_eyes: self.four_eyes,
            hold: self.hold,
            ..Policy::default()
        }
    }

    fn target(&self, number: usize, of: &SystemSettings) -> Target {
        Target {
            id: system_id(number),
            kind: "successfactors".to_owned(),
            delivery: of.delivery,
            tenant: Some(tenant(number)),
            matching: of.told,
            proven_by: if of.probed {
                Some(probe_id(number))
            } else {
                self.probes.then(|| "none".to_owned())
            },
            max_rejections: of.locks_at,
            refuses_same_subject: true,
            ratchet: of.ratchet,
            cache: None,
            mapping: Mapping::default(),
            assignee: (number == 0).then(|| "hris".to_owned()),
            deputy: (number == 0).then(|| "ops".to_owned()),
            escalate_after: Duration::days(5),
        }
    }

    /// What certsteward is configured with.
    pub fn watch(&self) -> Watch {
        let systems = || self.systems.iter().enumerate();
        let probe = |number: usize| Probe {
            id: probe_id(number),
            url: "https://api.example.org/odata".to_owned(),
            tenant: Some(tenant(number)),
            every: self.every,
        };
        let caller = |(number, of): (usize, &CallerSettings)| Caller {
            id: caller_id(number),
            kind: "destination-service".to_owned(),
            cache: of.cache,
        };
        let freeze = self.freeze.map(|(day, length)| {
            let from = (epoch() + Duration::days(day)).date_naive();
            Freeze { from, to: from + Duration::days(length) }
        });
        let kind = if self.file { "file" } else { "destination-service" };
        Watch {
            id: "sf".to_owned(),
            labels: BTreeMap::new(),
            mode: self.mode,
            policy: self.policy().into(),
            source: SourceFacts {
                kind: kind.to_owned(),
                connection: Some("btp".to_owned()),
                place: format!("btp subaccount {}", self.entry()),
                destination: (self.follows && !self.file).then(|| caller_id(0)),
                auto_renew: self.auto_renew,
                key_readable: true,
                usage: certsteward::domain::watch::Usage::Client,
                served_as: Vec::new(),
            },
            renewal: self.renewal().map(Box::new),
            callers: self.callers.iter().enumerate().filter(|_| !self.file).map(caller).collect(),
            targets: systems().map(|(number, of)| self.target(number, of)).collect(),
            probes: systems().filter(|(_, of)| of.probed).map(|(number, _)| probe(number)).collect(),
            freezes: freeze.into_iter().collect(),
            found_by: None,
            places: Vec::new(),
        }
    }
}

pub fn probe_id(number: usize) -> String {
    format!("probe-{}", number + 1)
}

fn tenant(number: usize) -> String {
    format!("api-{number}.example.org/ACME")
}

impl SystemSettings {
    fn draw(chance: &mut Chance, (seed, number): (u64, u64), probes: bool) -> Self {
        let matching = chance.one(&[Matching::Dn, Matching::Exact]);
        let kind = &mut Chance::of(seed, &format!("kind of system {number}"));
        // The second one may be of the kind that no call can tell of.
        let probed = probes && !(number == 1 && kind.percent(35));
        let ratchet = probed && kind.percent(12);
        let delivery = kind.percent(25).then_some(Delivery::Direct);
        Self {
            matching,
            told: chance.one(&[Matching::Unknown, Matching::Unknown, matching]),
            delivery: delivery.unwrap_or(Delivery::HandOff),
            ratchet,
            probed,
            locks_at: chance.one(&[None, None, Some(5)]),
        }
    }
}

impl CallerSettings {
    /// An entry of an instance is seen by callers of that instance only.
    fn draw(chance: &mut Chance, level: usize) -> Self {
        let instance = level == 1 || chance.percent(30);
        Self { instance, cache: Duration::minutes(chance.one(&[0, 1, 5, 5, 15])) }
    }
}

fn emergency(chance: &mut Chance) -> Emergency {
    chance.one(&[Emergency::FromCritical, Emergency::Never, Emergency::Within(Duration::days(2))])
}

fn window(chance: &mut Chance) -> Option<&'static str> {
    let hours = [Some("Mon-Thu 08:00-16:00 Europe/Berlin"), Some("Sat,Sun 22:00-04:00")];
    chance.one(&[None, None, None, hours[0], hours[1]])
}
