//! The simulated systems alone: what they write is enough for certsteward to begin with.
//! The whole life of a renewal in the sandbox is tested elsewhere.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use super::{certsteward, command};

/// The simulated systems, ended by their own id when the test ends.
struct Landscape(Child);

impl Landscape {
    fn start(folder: &std::path::Path) -> Self {
        let arguments = ["sandbox", "--landscape-only", "--dir", "lab", "--hands", "me"];
        let mut child = command(folder, &arguments).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let landscape = Self(child);
        // The lines end where the process does, so this waits no longer than it lives.
        assert!(lines.into_iter().any(|line| line.starts_with("ready: ")), "it ended before it was ready");
        landscape
    }
}

impl Drop for Landscape {
    fn drop(&mut self) {
        let _killed = self.0.kill();
        let _ended = self.0.wait();
    }
}

#[test]
fn the_landscapes_configuration_is_valid_and_its_certificate_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let _landscape = Landscape::start(folder.path());
    let run = |arguments: &[&str]| {
        certsteward(folder.path(), &[&["--config", "lab/certsteward.toml"], arguments].concat())
    };
    run(&["config", "check"]).expect(0, "lab/certsteward.toml: valid, 1 watch, 1 notifier\n", "");
    let probed = run(&["probe", "sf-odata"]);
    assert_eq!(probed.code, 0, "{}{}", probed.out, probed.err);
    assert!(probed.out.starts_with("sf-odata odata: accepted\n"), "{}", probed.out);
    let told = run(&["notify", "test", "hris"]);
    assert_eq!(told.code, 0, "{}", told.err);
}

#[test]
fn the_simulated_systems_alone_need_a_folder() {
    let ran = certsteward(std::path::Path::new("."), &["sandbox", "--landscape-only"]);
    assert_eq!(ran.code, 64, "{}", ran.err);
}

#[test]
fn the_help_says_plainly_what_is_simulated() {
    let ran = certsteward(std::path::Path::new("."), &["sandbox", "--help"]);
    let text = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("SIMULATED, on loopback"), "{text}");
    assert!(text.contains("No system of SAP is contacted"), "{text}");
}
