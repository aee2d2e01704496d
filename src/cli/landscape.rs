//! The simulated landscape as the sandbox begins it: started, its files written, a certsteward.toml that fits it.
//! It runs no certsteward.

use std::path::{Path, PathBuf};

use super::exit::{Exit, Failed};
use super::output::Output;
use super::sandbox::{Arguments, Hands, Matching, Mode, People, Rotation, Subject};
use crate::sandbox::{self, Landscape};

/// The name of the configuration in the sandbox's folder.
const CONFIGURATION: &str = "certsteward.toml";
/// Its text, with places to fill in.
const TEMPLATE: &str = include_str!("landscape.toml");

/// A running landscape and the configuration that fits it.
pub(super) struct Laid {
    /// The simulated systems.
    pub(super) landscape: Landscape,
    /// The configuration.
    pub(super) configuration: PathBuf,
}

/// Starts the simulated systems and writes what certsteward needs into the folder.
pub(super) async fn lay(arguments: &Arguments, folder: &Path) -> Result<Laid, Failed> {
    let failed = |act: &str, error: std::io::Error| Failed::could_not(format!("cannot {act}: {error}"));
    std::fs::create_dir_all(folder)
        .and_then(|()| folder.canonicalize())
        .map_err(|error| failed(&format!("make the folder {}", folder.display()), error))
        .map(drop)?;
    let configuration = folder.join(CONFIGURATION);
    refuse_anothers(&configuration)?;
    let pace = arguments.pace();
    let options = sandbox::Options {
        people: match arguments.people.unwrap_or(People::Careful) {
            People::Careful => sandbox::People::Careful,
            People::WrongFile => sandbox::People::WrongFile,
            People::TooEarly => sandbox::People::TooEarly,
            People::Liar => sandbox::People::Liar,
            People::Late => sandbox::People::Late,
        },
        matching: match arguments.matching {
            Matching::Dn => sandbox::Matching::Dn,
            Matching::Exact => sandbox::Matching::Exact,
        },
        hands: match arguments.hands() {
            Hands::Auto => sandbox::Hands::Auto { after: pace.hands_take },
            Hands::Me => sandbox::Hands::Me,
        },
        caller_cache: pace.caller_cache,
        caller_every: pace.caller_every,
        untidy: arguments.untidy,
        base_port: arguments.base_port,
        ..sandbox::Options::default()
    };
    let landscape =
        Landscape::start(options).await.map_err(|error| failed("start the simulated systems", error))?;
    landscape
        .write_files(folder)
        .map_err(|error| failed(&format!("write into {}", folder.display()), error))?;
    std::fs::write(&configuration, text(arguments, &landscape.addresses()))
        .map_err(|error| failed(&format!("write {}", configuration.display()), error))?;
    Ok(Laid { landscape, configuration })
}

/// Only what a sandbox wrote is overwritten: the folder may be somebody's real one.
fn refuse_anothers(configuration: &Path) -> Result<(), Failed> {
    let own = TEMPLATE.lines().next().unwrap_or_default();
    match std::fs::read_to_string(configuration) {
        Ok(text) if text.lines().next() == Some(own) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Ok(_) | Err(_) => Err(Failed::could_not(format!(
            "{} was not written by a sandbox, so it is left as it is; name another folder with --dir",
            configuration.display()
        ))),
    }
}

/// Starts the simulated systems, says where they are, and serves them until it is stopped.
pub(super) async fn serve(arguments: &Arguments, output: &mut Output) -> Result<Exit, Failed> {
    let folder = arguments.dir.as_deref().unwrap_or(Path::new("."));
    let stop = Stop::listen()?;
    let laid = lay(arguments, folder).await?;
    output.line("SIMULATED systems, on this machine only:");
    output.facts(2, &places(&laid.landscape.addresses()));
    let (key, ca, draft) =
        (folder.join("service-key.json"), folder.join("server-ca.pem"), folder.join("draft.toml"));
    output.line(format_args!(
        "draft a configuration: certsteward config draft --service-key {} --ca {} --output {}",
        key.display(),
        ca.display(),
        draft.display()
    ));
    output.line(format_args!("ready: certsteward --config {} run", laid.configuration.display()));
    output.flush();
    stop.wait().await;
    laid.landscape.stop().await;
    Ok(Exit::Done)
}

/// Where a person looks.
pub(super) fn places(addresses: &sandbox::Addresses) -> Vec<(String, String)> {
    let places = [
        ("Destination service", &addresses.destination_service),
        ("SuccessFactors API", &addresses.successfactors),
        ("Security Center", &addresses.security_center),
        ("Mailbox", &addresses.mailbox),
        ("Calling application", &addresses.caller),
    ];
    places.iter().map(|(name, place)| ((*name).to_owned(), (*place).clone())).collect()
}

/// The signals that end the sandbox.
pub(super) struct Stop {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Stop {
    /// Listens from now on.
    pub(super) fn listen() -> Result<Self, Failed> {
        use tokio::signal::unix::{SignalKind, signal};
        let failed = |error: std::io::Error| Failed::could_not(format!("cannot listen for signals: {error}"));
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
        })
    }

    /// Waits for one, and is done.
    pub(super) async fn wait(mut self) {
        self.signalled().await;
    }

    /// Waits for one.
    pub(super) async fn signalled(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

fn text(arguments: &Arguments, addresses: &sandbox::Addresses) -> String {
    let mode = match arguments.mode {
        Mode::Observe => "observe",
        Mode::Propose => "propose",
        Mode::Act => "act",
    };
    let rotation = match arguments.rotation {
        Rotation::SideBySide => "side-by-side",
        Rotation::InPlace => "in-place",
    };
    let subject = match arguments.subject {
        Subject::Auto => "auto",
        Subject::Same => "same",
        Subject::Counted => "counted",
    };
    let pace = arguments.pace();
    let places = [
        ("@listen@", arguments.listen.to_string()),
        ("@api@", addresses.successfactors.clone()),
        ("@smtp@", addresses.smtp.clone()),
        ("@mode@", mode.to_owned()),
        ("@rotation@", rotation.to_owned()),
        ("@subject@", subject.to_owned()),
        ("@cache@", pace.caller_cache.as_millis().to_string()),
        ("@settle@", pace.settle.as_millis().to_string()),
        ("@retire_after@", pace.retire_after.as_millis().to_string()),
        ("@patience@", pace.patience.as_millis().to_string()),
        ("@acts@", pace.acts_per_day.to_string()),
    ];
    places.iter().fold(TEMPLATE.to_owned(), |text, (place, value)| text.replace(place, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_configuration_that_a_sandbox_wrote_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(CONFIGURATION);
        assert!(refuse_anothers(&file).is_ok());
        std::fs::write(&file, TEMPLATE).unwrap();
        assert!(refuse_anothers(&file).is_ok());
        std::fs::write(&file, "[daemon]\n").unwrap();
        let failed = refuse_anothers(&file).err().unwrap();
        assert!(failed.text.contains("--dir"), "{}", failed.text);
    }
}
