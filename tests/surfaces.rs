//! Show.
use crate::support::fake_daemon::{FakeDaemon, Served};
use crate::support::samples;
use certsteward::surfaces::http::{Options, Trust, router};
use std::sync::Arc;

#[tokio::test]
async fn show() {
    let daemon = Arc::new(FakeDaemon::new(samples::snapshot()));
    let _served =
        Served::on("127.0.0.1:9799", router(daemon, Options { public_url: None, trust: Trust::Network }))
            .await;
    std::future::pending::<()>().await;
}
