//! Records, messages and commands in which nothing is left at its default; a seed chooses among variants.
//! Every literal names every field, so that a new one is missed here before it is missed in the store.

use std::sync::{Arc, LazyLock};

use certsteward::domain::certificate::{Certificate, Fingerprint};
use certsteward::domain::chain::Chain;
use certsteward::domain::drift::{PlaceFacts, Shown};
use certsteward::domain::event::{Actor, Event, EventKind};
use certsteward::domain::finding::Level;
use certsteward::domain::hand_off::HandOff;
use certsteward::domain::message::{Message, Topic};
use certsteward::domain::reason::{Reason, Unseen};
use certsteward::domain::record::{
    Act, Approval, Ask, Attempts, CallerFacts, CopyOrder, Counts, Due, Ended, HandOffFacts, Keep, Learned,
    Leftover, Looked, Order, Overlap, ProbeFacts, Publication, Purpose, Record, Renewal, Role, Standing,
    Told,
};
use certsteward::domain::report::{Command, DestinationFacts, Sign, Verb};
use certsteward::domain::verdict::{Detail, Phase, Probed, Verdict};
use certsteward::domain::watch::{Matching, Rotation, SubjectChoice, SwitchBy, Terms, Validity};
use certsteward::domain::window::Window;
use certsteward::domain::{Duration, Timestamp};

use crate::support::pki::{Authority, NOW, Wanted};

/// A small generator: the same seed gives the same values.
pub(super) struct Rich(u64);

/// A leaf, its issuer, and a stray, in an odd order; made once.
static CHAIN: LazyLock<Chain> = LazyLock::new(|| {
    let (root, other) = (Authority::root("Example Test CA"), Authority::root("Example Unknown CA"));
    let leaf = root.issue(&Wanted { name: "SFAPI", hosts: &["api.example.org"], years: NOW, usages: &[] });
    let read = |der: &[u8]| Certificate::from_der(der).unwrap();
    let certificates = vec![read(&other.der), read(&root.der), read(&leaf.der)];
    Chain::assemble(certificates, Some(read(&leaf.der).key_fingerprint)).unwrap()
});

/// The chain of all samples.
pub(super) fn chain() -> Chain {
    CHAIN.clone()
}

impl Rich {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        let at = usize::try_from(self.number() % u64::try_from(of.len()).unwrap()).unwrap();
        of[at].clone()
    }

    fn count(&mut self) -> u32 {
        u32::try_from(self.number() % 1000).unwrap() + 1
    }

    fn text(&mut self) -> String {
        let words = ["sfapi.pem", "Größe → \"1\"", "line\nbreak", "\\ and {{ }}", "日本", "-----x-----"];
        format!("{} {}", self.one(&words), self.count())
    }

    pub(super) fn at(&mut self) -> Timestamp {
        let seconds = i64::try_from(self.number() % 4_000_000_000).unwrap();
        let nanoseconds = i64::try_from(self.number() % 1_000_000_000).unwrap();
        Timestamp::UNIX_EPOCH + Duration::seconds(seconds) + Duration::nanoseconds(nanoseconds)
    }

    fn fingerprint(&mut self) -> Fingerprint {
        Fingerprint::of(&self.number().to_be_bytes())
    }

    fn actor(&mut self) -> Actor {
        self.one(&[Actor::Daemon, Actor::Named("daemon".to_owned()), Actor::Named("anna".to_owned())])
    }

    fn unseen(&mut self) -> Unseen {
        Unseen { reason: self.one(Reason::ALL), text: self.text() }
    }

    fn looked(&mut self) -> Looked {
        let mut looked = Looked::default();
        for (key, at) in self.map::<_, std::collections::BTreeMap<_, _>>(Self::at) {
            looked.insert(key, at);
        }
        looked
    }

    fn map<T, M: FromIterator<(String, T)>>(&mut self, mut item: impl FnMut(&mut Self) -> T) -> M {
        (0..2).map(|_| (self.text(), item(self))).collect()
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..2).map(|_| item(self)).collect()
    }

    fn place(&mut self) -> PlaceFacts {
        let shows = Shown { fingerprint: self.fingerprint(), not_before: self.at(), not_after: self.at() };
        PlaceFacts { shows: Some(shows), differs: Some(self.at()), unseen: Some((self.at(), self.unseen())) }
    }

    pub(super) fn record(&mut self) -> Record {
        Record {
            generation: self.count(),
            seen_at: Some(self.at()),
            unseen: Some((self.at(), self.unseen())),
            absent_since: Some(self.at()),
            in_force: Some(self.standing()),
            previous: Some(Box::new(chain())),
            mapped: self.map(|_| vec![chain()]),
            shown: Some((self.fingerprint(), Some(self.text()))),
            destination: Some(Box::new(self.destination())),
            oddities: self.list(Self::unseen),
            places: self.map(Self::place),
            due: Some(Due { fingerprint: self.fingerprint(), at: self.at() }),
            renewal_asked: Some(self.actor()),
            renewal: Some(Box::new(self.renewal())),
            leftovers: self.list(Self::leftover),
            learned: self.map(|rich| Learned {
                matching: rich.matching(),
                at: rich.at(),
                from: Some(rich.text()),
            }),
            callers: self.map(|rich| CallerFacts {
                uses: Some(rich.text()),
                seen: Some(rich.at()),
                unseen: Some(rich.unseen()),
                stray: Some(chain()),
            }),
            in_flight: Some(Box::new((self.act(), self.at()))),
            attempts: self.map(Self::attempts),
            looked: self.looked(),
            misses: self.map(Self::attempts),
            refused: self.map(|rich| (rich.count(), rich.at())),
            highest: self.count(),
            approvals: self.map(|rich| Approval { by: rich.text(), at: rich.at() }),
            rejected: self.map(|rich| Approval { by: rich.text(), at: rich.at() }),
            pending: self.map(Self::at),
            acts: self.list(Self::at),
            paused_everywhere: Some(self.at()),
            paused: Some((self.at(), self.actor())),
            paused_why: Some("change freeze".to_owned()),
            silenced_until: Some(self.at()),
            told: self.map(|rich| Told { level: rich.one(Level::ALL), at: rich.at(), text: rich.text() }),
            check_asked: Some(self.at()),
            clock_doubt: Some((self.at(), "the clock is ahead".to_owned())),
            tidied: self.count(),
            ended: Some(Box::new(Ended {
                at: self.at(),
                generation: self.count(),
                rolled_back: true,
                unfit: true,
                asked_by: Some(self.actor()),
                text: self.text(),
            })),
            counts: Counts {
                renewals: [self.number(), 1],
                publications: [2, 3],
                switches: [4, 5],
                rollbacks: [6, self.number()],
            },
        }
    }

    fn standing(&mut self) -> Standing {
        Standing {
            chain: chain(),
            name: Some(self.text()),
            since: self.at(),
            held: true,
            has_key: Some(true),
            targets: self.map(|rich| Publication {
                hand_off: Some(rich.hand_off_facts()),
                published: Some(rich.at()),
                begun: true,
                given: true,
                held: Some(true),
                proven: Some(rich.at()),
                confirmed: Some((rich.at(), rich.text())),
                follows: Some(rich.at()),
                shared: true,
            }),
            probes: self.map(|rich| ProbeFacts {
                last: Some(rich.probed()),
                since: Some(rich.at()),
                repeated: rich.count(),
                conclusive: Some((rich.at(), rich.one(Verdict::ALL))),
                recognised_at: Some(rich.at()),
                rejections: rich.count(),
                no_key: Some((rich.at(), rich.unseen())),
                not_before: Some(rich.at()),
                tells: true,
            }),
            ours: true,
        }
    }

    fn probed(&mut self) -> Probed {
        Probed {
            verdict: self.one(Verdict::ALL),
            detail: Some(self.one(Detail::ALL)),
            status: Some(401),
            at: self.at(),
            phases: Phase::ALL.iter().map(|phase| (*phase, f64::from(self.count()) / 1024.0)).collect(),
            presented: Some(self.fingerprint()),
            asked_for_certificate: true,
            acceptable_authorities: self.list(Self::text),
            tls_version: Some("TLSv1.3".to_owned()),
            cipher: Some(self.text()),
            server_chain: chain().iter().map(|certificate| Arc::clone(&certificate.der)).collect(),
            text: self.text(),
            retry_after_seconds: Some(self.number()),
        }
    }

    fn hand_off_facts(&mut self) -> HandOffFacts {
        HandOffFacts {
            ask: self.ask(),
            opened: self.at(),
            token: self.text(),
            signs: self.list(|rich| {
                (rich.at(), rich.one(&[Sign::Saved, Sign::Deleting, Sign::CheckNow]), rich.text())
            }),
            reminded: vec![-86_400, i64::from(self.count())],
            escalated: Some(self.at()),
            closed: Some(self.at()),
            withdrawn: true,
        }
    }

    fn renewal(&mut self) -> Renewal {
        Renewal {
            generation: self.count(),
            started: self.at(),
            cause: self.actor(),
            terms: self.terms(),
            replaces: self.fingerprint(),
            replaces_name: Some(self.text()),
            subject: self.subject(),
            order: Some(self.order()),
            looked_empty: Some(self.at()),
            issue_started: Some(self.at()),
            taken: self.list(Self::text),
            candidate: Some(self.standing()),
            replaced: Some(self.standing()),
            switched: self.map(Self::at),
            settling_since: Some(self.at()),
            rolling_back: Some((self.at(), self.text())),
            gap_announced: Some((self.at(), self.text())),
            moved: self.at(),
            candidate_gone: Some(self.at()),
            given_up: Some((self.at(), self.text())),
            back_refused: Some(self.at()),
            back_asked: Some((self.at(), self.text())),
            back_by: Some(self.actor()),
            back_gone: Some(self.at()),
            keep: Some(self.keep()),
            overlap: self.overlap(),
        }
    }

    fn terms(&mut self) -> Terms {
        Terms {
            kind: self.text(),
            rotation: self.one(&[Rotation::SideBySide, Rotation::InPlace, Rotation::LeftToSource]),
            subject: self.subject(),
            common_name: Some(self.text()),
            validity: self.validity(),
            window: Some(Window::parse("Mon-Thu,Sat 22:00-04:00 Europe/Berlin").unwrap()),
            switch: self.one(&[SwitchBy::Caller, SwitchBy::Entry]),
        }
    }

    fn order(&mut self) -> Order {
        Order {
            name: self.text(),
            common_name: self.text(),
            validity: self.validity(),
            in_place: true,
            like: Some(self.text()),
            replaces: self.fingerprint(),
            placed: self.at(),
        }
    }

    fn act(&mut self) -> Act {
        let (generation, fingerprint, order) = (self.count(), self.fingerprint(), self.order());
        let (caller, from, to) = (self.text(), self.text(), self.text());
        let over = Some(self.fingerprint());
        let copy = CopyOrder { from: from.clone(), to: to.clone(), fingerprint, over };
        let role = self.one(&[Role::InForce, Role::Candidate, Role::Replaced]);
        self.one(&[
            Act::Issue { generation, order },
            Act::Publish { target: caller.clone(), role, fingerprint },
            Act::Switch { generation, caller: caller.clone(), from: from.clone(), to: to.clone() },
            Act::RollBack { generation, caller, from: from.clone(), to },
            Act::Keep { generation, copy: copy.clone() },
            Act::Put { generation, copy: copy.clone() },
            Act::PutBack { generation, copy },
            Act::Try { generation, probe: from.clone(), entry: from.clone() },
            Act::Retire { name: from, fingerprint },
        ])
    }

    fn keep(&mut self) -> Keep {
        Keep {
            name: self.text(),
            purpose: self.one(&[Purpose::WayBack, Purpose::Hold]),
            fingerprint: self.fingerprint(),
            looked_empty: Some(self.at()),
            stands: Some(self.at()),
        }
    }

    fn overlap(&mut self) -> Overlap {
        Overlap {
            old_accepted: Some(self.at()),
            old_refused: Some(self.at()),
            new_accepted: Some(self.at()),
            new_refused: Some(self.at()),
            first_switch: Some(self.at()),
            last_switch: Some(self.at()),
        }
    }

    fn leftover(&mut self) -> Leftover {
        Leftover {
            chain: chain(),
            name: Some(self.text()),
            since: self.at(),
            never_in_force: true,
            entry_removed: Some(self.at()),
            hand_offs: self.map(Self::hand_off_facts),
            asked: true,
            asked_by: Some(self.actor()),
            was_used: true,
            kept: true,
        }
    }

    fn attempts(&mut self) -> Attempts {
        Attempts {
            count: self.count(),
            last: self.at(),
            next: self.at(),
            reason: self.one(Reason::ALL),
            text: self.text(),
            maybe_effective: true,
        }
    }

    fn destination(&mut self) -> DestinationFacts {
        DestinationFacts {
            name: self.text(),
            authentication: Some(self.text()),
            keystore_location: Some(self.text()),
            url: Some(self.text()),
            company_id: Some(self.text()),
        }
    }

    fn ask(&mut self) -> Ask {
        self.one(&[Ask::Add, Ask::Replace, Ask::Remove])
    }

    fn subject(&mut self) -> SubjectChoice {
        self.one(&[SubjectChoice::Auto, SubjectChoice::Same, SubjectChoice::Counted])
    }

    fn matching(&mut self) -> Matching {
        self.one(&[Matching::Unknown, Matching::Dn, Matching::Exact])
    }

    fn validity(&mut self) -> Validity {
        let count = self.count();
        self.one(&[Validity::Days(count), Validity::Months(count), Validity::Years(count)])
    }

    pub(super) fn message(&mut self) -> Message {
        Message {
            watch: self.text(),
            labels: self.map(Self::text),
            at: self.at(),
            topic: self.one(Topic::ALL),
            level: self.one(Level::ALL),
            code: self.text(),
            key: self.text(),
            resolved: true,
            subject: self.text(),
            text: self.text(),
            way_out: self.text(),
            hand_off: Some(self.hand_off()),
            to: Some(self.text()),
            actor: Some(self.text()),
            deadline: Some(self.at()),
        }
    }

    fn hand_off(&mut self) -> HandOff {
        HandOff {
            watch: self.text(),
            target: self.text(),
            ask: self.ask(),
            headline: self.text(),
            chain: chain(),
            file_stem: self.text(),
            place: self.text(),
            permission: self.text(),
            fields: self.list(|rich| (rich.text(), rich.text())),
            steps: self.list(Self::text),
            afterwards: self.text(),
            gap: Some(self.text()),
            test: Some(self.text()),
            opened: self.at(),
            wanted_by: Some(self.at()),
            token: self.text(),
            urgent: Some(self.text()),
            put_back: Some(chain()),
            so_far: self.list(Self::text),
            causes: self.list(|rich| (rich.text(), rich.text())),
        }
    }

    pub(super) fn event(&mut self, watch: &str) -> Event {
        Event {
            watch: watch.to_owned(),
            at: self.at(),
            actor: self.actor(),
            kind: self.one(EventKind::ALL),
            text: self.text(),
            facts: self.list(|rich| (rich.text(), rich.text())),
        }
    }

    /// One command of every kind.
    pub(super) fn commands(&mut self) -> Vec<Command> {
        let signs =
            [Sign::Saved, Sign::Deleting, Sign::CheckNow].map(|sign| Verb::Sign(self.text(), sign, None));
        let mut verbs = vec![
            Verb::Check,
            Verb::Renew,
            Verb::Approve(self.text()),
            Verb::Reject(self.text()),
            Verb::Cancel,
            Verb::Retry,
            Verb::RollBack,
            Verb::Retire,
            Verb::Confirm(self.text(), None),
            Verb::Confirm(self.text(), Some(self.fingerprint())),
            Verb::Sign(self.text(), Sign::Saved, Some(self.fingerprint())),
            Verb::Pause,
            Verb::Resume,
            Verb::Silence(self.at()),
        ];
        verbs.extend(signs);
        let command = |verb| Command {
            id: 0,
            watch: self.text(),
            at: self.at(),
            actor: self.actor(),
            verb,
            comment: Some(self.text()),
            ticket: Some(self.text()),
        };
        verbs.into_iter().map(command).collect()
    }
}
