//! The contract of a prober, clause by clause: the mTLS call to the sandbox's API, and the fake world's.

use std::time::Duration;

use certsteward::domain::record::Order;
use certsteward::domain::verdict::{Probed, Verdict};
use certsteward::domain::watch::{Matching, Validity};
use certsteward::identity::Identity;
use certsteward::net::{self, Net};
use certsteward::probers::Prober;
use certsteward::probers::mtls::{Mtls, Settings};
use certsteward::sandbox::Fault;
use certsteward::sap::Password;

use super::sandbox::{AT, Sandbox};
use crate::support::machine::now;
use crate::support::world::{Everything, World};

/// How the API treats the next call.
#[derive(Clone, Copy)]
enum Next {
    Fails,
    IsSilent,
}

/// An API that knows `sfapi.pem`, and knows `other.pem` not.
trait Stage: Sized {
    async fn open() -> Option<Self>;
    fn prober(&self) -> &dyn Prober;
    async fn identity(&self, name: &str) -> Identity;
    fn next(&self, next: Next);
    /// The certificate is known, and its user may not read.
    async fn forbid(&self);
    /// How many calls reached the API.
    fn calls(&self) -> usize;
}

held! {
    [
        a_certificate_that_the_api_knows_is_accepted,
        a_certificate_that_the_api_does_not_know_is_not_mapped,
        without_a_certificate_nothing_is_proven,
        a_user_without_permission_is_recognised,
        a_failing_platform_is_no_verdict_on_the_certificate,
        an_api_that_is_silent_is_a_timeout,
        a_probe_is_one_call_and_may_be_repeated,
    ] on
    sandbox: RealApi,
    fake_world: Everything,
}

const KNOWN: &str = "sfapi.pem";
const OTHER: &str = "other.pem";

async fn probed(stage: &impl Stage, name: &str) -> Probed {
    let identity = stage.identity(name).await;
    let probed = stage.prober().probe(Some(&identity), now()).await;
    assert_eq!(probed.at, now());
    assert_eq!(probed.presented, Some(identity.chain().fingerprint()), "{probed:?}");
    probed
}

async fn a_certificate_that_the_api_knows_is_accepted(stage: &impl Stage) {
    let probed = probed(stage, KNOWN).await;
    assert_eq!(probed.verdict, Verdict::Accepted, "{probed:?}");
    assert!(probed.asked_for_certificate);
}

async fn a_certificate_that_the_api_does_not_know_is_not_mapped(stage: &impl Stage) {
    assert_eq!(probed(stage, OTHER).await.verdict, Verdict::NotMapped);
    assert_eq!(probed(stage, KNOWN).await.verdict, Verdict::Accepted, "nothing is remembered");
}

async fn without_a_certificate_nothing_is_proven(stage: &impl Stage) {
    let probed = stage.prober().probe(None, now()).await;
    assert_eq!((probed.verdict, probed.presented), (Verdict::CertificateRequired, None));
}

async fn a_user_without_permission_is_recognised(stage: &impl Stage) {
    stage.forbid().await;
    let verdict = probed(stage, KNOWN).await.verdict;
    assert_eq!((verdict, verdict.recognised()), (Verdict::NoPermission, true));
}

async fn a_failing_platform_is_no_verdict_on_the_certificate(stage: &impl Stage) {
    stage.next(Next::Fails);
    assert_eq!(probed(stage, KNOWN).await.verdict, Verdict::Unavailable);
}

async fn an_api_that_is_silent_is_a_timeout(stage: &impl Stage) {
    stage.next(Next::IsSilent);
    assert_eq!(probed(stage, KNOWN).await.verdict, Verdict::Timeout);
}

async fn a_probe_is_one_call_and_may_be_repeated(stage: &impl Stage) {
    for calls in [1, 2] {
        assert_eq!(probed(stage, KNOWN).await.verdict, Verdict::Accepted);
        assert_eq!(stage.calls(), calls);
    }
}

/// The sandbox's API, called as it is in earnest.
struct RealApi {
    sandbox: Sandbox,
    prober: Mtls,
}

impl Stage for RealApi {
    async fn open() -> Option<Self> {
        let sandbox = Sandbox::open().await;
        let order = Order {
            name: OTHER.to_owned(),
            common_name: "OTHER".to_owned(),
            validity: Validity::Days(30),
            in_place: false,
            like: None,
            replaces: certsteward::domain::certificate::Fingerprint::of(b"old"),
            placed: chrono::DateTime::UNIX_EPOCH,
        };
        sandbox.service.generate(AT, &order, None).await.unwrap();
        let proxy = Some("none".to_owned());
        let ca = Some(sandbox.folder.path().join("server-ca.pem"));
        let settings = Settings {
            url: format!(
                "{}/odata/v2/User?$top=1&$format=json",
                sandbox.landscape.addresses().successfactors
            ),
            connect: None,
            company_id: Some("ACME".to_owned()),
            headers: Vec::new(),
            timeout: Duration::from_secs(3),
            files: None,
            net: net::Settings { ca, proxy, family: None, timeout: Duration::from_secs(3) },
        };
        Some(Self { sandbox, prober: Mtls::new(Net::new().unwrap(), settings) })
    }

    fn prober(&self) -> &dyn Prober {
        &self.prober
    }

    async fn identity(&self, name: &str) -> Identity {
        self.sandbox.service.identity(AT, name, &Password::Unknown).await.ok().unwrap()
    }

    fn next(&self, next: Next) {
        let path_contains = "/odata/".to_owned();
        self.sandbox.landscape.fault(match next {
            Next::Fails => Fault { path_contains, status: Some(503), ..Fault::default() },
            Next::IsSilent => Fault { path_contains, delay: Duration::from_secs(3600), ..Fault::default() },
        });
    }

    async fn forbid(&self) {
        let landscape = &self.sandbox.landscape;
        let first = landscape.mappings()[0].id;
        assert!(landscape.delete_mapping(first));
        let pem = landscape.public_chain(KNOWN).unwrap();
        let leaf = pem.split_inclusive("-----END CERTIFICATE-----").next().unwrap();
        landscape.add_mapping("BTP mTLS", "NOPERM", leaf).unwrap();
    }

    fn calls(&self) -> usize {
        let requests = self.sandbox.landscape.requests();
        requests.iter().filter(|line| line.part == "successfactors").count()
    }
}

impl Stage for Everything {
    async fn open() -> Option<Self> {
        let facts = World::new(Matching::Dn).facts;
        facts.0.lock().unwrap().issue(OTHER, "OTHER", 30);
        Some(facts)
    }

    fn prober(&self) -> &dyn Prober {
        self
    }

    async fn identity(&self, name: &str) -> Identity {
        certsteward::sources::Source::identity(self, Some(name)).await.ok().unwrap()
    }

    fn next(&self, next: Next) {
        self.0.lock().unwrap().api = Some(match next {
            Next::Fails => Verdict::Unavailable,
            Next::IsSilent => Verdict::Timeout,
        });
    }

    async fn forbid(&self) {
        self.0.lock().unwrap().permission = false;
    }

    fn calls(&self) -> usize {
        self.0.lock().unwrap().probes.try_into().unwrap()
    }
}
