//! The sentence, run: passes over watches, looks and acts executed, messages delivered, the bell.
//! It decides nothing that the domain can decide.

pub mod deliver;
pub mod execute;
pub mod pass;
pub mod schedule;
