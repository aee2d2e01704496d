//! What is said to one of several open questions.

use super::*;

#[tokio::test]
async fn a_word_about_one_of_several_questions_has_to_say_which() {
    let mut snapshot = samples::snapshot();
    let mut view = (*snapshot.watches["crm-mirror"]).clone();
    let record = Arc::make_mut(&mut view.record);
    let first = record.leftovers[0].chain.fingerprint();
    let mut other = record.leftovers[0].clone();
    other.chain = samples::chain("crm-older", (2026, 1, 1), (2026, 12, 1));
    other.hand_offs.get_mut("security-center").unwrap().token = "tok-other".to_owned();
    let second = other.chain.fingerprint();
    record.leftovers.push(other);
    Arc::make_mut(&mut snapshot.watches).insert("crm-mirror".into(), Arc::new(view));
    let (daemon, served) = network(FakeDaemon::new(snapshot)).await;

    let confirm = "/api/v1/watches/crm-mirror/targets/security-center/confirm";
    let said = problem(&served.post(confirm, ADMIN, "").await, 409);
    let error = said["error"].as_str().unwrap();
    assert!(error.contains(&first.short()) && error.contains(&second.short()), "{said}");
    assert!(said["way_out"].as_str().unwrap().contains(" --certificate "), "{said}");
    problem(&served.post(confirm, ADMIN, r#"{"certificate": "nonsense"}"#).await, 409);
    assert_eq!(daemon.commands(), []);
    for named in [second.short(), second.colons()] {
        let body = serde_json::json!({ "certificate": named }).to_string();
        assert_eq!(served.post(confirm, ADMIN, &body).await.status, 202);
        let verb = daemon.commands().pop().unwrap().verb;
        assert_eq!(verb, Verb::Confirm("security-center".to_owned(), Some(second)));
    }
}
