//! The bell: cron rings it through tokio-cron-scheduler, everything else rings it directly. A ring carries no data.
//! It runs nothing: the scheduler overlaps its jobs and does not wait for them at shutdown, so no work is ever put into one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

/// What wakes the daemon.
#[derive(Clone, Default)]
pub struct Bell(Arc<Parts>);

#[derive(Default)]
struct Parts {
    rung: Notify,
    everywhere: AtomicBool,
}

impl Bell {
    /// Something may be due somewhere: a command was stored.
    pub fn ring(&self) {
        self.0.rung.notify_one();
    }

    /// Every watch is to be looked at.
    pub fn ring_everywhere(&self) {
        self.0.everywhere.store(true, Ordering::SeqCst);
        self.0.rung.notify_one();
    }

    /// Waits for a ring; rings coalesce.
    pub async fn rung(&self) {
        self.0.rung.notified().await;
    }

    /// Whether every watch is to be looked at; asked once per ring.
    #[must_use]
    pub fn take_everywhere(&self) -> bool {
        self.0.everywhere.swap(false, Ordering::SeqCst)
    }
}

/// The cron that rings the bell, for as long as it is kept.
pub struct Cron {
    scheduler: JobScheduler,
}

impl Cron {
    /// Rings the bell at these times: five cron fields, UTC.
    ///
    /// # Errors
    /// Where the scheduler cannot start; the expression was checked with the configuration.
    pub async fn start(expression: &str, bell: Bell) -> Result<Self, JobSchedulerError> {
        Self::to_the_second(&format!("0 {expression}"), bell).await
    }

    async fn to_the_second(expression: &str, bell: Bell) -> Result<Self, JobSchedulerError> {
        let scheduler = JobScheduler::new().await?;
        let job = Job::new_async_tz(expression, chrono::Utc, move |_, _| {
            let bell = bell.clone();
            Box::pin(async move { bell.ring_everywhere() })
        })?;
        scheduler.add(job).await?;
        scheduler.start().await?;
        Ok(Self { scheduler })
    }

    /// Stops ringing.
    pub async fn stop(mut self) {
        if let Err(error) = self.scheduler.shutdown().await {
            tracing::warn!(error = %error, "the cron scheduler did not stop cleanly");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn cron_rings_for_every_watch_until_it_is_stopped() {
        let bell = Bell::default();
        let cron = Cron::to_the_second("* * * * * *", bell.clone()).await.unwrap();
        let limit = std::time::Duration::from_secs(20);
        for _ in 0..2 {
            tokio::time::timeout(limit, bell.rung()).await.unwrap();
            assert!(bell.take_everywhere());
        }
        cron.stop().await;
    }

    #[tokio::test]
    async fn rings_coalesce_and_only_the_whole_house_is_everywhere() {
        let bell = Bell::default();
        bell.ring();
        bell.ring();
        bell.rung().await;
        assert!(!bell.take_everywhere());
        bell.ring_everywhere();
        bell.rung().await;
        assert!(bell.take_everywhere() && !bell.take_everywhere());
    }
}
