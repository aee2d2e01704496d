//! A message as the body of a webhook: our own JSON, a Slack message, or a card for Teams.
//! It posts nothing.

use serde_json::{Value, json};

use super::Format;
use crate::domain::finding::Level;
use crate::domain::message::Message;
use crate::domain::reason::{Reason, Unseen};
use crate::notifiers::facts::{Asked, Facts, title};

/// The body, in the form that the receiver reads.
pub(super) fn write(message: &Message, format: Format, public_url: Option<&str>) -> Result<Vec<u8>, Unseen> {
    let facts = Facts::of(message, public_url)?;
    let unwritable =
        |error| Unseen::new(Reason::Malformed, format!("the message cannot be written: {error}"));
    match format {
        Format::Json => serde_json::to_vec(&facts),
        Format::Slack => serde_json::to_vec(&slack(message, &facts)),
        Format::Teams => serde_json::to_vec(&teams(message, &facts)),
    }
    .map_err(unwritable)
}

fn slack(message: &Message, facts: &Facts<'_>) -> Value {
    let title = title(message);
    let header: String = title.chars().take(SLACK_HEADER).collect();
    let mut blocks = vec![
        json!({ "type": "header", "text": { "type": "plain_text", "text": header } }),
        section(&escaped(&sentences(facts).join("\n"))),
    ];
    if let Some(asked) = &facts.handoff {
        blocks.push(section(&slack_fields(asked)));
        blocks.push(section(&escaped(&numbered(asked))));
    }
    if let Some(url) = link(facts) {
        blocks.push(section(&format!("<{}|{}>", escaped(url), link_text(facts))));
    }
    json!({ "text": escaped(&title), "blocks": blocks })
}

fn section(text: &str) -> Value {
    let text: String = text.chars().take(SLACK_SECTION).collect();
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } })
}

fn slack_fields(asked: &Asked<'_>) -> String {
    let lines: Vec<String> = asked
        .fields
        .iter()
        .map(|field| format!("*{}:* {}", escaped(field.name), escaped(&field.value)))
        .collect();
    format!("*Ask:* {}\n{}", asked.ask, lines.join("\n"))
}

/// Slack's three control characters; everything else is plain.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn teams(message: &Message, facts: &Facts<'_>) -> Value {
    let mut body = vec![block(
        &title(message),
        json!({ "weight": "Bolder", "size": "Medium", "color": colour(message) }),
    )];
    body.extend(sentences(facts).iter().map(|sentence| block(sentence, json!({}))));
    if let Some(asked) = &facts.handoff {
        let mut rows = vec![json!({ "title": "Ask", "value": asked.ask })];
        rows.extend(asked.fields.iter().map(|field| json!({ "title": field.name, "value": field.value })));
        body.push(json!({ "type": "FactSet", "facts": rows }));
        body.push(block(&numbered(asked), json!({})));
    }
    let actions: Vec<Value> = link(facts)
        .map(|url| json!({ "type": "Action.OpenUrl", "title": link_text(facts), "url": url }))
        .into_iter()
        .collect();
    let card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "actions": actions,
    });
    json!({
        "type": "message",
        "attachments": [{ "contentType": "application/vnd.microsoft.card.adaptive", "content": card }],
    })
}

fn block(text: &str, style: Value) -> Value {
    let mut block = json!({ "type": "TextBlock", "text": text, "wrap": true });
    if let (Some(block), Value::Object(style)) = (block.as_object_mut(), style) {
        block.extend(style);
    }
    block
}

const fn colour(message: &Message) -> &'static str {
    match (message.resolved, message.level) {
        (true, _) => "Good",
        (false, Level::Critical) => "Attention",
        (false, Level::Warning) => "Warning",
        (false, Level::Ok | Level::Notice) => "Default",
    }
}

/// What is the case, what goes wrong meanwhile, what to do, and where, if no link leads there.
fn sentences(facts: &Facts<'_>) -> Vec<String> {
    let mut sentences = vec![facts.text.to_owned()];
    sentences
        .extend(facts.handoff.as_ref().and_then(|asked| asked.gap).map(|gap| format!("Mind the gap: {gap}")));
    if !facts.resolved && !facts.way_out.is_empty() {
        sentences.push(format!("What to do: {}", facts.way_out));
    }
    let unlinked = facts.handoff.as_ref().and_then(|asked| asked.instead_of_url.as_ref());
    sentences.extend(unlinked.map(|text| format!("Hand-off page: {text}")));
    sentences
}

fn numbered(asked: &Asked<'_>) -> String {
    let steps = asked.steps.iter().enumerate().map(|(at, step)| format!("{}. {step}", at + 1));
    steps.collect::<Vec<_>>().join("\n")
}

fn link<'a>(facts: &'a Facts<'_>) -> Option<&'a str> {
    facts.handoff.as_ref().and_then(|asked| asked.url.as_deref()).or(facts.url.as_deref())
}

const fn link_text(facts: &Facts<'_>) -> &'static str {
    if facts.handoff.is_some() { "Open the hand-off page" } else { "Open the watch" }
}

/// Slack refuses longer headers and sections.
const SLACK_HEADER: usize = 150;
const SLACK_SECTION: usize = 3000;
