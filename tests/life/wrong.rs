//! People who are late, or who answer wrongly: what they are told then, and that no caller is lost by it unseen.

use certsteward::domain::Duration;
use certsteward::domain::event::EventKind;
use certsteward::domain::message::Message;
use certsteward::domain::record::Ask;
use certsteward::domain::report::{Sign, Verb};
use certsteward::domain::watch::{Matching, SubjectChoice};

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
    insta::assert_snapshot!(lines.join("\n"), @"");
    let reminder = questions(&world).await.into_iter().nth(3).unwrap();
    insta::assert_snapshot!(reminder.hand_off.unwrap().so_far.join("\n"), @"");
}

#[tokio::test]
async fn a_reminder_says_what_was_said_and_what_is_probably_wrong() {
    let mut world = asked(Matching::Exact).await;
    world.ladder = vec![Duration::days(30)];
    world.command(Verb::Sign("security-center".to_owned(), Sign::Saved, None)).await;
    world.until(340).await;
    let reminder = questions(&world).await.into_iter().last().unwrap();
    let open = reminder.hand_off.unwrap();
    insta::assert_snapshot!(open.so_far.join("\n"), @"");
    let causes: Vec<String> = open.causes.iter().map(|(text, way_out)| format!("{text}\n  {way_out}")).collect();
    insta::assert_snapshot!(causes.join("\n"), @"");
    assert_eq!(reminder.way_out, "go through what is probably wrong, from the top; the steps are below once more");
}

#[tokio::test]
async fn a_done_that_is_not_done_is_doubted_in_the_finding_and_in_the_plan() {
    let mut world = asked(Matching::Exact).await;
    assert_eq!(finding(&world, "hand-off-open").split("; what probably").count(), 1);
    world.after(10).await;
    sign(&mut world, Sign::Saved).await;
    world.run(5).await;
    insta::assert_snapshot!(finding(&world, "hand-off-open"), @"");
    assert!(world.plan().contains("at security-center, if another file was uploaded"), "{}", world.plan());
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
    world.change(|facts| facts.mappings.clear());
    sign(&mut world, Sign::Saved).await;
    insta::assert_snapshot!(shortened(&finding(&world, "rejected"), &world), @"");
    let told = questions(&world).await;
    let urgent = told.last().unwrap();
    assert_eq!((urgent.level.code(), urgent.subject.split(':').next()), ("critical", Some("callers are cut off")));
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
    assert_eq!(world.findings(), ["warning hand-off-open", "notice expires"], "{}", world.text());
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
    world.change(|facts| facts.mappings.clear());
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
