//! The way in called `jks`; what is done stands in `targets.rs`.
#![no_main]
#![allow(dead_code, reason = "the other ways in are other programs")]

#[path = "../targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::jks(bytes));
