//! What a discovery makes of the places it finds.

use certsteward::config::{CallerConfig, Discovery, FinderConfig, WatchConfig};
use certsteward::finders::place::Destination;
use certsteward::finders::{Entry, Place, Server};
use certsteward::sap::Level;
use certsteward::sources::destination_service::Entry as Named;

use super::*;

const CONNECTION: &str =
    "[connections.btp]\ntype = \"destination-service\"\nservice_key = { file = \"credentials/key\" }\n";

fn discovery(text: &str) -> Discovery {
    loaded(&format!("{CONNECTION}[[discover]]\n{text}")).discoveries.remove(0)
}

fn of_entries(more: &str) -> Discovery {
    discovery(&format!("type = \"destination-service\"\nconnection = \"btp\"\nlevel = \"both\"\n{more}"))
}

fn at(level: Level, name: &str) -> Destination {
    Destination { level, name: name.to_owned() }
}

fn entry(level: Level, name: &str, named_by: &[Destination]) -> Place {
    Place::Entry(Entry { level, name: name.to_owned(), named_by: named_by.to_vec() })
}

fn watch(discovery: &Discovery, place: &Place) -> WatchConfig {
    discovery.watch(&discovery.id_of(place), place)
}

fn read_by(config: &WatchConfig) -> String {
    let SourceConfig::DestinationService(settings) = &config.source else { panic!() };
    match &settings.entry {
        Named::Certificate(name) => format!("{} certificate {name}", settings.level.word()),
        Named::Destination(name) => format!("{} destination {name}", settings.level.word()),
    }
}

#[test]
fn a_file_is_named_by_its_path_and_read_there() {
    let found = discovery("type = \"file\"\npaths = [\"/srv/found/**/*.pem\"]\nprefix = \"f-\"\n");
    let watch = |path: &str| watch(&found, &Place::File(path.into()));
    assert_eq!(watch("/srv/found/a.pem").watch.id, "f-a.pem");
    let deep = watch("/srv/found/deep/a b.pem");
    assert!(deep.watch.id.starts_with("f-deep-a-b.pem-"), "{}", deep.watch.id);
    assert_eq!(deep.watch.source.place, "/srv/found/deep/a b.pem");
    assert_eq!(deep.watch.found_by.as_deref(), Some("file-1"));
    assert!(matches!(&deep.source, SourceConfig::File(file) if file.path.ends_with("deep/a b.pem")));
}

#[test]
fn a_listed_server_is_looked_at_as_the_discovery_says_and_keeps_its_labels() {
    let text = "type = \"http-sd\"\nurl = \"https://cmdb.example.org/\"\nlabels = { team = \"ops\" }\nsource = { server_name = \"vip.example.org\", timeout = \"5s\" }\n";
    let found = discovery(text);
    let labels = [("team".to_owned(), "payroll".to_owned()), ("tier".to_owned(), "1".to_owned())].into();
    let server =
        |host: &str| Place::Server(Server { host: host.to_owned(), port: 8443, labels: Default::default() });
    let labelled = Place::Server(Server { host: "a.example.org".to_owned(), port: 443, labels });
    let one = watch(&found, &labelled);
    assert_eq!(one.watch.id, "a.example.org-443");
    assert_eq!(one.watch.source.place, "a.example.org:443");
    assert_eq!(
        (&*one.watch.labels["team"], &*one.watch.labels["tier"]),
        ("ops", "1"),
        "the operator's own count"
    );
    let SourceConfig::Tls(tls) = &one.source else { panic!() };
    assert_eq!((tls.server_name.as_deref(), tls.net.timeout.as_secs()), (Some("vip.example.org"), 5));
    assert_eq!(watch(&found, &server("a")).watch.id, "a-8443");
    let six = watch(&found, &server("2001:db8::1"));
    assert!(six.watch.id.starts_with("2001-db8--1-8443-"), "{}", six.watch.id);
    assert_eq!(six.watch.source.place, "[2001:db8::1]:8443");
}

#[test]
fn an_entry_is_read_by_the_only_destination_beside_it_and_else_by_its_name() {
    let found = of_entries("");
    let (sub, own) = (at(Level::Subaccount, "d"), at(Level::Instance, "e"));
    for (place, expected) in [
        (entry(Level::Subaccount, "a.pem", &[]), "subaccount certificate a.pem"),
        (entry(Level::Subaccount, "a.pem", std::slice::from_ref(&sub)), "subaccount destination d"),
        (entry(Level::Subaccount, "a.pem", std::slice::from_ref(&own)), "subaccount certificate a.pem"),
        (entry(Level::Subaccount, "a.pem", &[sub, own.clone()]), "subaccount certificate a.pem"),
        (entry(Level::Instance, "a.pem", &[own]), "instance destination e"),
    ] {
        let config = watch(&found, &place);
        assert_eq!(read_by(&config), expected);
        assert_eq!(config.watch.source.connection.as_deref(), Some("btp"));
        assert!(config.callers.is_empty() && config.watch.renewal.is_none());
    }
    let nowhere = Place::Nowhere { destination: at(Level::Subaccount, "lost"), entry: "gone.pem".to_owned() };
    let config = watch(&found, &nowhere);
    assert_eq!(
        (read_by(&config).as_str(), config.watch.id.as_str()),
        ("subaccount destination lost", "lost")
    );
}

#[test]
fn entries_of_both_levels_have_ids_of_their_own() {
    let found = of_entries("");
    let id = |level| found.id_of(&entry(level, "a.pem", &[]));
    assert_eq!((id(Level::Subaccount).as_str(), id(Level::Instance).as_str()), ("a.pem", "instance-a.pem"));
    let moved = entry(Level::Subaccount, "a-2.pem", &[]);
    assert!(found.keeps_id("a.pem", &moved), "its watch goes on after a renewal");
}

#[test]
fn what_destinations_name_is_renewed_for_them_and_nothing_else_is() {
    let found =
        of_entries("renewal = { type = \"destination-service\" }\nmode = \"propose\"\ncache = \"1m\"\n");
    let named = [at(Level::Subaccount, "d"), at(Level::Instance, "d")];
    let config = watch(&found, &entry(Level::Subaccount, "a.pem", &named));
    let callers: Vec<&str> = config.watch.callers.iter().map(|caller| caller.id.as_str()).collect();
    assert_eq!(callers, ["d", "d@instance"]);
    assert!(config.watch.callers.iter().all(|caller| caller.cache == chrono::Duration::minutes(1)));
    let CallerConfig::DestinationService(second) = &config.callers[1].1 else { panic!() };
    assert_eq!((second.level, second.connection.as_str()), (Level::Instance, "btp"));
    assert!(config.renewer.is_some() && config.watch.renewal.is_some());
    let alone = watch(&found, &entry(Level::Subaccount, "b.pem", &[]));
    assert!(alone.renewer.is_none() && alone.watch.renewal.is_none());
    let entry_switch = of_entries("renewal = { type = \"destination-service\", switch = \"entry\" }\n");
    let alone = watch(&entry_switch, &entry(Level::Instance, "b.pem", &[]));
    assert!(alone.watch.renewal.is_some(), "callers that nobody can list");
    let Some(config::RenewerConfig::DestinationService(renewer)) = &alone.renewer else { panic!() };
    assert_eq!(renewer.level, Level::Instance);
}

#[test]
fn a_discovery_is_called_by_its_own_name_or_by_its_type_and_number() {
    let files = |id: &str| format!("[[discover]]\n{id}type = \"file\"\npaths = [\"/x/*.pem\"]\n");
    let config = loaded(&[files(""), files("id = \"file-2\"\n"), files("")].concat());
    let ids: Vec<&str> = config.discoveries.iter().map(|each| each.id.as_str()).collect();
    assert_eq!(ids, ["file-1", "file-2", "file-3"]);

    let watch = "[[watch]]\nid = \"file-1\"\nsource = { type = \"file\", path = \"/a\" }\n";
    let beside = loaded(&[watch, &files("")].concat());
    assert_eq!(beside.discoveries[0].id, "file-2", "both are names of sources in metrics");
}

#[test]
fn a_discovery_knows_which_destinations_are_followed_already() {
    let text = format!(
        "{CONNECTION}[[discover]]\ntype = \"destination-service\"\nconnection = \"btp\"\n[[watch]]\nid = \"w\"\nsource = {{ type = \"destination-service\", connection = \"btp\", destination = \"d\" }}\n"
    );
    let config = loaded(&text);
    let FinderConfig::DestinationService(settings) = &config.discoveries[0].finder else { panic!() };
    assert_eq!(settings.followed, [at(Level::Subaccount, "d")]);
}
