//! One message as a mail: headers that thread and mark it, text, HTML, and the public certificate of a hand-off.
//! It speaks to no server.

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};

use crate::domain::certificate::Fingerprint;
use crate::domain::message::Message;
use crate::domain::reason::{Reason, Unseen};
use crate::formats;
use crate::net;
use crate::notifiers::facts::{Facts, title};
use crate::notifiers::template::{HTML, TEXT, Templates};

/// A mail, ready to be sent.
pub(super) struct Letter {
    /// Its Message-ID.
    pub(super) id: String,
    /// The whole of it.
    pub(super) bytes: Vec<u8>,
}

/// Writes the mail.
///
/// # Errors
/// [`Reason::KeyMaterial`] where something secret is in it; it is not written then.
pub(super) fn write(
    message: &Message,
    from: &Mailbox,
    to: &[Mailbox],
    public_url: Option<&str>,
    templates: &Templates,
) -> Result<Letter, Unseen> {
    let facts = Facts::of(message, public_url)?;
    let unwritable = |error: &dyn std::error::Error| {
        Unseen::new(Reason::Malformed, format!("the mail cannot be written: {error}"))
    };
    let text = templates.render(TEXT, &facts).map_err(|error| unwritable(&error))?;
    let html = templates.render(HTML, &facts).map_err(|error| unwritable(&error))?;
    let subject = format!("[certsteward] {}", net::one_line(&title(message)));
    for part in [&text, &html, &subject] {
        formats::public::scan(part.as_bytes())?;
    }
    let domain = from.email.domain();
    let id = format!("<{}@{domain}>", identity(message));
    let thread = format!("<{}@{domain}>", thread(message));
    let mut builder = lettre::Message::builder()
        .from(from.clone())
        .subject(subject)
        .date(message.at.into())
        .message_id(Some(id.clone()))
        .in_reply_to(thread.clone())
        .references(thread);
    for mailbox in to {
        builder = builder.to(mailbox.clone());
    }
    for (name, value) in [
        ("Auto-Submitted", "auto-generated"),
        ("X-Certsteward-Watch", message.watch.as_str()),
        ("X-Certsteward-Code", message.code.as_str()),
    ] {
        let name = HeaderName::new_from_ascii(name.to_owned()).map_err(|error| unwritable(&error))?;
        builder = builder.raw_header(HeaderValue::new(name, net::one_line(value)));
    }
    let mail = builder.multipart(parts(text, html, &facts)?).map_err(|error| unwritable(&error))?;
    Ok(Letter { id, bytes: mail.formatted() })
}

fn parts(text: String, html: String, facts: &Facts<'_>) -> Result<MultiPart, Unseen> {
    let words =
        MultiPart::alternative().singlepart(SinglePart::plain(text)).singlepart(SinglePart::html(html));
    let Some(asked) = &facts.handoff else { return Ok(words) };
    let kind = ContentType::parse("application/x-pem-file")
        .map_err(|error| Unseen::new(Reason::Malformed, format!("the mail cannot be written: {error}")))?;
    let mut mixed = MultiPart::mixed().multipart(words);
    // The certificate that is asked for comes first; the one to put back is named as such.
    for certificate in [Some(&asked.certificate), asked.put_back.as_ref()].into_iter().flatten() {
        let file = Attachment::new(certificate.file_name.clone()).body(certificate.pem.clone(), kind.clone());
        mixed = mixed.singlepart(file);
    }
    Ok(mixed)
}

/// The same message has the same identity however often it is sent, so that a mailbox can tell a repetition.
fn identity(message: &Message) -> String {
    let micros = message.at.timestamp_micros();
    let parts = [&message.watch, &message.key, &message.code, message.level.code(), &micros.to_string()];
    digest(&format!("{}\n{}", parts.join("\n"), message.resolved))
}

/// The same for all messages of one key: what they all refer to makes them one thread.
fn thread(message: &Message) -> String {
    format!("thread-{}", digest(&format!("{}\n{}", message.watch, message.key)))
}

fn digest(text: &str) -> String {
    Fingerprint::of(text.as_bytes()).hex().chars().take(32).collect()
}
