//! What the simulated parts share: the options, the authorities, and the state behind one lock.
//! It answers nothing itself; the lock is never held while something is waited for.

use super::caller::CallerState;
use super::certificates::Entry;
use super::faults::{Fault, RequestLine};
use super::http::{Answer, Request};
use super::mailbox::Mail;
use super::mappings::Mapping;
use super::pki::Authority;
use super::time::Moment;
use super::weather::Weather;
use super::{Addresses, Options};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// The two places of the Destination service where certificates and destinations stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Of the whole subaccount.
    Subaccount,
    /// Of the service instance the token belongs to.
    Instance,
}

/// The simulated parts that speak HTTP.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    Token,
    TokenMutual,
    DestinationService,
    SuccessFactors,
    SecurityCenter,
    Mailbox,
    Caller,
}

impl Part {
    /// The parts that people look at.
    pub(super) const PAGES: [Self; 3] = [Self::SecurityCenter, Self::Mailbox, Self::Caller];

    pub(super) fn is_a_page(self) -> bool {
        matches!(self, Self::SecurityCenter | Self::Mailbox | Self::Caller)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::TokenMutual => "token-mtls",
            Self::DestinationService => "destination-service",
            Self::SuccessFactors => "successfactors",
            Self::SecurityCenter => "security-center",
            Self::Mailbox => "mailbox",
            Self::Caller => "caller",
        }
    }

    pub(super) fn answer(self, world: &World, request: &Request) -> Answer {
        match self {
            Self::Token => super::tokens::answer_secret(world, request),
            Self::TokenMutual => super::tokens::answer_mutual(world, request),
            Self::DestinationService => super::destination_service::answer(world, request),
            Self::SuccessFactors => super::successfactors::answer(world, request),
            Self::SecurityCenter => super::security_center::answer(world, request),
            Self::Mailbox => super::mailbox::answer(world, request),
            Self::Caller => super::caller_page::answer(world, request),
        }
    }
}

/// One landscape's shared part.
pub(super) struct World {
    pub(super) options: Options,
    pub(super) addresses: Addresses,
    pub(super) authority: Authority,
    pub(super) client: super::tokens::Client,
    /// Checks a client certificate's chain and dates as SAP's load balancer does.
    pub(super) client_check: Arc<dyn rustls::server::danger::ClientCertVerifier>,
    pub(super) mail_arrived: Notify,
    state: Mutex<State>,
}

/// Everything that changes.
#[derive(Default)]
pub(super) struct State {
    pub(super) entries: BTreeMap<(Level, String), Entry>,
    pub(super) destinations: BTreeMap<(Level, String), Map<String, Value>>,
    pub(super) issued: BTreeMap<(Level, String), u32>,
    pub(super) tokens: HashMap<String, Moment>,
    pub(super) mappings: Vec<Mapping>,
    pub(super) last_mapping: u64,
    pub(super) mails: VecDeque<Mail>,
    pub(super) last_mail: u64,
    pub(super) requests: VecDeque<RequestLine>,
    pub(super) faults: Vec<Fault>,
    pub(super) weather: Option<Weather>,
    pub(super) caller: CallerState,
    pub(super) admin: Vec<String>,
}

impl World {
    pub(super) fn new(
        options: Options,
        addresses: Addresses,
        authority: Authority,
        client: super::tokens::Client,
        client_check: Arc<dyn rustls::server::danger::ClientCertVerifier>,
    ) -> Self {
        let state = State { faults: options.faults.clone(), ..State::default() };
        Self {
            options,
            addresses,
            authority,
            client,
            client_check,
            mail_arrived: Notify::new(),
            state: Mutex::new(state),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
