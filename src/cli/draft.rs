//! `certsteward config draft`: an operator's first hour, written down as a configuration.
//! It asks the Destination service and changes nothing there; what it writes observes only.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Common;
use super::exit::{Exit, Failed, as_options};
use super::output::Output;
use super::watches;
use crate::app;
use crate::clock::{Clock as _, SystemClock};
use crate::config;
use crate::config::draft::{Drafted, Watched, Wish};
use crate::formats;
use crate::net;
use crate::secret::SecretRef;

/// Write a first configuration from what a Destination service holds
///
/// Asks the BTP Destination service, read only: its destinations, the certificate that each names, and each certificate's public
/// part; no private key is fetched. Writes a configuration that only observes: one watch for each certificate in use, a probe
/// where a destination says which API it calls, and at its head what is wrong there already. It passes `config check` and runs.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER, group = clap::ArgGroup::new("from").required(true))]
pub(super) struct Arguments {
    /// The service key of a Destination service instance, as the BTP cockpit shows it; the file is referred to, not copied
    #[arg(long, value_name = "F", group = "from")]
    service_key: Option<PathBuf>,
    /// A connection of the configuration (--config) instead; what is watched there already is left out
    #[arg(long, value_name = "NAME", group = "from")]
    connection: Option<String>,
    /// The API that is called, where a destination does not say so itself
    #[arg(long, value_name = "URL", requires = "company_id")]
    api: Option<String>,
    /// The company id that belongs to it
    #[arg(long, value_name = "ID", requires = "api")]
    company_id: Option<String>,
    /// Whose certificates: of the subaccount, of the service key's own instance, or of both
    #[arg(long, value_enum, default_value = "both")]
    level: Level,
    /// Authorities trusted beside the system's (PEM), for the Destination service and the API
    #[arg(long, value_name = "F")]
    ca: Option<PathBuf>,
    /// An HTTP proxy for both; "none" ignores the environment's
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
    /// Where to write it; without it: to standard output
    #[arg(long, value_name = "F")]
    output: Option<PathBuf>,
    /// Write over what stands there
    #[arg(long, requires = "output")]
    force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Level {
    /// Of the whole subaccount
    Subaccount,
    /// Of the instance that the service key belongs to
    Instance,
    /// Of both
    Both,
}

const AFTER: &str = "\
Examples:
  certsteward config draft --service-key btp-prod.json --output certsteward.toml
  certsteward config draft --service-key btp-prod.json --api https://api4.cert.successfactors.com --company-id ACME
  certsteward config draft --connection btp-prod --level subaccount   what the configuration does not watch yet";

/// The name of the drafted connection.
const CONNECTION: &str = "btp";
/// Where the systemd unit's configuration lives, whose state is kept elsewhere.
const INSTALLED: &str = "/etc/certsteward";

impl Arguments {
    pub(super) async fn perform(&self, common: &Common, output: &mut Output) -> Result<Exit, Failed> {
        self.refuse_to_overwrite()?;
        let wish = self.wish(common)?;
        let drafted = app::draft(&wish, &self.place()?, &mut |text| output.aside(text)).await;
        let drafted = drafted.map_err(|unseen| Failed::could_not(as_options(&unseen.text)))?;
        match &self.output {
            None => output.bytes(drafted.text.as_bytes()),
            Some(path) => {
                self.write(path, &drafted)?;
                summary(path, &drafted, output);
            }
        }
        Ok(Exit::Done)
    }

    fn wish(&self, common: &Common) -> Result<Wish, Failed> {
        let tenant = self.api.clone().zip(self.company_id.clone());
        if let Some((api, _)) = &tenant {
            config::check_api(api).map_err(|why| Failed::usage(format!("--api: {why}")))?;
        }
        let mut wish = Wish {
            connection: CONNECTION.to_owned(),
            service_key: SecretRef::File(PathBuf::new()),
            levels: self.level.levels(),
            tenant: tenant.map(|(api, company)| (api.trim_end_matches('/').to_owned(), company)),
            net: net::Settings::default(),
            folder: self.folder()?,
            beside: self.is_beside(),
            stem: self.stem(),
            watched: Watched::default(),
            now: SystemClock.now(),
        };
        if let Some(name) = &self.connection {
            let config = watches::configuration(common)?;
            let settings = app::connection(&config, name).map_err(|unseen| Failed::because(&unseen))?;
            wish.connection.clone_from(name);
            wish.service_key = settings.service_key.clone();
            wish.net = settings.net.clone();
            wish.watched = app::watched(&config, name);
        }
        if let Some(file) = &self.service_key {
            wish.service_key = SecretRef::File(full(file)?);
        }
        if let Some(file) = &self.ca {
            wish.net.ca = Some(full(file)?);
        }
        if let Some(proxy) = &self.proxy {
            wish.net.proxy = Some(proxy.clone());
        }
        wish.net.timeout = LIMIT;
        Ok(wish)
    }

    /// The folder of the file, in full; none where nobody knows where it will stand.
    fn folder(&self) -> Result<Option<PathBuf>, Failed> {
        let Some(path) = &self.output else { return Ok(None) };
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let full = folder.canonicalize();
        full.map(Some).map_err(|error| {
            Failed::could_not(format!("there is no folder {} to write into: {error}", folder.display()))
        })
    }

    fn place(&self) -> Result<PathBuf, Failed> {
        let name = self.output.as_ref().and_then(|path| path.file_name());
        Ok(self.folder()?.unwrap_or_default().join(name.unwrap_or("draft.toml".as_ref())))
    }

    fn is_beside(&self) -> bool {
        !self.folder().is_ok_and(|folder| folder.is_some_and(|folder| folder.starts_with(INSTALLED)))
    }

    /// What socket and state are called beside the file: as it is, so that several can stand in one folder.
    fn stem(&self) -> String {
        let stem = self.output.as_ref().and_then(|path| path.file_stem());
        stem.map_or_else(|| "certsteward".to_owned(), |stem| stem.to_string_lossy().into_owned())
    }

    fn refuse_to_overwrite(&self) -> Result<(), Failed> {
        match &self.output {
            Some(path) if !self.force && path.symlink_metadata().is_ok() => Err(stands_there(path)),
            Some(_) | None => Ok(()),
        }
    }

    /// Whole or not at all, and over nothing that somebody else put there meanwhile.
    fn write(&self, path: &Path, drafted: &Drafted) -> Result<(), Failed> {
        let failed =
            |error: std::io::Error| Failed::could_not(format!("cannot write {}: {error}", path.display()));
        if self.force {
            return formats::files::write(path, drafted.text.as_bytes())
                .map_err(|failure| Failed::could_not(failure.text));
        }
        let file = OpenOptions::new().write(true).create_new(true).open(path);
        let mut file = file.map_err(|error| {
            if error.kind() == ErrorKind::AlreadyExists { stands_there(path) } else { failed(error) }
        })?;
        file.write_all(drafted.text.as_bytes()).map_err(failed)
    }
}

/// The limit for one request.
const LIMIT: Duration = Duration::from_secs(30);

fn stands_there(path: &Path) -> Failed {
    Failed::could_not(format!(
        "{} is there already and is left as it is; name another file, or add --force",
        path.display()
    ))
}

fn full(file: &Path) -> Result<PathBuf, Failed> {
    file.canonicalize().map_err(|error| Failed::could_not(format!("cannot read {}: {error}", file.display())))
}

fn summary(path: &Path, drafted: &Drafted, output: &mut Output) {
    let wrong = match drafted.wrong {
        0 => "nothing is wrong there as far as can be seen without a call to the API".to_owned(),
        1 => "1 thing is wrong there already, which its head tells".to_owned(),
        several => format!("{several} things are wrong there already, which its head tells"),
    };
    let watches = match drafted.watches {
        1 => "1 watch".to_owned(),
        several => format!("{several} watches"),
    };
    output.line(format_args!("wrote {}: {watches}; {wrong}", path.display()));
    output.line(format_args!("next: certsteward --config {} check", path.display()));
}

impl Level {
    fn levels(self) -> Vec<app::Level> {
        match self {
            Self::Subaccount => vec![app::Level::Subaccount],
            Self::Instance => vec![app::Level::Instance],
            Self::Both => app::Level::ALL.to_vec(),
        }
    }
}
