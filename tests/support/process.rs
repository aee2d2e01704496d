//! Real servers as child processes that end with the test.

use std::process::{Child, Command, Stdio};

/// A child that is killed, by its own id, when the test ends in whatever way.
pub struct Running(Child);

impl Running {
    /// Starts it without input; its errors go to the test's output.
    pub fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("the program starts"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _killed = self.0.kill();
        let _ended = self.0.wait();
    }
}

/// A child with the children it makes: they end together.
pub struct Group(Child);

impl Group {
    /// Starts it as the leader of a group of its own, without input and output.
    pub fn start(command: &mut Command) -> Self {
        use std::os::unix::process::CommandExt as _;
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(quiet.process_group(0).spawn().expect("the program starts"))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let group = nix::unistd::Pid::from_raw(self.0.id().try_into().unwrap());
        let _ended = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
        let _reaped = self.0.wait();
    }
}

/// Where a program is. Without it the test is skipped in words, or fails where all tests are asked for.
pub fn program(name: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    if found.is_none() {
        skipped(&format!("{name} is not installed"));
    }
    found
}

/// Says what is not tested here, or fails where all tests are asked for.
pub fn skipped(why: &str) {
    assert!(std::env::var_os("CERTSTEWARD_TESTS_NEED_ALL").is_none(), "{why}");
    println!("SKIPPED: {why}");
}
