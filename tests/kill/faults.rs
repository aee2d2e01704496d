//! How calls fail: each way, at each write, at looks, at the token service and at the API.

use std::time::Duration;

use certsteward::sandbox::{Fault, Hold, Stage};

use super::points::Write;
use super::scene::Terms;
use super::{Case, IN_PLACE_DN, IN_PLACE_EXACT, LEARNS, REPLACES, Trouble, long};

/// One way to fail.
#[derive(Debug, Clone, Copy)]
enum Way {
    Unavailable,
    RateLimited,
    PlainText,
    Garbled,
    Dropped,
    Lost,
    TooSlow,
    Unauthorized,
}

impl Way {
    const ALL: [Self; 8] = [
        Self::Unavailable,
        Self::RateLimited,
        Self::PlainText,
        Self::Garbled,
        Self::Dropped,
        Self::Lost,
        Self::TooSlow,
        Self::Unauthorized,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Unavailable => "503",
            Self::RateLimited => "429, wait 1 s",
            Self::PlainText => "500 in plain text",
            Self::Garbled => "200 with nonsense, no effect",
            Self::Dropped => "connection closed, no effect",
            Self::Lost => "answer lost after the effect",
            Self::TooSlow => "no answer in time after the effect",
            Self::Unauthorized => "401",
        }
    }

    fn of(self, fault: Fault) -> Fault {
        let answer =
            |status: u16, body: &str| Fault { status: Some(status), body: body.to_owned(), ..fault.clone() };
        match self {
            Self::Unavailable => answer(503, r#"{"ErrorMessage":"Service Unavailable"}"#),
            Self::RateLimited => {
                Fault { retry_after: Some("1".to_owned()), ..answer(429, "Too Many Requests") }
            }
            Self::PlainText => answer(500, "upstream connect error or disconnect/reset before headers"),
            Self::Garbled => answer(200, "<html>maintenance</html>"),
            Self::Dropped => Fault { drop_request: true, ..fault },
            Self::Lost => Fault { drop_answer_after_effect: true, ..fault },
            Self::TooSlow => Fault { hold: Some(Hold::at(Stage::Done)), ..fault },
            Self::Unauthorized => answer(401, "Unauthorized"),
        }
    }
}

fn case(terms: Terms, name: String, faults: Vec<Fault>) -> Case {
    Case { terms, name, trouble: Trouble::Faults { faults, token_lifetime: None }, twice: 0 }
}

fn writes(terms: Terms) -> Vec<Write> {
    match (terms.rotation, terms.issued()) {
        ("in-place", _) => vec![Write::GenerateInPlace],
        (_, 1) => vec![Write::Generate, Write::Switch, Write::DeleteReplaced],
        _ => vec![
            Write::Generate,
            Write::GenerateSecond,
            Write::Switch,
            Write::DeleteUnused,
            Write::DeleteReplaced,
        ],
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for way in Way::ALL {
        for terms in [LEARNS, REPLACES, IN_PLACE_DN, IN_PLACE_EXACT] {
            let calls = writes(terms);
            // The second generation is met by its own fault: the first one's is used up by then.
            let faults = calls.iter().map(|write| way.of(Fault { skip: 0, ..write.fault() })).collect();
            if long() || terms.issued() == 2 || matches!(way, Way::Lost | Way::Unavailable) {
                cases.push(case(terms, format!("every write once: {}", way.name()), faults));
            }
            for write in calls.iter().filter(|_| long()) {
                cases.push(case(
                    terms,
                    format!("{}: {}", write.name(), way.name()),
                    vec![way.of(write.fault())],
                ));
            }
        }
        if long() || matches!(way, Way::Unavailable | Way::Dropped | Way::TooSlow | Way::Garbled) {
            cases.push(case(LEARNS, format!("looks: {}", way.name()), looks(way)));
            // A call of the API is given up after 30 s, three of them are too long for the short run.
            if long() || !matches!(way, Way::TooSlow) {
                cases.push(case(LEARNS, format!("calls of the API: {}", way.name()), probes(way)));
            }
            cases.push(tokens(way));
        }
    }
    cases
}

/// Looks fail now and then over the whole rotation.
fn looks(way: Way) -> Vec<Fault> {
    let look = |path: &str, skip| {
        let (method, path_contains) = (Some("GET".to_owned()), path.to_owned());
        way.of(Fault { method, path_contains, skip, ..Fault::default() })
    };
    // Each fault waits its turn behind the one before it.
    vec![
        look("/subaccountCertificates/sfapi-2.pem", 1),
        look("/subaccountCertificates/sfapi-3.pem", 1),
        look("/subaccountDestinations/", 4),
        look("/subaccountDestinations/", 6),
        look("/publicKeys", 3),
    ]
}

/// The API fails for the first probe, and for two later ones.
fn probes(way: Way) -> Vec<Fault> {
    let call = |skip| way.of(Fault { path_contains: "/odata/".to_owned(), skip, ..Fault::default() });
    vec![call(0), call(2), call(2)]
}

/// Tokens end soon, so that many are fetched; three of them fail, all of them before the rotation is over.
fn tokens(way: Way) -> Case {
    let fetch = |skip| way.of(Fault { path_contains: "/oauth/token".to_owned(), skip, ..Fault::default() });
    let faults = vec![fetch(1), fetch(2), fetch(1)];
    let token_lifetime = Some(Duration::from_secs(4));
    let name = format!("token service: {}", way.name());
    Case { terms: LEARNS, name, trouble: Trouble::Faults { faults, token_lifetime }, twice: 0 }
}
