//! A message as the facts that templates and webhooks get: plain text, public certificates, links.
//! It chooses no form and sends nothing.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::Timestamp;
use crate::domain::chain::Chain;
use crate::domain::hand_off::HandOff;
use crate::domain::message::Message;
use crate::domain::reason::{Reason, Unseen};
use crate::formats::{self, PublicForm};
use crate::net;

/// What is told, field by field. The names are a contract with templates and webhook receivers.
#[derive(Debug, Serialize)]
pub(super) struct Facts<'a> {
    /// The watch's id; empty where it is about the daemon itself.
    pub(super) watch: &'a str,
    /// The watch's labels.
    pub(super) labels: &'a BTreeMap<String, String>,
    /// When it came to be (RFC 3339, UTC).
    pub(super) at: String,
    /// `findings`, `hand-offs` or `rotations`.
    pub(super) topic: &'static str,
    /// `ok`, `notice`, `warning` or `critical`.
    pub(super) level: &'static str,
    /// The stable code of the finding or event.
    pub(super) code: &'a str,
    /// The same for all messages about one thing.
    pub(super) key: &'a str,
    /// Whether it says that something is over.
    pub(super) resolved: bool,
    /// One line.
    pub(super) subject: &'a str,
    /// What is the case.
    pub(super) text: &'a str,
    /// What to do.
    pub(super) way_out: &'a str,
    /// Who caused it, where a person did.
    pub(super) actor: Option<&'a str>,
    /// The deadline of the watch (RFC 3339, UTC).
    pub(super) deadline: Option<String>,
    /// The page of the watch.
    pub(super) url: Option<String>,
    /// What a person is asked to do.
    pub(super) handoff: Option<Asked<'a>>,
}

/// What a person is asked to do.
#[derive(Debug, Serialize)]
pub(super) struct Asked<'a> {
    /// The target's id.
    pub(super) target: &'a str,
    /// `add`, `replace` or `remove`.
    pub(super) ask: &'static str,
    /// One sentence that says it.
    pub(super) headline: &'a str,
    /// Where it is done.
    pub(super) place: &'a str,
    /// The permission that is needed there.
    pub(super) permission: &'a str,
    /// The values to copy, in the order of the form.
    pub(super) fields: Vec<Field<'a>>,
    /// What to do, one step each.
    pub(super) steps: &'a [String],
    /// What happens afterwards by itself.
    pub(super) afterwards: &'a str,
    /// What goes wrong meanwhile, where a gap is expected.
    pub(super) gap: Option<&'a str>,
    /// A test a person makes.
    pub(super) test: Option<&'a str>,
    /// When it was opened (RFC 3339, UTC).
    pub(super) opened: String,
    /// The latest moment it should be done (RFC 3339, UTC).
    pub(super) wanted_by: Option<String>,
    /// Its page, where links are configured.
    pub(super) url: Option<String>,
    /// What answers it where they are not.
    pub(super) instead_of_url: Option<String>,
    /// The certificate to hand over, or to remove.
    pub(super) certificate: PublicCertificate,
    /// What must be done at once, because the callers are cut off.
    pub(super) urgent: Option<&'a str>,
    /// The certificate in force, where it may have to be put back.
    pub(super) put_back: Option<PublicCertificate>,
    /// What happened since it was opened, for reminders.
    pub(super) so_far: &'a [String],
    /// What is probably wrong, the likeliest first.
    pub(super) causes: Vec<Suspected<'a>>,
}

/// Something that is probably wrong.
#[derive(Debug, Serialize)]
pub(super) struct Suspected<'a> {
    /// What it may be.
    pub(super) text: &'a str,
    /// What to do then.
    pub(super) way_out: &'a str,
}

/// One value to copy.
#[derive(Debug, Serialize)]
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    /// In one line, so that no value can look like a further field.
    pub(super) value: String,
}

/// The public part of a certificate.
#[derive(Debug, Serialize)]
pub(super) struct PublicCertificate {
    /// The name of its file.
    pub(super) file_name: String,
    /// The leaf and its intermediates, PEM.
    pub(super) pem: String,
    /// The subject.
    pub(super) subject: String,
    /// The issuer.
    pub(super) issuer: String,
    /// The serial number, hexadecimal.
    pub(super) serial: String,
    /// The start of its validity (RFC 3339, UTC).
    pub(super) not_before: String,
    /// The end of its validity (RFC 3339, UTC).
    pub(super) not_after: String,
    /// Upper-case pairs with colons.
    pub(super) fingerprint_sha256: String,
}

impl<'a> Facts<'a> {
    /// The facts of a message; links begin with `public_url`.
    pub(super) fn of(message: &'a Message, public_url: Option<&str>) -> Result<Self, Unseen> {
        let base = public_url.map(|url| url.trim_end_matches('/'));
        let page = base.filter(|_| !message.watch.is_empty());
        Ok(Self {
            watch: &message.watch,
            labels: &message.labels,
            at: rfc3339(message.at),
            topic: message.topic.code(),
            level: message.level.code(),
            code: &message.code,
            key: &message.key,
            resolved: message.resolved,
            subject: &message.subject,
            text: &message.text,
            way_out: &message.way_out,
            actor: message.actor.as_deref(),
            deadline: message.deadline.map(rfc3339),
            url: page.map(|base| format!("{base}/watches/{}", message.watch)),
            handoff: message.hand_off.as_ref().map(|asked| Asked::of(asked, base)).transpose()?,
        })
    }
}

impl<'a> Asked<'a> {
    fn of(hand_off: &'a HandOff, base: Option<&str>) -> Result<Self, Unseen> {
        Ok(Self {
            target: &hand_off.target,
            ask: hand_off.ask.word(),
            headline: &hand_off.headline,
            place: &hand_off.place,
            permission: &hand_off.permission,
            fields: hand_off
                .fields
                .iter()
                .map(|(name, value)| Field { name, value: net::one_line(value) })
                .collect(),
            steps: &hand_off.steps,
            afterwards: &hand_off.afterwards,
            gap: hand_off.gap.as_deref(),
            test: hand_off.test.as_deref(),
            opened: rfc3339(hand_off.opened),
            wanted_by: hand_off.wanted_by.map(rfc3339),
            url: base.map(|base| format!("{base}/handoffs/{}", hand_off.token)),
            instead_of_url: base.is_none().then(|| without_link(hand_off)),
            certificate: PublicCertificate::of(&hand_off.chain, &hand_off.file_stem)?,
            urgent: hand_off.urgent.as_deref(),
            put_back: hand_off
                .put_back
                .as_ref()
                .zip(hand_off.put_back_stem())
                .map(|(chain, stem)| PublicCertificate::of(chain, &stem))
                .transpose()?,
            so_far: &hand_off.so_far,
            causes: hand_off.causes.iter().map(|(text, way_out)| Suspected { text, way_out }).collect(),
        })
    }
}

/// Nobody said how others reach certsteward, so a link would lead nowhere.
fn without_link(hand_off: &HandOff) -> String {
    let (watch, target) = (&hand_off.watch, &hand_off.target);
    format!(
        "on the host of certsteward: certsteward plan {watch} shows it, certsteward confirm {watch} {target} says that it is done (a link needs [daemon] public_url)"
    )
}

impl PublicCertificate {
    fn of(chain: &Chain, stem: &str) -> Result<Self, Unseen> {
        let leaf = &chain.leaf;
        let pem = formats::public::public(chain, PublicForm::Chain)?;
        let pem = String::from_utf8(pem)
            .map_err(|_| Unseen::new(Reason::Malformed, "the public certificate is not text"))?;
        Ok(Self {
            file_name: format!("{stem}.pem"),
            pem,
            subject: leaf.subject.to_string(),
            issuer: leaf.issuer.to_string(),
            serial: leaf.serial.clone(),
            not_before: rfc3339(leaf.not_before),
            not_after: rfc3339(leaf.not_after),
            fingerprint_sha256: leaf.fingerprint.colons(),
        })
    }
}

/// The first words of a message's one line: how serious it is, or that it is over.
pub(super) fn title(message: &Message) -> String {
    let urgency = match (message.resolved, &message.hand_off) {
        (true, _) => "resolved".to_owned(),
        (false, Some(asked)) if asked.urgent.is_some() => "ACT AT ONCE".to_owned(),
        (false, Some(_)) => "ACTION NEEDED".to_owned(),
        (false, None) => message.level.code().to_uppercase(),
    };
    let about = format!("{}: ", message.watch);
    let about = if message.watch.is_empty() || message.subject.starts_with(&about) { "" } else { &about };
    format!("{urgency} {about}{}", message.subject)
}

fn rfc3339(at: Timestamp) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
