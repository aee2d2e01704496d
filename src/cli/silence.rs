//! `certsteward silence`: sends nothing about a watch until a moment.
//! Findings, metrics and acts go on.

use serde_json::Value;

use super::Common;
use super::exit::{Exit, Failed};
use super::order::{Order, Remarks, path};
use super::output::Output;
use super::span;
use crate::clock::{Clock as _, SystemClock};
use crate::domain::{Duration, Timestamp};

/// Send nothing about a watch until a moment
///
/// Only messages stop: findings, metrics, hand-offs on the page and acts go on.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  certsteward silence sf-odata-prod --for 12h --ticket CHG-1042\n  certsteward silence sf-odata-prod --until 2027-01-04\n  certsteward silence sf-odata-prod --end"
)]
#[group(id = "when", required = true, multiple = false, args = ["for", "until", "end"])]
pub(super) struct Arguments {
    /// The watch's id
    watch: String,
    /// For how long, such as 12h or 3d
    #[arg(id = "for", long = "for", value_name = "SPAN", value_parser = span::span)]
    span: Option<Duration>,
    /// Until when, such as 2027-01-04 or 2027-01-04T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = span::moment)]
    until: Option<Timestamp>,
    /// End the silence now
    #[arg(long)]
    end: bool,
    #[command(flatten)]
    remarks: Remarks,
}

impl Arguments {
    pub(super) async fn perform(&self, common: &Common, output: &mut Output) -> Result<Exit, Failed> {
        if self.end {
            let order = Order {
                path: path(&self.watch, "silence")?,
                done: format!("messages about {} are sent again", self.watch),
                fields: vec![("until", Value::from("now"))],
                remarks: &self.remarks,
            };
            let none = format!("nothing was silenced about {}", self.watch);
            order
                .obeyed((&self.watch, "end the silence"), Some((": there was none", none)), common, output)
                .await?;
            return Ok(Exit::Done);
        }
        let until = self.until()?;
        let shown = until.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let order = Order {
            path: path(&self.watch, "silence")?,
            done: format!("nothing is sent about {} until {shown}", self.watch),
            fields: vec![("until", Value::from(shown))],
            remarks: &self.remarks,
        };
        order.obeyed((&self.watch, "send nothing until"), None, common, output).await?;
        Ok(Exit::Done)
    }

    fn until(&self) -> Result<Timestamp, Failed> {
        let now = SystemClock.now();
        let until = self.until.or_else(|| now.checked_add_signed(self.span?));
        match until {
            Some(until) if until > now => Ok(until),
            Some(until) => {
                Err(Failed::usage(format!("{} is over already", until.format("%Y-%m-%d %H:%M UTC"))))
            }
            None => Err(Failed::usage("that is further away than time can be told".to_owned())),
        }
    }
}
