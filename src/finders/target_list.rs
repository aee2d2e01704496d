//! Target lists as Prometheus reads them: groups of targets with labels, as JSON or as YAML.
//! It fetches nothing, and looks at no target.

mod yaml;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::Server;

/// One group of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// What is to be looked at.
    #[serde(default)]
    pub targets: Vec<String>,
    /// What is said of all of it.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// The groups of a list in JSON.
///
/// # Errors
/// What is wrong with it, and where.
pub fn from_json(bytes: &[u8]) -> Result<Vec<Group>, String> {
    serde_json::from_slice(bytes).map_err(|error| format!("it is no list of target groups in JSON: {error}"))
}

/// The groups of a list in YAML.
///
/// # Errors
/// What is wrong with it, and where.
pub fn from_yaml(bytes: &[u8]) -> Result<Vec<Group>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())?;
    yaml::groups(text).map_err(|wrong| format!("it is no list of target groups in YAML: {wrong}"))
}

/// The TLS servers among the targets, each once with the labels of the first group that names it, and what is none.
#[must_use]
pub fn servers(groups: Vec<Group>, port: u16) -> (Vec<Server>, Vec<String>) {
    let (mut servers, mut left_out, mut known) = (Vec::new(), Vec::new(), BTreeSet::new());
    for group in groups {
        let labels = kept(group.labels);
        for target in group.targets {
            match server(&target, port) {
                Ok((host, port)) if known.insert((host.clone(), port)) => {
                    servers.push(Server { host, port, labels: labels.clone() });
                }
                Ok(_) => {}
                Err(why) => left_out.push(why),
            }
        }
    }
    (servers, left_out)
}

/// Host and port of a target: `host:port`, `host`, or the address of a page behind TLS, such as lists for the
/// blackbox_exporter have.
fn server(target: &str, port: u16) -> Result<(String, u16), String> {
    if target.contains('@') {
        return Err("a target with a user or a password in it; write host:port".to_owned());
    }
    let refused = |why: &str| format!("the target {:?}: {why}", excerpt(target));
    let (bare, is_page) = match target.trim().split_once("://") {
        None => (target.trim(), false),
        Some(("https", rest)) => (rest, true),
        Some(("http", _)) => return Err(refused("nothing speaks TLS at an http:// address")),
        Some(_) => return Err(refused("only host:port and https:// addresses lead to a TLS server")),
    };
    let url = reqwest::Url::parse(&format!("https://{bare}"))
        .map_err(|_| refused("it is no host and port; write host:port"))?;
    if !is_page && (url.path() != "/" || url.query().is_some() || bare.ends_with('/')) {
        return Err(refused("a path follows the host; write host:port, or a whole https:// address"));
    }
    let host = url.host_str().unwrap_or_default();
    let host = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let host = host.trim_end_matches('.');
    if host.is_empty() || url.port() == Some(0) {
        return Err(refused("it is no host and port; write host:port"));
    }
    let given = url.port().or_else(|| (is_page || names_port(bare)).then_some(443));
    Ok((host.to_ascii_lowercase(), given.unwrap_or(port)))
}

/// Whether a port is written out; the parser of addresses drops the one that is the scheme's own.
fn names_port(target: &str) -> bool {
    let after_address = target.rsplit_once(']').map_or(target, |(_, rest)| rest);
    after_address.contains(':')
}

/// A target as far as it is shown.
fn excerpt(text: &str) -> String {
    const SHOWN: usize = 80;
    let shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() { format!("{shown}…") } else { shown }
}

/// The labels that become labels of the watch: those that Prometheus keeps for itself (`__…`) are dropped, names become
/// names of the first Prometheus, and what certsteward sets itself is kept under `exported_…`, as Prometheus does.
fn kept(labels: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let own = |name: &str| ["watch", "mode", "source"].contains(&name);
    let plain = |(position, c): (usize, char)| {
        let fits = c == '_' || c.is_ascii_alphabetic() || (position > 0 && c.is_ascii_digit());
        if fits { c } else { '_' }
    };
    labels
        .into_iter()
        .filter(|(name, value)| !name.starts_with("__") && !name.is_empty() && !value.is_empty())
        .map(|(name, value)| {
            let name: String = name.chars().enumerate().map(plain).collect();
            let name = if own(&name) { format!("exported_{name}") } else { name };
            (name, value.replace(char::is_control, " "))
        })
        .filter(|(name, _)| !name.starts_with("__"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_target_is_a_host_and_a_port_or_a_page_behind_tls() {
        let cases = [
            ("api.example.org:8443", Some("api.example.org 8443")),
            ("API.example.org.:443", Some("api.example.org 443")),
            ("api.example.org", Some("api.example.org 636")),
            ("[::1]:443", Some("::1 443")),
            ("[::1]", Some("::1 636")),
            ("10.0.0.1:5432", Some("10.0.0.1 5432")),
            ("https://www.example.org/health?x=1", Some("www.example.org 443")),
            ("https://www.example.org:8443", Some("www.example.org 8443")),
            ("http://www.example.org/", None),
            ("tcp://www.example.org:443", None),
            ("www.example.org:443/metrics", None),
            ("www.example.org:0", None),
            (".:443", None),
            ("www.example.org:99999", None),
            ("a b:443", None),
            ("::1:443", None),
            ("", None),
            ("user:hunter2@www.example.org:443", None),
        ];
        for (text, expected) in cases {
            let found = server(text, 636).map(|(host, port)| format!("{host} {port}"));
            assert_eq!(found.as_deref().ok(), expected, "{text}");
            assert!(found.is_ok() || !found.unwrap_err().contains("hunter2"));
        }
    }

    #[test]
    fn labels_of_prometheus_own_are_dropped_and_ours_are_kept_apart() {
        let given = labels(&[
            ("__meta_x", "1"),
            ("__address__", "2"),
            ("team", "payroll"),
            ("source", "netbox"),
            ("a.b-c", "dots\n"),
            ("empty", ""),
            ("9x", "9"),
        ]);
        let expected =
            labels(&[("team", "payroll"), ("exported_source", "netbox"), ("a_b_c", "dots "), ("_x", "9")]);
        assert_eq!(kept(given), expected);
    }

    #[test]
    fn a_server_is_found_once_with_the_labels_of_its_first_group() {
        let text = r#"[{"targets":["a:443","b:443"],"labels":{"team":"one"}},{"targets":["A:443","x y"],"labels":{"team":"two"}}]"#;
        let (servers, left_out) = servers(from_json(text.as_bytes()).unwrap(), 443);
        let shown: Vec<String> = servers.iter().map(Server::address).collect();
        assert_eq!(shown, ["a:443", "b:443"]);
        assert!(servers.iter().all(|server| server.labels == labels(&[("team", "one")])));
        assert_eq!(left_out.len(), 1, "{left_out:?}");
    }

    #[test]
    fn json_and_yaml_of_the_same_list_are_the_same() {
        let json = r#"[{"targets":["a:443"],"labels":{"team":"one","tier":"1"}},{"targets":["b:443"]}]"#;
        let yaml =
            "# a list\n- targets: ['a:443']\n  labels:\n    team: one\n    tier: 1\n- targets:\n  - b:443\n";
        assert_eq!(from_json(json.as_bytes()), from_yaml(yaml.as_bytes()));
    }

    #[test]
    fn what_is_no_list_is_told_with_its_place() {
        for text in [
            "",
            "{}",
            "[{\"target\":[]}]",
            "[{\"targets\":[5]}]",
            "[null]",
            "<html>",
            "[{\"targets\":[\"a\"]",
        ] {
            let wrong = from_json(text.as_bytes()).unwrap_err();
            assert!(wrong.contains("line"), "{text}: {wrong}");
        }
    }
}
