//! What becomes of the places that discoveries find: which are watched, under which ids, and what happens to them when
//! nothing can be seen.

use std::time::Duration as StdDuration;

use super::*;
use crate::config::{self, Kind};
use crate::domain::reason::Reason;
use crate::domain::sample::{certificate, noon, standing};
use crate::finders::Server;
use crate::finders::place::Destination;

struct House {
    config: Config,
    discoveries: Discoveries,
    _folder: tempfile::TempDir,
}

const BTP: &str = "[connections.btp]\ntype = \"destination-service\"\nservice_key = { file = \"key\" }\n";
const ALL: &str = "[[discover]]\nid = \"all\"\ntype = \"destination-service\"\nconnection = \"btp\"\n";

fn load(folder: &std::path::Path, text: &str) -> Config {
    use std::os::unix::fs::PermissionsExt as _;
    let key = folder.join("key");
    std::fs::write(&key, "a key").unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let file = folder.join("certsteward.toml");
    std::fs::write(&file, text).unwrap();
    config::load(&file, Kind::Given).unwrap_or_else(|problems| panic!("{problems}"))
}

impl House {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = load(folder.path(), text);
        let mut discoveries = Discoveries::default();
        discoveries.adopt(&config);
        Self { config, discoveries, _folder: folder }
    }

    /// A discovery comes back with this.
    fn find(&mut self, index: usize, found: Found, owners: &Owners) -> Turn {
        self.discoveries.absorb(&self.config.discoveries[index], found, owners, noon())
    }

    fn settings(&self) -> Vec<WatchConfig> {
        let watches = self.discoveries.watches(&self.config);
        let settings =
            |(id, origin): (String, Origin)| origin.settings(&id, &self.config).unwrap().into_owned();
        watches.into_iter().map(settings).collect()
    }

    /// What is watched: `id reads place`.
    fn watches(&self) -> Vec<String> {
        let watches = self.settings();
        watches.iter().map(|watch| format!("{} reads {}", watch.watch.id, watch.watch.source.place)).collect()
    }

    /// What these watches have, where their records say that they have moved on to these entries.
    fn owners(&self, moved: &[(&str, &Record)]) -> Owners {
        let watches = self.settings();
        let record = |id: &str| moved.iter().find(|(of, _)| *of == id).map(|(_, record)| *record);
        Owners::of(watches.iter().map(|watch| (watch, record(&watch.watch.id))))
    }
}

fn entry(name: &str, named_by: &[&str]) -> Place {
    let naming = |name: &&str| Destination { level: Level::Subaccount, name: (*name).to_owned() };
    let named_by = named_by.iter().map(naming).collect();
    Place::Entry(Entry { level: Level::Subaccount, name: name.to_owned(), named_by })
}

fn server(host: &str) -> Place {
    Place::Server(Server { host: host.to_owned(), port: 443, labels: BTreeMap::new() })
}

fn places(places: &[Place]) -> Found {
    Found { places: places.to_vec(), ..Found::default() }
}

fn blind() -> Found {
    Found::nothing(Unseen::new(Reason::Unavailable, "in maintenance"))
}

fn ours(entry: &str) -> Record {
    let standing =
        crate::domain::record::Standing { ours: true, ..standing(entry, certificate("a", 365, 300)) };
    Record { in_force: Some(standing), ..Record::default() }
}

fn leftover(entry: &str) -> crate::domain::record::Leftover {
    crate::domain::record::Leftover {
        chain: crate::domain::sample::chain(certificate("a", 365, 10)),
        name: Some(entry.to_owned()),
        since: noon(),
        never_in_force: false,
        was_used: false,
        kept: false,
        entry_removed: None,
        hand_offs: BTreeMap::new(),
        asked: false,
        asked_by: None,
    }
}

#[test]
fn what_cannot_be_seen_takes_no_watch_away() {
    let mut house = House::new(&[BTP, ALL].concat());
    house.find(0, places(&[entry("a.pem", &[]), entry("b.pem", &["d"])]), &Owners::default());
    let before = house.watches();
    assert_eq!(before, ["a.pem reads btp subaccount a.pem", "b.pem reads btp subaccount destination d"]);
    let turn = house.find(0, blind(), &Owners::default());
    assert!(turn.is_empty() && turn.went_blind.len() == 1, "{turn:?}");
    assert!(!house.discoveries.see_everything());
    assert_eq!(house.watches(), before);
    let again = house.find(0, blind(), &Owners::default());
    assert!(again.went_blind.is_empty(), "it is said once");
    let turn = house.find(0, places(&[entry("a.pem", &[])]), &Owners::default());
    assert!(turn.sees_again && turn.gone == ["b.pem"], "{turn:?}");
    assert_eq!(house.watches(), ["a.pem reads btp subaccount a.pem"]);
}

#[test]
fn what_could_partly_be_seen_adds_and_takes_nothing_away() {
    let mut house = House::new("[[discover]]\ntype = \"file\"\npaths = [\"/a/*.pem\", \"/b/*.pem\"]\n");
    let file = |path: &str| Place::File(path.into());
    house.find(0, places(&[file("/a/1.pem"), file("/b/2.pem")]), &Owners::default());
    let half = Found { places: vec![file("/a/3.pem")], ..blind() };
    house.find(0, half, &Owners::default());
    assert_eq!(house.watches().len(), 3);
    house.find(0, places(&[file("/a/3.pem")]), &Owners::default());
    let left = house.watches();
    assert!(left.len() == 1 && left[0].ends_with("reads /a/3.pem"), "{left:?}");
}

#[test]
fn of_many_blind_spots_the_first_are_said_each_once() {
    let mut house = House::new("[[discover]]\ntype = \"file\"\npaths = [\"/a/**/*.pem\"]\n");
    let shut = |n: u32| Unseen::new(Reason::PermissionDenied, format!("/a/{n} is shut"));
    let unseen = (0..1_000).flat_map(|n| [shut(n), shut(n)]).collect();
    let turn = house.find(0, Found { unseen, ..Found::default() }, &Owners::default());
    let said: Vec<&str> = turn.went_blind.iter().map(|why| why.text.as_str()).collect();
    assert_eq!(said.first(), Some(&"/a/0 is shut"));
    assert_eq!((said.len(), said.last()), (6, Some(&"and 995 more")));
}

#[test]
fn what_is_written_out_is_not_watched_twice() {
    let written = "[[watch]]\nid = \"w\"\nsource = { type = \"destination-service\", connection = \"btp\", destination = \"d\" }\n\
                   [[watch]]\nid = \"v\"\nsource = { type = \"destination-service\", connection = \"btp\", certificate = \"c.pem\" }\n";
    let mut house = House::new(&[BTP, ALL, written].concat());
    let found = [entry("a.pem", &["d"]), entry("b.pem", &["e"]), entry("c.pem", &[])];
    house.find(0, places(&found), &Owners::default());
    let discovered: Vec<String> = house.watches().into_iter().skip(2).collect();
    assert_eq!(discovered, ["b.pem reads btp subaccount destination e"]);
}

#[test]
fn an_id_that_belongs_to_another_watch_is_not_taken_from_it() {
    let written = "[[watch]]\nid = \"a.pem\"\nsource = { type = \"file\", path = \"/x\" }\n";
    let mut house = House::new(&[BTP, ALL, written].concat());
    house.find(0, places(&[entry("a.pem", &[])]), &Owners::default());
    let watches = house.watches();
    assert_eq!(watches.len(), 2);
    assert!(
        watches[1].starts_with("a.pem-") && watches[1].ends_with("reads btp subaccount a.pem"),
        "{watches:?}"
    );
}

#[test]
fn a_place_that_two_discoveries_find_is_watched_by_the_first() {
    let list = |id: &str| {
        format!(
            "[[discover]]\nid = \"{id}\"\ntype = \"http-sd\"\nurl = \"https://x.example.org/\"\nprefix = \"{id}-\"\n"
        )
    };
    let mut house = House::new(&[list("one"), list("two")].concat());
    house.find(0, places(&[server("a"), server("b")]), &Owners::default());
    house.find(1, places(&[server("b"), server("c")]), &Owners::default());
    assert_eq!(house.watches(), ["one-a-443 reads a:443", "one-b-443 reads b:443", "two-c-443 reads c:443"]);
}

#[test]
fn candidates_and_replaced_entries_of_other_watches_are_left_out() {
    let written = "[[watch]]\nid = \"w\"\nsource = { type = \"destination-service\", connection = \"btp\", destination = \"d\" }\n\
                   renewal = { type = \"destination-service\" }\n";
    let mut house = House::new(&[BTP, ALL, written].concat());
    let record = Record { leftovers: vec![leftover("a.pem")], ..ours("a-2.pem") };
    let owners = house.owners(&[("w", &record)]);
    house.find(0, places(&[entry("a.pem", &[]), entry("a-2.pem", &["d"]), entry("other.pem", &[])]), &owners);
    let discovered: Vec<String> = house.watches().into_iter().skip(1).collect();
    assert_eq!(discovered, ["other.pem reads btp subaccount other.pem"]);
}

#[test]
fn a_watch_of_ours_keeps_its_id_when_its_renewal_moves_on() {
    let renewed = format!("{ALL}renewal = {{ type = \"destination-service\" }}\n");
    let mut house = House::new(&[BTP, &renewed].concat());
    house.find(0, places(&[entry("a.pem", &["d"])]), &Owners::default());
    let record = Record { leftovers: vec![leftover("a.pem")], ..ours("a-2.pem") };
    let owners = house.owners(&[("a.pem", &record)]);
    let turn = house.find(0, places(&[entry("a.pem", &[]), entry("a-2.pem", &["d"])]), &owners);
    assert_eq!(house.watches(), ["a.pem reads btp subaccount destination d"]);
    assert_eq!(turn.kept, [("a.pem".to_owned(), Arc::new(entry("a-2.pem", &["d"])))]);
    assert!(turn.gone.is_empty());
    // The replaced entry is retired, and long after somebody makes another one of that name.
    let record = ours("a-2.pem");
    let owners = house.owners(&[("a.pem", &record)]);
    house.find(0, places(&[entry("a-2.pem", &["d"])]), &owners);
    let owners = house.owners(&[("a.pem", &record)]);
    house.find(0, places(&[entry("a-2.pem", &["d"]), entry("a.pem", &[])]), &owners);
    let watches = house.watches();
    assert_eq!(watches[0], "a.pem reads btp subaccount destination d");
    assert!(watches[1].starts_with("a.pem-") && watches[1].ends_with("subaccount a.pem"), "{watches:?}");
}

#[test]
fn what_was_found_is_known_after_a_restart_at_which_nothing_can_be_seen() {
    let mut house = House::new(&[BTP, ALL].concat());
    let turn = house.find(0, places(&[entry("a.pem", &["d"])]), &Owners::default());
    let kept = turn.kept.iter().map(|(id, place)| (id.clone(), place.to_text())).collect();
    house.discoveries = Discoveries::restored([("all".to_owned(), kept)].into());
    assert_eq!(house.discoveries.adopt(&house.config), Vec::new());
    assert_eq!(house.watches(), ["a.pem reads btp subaccount destination d"]);
    assert!(!house.discoveries.have_looked() && !house.discoveries.see_everything());
    house.find(0, blind(), &Owners::default());
    assert_eq!(house.watches().len(), 1);
    assert!(house.discoveries.have_looked() && !house.discoveries.see_everything());
}

#[test]
fn another_configuration_drops_what_it_does_not_find_at_once() {
    let mut house = House::new(&[BTP, ALL].concat());
    house.find(0, places(&[entry("a.pem", &[]), entry("a-test.pem", &[])]), &Owners::default());
    let folder = tempfile::tempdir().unwrap();
    let without_tests = format!("{BTP}{ALL}exclude = [\"*-test.pem\"]\nprefix = \"x-\"\n");
    house.config = load(folder.path(), &without_tests);
    let turns = house.discoveries.adopt(&house.config);
    assert_eq!(house.watches(), ["x-a.pem reads btp subaccount a.pem"]);
    assert_eq!(turns[0].1.gone, ["a-test.pem", "a.pem"]);
    house.config = load(folder.path(), BTP);
    let turns = house.discoveries.adopt(&house.config);
    assert_eq!((turns[0].0.as_str(), turns[0].1.gone.as_slice()), ("all", ["x-a.pem".to_owned()].as_slice()));
    assert!(house.watches().is_empty() && house.discoveries.see_everything());
}

#[test]
fn an_answer_that_holds_is_not_asked_for_again_before_its_end() {
    let mut house =
        House::new("[[discover]]\nid = \"l\"\ntype = \"http-sd\"\nurl = \"https://x.example.org/\"\n");
    let minute = chrono::Duration::minutes(1);
    let holding = |seconds| Found { holds_for: Some(StdDuration::from_secs(seconds)), ..Found::default() };
    house.find(0, holding(60), &Owners::default());
    assert!(!house.discoveries.may_look("l", noon()) && house.discoveries.may_look("l", noon() + minute));
    assert_eq!(house.discoveries.next_look(), Some(noon() + minute));
    assert_eq!(house.discoveries.due(noon() + minute), ["l"]);
    house.discoveries.begins("l");
    assert_eq!((house.discoveries.next_look(), house.discoveries.may_look("l", noon())), (None, true));
    house.find(0, holding(1), &Owners::default());
    assert_eq!(house.discoveries.next_look(), Some(noon() + minute / 2), "not without end");
    house.find(0, Found::default(), &Owners::default());
    assert_eq!(house.discoveries.next_look(), None, "then the bell");
}

/// Twice the places take about twice the time: a loop within a loop would take four times as long.
#[test]
fn many_places_are_taken_up_in_one_walk() {
    let mut house = House::new(&[BTP, ALL].concat());
    let time = |house: &mut House, count: usize| {
        let all: Vec<Place> = (0..count).map(|n| entry(&format!("{n}.pem"), &[&format!("d{n}")])).collect();
        let clock = crate::clock::Stopwatch::start();
        let owners = house.owners(&[]);
        house.find(0, places(&all), &owners);
        assert_eq!(house.discoveries.watches(&house.config).len(), count);
        clock.elapsed()
    };
    time(&mut house, 1000);
    let few = time(&mut house, 5000).max(StdDuration::from_millis(5));
    let many = time(&mut house, 40_000);
    assert!(many < few * 40, "{few:?} for 5,000, {many:?} for 40,000");
}
