//! The contract of a notifier, clause by clause: mail to a mail server, and a webhook's receiver.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use certsteward::clock::Stopwatch;
use certsteward::domain::message::Message;
use certsteward::domain::reason::{Failure, Reason};
use certsteward::net::{self, Net};
use certsteward::notifiers::Notifier;
use certsteward::notifiers::smtp::{Security, Settings as MailSettings, Smtp};
use certsteward::notifiers::webhook::{Format, Settings as HookSettings, Webhook};
use tokio::task::JoinSet;

use crate::notifiers::mail_server::{MailServer, Script};
use crate::notifiers::samples::{finding, resolved};
use crate::support::wait::free_port;

/// How those who are to be reached take it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Take,
    Refuse,
    /// Everything is taken, and nothing is answered.
    TakeSilently,
    NobodyIsThere,
}

/// A notifier, and what arrived at the other side.
struct Facing {
    notifier: Box<dyn Notifier>,
    arrived: Box<dyn Fn() -> usize>,
}

/// A way to reach people.
trait Stage: Sized {
    async fn open() -> Option<Self>;
    async fn facing(&self, how: How) -> Facing;
}

held! {
    [
        a_message_arrives_once,
        each_message_arrives,
        a_refusal_is_a_certain_failure_and_nothing_arrives,
        a_silent_other_side_ends_within_the_limit_as_an_uncertain_failure,
        nobody_there_is_a_certain_failure,
        nothing_is_retried_and_the_next_sending_is_a_new_one,
    ] on
    mail: Mail,
    webhook: Hook,
}

const LIMIT: Duration = Duration::from_secs(2);

async fn send(facing: &Facing, message: &Message) -> Result<(), Failure> {
    facing.notifier.send(message).await
}

async fn a_message_arrives_once(stage: &impl Stage) {
    let facing = stage.facing(How::Take).await;
    send(&facing, &finding()).await.unwrap();
    assert_eq!((facing.arrived)(), 1);
}

async fn each_message_arrives(stage: &impl Stage) {
    let facing = stage.facing(How::Take).await;
    send(&facing, &finding()).await.unwrap();
    send(&facing, &resolved()).await.unwrap();
    assert_eq!((facing.arrived)(), 2);
}

async fn a_refusal_is_a_certain_failure_and_nothing_arrives(stage: &impl Stage) {
    let facing = stage.facing(How::Refuse).await;
    let failure = send(&facing, &finding()).await.unwrap_err();
    assert!(!failure.maybe_effective, "{failure}");
    assert_eq!((facing.arrived)(), 0);
}

async fn a_silent_other_side_ends_within_the_limit_as_an_uncertain_failure(stage: &impl Stage) {
    let facing = stage.facing(How::TakeSilently).await;
    let watch = Stopwatch::start();
    let failure = send(&facing, &finding()).await.unwrap_err();
    assert_eq!((failure.reason, failure.maybe_effective), (Reason::Timeout, true), "{failure}");
    assert!(watch.elapsed() < LIMIT * 4, "{:?}", watch.elapsed());
}

async fn nobody_there_is_a_certain_failure(stage: &impl Stage) {
    let facing = stage.facing(How::NobodyIsThere).await;
    let failure = send(&facing, &finding()).await.unwrap_err();
    assert_eq!((failure.reason, failure.maybe_effective), (Reason::ConnectionRefused, false), "{failure}");
}

async fn nothing_is_retried_and_the_next_sending_is_a_new_one(stage: &impl Stage) {
    let facing = stage.facing(How::TakeSilently).await;
    for times in [1, 2] {
        assert!(send(&facing, &finding()).await.is_err());
        assert_eq!((facing.arrived)(), times);
    }
}

fn reach() -> net::Settings {
    net::Settings { ca: None, proxy: Some("none".to_owned()), family: None, timeout: LIMIT }
}

/// Mail to a server that keeps it.
struct Mail;

impl Stage for Mail {
    async fn open() -> Option<Self> {
        Some(Self)
    }

    async fn facing(&self, how: How) -> Facing {
        let script = Script {
            whole: (how == How::Refuse).then_some("550 5.7.1 not here"),
            silent_at: (how == How::TakeSilently).then_some("data"),
            ..Script::default()
        };
        let server = MailServer::start(script).await;
        let port = if how == How::NobodyIsThere { free_port() } else { server.port };
        let settings = MailSettings {
            id: "ops".to_owned(),
            security: Security::Plain,
            host: "localhost".to_owned(),
            port,
            from: "Certsteward <certsteward@example.org>".to_owned(),
            to: vec!["ops@example.org".to_owned()],
            credentials: None,
            public_url: None,
            templates: None,
            net: reach(),
        };
        let notifier = Box::new(Smtp::new(Net::new().unwrap(), settings).unwrap());
        Facing { notifier, arrived: Box::new(move || server.read()) }
    }
}

type Posts = Arc<Mutex<usize>>;

/// A receiver of posts.
struct Hook;

async fn take(State((how, posts)): State<(How, Posts)>) -> StatusCode {
    match how {
        How::Refuse => return StatusCode::BAD_REQUEST,
        How::Take | How::TakeSilently | How::NobodyIsThere => *posts.lock().unwrap() += 1,
    }
    if how == How::TakeSilently {
        std::future::pending::<()>().await;
    }
    StatusCode::OK
}

impl Stage for Hook {
    async fn open() -> Option<Self> {
        Some(Self)
    }

    async fn facing(&self, how: How) -> Facing {
        let posts = Posts::default();
        let router = axum::Router::new().fallback(take).with_state((how, Arc::clone(&posts)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let port = if how == How::NobodyIsThere { free_port() } else { port };
        let mut running = JoinSet::new();
        running.spawn(async move { axum::serve(listener, router).await.unwrap() });
        let settings = HookSettings {
            id: "chat".to_owned(),
            url: format!("http://127.0.0.1:{port}/hook"),
            format: Format::Json,
            secret: None,
            public_url: None,
            net: reach(),
        };
        let arrived = move || {
            // The receiver lives as long as it is asked.
            let _running = &running;
            *posts.lock().unwrap()
        };
        Facing { notifier: Box::new(Webhook::new(Net::new().unwrap(), settings)), arrived: Box::new(arrived) }
    }
}
