//! Names to addresses, by the system: one lookup of a name at a time, whoever asks meanwhile shares its answer.
//! It keeps no answer, and connects to nothing.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use tokio::sync::Semaphore;

use super::address::Family;
use crate::domain::reason::{Reason, Unseen};

/// A lookup cannot be cancelled, so only so many may hang at once. As there are more of them than connections, and never two
/// of one name, names that hang keep no other name waiting.
const LOOKUPS: usize = 256;

type Found = Result<Arc<[IpAddr]>, Unseen>;
type Lookup = Shared<BoxFuture<'static, Found>>;

/// Resolves names. Cloning it is cheap and shares everything.
#[derive(Clone)]
pub(super) struct Resolver {
    slots: Arc<Semaphore>,
    under_way: Arc<Mutex<HashMap<String, Lookup>>>,
}

impl Resolver {
    pub(super) fn new() -> Self {
        Self { slots: Arc::new(Semaphore::new(LOOKUPS)), under_way: Arc::default() }
    }

    /// The addresses of a host, in the order in which the system would try them.
    pub(super) async fn addresses(
        &self,
        host: &str,
        port: u16,
        family: Option<Family>,
    ) -> Result<Vec<SocketAddr>, Unseen> {
        let found = match host.parse::<IpAddr>() {
            Ok(address) => Arc::from([address]),
            Err(_) => self.lookup(host).await?,
        };
        let addresses = found.iter().map(|address| SocketAddr::new(*address, port)).collect();
        match family {
            None => Ok(addresses),
            Some(family) => {
                family.chosen(host, addresses).map_err(|text| Unseen::new(Reason::DnsFailed, text))
            }
        }
    }

    fn lookup(&self, host: &str) -> Lookup {
        let begin = || look_up(host.to_owned(), Arc::clone(&self.slots), Arc::clone(&self.under_way));
        locked(&self.under_way).entry(host.to_owned()).or_insert_with(|| begin().boxed().shared()).clone()
    }
}

async fn look_up(
    host: String,
    slots: Arc<Semaphore>,
    under_way: Arc<Mutex<HashMap<String, Lookup>>>,
) -> Found {
    let failed =
        |cause: &str| Unseen::new(Reason::DnsFailed, format!("the name {host} cannot be resolved: {cause}"));
    let slot = slots.acquire_owned().await.map_err(|error| failed(&error.to_string()))?;
    let name = host.clone();
    let looked_up = tokio::task::spawn_blocking(move || {
        let found = std::net::ToSocketAddrs::to_socket_addrs(&(name.as_str(), 0));
        let found = found.map(|all| all.map(|address| address.ip()).collect::<Vec<_>>());
        // Here and not in the future: nobody may be waiting for it any more, and the next one must ask anew.
        locked(&under_way).remove(&name);
        drop(slot);
        found
    });
    let found = looked_up.await.map_err(|error| failed(&error.to_string()))?;
    let addresses = found.map_err(|error| failed(&super::told(&error)))?;
    if addresses.is_empty() {
        return Err(failed("it has no address"));
    }
    Ok(addresses.into())
}

fn locked(under_way: &Mutex<HashMap<String, Lookup>>) -> MutexGuard<'_, HashMap<String, Lookup>> {
    under_way.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A resolver for one client, which may insist on a family.
#[derive(Clone)]
pub(super) struct OfFamily(pub(super) Resolver, pub(super) Option<Family>);

impl reqwest::dns::Resolve for OfFamily {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let Self(resolver, family) = self.clone();
        Box::pin(async move {
            let found = resolver.addresses(name.as_str(), 0, family).await.map_err(Unresolved)?;
            let addresses: reqwest::dns::Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

/// Carries a lookup's failure through reqwest, so that it is recognised again.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unresolved(pub(super) Unseen);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_is_looked_up_once_for_all_who_ask_and_anew_afterwards() {
        let resolver = Resolver::new();
        let asked = (0..50).map(|_| resolver.addresses("localhost", 443, None));
        let all = futures_util::future::join_all(asked).await;
        assert!(all.iter().all(|found| found == &all[0] && found.is_ok()), "{all:?}");
        assert!(locked(&resolver.under_way).is_empty(), "nothing is kept");
        assert_eq!(resolver.addresses("localhost", 443, None).await, all[0]);
    }

    #[tokio::test]
    async fn an_address_is_looked_up_nowhere() {
        let resolver = Resolver::new();
        let found = resolver.addresses("::1", 443, Some(Family::V6)).await.unwrap();
        assert_eq!(found, ["[::1]:443".parse().unwrap()]);
        let other = resolver.addresses("::1", 443, Some(Family::V4)).await.unwrap_err();
        assert_eq!(other.reason, Reason::DnsFailed);
    }
}
