//! Whole lives of a watch, each read as a timeline.

mod back;
mod clock;
mod commands;
mod crash;
mod elsewhere;
mod gates;
mod hand_offs;
mod long;
mod proof;
mod retire;
mod told;
mod ways;
