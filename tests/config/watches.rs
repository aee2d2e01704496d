//! What a valid configuration becomes.

use super::*;

const CONNECTIONS: &str = "
[connections.btp]
type = \"destination-service\"
service_key = { file = \"credentials/key\" }
[connections.sf]
type = \"successfactors\"
api = \"https://api4.cert.successfactors.com/\"
company_id = \"ACME\"
ca = { file = \"ca/good.pem\" }
";

fn one(watch: &str) -> config::WatchConfig {
    loaded(&format!("{CONNECTIONS}\n[[watch]]\nid = \"w\"\n{watch}")).watches.remove(0)
}

const FOLLOWED: &str = "source = { type = \"destination-service\", connection = \"btp\", level = \"instance\", destination = \"d\" }\n";

#[test]
fn a_followed_destination_is_the_caller() {
    let config = one(FOLLOWED);
    let [(id, config::CallerConfig::DestinationService(settings))] = config.callers.as_slice() else {
        panic!()
    };
    assert_eq!((id.as_str(), settings.connection.as_str(), settings.level.word()), ("d", "btp", "instance"));
    let facts = &config.watch.source;
    assert_eq!(
        (facts.auto_renew, facts.key_readable, facts.usage),
        (AutoRenew::Unknown, true, Usage::Client)
    );
    assert_eq!(facts.place, "btp instance destination d");
}

#[test]
fn a_hold_for_all_watches_is_no_mistake_of_one_that_switches_its_entry() {
    let whole = format!(
        "policy.hold = \"5d\"\n{CONNECTIONS}\n[[watch]]\nid = \"w\"\n{FOLLOWED}policy = {{ settle = \"20m\" }}\n\
         renewal = {{ type = \"destination-service\", switch = \"entry\" }}\n"
    );
    assert_eq!(loaded(&whole).watches[0].watch.policy.hold, Some(chrono::Duration::days(5)));
}

#[test]
fn probe_and_target_of_one_tenant_name_it_alike() {
    let config = one(&format!(
        "{FOLLOWED}
[[watch.target]]
id = \"t\"
type = \"successfactors\"
connection = \"sf\"
configuration_name = \"c\"
integration_name = \"i\"
[[watch.probe]]
id = \"p\"
connection = \"sf\"
path = \"/x\"
"
    ));
    let tenant = Some("api4.cert.successfactors.com/ACME".to_owned());
    assert_eq!((&config.watch.targets[0].tenant, &config.watch.probes[0].tenant), (&tenant, &tenant));
    let (_, settings) = &config.probes[0];
    assert_eq!(settings.url, "https://api4.cert.successfactors.com/x");
    assert!(settings.net.ca.as_ref().unwrap().ends_with("ca/good.pem"));
    assert!(config.targets[0].1.is_none());
    assert_eq!(config.watch.targets[0].delivery, Delivery::HandOff);
}

#[test]
fn an_upload_and_a_command_are_direct() {
    let target = |delivery: &str| {
        one(&format!(
            "{FOLLOWED}\n[[watch.target]]\nid = \"t\"\ntype = \"successfactors\"\nconnection = \"sf\"\nconfiguration_name = \"c\"\nintegration_name = \"i\"\n{delivery}"
        ))
    };
    let upload = target("delivery = \"http\"\n[watch.target.upload]\nurl = \"http://127.0.0.1:8080/\"\n");
    assert!(
        matches!(&upload.targets[0].1, Some(TargetConfig::Http(held)) if held.mapping.company_id.as_deref() == Some("ACME"))
    );
    let command = target("delivery = \"command\"\ncommand = [\"true\"]\ntimeout = \"250ms\"\n");
    assert!(
        matches!(&command.targets[0].1, Some(TargetConfig::Command(held)) if held.timeout.as_millis() == 250)
    );
    assert_eq!(command.watch.targets[0].delivery, Delivery::Direct);
}

#[test]
fn a_plain_file_is_nobodys_client_certificate() {
    let config = one("source = { type = \"file\", path = \"w.pem\" }\n");
    let facts = &config.watch.source;
    assert_eq!((facts.auto_renew, facts.key_readable, facts.usage), (AutoRenew::No, false, Usage::Any));
    assert!(matches!(&config.source, SourceConfig::File(held) if held.path.is_absolute()));
    assert_eq!(config.watch.mode, Mode::Observe);
}

#[test]
fn an_address_that_is_not_encrypted_says_so_and_shows_no_query() {
    let place =
        |url: &str| one(&format!("source = {{ type = \"url\", url = \"{url}\" }}\n")).watch.source.place;
    assert_eq!(place("https://pki.example.org/ca.pem?token=x"), "https://pki.example.org/ca.pem");
    assert_eq!(place("http://pki.example.org/ca.pem"), "http://pki.example.org/ca.pem (not encrypted)");
    assert_eq!(place("http://127.0.0.1:8200/v1/pki/ca/pem"), "http://127.0.0.1:8200/v1/pki/ca/pem");
}

#[test]
fn a_probed_file_is_a_client_certificate_with_a_key() {
    let config = one(
        "source = { type = \"file\", path = \"w.pem\" }\n[[watch.probe]]\nid = \"p\"\nurl = \"https://api.example.org/\"\n",
    );
    assert_eq!((config.watch.source.key_readable, config.watch.source.usage), (true, Usage::Client));
    assert_eq!(config.watch.probes[0].tenant, None);
}

#[test]
fn a_watch_overrides_single_keys_of_the_policy() {
    let text = format!(
        "[policy]\nnotice = \"50d\"\nwarning = \"33%\"\n{CONNECTIONS}\n[[watch]]\nid = \"w\"\npolicy = {{ settle = \"1h\" }}\n{FOLLOWED}"
    );
    let policy = loaded(&text).watches.remove(0).watch.policy;
    let expected = Policy {
        notice: certsteward::domain::policy::Span::Fixed(chrono::Duration::days(50)),
        warning: certsteward::domain::policy::Span::Share(33.0),
        settle: chrono::Duration::hours(1),
        ..Policy::default()
    };
    assert_eq!(policy, expected.into());
}

#[test]
fn left_to_source_needs_no_type() {
    let config = one(&format!("{FOLLOWED}renewal = {{ rotation = \"left-to-source\" }}\n"));
    assert!(config.renewer.is_none() && config.watch.renewal.is_some());
}

#[test]
fn included_files_add_and_their_paths_begin_from_their_own_folder() {
    let folder = folder();
    fs::create_dir(folder.path().join("watches.d")).unwrap();
    fs::write(
        folder.path().join("watches.d/a.toml"),
        "[[watch]]\nid = \"a\"\nsource = { type = \"file\", path = \"a.pem\" }\n",
    )
    .unwrap();
    let config = load_in(&folder, &format!("include = [\"watches.d/*.toml\"]\n{}", config::MINIMAL)).unwrap();
    assert_eq!((config.watches.len(), config.files.len()), (2, 2));
    let SourceConfig::File(file) = &config.watches[1].source else { panic!() };
    assert_eq!(file.path, folder.path().join("watches.d/a.pem"));
}

#[test]
fn connections_keep_their_own_way_there() {
    let config = loaded(CONNECTIONS);
    let Some(Connection::SuccessFactors { api, net, .. }) = config.connections.get("sf") else { panic!() };
    assert_eq!((api.as_str(), net.timeout.as_secs()), ("https://api4.cert.successfactors.com", 30));
}

#[test]
fn every_right_is_written_out() {
    let config = loaded("[tokens.ops]\nfile = \"credentials/key\"\nmay = [\"*\"]\n");
    assert_eq!(config.tokens[0].may, config::Right::ALL);
}

/// A service key of this kind, as SAP hands it out.
fn service_key(folder: &TempDir, with_certificate: bool) {
    let made = rcgen::generate_simple_self_signed(vec!["key.example.org".to_owned()]).unwrap();
    let mut key = serde_json::json!({ "clientid": "c", "uri": "https://destination.example.org" });
    if with_certificate {
        key["certificate"] = made.cert.pem().into();
        key["key"] = made.signing_key.serialize_pem().into();
        key["certurl"] = "https://token.example.org".into();
    } else {
        key["clientsecret"] = "a-secret".into();
        key["url"] = "https://token.example.org".into();
    }
    fs::write(folder.path().join("credentials/key"), key.to_string()).unwrap();
}

#[test]
fn a_connection_whose_key_has_a_certificate_is_watched_by_itself_once() {
    let folder = folder();
    let watches = |more: &str| {
        let config = load_in(&folder, &format!("{CONNECTIONS}{more}")).unwrap_or_else(|odd| panic!("{odd}"));
        let again = load_in(&folder, config.effective()).unwrap_or_else(|odd| panic!("{odd}"));
        assert_eq!(again.watches, config.watches);
        let named = config.watches.iter().map(|one| format!("{} {}", one.watch.id, one.watch.source.place));
        named.collect::<Vec<_>>()
    };
    service_key(&folder, false);
    assert_eq!(watches(""), [""; 0], "a secret has no end that could be watched");
    service_key(&folder, true);
    assert_eq!(watches(""), ["service-key-btp service key of btp"]);
    let own = "[[watch]]\nid = \"mine\"\nsource = { type = \"service-key\", connection = \"btp\" }\n";
    assert_eq!(watches(own), ["mine service key of btp"]);
    let taken = "[[watch]]\nid = \"service-key-btp\"\nsource = { type = \"file\", path = \"/etc/a.pem\" }\n";
    assert_eq!(watches(taken), ["service-key-btp /etc/a.pem"]);
}
