//! What settings must not say together: terms that leave a gap, windows that come too late, spans out of order.
//! It builds nothing.

use super::catalogue::one_of;
use super::document::Table;
use super::form::write_duration;
use super::problem::Ledger;
use super::read::{Named, Served};
use super::section::Section;
use crate::domain::policy::{Policy, Span, caps};
use crate::domain::watch::{Delivery, Rotation, SubjectChoice, SwitchBy, Terms, Validity};
use crate::domain::window::{Freeze, Window};
use crate::domain::{Duration, Timestamp};

/// The longest time in which nothing may be switched, and the freeze it is about.
pub(super) type Closed = (Duration, Option<Freeze>);

/// A renewal's section and what was read from it.
pub(super) type Renewal<'a, 'b> = (&'b Section<'a>, &'b Terms);

/// Compares the parts of one watch with each other.
pub(super) fn check(
    watch: &Section<'_>,
    policy: &Policy,
    source: Option<&Section<'_>>,
    renewal: Option<Renewal<'_, '_>>,
    served: &Served,
    named: &Named,
    ledger: &mut Ledger,
) {
    let inherited =
        named.policy.is_some() && watch.table.value("policy").map(|node| node.place) == named.policy;
    order(watch, policy, inherited, ledger);
    if let Some(source) =
        source.filter(|source| ["tls", "url", "file-sd", "http-sd"].contains(&source.kind()))
    {
        keyless(watch, source, served, ledger);
    }
    which_proves(watch, served, ledger);
    trusts(watch, source, ledger);
    let Some((section, terms)) = renewal else { return };
    if let Some(source) = source.filter(|source| source.kind() != "destination-service") {
        let text = format!(
            "a source of type {:?} cannot be renewed by this build: renewing by a command is not available yet; leave the renewal out",
            source.kind()
        );
        ledger.say(section.table.place, section.path.as_str(), text);
        return;
    }
    means(section, terms, served, ledger);
    subject(section, terms, ledger);
    ratchets(watch, terms, ledger);
    if source.is_none_or(|source| source.word("auto_renew") != "no") {
        holds(watch, terms, policy, named, ledger);
    }
    if terms.rotation != Rotation::LeftToSource {
        caches(watch, policy, served, ledger);
        in_time(watch, section, policy, terms, served, named, ledger);
    }
}

fn say_policy(watch: &Section<'_>, key: &str, text: String, ledger: &mut Ledger) {
    let empty = Table { place: watch.table.place, entries: Vec::new() };
    if let Some(policy) = watch.child("policy", &empty) {
        policy.say(key, text, ledger);
    }
}

/// Spans count back from the deadline: what is more serious comes later.
fn order(watch: &Section<'_>, policy: &Policy, inherited: bool, ledger: &mut Ledger) {
    let empty = Table { place: watch.table.place, entries: Vec::new() };
    let Some(own) = watch.child("policy", &empty) else { return };
    let pairs = [
        ("critical", policy.critical, "warning", policy.warning),
        ("warning", policy.warning, "notice", policy.notice),
    ];
    for (narrow, span, wide, wider) in pairs {
        let (Span::Fixed(span), Span::Fixed(wider)) = (span, wider) else { continue };
        if span <= wider {
            continue;
        }
        // The one that was given is the one to change.
        let (key, text) = if own.has(wide) && !own.has(narrow) {
            (wide, format!("{} is shorter than {narrow} ({})", write_duration(wider), write_duration(span)))
        } else {
            (narrow, format!("{} is longer than {wide} ({})", write_duration(span), write_duration(wider)))
        };
        let text = format!("{text}; what is more serious comes later: notice, then warning, then critical");
        let path = if inherited { format!("policy.{key}") } else { own.at(key) };
        ledger.say(own.place(key), path, text);
    }
}

/// A TLS server shows no key, and none is taken from an address, so their probes need their own.
fn keyless(watch: &Section<'_>, source: &Section<'_>, served: &Served, ledger: &mut Ledger) {
    for section in watch.each("probe") {
        if section.has("certificate") || section.has("key") {
            continue;
        }
        let id = section.text("id");
        let settings = served.probe_configs.iter().find(|(known, _)| Some(known) == id.as_ref());
        if settings.is_some_and(|(_, settings)| settings.files.is_none()) {
            let kind = if source.kind() == "url" { "url" } else { "tls" };
            let text = format!(
                "has no key, and a source of type {kind:?} shows none; give the probe certificate and key"
            );
            ledger.say(section.table.place, section.path.as_str(), text);
        }
    }
}

/// What is trusted is presented by nobody: there is nothing to prove, to switch or to hand over.
fn trusts(watch: &Section<'_>, source: Option<&Section<'_>>, ledger: &mut Ledger) {
    let Some(source) = source.filter(|source| source.word("use") == "trust") else { return };
    let given =
        ["renewal", "caller", "target", "probe", "trust", "crl"].into_iter().filter(|key| watch.has(key));
    for key in given.chain(watch.flag("ocsp").then_some("ocsp")) {
        let text = format!(
            "is not for certificates that are trusted ({} = \"trust\"): nobody presents them; leave {key} out, or say another use",
            source.at("use")
        );
        watch.say(key, text, ledger);
    }
    if source.has("key") {
        source.say("key", "belongs to a certificate that is presented, and these are trusted only; leave it out, or say another use", ledger);
    }
    if source.has("alias") {
        source.say(
            "alias",
            "chooses one entry, and of what is trusted all are meant; leave it out, or say another use",
            ledger,
        );
    }
}

/// With several probes, a target says which proves it; else nothing ever would.
fn which_proves(watch: &Section<'_>, served: &Served, ledger: &mut Ledger) {
    let probes: Vec<&str> = served.probes.iter().map(|probe| probe.id.as_str()).collect();
    if probes.len() < 2 {
        return;
    }
    for target in watch.each("target").iter().filter(|target| !target.has("proven_by")) {
        let text =
            format!("is missing; this watch has several probes: say which proves it, {}", one_of(&probes));
        target.say("proven_by", text, ledger);
    }
}

/// What issues, and what is switched.
fn means(section: &Section<'_>, terms: &Terms, served: &Served, ledger: &mut Ledger) {
    if section.word("type") == "command" {
        section.say("type", "\"command\" is not available: this build does not renew by a command yet; use \"destination-service\"", ledger);
    }
    if !section.has("type") && terms.rotation != Rotation::LeftToSource {
        let text = "is missing; say what issues the new certificate: type = \"destination-service\", or rotation = \"left-to-source\"";
        section.say("type", text, ledger);
    }
    if terms.switch == SwitchBy::Entry && terms.rotation != Rotation::SideBySide {
        let text = "\"entry\" puts a proven candidate under the original name, so it needs rotation = \"side-by-side\"; use that, or leave switch out";
        section.say("switch", text, ledger);
    }
    let by_caller = terms.rotation == Rotation::SideBySide && terms.switch == SwitchBy::Caller;
    if by_caller && served.callers.is_empty() {
        let text = "\"side-by-side\" puts a new name beside the old one, and no caller is named that could be set to it; add [[watch.caller]], let the source follow a destination, or use switch = \"entry\"";
        section.say("rotation", text, ledger);
    }
}

fn subject(section: &Section<'_>, terms: &Terms, ledger: &mut Ledger) {
    let counted = terms.subject == SubjectChoice::Counted;
    if counted && terms.rotation == Rotation::InPlace {
        let text = "\"counted\" with rotation = \"in-place\" has no way without a gap: the name is replaced before the new subject is known; use rotation = \"side-by-side\"";
        section.say("subject", text, ledger);
    }
    match &terms.common_name {
        None if counted => {
            section.say(
                "common_name",
                "is missing; subject = \"counted\" needs it, like \"SFAPI-{n}\"",
                ledger,
            );
        }
        Some(name) if !name.contains("{n}") => {
            let text = format!(
                "{name:?} does not count; put {{n}} where the number of the renewal goes, like \"{name}-{{n}}\""
            );
            section.say("common_name", text, ledger);
        }
        Some(_) | None => {}
    }
}

/// A first call that waits for its time needs a candidate that nobody uses yet.
fn ratchets(watch: &Section<'_>, terms: &Terms, ledger: &mut Ledger) {
    let rotation = match terms.rotation {
        Rotation::SideBySide => return,
        Rotation::InPlace => "in-place",
        Rotation::LeftToSource => "left-to-source",
    };
    for target in watch.each("target").iter().filter(|target| target.flag("ratchet")) {
        let text = format!(
            "true keeps the first call with the new certificate for its time, and with rotation = {rotation:?} the callers make it at once; use rotation = \"side-by-side\", or leave ratchet out"
        );
        target.say("ratchet", text, ledger);
    }
}

/// A hold that was asked for must be able to come, and not before a person had any time.
fn holds(watch: &Section<'_>, terms: &Terms, policy: &Policy, named: &Named, ledger: &mut Ledger) {
    let empty = Table { place: watch.table.place, entries: Vec::new() };
    let Some(own) = watch.child("policy", &empty).filter(|own| own.has("hold")) else { return };
    let Some(hold) = policy.hold.filter(|_| terms.rotation == Rotation::SideBySide) else { return };
    let inherited = named.hold == Some(own.place("hold"));
    let path = if inherited { "policy.hold".to_owned() } else { own.at("hold") };
    if terms.switch == SwitchBy::Entry {
        // What holds for all watches is of no use to this one, and no mistake.
        if !inherited {
            let text = "sets the callers to a copy, and with switch = \"entry\" no caller is set to anything, so it never comes; leave hold out";
            ledger.say(own.place("hold"), path, text);
        }
        return;
    }
    let renew_before = capped(policy.renew_before, caps::RENEW_BEFORE, lifetime(terms.validity));
    if hold >= renew_before {
        let text = format!(
            "{} is not shorter than the time from the start of a renewal to the deadline ({}), so the callers would be set to a copy before a person had any time; make it shorter, or \"never\"",
            write_duration(hold),
            write_duration(renew_before)
        );
        ledger.say(own.place("hold"), path, text);
    }
}

/// Settling is over only when no caller goes on with what it read before.
fn caches(watch: &Section<'_>, policy: &Policy, served: &Served, ledger: &mut Ledger) {
    if let Some(caller) = served.callers.iter().find(|caller| caller.cache >= policy.settle) {
        let text = format!(
            "{} is not longer than what the caller {:?} may cache ({}); make it longer",
            write_duration(policy.settle),
            caller.id,
            write_duration(caller.cache)
        );
        say_policy(watch, "settle", text, ledger);
    }
}

/// The lifetime of what is issued.
fn lifetime(validity: Validity) -> Duration {
    match validity {
        Validity::Days(count) => Duration::days(count.into()),
        Validity::Months(count) => Duration::days(i64::from(count) * 30),
        Validity::Years(count) => Duration::days(i64::from(count) * 365),
    }
}

fn capped(span: Span, cap: f64, lifetime: Duration) -> Duration {
    let share = |percent: f64| {
        // Spans are compared by the quarter of an hour; whole seconds are exact enough.
        let parts = (percent * 100.0).round().clamp(0.0, 10_000.0);
        lifetime / 10_000 * whole(parts)
    };
    let span = match span {
        Span::Fixed(span) => span,
        Span::Share(percent) => share(percent),
    };
    span.min(share(cap))
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "a whole number from 0 to 10,000"
)]
fn whole(parts: f64) -> i32 {
    parts as i32
}

/// A switch must be possible after the renewal begins and before the last safe moment, whenever that falls.
fn in_time(
    watch: &Section<'_>,
    section: &Section<'_>,
    policy: &Policy,
    terms: &Terms,
    served: &Served,
    named: &Named,
    ledger: &mut Ledger,
) {
    let lifetime = lifetime(terms.validity);
    let renew_before = capped(policy.renew_before, caps::RENEW_BEFORE, lifetime);
    let by_person = served.targets.iter().any(|target| target.delivery == Delivery::HandOff);
    let person =
        if by_person { capped(policy.person_time, caps::PERSON_TIME, lifetime) } else { Duration::zero() };
    let time = renew_before - person - policy.settle;
    if time <= Duration::zero() {
        let text = format!(
            "the renewal begins {} before the deadline, and person_time ({}) and settle ({}) leave nothing of it; raise it, or lower person_time",
            write_duration(renew_before),
            write_duration(person),
            write_duration(policy.settle)
        );
        return say_policy(watch, "renew_before", text, ledger);
    }
    let window = terms.window.as_ref();
    let (closed, freeze) = *named
        .closed
        .borrow_mut()
        .entry(window.map(ToString::to_string))
        .or_insert_with(|| longest_closed(window, &named.freezes));
    if closed <= time {
        return;
    }
    let because = freeze
        .map_or_else(String::new, |freeze| format!(" around the freeze {} to {}", freeze.from, freeze.to));
    let way_out = match (&terms.window, freeze) {
        (Some(_), None) => "widen the window",
        (Some(_), Some(_)) => "widen the window, shorten the freeze",
        (None, _) => "shorten the freeze",
    };
    let text = format!(
        "no switch may be possible for {}{because}, but only {} lie between the start of a renewal and its last safe moment (validity {}); {way_out}, or raise renew_before",
        write_duration(closed),
        write_duration(time),
        section.word("validity")
    );
    match terms.window {
        Some(_) => section.say("window", text, ledger),
        None => ledger.say(section.table.place, section.path.as_str(), text),
    }
}

/// The longest time in which nothing may be switched, and the freeze it is about.
fn longest_closed(window: Option<&Window>, freezes: &[Freeze]) -> Closed {
    // Any week shows what a weekly window leaves closed; two, because a closed time may begin in one and end in the next.
    let week = chrono::NaiveDate::from_ymd_opt(2026, 3, 2).unwrap_or_default();
    let plain = closed(window, &[], week, week + Duration::days(14));
    let mut widest = (plain, None);
    for freeze in joined(freezes) {
        let (from, to) = (freeze.from - NEAR, freeze.to + NEAR);
        let found = closed(window, freezes, from, to);
        if found > widest.0 {
            widest = (found, Some(freeze));
        }
    }
    widest
}

/// Freezes nearer than this leave perhaps no open hour between them: a weekly window opens once in any such span.
const NEAR: Duration = Duration::days(8);

/// The freezes with those near each other made one.
fn joined(freezes: &[Freeze]) -> Vec<Freeze> {
    let mut sorted = freezes.to_vec();
    sorted.sort_by_key(|freeze| (freeze.from, freeze.to));
    let mut joined: Vec<Freeze> = Vec::new();
    for freeze in sorted {
        match joined.last_mut() {
            Some(last) if freeze.from - last.to <= NEAR => last.to = last.to.max(freeze.to),
            Some(_) | None => joined.push(freeze),
        }
    }
    joined
}

fn closed(
    window: Option<&Window>,
    freezes: &[Freeze],
    from: chrono::NaiveDate,
    to: chrono::NaiveDate,
) -> Duration {
    const STEP: Duration = Duration::minutes(15);
    // A longer freeze is longer than any time a renewal has.
    const MOST: Duration = Duration::days(400);
    if to - from > MOST {
        return to - from;
    }
    let start = |day: chrono::NaiveDate| -> Timestamp { day.and_time(chrono::NaiveTime::MIN).and_utc() };
    let (mut at, end) = (start(from), start(to));
    let (mut run, mut longest) = (Duration::zero(), Duration::zero());
    while at < end {
        let open = window.is_none_or(|window| window.contains(at))
            && freezes.iter().all(|freeze| !freeze.contains(at));
        run = if open { Duration::zero() } else { run + STEP };
        longest = longest.max(run);
        at += STEP;
    }
    longest
}
