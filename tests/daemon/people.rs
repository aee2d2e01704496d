//! The daemon and an administrator who answers wrongly: what an operator and the administrator read then.

use certsteward::sandbox::People;
use serde_json::Value;

use super::lab::Lab;
use crate::support::daemon::{Daemon, LIMIT};
use crate::support::wait::within;

/// Moments and fingerprints as what they are, because each run has its own.
fn plain(text: &str) -> String {
    let word = |word: &str| {
        let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let digits = bare.bytes().filter(u8::is_ascii_digit).count();
        let is_date = bare.len() == 10 && digits == 8 && bare.matches('-').count() == 2;
        let is_time = bare.len() == 5 && digits == 4 && bare.contains(':');
        let is_print = bare.len() == 12 && bare.bytes().all(|byte| byte.is_ascii_hexdigit());
        let kind = match (is_date, is_time, is_print) {
            (true, _, _) => "DATE",
            (_, true, _) => "TIME",
            (_, _, true) => "PRINT",
            (false, false, false) => return word.to_owned(),
        };
        word.replace(bare, kind)
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn finding<'a>(watch: &'a Value, code: &str) -> Option<&'a Value> {
    watch["findings"].as_array()?.iter().find(|finding| finding["code"] == code)
}

/// Level, text and way out of a finding once it says this.
async fn said(daemon: &Daemon, code: &str, part: &str) -> String {
    let says = |watch: &Value| {
        finding(watch, code)
            .is_some_and(|found| found["text"].as_str().is_some_and(|text| text.contains(part)))
    };
    let watch = daemon.watch("sf-odata", &format!("a finding {code} that says {part:?}"), says).await;
    let found = finding(&watch, code).unwrap();
    let of = |name: &str| found[name].as_str().unwrap().to_owned();
    plain(&format!("{}: {}\nway out: {}", of("level"), of("text"), of("way_out")))
}

fn causes(watch: &Value) -> String {
    let all = watch["hand_offs"][0]["causes"].as_array().unwrap();
    plain(&all.iter().map(|cause| cause["text"].as_str().unwrap()).collect::<Vec<_>>().join("\n"))
}

async fn doubted(people: People) -> (String, String) {
    let lab = Lab::with(people).await;
    let daemon = lab.daemon("act", "").await;
    let said = said(&daemon, "hand-off-open", "what probably keeps it").await;
    let causes = causes(&daemon.json("/api/v1/watches/sf-odata").await);
    assert_eq!(lab.landscape.caller_report().failures, 0, "nobody is cut off");
    daemon.stop().await;
    (said, causes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_liar_is_not_believed_and_the_operator_reads_what_it_probably_is() {
    let (said, causes) = doubted(People::Liar).await;
    insta::assert_snapshot!(said, @r"
    warning: security-center waits for a person since DATE TIME UTC: add the certificate; what probably keeps it: the upload is young (saved DATE TIME UTC): it can take a while until the API knows it
    way out: wait; certsteward looks again by itself, and says so when an hour has passed; the hand-off page has 6 more causes, the likeliest first
    ");
    insta::assert_snapshot!(causes, @r"
    the upload is young (saved DATE TIME UTC): it can take a while until the API knows it
    it was saved in another company than ACME: production and preview look alike
    another file was uploaded: an older certificate, another system's, or a file with the private key
    it was not saved: the form was closed before Save, or the page refused the file
    the line has another Integration Name than Business Technology Platform
    the Login Name is not exactly SFAPI: misspelt, with a blank before or behind, or the user is inactive
    another line with the same issuer and subject is found first
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_systems_file_is_no_proof_and_is_among_the_causes() {
    let (_, causes) = doubted(People::WrongFile).await;
    assert!(causes.contains("another file was uploaded: an older certificate, another system's"), "{causes}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_deletes_too_early_is_told_at_once_to_put_it_back_and_the_renewal_goes_on() {
    let lab = Lab::with(People::TooEarly).await;
    let daemon = lab.daemon("act", "").await;
    let mail = within(LIMIT, "the mail that says what to do at once", async || {
        lab.landscape.mails().into_iter().find(|mail| mail.subject.contains("ACT AT ONCE"))
    })
    .await;
    insta::assert_snapshot!(plain(&mail.subject), @"[certsteward] ACT AT ONCE sf-odata: callers are cut off: please add the certificate SFAPI-3 to security-center");
    let at_once = mail.text.lines().find(|line| line.starts_with("At once: ")).unwrap_or_default().to_owned();
    insta::assert_snapshot!(plain(&at_once), @"At once: security-center does not know the certificate in force (SFAPI) any more since DATE TIME UTC: the callers are cut off now. What to do: put it back first: add the certificate in force again (SFAPI, fingerprint PRINT, the file in-force in the mail and on the page, or /watches/sf-odata/in-force.pem) with the same fields; then add the new one beside it, and delete nothing.");
    let attached: Vec<&str> = mail.attachments.iter().map(|attachment| attachment.name.as_str()).collect();
    assert!(attached.iter().any(|name| name.starts_with("in-force-")), "{attached:?} {}", mail.text);
    daemon
        .watch("sf-odata", "the candidate in force", |watch| {
            watch["certificates"]["in_force"]["issued_by_certsteward"] == true
        })
        .await;
    let added = lab.landscape.mappings().len();
    assert!(added >= 1, "{:?}", lab.landscape.admin_log());
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_late_is_waited_for() {
    let lab = Lab::with(People::Late).await;
    let daemon = lab.daemon("act", "").await;
    daemon
        .watch("sf-odata", "the candidate in force", |watch| {
            watch["certificates"]["in_force"]["issued_by_certsteward"] == true
        })
        .await;
    assert_eq!(lab.landscape.caller_report().failures, 0);
    daemon.stop().await;
}
