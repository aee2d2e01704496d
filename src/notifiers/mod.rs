//! Ways to reach people.
//!
//! # Contract
//! - `send` delivers one message or fails; it ends within its own limit and retries nothing: the outbox does.
//! - A refusal that was read, or nobody there, is a certain failure: nothing arrived. Silence after the message was given is
//!   an uncertain one.
//! - A message may arrive twice only where the answer to the first sending was lost.

mod facts;
pub mod smtp;
mod template;
pub mod webhook;

use crate::domain::message::Message;
use crate::domain::reason::Failure;

/// A way to reach people.
#[async_trait::async_trait]
pub trait Notifier: Send + Sync {
    /// Delivers one message.
    async fn send(&self, message: &Message) -> Result<(), Failure>;
}
