//! Waiting for a condition, with a limit.

use std::time::Duration;

/// Tries until it gives something; after ten seconds the test fails, saying what it waited for.
pub async fn until<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let waiting = async {
        let mut pause = tokio::time::interval(Duration::from_millis(10));
        loop {
            if let Some(found) = attempt().await {
                return found;
            }
            pause.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting)
        .await
        .unwrap_or_else(|_| panic!("waited ten seconds in vain for {what}"))
}

/// Waits until something listens there.
pub async fn listening(port: u16) {
    until(&format!("port {port}"), async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok())
        .await;
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
