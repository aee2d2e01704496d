//! What reaches people: mail and webhooks, as they arrive on the other side.

mod exim;
mod mail;
pub(crate) mod mail_server;
mod mime;
pub(crate) mod samples;
mod webhook;
