//! What the running daemon says of certificates beside their own facts: whom they lead to, and who else has their number.

use serde_json::Value;

use crate::support::daemon::{Daemon, LIMIT, head};
use crate::support::pki::{Authority, Made, NOW, server};
use crate::support::wait::within;

/// A certificate of this authority with this serial number.
fn numbered(authority: &Authority, serial: u64) -> Made {
    authority.issue_with(&server(NOW), |params| params.serial_number = Some(serial.into()))
}

fn says(watch: &Value, code: &str) -> Option<String> {
    let findings = watch["findings"].as_array()?;
    let found = findings.iter().find(|finding| finding["code"] == code)?;
    Some(format!("{} {}", found["level"].as_str()?, found["text"].as_str()?))
}

#[tokio::test]
async fn two_watches_whose_certificates_have_one_number_both_say_so_until_one_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let authority = Authority::root("Twice CA");
    put("a.pem", &numbered(&authority, 7).pem);
    put("b.pem", &numbered(&authority, 7).pem);
    let watches = "\n[[watch]]\nid = \"a\"\nsource = { type = \"file\", path = \"a.pem\" }\n\n[[watch]]\nid = \"b\"\nsource = { type = \"file\", path = \"b.pem\" }\n";
    let daemon = Daemon::start(folder.path(), &(head() + watches)).await;
    for (id, other) in [("a", "of the watch b"), ("b", "of the watch a")] {
        let watch = daemon.watch(id, "its twin", |watch| says(watch, "duplicate-serial").is_some()).await;
        let text = says(&watch, "duplicate-serial").unwrap();
        assert!(text.starts_with("warning ") && text.ends_with(other), "{text}");
    }
    put("b.new", &numbered(&authority, 8).pem);
    std::fs::rename(folder.path().join("b.new"), folder.path().join("b.pem")).unwrap();
    daemon.signal(nix::sys::signal::Signal::SIGHUP);
    for id in ["b", "a"] {
        daemon.watch(id, "no twin", |watch| says(watch, "duplicate-serial").is_none()).await;
    }
    daemon.stop().await;
}

#[tokio::test]
async fn a_chain_that_leads_to_nobody_in_the_trust_store_is_untrusted_until_the_store_knows_its_root() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let (authority, stranger) = (Authority::root("Known CA"), Authority::root("Another CA"));
    put("www.pem", &authority.issue(&server(NOW)).pem);
    put("roots.pem", &stranger.pem);
    let watches = "\n[[watch]]\nid = \"www\"\ntrust = \"roots.pem\"\nsource = { type = \"file\", path = \"www.pem\", use = \"server\" }\n";
    let daemon = Daemon::start(folder.path(), &(head() + watches)).await;
    let watch = daemon.watch("www", "a judgement", |watch| says(watch, "untrusted").is_some()).await;
    let text = says(&watch, "untrusted").unwrap();
    assert!(text.starts_with("critical the certificate localhost is not trusted by "), "{text}");
    assert!(text.ends_with("roots.pem: the chain leads to none of its authorities"), "{text}");
    put("roots.pem", &format!("{}{}", stranger.pem, authority.pem));
    daemon.signal(nix::sys::signal::Signal::SIGHUP);
    daemon.watch("www", "trust", |watch| says(watch, "untrusted").is_none()).await;
    // At rest now: a store that changes is noticed although the certificate does not.
    put("roots.pem", &stranger.pem);
    daemon.signal(nix::sys::signal::Signal::SIGHUP);
    daemon.watch("www", "no trust", |watch| says(watch, "untrusted").is_some()).await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_copy_that_was_forgotten_is_drift_until_it_is_brought_along() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let authority = Authority::root("Known CA");
    let (old, new) = (numbered(&authority, 1), numbered(&authority, 2));
    put("www.pem", &old.pem);
    put("copy.pem", &old.pem);
    let watches = "\n[[watch]]\nid = \"www\"\npolicy = { drift_after = \"1ms\" }\nsource = { type = \"file\", path = \"www.pem\" }\n\n[[watch.place]]\ntype = \"file\"\npath = \"copy.pem\"\n";
    let daemon = Daemon::start(folder.path(), &(head() + watches)).await;
    daemon.watch("www", "a first look", |watch| says(watch, "drift").is_none()).await;
    put("www.pem", &new.pem);
    let drifted = async |wanted: bool| {
        within(LIMIT, "a judgement of the copy", async || {
            daemon.signal(nix::sys::signal::Signal::SIGHUP);
            let watch = daemon.json("/api/v1/watches/www").await;
            (says(&watch, "drift").is_some() == wanted).then(|| says(&watch, "drift"))
        })
        .await
    };
    let text = drifted(true).await.unwrap();
    assert!(text.starts_with("warning ") && text.contains("copy.pem shows"), "{text}");
    put("copy.pem", &new.pem);
    drifted(false).await;
    daemon.stop().await;
}
