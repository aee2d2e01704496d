//! The sandbox's background tasks: the one file of it that spawns.
//! It is not a scheduler; a task runs until the sandbox is stopped.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// All tasks of one landscape, and the word that ends them.
pub(super) struct Tasks {
    stop: CancellationToken,
    running: Mutex<JoinSet<()>>,
}

impl Tasks {
    pub(super) fn new() -> Self {
        Self { stop: CancellationToken::new(), running: Mutex::new(JoinSet::new()) }
    }

    /// Runs `task` until it ends by itself or the landscape stops; a stopped task is dropped where it waits.
    pub(super) fn run(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.running.lock().unwrap_or_else(PoisonError::into_inner).spawn(async move {
            tokio::select! { () = stop.cancelled() => {}, () = task => {} }
        });
    }

    /// Ends every task and waits until the last one is gone.
    pub(super) async fn end(&self) {
        self.stop.cancel();
        let mut running = std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
        while running.join_next().await.is_some() {}
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
