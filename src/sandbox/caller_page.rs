//! The page of the simulated calling application: is it getting through, with which certificate, and when was it not.
//! It only shows.

use super::caller::{Call, CallerReport, DESTINATION};
use super::http::{Answer, Request};
use super::pages::{escaped, page};
use super::world::World;

const SHOWN: usize = 20;

/// Answers one request of a browser.
pub(super) fn answer(world: &World, request: &Request) -> Answer {
    if request.method != "GET" || request.path != "/" {
        return Answer::html(404, page("Not found", "<p><a href=\"/\">Calling application</a></p>"));
    }
    let report = world.state().caller.report();
    Answer::html(200, shown(&report)).with("refresh", "2")
}

fn shown(report: &CallerReport) -> String {
    let state = match report.recent.last() {
        None => "<p>No call yet.</p>".to_owned(),
        Some(Call { failure: None, .. }) => "<p class=\"good\">The last call got through.</p>".to_owned(),
        Some(Call { failure: Some(words), .. }) => {
            format!("<p class=\"bad\">The last call failed: {}</p>", escaped(words))
        }
    };
    let certificate = report.certificate.as_ref().map_or_else(
        || "none yet".to_owned(),
        |certificate| {
            format!("{}, SHA-256 {}", escaped(&certificate.name), escaped(&certificate.fingerprint))
        },
    );
    let switches: String = report
        .switches
        .iter()
        .rev()
        .take(SHOWN)
        .map(|(at, certificate)| {
            row(&at.format("%Y-%m-%d %H:%M:%S UTC").to_string(), &certificate.name, &certificate.fingerprint)
        })
        .collect();
    let failed: String = report
        .failed
        .iter()
        .rev()
        .take(SHOWN)
        .map(|call| {
            let status = call.status.map(|status| status.to_string()).unwrap_or_default();
            row(
                &call.at.format("%Y-%m-%d %H:%M:%S%.3f UTC").to_string(),
                &status,
                call.failure.as_deref().unwrap_or_default(),
            )
        })
        .collect();
    let failed = if failed.is_empty() { row("None.", "", "") } else { failed };
    page(
        "Calling application",
        &format!(
            "{state}<p>{} calls through {DESTINATION}, {} failed. Certificate in use: {certificate}</p>\
             <h2>Certificates used</h2><table><tbody>{switches}</tbody></table>\
             <h2>Latest failures</h2><table><tbody>{failed}</tbody></table>",
            report.calls, report.failures
        ),
    )
}

fn row(first: &str, second: &str, third: &str) -> String {
    format!(
        "<tr><td>{}</td><td>{}</td><td class=\"long\">{}</td></tr>",
        escaped(first),
        escaped(second),
        escaped(third)
    )
}
