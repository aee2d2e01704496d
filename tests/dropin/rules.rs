//! The rules for users of other exporters speak of metrics and labels that exist, and promtool agrees with them.

use std::process::Command;

use certsteward::surfaces::metrics::{Metric, PROBE, X509};

use crate::support::process::program;

fn read(name: &str) -> String {
    std::fs::read_to_string(format!("{}/dashboards/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Every alert with its expression, as they stand in the file.
pub(super) fn alerts() -> Vec<(String, String)> {
    let rules: serde_yaml_ng::Value = serde_yaml_ng::from_str(&read("compatible.rules.yml")).unwrap();
    let groups = rules["groups"].as_sequence().unwrap().iter();
    let text = |value: &serde_yaml_ng::Value| value.as_str().unwrap().to_owned();
    let rules = groups.flat_map(|group| group["rules"].as_sequence().unwrap());
    rules.map(|rule| (text(&rule["alert"]), text(&rule["expr"]))).collect()
}

#[test]
fn the_rules_pass_their_own_tests() {
    let Some(promtool) = program("promtool") else { return };
    for arguments in
        [["check", "rules", "compatible.rules.yml"], ["test", "rules", "compatible.rules.test.yml"]]
    {
        let folder = format!("{}/dashboards", env!("CARGO_MANIFEST_DIR"));
        let output = Command::new(&promtool).current_dir(folder).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{said}");
    }
}

#[test]
fn every_alert_is_tested_firing_and_silent() {
    let tests: serde_yaml_ng::Value = serde_yaml_ng::from_str(&read("compatible.rules.test.yml")).unwrap();
    let cases = tests["tests"].as_sequence().unwrap().iter();
    let cases: Vec<(&str, bool)> = cases
        .flat_map(|test| test["alert_rule_test"].as_sequence().unwrap())
        .map(|case| {
            (case["alertname"].as_str().unwrap(), case["exp_alerts"].as_sequence().unwrap().is_empty())
        })
        .collect();
    for (alert, _) in alerts() {
        for silent in [true, false] {
            assert!(
                cases.contains(&(alert.as_str(), silent)),
                "{alert} is nowhere tested with silent = {silent}"
            );
        }
    }
}

#[test]
fn every_metric_and_label_that_is_asked_for_exists() {
    let known = |name: &str| X509.iter().chain(PROBE).find(|metric| metric.name == name);
    let mut found = 0;
    for (alert, expression) in alerts() {
        let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let names =
            words.filter(|word| ["x509_", "probe_", "ssl_"].iter().any(|start| word.starts_with(start)));
        for name in names {
            let metric = known(name).unwrap_or_else(|| panic!("{alert} asks for {name}, which is not there"));
            labels_exist(metric, &expression);
            found += 1;
        }
    }
    assert!(found >= 18, "only {found} names were found");
}

fn labels_exist(metric: &Metric, expression: &str) {
    let of = expression.split(metric.name).skip(1).filter_map(|rest| rest.strip_prefix('{')?.split_once('}'));
    for (matchers, _) in of {
        for label in matchers.split(',').filter_map(|matcher| matcher.split('=').next()) {
            assert!(metric.labels.contains(&label), "{} has no label {label}", metric.name);
        }
    }
}
