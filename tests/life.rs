//! Whole lives of a watch, each read as a timeline.

mod back;
mod careful;
mod clock;
mod commands;
mod crash;
mod elsewhere;
mod entry;
mod gap;
mod gates;
mod given;
mod hand_offs;
mod hold;
mod house;
mod kept;
mod led_back;
mod long;
mod proof;
mod ratchet;
mod retire;
mod told;
mod trail;
mod ways;
mod wrong;
