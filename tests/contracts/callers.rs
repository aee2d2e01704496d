//! The contract of a caller, clause by clause: a destination of the sandbox, a command with its state in a file, and the fake
//! world's destination.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use certsteward::callers::Caller;
use certsteward::callers::command::{CommandCaller, Settings as CommandSettings};
use certsteward::callers::destination_service::{DestinationServiceCaller, Settings};
use certsteward::domain::reason::{Answer, Failure, Reason};
use certsteward::domain::watch::Matching;
use serde_json::Value;

use super::sandbox::{AT, DESTINATION, Sandbox};
use crate::support::world::{Destination, Everything, World};

/// A caller that uses `sfapi.pem`.
trait Stage: Sized {
    async fn open() -> Option<Self>;
    fn caller(&self) -> &dyn Caller;
    /// Everything that is known of it, seen without the role; the entry it uses under `uses`.
    async fn state(&self) -> BTreeMap<String, Value>;
    /// How often something was written.
    fn writes(&self) -> usize;
    /// Somebody else makes it use this.
    async fn set(&self, entry: &str);
    /// The next switch is refused.
    fn refuse(&self);
    /// The next switch takes effect, and its answer is lost.
    fn lose(&self);
    /// The next switch fails on the other side, has no effect, and leaves that open.
    fn fail(&self);
    /// It cannot be seen from now on.
    fn blind(&self);
    /// Somebody takes it away; false where it cannot be.
    async fn vanish(&self) -> bool;
    /// The next switch is answered with success and has no effect; false where there is no way to make it so.
    fn pretend(&self) -> bool;
}

held! {
    [
        a_look_says_what_it_uses,
        a_caller_that_cannot_be_seen_is_a_failure,
        a_switch_makes_it_use_the_other,
        a_switch_keeps_every_other_property,
        a_switch_when_it_uses_the_other_already_writes_nothing,
        a_switch_when_it_uses_something_else_changes_nothing,
        a_switch_there_and_back_leaves_it_as_it_was,
        a_switch_of_what_cannot_be_seen_changes_nothing,
        a_caller_that_is_gone_is_not_found,
        a_switch_is_read_back,
        a_refusal_is_a_certain_failure_and_changes_nothing,
        a_failing_platform_leaves_the_effect_open,
        a_lost_answer_is_an_uncertain_failure_and_the_switch_may_be_repeated,
    ] on
    destination_service: RealDestination,
    command: RealCommand,
    fake_world: FakeDestination,
}

const OLD: &str = "sfapi.pem";
const NEW: &str = "sfapi-2.pem";

#[track_caller]
fn certainly(outcome: Result<Answer, Failure>, reason: Reason) {
    let failure = outcome.unwrap_err();
    assert_eq!((failure.reason, failure.maybe_effective), (reason, false), "{failure}");
}

async fn uses(stage: &impl Stage) -> Value {
    stage.state().await["uses"].clone()
}

async fn a_look_says_what_it_uses(stage: &impl Stage) {
    assert_eq!(stage.caller().look().await.unwrap().uses.as_deref(), Some(OLD));
    stage.set("other.pem").await;
    assert_eq!(stage.caller().look().await.unwrap().uses.as_deref(), Some("other.pem"));
    assert_eq!(stage.writes(), 0, "a look changes nothing");
}

async fn a_caller_that_cannot_be_seen_is_a_failure(stage: &impl Stage) {
    stage.caller().look().await.unwrap();
    stage.blind();
    assert!(stage.caller().look().await.is_err());
}

async fn a_switch_makes_it_use_the_other(stage: &impl Stage) {
    stage.caller().switch(OLD, NEW).await.unwrap();
    assert_eq!(uses(stage).await, NEW);
    assert_eq!(stage.caller().look().await.unwrap().uses.as_deref(), Some(NEW));
    assert_eq!(stage.writes(), 1);
}

async fn a_switch_keeps_every_other_property(stage: &impl Stage) {
    let before = stage.state().await;
    stage.caller().switch(OLD, NEW).await.unwrap();
    let mut after = stage.state().await;
    after.insert("uses".to_owned(), OLD.into());
    assert_eq!(after, before);
}

async fn a_switch_when_it_uses_the_other_already_writes_nothing(stage: &impl Stage) {
    stage.set(NEW).await;
    stage.caller().switch(OLD, NEW).await.unwrap();
    assert_eq!((uses(stage).await, stage.writes()), (NEW.into(), 0));
}

async fn a_switch_when_it_uses_something_else_changes_nothing(stage: &impl Stage) {
    stage.set("other.pem").await;
    certainly(stage.caller().switch(OLD, NEW).await, Reason::StateChanged);
    assert_eq!((uses(stage).await, stage.writes()), ("other.pem".into(), 0));
}

async fn a_switch_there_and_back_leaves_it_as_it_was(stage: &impl Stage) {
    let before = stage.state().await;
    stage.caller().switch(OLD, NEW).await.unwrap();
    stage.caller().switch(NEW, OLD).await.unwrap();
    assert_eq!(stage.state().await, before);
}

async fn a_switch_of_what_cannot_be_seen_changes_nothing(stage: &impl Stage) {
    stage.blind();
    assert!(!stage.caller().switch(OLD, NEW).await.unwrap_err().maybe_effective);
    assert_eq!(stage.writes(), 0);
}

async fn a_caller_that_is_gone_is_not_found(stage: &impl Stage) {
    if !stage.vanish().await {
        return;
    }
    assert_eq!(stage.caller().look().await.unwrap_err().reason, Reason::NotFound);
    certainly(stage.caller().switch(OLD, NEW).await, Reason::NotFound);
    assert_eq!(stage.writes(), 0);
}

async fn a_switch_is_read_back(stage: &impl Stage) {
    if !stage.pretend() {
        return;
    }
    let failure = stage.caller().switch(OLD, NEW).await.unwrap_err();
    assert_eq!((failure.reason, failure.maybe_effective), (Reason::UnexpectedAnswer, true), "{failure}");
}

async fn a_refusal_is_a_certain_failure_and_changes_nothing(stage: &impl Stage) {
    stage.refuse();
    let failure = stage.caller().switch(OLD, NEW).await.unwrap_err();
    assert!(!failure.maybe_effective, "{failure}");
    assert_eq!(uses(stage).await, OLD);
    stage.caller().switch(OLD, NEW).await.unwrap();
}

async fn a_failing_platform_leaves_the_effect_open(stage: &impl Stage) {
    stage.fail();
    let failure = stage.caller().switch(OLD, NEW).await.unwrap_err();
    assert!(failure.maybe_effective, "{failure}");
    assert_eq!(uses(stage).await, OLD);
    stage.caller().switch(OLD, NEW).await.unwrap();
    assert_eq!(uses(stage).await, NEW);
}

async fn a_lost_answer_is_an_uncertain_failure_and_the_switch_may_be_repeated(stage: &impl Stage) {
    stage.lose();
    let failure = stage.caller().switch(OLD, NEW).await.unwrap_err();
    assert!(failure.maybe_effective, "{failure}");
    assert_eq!((uses(stage).await, stage.writes()), (NEW.into(), 1), "nothing is retried");
    stage.caller().switch(OLD, NEW).await.unwrap();
    assert_eq!((uses(stage).await, stage.writes()), (NEW.into(), 1));
}

/// A destination of the sandbox, through our client.
struct RealDestination {
    sandbox: Sandbox,
    caller: DestinationServiceCaller,
    set: std::cell::Cell<usize>,
}

impl RealDestination {
    /// Asks the service about the destination, past our client.
    async fn ask(&self, method: reqwest::Method) -> reqwest::Response {
        let address = self.sandbox.landscape.addresses();
        let key = std::fs::read(self.sandbox.folder.path().join("service-key.json")).unwrap();
        let key: Value = serde_json::from_slice(&key).unwrap();
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        let [id, secret] = ["clientid", "clientsecret"].map(|name| key[name].as_str().unwrap());
        let form = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
        let token = client.post(format!("{}/oauth/token", address.token_service)).form(&form);
        let token: Value = token.send().await.unwrap().json().await.unwrap();
        let below = format!("destination-configuration/v1/subaccountDestinations/{DESTINATION}");
        let request = client.request(method, format!("{}/{below}", address.destination_service));
        request.bearer_auth(token["access_token"].as_str().unwrap()).send().await.unwrap()
    }
}

impl Stage for RealDestination {
    async fn open() -> Option<Self> {
        let sandbox = Sandbox::open().await;
        let (connection, destination) = ("sandbox".to_owned(), DESTINATION.to_owned());
        let settings = Settings { connection, level: AT, destination };
        let caller = DestinationServiceCaller::new(sandbox.service.clone(), settings);
        Some(Self { sandbox, caller, set: std::cell::Cell::new(0) })
    }

    fn caller(&self) -> &dyn Caller {
        &self.caller
    }

    async fn state(&self) -> BTreeMap<String, Value> {
        let found = self.ask(reqwest::Method::GET).await;
        let mut found: BTreeMap<String, Value> = found.json().await.unwrap();
        let location = found.remove("KeyStoreLocation").unwrap();
        found.insert("uses".to_owned(), location);
        found
    }

    fn writes(&self) -> usize {
        let puts = self.sandbox.landscape.requests().into_iter().filter(|line| line.method == "PUT");
        puts.count() - self.set.get()
    }

    async fn set(&self, entry: &str) {
        let somebody = self.sandbox.somebody();
        let mut destination = somebody.destination(AT, DESTINATION).await.unwrap().unwrap();
        destination.use_entry(entry);
        somebody.put_destination(AT, &destination).await.unwrap();
        self.set.set(self.set.get() + 1);
    }

    fn refuse(&self) {
        self.sandbox.refuse("PUT", "Destinations");
    }

    fn lose(&self) {
        self.sandbox.lose("PUT", "Destinations");
    }

    fn fail(&self) {
        self.sandbox.fail("PUT", "Destinations");
    }

    fn blind(&self) {
        self.sandbox.blind();
    }

    async fn vanish(&self) -> bool {
        self.ask(reqwest::Method::DELETE).await.status().is_success()
    }

    fn pretend(&self) -> bool {
        self.sandbox.pretend("PUT", "Destinations");
        true
    }
}

/// A shell that keeps the entry in a file, and writes down each change.
struct RealCommand {
    folder: tempfile::TempDir,
    caller: CommandCaller,
}

const SCRIPT: &str = r#"cd "$0" || exit 1
test ! -e blind || exit 2
read -r question
case "$question" in
  *'"look"'*) printf '{"uses":"%s"}' "$(cat uses)"; exit 0 ;;
esac
if rm refuse 2>/dev/null; then exit 1; fi
if rm fail 2>/dev/null; then exit 2; fi
echo "$question" >> written
if rm pretend 2>/dev/null; then exit 0; fi
printf %s "$question" | sed 's/.*"to":"\([^"]*\)".*/\1/' > uses
if rm lose 2>/dev/null; then exit 2; fi"#;

impl RealCommand {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn mark(&self, name: &str) {
        std::fs::write(self.path(name), "").unwrap();
    }
}

impl Stage for RealCommand {
    async fn open() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("uses"), OLD).unwrap();
        std::fs::write(folder.path().join("other"), "kept").unwrap();
        let place = folder.path().display().to_string();
        let command = ["/bin/sh", "-c", SCRIPT, &place].map(str::to_owned).to_vec();
        let caller = CommandCaller::new(CommandSettings { command, timeout: Duration::from_secs(10) });
        Some(Self { folder, caller })
    }

    fn caller(&self) -> &dyn Caller {
        &self.caller
    }

    async fn state(&self) -> BTreeMap<String, Value> {
        let read = |name: &str| std::fs::read_to_string(self.path(name)).unwrap().trim().to_owned();
        ["uses", "other"].into_iter().map(|name| (name.to_owned(), read(name).into())).collect()
    }

    fn writes(&self) -> usize {
        std::fs::read_to_string(self.path("written")).map_or(0, |written| written.lines().count())
    }

    async fn set(&self, entry: &str) {
        std::fs::write(self.path("uses"), entry).unwrap();
    }

    fn refuse(&self) {
        self.mark("refuse");
    }

    fn lose(&self) {
        self.mark("lose");
    }

    fn fail(&self) {
        self.mark("fail");
    }

    fn blind(&self) {
        self.mark("blind");
    }

    /// What is behind a command, it alone knows.
    async fn vanish(&self) -> bool {
        false
    }

    fn pretend(&self) -> bool {
        self.mark("pretend");
        true
    }
}

/// A destination of the fake world.
struct FakeDestination {
    facts: Everything,
    caller: Destination,
}

impl Stage for FakeDestination {
    async fn open() -> Option<Self> {
        let facts = World::new(Matching::Dn).facts;
        let caller = Destination(facts.clone(), "first".to_owned());
        Some(Self { facts, caller })
    }

    fn caller(&self) -> &dyn Caller {
        &self.caller
    }

    async fn state(&self) -> BTreeMap<String, Value> {
        let facts = self.facts.0.lock().unwrap();
        BTreeMap::from([
            ("uses".to_owned(), facts.destinations["first"].clone().into()),
            ("entries".to_owned(), facts.names().into()),
        ])
    }

    fn writes(&self) -> usize {
        self.facts.0.lock().unwrap().written
    }

    async fn set(&self, entry: &str) {
        self.facts.0.lock().unwrap().destinations.insert("first".to_owned(), entry.to_owned());
    }

    fn refuse(&self) {
        self.facts.0.lock().unwrap().fail_before.push("switch");
    }

    fn lose(&self) {
        self.facts.0.lock().unwrap().fail_after.push("switch");
    }

    fn fail(&self) {
        self.facts.0.lock().unwrap().fail_open.push("switch");
    }

    fn blind(&self) {
        self.facts.0.lock().unwrap().unseen.insert("first".to_owned());
    }

    async fn vanish(&self) -> bool {
        self.facts.0.lock().unwrap().destinations.remove("first").is_some()
    }

    fn pretend(&self) -> bool {
        false
    }
}
