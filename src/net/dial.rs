//! From addresses to one open TCP stream: the next is tried as soon as one fails or is slow, and the first that opens is taken.
//! It resolves no name and knows no proxy.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;

use super::cause::reason_of;
use crate::domain::reason::{Reason, Unseen};

/// How long an address has before the next is tried beside it (RFC 8305, Connection Attempt Delay).
const AHEAD: Duration = Duration::from_millis(250);

/// Opens a stream to the first of these addresses that takes one, within the limit.
pub(super) async fn dial(addresses: Vec<SocketAddr>, limit: Duration) -> Result<TcpStream, Unseen> {
    let mut untried = in_turns(addresses).into_iter();
    let mut tried: Vec<(SocketAddr, Option<Unseen>)> = Vec::new();
    let mut attempts = FuturesUnordered::new();
    let late = tokio::time::sleep(limit);
    tokio::pin!(late);
    loop {
        if let Some(address) = untried.next() {
            tried.push((address, None));
            attempts.push(async move { (address, TcpStream::connect(address).await) });
        }
        let answered = tokio::select! {
            answered = attempts.next() => answered,
            () = &mut late => return Err(failure(&tried, limit)),
            () = tokio::time::sleep(AHEAD), if untried.len() > 0 => continue,
        };
        let Some((address, outcome)) = answered else { return Err(failure(&tried, limit)) };
        match outcome.and_then(|stream| stream.set_nodelay(true).map(|()| stream)) {
            Ok(stream) => return Ok(stream),
            Err(error) => {
                let unopened = tried.iter_mut().find(|(tried, _)| *tried == address);
                unopened.into_iter().for_each(|(_, why)| *why = Some(unopened_because(address, &error)));
            }
        }
    }
}

/// The families by turns, each in the order given: one that does not work at all costs no more than a moment.
fn in_turns(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (one, other): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let (mut one, mut other) = (one.into_iter(), other.into_iter());
    let mut mixed = Vec::new();
    loop {
        let pair = [one.next(), other.next()];
        if pair == [None, None] {
            return mixed;
        }
        mixed.extend(pair.into_iter().flatten());
    }
}

fn unopened_because(address: SocketAddr, error: &std::io::Error) -> Unseen {
    let reason = reason_of(error).unwrap_or(Reason::ConnectionRefused);
    Unseen::new(reason, format!("cannot connect to {address}: {error}"))
}

/// Every address with what came of it. An answer, if only a refusal, tells more than silence.
fn failure(tried: &[(SocketAddr, Option<Unseen>)], limit: Duration) -> Unseen {
    let silent =
        |address| Unseen::new(Reason::Timeout, format!("{address} did not answer within {limit:.1?}"));
    let all: Vec<Unseen> =
        tried.iter().map(|(address, why)| why.clone().unwrap_or_else(|| silent(address))).collect();
    let told = |wanted: Reason| all.iter().any(|unseen| unseen.reason == wanted).then_some(wanted);
    let reason = told(Reason::ConnectionRefused).or_else(|| told(Reason::ConnectionReset));
    let texts: Vec<&str> = all.iter().map(|unseen| unseen.text.as_str()).collect();
    Unseen::new(reason.unwrap_or(Reason::Timeout), texts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn families_are_tried_by_turns_in_the_order_given() {
        let given = addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "127.0.0.1:1"]);
        assert_eq!(in_turns(given), addresses(&["[::1]:1", "127.0.0.1:1", "[::2]:1", "[::3]:1"]));
        assert_eq!(in_turns(Vec::new()), Vec::new());
    }

    #[tokio::test]
    async fn an_address_that_is_silent_costs_a_moment_and_no_more() {
        let good = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let full = full().await;
        let given = vec![full.address, good.local_addr().unwrap()];
        let stream = dial(given, Duration::from_secs(20)).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good.local_addr().unwrap());
    }

    #[tokio::test]
    async fn where_nothing_opens_each_address_is_told_with_its_reason() {
        let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let full = full().await;
        let failed = dial(vec![full.address, free], Duration::from_millis(400)).await.unwrap_err();
        assert_eq!(failed.reason, Reason::ConnectionRefused);
        let (silent, refused) = failed.text.split_once("; ").unwrap();
        assert!(silent.contains("did not answer within 400.0ms"), "{silent}");
        assert!(refused.starts_with(&format!("cannot connect to {free}: ")), "{refused}");

        let failed = dial(vec![full.address], Duration::from_millis(100)).await.unwrap_err();
        assert_eq!(failed.reason, Reason::Timeout);
    }

    /// A listener that answers no more: its queue is full, so that the system drops what comes.
    struct Full {
        address: SocketAddr,
        _listener: tokio::net::TcpListener,
        _queue: Vec<TcpStream>,
    }

    async fn full() -> Full {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queue = Vec::new();
        while let Ok(Ok(stream)) =
            tokio::time::timeout(Duration::from_millis(100), TcpStream::connect(address)).await
        {
            queue.push(stream);
        }
        Full { address, _listener: listener, _queue: queue }
    }
}
