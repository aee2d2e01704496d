//! Asks a worker about one file after the other, and starts another where one does not answer.
//! It reads no file itself.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use crate::Bounds;
use crate::worker::{MARK, WORD};

/// What came of one file.
pub(crate) struct Outcome {
    pub(crate) file: PathBuf,
    /// `accepted`, a reason of the closed list, `panic`, `hang` or `died`.
    pub(crate) word: String,
    pub(crate) certificates: usize,
    pub(crate) oddities: usize,
    pub(crate) text: String,
    pub(crate) millis: u64,
    pub(crate) kibibytes: u64,
    /// How many certificates openssl finds in it without a password, where it was asked.
    pub(crate) openssl: usize,
}

impl Outcome {
    pub(crate) fn is_refused(&self) -> bool {
        !self.is_accepted() && self.is_sound()
    }

    pub(crate) fn is_accepted(&self) -> bool {
        self.word == "accepted"
    }

    pub(crate) fn is_sound(&self) -> bool {
        !matches!(self.word.as_str(), "panic" | "hang" | "died")
    }

    fn read(file: &Path, line: &str) -> Self {
        let mut parts = line.splitn(6, '\t');
        let mut number = || parts.next().unwrap().parse::<u64>();
        let (millis, kibibytes) = (number().unwrap(), number().unwrap());
        let word = parts.next().unwrap().to_owned();
        let mut count = || parts.next().unwrap().parse::<usize>().unwrap();
        let (certificates, oddities) = (count(), count());
        let text = parts.next().unwrap().to_owned();
        Self { file: file.to_owned(), word, certificates, oddities, text, millis, kibibytes, openssl: 0 }
    }

    fn lost(file: &Path, word: &str, text: String) -> Self {
        let (word, file) = (word.to_owned(), file.to_owned());
        Self { file, word, certificates: 0, oddities: 0, text, millis: 0, kibibytes: 0, openssl: 0 }
    }
}

/// A worker and what is needed to start it again.
pub(crate) struct Asked {
    bounds: Bounds,
    child: Child,
    questions: ChildStdin,
    answers: Receiver<String>,
}

impl Asked {
    pub(crate) fn start(bounds: &Bounds) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg(WORD).arg(bounds.mebibytes.to_string()).args(&bounds.passwords);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let (tell, answers) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.split(b'\n').map_while(Result::ok) {
                if let Some(outcome) = String::from_utf8_lossy(&line).strip_prefix(MARK)
                    && tell.send(outcome.to_owned()).is_err()
                {
                    return;
                }
            }
        });
        Self { bounds: bounds.clone(), questions: child.stdin.take().unwrap(), child, answers }
    }

    pub(crate) fn about(&mut self, file: &Path, limit: Duration) -> Outcome {
        let asked = writeln!(self.questions, "{}", file.display());
        let answer = if asked.is_ok() {
            self.answers.recv_timeout(limit)
        } else {
            Err(RecvTimeoutError::Disconnected)
        };
        let lost = match answer {
            Ok(line) => return Outcome::read(file, &line),
            Err(RecvTimeoutError::Timeout) => {
                Outcome::lost(file, "hang", format!("no answer within {} s", limit.as_secs()))
            }
            Err(RecvTimeoutError::Disconnected) => {
                let within = self.bounds.mebibytes;
                Outcome::lost(file, "died", format!("the process ended; it may use {within} MiB"))
            }
        };
        drop(self.child.kill());
        drop(self.child.wait());
        *self = Self::start(&self.bounds);
        lost
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// How many certificates openssl finds in a file; text without any armour is not asked about.
pub(crate) fn openssl_finds(file: &Path) -> usize {
    let bytes = std::fs::read(file).unwrap();
    let is_plain_text =
        std::str::from_utf8(&bytes).is_ok() && !bytes.windows(11).any(|part| part == b"-----BEGIN ");
    if is_plain_text || bytes.is_empty() {
        return 0;
    }
    let mut command = Command::new("timeout");
    command.args(["10", "openssl", "storeutl", "-certs", "-noout", "-passin", "pass:"]).arg(file);
    let told = command.stdin(Stdio::null()).output().expect("openssl is installed");
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    told.lines().find_map(|line| line.strip_prefix("Total found: ")?.parse().ok()).unwrap_or_default()
}
