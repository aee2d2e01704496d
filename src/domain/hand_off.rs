//! What a person is asked to do, complete enough that it needs nothing else: file, fields, steps, permission.
//! It sends nothing and renders nothing.

use super::Timestamp;
use super::certificate::{Certificate, Fingerprint};
use super::chain::Chain;
use super::doubt::{self, Cause};
use super::record::{Ask, HandOffFacts, Leftover, Record, Role};
use super::watch::{Mode, Target, Watch};

/// One question to a person.
#[derive(Debug, Clone, PartialEq)]
pub struct HandOff {
    /// The watch's id.
    pub watch: String,
    /// The target's id.
    pub target: String,
    /// What is asked.
    pub ask: Ask,
    /// One sentence that says it.
    pub headline: String,
    /// The certificate to hand over, or to remove.
    pub chain: Chain,
    /// The name its public file is given, without the extension.
    pub file_stem: String,
    /// Where it is done.
    pub place: String,
    /// The permission that is needed there.
    pub permission: String,
    /// The values to copy, in the order of the form.
    pub fields: Vec<(String, String)>,
    /// What to do, one step a line.
    pub steps: Vec<String>,
    /// What happens afterwards without anybody doing anything.
    pub afterwards: String,
    /// What goes wrong meanwhile, where a gap is expected.
    pub gap: Option<String>,
    /// A test a person makes on the other side, where certsteward cannot probe.
    pub test: Option<String>,
    /// When it was opened.
    pub opened: Timestamp,
    /// The latest moment it should be done.
    pub wanted_by: Option<Timestamp>,
    /// The token of its link.
    pub token: String,
    /// What must be done at once, where the callers are cut off meanwhile.
    pub urgent: Option<String>,
    /// The certificate in force, where it must be put back or may have to be.
    pub put_back: Option<Chain>,
    /// What happened since it was opened, one sentence a line; for reminders.
    pub so_far: Vec<String>,
    /// What is probably wrong where somebody said that it is done, each with what to do then; the likeliest first.
    pub causes: Vec<(String, String)>,
}

const PLACE: &str = "SuccessFactors → Admin Center → Security Center → X.509 Public Certificate Mapping";
const PERMISSION: &str = "Access to X.509 Certificate(s) (Mapping), in Manage Permission Roles";
/// The integration name of Employee Central Payroll, whose key never leaves its ABAP system.
pub const PAYROLL: &str = "Employee Central Payroll";

impl HandOff {
    /// Builds the question for a target about this certificate.
    #[must_use]
    pub fn new(
        watch: &Watch,
        target: &Target,
        chain: &Chain,
        facts: &HandOffFacts,
        wanted_by: Option<Timestamp>,
    ) -> Self {
        let probed = watch.probe_of(target).is_some();
        Self {
            watch: watch.id.clone(),
            target: target.id.clone(),
            ask: facts.ask,
            headline: headline(facts.ask, target, &chain.leaf),
            chain: chain.clone(),
            file_stem: file_stem(&watch.id, &chain.leaf),
            place: place(target),
            permission: PERMISSION.to_owned(),
            fields: fields(target, &chain.leaf, facts.ask),
            steps: steps(facts.ask, target, &chain.leaf),
            afterwards: afterwards(facts.ask, probed),
            gap: (facts.ask == Ask::Replace).then(|| gap(watch, false)),
            test: (!probed && facts.ask != Ask::Remove).then(|| connection_test(target)),
            opened: facts.opened,
            wanted_by,
            token: facts.token.clone(),
            urgent: None,
            put_back: None,
            so_far: Vec::new(),
            causes: Vec::new(),
        }
    }

    /// Builds the question to remove what was replaced, or what was never used after all.
    #[must_use]
    pub fn of_leftover(watch: &Watch, target: &Target, leftover: &Leftover, facts: &HandOffFacts) -> Self {
        let question = Self::new(watch, target, &leftover.chain, facts, None);
        if !leftover.never_in_force {
            return question;
        }
        let leaf = &leftover.chain.leaf;
        let (ended, used) = if leftover.was_used {
            ("rolled back", "Callers were led back from it; it is not in use any more.")
        } else {
            ("given up", "It was never used.")
        };
        let headline = format!(
            "remove the certificate {} from {}: it was uploaded for a renewal that was {ended}",
            leaf.common_name(),
            target.id
        );
        Self { headline, steps: removal(leaf, used), ..question }
    }

    /// Adds what only the record knows: whether the callers are cut off, whether the switch is approved, what is to be put back,
    /// whether it is about what callers use already, and whether nothing goes on without a person's word.
    #[must_use]
    pub fn against(mut self, watch: &Watch, record: &Record) -> Self {
        let old = record.in_force.as_ref().filter(|old| old.fingerprint() != self.chain.fingerprint());
        let asked = watch.target(&self.target).filter(|_| self.ask != Ask::Remove);
        if let (Some(old), Some(target)) = (old, asked) {
            let cut_off = doubt::cut_off(watch, record, target);
            let needed = self.ask == Ask::Replace || cut_off.is_some();
            self.put_back = needed.then(|| old.chain.clone());
            self.urgent =
                cut_off.map(|cut_off| format!("{}. What to do: {}.", cut_off.text, cut_off.way_out));
        }
        let in_force = is_in_force(record, self.chain.fingerprint());
        if self.ask == Ask::Replace {
            let gap = || gap(watch, is_switch_approved(watch, record));
            self.gap = Some(if in_force { GAP_IN_FORCE.to_owned() } else { gap() });
        }
        if let Some(target) = asked {
            let probed = watch.probe_of(target).is_some();
            if needs_sign(watch, record, target, self.chain.fingerprint()) {
                self.steps.push(SIGN.to_owned());
                self.afterwards =
                    if self.ask == Ask::Add { format!("{KEEP} {WAITS}") } else { WAITS.to_owned() };
            } else if in_force && self.ask == Ask::Add {
                self.afterwards = format!("{KEEP_ALL} {}", what_follows(self.ask, probed));
            }
        }
        self
    }

    /// Adds what happened since it was opened and what is probably wrong, as it is known at this moment.
    #[must_use]
    pub fn with_story(mut self, so_far: Vec<String>, causes: Vec<Cause>) -> Self {
        self.so_far = so_far;
        self.causes = causes.into_iter().map(|cause| (cause.text, cause.way_out)).collect();
        self
    }

    /// The name that the file of the certificate in force is given, without the extension; short, because mail programs cut long
    /// names of attachments into pieces that not all others join.
    #[must_use]
    pub fn put_back_stem(&self) -> Option<String> {
        self.put_back.as_ref().map(|old| format!("in-force-{}", old.fingerprint().short()))
    }
}

/// Whether callers use this certificate already, so that nothing is switched once it is known.
#[must_use]
pub fn is_in_force(record: &Record, print: Fingerprint) -> bool {
    record.in_force.as_ref().is_some_and(|in_force| in_force.fingerprint() == print)
}

/// Whether nothing goes on before a person says that it is saved: the first call would shut the certificate in force out, so none
/// is made to find out.
#[must_use]
pub fn needs_sign(watch: &Watch, record: &Record, target: &Target, print: Fingerprint) -> bool {
    let candidate = record.standing(Role::Candidate).filter(|candidate| candidate.fingerprint() == print);
    candidate.zip(watch.probe_of(target)).is_some_and(|(candidate, probe)| {
        let untried = candidate.probes.get(&probe.id).is_none_or(|facts| facts.last.is_none());
        untried && watch.is_ratchet(&probe.id)
    })
}

/// Whether every switch that follows was approved beforehand.
fn is_switch_approved(watch: &Watch, record: &Record) -> bool {
    let waits = record.pending.keys().any(|act| act.starts_with("switch-"));
    !watch.callers.is_empty() && !waits && record.approvals.keys().any(|act| act.starts_with("switch-"))
}

const GAP: &str = "From the moment the old mapping is deleted until certsteward has switched the callers, their calls \
fail. Do both steps in one go, inside an agreed window.";

const GAP_IN_FORCE: &str =
    "Callers that use this certificate already are refused until it is added. Do both steps in one go.";

const APPROVAL: &str = "In mode propose the switch waits for an approval as well: have whoever approves ready before you \
delete anything.";

const APPROVED: &str = "The switch is approved already: it follows within minutes of the moment at which the API accepts the \
new certificate.";

fn gap(watch: &Watch, approved: bool) -> String {
    let window = watch.renewal.as_ref().and_then(|terms| terms.window.as_ref());
    let window = window.map(|window| format!("The window is {window}."));
    let approval = if approved { APPROVED } else { APPROVAL };
    let approval = (watch.mode == Mode::Propose).then(|| approval.to_owned());
    [Some(GAP.to_owned()), window, approval].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn place(target: &Target) -> String {
    let company = target.mapping.company_id.as_ref().map(|id| format!(" (company {id})")).unwrap_or_default();
    format!("{PLACE}{company}")
}

fn headline(ask: Ask, target: &Target, leaf: &Certificate) -> String {
    let (cn, id) = (leaf.common_name(), &target.id);
    match ask {
        Ask::Add => format!("add the certificate {cn} to {id}"),
        Ask::Replace => {
            format!("replace the certificate {cn} in {id}: delete the old one, then add the new one")
        }
        Ask::Remove => format!("remove the replaced certificate {cn} from {id}"),
    }
}

fn file_stem(watch: &str, leaf: &Certificate) -> String {
    let safe: String = watch
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' })
        .collect();
    format!("{safe}-{}", leaf.fingerprint.short())
}

fn fields(target: &Target, leaf: &Certificate, ask: Ask) -> Vec<(String, String)> {
    let mapping = &target.mapping;
    let mut fields = vec![
        ("Configuration Name".to_owned(), mapping.configuration_name.clone()),
        ("Integration Name".to_owned(), mapping.integration_name.clone()),
    ];
    if ask != Ask::Remove {
        fields.push(("Certificate File".to_owned(), "the .pem file of this hand-off".to_owned()));
    }
    if let Some(login) = &mapping.login_name {
        fields.push(("Login Name".to_owned(), login.clone()));
    }
    fields.push(("Subject".to_owned(), leaf.subject.to_string()));
    fields.push(("Issuer".to_owned(), leaf.issuer.to_string()));
    fields.push(("Valid until".to_owned(), leaf.not_after.format("%Y-%m-%d %H:%M UTC").to_string()));
    fields.push(("Fingerprint (SHA-256)".to_owned(), leaf.fingerprint.colons()));
    fields
}

fn steps(ask: Ask, target: &Target, leaf: &Certificate) -> Vec<String> {
    let download = "Download the public certificate (.pem), or save it from the mail.".to_owned();
    let open = format!("Open {PLACE}.");
    let add = match target.mapping.login_name {
        Some(_) => "Choose Add, copy the fields up to Login Name, choose the file.",
        None => {
            "Choose Add, copy Configuration Name and Integration Name, choose the file. Login Name is as in the mapping that is in use; leave it empty where that has none."
        }
    }
    .to_owned();
    let save = "Save.".to_owned();
    let subject = &leaf.subject;
    match ask {
        Ask::Add => vec![download, open, add, save],
        Ask::Replace => {
            let sign = "On the hand-off page press \"I am deleting the old one now\": it makes certsteward look closely.";
            let delete = format!(
                "Delete the mapping with the subject {subject}. A second one with the same issuer and subject would be refused (KBA 3574501)."
            );
            vec![download, open, sign.to_owned(), delete, add, save]
        }
        Ask::Remove => removal(leaf, "It is the older one where two look alike."),
    }
}

fn removal(leaf: &Certificate, which: &str) -> Vec<String> {
    let (subject, issuer, serial) = (&leaf.subject, &leaf.issuer, &leaf.serial);
    vec![
        format!("Open {PLACE}."),
        format!(
            "Delete the line with the subject {subject} and the issuer {issuer} (serial {serial}), and no other: the rest is in use. {which}"
        ),
        "If there is no such line, nothing is left to do: confirm it all the same.".to_owned(),
    ]
}

const KEEP: &str = "Leave every mapping that stands there as it is: the old one is in use until the switch.";

const KEEP_ALL: &str = "Leave every other mapping that stands there as it is.";

const SIGN: &str = "On the hand-off page press \"I have saved it\": certsteward goes on only then.";

const WAITS: &str = "Your \"I have saved it\" on the hand-off page is needed: the first call with the new certificate shuts the old \
one out, so certsteward makes none to find out whether it is saved. After your word it goes on by itself, at the time that \
its rules allow.";

fn afterwards(ask: Ask, probed: bool) -> String {
    let keep = if ask == Ask::Add { format!("{KEEP} ") } else { String::new() };
    keep + &what_follows(ask, probed)
}

fn what_follows(ask: Ask, probed: bool) -> String {
    match (ask, probed) {
        (Ask::Remove, _) => {
            "Nothing depends on it any more; confirm it, so that the question is closed.".to_owned()
        }
        (_, true) => "Nobody needs to tell certsteward: it probes the API, notices, and goes on by itself. \
\"I have saved it\" only makes it look sooner."
            .to_owned(),
        (_, false) => "certsteward cannot make a call with this key, so it cannot see that it is done: \
make the connection test, then confirm."
            .to_owned(),
    }
}

fn connection_test(target: &Target) -> String {
    if target.mapping.integration_name == PAYROLL {
        return "In the payroll system run transaction HRSFEC_PTP_CONFIG → Set Connection Data → Connect with X.509 \
certificate → test; or test the SM59 destination (type G) that uses the SSL client PSE."
            .to_owned();
    }
    format!(
        "Make one call from the system that holds the key to {}.",
        target.mapping.api.as_deref().unwrap_or("the API")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sample::{certificate, chain, noon, watch};
    use crate::domain::window::Window;

    fn question(watch: &Watch, ask: Ask) -> HandOff {
        let facts = HandOffFacts {
            ask,
            opened: noon(),
            token: "token".to_owned(),
            signs: Vec::new(),
            reminded: Vec::new(),
            escalated: None,
            closed: None,
            withdrawn: false,
        };
        HandOff::new(watch, &watch.targets[0], &chain(certificate("SFAPI-2", 365, 365)), &facts, None)
    }

    fn text(question: &HandOff) -> String {
        let fields = question.fields.iter().map(|(name, value)| format!("  {name}: {value}"));
        let steps = question.steps.iter().map(|step| format!("- {step}"));
        let lines: Vec<String> = [question.headline.clone(), question.place.clone()]
            .into_iter()
            .chain(fields)
            .chain(steps)
            .chain([question.afterwards.clone()])
            .chain(question.gap.clone())
            .chain(question.test.clone())
            .collect();
        lines.join("\n")
    }

    #[test]
    fn adding_is_four_steps() {
        insta::assert_snapshot!(text(&question(&watch(), Ask::Add)), @r#"
        add the certificate SFAPI-2 to centre
        SuccessFactors → Admin Center → Security Center → X.509 Public Certificate Mapping (company ACME)
          Configuration Name: BTP mTLS
          Integration Name: Business Technology Platform
          Certificate File: the .pem file of this hand-off
          Login Name: SFAPI
          Subject: CN=SFAPI-2
          Issuer: CN=Sample CA
          Valid until: 2027-06-01 12:00 UTC
          Fingerprint (SHA-256): A5:B2:29:00:7B:FD:5B:F0:C6:67:2B:59:6D:66:D0:17:77:79:F7:9D:60:92:ED:00:FF:9A:8F:B0:24:35:50:05
        - Download the public certificate (.pem), or save it from the mail.
        - Open SuccessFactors → Admin Center → Security Center → X.509 Public Certificate Mapping.
        - Choose Add, copy the fields up to Login Name, choose the file.
        - Save.
        Leave every mapping that stands there as it is: the old one is in use until the switch. Nobody needs to tell certsteward: it probes the API, notices, and goes on by itself. "I have saved it" only makes it look sooner.
        "#);
    }

    #[test]
    fn the_steps_name_only_fields_that_there_are() {
        let mut watch = watch();
        for login in [Some("SFAPI".to_owned()), None] {
            watch.targets[0].mapping.login_name.clone_from(&login);
            for ask in [Ask::Add, Ask::Replace] {
                let question = question(&watch, ask);
                let is_there = question.fields.iter().any(|(name, _)| name == "Login Name");
                let steps = question.steps.join(" ");
                assert_eq!(is_there, login.is_some());
                assert_eq!(steps.contains("copy the fields up to Login Name"), is_there, "{steps}");
            }
        }
    }

    #[test]
    fn replacing_names_the_gap_and_the_window() {
        let mut watch = watch();
        watch.renewal.as_mut().unwrap().window =
            Some(Window::parse("Mon-Thu 08:00-16:00 Europe/Berlin").unwrap());
        insta::assert_snapshot!(text(&question(&watch, Ask::Replace)), @r#"
        replace the certificate SFAPI-2 in centre: delete the old one, then add the new one
        SuccessFactors → Admin Center → Security Center → X.509 Public Certificate Mapping (company ACME)
          Configuration Name: BTP mTLS
          Integration Name: Business Technology Platform
          Certificate File: the .pem file of this hand-off
          Login Name: SFAPI
          Subject: CN=SFAPI-2
          Issuer: CN=Sample CA
          Valid until: 2027-06-01 12:00 UTC
          Fingerprint (SHA-256): A5:B2:29:00:7B:FD:5B:F0:C6:67:2B:59:6D:66:D0:17:77:79:F7:9D:60:92:ED:00:FF:9A:8F:B0:24:35:50:05
        - Download the public certificate (.pem), or save it from the mail.
        - Open SuccessFactors → Admin Center → Security Center → X.509 Public Certificate Mapping.
        - On the hand-off page press "I am deleting the old one now": it makes certsteward look closely.
        - Delete the mapping with the subject CN=SFAPI-2. A second one with the same issuer and subject would be refused (KBA 3574501).
        - Choose Add, copy the fields up to Login Name, choose the file.
        - Save.
        Nobody needs to tell certsteward: it probes the API, notices, and goes on by itself. "I have saved it" only makes it look sooner.
        From the moment the old mapping is deleted until certsteward has switched the callers, their calls fail. Do both steps in one go, inside an agreed window. The window is Mon-Thu 08:00-16:00 Europe/Berlin.
        "#);
    }

    #[test]
    fn a_switch_that_is_approved_beforehand_is_said_to_follow() {
        let (mut watch, act) = (watch(), "switch-1-first-sfapi-2.pem".to_owned());
        watch.mode = Mode::Propose;
        let mut record = crate::domain::sample::renewing(&watch);
        let gap = |record: &Record| question(&watch, Ask::Replace).against(&watch, record).gap.unwrap();
        assert!(gap(&record).ends_with(APPROVAL), "{}", gap(&record));
        let approval = crate::domain::record::Approval { by: "pat".to_owned(), at: noon() };
        record.approvals.insert(act.clone(), approval);
        assert!(gap(&record).ends_with(APPROVED), "{}", gap(&record));
        record.pending.insert(act, noon());
        assert!(gap(&record).ends_with(APPROVAL), "another caller's still waits");
    }

    #[test]
    fn where_the_first_call_shuts_the_old_one_out_the_persons_word_is_asked_for() {
        let mut watch = watch();
        watch.targets[0].ratchet = true;
        let mut record = crate::domain::sample::renewing(&watch);
        let mut candidate = crate::domain::sample::standing("sfapi-2.pem", certificate("SFAPI-2", 365, 365));
        candidate.probes.clear();
        record.renewal.as_mut().unwrap().candidate = Some(candidate.clone());
        for ask in [Ask::Add, Ask::Replace] {
            let text = text(&question(&watch, ask).against(&watch, &record));
            assert!(
                text.contains(SIGN) && text.contains(WAITS) && !text.contains("Nobody needs to tell"),
                "{text}"
            );
        }
        let called = crate::domain::sample::answered(candidate, crate::domain::verdict::Verdict::NotMapped);
        record.renewal.as_mut().unwrap().candidate = Some(called);
        let text = text(&question(&watch, Ask::Add).against(&watch, &record));
        assert!(text.contains("Nobody needs to tell"), "after the first call any other is a look: {text}");
    }

    #[test]
    fn where_callers_use_it_already_no_switch_is_spoken_of() {
        let watch = watch();
        let mut record = crate::domain::sample::renewing(&watch);
        record.renewal = None;
        record.in_force =
            Some(crate::domain::sample::standing("sfapi.pem", certificate("SFAPI-2", 365, 365)));
        for ask in [Ask::Add, Ask::Replace] {
            let text = text(&question(&watch, ask).against(&watch, &record));
            assert!(!text.contains("switch"), "{text}");
        }
    }

    #[test]
    fn removing_says_which_of_two() {
        insta::assert_snapshot!(text(&question(&watch(), Ask::Remove)), @r"
        remove the replaced certificate SFAPI-2 from centre
        SuccessFactors → Admin Center → Security Center → X.509 Public Certificate Mapping (company ACME)
          Configuration Name: BTP mTLS
          Integration Name: Business Technology Platform
          Login Name: SFAPI
          Subject: CN=SFAPI-2
          Issuer: CN=Sample CA
          Valid until: 2027-06-01 12:00 UTC
          Fingerprint (SHA-256): A5:B2:29:00:7B:FD:5B:F0:C6:67:2B:59:6D:66:D0:17:77:79:F7:9D:60:92:ED:00:FF:9A:8F:B0:24:35:50:05
        - Open SuccessFactors → Admin Center → Security Center → X.509 Public Certificate Mapping.
        - Delete the line with the subject CN=SFAPI-2 and the issuer CN=Sample CA (serial 01), and no other: the rest is in use. It is the older one where two look alike.
        - If there is no such line, nothing is left to do: confirm it all the same.
        Nothing depends on it any more; confirm it, so that the question is closed.
        ");
    }

    #[test]
    fn where_no_probe_can_tell_a_test_is_asked_for() {
        let mut watch = watch();
        watch.source.key_readable = false;
        watch.targets[0].proven_by = None;
        assert!(question(&watch, Ask::Add).test.is_some_and(|test| test.contains("https://api.example.org")));
        watch.targets[0].mapping.integration_name = PAYROLL.to_owned();
        assert!(question(&watch, Ask::Add).test.is_some_and(|test| test.contains("HRSFEC_PTP_CONFIG")));
        assert!(question(&watch, Ask::Remove).test.is_none());
    }
}
