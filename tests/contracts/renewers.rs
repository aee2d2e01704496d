//! The contract of a renewer, clause by clause: the Destination service of the sandbox, and the fake world's store.

use certsteward::domain::certificate::Fingerprint;
use certsteward::domain::reason::{Answer, Failure, Reason};
use certsteward::domain::record::{CopyOrder, Order};
use certsteward::domain::watch::{Matching, Validity};
use certsteward::renewers::Renewer;
use certsteward::renewers::destination_service::{DestinationServiceRenewer, Settings};
use certsteward::sap::Password;

use super::sandbox::{AT, DESTINATION, Sandbox};
use crate::support::world::{Everything, World};

/// A store in which `sfapi.pem` stands and is named by a caller, and nothing else.
trait Stage: Sized {
    async fn open() -> Option<Self>;
    fn renewer(&self) -> &dyn Renewer;
    /// The fingerprint of what stands under a name, seen without the renewer.
    fn holds(&self, name: &str) -> Option<String>;
    /// How many certificates were issued since it was opened.
    fn issued(&self) -> u32;
    /// How often it was asked to change something.
    fn asked(&self) -> usize;
    /// The next act of this kind is refused.
    fn refuse(&self, act: &'static str);
    /// The next act of this kind takes effect, and its answer is lost.
    fn lose(&self, act: &'static str);
    /// The next act of this kind fails on the platform's side, and has no effect.
    fn fail(&self, act: &'static str);
    /// Nothing can be seen from now on.
    fn blind(&self);
    /// Somebody else puts a certificate under this name, whatever stands there.
    async fn put(&self, name: &str);
    /// The caller names this entry from now on.
    async fn name(&self, entry: &str);
}

held! {
    [
        a_name_that_is_free_looks_like_none,
        a_name_that_is_taken_shows_what_stands_there,
        what_cannot_be_seen_is_a_failure_and_never_none,
        an_issue_puts_what_was_ordered_under_the_name,
        an_issue_side_by_side_never_replaces,
        an_issue_in_place_replaces_what_stands_there,
        an_issue_in_place_that_is_repeated_issues_again,
        an_issue_in_place_of_nothing_is_a_certain_failure,
        a_copy_is_the_same_certificate_under_another_name,
        a_copy_that_stands_there_already_is_success,
        a_copy_goes_over_the_certificate_that_it_names,
        a_copy_over_another_certificate_changes_nothing,
        a_copy_over_what_is_gone_changes_nothing,
        a_copy_to_a_name_that_is_taken_changes_nothing,
        a_copy_of_another_certificate_than_named_changes_nothing,
        a_copy_that_cannot_see_changes_nothing,
        an_entry_that_nothing_names_is_removed,
        an_entry_that_is_named_is_not_removed,
        a_removal_of_what_is_gone_is_success,
        an_entry_that_holds_another_certificate_is_not_removed,
        a_removal_that_cannot_see_who_names_it_changes_nothing,
        a_refusal_is_a_certain_failure_and_changes_nothing,
        a_failing_platform_leaves_the_effect_open,
        a_lost_answer_is_an_uncertain_failure,
        an_act_whose_answer_was_lost_may_be_repeated_without_a_second_effect,
        nothing_is_retried,
    ] on
    destination_service: RealService,
    fake_world: Everything,
}

const OLD: &str = "sfapi.pem";
const NEW: &str = "sfapi-2.pem";

fn order(name: &str) -> Order {
    Order {
        name: name.to_owned(),
        common_name: "SFAPI".to_owned(),
        validity: Validity::Years(1),
        in_place: false,
        like: Some(OLD.to_owned()),
        replaces: Fingerprint::of(b"old"),
        placed: chrono::DateTime::UNIX_EPOCH,
    }
}

async fn print(stage: &impl Stage, name: &str) -> Fingerprint {
    stage.renewer().look(name).await.unwrap().unwrap().chain.fingerprint()
}

/// What a copy of the old entry to the new name is.
async fn aside(stage: &impl Stage) -> CopyOrder {
    let (from, to) = (OLD.to_owned(), NEW.to_owned());
    CopyOrder { from, to, fingerprint: print(stage, OLD).await, over: None }
}

#[track_caller]
fn certainly(outcome: Result<Answer, Failure>, reason: Reason) {
    let failure = outcome.unwrap_err();
    assert_eq!((failure.reason, failure.maybe_effective), (reason, false), "{failure}");
}

async fn a_name_that_is_free_looks_like_none(stage: &impl Stage) {
    assert_eq!(stage.renewer().look(NEW).await, Ok(None));
}

async fn a_name_that_is_taken_shows_what_stands_there(stage: &impl Stage) {
    let seen = stage.renewer().look(OLD).await.unwrap().unwrap();
    assert_eq!(Some(seen.chain.fingerprint().to_string()), stage.holds(OLD));
    assert_eq!(seen.name.as_deref(), Some(OLD));
    stage.put(OLD).await;
    assert_eq!(Some(print(stage, OLD).await.to_string()), stage.holds(OLD), "what stands there now");
}

async fn what_cannot_be_seen_is_a_failure_and_never_none(stage: &impl Stage) {
    stage.renewer().look(OLD).await.unwrap().unwrap();
    stage.blind();
    for name in [OLD, NEW] {
        assert_eq!(stage.renewer().look(name).await.unwrap_err().reason, Reason::Unavailable, "{name}");
    }
}

async fn an_issue_puts_what_was_ordered_under_the_name(stage: &impl Stage) {
    let old = stage.holds(OLD);
    let order = Order { common_name: "SFAPI-7".to_owned(), validity: Validity::Days(30), ..order(NEW) };
    stage.renewer().issue(&order).await.unwrap();
    let leaf = stage.renewer().look(NEW).await.unwrap().unwrap().chain.leaf;
    assert_eq!(leaf.common_name(), "SFAPI-7");
    let days = (leaf.not_after - leaf.not_before).num_days();
    assert!((30..=31).contains(&days), "it lives {days} days");
    assert_eq!(stage.holds(OLD), old, "what it replaces is left alone");
}

async fn an_issue_side_by_side_never_replaces(stage: &impl Stage) {
    stage.renewer().issue(&order(NEW)).await.unwrap();
    let first = stage.holds(NEW);
    stage.renewer().issue(&order(NEW)).await.unwrap();
    assert_eq!((stage.holds(NEW), stage.issued()), (first, 1));
}

async fn an_issue_in_place_replaces_what_stands_there(stage: &impl Stage) {
    let before = stage.holds(OLD);
    stage.renewer().issue(&Order { in_place: true, ..order(OLD) }).await.unwrap();
    assert!(stage.holds(OLD).is_some() && stage.holds(OLD) != before);
    assert_eq!(stage.issued(), 1);
}

async fn an_issue_in_place_that_is_repeated_issues_again(stage: &impl Stage) {
    let order = Order { in_place: true, ..order(OLD) };
    stage.renewer().issue(&order).await.unwrap();
    let first = stage.holds(OLD);
    stage.renewer().issue(&order).await.unwrap();
    assert_ne!(stage.holds(OLD), first);
    assert_eq!(stage.issued(), 2);
}

async fn an_issue_in_place_of_nothing_is_a_certain_failure(stage: &impl Stage) {
    let order = Order { in_place: true, ..order(NEW) };
    certainly(stage.renewer().issue(&order).await, Reason::NotFound);
    assert_eq!((stage.holds(NEW), stage.issued()), (None, 0));
}

async fn a_copy_is_the_same_certificate_under_another_name(stage: &impl Stage) {
    let before = stage.holds(OLD);
    stage.renewer().copy(&aside(stage).await).await.unwrap();
    assert_eq!((stage.holds(NEW), stage.holds(OLD)), (before.clone(), before));
    assert_eq!(stage.issued(), 0, "nothing is issued");
}

async fn a_copy_that_stands_there_already_is_success(stage: &impl Stage) {
    let copy = aside(stage).await;
    stage.renewer().copy(&copy).await.unwrap();
    stage.renewer().copy(&copy).await.unwrap();
    let elsewhere = CopyOrder { over: Some(Fingerprint::of(b"other")), ..copy };
    stage.renewer().copy(&elsewhere).await.unwrap();
    assert_eq!(stage.holds(NEW), stage.holds(OLD));
}

async fn a_copy_goes_over_the_certificate_that_it_names(stage: &impl Stage) {
    stage.put(NEW).await;
    let over = Some(print(stage, NEW).await);
    stage.renewer().copy(&CopyOrder { over, ..aside(stage).await }).await.unwrap();
    assert_eq!(stage.holds(NEW), stage.holds(OLD));
}

async fn a_copy_over_another_certificate_changes_nothing(stage: &impl Stage) {
    stage.put(NEW).await;
    let before = stage.holds(NEW);
    let copy = CopyOrder { over: Some(Fingerprint::of(b"other")), ..aside(stage).await };
    certainly(stage.renewer().copy(&copy).await, Reason::StateChanged);
    assert_eq!(stage.holds(NEW), before);
}

async fn a_copy_over_what_is_gone_changes_nothing(stage: &impl Stage) {
    let copy = CopyOrder { over: Some(Fingerprint::of(b"gone")), ..aside(stage).await };
    certainly(stage.renewer().copy(&copy).await, Reason::StateChanged);
    assert_eq!(stage.holds(NEW), None);
}

async fn a_copy_to_a_name_that_is_taken_changes_nothing(stage: &impl Stage) {
    stage.put(NEW).await;
    let before = stage.holds(NEW);
    certainly(stage.renewer().copy(&aside(stage).await).await, Reason::StateChanged);
    assert_eq!(stage.holds(NEW), before);
}

async fn a_copy_of_another_certificate_than_named_changes_nothing(stage: &impl Stage) {
    let copy = aside(stage).await;
    stage.put(OLD).await;
    certainly(stage.renewer().copy(&copy).await, Reason::StateChanged);
    let nowhere = CopyOrder { from: "none.pem".to_owned(), ..copy };
    certainly(stage.renewer().copy(&nowhere).await, Reason::StateChanged);
    assert_eq!(stage.holds(NEW), None);
}

async fn a_copy_that_cannot_see_changes_nothing(stage: &impl Stage) {
    let copy = aside(stage).await;
    stage.blind();
    certainly(stage.renewer().copy(&copy).await, Reason::Unavailable);
    assert_eq!(stage.holds(NEW), None);
}

fn print_at(stage: &impl Stage, name: &str) -> Option<Fingerprint> {
    Some(Fingerprint::parse(&stage.holds(name)?).unwrap())
}

/// Removes what stands under this name, whatever it is.
async fn remove(stage: &impl Stage, name: &str) -> Result<Answer, Failure> {
    let print = print_at(stage, name).unwrap_or_else(|| Fingerprint::of(b"nothing stands there"));
    stage.renewer().remove(name, print).await
}

async fn an_entry_that_holds_another_certificate_is_not_removed(stage: &impl Stage) {
    stage.put(NEW).await;
    let other = Fingerprint::of(b"what stood there when it was decided");
    certainly(stage.renewer().remove(NEW, other).await, Reason::StateChanged);
    assert!(stage.holds(NEW).is_some());
}

async fn an_entry_that_nothing_names_is_removed(stage: &impl Stage) {
    stage.put(NEW).await;
    stage.name(NEW).await;
    remove(stage, OLD).await.unwrap();
    assert_eq!(stage.holds(OLD), None);
    assert!(stage.holds(NEW).is_some());
}

async fn an_entry_that_is_named_is_not_removed(stage: &impl Stage) {
    certainly(remove(stage, OLD).await, Reason::StateChanged);
    assert!(stage.holds(OLD).is_some());
}

async fn a_removal_of_what_is_gone_is_success(stage: &impl Stage) {
    remove(stage, NEW).await.unwrap();
    remove(stage, NEW).await.unwrap();
}

async fn a_removal_that_cannot_see_who_names_it_changes_nothing(stage: &impl Stage) {
    stage.put(NEW).await;
    stage.blind();
    certainly(remove(stage, NEW).await, Reason::Unavailable);
    assert!(stage.holds(NEW).is_some());
}

async fn a_refusal_is_a_certain_failure_and_changes_nothing(stage: &impl Stage) {
    let copy = aside(stage).await;
    stage.refuse("issue");
    assert!(!stage.renewer().issue(&order(NEW)).await.unwrap_err().maybe_effective);
    stage.refuse("copy");
    assert!(!stage.renewer().copy(&copy).await.unwrap_err().maybe_effective);
    assert_eq!((stage.holds(NEW), stage.issued()), (None, 0));
    stage.put(NEW).await;
    stage.refuse("remove");
    assert!(!remove(stage, NEW).await.unwrap_err().maybe_effective);
    assert!(stage.holds(NEW).is_some());
}

async fn a_failing_platform_leaves_the_effect_open(stage: &impl Stage) {
    stage.fail("issue");
    let failure = stage.renewer().issue(&order(NEW)).await.unwrap_err();
    assert_eq!((failure.reason, failure.maybe_effective), (Reason::Unavailable, true), "{failure}");
    assert_eq!((stage.holds(NEW), stage.issued()), (None, 0));
    stage.put(NEW).await;
    stage.fail("remove");
    assert!(remove(stage, NEW).await.unwrap_err().maybe_effective);
    remove(stage, NEW).await.unwrap();
    let copy = aside(stage).await;
    stage.fail("copy");
    assert!(stage.renewer().copy(&copy).await.unwrap_err().maybe_effective);
    stage.renewer().copy(&copy).await.unwrap();
}

async fn a_lost_answer_is_an_uncertain_failure(stage: &impl Stage) {
    stage.lose("issue");
    assert!(stage.renewer().issue(&order(NEW)).await.unwrap_err().maybe_effective);
    stage.lose("remove");
    assert!(remove(stage, NEW).await.unwrap_err().maybe_effective);
    let copy = aside(stage).await;
    stage.lose("copy");
    assert!(stage.renewer().copy(&copy).await.unwrap_err().maybe_effective);
}

async fn an_act_whose_answer_was_lost_may_be_repeated_without_a_second_effect(stage: &impl Stage) {
    stage.lose("issue");
    assert!(stage.renewer().issue(&order(NEW)).await.is_err());
    let first = stage.holds(NEW);
    stage.renewer().issue(&order(NEW)).await.unwrap();
    assert_eq!((stage.holds(NEW), stage.issued()), (first, 1));
    stage.lose("remove");
    let print = print_at(stage, NEW).unwrap();
    assert!(stage.renewer().remove(NEW, print).await.is_err());
    stage.renewer().remove(NEW, print).await.unwrap();
    let copy = aside(stage).await;
    stage.lose("copy");
    assert!(stage.renewer().copy(&copy).await.is_err());
    stage.renewer().copy(&copy).await.unwrap();
    assert_eq!(stage.holds(NEW), stage.holds(OLD));
}

async fn nothing_is_retried(stage: &impl Stage) {
    let before = stage.asked();
    stage.lose("issue");
    assert!(stage.renewer().issue(&order(NEW)).await.is_err());
    assert_eq!(stage.asked() - before, 1);
    stage.refuse("remove");
    assert!(remove(stage, NEW).await.is_err());
    assert_eq!(stage.asked() - before, 2);
}

/// The sandbox's Destination service, through our client.
struct RealService {
    sandbox: Sandbox,
    renewer: DestinationServiceRenewer,
}

impl Stage for RealService {
    async fn open() -> Option<Self> {
        let sandbox = Sandbox::open().await;
        let settings = Settings { connection: "sandbox".to_owned(), level: AT };
        let password = Password::OfDestination(AT, DESTINATION.to_owned());
        let renewer = DestinationServiceRenewer::new(sandbox.service.clone(), settings, password);
        Some(Self { sandbox, renewer })
    }

    fn renewer(&self) -> &dyn Renewer {
        &self.renewer
    }

    fn holds(&self, name: &str) -> Option<String> {
        self.sandbox.holds(name)
    }

    fn issued(&self) -> u32 {
        self.sandbox.landscape.issued()
    }

    fn asked(&self) -> usize {
        self.sandbox.writes()
    }

    fn refuse(&self, act: &'static str) {
        self.sandbox.refuse(method(act), "Certificates");
    }

    fn lose(&self, act: &'static str) {
        self.sandbox.lose(method(act), "Certificates");
    }

    fn fail(&self, act: &'static str) {
        self.sandbox.fail(method(act), "Certificates");
    }

    fn blind(&self) {
        self.sandbox.blind();
    }

    async fn put(&self, name: &str) {
        let (somebody, order) =
            (self.sandbox.somebody(), Order { common_name: "Other".to_owned(), ..order(name) });
        let content = somebody.certificate(AT, "sfapi.pem").await.unwrap().unwrap();
        if self.holds(name).is_some() {
            drop(somebody.regenerate(AT, &order, None).await.unwrap());
            return;
        }
        // Uploaded, then replaced, so that it is another one.
        somebody.upload(AT, name, content.bytes()).await.unwrap();
        somebody.regenerate(AT, &order, None).await.unwrap();
    }

    async fn name(&self, entry: &str) {
        let somebody = self.sandbox.somebody();
        let mut destination = somebody.destination(AT, DESTINATION).await.unwrap().unwrap();
        destination.use_entry(entry);
        somebody.put_destination(AT, &destination).await.unwrap();
    }
}

fn method(act: &str) -> &'static str {
    if act == "remove" { "DELETE" } else { "POST" }
}

impl Stage for Everything {
    async fn open() -> Option<Self> {
        Some(World::new(Matching::Dn).facts)
    }

    fn renewer(&self) -> &dyn Renewer {
        self
    }

    fn holds(&self, name: &str) -> Option<String> {
        let facts = self.0.lock().unwrap();
        facts.names().iter().any(|one| one == name).then(|| facts.chain(name).fingerprint().to_string())
    }

    fn issued(&self) -> u32 {
        self.0.lock().unwrap().issued
    }

    fn asked(&self) -> usize {
        self.0.lock().unwrap().tried.len()
    }

    fn refuse(&self, act: &'static str) {
        self.0.lock().unwrap().fail_before.push(act);
    }

    fn lose(&self, act: &'static str) {
        self.0.lock().unwrap().fail_after.push(act);
    }

    fn fail(&self, act: &'static str) {
        self.0.lock().unwrap().fail_open.push(act);
    }

    fn blind(&self) {
        self.0.lock().unwrap().sees = false;
    }

    async fn put(&self, name: &str) {
        self.0.lock().unwrap().issue(name, "Other", 90);
    }

    async fn name(&self, entry: &str) {
        self.0.lock().unwrap().destinations.insert("first".to_owned(), entry.to_owned());
    }
}
