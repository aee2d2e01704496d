//! Conformance: a table of scenarios against real servers, each with the verdict that is right, and docs/conformance.md as the record.

mod answers;
mod lab;
mod own;
mod page;
mod peers;
mod reasons;
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

use crate::catalogue::compare;
use crate::support::machine::now;
use lab::Lab;
use page::Told;
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
async fn every_scenario_gets_the_verdict_that_is_right_and_the_page_says_so() {
    let lab = Lab::start(&sites()).await;
    let net = Net::new().unwrap();
    let mut wrong = String::new();
    let mut groups = Vec::new();
    for group in table::groups() {
        let mut told = Vec::new();
        for scenario in &group.scenarios {
            told.push(match probed(&lab, &net, scenario).await {
                Some(probed) => told_of(*scenario, &probed, &mut wrong),
                None => Told { scenario: *scenario, verdict: scenario.verdict, text: scenario.expected() },
            });
        }
        groups.push((group, told));
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    compare("docs/conformance.md", &page::page(&groups, &Record::read()));
}

/// What the page shows of a call; one that was not told rightly is noted in `wrong`.
fn told_of(scenario: Scenario, probed: &Probed, wrong: &mut String) -> Told {
    let Scenario { site, client, path, .. } = scenario;
    let told = Told {
        scenario,
        verdict: probed.verdict,
        text: Scenario { verdict: probed.verdict, detail: probed.detail, ..scenario }.expected(),
    };
    if told.text != scenario.expected() {
        let expected = scenario.expected();
        wrong.push_str(&format!(
            "{site:?} {client:?} {path}: not {expected} but {}: {}\n",
            told.text, probed.text
        ));
    }
    told
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
