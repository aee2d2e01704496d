//! Conformance: a table of scenarios against real servers, each with the verdict that is right, and docs/conformance.md as the record.

mod answers;
mod lab;
mod own;
mod page;
mod peers;
mod record;
mod scenario;
mod servers;
mod table;

use std::collections::BTreeSet;
use std::time::Duration;

use certsteward::domain::verdict::{Probed, Verdict};
use certsteward::net::Net;
use certsteward::probers::Prober as _;
use certsteward::probers::mtls::{Mtls, Settings};

use crate::support::machine::now;
use lab::Lab;
use peers::{Peer, Peers};
use record::Record;
use scenario::{Scenario, Site};

/// The limit of a probe that is to meet a server that never answers.
const SHORT: Duration = Duration::from_millis(700);
const LIMIT: Duration = Duration::from_secs(20);

fn sites() -> Vec<Site> {
    let all = table::groups().into_iter().flat_map(|group| group.scenarios);
    all.map(|scenario| scenario.site).collect::<BTreeSet<Site>>().into_iter().collect()
}

async fn probed(lab: &Lab, net: &Net, scenario: &Scenario) -> Option<Probed> {
    let url = lab.url(scenario.site, scenario.path)?;
    let waits = scenario.verdict == Verdict::Timeout || scenario.path == "/slow-429";
    let timeout = if waits { SHORT } else { LIMIT };
    let settings = Settings {
        url,
        connect: None,
        company_id: None,
        headers: Vec::new(),
        timeout,
        files: None,
        net: lab.net(timeout),
    };
    let identity = lab.certificates.client(scenario.client);
    Some(Mtls::new(net.clone(), settings).probe(identity.as_ref(), now()).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_scenario_gets_the_verdict_that_is_right() {
    let lab = Lab::start(&sites()).await;
    let net = Net::new().unwrap();
    let mut wrong = String::new();
    for scenario in table::groups().into_iter().flat_map(|group| group.scenarios) {
        let Some(probed) = probed(&lab, &net, &scenario).await else { continue };
        if (probed.verdict, probed.detail) != (scenario.verdict, scenario.detail) {
            wrong.push_str(&format!(
                "{:?} {:?} {}: not {} but {} {:?}: {}\n",
                scenario.site,
                scenario.client,
                scenario.path,
                scenario.expected(),
                probed.verdict,
                probed.detail,
                probed.text
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Asks the other tools, and keeps what they say; only where it is asked for, because it takes minutes.
#[tokio::test(flavor = "multi_thread")]
async fn the_other_tools_are_asked_the_same() {
    if std::env::var_os("CERTSTEWARD_TESTS_PEERS").is_none() {
        return;
    }
    let lab = Lab::start(&sites()).await;
    let peers = Peers::start(&lab).await;
    let mut record = Record::default();
    record.versions =
        peers::versions().into_iter().map(|(name, version)| (name.to_owned(), version)).collect();
    for scenario in table::groups().into_iter().flat_map(|group| group.scenarios) {
        for peer in Peer::ALL {
            if let Some(said) = tokio::task::block_in_place(|| peers.ask(&lab, peer, &scenario)) {
                record.note(&scenario, peer, said);
            }
        }
    }
    record.write();
}

#[test]
fn the_page_is_what_the_table_and_the_record_say() {
    let wanted = page::page(&Record::read());
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/conformance.md");
    if std::env::var_os("CERTSTEWARD_WRITE_DOCS").is_some() {
        std::fs::write(&file, &wanted).unwrap();
    }
    let is = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        is == wanted,
        "docs/conformance.md is not what the table says; CERTSTEWARD_WRITE_DOCS=1 writes it anew"
    );
}
