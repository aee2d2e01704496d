//! The mails that came in, and the page that shows them.
//! It keeps the latest few hundred and forgets them all with the landscape.

use super::http::{Answer, Request};
use super::mime::{self, Entity};
use super::pages::{escaped, page};
use super::time::Moment;
use super::world::World;

const KEPT: usize = 300;

/// One mail that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Its number in the mailbox.
    pub id: u64,
    /// When it came.
    pub at: Moment,
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// The subject, decoded.
    pub subject: String,
    /// The first text part, decoded.
    pub text: String,
    /// The first HTML part, decoded.
    pub html: Option<String>,
    /// Everything with a file name.
    pub attachments: Vec<Attachment>,
}

/// One file of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its file name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its bytes, decoded.
    pub content: Vec<u8>,
}

impl Mail {
    pub(super) fn read(raw: &[u8], from: String, to: Vec<String>, at: Moment) -> Self {
        let whole = Entity::parse(raw);
        let subject = mime::words(whole.header("subject").unwrap_or_default());
        let mut mail =
            Self { id: 0, at, from, to, subject, text: String::new(), html: None, attachments: Vec::new() };
        for leaf in whole.leaves() {
            let content = leaf.content();
            match (leaf.file_name(), leaf.media_type().as_str()) {
                (Some(name), media_type) => {
                    mail.attachments.push(Attachment { name, media_type: media_type.to_owned(), content });
                }
                (None, "text/html") if mail.html.is_none() => {
                    mail.html = Some(String::from_utf8_lossy(&content).into_owned());
                }
                (None, "text/plain") if mail.text.is_empty() => {
                    mail.text = String::from_utf8_lossy(&content).into_owned();
                }
                (None, _) => {}
            }
        }
        mail
    }

    /// The value of a line `Name: value` of the text part.
    pub fn line(&self, name: &str) -> Option<&str> {
        self.text.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

impl World {
    /// Puts a mail into the mailbox and wakes who waits for mail.
    pub(super) fn receive(&self, mut mail: Mail) {
        let mut state = self.state();
        state.last_mail += 1;
        mail.id = state.last_mail;
        if state.mails.len() >= KEPT {
            state.mails.pop_front();
        }
        state.mails.push_back(mail);
        drop(state);
        self.mail_arrived.notify_one();
    }
}

/// Answers one request of a browser.
pub(super) fn answer(world: &World, request: &Request) -> Answer {
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let state = world.state();
    let mail = |id: &str| id.parse().ok().and_then(|id: u64| state.mails.iter().find(|mail| mail.id == id));
    let answered = match (request.method.as_str(), segments.as_slice()) {
        ("GET", []) => Some(Answer::html(200, list(state.mails.iter().rev()))),
        ("GET", ["mails", id]) => mail(id).map(|mail| Answer::html(200, one(mail))),
        ("GET", ["mails", id, "html"]) => mail(id).and_then(|mail| mail.html.clone()).map(|html| {
            Answer::html(200, html).with(
                "content-security-policy",
                "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:",
            )
        }),
        ("GET", ["mails", id, "attachments", index]) => {
            mail(id).and_then(|mail| mail.attachments.get(index.parse::<usize>().ok()?)).map(|attachment| {
                Answer::empty(200)
                    .with("content-type", "application/octet-stream")
                    .with(
                        "content-disposition",
                        format!("attachment; filename=\"{}\"", plain(&attachment.name)),
                    )
                    .with_body(attachment.content.clone())
            })
        }
        _ => None,
    };
    answered.unwrap_or_else(|| Answer::html(404, page("No such mail", "<p><a href=\"/\">Mailbox</a></p>")))
}

fn list<'a>(mails: impl Iterator<Item = &'a Mail>) -> String {
    let rows: String = mails
        .map(|mail| {
            format!(
                "<tr><td>{at}</td><td>{to}</td><td><a href=\"/mails/{id}\">{subject}</a></td></tr>\n",
                at = mail.at.format("%Y-%m-%d %H:%M:%S UTC"),
                to = escaped(&mail.to.join(", ")),
                id = mail.id,
                subject = escaped(if mail.subject.is_empty() { "(no subject)" } else { &mail.subject }),
            )
        })
        .collect();
    let rows = if rows.is_empty() { "<tr><td colspan=\"3\">No mail yet.</td></tr>".to_owned() } else { rows };
    page(
        "Mailbox",
        &format!(
            "<table><thead><tr><th>Came</th><th>To</th><th>Subject</th></tr></thead><tbody>{rows}</tbody></table>"
        ),
    )
}

fn one(mail: &Mail) -> String {
    let html = mail.html.as_ref().map(|_| {
        format!("<section><h2>HTML part</h2><iframe sandbox src=\"/mails/{}/html\" title=\"HTML part\"></iframe></section>", mail.id)
    });
    let attachments: String = mail
        .attachments
        .iter()
        .enumerate()
        .map(|(index, attachment)| {
            format!(
                "<li><a href=\"/mails/{}/attachments/{index}\">{}</a> ({}, {} bytes)</li>",
                mail.id,
                escaped(&attachment.name),
                escaped(&attachment.media_type),
                attachment.content.len()
            )
        })
        .collect();
    page(
        &mail.subject,
        &format!(
            "<p><a href=\"/\">Mailbox</a></p><p>From {} to {}, {}</p><section><h2>Text part</h2><pre>{}</pre></section>{}<section><h2>Attachments</h2><ul>{attachments}</ul></section>",
            escaped(&mail.from),
            escaped(&mail.to.join(", ")),
            mail.at.format("%Y-%m-%d %H:%M:%S UTC"),
            escaped(&mail.text),
            html.unwrap_or_default(),
        ),
    )
}

fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '_' }).collect()
}
