//! Everything outside certsteward as it truly is: stores of entries, tenants with mappings, destinations and their caches.
//! Who may have changed what is the judge's matter, not this one's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use certsteward::domain::certificate::Fingerprint;
use certsteward::domain::chain::Chain;
use certsteward::domain::event::EventKind;
use certsteward::domain::policy::renewal_threshold;
use certsteward::domain::record::Record;
use certsteward::domain::verdict::Verdict;
use certsteward::domain::watch::{Matching, Watch};
use certsteward::domain::{Duration, Timestamp};

use super::certificates::Issued;
use super::faults::{Armed, Weather};
use super::timeline::{Timeline, epoch};

/// An entry of a store.
#[derive(Clone)]
pub struct Entry {
    pub issued: Issued,
    /// SAP renews it in place at its threshold, by itself.
    pub renews: bool,
    /// Late visibility: looks do not show it before.
    pub seen_from: Timestamp,
    /// certsteward issued it.
    pub ours: bool,
    /// It was named by a destination, or in force, at some time.
    pub used: bool,
}

/// A caller: what it is told to use, and what it may still use of what it read before.
pub struct Destination {
    pub names: String,
    /// On the level of an instance: it finds its entry there first.
    pub instance: bool,
    /// What a redeployment puts back.
    pub deployed: String,
    pub cache: Duration,
    used: Vec<(Timestamp, Option<Arc<Chain>>)>,
    /// Somebody else than certsteward changed what it names, last.
    pub strayed: bool,
}

/// A relying party.
pub struct System {
    pub id: String,
    pub matching: Matching,
    pub mappings: Vec<Arc<Chain>>,
    /// Refused logons in a row, as it counts certsteward's.
    pub refused: u32,
    last_refusal: Timestamp,
    pub locks_at: Option<u32>,
    /// A call with a newer certificate shuts the older ones out.
    pub ratchet: bool,
    /// The newest certificate that called, by its beginning.
    newest: Option<Timestamp>,
    /// Whether a call shows certsteward what it knows.
    pub probed: bool,
    /// Somebody else than certsteward took a mapping away, or put a wrong one there.
    pub tampered: bool,
    /// Certificates of which a person said that it knows them, and it does not.
    pub lies: BTreeSet<Fingerprint>,
}

impl System {
    pub fn knows(&self, chain: &Chain) -> bool {
        self.mappings.iter().any(|mapped| match self.matching {
            Matching::Dn => {
                mapped.leaf.subject == chain.leaf.subject && mapped.leaf.issuer == chain.leaf.issuer
            }
            Matching::Exact | Matching::Unknown => mapped.fingerprint() == chain.fingerprint(),
        })
    }

    /// Whether a caller with this certificate is served.
    pub fn serves(&self, chain: &Chain, now: Timestamp) -> bool {
        chain.leaf.is_valid_at(now) && self.knows(chain) && !self.shuts_out(chain)
    }

    pub fn shuts_out(&self, chain: &Chain) -> bool {
        self.ratchet && self.newest.is_some_and(|newest| chain.leaf.not_before < newest)
    }

    /// Somebody calls with this certificate and is served.
    fn is_called(&mut self, chain: &Chain, now: Timestamp) {
        if self.ratchet && self.serves(chain, now) {
            self.newest = self.newest.max(Some(chain.leaf.not_before));
        }
    }

    /// Adds a mapping; a second one with the same issuer and subject is refused.
    pub fn add(&mut self, chain: &Arc<Chain>) -> bool {
        if self.mappings.iter().any(|mapped| mapped.fingerprint() == chain.fingerprint()) {
            return true;
        }
        if self.has_same_name(chain) {
            return false;
        }
        self.mappings.push(Arc::clone(chain));
        true
    }

    pub fn has_same_name(&self, chain: &Chain) -> bool {
        let leaf = &chain.leaf;
        self.mappings
            .iter()
            .any(|mapped| mapped.leaf.subject == leaf.subject && mapped.leaf.issuer == leaf.issuer)
    }

    /// Deletes the mapping of this issuer and subject.
    pub fn delete_name(&mut self, chain: &Chain) {
        let leaf = &chain.leaf;
        self.mappings
            .retain(|mapped| mapped.leaf.subject != leaf.subject || mapped.leaf.issuer != leaf.issuer);
    }

    pub fn delete(&mut self, chain: &Chain) {
        self.mappings.retain(|mapped| mapped.fingerprint() != chain.fingerprint());
    }

    /// What a call by certsteward with this certificate is answered.
    pub fn answer(&mut self, chain: &Chain, now: Timestamp, permission: bool) -> Verdict {
        if now - self.last_refusal >= Duration::hours(24) {
            self.refused = 0;
        }
        if self.locks_at.is_some_and(|limit| self.refused >= limit) {
            return Verdict::LoginRefused;
        }
        if !chain.leaf.is_valid_at(now) {
            return Verdict::CertificateRefused;
        }
        if !self.knows(chain) || self.shuts_out(chain) {
            self.refused += 1;
            self.last_refusal = now;
            return Verdict::NotMapped;
        }
        self.refused = 0;
        self.is_called(chain, now);
        if permission { Verdict::Accepted } else { Verdict::NoPermission }
    }
}

/// All of it.
pub struct Outside {
    /// The true time.
    pub now: Timestamp,
    /// What certsteward's clock is ahead of it.
    pub skew: Duration,
    /// When that last changed.
    pub skewed_at: Timestamp,
    /// How far each reading of the clock moves the time.
    pub tick: Duration,
    pub watch: Arc<Watch>,
    /// On the subaccount, and on the instance.
    pub stores: [BTreeMap<String, Entry>; 2],
    /// Where the watch's entries live.
    pub level: usize,
    /// The entry the configuration names, where no destination is followed.
    pub configured: String,
    pub destinations: BTreeMap<String, Destination>,
    pub systems: Vec<System>,
    pub weather: Weather,
    pub armed: Vec<Armed>,
    pub deaths: super::faults::Deaths,
    /// Faults that wait for the n-th event of a kind, and those whose turn has come.
    pub awaited: Vec<(EventKind, u32, Duration, super::faults::Fault)>,
    pub ripe: Vec<(Duration, super::faults::Fault)>,
    pub turns: BTreeMap<&'static str, u32>,
    /// The process died: it changes nothing more, and saves nothing.
    pub dead: bool,
    /// The record as it was last saved.
    pub saved: Option<Arc<Record>>,
    /// How many certificates there were in all.
    pub issued: u32,
    pub judge: super::invariants::Judge,
    pub timeline: Timeline,
}

/// The world, shared by every role.
#[derive(Clone)]
pub struct World(pub Arc<Mutex<Outside>>);

impl World {
    pub fn with<T>(&self, change: impl FnOnce(&mut Outside) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }
}

impl Outside {
    pub fn new(watch: Arc<Watch>, settings: &super::settings::Settings) -> Self {
        let systems = settings.systems.iter().enumerate().map(|(number, of)| System {
            id: super::settings::system_id(number),
            matching: of.matching,
            mappings: Vec::new(),
            refused: 0,
            last_refusal: epoch(),
            locks_at: of.locks_at,
            ratchet: of.ratchet,
            newest: None,
            probed: of.probed,
            tampered: false,
            lies: BTreeSet::new(),
        });
        let name = settings.entry().to_owned();
        let destination = |of: &super::settings::CallerSettings| Destination {
            names: name.clone(),
            instance: of.instance,
            deployed: name.clone(),
            cache: of.cache,
            used: Vec::new(),
            strayed: false,
        };
        let destinations = settings
            .callers
            .iter()
            .enumerate()
            .map(|(number, of)| (super::settings::caller_id(number), destination(of)));
        let mut outside = Self {
            now: epoch(),
            skew: Duration::zero(),
            skewed_at: epoch(),
            tick: Duration::milliseconds(settings.tick_milliseconds),
            watch,
            stores: [BTreeMap::new(), BTreeMap::new()],
            level: settings.level,
            configured: name.clone(),
            destinations: destinations.collect(),
            systems: systems.collect(),
            weather: Weather::default(),
            armed: Vec::new(),
            deaths: super::faults::Deaths::default(),
            awaited: Vec::new(),
            ripe: Vec::new(),
            turns: BTreeMap::new(),
            dead: false,
            saved: None,
            issued: 0,
            judge: super::invariants::Judge::default(),
            timeline: Timeline::default(),
        };
        outside.put(&name, "SFAPI", settings.first_days, settings.renews, 0);
        let first = outside.stores[settings.level][&name].issued.chain.clone();
        outside.systems.iter_mut().for_each(|system| _ = system.add(&first));
        outside.notice_callers();
        outside
    }

    /// certsteward's clock.
    pub fn our_time(&self) -> Timestamp {
        self.now + self.skew
    }

    /// Somebody puts a new certificate of so many days under this name.
    pub fn put(&mut self, name: &str, common_name: &str, days: i64, renews: bool, authority: usize) {
        let from = self.now - Duration::hours(1);
        let to = self.now + Duration::days(days);
        let issued = Issued::new(common_name, from, to, self.issued, authority);
        self.issued += 1;
        let entry = Entry { issued, renews, seen_from: self.now, ours: false, used: true };
        self.stores[self.level].insert(name.to_owned(), entry);
    }

    pub fn entries(&mut self) -> &mut BTreeMap<String, Entry> {
        &mut self.stores[self.level]
    }

    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.stores[self.level].get(name)
    }

    /// The entry that the source of the watch shows where none is named.
    pub fn followed(&self) -> String {
        let first = self.watch.source.destination.as_ref().and_then(|id| self.destinations.get(id));
        first.map_or_else(|| self.configured.clone(), |destination| destination.names.clone())
    }

    fn content(&self, destination: &Destination) -> Option<Arc<Chain>> {
        let [subaccount, instance] = &self.stores;
        let found = destination.instance.then(|| instance.get(&destination.names)).flatten();
        let found = found.or_else(|| subaccount.get(&destination.names));
        found.map(|entry| Arc::clone(&entry.issued.chain))
    }

    /// After any change: what each caller would read from now on.
    pub fn notice_callers(&mut self) {
        let now = self.now;
        let named: Vec<String> = self.destinations.values().map(|one| one.names.clone()).collect();
        for name in named {
            self.stores
                .iter_mut()
                .filter_map(|store| store.get_mut(&name))
                .for_each(|entry| entry.used = true);
        }
        let contents: Vec<_> =
            self.destinations.iter().map(|(id, one)| (id.clone(), self.content(one))).collect();
        for (id, content) in contents {
            let Some(destination) = self.destinations.get_mut(&id) else { continue };
            let print = |content: &Option<Arc<Chain>>| content.as_ref().map(|chain| chain.fingerprint());
            let used = &mut destination.used;
            if used.last().is_none_or(|(_, last)| print(last) != print(&content)) {
                used.push((now, content));
            }
            let cache = destination.cache;
            while used.get(1).is_some_and(|(until, _)| *until + cache < now) {
                used.remove(0);
            }
        }
        self.callers_call();
    }

    /// Callers call all the time, with what they read last.
    fn callers_call(&mut self) {
        let used = self.destinations.values().filter_map(|one| one.used.last()?.1.clone());
        for chain in used.collect::<Vec<_>>() {
            self.systems.iter_mut().for_each(|system| system.is_called(&chain, self.now));
        }
    }

    /// What a caller may be using: what it would read now, and what it read at most `cache` ago.
    pub fn may_use(&self, id: &str) -> Vec<Option<Arc<Chain>>> {
        let Some(destination) = self.destinations.get(id) else { return Vec::new() };
        let used = &destination.used;
        let old = used.iter().zip(used.iter().skip(1)).filter(|(_, (until, _))| {
            *until + destination.cache >= self.now && destination.cache > Duration::zero()
        });
        old.map(|((_, content), _)| content.clone())
            .chain(used.last().map(|(_, last)| last.clone()))
            .collect()
    }

    /// Whether a caller is served everywhere, whatever of it all it may be using.
    pub fn is_served(&self, id: &str) -> bool {
        self.may_use(id).iter().all(|content| {
            let chain = content.as_deref();
            self.systems.iter().all(|system| chain.is_some_and(|chain| system.serves(chain, self.now)))
        })
    }

    /// Which callers are served.
    pub fn service(&self) -> BTreeMap<String, bool> {
        self.destinations.keys().map(|id| (id.clone(), self.is_served(id))).collect()
    }

    /// When the store renews which entry by itself, next.
    pub fn next_self_renewal(&self) -> Option<(Timestamp, String)> {
        let renewals = self.stores[self.level].iter().filter(|(_, entry)| entry.renews);
        renewals
            .map(|(name, entry)| {
                let leaf = &entry.issued.chain.leaf;
                (leaf.not_after - renewal_threshold(leaf.lifetime()) + Duration::hours(5), name.clone())
            })
            .min()
    }

    /// The next moment at which a certificate in use expires.
    pub fn next_expiry(&self) -> Option<Timestamp> {
        let used = self.destinations.values().filter_map(|one| one.used.last()?.1.as_ref());
        used.map(|chain| chain.leaf.not_after + Duration::seconds(1)).filter(|at| *at > self.now).min()
    }

    pub fn system(&mut self, id: &str) -> Option<&mut System> {
        self.systems.iter_mut().find(|system| system.id == id)
    }
}
