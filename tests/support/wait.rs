//! Waiting for a condition, with a limit.

use std::time::Duration;

/// Tries until it gives something; after ten seconds the test fails, saying what it waited for.
pub async fn until<T>(what: &str, attempt: impl AsyncFnMut() -> Option<T>) -> T {
    within(Duration::from_secs(10), what, attempt).await
}

/// Tries until it gives something; after this limit the test fails, saying what it waited for.
pub async fn within<T>(limit: Duration, what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let waiting = async {
        let mut pause = tokio::time::interval(Duration::from_millis(20));
        loop {
            if let Some(found) = attempt().await {
                return found;
            }
            pause.tick().await;
        }
    };
    tokio::time::timeout(limit, waiting)
        .await
        .unwrap_or_else(|_| panic!("waited {} seconds in vain for {what}", limit.as_secs()))
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
