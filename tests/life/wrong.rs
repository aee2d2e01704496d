//! People who are late, or who answer wrongly: what they are told then, and that no caller is lost by it unseen.

use certsteward::domain::Duration;
use certsteward::domain::event::EventKind;
use certsteward::domain::message::Message;
use certsteward::domain::record::Ask;
use certsteward::domain::report::{Sign, Verb};
use certsteward::domain::watch::{Mapping, Matching, SubjectChoice};

use crate::support::world::World;

async fn asked(matching: Matching) -> World {
    let mut world = World::late(matching);
    world.until_event(EventKind::HandOffOpened, 10).await;
    world
}

/// A tenant that matches exactly, and a watch that keeps its subject: delete, then add.
async fn replacing() -> World {
    let mut world = World::late(Matching::Exact);
    world.terms().subject = SubjectChoice::Same;
    world.until_event(EventKind::HandOffOpened, 10).await;
    world
}

async fn sign(world: &mut World, sign: Sign) {
    world.command(Verb::Sign("security-center".to_owned(), sign, None)).await;
}

async fn questions(world: &World) -> Vec<Message> {
    world.messages().await.into_iter().filter(|message| message.code == "hand-off").collect()
}

/// The finding of this code, with its way out.
fn finding(world: &World, code: &str) -> String {
    let found = world.view().findings.iter().find(|finding| finding.code.code() == code);
    let found = found.unwrap_or_else(|| panic!("no {code} in {:?}", world.findings()));
    format!("{}: {} -> {}", found.level, found.text, found.way_out)
}

#[tokio::test]
async fn a_question_is_asked_once_reminded_of_on_the_ladder_and_taken_to_the_deputy_once() {
    let mut world = World::late(Matching::Exact);
    world.ladder = [30, 14, 7, 3, 1].map(Duration::days).to_vec();
    world.watch.targets[0].assignee = Some("pat".to_owned());
    world.watch.targets[0].deputy = Some("dora".to_owned());
    world.until_event(EventKind::HandOffOpened, 10).await;
    world.until(364).await;
    let line = |message: &Message| {
        let day = (message.at - crate::support::world::epoch()).num_days();
        let to = message.to.as_deref().unwrap_or("-");
        format!("day {day} to {to}: {} {}", message.level, message.subject)
    };
    let lines: Vec<String> = questions(&world).await.iter().map(line).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    day 303 to pat: warning please add the certificate SFAPI-3 to security-center
    day 308 to dora: warning escalated to you: please add the certificate SFAPI-3 to security-center
    day 335 to pat: warning reminder, 30 days left: please add the certificate SFAPI-3 to security-center
    day 351 to pat: warning reminder, 13 days left: please add the certificate SFAPI-3 to security-center
    day 358 to pat: warning reminder, 7 days left: please add the certificate SFAPI-3 to security-center
    day 362 to pat: warning reminder, 2 days left: please add the certificate SFAPI-3 to security-center
    day 364 to pat: warning reminder, 24 h left: please add the certificate SFAPI-3 to security-center
    ");
    let reminder = questions(&world).await.into_iter().nth(3).unwrap();
    insta::assert_snapshot!(reminder.hand_off.unwrap().so_far.join("\n"), @r"
    Asked since 2026-10-31 22:30 UTC (47 days): pat, dora since 2026-11-05 23:03 UTC.
    Left: the last safe moment was 2026-12-10 23:40 UTC; 13 days to the deadline (2027-01-01 00:00 UTC).
    Nobody has said anything about it yet.
    The API says not-mapped since 2026-10-31 22:30 UTC (1134 calls), last on 2026-12-17 23:03 UTC.
    ");
}

#[tokio::test]
async fn a_reminder_says_what_was_said_and_what_is_probably_wrong() {
    let mut world = World::late(Matching::Exact);
    world.watch.targets[0].mapping = Mapping {
        configuration_name: "BTP mTLS".to_owned(),
        integration_name: "Business Technology Platform".to_owned(),
        login_name: Some("SFAPI".to_owned()),
        company_id: Some("ACME".to_owned()),
        api: None,
    };
    world.ladder = vec![Duration::days(30)];
    world.until_event(EventKind::HandOffOpened, 10).await;
    world.command(Verb::Sign("security-center".to_owned(), Sign::Saved, None)).await;
    world.until(340).await;
    let reminder = questions(&world).await.into_iter().last().unwrap();
    let open = reminder.hand_off.unwrap();
    insta::assert_snapshot!(open.so_far.join("\n"), @r#"
    Asked since 2026-10-31 22:30 UTC (31 days): everybody who gets these messages.
    Left: 8 days to the last safe moment (2026-12-10 23:40 UTC); 30 days to the deadline (2027-01-01 00:00 UTC).
    pat said "I have saved it" on 2026-10-31 22:30 UTC.
    The API says not-mapped since 2026-10-31 22:30 UTC (775 calls), last on 2026-12-01 23:00 UTC.
    "#);
    let causes: Vec<String> =
        open.causes.iter().map(|(text, way_out)| format!("{text}\n  {way_out}")).collect();
    insta::assert_snapshot!(causes.join("\n"), @r#"
    it was saved in another company than ACME: production and preview look alike
      compare the company at the top of the Admin Center; in the wrong one delete your own line, then add it in the right one
    another file was uploaded: an older certificate, another system's, or a file with the private key
      compare the line with the name SFAPI-3, the end date 2027-10-31 and the fingerprint; delete the line that you added, then upload the file of this hand-off. Was it a file with a private key? Say so at once to whoever runs certsteward: that key is no secret any more
    it was not saved: the form was closed before Save, or the page refused the file
      look for the line in the list; where it is missing, add it again. "Already registered" means that the same issuer and subject stand in this or another company: tell whoever runs certsteward, delete nothing for it (KBA 3574501)
    the line has another Integration Name than Business Technology Platform
      a line cannot be changed: delete the one that you added, then add it with that name (KBA 3417151)
    the Login Name is not exactly SFAPI: misspelt, with a blank before or behind, or the user is inactive
      delete the line that you added, then add it with the name copied from here
    another line with the same issuer and subject is found first
      delete nothing but the line that you added yourself: the other one may be in use; tell whoever runs certsteward
    the upload did not arrive everywhere (saved 2026-10-31 22:30 UTC)
      delete the line that you added and upload the same file again (KBA 3505973); if the API still says no an hour later, open a ticket with SAP
    "#);
    assert_eq!(
        reminder.way_out,
        "go through what is probably wrong, from the top; the steps are below once more"
    );
}

#[tokio::test]
async fn a_done_that_is_not_done_is_doubted_in_the_finding_and_in_the_plan() {
    let mut world = asked(Matching::Exact).await;
    assert_eq!(finding(&world, "hand-off-open").split("; what probably").count(), 1);
    world.after(10).await;
    sign(&mut world, Sign::Saved).await;
    world.run(5).await;
    insta::assert_snapshot!(finding(&world, "hand-off-open"), @"warning: security-center waits for a person since 2026-10-31 22:30 UTC: add the certificate; what probably keeps it: the upload is young (saved 2026-10-31 22:40 UTC): it can take a while until the API knows it -> wait; certsteward looks again by itself, and says so when an hour has passed; the hand-off page has 5 more causes, the likeliest first");
    assert!(world.plan().contains("it may be that another file was uploaded"), "{}", world.plan());
    world.run(120).await;
    let open = world.question();
    assert!(open.causes.iter().any(|(text, _)| text.starts_with("the upload did not arrive everywhere")));
    assert!(!open.causes.iter().any(|(text, _)| text.starts_with("the upload is young")));
    world.serve(5).await;
    world.run(5).await;
    assert!(world.view().hand_offs.is_empty() && world.cut_off.is_empty(), "{}", world.text());
}

#[tokio::test]
async fn a_mapping_that_is_deleted_too_early_is_critical_in_the_pass_after_the_sign() {
    let mut world = asked(Matching::Exact).await;
    world.after(60).await;
    assert_eq!(world.question().ask, Ask::Add);
    world.change(|facts| {
        facts.now += Duration::minutes(1);
        facts.mappings.clear();
    });
    sign(&mut world, Sign::Saved).await;
    insta::assert_snapshot!(shortened(&finding(&world, "rejected"), &world), @"critical: the API rejects the certificate in force; security-center does not know the certificate in force (SFAPI) any more since 2026-10-31 23:31 UTC: the callers are cut off now -> put it back first: add the certificate in force again (SFAPI, fingerprint <sfapi.pem>, the file in-force in the mail and on the page, or /watches/sf/in-force.pem) with the same fields; then add the new one beside it, and delete nothing");
    let told = questions(&world).await;
    let urgent = told.last().unwrap();
    assert_eq!(
        (urgent.level.code(), urgent.subject.split(':').next()),
        ("critical", Some("callers are cut off"))
    );
    let open = urgent.hand_off.as_ref().unwrap();
    assert_eq!(open.put_back, Some(world.change(|facts| facts.chain("sfapi.pem"))));
    let before = told.len();
    world.run(30).await;
    assert_eq!(questions(&world).await.len(), before, "told once");
    // Put back: it is over by itself.
    world.change(|facts| {
        let old = facts.chain("sfapi.pem");
        facts.map(&old);
    });
    sign(&mut world, Sign::CheckNow).await;
    world.run(20).await;
    assert!(!world.findings().contains(&"critical rejected".to_owned()), "{}", world.text());
    assert!(world.question().urgent.is_none());
}

#[tokio::test]
async fn a_mapping_that_is_deleted_too_early_without_a_word_is_noticed_within_the_hour() {
    let mut world = asked(Matching::Exact).await;
    world.run(60 * 30).await;
    world.change(|facts| facts.mappings.clear());
    world.run(65).await;
    assert!(finding(&world, "rejected").starts_with("critical: "), "{}", world.text());
}

#[tokio::test]
async fn in_the_gap_of_a_replacement_the_new_one_is_to_be_uploaded_at_once() {
    let mut world = replacing().await;
    assert_eq!(world.question().ask, Ask::Replace);
    assert!(world.question().put_back.is_some(), "at hand beforehand");
    world.after(60).await;
    world.change(|facts| {
        facts.now += Duration::minutes(1);
        facts.mappings.clear();
    });
    sign(&mut world, Sign::Deleting).await;
    let urgent = world.question().urgent.unwrap();
    assert!(urgent.contains("upload the new certificate at once"), "{urgent}");
    world.serve(3).await;
    world.run(5).await;
    assert!(world.change(|facts| facts.is_served("first")), "{}", world.text());
    assert!(world.view().hand_offs.is_empty());
}

#[tokio::test]
async fn the_old_file_uploaded_again_is_told_apart_by_the_certificate_in_force() {
    let mut world = replacing().await;
    world.after(30).await;
    sign(&mut world, Sign::Saved).await;
    world.run(5).await;
    let causes = world.question().causes;
    assert!(causes[0].0.starts_with("the old certificate is still accepted"), "{causes:?}");
}

#[tokio::test]
async fn what_was_uploaded_for_a_renewal_that_is_given_up_is_asked_away() {
    let mut world = asked(Matching::Exact).await;
    world.after(60).await;
    let candidate = world.question().chain;
    // Saved, and not active there yet.
    sign(&mut world, Sign::Saved).await;
    world.command(Verb::Cancel).await;
    world.run(5).await;
    let question = world.question();
    assert_eq!((question.ask, &question.chain), (Ask::Remove, &candidate), "{}", world.text());
    assert!(question.headline.ends_with("it was uploaded for a renewal that was given up"));
    assert_eq!(finding(&world, "retire-pending").split(':').next(), Some("notice"));
    world.command(Verb::Confirm("security-center".to_owned(), Some(candidate.fingerprint()))).await;
    world.run(5).await;
    assert!(world.view().hand_offs.is_empty() && world.record().leftovers.is_empty(), "{}", world.text());
}

#[tokio::test]
async fn what_was_never_uploaded_is_not_asked_away() {
    let mut world = asked(Matching::Exact).await;
    world.after(60).await;
    world.command(Verb::Cancel).await;
    world.run(5).await;
    assert!(world.view().hand_offs.is_empty() && world.record().leftovers.is_empty(), "{}", world.text());
}

#[tokio::test]
async fn a_mapping_that_lets_the_certificate_in_force_in_is_never_asked_away() {
    let mut world = replacing().await;
    world.after(60).await;
    sign(&mut world, Sign::Saved).await;
    world.command(Verb::Cancel).await;
    world.run(60).await;
    assert!(world.view().hand_offs.iter().all(|open| open.ask != Ask::Remove), "{}", world.text());
}

/// Fingerprints as their owner's entry.
fn shortened(text: &str, world: &World) -> String {
    world.change(|facts| {
        facts.names().iter().fold(text.to_owned(), |text, name| {
            text.replace(&facts.chain(name).fingerprint().short(), &format!("<{name}>"))
        })
    })
}
