//! What people and machines look at and press: every route, who may what, what is never shown.
//! How a picture comes to be is not proven here.

mod questions;

use std::sync::Arc;

use axum::extract::Extension;
use certsteward::domain::certificate::Fingerprint;
use certsteward::domain::event::Actor;
use certsteward::domain::report::{Sign, Verb};
use certsteward::surfaces::http::{Options, Peer, Trust, router};

use crate::support::fake_daemon::{ADMIN, APPROVER, Answer, FakeDaemon, Served};
use crate::support::samples::{self, ADD_TOKEN, CLOSED_TOKEN, REMOVE_TOKEN, REPLACE_TOKEN};

const TOKENS: [&str; 4] = [REPLACE_TOKEN, ADD_TOKEN, REMOVE_TOKEN, CLOSED_TOKEN];

fn options(trust: Trust) -> Options {
    Options {
        public_url: Some("https://certsteward.example.org".to_owned()),
        own_url: "http://127.0.0.1:9790".to_owned(),
        trust,
        loopback: true,
    }
}

async fn network(daemon: FakeDaemon) -> (Arc<FakeDaemon>, Served) {
    let daemon = Arc::new(daemon);
    let served = Served::on("127.0.0.1:0", router(daemon.clone(), options(Trust::Network))).await;
    (daemon, served)
}

async fn sample() -> (Arc<FakeDaemon>, Served) {
    network(FakeDaemon::new(samples::snapshot())).await
}

/// Asserts that an answer is a problem with a way out, and gives it.
fn problem(answer: &Answer, status: u16) -> serde_json::Value {
    assert_eq!(answer.status, status, "{}", answer.text());
    let body = answer.json();
    assert!(body["error"].is_string() && body["way_out"].is_string(), "{body}");
    body
}

#[tokio::test]
async fn every_route_for_reading_answers_in_its_form() {
    let (_, served) = sample().await;
    let routes = [
        ("/", "text/html; charset=utf-8"),
        ("/?q=sfapi+stage=prod&level=warning", "text/html; charset=utf-8"),
        ("/watches/sf-odata-prod", "text/html; charset=utf-8"),
        ("/watches/payroll-link", "text/html; charset=utf-8"),
        ("/watches/ias-user-sync", "text/html; charset=utf-8"),
        ("/watches/crm-mirror", "text/html; charset=utf-8"),
        ("/watches/legacy-export", "text/html; charset=utf-8"),
        ("/watches/sf-odata-prod/public.pem", "application/x-pem-file"),
        ("/watches/sf-odata-prod/public.cer", "application/pkix-cert"),
        ("/watches/sf-odata-prod/public.der", "application/pkix-cert"),
        ("/watches/sf-odata-prod/chain.pem", "application/x-pem-file"),
        ("/assets/style.css", "text/css; charset=utf-8"),
        ("/assets/page.js", "text/javascript; charset=utf-8"),
        ("/assets/mark.svg", "image/svg+xml"),
        ("/metrics", "text/plain; version=0.0.4; charset=utf-8"),
        ("/metrics/x509?relative=true", "text/plain; version=0.0.4; charset=utf-8"),
        ("/-/healthy", "text/plain; charset=utf-8"),
        ("/-/ready", "text/plain; charset=utf-8"),
        ("/api/v1/watches", "application/json"),
        ("/api/v1/watches/sf-odata-prod", "application/json"),
        ("/api/v1/watches/legacy-export", "application/json"),
        ("/api/v1/events?watch=sf-odata-prod&limit=2", "application/json"),
        ("/api/v1/events?since=2026-01-01T00:00:00Z", "application/json"),
        ("/api/v1/events/verify?watch=sf-odata-prod", "application/json"),
        ("/api/v1/status", "application/json"),
        ("/api/v1/openapi.json", "application/json"),
    ];
    for (path, kind) in routes {
        let answer = served.get(path).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, kind), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'"), "{path}");
        assert_eq!(answer.header("set-cookie"), "", "{path}");
    }
}

#[tokio::test]
async fn what_is_not_there_says_the_way_out() {
    let (_, served) = sample().await;
    for path in
        ["/nothing", "/api/v1/watches/nobody", "/watches/nobody/public.pem", "/watches/sf-odata-prod/key.pem"]
    {
        problem(&served.get(path).await, 404);
    }
    problem(&served.get("/watches/legacy-export/public.pem").await, 404);
    problem(&served.get("/api/v1/events?limit=many").await, 400);
    problem(&served.get("/api/v1/events?since=yesterday").await, 400);
    problem(&served.get("/api/v1/events/verify?heads=abc").await, 400);
    problem(&served.ask("DELETE", "/api/v1/watches", &[], "").await, 405);
    let page = served.get("/watches/old-watch").await;
    assert_eq!(page.status, 404);
    assert!(page.text().contains("no longer configured"), "{}", page.text());
}

#[tokio::test]
async fn a_browser_is_told_on_a_page_what_is_not_there_and_a_machine_in_json() {
    let (_, served) = sample().await;
    let browser = [("Accept", "text/html,application/xhtml+xml")];
    for path in ["/nothing", "/watches/nobody/public.pem", "/handoffs/unknown/public.pem"] {
        let page = served.ask("GET", path, &browser, "").await;
        assert_eq!((page.status, page.header("content-type")), (404, "text/html; charset=utf-8"), "{path}");
        assert!(page.text().contains("All watches") && !page.text().contains("way_out"), "{}", page.text());
    }
    let nobody = problem(&served.ask("GET", "/api/v1/watches/nobody", &browser, "").await, 404);
    assert_eq!(nobody["error"], "there is no watch \"nobody\"");
    let way_out = nobody["way_out"].as_str().unwrap();
    assert!(way_out.starts_with("there are: ") && way_out.contains("sf-odata-prod"), "{way_out}");
    let page = served.get("/watches/nobody").await.text();
    assert!(page.contains("There are: ") && page.contains("sf-odata-prod"), "{page}");
    let refused = problem(&served.get("/?level=bogus").await, 400);
    assert_eq!(refused["way_out"], "use one of ok, notice, warning, critical, or none for all");
    assert_eq!(served.get("/?level=").await.status, 200);
}

#[tokio::test]
async fn a_mapping_that_was_deleted_too_early_is_said_at_once_with_the_file_to_put_back() {
    let mut snapshot = samples::snapshot();
    let mut view = (*snapshot.watches["sf-odata-prod"]).clone();
    view.hand_offs[0].urgent = Some("the callers are cut off now. What to do: put it back first.".to_owned());
    view.hand_offs[0].put_back = Some(view.record.in_force.as_ref().unwrap().chain.clone());
    let old = view.record.in_force.as_ref().unwrap().chain.leaf.fingerprint.short();
    Arc::make_mut(&mut snapshot.watches).insert("sf-odata-prod".into(), Arc::new(view));
    let (_, served) = network(FakeDaemon::new(snapshot)).await;
    let page = format!("/handoffs/{REPLACE_TOKEN}");
    let text = served.get(&page).await.text();
    assert!(text.contains("<b>At once:</b> the callers are cut off now."), "{text}");
    assert!(text.contains(&format!("{page}/in-force.pem")), "{text}");
    for path in [format!("{page}/in-force.pem"), "/watches/sf-odata-prod/in-force.pem".to_owned()] {
        let file = served.get(&path).await;
        assert_eq!(file.status, 200, "{path}");
        assert!(file.header("content-disposition").contains(&format!("in-force-{old}.pem")), "{path}");
        assert!(!file.text().contains("PRIVATE"), "{path}");
    }
    assert_ne!(
        served.get("/watches/sf-odata-prod/in-force.pem").await.text(),
        served.get("/watches/sf-odata-prod/chain.pem").await.text(),
        "the one to hand over is another"
    );
}

#[tokio::test]
async fn readiness_is_told_apart_from_life() {
    let (_, served) = network(FakeDaemon { ready: false, ..FakeDaemon::new(samples::snapshot()) }).await;
    assert_eq!(served.get("/-/healthy").await.status, 200);
    problem(&served.get("/-/ready").await, 503);
    assert!(served.get("/").await.text().contains("The first pass over all watches is not done yet"));
}

#[tokio::test]
async fn a_change_needs_a_token_with_the_right_to_it() {
    let (daemon, served) = sample().await;
    let check = "/api/v1/watches/sf-odata-prod/check";
    let nobody = served.ask("POST", check, &[], "").await;
    problem(&nobody, 401);
    assert_eq!(nobody.header("www-authenticate"), "Bearer");
    problem(&served.post(check, "guessed", "").await, 401);
    problem(&served.post(check, APPROVER, "").await, 403);
    problem(&served.post("/-/reload", APPROVER, "").await, 403);
    problem(&served.post("/api/v1/pause", APPROVER, "").await, 403);
    assert_eq!(daemon.commands(), []);
    let accepted = served.post(check, ADMIN, r#"{"comment": "after the change", "ticket": "CHG-7"}"#).await;
    assert_eq!((accepted.status, accepted.json()["command"].as_i64()), (202, Some(1)));
    let command = daemon.commands().remove(0);
    assert_eq!((command.watch.as_str(), command.verb), ("sf-odata-prod", Verb::Check));
    assert_eq!(command.actor, Actor::Named("ops-console".to_owned()));
    assert_eq!(
        (command.comment.as_deref(), command.ticket.as_deref()),
        (Some("after the change"), Some("CHG-7"))
    );
}

#[tokio::test]
async fn every_verb_becomes_its_command() {
    let (daemon, served) = sample().await;
    let of_watch = [
        ("cancel", Verb::Cancel),
        ("retry", Verb::Retry),
        ("pause", Verb::Pause),
        ("resume", Verb::Resume),
        ("targets/security-center/confirm", Verb::Confirm("security-center".to_owned(), None)),
    ];
    for (verb, wanted) in of_watch {
        let answer = served.post(&format!("/api/v1/watches/sf-odata-prod/{verb}"), ADMIN, "").await;
        assert_eq!(answer.status, 202, "{verb}: {}", answer.text());
        assert_eq!(daemon.commands().pop().unwrap().verb, wanted);
    }
    assert_eq!(served.post("/api/v1/pause", ADMIN, "{}").await.status, 202);
    assert_eq!(daemon.commands().pop().unwrap().watch, "");
    assert_eq!(served.post("/api/v1/resume", ADMIN, "").await.status, 202);
    assert_eq!(served.post("/-/reload", ADMIN, "").await.status, 200);
    let until = r#"{"until": "2027-02-11T08:00:00+01:00"}"#;
    assert_eq!(served.post("/api/v1/watches/sf-odata-prod/silence", ADMIN, until).await.status, 202);
    assert_eq!(daemon.commands().pop().unwrap().verb, Verb::Silence(samples::at("2027-02-11T07:00:00Z")));
    let ended = served.post("/api/v1/watches/sf-odata-prod/silence", ADMIN, r#"{"until": "now"}"#).await;
    assert_eq!(ended.status, 202, "a silence can be ended");
    assert_eq!(daemon.commands().pop().unwrap().verb, Verb::Silence(samples::now()));
}

#[tokio::test]
async fn what_could_do_nothing_is_refused_at_once_with_the_way_out() {
    let (daemon, served) = sample().await;
    for (watch, verb, why) in [
        ("sf-odata-prod", "renew", "is under way already"),
        ("payroll-link", "renew", "has no [watch.renewal]"),
        ("payroll-link", "cancel", "no renewal of payroll-link is under way"),
        ("payroll-link", "rollback", "nothing can be switched back"),
        ("payroll-link", "retire", "no replaced certificate to retire"),
        ("crm-mirror", "retire", "no entry of a replaced certificate"),
        ("ias-user-sync", "rollback", "is observe"),
    ] {
        let answer = served.post(&format!("/api/v1/watches/{watch}/{verb}"), ADMIN, "").await;
        let said = problem(&answer, 409);
        assert!(said["error"].as_str().unwrap().contains(why), "{watch} {verb}: {said}");
    }
    assert_eq!(daemon.commands(), []);
    assert_eq!(served.post("/api/v1/watches/crm-mirror/renew", ADMIN, "").await.status, 202);
    assert_eq!(daemon.commands().remove(0).verb, Verb::Renew);
}

#[tokio::test]
async fn a_request_that_cannot_be_meant_is_refused() {
    let (daemon, served) = sample().await;
    let silence = "/api/v1/watches/sf-odata-prod/silence";
    problem(&served.post(silence, ADMIN, "").await, 400);
    problem(&served.post(silence, ADMIN, r#"{"until": "2020-01-01T00:00:00Z"}"#).await, 400);
    problem(&served.post(silence, ADMIN, r#"{"until": "soon"}"#).await, 400);
    problem(&served.post(silence, ADMIN, r#"{"untill": "2028-01-01T00:00:00Z"}"#).await, 400);
    problem(&served.post("/api/v1/watches/sf-odata-prod/explode", ADMIN, "").await, 404);
    problem(&served.post("/api/v1/watches/nobody/check", ADMIN, "").await, 404);
    problem(&served.post("/api/v1/watches/sf-odata-prod/targets/nobody/confirm", ADMIN, "").await, 404);
    let long = format!(r#"{{"comment": "{}"}}"#, "x".repeat(2001));
    problem(&served.post("/api/v1/watches/sf-odata-prod/check", ADMIN, &long).await, 400);
    let large = format!(r#"{{"comment": "{}"}}"#, "x".repeat(70_000));
    problem(&served.post("/api/v1/watches/sf-odata-prod/check", ADMIN, &large).await, 413);
    assert_eq!(daemon.commands(), []);
}

#[tokio::test]
async fn an_approval_names_the_act_that_waits() {
    let (daemon, served) = sample().await;
    let approve = "/api/v1/watches/sf-odata-prod/approve";
    let unnamed = problem(&served.post(approve, APPROVER, "").await, 409);
    let act = unnamed["act"].as_str().unwrap();
    assert!(act.starts_with("switch-"), "{unnamed}");
    let other = problem(&served.post(approve, APPROVER, r#"{"act": "issue-000000000000"}"#).await, 409);
    assert_eq!(other["act"], unnamed["act"]);
    problem(
        &served.post("/api/v1/watches/crm-mirror/approve", APPROVER, &format!(r#"{{"act": "{act}"}}"#)).await,
        409,
    );
    assert_eq!(daemon.commands(), []);
    assert_eq!(served.post(approve, APPROVER, &format!(r#"{{"act": "{act}"}}"#)).await.status, 202);
    assert_eq!(daemon.commands().remove(0).verb, Verb::Approve(act.to_owned()));
}

#[tokio::test]
async fn what_the_daemon_cannot_do_is_said() {
    let daemon = FakeDaemon {
        refuses: Some("the state store cannot be written"),
        ..FakeDaemon::new(samples::snapshot())
    };
    let (_, served) = network(daemon).await;
    problem(&served.post("/api/v1/watches/sf-odata-prod/check", ADMIN, "").await, 503);
    problem(&served.post("/-/reload", ADMIN, "").await, 422);
    problem(&served.get("/api/v1/events").await, 503);
    let page = served.get("/watches/sf-odata-prod").await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("The history cannot be read: the state store cannot be written"));
}

#[tokio::test]
async fn a_page_of_another_site_changes_nothing() {
    let (daemon, served) = sample().await;
    let say = format!("/handoffs/{REPLACE_TOKEN}/say");
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    for (name, value) in
        [("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example.net"), ("Origin", "null")]
    {
        problem(&served.ask("POST", &say, &[form, (name, value)], "sign=saved").await, 403);
    }
    assert_eq!(daemon.commands(), []);
    let own =
        served.ask("POST", &say, &[form, ("Origin", "https://certsteward.example.org")], "sign=saved").await;
    assert_eq!(own.status, 202);
}

#[tokio::test]
async fn over_the_socket_the_operating_system_names_the_user() {
    let daemon = Arc::new(FakeDaemon::new(samples::snapshot()));
    let nameless = Served::on("127.0.0.1:0", router(daemon.clone(), options(Trust::LocalSocket))).await;
    problem(&nameless.post("/api/v1/watches/crm-mirror/renew", ADMIN, "").await, 403);
    let peer = Extension(Peer { name: "alex".to_owned() });
    let named =
        Served::on("127.0.0.1:0", router(daemon.clone(), options(Trust::LocalSocket)).layer(peer)).await;
    assert_eq!(named.ask("POST", "/api/v1/watches/crm-mirror/renew", &[], "").await.status, 202);
    assert_eq!(daemon.commands().remove(0).actor, Actor::Named("alex".to_owned()));
    let watch = named.get("/api/v1/watches/sf-odata-prod").await.json();
    let link = format!("https://certsteward.example.org/handoffs/{REPLACE_TOKEN}");
    assert_eq!(watch["hand_offs"][0]["link"], link.as_str());
}

#[tokio::test]
async fn without_a_public_address_a_link_leads_to_this_host() {
    let options = Options { public_url: None, ..options(Trust::LocalSocket) };
    let peer = Extension(Peer { name: "alex".to_owned() });
    let router = router(Arc::new(FakeDaemon::new(samples::snapshot())), options).layer(peer);
    let served = Served::on("127.0.0.1:0", router).await;
    let watch = served.get("/api/v1/watches/sf-odata-prod").await.json();
    let link = format!("http://127.0.0.1:9790/handoffs/{REPLACE_TOKEN}");
    assert_eq!(watch["hand_offs"][0]["link"], link.as_str());
}

#[tokio::test]
async fn the_token_of_a_hand_off_is_shown_to_nobody_else() {
    let (_, served) = sample().await;
    let paths = [
        "/",
        "/watches/sf-odata-prod",
        "/watches/payroll-link",
        "/watches/crm-mirror",
        "/metrics",
        "/api/v1/status",
        "/api/v1/watches",
        "/api/v1/watches/sf-odata-prod",
        "/api/v1/watches/crm-mirror",
        "/api/v1/events",
    ];
    for path in paths {
        let text = served.get(path).await.text();
        assert!(TOKENS.iter().all(|token| !text.contains(token)), "{path}");
        assert!(!text.contains("PRIVATE KEY"), "{path}");
    }
}

#[tokio::test]
async fn the_public_file_is_the_one_to_hand_over() {
    let (daemon, served) = sample().await;
    let record = &daemon.snapshot.watches["sf-odata-prod"].record;
    let candidate = record.renewal.as_ref().unwrap().candidate.as_ref().unwrap();
    assert_eq!(served.get("/watches/sf-odata-prod/public.der").await.body, &*candidate.chain.leaf.der);
    let removing = &daemon.snapshot.watches["crm-mirror"].record.in_force.as_ref().unwrap().chain;
    assert_eq!(served.get("/watches/crm-mirror/public.der").await.body, &*removing.leaf.der);
    let file = served.get(&format!("/handoffs/{REPLACE_TOKEN}/public.pem")).await;
    assert!(file.text().starts_with("-----BEGIN CERTIFICATE-----\n"));
    let name = format!("attachment; filename=\"sf-odata-prod-{}.pem\"", candidate.fingerprint().short());
    assert_eq!(file.header("content-disposition"), name);
    let attached =
        certsteward::formats::public::public(&candidate.chain, certsteward::formats::PublicForm::Chain);
    assert_eq!(file.body, attached.unwrap(), "the file of the page is the file of the mail");
    let cer = served.get(&format!("/handoffs/{REPLACE_TOKEN}/public.cer")).await;
    assert!(cer.text().starts_with("-----BEGIN CERTIFICATE-----\r\n"));
}

#[tokio::test]
async fn a_hand_off_page_needs_nothing_else() {
    let (_, served) = sample().await;
    let page = served.get(&format!("/handoffs/{REPLACE_TOKEN}")).await;
    assert_eq!(page.status, 200);
    let text = page.text();
    for part in [
        "replace the certificate SFAPI in security-center",
        "Calls fail meanwhile.",
        "Access to X.509 Certificate(s) (Mapping), in Manage Permission Roles",
        "data-copy=\"Business Technology Platform\"",
        "/public.pem\"",
        "value=\"deleting\"",
        "value=\"saved\"",
        "value=\"check\"",
        "the API still says no",
        "not-mapped",
    ] {
        assert!(text.contains(part), "{part} is missing");
    }
    assert!(!text.contains("value=\"confirmed\""));
}

/// The certificate that the question behind this link is about.
fn asked_about(daemon: &FakeDaemon, token: &str) -> Option<Fingerprint> {
    let mut open = daemon.snapshot.watches.values().flat_map(|view| &view.hand_offs);
    open.find(|open| open.token == token).map(|open| open.chain.fingerprint())
}

#[tokio::test]
async fn where_a_call_decides_no_word_closes_the_page_and_nothing_of_others_is_deleted() {
    let mut snapshot = samples::snapshot();
    let mut view = (*snapshot.watches["sf-odata-prod"]).clone();
    let mut record = (*view.record).clone();
    let candidate = record.renewal.as_mut().unwrap().candidate.as_mut().unwrap();
    let publication = candidate.targets.get_mut("security-center").unwrap();
    publication.confirmed = Some((samples::now(), "Robin Sample".to_owned()));
    publication.hand_off.as_mut().unwrap().ask = certsteward::domain::record::Ask::Add;
    view.record = Arc::new(record);
    view.hand_offs[0].ask = certsteward::domain::record::Ask::Add;
    Arc::make_mut(&mut snapshot.watches).insert("sf-odata-prod".into(), Arc::new(view));
    let (_, served) = network(FakeDaemon::new(snapshot)).await;
    let text = served.get(&format!("/handoffs/{REPLACE_TOKEN}")).await.text();
    assert!(!text.contains("Nothing is left to do"), "{text}");
    assert!(text.contains("Robin Sample confirmed it; here a call decides, not a word."), "{text}");
    assert!(text.contains("the API still says no") && !text.contains("Delete every line"), "{text}");
    assert!(text.contains("Delete nothing but the line that you added yourself"), "{text}");
}

#[tokio::test]
async fn a_hand_off_that_nothing_can_probe_asks_for_a_name() {
    let (daemon, served) = sample().await;
    let text = served.get(&format!("/handoffs/{ADD_TOKEN}")).await.text();
    assert!(text.contains("Confirm: the connection test passed") && text.contains("HRSFEC_PTP_CONFIG"));
    assert!(text.contains("say that it is done, and confirm it under a name; nothing else."), "{text}");
    let (say, form) =
        (format!("/handoffs/{ADD_TOKEN}/say"), [("Content-Type", "application/x-www-form-urlencoded")]);
    problem(&served.ask("POST", &say, &form, "sign=confirmed").await, 400);
    problem(&served.ask("POST", &say, &form, "sign=confirmed&name=%20").await, 400);
    problem(&served.ask("POST", &say, &form, "sign=confirmed&name=a%0Ab").await, 400);
    assert_eq!(served.ask("POST", &say, &form, "sign=confirmed&name=Robin+Sample").await.status, 202);
    let command = daemon.commands().remove(0);
    assert_eq!(command.verb, Verb::Confirm("security-center".to_owned(), asked_about(&daemon, ADD_TOKEN)));
    assert_eq!(command.actor, Actor::Named("Robin Sample (hand-off link)".to_owned()));
    assert!(asked_about(&daemon, ADD_TOKEN).is_some());
    assert!(served.get(&format!("/handoffs/{REMOVE_TOKEN}")).await.text().contains("Confirm: it is removed"));
    let say = format!("/handoffs/{REMOVE_TOKEN}/say");
    assert_eq!(served.ask("POST", &say, &form, "sign=confirmed&name=Robin+Sample").await.status, 202);
    let Verb::Confirm(_, Some(about)) = daemon.commands().pop().unwrap().verb else { panic!("no question") };
    let leftovers = daemon.snapshot.watches.values().flat_map(|view| &view.record.leftovers);
    assert!(leftovers.into_iter().any(|leftover| leftover.chain.fingerprint() == about));
}

#[tokio::test]
async fn a_link_can_say_done_and_check_and_nothing_else() {
    let (daemon, served) = sample().await;
    let say = format!("/handoffs/{REPLACE_TOKEN}/say");
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let back = served.ask("POST", &say, &[form, ("Accept", "text/html")], "sign=saved").await;
    assert_eq!(back.status, 303);
    assert_eq!(back.header("location"), format!("/handoffs/{REPLACE_TOKEN}?said=saved"));
    for (sign, wanted) in [("deleting", Sign::Deleting), ("check", Sign::CheckNow)] {
        assert_eq!(served.ask("POST", &say, &[form], &format!("sign={sign}")).await.status, 202);
        let command = daemon.commands().pop().unwrap();
        assert_eq!(
            command.verb,
            Verb::Sign("security-center".to_owned(), wanted, asked_about(&daemon, REPLACE_TOKEN))
        );
        assert_eq!(
            command.actor,
            Actor::Named("somebody with the hand-off link of security-center".to_owned())
        );
    }
    let before = daemon.commands().len();
    problem(&served.ask("POST", &say, &[form], "sign=confirmed&name=Robin").await, 409);
    problem(&served.ask("POST", &say, &[form], "sign=approve").await, 400);
    problem(&served.ask("POST", &format!("/handoffs/{ADD_TOKEN}/say"), &[form], "sign=deleting").await, 400);
    problem(&served.post("/api/v1/watches/sf-odata-prod/renew", REPLACE_TOKEN, "").await, 401);
    assert_eq!(daemon.commands().len(), before);
}

#[tokio::test]
async fn a_closed_or_unknown_link_says_what_to_do() {
    let (_, served) = sample().await;
    let closed = served.get(&format!("/handoffs/{CLOSED_TOKEN}")).await;
    assert_eq!(closed.status, 404);
    assert!(closed.text().contains("This is done"));
    let unknown = served.get("/handoffs/tok-guessed").await;
    assert_eq!(unknown.status, 404);
    assert!(unknown.text().contains("open the link in that one"));
    for token in [CLOSED_TOKEN, "tok-guessed"] {
        problem(&served.get(&format!("/handoffs/{token}/public.pem")).await, 404);
        let form = [("Content-Type", "application/x-www-form-urlencoded")];
        problem(&served.ask("POST", &format!("/handoffs/{token}/say"), &form, "sign=saved").await, 404);
    }
}

#[tokio::test]
async fn a_persons_word_is_never_shown_as_a_proof() {
    let (_, served) = sample().await;
    let watch = served.get("/api/v1/watches/sf-odata-prod").await.json();
    let middleware =
        watch["targets"].as_array().unwrap().iter().find(|target| target["id"] == "middleware").unwrap();
    assert_eq!(middleware["candidate"]["state"], "confirmed");
    assert_eq!(middleware["candidate"]["proven"], serde_json::Value::Null);
    let page = served.get("/watches/sf-odata-prod").await.text();
    assert!(page.contains("confirmed by <b>Robin Sample</b>") && page.contains("not a proof"));
}

#[tokio::test]
async fn text_from_outside_is_escaped() {
    let mut snapshot = samples::snapshot();
    let mut view = (*snapshot.watches["crm-mirror"]).clone();
    view.findings[0].text = "<script>alert(1)</script>".to_owned();
    Arc::make_mut(&mut snapshot.watches).insert("crm-mirror".into(), Arc::new(view));
    let (_, served) = network(FakeDaemon::new(snapshot)).await;
    for path in ["/", "/watches/crm-mirror", "/?q=%3Cscript%3Ealert(1)"] {
        assert!(!served.get(path).await.text().contains("<script>alert"), "{path}");
    }
}

#[tokio::test]
async fn many_watches_are_shown_the_most_serious_first_and_capped() {
    let mut snapshot = samples::many(10_000);
    Arc::make_mut(&mut snapshot.watches).extend((*samples::snapshot().watches).clone());
    let (_, served) = network(FakeDaemon::new(snapshot)).await;
    let page = served.get("/").await.text();
    assert_eq!(page.matches("<th scope=\"row\">").count(), 200);
    assert!(page.contains("The 200 most serious of 10007 watches."));
    assert!(page.find("/watches/ias-user-sync").unwrap() < page.find("/watches/sf-odata-prod").unwrap());
    let found = served.get("/?q=watch-0123").await.text();
    assert_eq!(found.matches("<th scope=\"row\">").count(), 10);
}

#[tokio::test]
async fn the_contract_names_every_route_and_no_other() {
    let (_, served) = sample().await;
    let contract = served.get("/api/v1/openapi.json").await.json();
    for (path, operations) in contract["paths"].as_object().unwrap() {
        let path = path
            .replace("{id}", "sf-odata-prod")
            .replace("{target}", "security-center")
            .replace("{token}", REPLACE_TOKEN);
        for method in operations.as_object().unwrap().keys() {
            let answer = served.ask(&method.to_uppercase(), &path, &[], "").await;
            assert!(answer.status != 404 && answer.status != 405, "{method} {path}: {}", answer.status);
        }
    }
    let row = served.get("/api/v1/events?limit=1").await.json()["events"][0].clone();
    assert_described(&contract, &contract["components"]["schemas"]["Event"], &row, "event");
    let proof = served.get(&format!("/api/v1/events/verify?heads={}", "ab".repeat(32))).await.json();
    assert_described(&contract, &contract["components"]["schemas"]["Proof"], &proof, "proof");
    for kind in ["watches/sf-odata-prod", "status"] {
        let answer = served.get(&format!("/api/v1/{kind}")).await.json();
        let schema = if kind == "status" { "Status" } else { "Watch" };
        assert_described(&contract, &contract["components"]["schemas"][schema], &answer, kind);
    }
}

/// Asserts that every field of an answer stands in its schema.
fn assert_described(
    contract: &serde_json::Value,
    schema: &serde_json::Value,
    answer: &serde_json::Value,
    at: &str,
) {
    let mut described = serde_json::Map::new();
    gather(contract, schema, &mut described);
    match answer {
        serde_json::Value::Object(fields) if !described.is_empty() => {
            for (name, value) in fields {
                let field = described.get(name).unwrap_or_else(|| panic!("{at}.{name} is not described"));
                assert_described(contract, field, value, &format!("{at}.{name}"));
            }
        }
        serde_json::Value::Array(items) => {
            let of = &schema["items"];
            items.iter().for_each(|item| assert_described(contract, of, item, &format!("{at}[]")));
        }
        serde_json::Value::Object(_)
        | serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_) => {}
    }
}

fn gather(
    contract: &serde_json::Value,
    schema: &serde_json::Value,
    into: &mut serde_json::Map<String, serde_json::Value>,
) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        gather(contract, &contract["components"]["schemas"][name], into);
    }
    for part in ["allOf", "anyOf"].iter().filter_map(|kind| schema[*kind].as_array()).flatten() {
        gather(contract, part, into);
    }
    into.extend(schema["properties"].as_object().cloned().unwrap_or_default());
}
