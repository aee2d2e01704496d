//! A command of the operator's own: one JSON question on its standard input, an exit code as its answer.
//! It knows no role and starts no shell.
//!
//! | exit code | means |
//! |---|---|
//! | 0 | done |
//! | 1 | failed, and certainly nothing was changed |
//! | 2 | failed, and something may have been changed |
//! | 3 | refused: what was to be changed had changed meanwhile |
//!
//! Any other ending counts as 2. What it writes to standard error, last line, is what people are shown.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Child;
use zeroize::Zeroizing;

use crate::domain::reason::{Answer, Failure, Reason};

/// The most that is read from standard output, in bytes.
pub const OUTPUT_LIMIT: u64 = 64 * 1024;

/// The most of the last line of standard error that is shown, in characters.
const SHOWN: usize = 200;

/// What was asked and answered where the command did what the question says: `/usr/local/bin/switch switch → exit 0`.
#[must_use]
pub fn done(command: &[String], question: &serde_json::Value) -> Answer {
    Answer::new(short(command, question), "exit 0")
}

/// The program and the word of the question; no argument and no value.
fn short(command: &[String], question: &serde_json::Value) -> String {
    let program = command.first().map_or("", String::as_str);
    match question.get("question").and_then(serde_json::Value::as_str) {
        Some(word) => format!("{program} {word}"),
        None => program.to_owned(),
    }
}

/// Asks the command one question and returns what it wrote to standard output.
///
/// The command has the whole `limit`; after it, it is killed with everything it started.
///
/// # Errors
/// The table above as a [`Failure`]; [`Reason::Timeout`] and [`Reason::TooLarge`] where a limit was passed.
pub async fn ask(
    command: &[String],
    limit: Duration,
    question: &serde_json::Value,
) -> Result<String, Failure> {
    let [program, arguments @ ..] = command else {
        return Err(Failure::certain(
            Reason::CommandFailed,
            "the command is empty; give a program and its arguments",
        ));
    };
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| {
            not_started(program, &error).answered(Answer::new(short(command, question), "not started"))
        })?;
    let mut group = Group(child.id());
    let asked = short(command, question);
    let answered = |failure: Failure, answer: &str| failure.answered(Answer::new(&asked, answer));
    let input = Zeroizing::new(format!("{question}\n"));
    let ended = tokio::time::timeout(limit, converse(&mut child, &input)).await.map_err(|_| {
        let text = format!(
            "the command {program} did not end within {} seconds and was killed",
            limit.as_secs_f32()
        );
        answered(Failure::uncertain(Reason::Timeout, text), "killed at its time limit")
    })?;
    let ended = ended.map_err(|error| {
        let text = format!("the conversation with the command {program} broke off: {error}");
        answered(Failure::uncertain(Reason::CommandFailed, text), "the conversation broke off")
    })?;
    if ended.too_much {
        let text = format!("the command {program} wrote more than {OUTPUT_LIMIT} bytes and was killed");
        return Err(answered(Failure::uncertain(Reason::TooLarge, text), "killed: it wrote too much"));
    }
    group.0 = None;
    let code = ended.status.and_then(|status| status.code());
    let ending = code.map_or_else(|| "ended by a signal".to_owned(), |code| format!("exit {code}"));
    judge(program, ended).map_err(|failure| answered(failure, &ending))
}

/// The command and whatever it started: killed when this is dropped while it still holds the number.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        let leader = self.0.and_then(|id| i32::try_from(id).ok()).map(nix::unistd::Pid::from_raw);
        // Nothing is left to kill where it ended by itself; `kill_on_drop` covers the program.
        leader.map(|leader| nix::sys::signal::killpg(leader, nix::sys::signal::SIGKILL).ok());
    }
}

struct Ended {
    too_much: bool,
    status: Option<ExitStatus>,
    output: Vec<u8>,
    complaint: Vec<u8>,
}

async fn converse(child: &mut Child, input: &str) -> std::io::Result<Ended> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let Some(mut pipe) = stdin {
            // A command that does not care for the question may close its input early.
            drop(pipe.write_all(input.as_bytes()).await);
            drop(pipe.shutdown().await);
        }
    };
    let ((), output, complaint) = tokio::join!(write, read(stdout), read_all(stderr));
    let (output, too_much) = output?;
    let status = if too_much { None } else { Some(child.wait().await?) };
    Ok(Ended { too_much, status, output, complaint: complaint? })
}

/// Reads up to the limit, and says whether there was more.
async fn read(pipe: Option<impl AsyncRead + Unpin>) -> std::io::Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    let Some(pipe) = pipe else { return Ok((bytes, false)) };
    let mut pipe = pipe.take(OUTPUT_LIMIT.saturating_add(1));
    pipe.read_to_end(&mut bytes).await?;
    Ok((bytes, pipe.limit() == 0))
}

/// Reads to the end and keeps the last part only, so that a talkative command is never blocked by us.
async fn read_all(pipe: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let Some(mut pipe) = pipe else { return Ok(kept) };
    let mut chunk = [0_u8; 4096];
    loop {
        let count = pipe.read(&mut chunk).await?;
        if count == 0 {
            return Ok(kept);
        }
        kept.extend(chunk.iter().take(count));
        let surplus = kept.len().saturating_sub(chunk.len());
        kept.drain(..surplus);
    }
}

fn judge(program: &str, ended: Ended) -> Result<String, Failure> {
    let said = last_line(&ended.complaint);
    match ended.status.and_then(|status| status.code()) {
        Some(0) => String::from_utf8(ended.output).map_err(|_| {
            Failure::uncertain(
                Reason::UnexpectedAnswer,
                format!("what the command {program} wrote is not text"),
            )
        }),
        Some(1) => Err(Failure::certain(
            Reason::CommandFailed,
            format!("the command {program} failed without effect (exit 1){said}"),
        )),
        Some(2) => Err(Failure::uncertain(
            Reason::CommandFailed,
            format!("the command {program} failed and may have had an effect (exit 2){said}"),
        )),
        Some(3) => Err(Failure::certain(
            Reason::StateChanged,
            format!("the command {program} found that it had changed meanwhile (exit 3){said}"),
        )),
        Some(code) => Err(Failure::uncertain(
            Reason::CommandFailed,
            format!("the command {program} ended with {code}, which is none of 0, 1, 2, 3{said}"),
        )),
        None => Err(Failure::uncertain(
            Reason::CommandFailed,
            format!("the command {program} was ended by a signal{said}"),
        )),
    }
}

fn last_line(complaint: &[u8]) -> String {
    let text = String::from_utf8_lossy(complaint);
    let Some(line) = text.lines().rev().find(|line| !line.trim().is_empty()) else {
        return String::new();
    };
    if line.contains("PRIVATE KEY") {
        return ": (its last line is not shown)".to_owned();
    }
    let shown: String = line.trim().chars().filter(|c| !c.is_control()).take(SHOWN).collect();
    format!(": {shown}")
}

fn not_started(program: &str, error: &std::io::Error) -> Failure {
    let kind = error.kind();
    let reason = if kind == std::io::ErrorKind::NotFound {
        Reason::NotFound
    } else if kind == std::io::ErrorKind::PermissionDenied {
        Reason::PermissionDenied
    } else {
        Reason::CommandFailed
    };
    Failure::certain(reason, format!("the command {program} cannot be started: {error}"))
}
