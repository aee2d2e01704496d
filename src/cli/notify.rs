//! `certsteward notify test`: sends one plainly marked message through a notifier and says what happened.
//! It goes past the outbox: nothing is repeated and nothing is kept.

use std::collections::BTreeMap;

use serde_json::json;

use super::Common;
use super::exit::{Exit, Failed};
use super::output::Output;
use super::watches;
use crate::clock::{Clock as _, Stopwatch, SystemClock};
use crate::config::{Config, NotifierConfig, NotifierKind};
use crate::domain::Timestamp;
use crate::domain::finding::Level;
use crate::domain::message::{Message, Topic};
use crate::domain::reason::Unseen;
use crate::net::Net;
use crate::notifiers::{Notifier, smtp::Smtp, webhook::Webhook};

/// Try a way to reach people
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, clap::Subcommand)]
enum Act {
    /// Send one message, plainly marked as a test, through a notifier
    #[command(after_help = "Example:\n  certsteward notify test ops")]
    Test(Test),
}

#[derive(Debug, clap::Args)]
struct Test {
    /// The notifier's id
    name: String,
    /// Print what happened as JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) async fn perform(&self, common: &Common, output: &mut Output) -> Result<Exit, Failed> {
        let Act::Test(test) = &self.act;
        test.perform(common, output).await
    }
}

impl Test {
    async fn perform(&self, common: &Common, output: &mut Output) -> Result<Exit, Failed> {
        let config = watches::configuration(common)?;
        let settings = self.find(&config)?;
        let unusable = |unseen: Unseen| Failed::could_not(format!("notifier {}: {unseen}", self.name));
        let notifier = build(settings).map_err(unusable)?;
        let watch = Stopwatch::start();
        let sent = notifier.send(&message(SystemClock.now())).await;
        let seconds = watch.elapsed().as_secs_f64();
        if self.json {
            let failure = sent.as_ref().err();
            output.json(&json!({
                "notifier": self.name,
                "sent": sent.is_ok(),
                "seconds": seconds,
                "reason": failure.map(|failure| failure.reason.code()),
                "text": failure.map(|failure| &failure.text),
            }));
        }
        match sent {
            Ok(()) if self.json => Ok(Exit::Done),
            Ok(()) => {
                output.line(format_args!(
                    "notifier {} took the test message in {seconds:.1} s; look whether it arrived",
                    self.name
                ));
                Ok(Exit::Done)
            }
            Err(_) if self.json => Ok(Exit::CouldNot),
            Err(failure) => Err(Failed::could_not(format!("notifier {}: {failure}", self.name))),
        }
    }

    fn find<'a>(&self, config: &'a Config) -> Result<&'a NotifierConfig, Failed> {
        config.notifiers.iter().find(|one| one.id == self.name).ok_or_else(|| {
            let known: Vec<&str> = config.notifiers.iter().map(|one| one.id.as_str()).collect();
            let known = if known.is_empty() {
                "none is configured".to_owned()
            } else {
                format!("there are: {}", known.join(", "))
            };
            Failed::could_not(format!("there is no notifier {:?}; {known}", self.name))
        })
    }
}

fn build(settings: &NotifierConfig) -> Result<Box<dyn Notifier>, Unseen> {
    let net = Net::new()
        .map_err(|error| Unseen::new(crate::domain::reason::Reason::Unreadable, error.to_string()))?;
    Ok(match &settings.kind {
        NotifierKind::Smtp(settings) => Box::new(Smtp::new(net, settings.clone())?),
        NotifierKind::Webhook(settings) => Box::new(Webhook::new(net, settings.clone())),
    })
}

fn message(at: Timestamp) -> Message {
    Message {
        watch: "test".to_owned(),
        labels: BTreeMap::new(),
        at,
        topic: Topic::Findings,
        level: Level::Notice,
        code: "test".to_owned(),
        key: format!("test-{}", at.timestamp()),
        resolved: false,
        subject: "test message of certsteward, nothing is wrong".to_owned(),
        text: "This message was sent by hand with certsteward notify test, to see whether messages arrive"
            .to_owned(),
        way_out: "nothing to do".to_owned(),
        hand_off: None,
        to: None,
        actor: None,
        deadline: None,
    }
}
