//! Contracts from outside and from inside: SAP's own description of the Destination service, and the prose at the top of each role.
//! Nothing here knows how a contract is kept; that is tested beside whoever keeps it.
//!
//! Each clause of a role's contract is one function over a way to set the stage; `held!` runs every clause on every stage: the
//! real thing and the fake world's, so that no fake keeps another contract than the real one.

/// Runs each clause on each stage, as a test of its own named `stage::clause`.
#[cfg(feature = "sandbox")]
macro_rules! held {
    (@on [$($clause:ident),+ $(,)?] $stage:ident $how:ty) => {
        mod $stage {
            use super::*;
            $(
                #[tokio::test]
                async fn $clause() {
                    let Some(stage) = <$how as Stage>::open().await else { return };
                    super::$clause(&stage).await;
                }
            )+
        }
    };
    ($clauses:tt on $($stage:ident: $how:ty),+ $(,)?) => {
        $( held!(@on $clauses $stage $how); )+
    };
}

#[cfg(feature = "sandbox")]
mod callers;
#[cfg(feature = "sandbox")]
mod finders;
#[cfg(feature = "sandbox")]
mod notifiers;
#[cfg(feature = "sandbox")]
mod openapi;
#[cfg(feature = "sandbox")]
mod probers;
#[cfg(feature = "sandbox")]
mod renewers;
#[cfg(feature = "sandbox")]
mod sandbox;
#[cfg(feature = "sandbox")]
mod sources;
#[cfg(feature = "sandbox")]
mod targets;
