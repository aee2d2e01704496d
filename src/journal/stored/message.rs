//! The stored form of messages, hand-offs and commands.
//! It chooses no words for people; notifiers do.

use serde_json::{Map, Value};

use super::{Stored, Unreadable, coded, field, put, stored};
use crate::domain::event::EventKind;
use crate::domain::hand_off::HandOff;
use crate::domain::message::{Message, Topic};
use crate::domain::report::{Sign, Verb};

stored!(Message {
    watch,
    labels,
    at,
    topic,
    level,
    code,
    key,
    resolved,
    subject,
    text,
    way_out,
    hand_off,
    to,
    actor,
    deadline,
});

stored!(HandOff {
    watch,
    target,
    ask,
    headline,
    chain,
    file_stem,
    place,
    permission,
    fields,
    steps,
    afterwards,
    gap,
    test,
    opened,
    wanted_by,
    token,
    urgent,
    put_back,
    so_far = Vec::new(),
    causes = Vec::new(),
});

coded!(Topic, EventKind);

impl Stored for Verb {
    fn store(&self) -> Value {
        let mut object = Map::new();
        put(&mut object, "verb", Value::from(word(self)));
        match self {
            Self::Approve(act) | Self::Reject(act) => put(&mut object, "act", act.store()),
            Self::Confirm(target, question) => {
                put(&mut object, "target", target.store());
                put(&mut object, "question", question.store());
            }
            Self::Sign(target, sign, question) => {
                put(&mut object, "target", target.store());
                put(&mut object, "sign", sign.store());
                put(&mut object, "question", question.store());
            }
            Self::Silence(until) => put(&mut object, "until", until.store()),
            Self::Check
            | Self::Renew
            | Self::Cancel
            | Self::Retry
            | Self::RollBack
            | Self::Retire
            | Self::Pause
            | Self::Resume => {}
        }
        Value::Object(object)
    }

    fn restore(value: &Value) -> Result<Self, Unreadable> {
        let verb: String = field(value, "verb", None)?;
        Ok(match verb.as_str() {
            "check" => Self::Check,
            "renew" => Self::Renew,
            "approve" => Self::Approve(field(value, "act", None)?),
            "reject" => Self::Reject(field(value, "act", None)?),
            "cancel" => Self::Cancel,
            "retry" => Self::Retry,
            "rollback" => Self::RollBack,
            "retire" => Self::Retire,
            "confirm" => Self::Confirm(field(value, "target", None)?, field(value, "question", None)?),
            "sign" => Self::Sign(
                field(value, "target", None)?,
                field::<Sign>(value, "sign", None)?,
                field(value, "question", None)?,
            ),
            "pause" => Self::Pause,
            "resume" => Self::Resume,
            "silence" => Self::Silence(field(value, "until", None)?),
            other => {
                return Err(Unreadable::new(format!("{other:?} is not known to this version")).below("verb"));
            }
        })
    }
}

const fn word(verb: &Verb) -> &'static str {
    match verb {
        Verb::Check => "check",
        Verb::Renew => "renew",
        Verb::Approve(_) => "approve",
        Verb::Reject(_) => "reject",
        Verb::Cancel => "cancel",
        Verb::Retry => "retry",
        Verb::RollBack => "rollback",
        Verb::Retire => "retire",
        Verb::Confirm(..) => "confirm",
        Verb::Sign(..) => "sign",
        Verb::Pause => "pause",
        Verb::Resume => "resume",
        Verb::Silence(_) => "silence",
    }
}

#[cfg(test)]
mod tests {
    use super::super::from_text;
    use super::*;

    #[test]
    fn commands_of_older_stores_name_no_question() {
        let confirm: Verb = from_text(r#"{"verb":"confirm","target":"centre"}"#).unwrap();
        assert_eq!(confirm, Verb::Confirm("centre".to_owned(), None));
        let sign: Verb = from_text(r#"{"verb":"sign","target":"centre","sign":"saved"}"#).unwrap();
        assert_eq!(sign, Verb::Sign("centre".to_owned(), Sign::Saved, None));
    }
}
