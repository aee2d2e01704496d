//! Lists of the Destination service: whole where that can be had, else by pages; never half of one.

use certsteward::domain::reason::Reason;
use certsteward::sap::Level;
use serde_json::{Value, json};

use super::stage::{Says, Stage, never, says};

const AT: Level = Level::Subaccount;
const LIST: &str = "GET /subaccountDestinations";

fn named(names: std::ops::Range<usize>) -> Value {
    names.map(|n| json!({"Name": format!("d{n}"), "Type": "HTTP"})).collect::<Vec<_>>().into()
}

fn page(names: std::ops::Range<usize>, link: &str, count: &str) -> Says {
    let mut said = says(200, named(names));
    for (name, value) in [("link", link), ("entity-count", count)] {
        if !value.is_empty() {
            said = said.with(name, value);
        }
    }
    said
}

fn on_page(number: usize) -> String {
    format!("{LIST}?%24page={number}&")
}

/// A list that is too large to be had at once.
fn too_large() -> Says {
    says(200, format!("[{}]", " ".repeat(certsteward::net::LIMIT)))
}

async fn names(stage: &Stage) -> Result<Vec<String>, certsteward::domain::reason::Unseen> {
    let listed = stage.client().destinations(AT).await?;
    Ok(listed.iter().map(|destination| destination.name().to_owned()).collect())
}

#[tokio::test]
async fn destinations_come_as_one_list_where_that_can_be_had() {
    let stage = Stage::open().await;
    stage.on(LIST, [says(200, named(0..3))]);
    assert_eq!(names(&stage).await.unwrap(), ["d0", "d1", "d2"]);
    assert_eq!(stage.asked("GET").len(), 1);
}

#[tokio::test]
async fn a_list_that_is_too_large_is_read_page_by_page_as_the_link_says() {
    let stage = Stage::open().await;
    stage.on(LIST, [too_large()]);
    let (next, previous) = (
        "</subaccountDestinations?$page=2&$pageSize=100>; rel='next'",
        "</subaccountDestinations?$page=1&$pageSize=100>; rel='previous'",
    );
    stage.on(&on_page(1), [page(0..100, next, "130")]);
    stage.on(&on_page(2), [page(100..130, previous, "130")]);
    assert_eq!(names(&stage).await.unwrap().len(), 130);
    assert_eq!(stage.asked("GET").len(), 3);
    assert!(stage.asked("GET")[1].line.ends_with("?%24page=1&%24pageSize=100&%24entityCount=true"));
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_asked_for_page_by_page() {
    let stage = Stage::open().await;
    stage.on(LIST, [never()]);
    stage.on(&on_page(1), [page(0..2, "", "")]);
    let listed = stage.impatient_client().destinations(AT).await.unwrap();
    assert_eq!(listed.len(), 2);
}

#[tokio::test]
async fn without_a_link_pages_go_on_until_nothing_is_missing() {
    let stage = Stage::open().await;
    stage.on(LIST, [too_large()]);
    stage.on(&on_page(1), [page(0..100, "", "")]);
    stage.on(&on_page(2), [page(100..100, "", "")]);
    assert_eq!(names(&stage).await.unwrap().len(), 100, "a full page may not be the last");
    stage.on(&on_page(1), [page(0..100, "", "150")]);
    stage.on(&on_page(2), [page(100..150, "", "150")]);
    assert_eq!(names(&stage).await.unwrap().len(), 150);
}

#[tokio::test]
async fn a_list_that_changes_between_its_pages_is_none() {
    let stage = Stage::open().await;
    stage.on(LIST, [too_large()]);
    let next = "</subaccountDestinations?$page=2&$pageSize=100>; rel='next'";
    stage.on(&on_page(1), [page(0..100, next, "130")]);
    stage.on(&on_page(2), [page(100..129, "", "129")]);
    assert_eq!(names(&stage).await.unwrap_err().reason, Reason::StateChanged);
    stage.on(&on_page(2), [page(100..129, "</subaccountDestinations?$page=1>; rel='previous'", "130")]);
    assert_eq!(names(&stage).await.unwrap_err().reason, Reason::StateChanged, "one is missing");
}

#[tokio::test]
async fn pages_that_lead_in_a_circle_are_not_followed() {
    let stage = Stage::open().await;
    stage.on(LIST, [too_large()]);
    stage.on(&on_page(1), [page(0..100, "</subaccountDestinations?$page=1>; rel='next'", "")]);
    assert_eq!(names(&stage).await.unwrap_err().reason, Reason::UnexpectedAnswer);
}

#[tokio::test]
async fn a_page_that_cannot_be_had_leaves_no_half_of_a_list() {
    let stage = Stage::open().await;
    stage.on(LIST, [too_large()]);
    stage.on(&on_page(1), [page(0..100, "</subaccountDestinations?$page=2>; rel='next'", "130")]);
    stage.on(&on_page(2), [says(503, "Service Unavailable")]);
    assert_eq!(names(&stage).await.unwrap_err().reason, Reason::Unavailable);
}

#[tokio::test]
async fn what_ends_in_the_middle_or_is_of_another_shape_is_no_list() {
    let stage = Stage::open().await;
    for body in [
        "[{\"Name\":\"a\"},{\"Na",
        "{\"Name\":\"a\"}",
        "[{\"Type\":\"HTTP\"}]",
        "<html>maintenance</html>",
        "",
    ] {
        stage.on(LIST, [says(200, body)]);
        let unseen = names(&stage).await.unwrap_err();
        assert_eq!(unseen.reason, Reason::UnexpectedAnswer, "{body}: {unseen}");
        stage.on("GET /subaccountCertificates", [says(200, body)]);
        let unseen = stage.client().list_names(AT).await.unwrap_err();
        assert_eq!(unseen.reason, Reason::UnexpectedAnswer, "{body}: {unseen}");
    }
}

#[tokio::test]
async fn both_forms_of_a_refusal_are_told() {
    let stage = Stage::open().await;
    for body in ["Forbidden".to_owned(), json!({"ErrorMessage": "Forbidden"}).to_string()] {
        stage.on("GET /subaccountCertificates", [says(403, body)]);
        let unseen = stage.client().list_names(AT).await.unwrap_err();
        assert_eq!(unseen.reason, Reason::Forbidden);
        assert!(
            unseen.text.contains("list the certificates of the subaccount")
                && unseen.text.contains("(403: Forbidden)"),
            "{unseen}"
        );
    }
}

#[tokio::test]
async fn who_names_an_entry_is_never_read_by_pages() {
    let stage = Stage::open().await;
    stage.on(LIST, [too_large()]);
    stage.on(&on_page(1), [page(0..1, "", "")]);
    let unseen = stage.client().named_by("a.pem").await.unwrap_err();
    assert_eq!(unseen.reason, Reason::TooLarge, "a page may lack what moved to another meanwhile");
}
