//! Where the daemon is killed: at each call it makes, before and after its effect and after its answer; at each line of the
//! history; and while it settles and retires. Which calls and lines there are is learned from a rotation left alone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use certsteward::sandbox::{Fault, Hold, Stage};

use super::judge::Outcome;
use super::scene::{Scene, Terms, now};
use super::{Case, Trouble, long};

/// A call of the rotation that changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    Generate,
    GenerateSecond,
    GenerateInPlace,
    Switch,
    DeleteUnused,
    DeleteReplaced,
}

impl Write {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Generate => "generate",
            Self::GenerateSecond => "generate the second",
            Self::GenerateInPlace => "generate in place",
            Self::Switch => "switch",
            Self::DeleteUnused => "delete the unused",
            Self::DeleteReplaced => "delete the replaced",
        }
    }

    /// A fault that meets this call alone, and does nothing yet.
    pub(super) fn fault(self) -> Fault {
        let (method, path, skip) = match self {
            Self::Generate => ("POST", "/subaccountCertificates", 0),
            Self::GenerateSecond => ("POST", "/subaccountCertificates", 1),
            Self::GenerateInPlace => ("PUT", "/subaccountCertificates", 0),
            Self::Switch => ("PUT", "/subaccountDestinations", 0),
            Self::DeleteUnused => ("DELETE", "/sfapi-2.pem", 0),
            Self::DeleteReplaced => ("DELETE", "/sfapi.pem", 0),
        };
        Fault { method: Some(method.to_owned()), path_contains: path.to_owned(), skip, ..Fault::default() }
    }
}

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// It arrived and took no effect. What the call before it brought is saved, where it is saved at all.
    Before,
    /// It took effect; the answer never left.
    Unanswered,
    /// The answer left; what it means could not be saved, and the next call was not made.
    Answered,
}

impl At {
    const ALL: [Self; 3] = [Self::Before, Self::Unanswered, Self::Answered];

    const fn name(self) -> &'static str {
        match self {
            Self::Before => "before its effect",
            Self::Unanswered => "after its effect",
            Self::Answered => "after its answer",
        }
    }
}

/// When the daemon is killed.
pub(super) enum Point {
    Never,
    /// At the call of this number, from 0, over all that the daemon makes.
    Call(u32, At),
    /// Once the n-th event of this kind stands in the history, and so long after it.
    Event(String, usize, Duration),
    /// Once at every line of the history that was not there before.
    EveryLine,
    /// Once at every call, and again at the same call after each change that was made outside meanwhile.
    EveryCall(At),
}

/// Where it was killed.
pub(super) enum Met {
    Here(String),
    Never,
}

impl Point {
    /// Starts the daemon, kills it there, and starts it again.
    pub(super) async fn kill(self, scene: &mut Scene) -> Result<Met, String> {
        match self {
            Self::Never => {
                scene.start();
                Ok(Met::Here("left alone".to_owned()))
            }
            Self::Call(number, at) => kill_at_call(scene, number, at).await,
            Self::Event(kind, n, after) => {
                scene.start();
                let line = scene.event(&kind, n).await?;
                let moment = line.at + after;
                scene.until("the moment", |_| (now() >= moment).then_some(())).await?;
                scene.restart();
                let name = if after.is_zero() { "line" } else { "moment" };
                let after =
                    if after.is_zero() { String::new() } else { format!(" + {} ms", after.as_millis()) };
                Ok(Met::Here(format!("{name}: {kind} {n}{after}")))
            }
            Self::EveryCall(at) => {
                kill_at_every_call(scene, at).await?;
                Ok(Met::Here(format!("every call, one after the other: {}", at.name())))
            }
            Self::EveryLine => {
                kill_at_every_line(scene).await?;
                Ok(Met::Here("every line of the history".to_owned()))
            }
        }
    }
}

async fn kill_at_call(scene: &mut Scene, number: u32, at: At) -> Result<Met, String> {
    let hold = hold_next(scene, number, at);
    scene.start();
    if !scene.reached(&hold).await? {
        hold.release();
        return Ok(Met::Never);
    }
    let met = hold.met().unwrap_or_default().replace("/destination-configuration/v1", "");
    kill_there(scene, &hold, at).await?;
    scene.start();
    Ok(Met::Here(format!("call {:2} {met}: {}", number + 1, at.name())))
}

/// The call that comes after so many others of the daemon stops there.
fn hold_next(scene: &Scene, skip: u32, at: At) -> Hold {
    let hold = Hold::at(if at == At::Before { Stage::Arrived } else { Stage::Done });
    scene.landscape.fault(Fault { spares_people: true, skip, hold: Some(hold.clone()), ..Fault::default() });
    hold
}

/// Kills the daemon at the call that stopped.
async fn kill_there(scene: &mut Scene, hold: &Hold, at: At) -> Result<(), String> {
    if at != At::Answered {
        scene.kill();
        return Ok(());
    }
    // The answer leaves while the state file is locked, so that nothing can be saved of it.
    let before = calls(scene);
    let lock = scene.lock_state();
    hold.release();
    let left = scene.until("the answer", |scene| (calls(scene) > before).then_some(())).await;
    scene.kill();
    drop(lock);
    left
}

fn calls(scene: &Scene) -> usize {
    scene.landscape.requests().iter().filter(|request| request.is_from_certsteward()).count()
}

/// Each call kills once, and once more after each change outside: that it comes again then is another place in the rotation.
async fn kill_at_every_call(scene: &mut Scene, at: At) -> Result<(), String> {
    let mut met = BTreeSet::new();
    let mut hold = hold_next(scene, 0, at);
    scene.start();
    while scene.reached(&hold).await? {
        if met.insert((hold.met().unwrap_or_default().to_owned(), standing(scene))) {
            kill_there(scene, &hold, at).await?;
            // What the dead one asked last may still arrive; the next hold is for the next daemon.
            let mut looks = 0;
            scene
                .until("the last of the dead", |_| {
                    looks += 1;
                    (looks > 5).then_some(())
                })
                .await?;
            hold = hold_next(scene, 0, at);
            scene.start();
        } else {
            let next = hold_next(scene, 0, at);
            hold.release();
            hold = next;
        }
    }
    // What the daemon calls from now on goes through.
    hold.release();
    Ok(())
}

/// What stands outside: it tells one place in the rotation from another.
fn standing(scene: &Scene) -> String {
    let entries = scene.landscape.entries();
    let mappings = scene.landscape.mappings();
    let mapped: Vec<&str> = mappings.iter().map(|mapping| mapping.fingerprint.as_str()).collect();
    format!("{entries:?} {:?} {mapped:?}", scene.landscape.destinations())
}

/// Each line kills once. What a start itself writes is met only once too, so that the rotation gets on.
async fn kill_at_every_line(scene: &mut Scene) -> Result<(), String> {
    let mut met = BTreeSet::new();
    let mut last = 0;
    scene.start();
    loop {
        let line = scene
            .until("the next line", |scene| {
                let new = |line: &&super::scene::Line| !met.contains(&(line.kind.clone(), line.text.clone()));
                let next = scene.lines().iter().filter(|line| line.id > last).find(new).cloned();
                if next.is_none() && scene.is_over() { Some(None) } else { next.map(Some) }
            })
            .await?;
        let Some(line) = line else { return Ok(()) };
        last = line.id;
        met.insert((line.kind.clone(), line.text.clone()));
        scene.restart();
    }
}

fn case(terms: Terms, point: Point) -> Case {
    // A mail whose sending was cut may come again; a kill at every line can meet several on their way.
    let twice = if matches!(point, Point::EveryLine | Point::EveryCall(_)) { 3 } else { 1 };
    let name = match &point {
        Point::Never => "left alone".to_owned(),
        Point::Call(number, at) => format!("call {:2}: {}", number + 1, at.name()),
        Point::Event(kind, n, _) => format!("line: {kind} {n}"),
        Point::EveryLine => "every line of the history".to_owned(),
        Point::EveryCall(at) => format!("every call, one after the other: {}", at.name()),
    };
    Case { terms, name, trouble: Trouble::Kill(point), twice }
}

/// The kills of one combination, of which this is how it goes left alone.
///
/// All of them: at every call and at every line, one after the other in one rotation; in a rotation of its own, at each call
/// that changes something or tells somebody, and while it settles and retires. Of a part: each call that changes something,
/// each of its moments over the combinations, and some of the rest.
pub(super) fn cases(combination: usize, alone: &Outcome) -> Vec<Case> {
    let mut points = Vec::new();
    for (number, call) in alone.calls_made.iter().enumerate() {
        let is_write = ["POST /sub", "PUT ", "DELETE "].iter().any(|write| call.starts_with(write));
        let is_mail = call.starts_with("DATA ");
        let turn = (number + combination * 7).is_multiple_of(23);
        for (stage, at) in At::ALL.into_iter().enumerate() {
            let my_turn = (number + combination) % At::ALL.len() == stage;
            if (long() && is_write) || ((is_write || turn || (long() && is_mail)) && my_turn) {
                points.push(Point::Call(u32::try_from(number).unwrap(), at));
            }
        }
    }
    points.extend(moments(combination, alone));
    if long() {
        points.extend(At::ALL.map(Point::EveryCall));
    } else if combination % 5 == 3 {
        points.push(Point::EveryCall(At::ALL[combination / 5]));
    }
    if long() || combination.is_multiple_of(5) {
        points.push(Point::EveryLine);
    }
    points.into_iter().map(|point| case(alone.terms, point)).collect()
}

/// One line of the history, and what lies between lines: a second of settling, and one until the replaced is retired.
fn moments(combination: usize, alone: &Outcome) -> Vec<Point> {
    let mut points = Vec::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (number, kind) in alone.kinds.iter().enumerate() {
        let count = counts.entry(kind).or_default();
        *count += 1;
        if number == combination * 3 % alone.kinds.len() {
            points.push(Point::Event(kind.clone(), *count, Duration::ZERO));
        }
        let waits = ["switched", "settled"].contains(&kind.as_str());
        for after in [300, 600, 900].into_iter().filter(|_| waits && long()) {
            points.push(Point::Event(kind.clone(), *count, Duration::from_millis(after)));
        }
    }
    points
}
