//! The dashboard and the rules speak of metrics, labels and codes that exist, and promtool agrees with them.
//! What a metric's value means is tested with the surfaces.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use certsteward::domain::finding::{Code, Level};
use certsteward::domain::record::Step;
use certsteward::domain::verdict::Verdict;
use certsteward::surfaces::metrics::CATALOGUE;
use serde_json::Value;

use crate::support::process::program;

#[test]
fn the_rules_pass_their_own_tests() {
    let Some(promtool) = program("promtool") else { return };
    let folder = path("dashboards");
    succeeds(Command::new(&promtool).current_dir(&folder).args(["check", "rules", "certsteward.rules.yml"]));
    succeeds(Command::new(&promtool).current_dir(&folder).args([
        "test",
        "rules",
        "certsteward.rules.test.yml",
    ]));
}

#[test]
fn every_query_of_the_dashboard_is_valid() {
    let Some(promtool) = program("promtool") else { return };
    let rule = |(number, query): (usize, String)| {
        let query = Value::from(query.replace("$job", ".*").replace("$watch", ".*"));
        format!("      - record: panel:query_{number}:value\n        expr: {query}\n")
    };
    let rules: String = queries().into_iter().enumerate().map(rule).collect();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("queries.yml");
    std::fs::write(&file, format!("groups:\n  - name: dashboard\n    rules:\n{rules}"))
        .expect("it is written");
    succeeds(Command::new(promtool).args(["check", "rules"]).arg(file));
}

#[test]
fn every_metric_and_label_that_is_asked_for_exists() {
    let rules = read("dashboards/certsteward.rules.yml");
    let unknown: Vec<String> =
        queries().into_iter().chain([expressions(&rules)]).flat_map(|text| problems(&text)).collect();
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

#[test]
fn a_metric_or_label_that_does_not_exist_is_found() {
    assert_eq!(problems("certsteward_watch_leval == 1"), ["there is no metric certsteward_watch_leval"]);
    assert_eq!(
        problems("sum by (watch) (certsteward_watch_level{target=\"x\"})"),
        ["certsteward_watch_level has no label target"]
    );
    assert_eq!(
        problems("certsteward_watch_findings{code=~\"stuck|stack\"}"),
        ["certsteward_watch_findings: code is never stack"]
    );
    assert!(problems("rate(certsteward_pass_duration_seconds_bucket{job=\"certsteward\"}[1h])").is_empty());
}

#[test]
fn the_verdicts_that_the_dashboard_colours_exist() {
    let dashboard = dashboard();
    let mut keys = BTreeSet::new();
    mapped(&dashboard, &mut keys);
    let coloured = keys.iter().filter(|key| key.contains('-'));
    let unknown: Vec<&String> = coloured.filter(|key| Verdict::from_code(key).is_none()).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn no_panel_of_the_dashboard_covers_another() {
    let panels = dashboard()["panels"].as_array().expect("panels").clone();
    let mut cells = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in &panels {
        let title = &panel["title"];
        assert!(ids.insert(panel["id"].as_u64()), "{title} has the id of another panel");
        let side = |name: &str| panel["gridPos"][name].as_u64().expect("a number");
        for x in side("x")..side("x") + side("w") {
            for y in side("y")..side("y") + side("h") {
                assert!(x < 24 && cells.insert((x, y)), "{title} covers another panel");
            }
        }
    }
}

#[test]
fn every_alert_has_a_severity_and_a_section_of_the_runbook() {
    let runbook = read("docs/runbook.md");
    for alert in alerts() {
        let name = &alert.name;
        assert!(runbook.contains(&format!("\n## {name}\n")), "docs/runbook.md has no section {name}");
        let anchor = format!("runbook: docs/runbook.md#{}\n", name.to_lowercase());
        assert!(alert.text.contains(&anchor), "{name} does not lead to its section");
        let severities = ["severity: page\n", "severity: mail\n"];
        assert!(severities.iter().any(|severity| alert.text.contains(severity)), "{name} has no severity");
        let words: Vec<&str> = alert.text.split_whitespace().collect();
        let says = ["summary:", "description:", "Way out:"];
        assert!(says.iter().all(|part| words.join(" ").contains(part)), "{name} does not say what to do");
    }
}

#[test]
fn every_section_of_the_runbook_is_of_an_alert_that_exists() {
    let known: BTreeSet<String> = alerts().into_iter().map(|alert| alert.name).collect();
    let runbook = read("docs/runbook.md");
    let sections = runbook.lines().filter_map(|line| line.strip_prefix("## Certsteward"));
    let gone: Vec<String> =
        sections.map(|rest| format!("Certsteward{rest}")).filter(|name| !known.contains(name)).collect();
    assert!(gone.is_empty(), "{gone:?}");
}

#[test]
fn every_alert_is_tested_firing_and_silent() {
    let tests = read("dashboards/certsteward.rules.test.yml");
    for name in alerts().into_iter().map(|alert| alert.name) {
        let cases: Vec<bool> =
            tests.split("alertname: ").skip(1).filter_map(|case| is_silent(case, &name)).collect();
        assert!(cases.contains(&true), "{name} is nowhere tested to be silent");
        assert!(cases.contains(&false), "{name} is nowhere tested to fire");
    }
}

/// Whether this case of this alert expects nothing; none where it is another alert's.
fn is_silent(case: &str, name: &str) -> Option<bool> {
    let rest = case.strip_prefix(name)?;
    if rest.starts_with(|next: char| next.is_ascii_alphanumeric()) {
        return None;
    }
    let (_, expected) = rest.split_once("exp_alerts:")?;
    Some(expected.trim_start_matches(' ').starts_with("[]"))
}

struct Alert {
    name: String,
    text: String,
}

fn alerts() -> Vec<Alert> {
    let rules = read("dashboards/certsteward.rules.yml");
    let parts = rules.split("- alert: ").skip(1);
    let alerts: Vec<Alert> = parts
        .map(|part| Alert { name: part.lines().next().unwrap_or_default().to_owned(), text: part.to_owned() })
        .collect();
    assert!(alerts.len() > 20, "only {} alerts were found", alerts.len());
    alerts
}

/// The expressions of the rules, without comments, annotations and names.
fn expressions(rules: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for line in rules.lines() {
        let trimmed = line.trim_start();
        if let Some(rest) = trimmed.strip_prefix("expr:") {
            inside = true;
            text.push_str(rest.trim_start_matches(" >-"));
        } else if ["- ", "for:", "labels:", "annotations:", "#"]
            .iter()
            .any(|start| trimmed.starts_with(start))
        {
            inside = false;
        } else if inside {
            text.push_str(trimmed);
        }
        text.push('\n');
    }
    text
}

/// What is asked for and does not exist, one sentence each.
fn problems(query: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for (at, name) in names(query) {
        let Some(labels) = labels_of(name) else {
            problems.push(format!("there is no metric {name}"));
            continue;
        };
        let Some(matchers) = query[at + name.len()..].strip_prefix('{').and_then(|rest| rest.split_once('}'))
        else {
            continue;
        };
        for (label, value) in matchers.0.split("\",").filter_map(|matcher| matcher.split_once('=')) {
            let label = label.trim().trim_end_matches('!');
            let known = ["job", "instance"].contains(&label)
                || label.starts_with("label_")
                || labels.contains(&label);
            if !known {
                problems.push(format!("{name} has no label {label}"));
            }
            let value = value.trim_matches(['~', '"']);
            let never = value.split('|').filter(|value| !can_be(label, value));
            problems.extend(never.map(|value| format!("{name}: {label} is never {value}")));
        }
    }
    problems
}

/// The metrics that a query names, with where; quoted text is passed over, and so is what a rule recorded.
fn names(query: &str) -> Vec<(usize, &str)> {
    let mut names = Vec::new();
    let mut at = 0;
    for (number, part) in query.split('"').enumerate() {
        if number % 2 == 0 {
            let is_end = |c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':');
            let mut from = 0;
            for word in part.split(is_end) {
                let ours = word.starts_with("certsteward_") || word.starts_with("process_");
                if ours && !word.contains(':') {
                    names.push((at + from, word));
                }
                from += word.len() + 1;
            }
        }
        at += part.len() + 1;
    }
    names
}

fn labels_of(name: &str) -> Option<&'static [&'static str]> {
    let family = name.strip_suffix("_bucket").unwrap_or(name);
    CATALOGUE.iter().find(|metric| metric.name == family).map(|metric| metric.labels)
}

fn can_be(label: &str, value: &str) -> bool {
    let acts = ["issue", "publish", "switch", "rollback", "retire"];
    match label {
        "code" => Code::from_code(value).is_some(),
        "level" => Level::from_code(value).is_some(),
        "step" => Step::ALL.iter().any(|step| step.word() == value),
        "role" => ["in_force", "candidate"].contains(&value),
        "result" => ["ok", "failed"].contains(&value),
        "ask" => ["add", "replace", "remove"].contains(&value),
        "act" => acts.contains(&value),
        _ => true,
    }
}

fn queries() -> Vec<String> {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().expect("panels").clone();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let queries: Vec<String> =
        targets.map(|target| target["expr"].as_str().expect("a query").to_owned()).collect();
    assert!(queries.len() > 20, "only {} queries were found", queries.len());
    queries
}

/// The values that value mappings name.
fn mapped(value: &Value, keys: &mut BTreeSet<String>) {
    if let Some(mappings) = value.get("mappings").or_else(|| value.get("value")).and_then(Value::as_array) {
        let options = mappings.iter().filter_map(|mapping| mapping["options"].as_object());
        keys.extend(options.flat_map(|options| options.keys().cloned()));
    }
    match value {
        Value::Array(parts) => parts.iter().for_each(|part| mapped(part, keys)),
        Value::Object(parts) => parts.values().for_each(|part| mapped(part, keys)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn dashboard() -> Value {
    serde_json::from_str(&read("dashboards/certsteward.json")).expect("the dashboard is JSON")
}

fn succeeds(command: &mut Command) {
    let output = command.output().expect("promtool starts");
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("duplicate"), "{said}");
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}
