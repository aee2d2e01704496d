//! Where the daemon is killed: each write at each of its stages, and between the lines of the history.

use std::collections::BTreeSet;
use std::time::Duration;

use certsteward::sandbox::{Fault, Hold, Stage};

use super::scene::{Line, Scene, Terms, now};
use super::{Case, IN_PLACE_DN, IN_PLACE_EXACT, LEARNS, REPLACES, SAME_DN, Trouble, long};

/// A call of the rotation that changes something, and the one that reads a change back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    Generate,
    GenerateSecond,
    GenerateInPlace,
    Switch,
    ReadBack,
    DeleteUnused,
    DeleteReplaced,
    Mail,
}

impl Write {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Generate => "generate",
            Self::GenerateSecond => "generate the second",
            Self::GenerateInPlace => "generate in place",
            Self::Switch => "switch",
            Self::ReadBack => "read the switch back",
            Self::DeleteUnused => "delete the unused",
            Self::DeleteReplaced => "delete the replaced",
            Self::Mail => "first mail",
        }
    }

    /// A fault that meets this call alone, and does nothing yet.
    pub(super) fn fault(self) -> Fault {
        let (method, path, skip) = match self {
            Self::Generate => ("POST", "/subaccountCertificates", 0),
            Self::GenerateSecond => ("POST", "/subaccountCertificates", 1),
            Self::GenerateInPlace => ("PUT", "/subaccountCertificates", 0),
            Self::Switch => ("PUT", "/subaccountDestinations", 0),
            Self::ReadBack => ("GET", "/subaccountDestinations/", 0),
            Self::DeleteUnused => ("DELETE", "/sfapi-2.pem", 0),
            Self::DeleteReplaced => ("DELETE", "/sfapi.pem", 0),
            Self::Mail => ("DATA", "smtp", 0),
        };
        Fault { method: Some(method.to_owned()), path_contains: path.to_owned(), skip, ..Fault::default() }
    }
}

/// How far the write has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// It arrived and took no effect.
    Before,
    /// It took effect; the answer never left.
    Unanswered,
    /// The answer left; what it means could not be saved.
    Unsaved,
    /// The answer was saved; the next call had arrived, without effect.
    NextCall,
}

impl At {
    const fn name(self) -> &'static str {
        match self {
            Self::Before => "before its effect",
            Self::Unanswered => "after its effect, no answer",
            Self::Unsaved => "after its answer, not saved",
            Self::NextCall => "at the call after it",
        }
    }
}

/// When the daemon is killed.
pub(super) enum Point {
    At(Write, At),
    /// Once the n-th event of this kind stands in the history, and so long after it.
    Event(&'static str, usize, Duration),
    /// Once at every line of the history that was not there before.
    EveryLine,
}

impl Point {
    fn name(&self) -> String {
        match self {
            Self::At(write, at) => format!("{}: {}", write.name(), at.name()),
            Self::Event(kind, 1, after) if after.is_zero() => format!("at {kind}"),
            Self::Event(kind, n, after) if after.is_zero() => format!("at {kind} {n}"),
            Self::Event(kind, _, after) => format!("{} ms after {kind}", after.as_millis()),
            Self::EveryLine => "at every line of the history".to_owned(),
        }
    }

    /// Starts the daemon, kills it there, and starts it again.
    pub(super) async fn kill(self, scene: &mut Scene) -> Result<(), String> {
        match self {
            Self::At(write, At::Unsaved) => return kill_unsaved(scene, write).await,
            Self::At(write, at) => kill_at(scene, write, at).await?,
            Self::Event(kind, n, after) => {
                scene.start();
                let line = scene.event(kind, n).await?;
                let moment = line.at + after;
                scene.until("the moment", |_| (now() >= moment).then_some(())).await?;
            }
            Self::EveryLine => return kill_at_every_line(scene).await,
        }
        scene.restart();
        Ok(())
    }
}

/// Starts the daemon and waits until the write stands at this stage.
async fn stopped_at(scene: &mut Scene, write: Write, stage: Stage) -> Result<Hold, String> {
    let hold = Hold::at(stage);
    let fault = Fault { hold: Some(hold.clone()), ..write.fault() };
    if write == Write::ReadBack {
        // The destination is read before too: only what comes after the switch is met.
        let switch = Hold::at(Stage::Done);
        scene.landscape.fault(Fault { hold: Some(switch.clone()), ..Write::Switch.fault() });
        scene.start();
        scene.reached(&switch).await?;
        scene.landscape.fault(fault);
        switch.release();
    } else {
        scene.landscape.fault(fault);
        scene.start();
    }
    scene.reached(&hold).await?;
    Ok(hold)
}

async fn kill_at(scene: &mut Scene, write: Write, at: At) -> Result<(), String> {
    let stage = if at == At::Before { Stage::Arrived } else { Stage::Done };
    let hold = stopped_at(scene, write, stage).await?;
    if at == At::NextCall {
        let next = Hold::at(Stage::Arrived);
        let path_contains = "/destination-configuration/".to_owned();
        scene.landscape.fault(Fault { path_contains, hold: Some(next.clone()), ..Fault::default() });
        hold.release();
        scene.reached(&next).await?;
    }
    Ok(())
}

/// The answer leaves while the state file is locked, so that nothing can be saved of it.
async fn kill_unsaved(scene: &mut Scene, write: Write) -> Result<(), String> {
    let hold = stopped_at(scene, write, Stage::Done).await?;
    let before = scene.landscape.requests().len();
    let lock = scene.lock_state();
    hold.release();
    let answered =
        scene.until("the answer", |scene| (scene.landscape.requests().len() > before).then_some(())).await;
    scene.unlock_after_kill(lock);
    answered
}

/// Each line kills once. What a start itself writes is met only once too, so that the rotation gets on.
async fn kill_at_every_line(scene: &mut Scene) -> Result<(), String> {
    let mut met = BTreeSet::new();
    let mut last = 0;
    scene.start();
    loop {
        let line = scene
            .until("the next line", |scene| {
                let new = |line: &&Line| !met.contains(&(line.kind.clone(), line.text.clone()));
                scene.lines().iter().filter(|line| line.id > last).find(new).cloned()
            })
            .await?;
        last = line.id;
        met.insert((line.kind.clone(), line.text.clone()));
        scene.restart();
        if line.kind == "renewal-ended" {
            return Ok(());
        }
    }
}

fn case(terms: Terms, point: Point) -> Case {
    // A mail whose sending was cut may come again; a kill at a line of the history can meet one on its way.
    let twice = match point {
        Point::At(Write::Mail, At::Before) | Point::At(Write::Generate | Write::Switch, _) => 0,
        Point::At(..) | Point::Event(..) => 1,
        Point::EveryLine => 3,
    };
    let name = point.name();
    Case { terms, name, trouble: Trouble::Kill(point), twice }
}

pub(super) fn cases() -> Vec<Case> {
    use At::{Before, NextCall, Unanswered, Unsaved};
    use Write::{
        DeleteReplaced, DeleteUnused, Generate, GenerateInPlace, GenerateSecond, Mail, ReadBack, Switch,
    };
    let at = |terms: Terms, writes: &[Write], stages: &[At]| {
        let pairs = writes.iter().flat_map(|write| stages.iter().map(move |at| (*write, *at)));
        pairs.map(|(write, at)| case(terms, Point::At(write, at))).collect::<Vec<_>>()
    };
    let every = [Before, Unanswered, Unsaved, NextCall];
    let some: &[At] = if long() { &every } else { &[Unanswered] };
    let mut cases = at(LEARNS, &[Generate, GenerateSecond, Switch, ReadBack, DeleteUnused], &every);
    cases.extend(at(LEARNS, &[DeleteReplaced], &[Before, Unanswered, Unsaved]));
    cases.extend(at(LEARNS, &[Mail], &[Before, Unanswered]));
    cases.extend(at(SAME_DN, &[Generate, Switch, DeleteReplaced], &some[..some.len().min(3)]));
    cases.extend(at(REPLACES, &[Generate, Switch, ReadBack], some));
    cases.extend(at(IN_PLACE_DN, &[GenerateInPlace], &every));
    cases.extend(at(IN_PLACE_EXACT, &[GenerateInPlace], &every));
    for (terms, kinds) in events() {
        cases.extend(
            kinds
                .iter()
                .map(|(kind, n, after)| case(terms, Point::Event(kind, *n, Duration::from_millis(*after)))),
        );
    }
    let all = [LEARNS, SAME_DN, REPLACES, IN_PLACE_DN, IN_PLACE_EXACT];
    cases.extend(all.map(|terms| case(terms, Point::EveryLine)));
    cases
}

type Kinds = &'static [(&'static str, usize, u64)];

fn events() -> Vec<(Terms, Kinds)> {
    let few: Kinds = &[("started", 1, 0), ("settled", 1, 0), ("settled", 1, 500), ("settled", 1, 1000)];
    let learns: Kinds = &[
        ("watched", 1, 0),
        ("renewal-started", 1, 0),
        ("probed", 1, 0),
        ("probed", 2, 0),
        ("probed", 3, 0),
        ("proven", 1, 0),
        ("issued", 1, 0),
        ("issued", 2, 0),
        ("learned", 1, 0),
        ("hand-off-opened", 1, 0),
        ("hand-off-sign", 1, 0),
        ("hand-off-closed", 1, 0),
        ("act-started", 1, 0),
        ("act-started", 2, 0),
        ("act-started", 3, 0),
        ("act-started", 4, 0),
        ("switched", 1, 0),
        ("renewal-ended", 1, 0),
        ("hand-off-opened", 2, 0),
        ("retired", 2, 0),
    ];
    let mut all = vec![(LEARNS, few)];
    if long() {
        all.push((LEARNS, learns));
        all.extend([SAME_DN, REPLACES, IN_PLACE_DN, IN_PLACE_EXACT].map(|terms| (terms, few)));
    }
    all
}
