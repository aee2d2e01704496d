//! What is drafted from what a Destination service shows: each case is a small survey and the lines that matter.

use super::*;
use crate::config::load_text;
use crate::domain::sample::{certificate, chain, noon};

struct Desk {
    folder: tempfile::TempDir,
    survey: Survey,
    wish: Wish,
}

impl Desk {
    fn new() -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key.json");
        std::fs::write(&key, "{}").unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        let wish = Wish {
            connection: "btp".to_owned(),
            service_key: SecretRef::File(key),
            levels: Level::ALL.to_vec(),
            tenant: None,
            net: net::Settings::default(),
            folder: Some(folder.path().to_owned()),
            beside: true,
            stem: "draft".to_owned(),
            watched: Watched::default(),
            now: noon(),
        };
        Self { folder, survey: Survey::default(), wish }
    }

    fn entry(mut self, level: Level, name: &str) -> Self {
        let mut leaf = certificate("SFAPI", 365, 200);
        leaf.issuer = crate::domain::name::DistinguishedName::new([("O", "SAP SE"), ("CN", "Sample CA")]);
        let shows = Shows::Chain(Box::new(chain(leaf)), Vec::new());
        self.survey.entries.push(SeenEntry { level, name: name.to_owned(), shows });
        self
    }

    fn destination(mut self, level: Level, name: &str, keystore: &str) -> Self {
        let facts = DestinationFacts {
            name: name.to_owned(),
            authentication: Some("ClientCertificateAuthentication".to_owned()),
            keystore_location: Some(keystore.to_owned()).filter(|keystore| !keystore.is_empty()),
            url: Some("https://api4.successfactors.com/odata/v2".to_owned()),
            company_id: Some("ACME".to_owned()),
        };
        self.survey.destinations.push(SeenDestination {
            level,
            facts,
            client_provided: false,
            others: Vec::new(),
        });
        self
    }

    /// The last destination is changed.
    fn but(mut self, change: impl FnOnce(&mut SeenDestination)) -> Self {
        change(self.survey.destinations.last_mut().unwrap());
        self
    }

    fn text(&self) -> String {
        write(&self.survey, &self.wish, &[]).text
    }

    /// The text loads as it is; what it watches, as `id reads place, probed at url`.
    fn watches(&self) -> Vec<String> {
        let text = self.text();
        let config = load_text(&text, &self.folder.path().join("draft.toml"))
            .unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        let shown = |watch: &crate::config::WatchConfig| {
            let urls: Vec<&str> = watch.watch.probes.iter().map(|probe| probe.url.as_str()).collect();
            let callers: Vec<&str> = watch.watch.callers.iter().map(|caller| caller.id.as_str()).collect();
            format!("{} reads {} for {callers:?} at {urls:?}", watch.watch.id, watch.watch.source.place)
        };
        config.watches.iter().map(shown).collect()
    }
}

const SUB: Level = Level::Subaccount;
const API: &str = "https://api4.cert.successfactors.com/odata/v2/User?$top=1&$select=userId";

#[test]
fn a_certificate_is_watched_through_the_only_destination_that_names_it() {
    let desk = Desk::new().entry(SUB, "a.pem").destination(SUB, "d", "a.pem");
    assert_eq!(desk.watches(), [format!("d reads btp subaccount destination d for [\"d\"] at [{API:?}]")]);
    let text = desk.text();
    assert!(text.contains("service_key = { file = \"key.json\" }"), "{text}");
    assert!(text.contains("api = \"https://api4.cert.successfactors.com\"\ncompany_id = \"ACME\""), "{text}");
    assert!(text.contains("# Nothing is wrong there"), "{text}");
}

#[test]
fn one_that_several_name_is_read_by_its_name_and_all_of_them_are_callers() {
    let desk = Desk::new()
        .entry(SUB, "a.pem")
        .destination(SUB, "d", "a.pem")
        .destination(Level::Instance, "d", "a.pem")
        .but(|second| second.facts.company_id = Some("ACNE".to_owned()));
    let text = desk.text();
    assert_eq!(
        desk.watches(),
        [format!("a.pem reads btp subaccount a.pem for [\"d\", \"d-instance\"] at [{API:?}, {API:?}]")]
    );
    assert!(text.contains("# odd") || text.contains("where most send"), "{text}");
    assert!(text.contains("[connections.sf-acne]"), "{text}");
}

#[test]
fn an_instance_s_destination_of_a_subaccount_s_entry_is_its_caller_at_its_own_level() {
    let desk = Desk::new().entry(SUB, "a.pem").destination(Level::Instance, "d", "a.pem");
    assert_eq!(desk.watches(), [format!("a.pem reads btp subaccount a.pem for [\"d\"] at [{API:?}]")]);
    assert!(desk.text().contains("destination = \"d\"\nlevel = \"instance\""));
}

#[test]
fn entries_of_one_name_on_both_levels_are_two_watches() {
    let desk = Desk::new()
        .entry(SUB, "a.pem")
        .entry(Level::Instance, "a.pem")
        .destination(SUB, "d", "a.pem")
        .destination(Level::Instance, "d", "a.pem");
    let ids: Vec<String> =
        desk.watches().iter().map(|watch| watch.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(ids, ["d", "instance-d"]);
}

#[test]
fn what_leads_nowhere_is_watched_too() {
    let desk = Desk::new().destination(SUB, "lost", "gone.p12");
    assert!(desk.watches()[0].starts_with("lost reads btp subaccount destination lost"));
    assert!(desk.text().contains("# A keystore that does not exist"));
}

#[test]
fn what_nobody_names_is_listed_and_left_to_a_discovery_that_is_switched_off() {
    let desk = Desk::new().entry(SUB, "a.pem").entry(SUB, "old.pem").destination(SUB, "d", "a.pem");
    let text = desk.text();
    assert_eq!(desk.watches().len(), 1);
    assert!(text.contains("#   old.pem (subaccount): SFAPI, valid until"), "{text}");
    assert!(text.contains("# [[discover]]\n"), "{text}");
    let alone = Desk::new().entry(SUB, "old.pem");
    assert!(alone.text().contains("\n[[discover]]\n") && alone.watches().is_empty(), "{}", alone.text());
}

#[test]
fn what_does_not_present_it_is_not_probed_and_says_why() {
    let desk = Desk::new()
        .entry(SUB, "a.pem")
        .destination(SUB, "d", "a.pem")
        .but(|only| only.facts.authentication = Some("BasicAuthentication".to_owned()));
    assert!(desk.watches()[0].ends_with("at []"), "{:?}", desk.watches());
    assert!(desk.text().contains("# Not probed: the destination d does not present it"), "{}", desk.text());
}

#[test]
fn a_tenant_is_what_the_destination_says_and_else_what_was_given() {
    let without = |change: fn(&mut SeenDestination)| {
        Desk::new().entry(SUB, "a.pem").destination(SUB, "d", "a.pem").but(change)
    };
    let changes: [fn(&mut SeenDestination); 4] = [
        |only| only.facts.company_id = None,
        |only| only.facts.url = None,
        |only| only.facts.url = Some("http://proxy.example.org/".to_owned()),
        |only| only.facts.url = Some("https://u:p@api4.successfactors.com/".to_owned()),
    ];
    for change in changes {
        let mut desk = without(change);
        assert!(desk.watches()[0].ends_with("at []"), "{:?}", desk.watches());
        assert!(!desk.text().contains("api4.successfactors.com/\"") && desk.text().contains("# Not probed"));
        desk.wish.tenant = Some(("https://api55.cert.sapsf.eu".to_owned(), "OTHER".to_owned()));
        assert!(desk.watches()[0].contains("https://api55.cert.sapsf.eu/odata"), "{:?}", desk.watches());
    }
    let mut said = without(|_| {});
    said.wish.tenant = Some(("https://api55.cert.sapsf.eu".to_owned(), "OTHER".to_owned()));
    assert!(said.watches()[0].contains(API), "{:?}", said.watches());
}

#[test]
fn trust_stores_and_keystores_that_are_brought_along_are_said_and_not_watched() {
    let desk = Desk::new()
        .entry(SUB, "ca.jks")
        .entry(SUB, "token.pem")
        .destination(SUB, "d", "")
        .but(|only| {
            only.others = vec![
                ("TrustStoreLocation".to_owned(), "ca.jks".to_owned()),
                ("tokenService.KeyStoreLocation".to_owned(), "token.pem".to_owned()),
            ];
        })
        .destination(SUB, "brought", "mine.p12")
        .but(|second| second.client_provided = true);
    assert_eq!(desk.watches(), ["token.pem reads btp subaccount token.pem for [] at []"]);
    let text = desk.text();
    assert!(text.contains("ca.jks (subaccount): SFAPI") && text.contains(", of d"), "{text}");
    assert!(text.contains("named by d (subaccount) as tokenService.KeyStoreLocation"), "{text}");
    assert!(text.contains("brought (subaccount): https://"), "{text}");
}

#[test]
fn what_was_uploaded_is_never_renewed_by_the_store() {
    let desk = Desk::new().entry(SUB, "a.crt").destination(SUB, "d", "a.crt");
    assert!(desk.text().contains("auto_renew = \"no\"\n"), "{}", desk.text());
    let desk = Desk::new().entry(SUB, "a.pem").destination(SUB, "d", "a.pem");
    assert!(
        desk.text().contains("# auto_renew = \"\"\n") && desk.text().contains("SAP renews it by itself from")
    );
}

#[test]
fn what_is_watched_already_is_left_out() {
    let mut desk = Desk::new()
        .entry(SUB, "a.pem")
        .entry(SUB, "b.pem")
        .destination(SUB, "d", "a.pem")
        .destination(SUB, "e", "b.pem");
    desk.wish.watched.destinations.insert((SUB, "d".to_owned()));
    assert_eq!(desk.watches().len(), 1);
    assert!(desk.text().contains("1 certificate, watched already and left out"));
    desk.wish.watched.entries.insert((SUB, "b.pem".to_owned()));
    assert_eq!(write(&desk.survey, &desk.wish, &[]).watched, 2);
}

#[test]
fn odd_names_make_ids_and_cannot_leave_their_comments_and_texts() {
    let name = "a \"b\"\n[daemon]\n# c/ü";
    let desk = Desk::new().entry(SUB, name).destination(SUB, "Destination mit Leerzeichen", name);
    assert!(desk.watches()[0].starts_with("Destination-mit-Leerzeichen reads"), "{:?}", desk.watches());
    let two = Desk::new()
        .entry(SUB, "x y.pem")
        .destination(SUB, "d d", "x y.pem")
        .entry(SUB, "z.pem")
        .destination(SUB, "d/d", "z.pem");
    assert_eq!(two.watches().len(), 2, "ids are unique");
}

#[test]
fn a_text_without_a_place_names_its_files_in_full_and_one_for_the_unit_leaves_its_places_alone() {
    let mut desk = Desk::new().entry(SUB, "a.pem").destination(SUB, "d", "a.pem");
    desk.wish.folder = None;
    desk.wish.beside = false;
    let text = desk.text();
    assert!(
        text.contains(&format!("service_key = {{ file = \"{}/key.json\" }}", desk.folder.path().display()))
    );
    assert!(!text.lines().any(|line| line.starts_with("[daemon]")), "{text}");
    desk.wish.service_key = SecretRef::Credential("btp-key".to_owned());
    assert!(desk.text().contains("service_key = { credential = \"btp-key\" }"));
}
