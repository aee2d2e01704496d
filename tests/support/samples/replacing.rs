//! The sample in the middle of a renewal, with every fact of one filled.
//! Its neighbours stand in `samples`.

use super::*;

/// In the middle of a renewal: a mapping is being replaced, a switch waits for approval.
pub(super) fn replacing() -> WatchView {
    let watch = watch_with_callers();
    let old = old_standing();
    let (facts, new) = (replace_facts(), candidate());
    let wanted = Some(at("2027-02-16T15:00:00Z"));
    let open = HandOff::new(&watch, watch.target("security-center").unwrap(), &new.chain, &facts, wanted);
    let act = switch();
    let mut view = view(watch, renewing(old, new, &act));
    view.step = Step::Publishing;
    view.level = Level::Warning;
    view.matching.insert("security-center".to_owned(), Matching::Exact);
    view.findings = findings_of_replacing(&act);
    view.planned = plan_of_replacing(act).into();
    view.hand_offs = vec![open];
    view
}

fn watch_with_callers() -> Watch {
    let mut watch = watch("sf-odata-prod", "prod");
    watch.renewal = Some(Box::new(terms()));
    watch.targets = vec![target("security-center", Some("odata")), target("middleware", Some("odata"))];
    watch.probes = vec![probe("odata")];
    let caller = |id: &str| Caller {
        id: id.to_owned(),
        kind: "destination-service".to_owned(),
        cache: Duration::minutes(5),
    };
    watch.callers = vec![caller("sap_hcmcloud_core_odata"), caller("nightly_sync")];
    watch
}

fn switch() -> Act {
    Act::Switch {
        generation: 2,
        caller: "sap_hcmcloud_core_odata".to_owned(),
        from: "sfapi.pem".to_owned(),
        to: "sfapi-2.pem".to_owned(),
    }
}

fn old_standing() -> Standing {
    let chain = chain("SFAPI", (2026, 3, 20), (2027, 3, 20));
    let mut old = standing(chain, "sfapi.pem", at("2026-03-20T08:00:00Z"), false);
    old.probes.insert("odata".to_owned(), probed(Verdict::Accepted, Some(200), 20, ""));
    let proven = Publication { proven: Some(at("2026-03-21T07:00:00Z")), ..Publication::default() };
    old.targets = [("security-center".to_owned(), proven.clone()), ("middleware".to_owned(), proven)].into();
    old
}

fn replace_facts() -> HandOffFacts {
    let by = "somebody with the hand-off link of security-center".to_owned();
    HandOffFacts {
        signs: vec![(now() - Duration::minutes(9), Sign::Saved, by)],
        escalated: Some(now() - Duration::hours(2)),
        ..asked(Ask::Replace, REPLACE_TOKEN, 46)
    }
}

fn candidate() -> Standing {
    let chain = chain("SFAPI", (2027, 2, 8), (2028, 2, 8));
    let mut new = standing(chain, "sfapi-2.pem", at("2027-02-08T10:02:00Z"), true);
    let rejected = "AUTH0032: the certificate is not registered for company ACME";
    new.probes.insert("odata".to_owned(), probed(Verdict::NotMapped, Some(401), 4, rejected));
    let asked_for = Publication { hand_off: Some(replace_facts()), ..Publication::default() };
    let closed = Some(now() - Duration::hours(20));
    let word = Publication {
        confirmed: Some((now() - Duration::hours(20), "Robin Sample".to_owned())),
        hand_off: Some(HandOffFacts { closed, ..asked(Ask::Add, CLOSED_TOKEN, 40) }),
        ..Publication::default()
    };
    new.targets = [("security-center".to_owned(), asked_for), ("middleware".to_owned(), word)].into();
    new
}

fn renewing(old: Standing, new: Standing, act: &Act) -> Record {
    let replaces = old.fingerprint();
    let mut record = seen(old);
    record.generation = 2;
    record.destination = Some(Box::new(DestinationFacts {
        name: "sap_hcmcloud_core_odata".to_owned(),
        authentication: Some("ClientCertificateAuthentication".to_owned()),
        keystore_location: Some("sfapi.pem".to_owned()),
        url: Some("https://api4.cert.example.org".to_owned()),
        company_id: Some("ACME".to_owned()),
    }));
    record.renewal = Some(Box::new(renewal(new, replaces)));
    let caller = |uses: &str| CallerFacts {
        uses: Some(uses.to_owned()),
        seen: record.seen_at,
        ..CallerFacts::default()
    };
    record.callers = [
        ("sap_hcmcloud_core_odata".to_owned(), caller("sfapi.pem")),
        ("nightly_sync".to_owned(), caller("sfapi-2.pem")),
    ]
    .into();
    let learned = Learned { matching: Matching::Exact, at: at("2027-02-08T10:04:00Z"), from: None };
    record.learned.insert("api4.cert.example.org ACME".to_owned(), learned);
    record.counts = Counts { renewals: [1, 1], publications: [1, 0], switches: [2, 1], rollbacks: [0, 0] };
    record.pending.insert(act.id(), now() - Duration::hours(3));
    let failed = Attempts {
        count: 2,
        last: now() - Duration::minutes(40),
        next: now() + Duration::minutes(12),
        reason: Reason::Unavailable,
        text: "the Destination service answered 503 to the change of nightly_sync".to_owned(),
        maybe_effective: false,
    };
    record.attempts.insert("switch-1f2e3d4c5b6a".to_owned(), failed);
    record
}

fn renewal(candidate: Standing, replaces: Fingerprint) -> Renewal {
    let order = Order {
        name: "sfapi-2.pem".to_owned(),
        common_name: "SFAPI".to_owned(),
        validity: Validity::Years(1),
        in_place: false,
        like: None,
        replaces,
        placed: at("2027-02-08T10:01:00Z"),
    };
    let gap = "calls of ACME fail from the deletion to the switch";
    Renewal {
        generation: 2,
        started: at("2027-02-08T10:00:00Z"),
        cause: Actor::Daemon,
        terms: terms(),
        replaces,
        replaces_name: Some("sfapi.pem".to_owned()),
        subject: SubjectChoice::Same,
        order: Some(order),
        taken: vec![],
        candidate: Some(candidate),
        replaced: None,
        looked_empty: None,
        issue_started: None,
        switched: [("nightly_sync".to_owned(), now() - Duration::hours(1))].into(),
        settling_since: None,
        rolling_back: None,
        gap_announced: Some((now() - Duration::hours(46), gap.to_owned())),
        moved: at("2027-02-08T10:05:00Z"),
        candidate_gone: None,
        given_up: None,
        back_refused: None,
        back_asked: None,
        back_by: None,
        back_gone: None,
        keep: None,
        overlap: Overlap::default(),
    }
}

fn findings_of_replacing(act: &Act) -> Vec<Finding> {
    vec![
        finding(
            Code::HandOffOpen,
            Level::Warning,
            "security-center",
            "hris is asked to replace the certificate SFAPI in security-center since 46 hours",
            "do it on the hand-off page, or ask the deputy ops, who was told 2 hours ago",
        ),
        finding(
            Code::ApprovalPending,
            Level::Warning,
            "",
            "the switch of sap_hcmcloud_core_odata waits for approval since 3 hours",
            &format!("certsteward approve sf-odata-prod {}", act.id()),
        ),
        finding(
            Code::CandidateRejected,
            Level::Notice,
            "odata",
            "the API does not accept the candidate yet: not-mapped (401)",
            "nothing until the hand-off is done",
        ),
        finding(
            Code::GapExpected,
            Level::Notice,
            "",
            "calls of company ACME fail from the deletion of the old mapping until the switch, about 10 minutes",
            "tell whoever runs the callers; the window is Mon-Thu 08:00-16:00 Europe/Berlin",
        ),
    ]
}

fn plan_of_replacing(act: Act) -> Plan {
    let held = |gate: &'static str, text: &str, until: Option<Timestamp>| Held {
        gate,
        text: text.to_owned(),
        until,
    };
    let approval = "mode is propose and nobody approved it; certsteward approve names the act";
    let window = "Mon-Thu 08:00-16:00 Europe/Berlin";
    let gap = "calls of company ACME fail from the deletion of the old mapping until the switch and 5 minutes of cache";
    Plan {
        lines: vec![
            line(
                Some(1),
                "probe the candidate again",
                "a person said it is saved 9 minutes ago: every minute for half an hour",
            ),
            line(
                None,
                "switch sap_hcmcloud_core_odata from sfapi.pem to sfapi-2.pem",
                "once security-center is proven; inside the window, after approval",
            ),
            line(
                Some(26),
                "watch the callers for 20 minutes",
                "policy.settle = 20m, longer than the callers' cache of 5 minutes",
            ),
        ],
        act: Some(act),
        held: vec![
            held("approval", approval, None),
            held("window", window, Some(now() + Duration::hours(2))),
        ],
        next: Some(now() + Duration::minutes(1)),
        gap: Some(gap.to_owned()),
    }
}
