//! Arguments in, exit code out: the only place where the process ends itself.
//! It decides nothing; the library does.

use std::process::ExitCode;

use nix::sys::resource::{Resource, setrlimit};

fn main() -> ExitCode {
    // Before anything is read: a core dump would write private keys to disk. Lowering a limit cannot be refused.
    let dumps_off = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    debug_assert!(dumps_off.is_ok(), "a process may always lower its own limits");
    certsteward::cli::run(std::env::args_os()).into()
}
