//! The process that reads one file after the other, within a bound of memory, and says of each what came of it.
//! It counts nothing, and ends where it cannot go on; whoever asked starts another.

use std::io::{BufRead as _, Write as _};
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Instant;

use certsteward::domain::chain::Chain;
use certsteward::domain::reason::{Reason, Unseen};
use certsteward::formats::{self, Content, PublicForm, public};

/// What makes the program a worker.
pub(crate) const WORD: &str = "--worker";
/// What the line with the outcome begins with; all before it is what `inspect` printed.
pub(crate) const MARK: &str = "\u{1e}outcome\t";

/// Where the last panic was.
static PANICKED: Mutex<String> = Mutex::new(String::new());

/// Answers each path on standard input with one line, until there are no more.
pub(crate) fn serve() -> ExitCode {
    let mebibytes: u64 = std::env::args().nth(2).unwrap().parse().unwrap();
    let passwords = std::env::args().nth(3).map_or_else(Vec::new, |file| {
        std::fs::read_to_string(&file)
            .unwrap_or_else(|e| panic!("{file}: {e}"))
            .lines()
            .map(str::to_owned)
            .collect()
    });
    let limit = mebibytes << 20;
    nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_AS, limit, limit).unwrap();
    std::panic::set_hook(Box::new(|info| *PANICKED.lock().unwrap() = info.to_string()));
    for path in std::io::stdin().lock().lines().map(Result::unwrap) {
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let started = Instant::now();
        let told = std::panic::catch_unwind(AssertUnwindSafe(|| look(Path::new(&path), &passwords)));
        let told = told.unwrap_or_else(|_| format!("panic\t0\t0\t{}", one_line(&PANICKED.lock().unwrap())));
        let mut out = std::io::stdout().lock();
        writeln!(out, "{MARK}{}\t{}\t{told}", started.elapsed().as_millis(), peak()).unwrap();
        out.flush().unwrap();
    }
    ExitCode::SUCCESS
}

/// The most memory that was resident since it was last set back, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// What came of it: a word, certificates, oddities, a sentence.
fn look(path: &Path, passwords: &[String]) -> String {
    let told = |outcome: &str, content: Option<&Content>, text: &str| {
        let (certificates, oddities) = content.map_or((0, 0), |c| (c.certificates.len(), c.oddities.len()));
        format!("{outcome}\t{certificates}\t{oddities}\t{}", one_line(text))
    };
    let bytes = match formats::files::read(path) {
        Ok((bytes, _)) => bytes,
        Err(odd) => return told(odd.reason.code(), None, &odd.text),
    };
    let mut password = None;
    let mut read = formats::read(&bytes, None);
    if let Err(Unseen { reason: Reason::PasswordNeeded | Reason::PasswordWrong, .. }) = read {
        // Whatever is not said of the password is said of what lies behind it.
        let of_password =
            |read: &Result<Content, Unseen>| matches!(read, Err(odd) if odd.reason == Reason::PasswordWrong);
        let tried = passwords.iter().map(|word| (word.as_str(), formats::read(&bytes, Some(word))));
        if let Some((word, behind)) = tried.into_iter().find(|(_, read)| !of_password(read)) {
            password = Some(word);
            read = behind;
        }
    }
    as_other_verbs_do(&bytes, password);
    as_inspect_does(path);
    match read {
        Ok(content) => {
            let odd: Vec<&str> = content.oddities.iter().map(|odd| odd.text.as_str()).collect();
            told("accepted", Some(&content), &format!("{} {}", content.form, odd.join(" | ")))
        }
        Err(odd) => told(odd.reason.code(), None, &odd.text),
    }
}

/// The verb itself, onto standard output.
fn as_inspect_does(path: &Path) {
    for form in [&[][..], &["--json"]] {
        let words = ["certsteward".as_ref(), "inspect".as_ref(), path.as_os_str()];
        let words = words.into_iter().chain(form.iter().map(std::ffi::OsStr::new));
        certsteward::cli::run(words.map(ToOwned::to_owned));
    }
}

/// What a sighting, a probe and an export make of the same bytes.
fn as_other_verbs_do(bytes: &[u8], password: Option<&str>) {
    drop(formats::identity(bytes, password));
    if let Ok(opened) = formats::open(bytes, password) {
        for form in [PublicForm::Pem, PublicForm::Chain, PublicForm::Cer, PublicForm::Der] {
            let out = public::public(&opened.chain, form).expect("what was read can be written");
            let again = formats::read(&out, None).expect("what was written can be read");
            assert_eq!(again.certificates[0], *opened.chain.leaf, "and is the same");
            drop(Chain::assemble(again.certificates, None));
        }
    }
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
