//! A certificate in a file: any form that [`crate::formats`] opens, changes noticed by looking again.
//! It watches no directory; the bell does.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use super::Source;
use crate::domain::certificate::{Certificate, Fingerprint};
use crate::domain::chain::Chain;
use crate::domain::reason::{Reason, Unseen};
use crate::domain::report::Sighting;
use crate::domain::watch::Usage;
use crate::formats::files::{self, Stamp};
use crate::formats::{self, Opened, Wanted};
use crate::identity::Identity;
use crate::secret::SecretRef;

/// How to read one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The file.
    pub path: PathBuf,
    /// What opens it, where it is protected.
    pub password: Option<SecretRef>,
    /// A file with the private key, where it is not in the same file; without both no probe is possible.
    pub key: Option<PathBuf>,
    /// The entry that is meant, where the file is a keystore with several.
    pub alias: Option<String>,
    /// What its certificates are for.
    pub usage: Usage,
}

/// One file, and what it and files beside it showed, as long as they have not changed since.
pub struct File {
    settings: Settings,
    remembered: Mutex<Option<(Stamp, Remembered)>>,
    /// What most files do without.
    more: Mutex<Option<Box<More>>>,
}

/// What is remembered beside the file itself.
#[derive(Default)]
struct More {
    /// The key file that was found to hold the key of this certificate.
    fits: Option<(Stamp, Fingerprint)>,
    /// What files beside it showed.
    beside: HashMap<PathBuf, (Stamp, Remembered)>,
}

/// What a look showed, public parts only.
#[derive(Clone)]
struct Remembered {
    chain: Chain,
    has_key: bool,
    oddities: Vec<Unseen>,
}

impl File {
    /// Reads nothing yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, remembered: Mutex::default(), more: Mutex::default() }
    }

    /// The file in force, or another one; a relative name is looked for beside the file in force.
    fn path(&self, entry: Option<&str>) -> PathBuf {
        let own = &self.settings.path;
        entry.map_or_else(|| own.clone(), |entry| own.parent().unwrap_or(Path::new("")).join(entry))
    }

    fn known(&self, path: &Path) -> Option<(Stamp, Remembered)> {
        if path == self.settings.path {
            locked(&self.remembered).clone()
        } else {
            locked(&self.more).as_ref()?.beside.get(path).cloned()
        }
    }

    fn remember(&self, path: &Path, shown: Option<(Stamp, Remembered)>) {
        if path == self.settings.path {
            *locked(&self.remembered) = shown;
            return;
        }
        let mut more = locked(&self.more);
        match shown {
            Some(shown) => drop(more.get_or_insert_default().beside.insert(path.to_owned(), shown)),
            None => drop(more.as_mut().and_then(|more| more.beside.remove(path))),
        }
    }

    /// Parses anew only what changed; none where nothing is there. A failure is never remembered, as its cause may lie in
    /// another file; nor is what a wrong password left shut.
    async fn opened(&self, path: &Path) -> Result<Option<Remembered>, Unseen> {
        let (own, settings, known) = (path.to_owned(), self.settings.clone(), self.known(path));
        let looked = files::apart(path, move || match (files::stamp(&own)?, known) {
            (None, _) => Ok(Looked::Nothing),
            (Some(stamp), Some(known)) if known.0 == stamp => Ok(Looked::Known(known)),
            (Some(_), _) => {
                let (bytes, stamp) = files::read(&own)?;
                if is_light(&bytes, &settings) {
                    return Ok(Looked::Light(bytes, stamp));
                }
                Ok(Looked::Known((stamp, parse(&bytes, &own, &settings)?)))
            }
        });
        let shown = match looked.await? {
            Ok(Looked::Nothing) => Ok(None),
            Ok(Looked::Known(known)) => Ok(Some(known)),
            Ok(Looked::Light(bytes, stamp)) => {
                self.parse_here(bytes, path).await.map(|remembered| Some((stamp, remembered)))
            }
            Err(unseen) => Err(unseen),
        };
        let settled = |(_, shown): &(Stamp, Remembered)| {
            shown.oddities.iter().all(|odd| odd.reason != Reason::PasswordWrong)
        };
        self.remember(path, shown.as_ref().ok().cloned().flatten().filter(settled));
        Ok(shown?.map(|(_, remembered)| remembered))
    }

    /// Parses in place what needs no more than that, and apart what turns out to need more.
    async fn parse_here(&self, bytes: Zeroizing<Vec<u8>>, path: &Path) -> Result<Remembered, Unseen> {
        if let Some(parsed) = parse_lightly(&bytes, path, &self.settings) {
            return parsed;
        }
        let (own, settings) = (path.to_owned(), self.settings.clone());
        files::apart(path, move || parse(&bytes, &own, &settings)).await?
    }
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait::async_trait]
impl Source for File {
    async fn look(&self, entry: Option<&str>) -> Result<Option<Sighting>, Unseen> {
        let path = self.path(entry);
        let Some(Remembered { chain, mut has_key, mut oddities }) = self.opened(&path).await? else {
            return Ok(None);
        };
        if let Some(key) = self.settings.key.clone() {
            let (settings, leaf) = (self.settings.clone(), chain.leaf.clone());
            let known = locked(&self.more).as_ref().and_then(|more| more.fits);
            match files::apart(&path, move || key_file(&key, &settings, &leaf, known)).await? {
                Ok(stamp) => {
                    has_key = true;
                    locked(&self.more).get_or_insert_default().fits = Some((stamp, chain.fingerprint()));
                }
                Err(odd) => {
                    has_key |= !matches!(odd.reason, Reason::NotFound | Reason::KeyMismatch);
                    oddities.push(odd);
                }
            }
        }
        let name = Some(path.display().to_string());
        Ok(Some(Sighting { chain, name, has_key: Some(has_key), destination: None, oddities }))
    }

    fn is_unchanged(&self) -> bool {
        let known = locked(&self.remembered).as_ref().map(|(stamp, _)| *stamp);
        let same = |known: Stamp| matches!(files::stamp(&self.settings.path), Ok(Some(now)) if now == known);
        self.settings.key.is_none() && known.is_some_and(same)
    }

    async fn identity(&self, entry: Option<&str>) -> Result<Identity, Unseen> {
        let path = self.path(entry);
        let (own, settings) = (path.clone(), self.settings.clone());
        files::apart(&path, move || join(&own, &settings)).await?
    }
}

/// What a look at a file came to.
enum Looked {
    Nothing,
    Known((Stamp, Remembered)),
    /// Still to be parsed, which most likely takes no time worth a thread of its own. What is kept for long is then not made by the dozens
    /// of threads that wait for file systems: each of them would leave a hole in memory around it.
    Light(Zeroizing<Vec<u8>>, Stamp),
}

/// Whether parsing most likely takes microseconds. Whether it does is known only by what lies in it.
fn is_light(bytes: &[u8], settings: &Settings) -> bool {
    const LIGHT: usize = 32 * 1024;
    settings.password.is_none() && bytes.len() <= LIGHT && bytes.trim_ascii_start().starts_with(b"-----BEGIN")
}

fn parse(bytes: &[u8], path: &Path, settings: &Settings) -> Result<Remembered, Unseen> {
    let password = settings.password.as_ref().map(SecretRef::read).transpose()?;
    let wanted = wanted(settings, password.as_ref().map(|password| password.as_str()));
    formats::open_wanted(bytes, wanted).map(Remembered::from).map_err(|odd| at(path, settings, &odd))
}

/// As [`parse`]; none where that is more than reading: no password is hashed by those who serve everybody.
fn parse_lightly(bytes: &[u8], path: &Path, settings: &Settings) -> Option<Result<Remembered, Unseen>> {
    let opened = formats::open_lightly(bytes, wanted(settings, None))?;
    Some(opened.map(Remembered::from).map_err(|odd| at(path, settings, &odd)))
}

impl From<Opened> for Remembered {
    fn from(opened: Opened) -> Self {
        Self { chain: opened.chain, has_key: opened.has_key, oddities: opened.oddities }
    }
}

fn wanted<'a>(settings: &'a Settings, password: Option<&'a str>) -> Wanted<'a> {
    Wanted { password, alias: settings.alias.as_deref(), usage: settings.usage }
}

/// Whether the key file holds the key of this certificate: read anew only where one of them changed.
fn key_file(
    path: &Path,
    settings: &Settings,
    leaf: &Certificate,
    known: Option<(Stamp, Fingerprint)>,
) -> Result<Stamp, Unseen> {
    let Some(stamp) = files::stamp(path)? else {
        return Err(Unseen::new(Reason::NotFound, format!("the key file {} does not exist", path.display())));
    };
    if known == Some((stamp, leaf.fingerprint)) {
        return Ok(stamp);
    }
    let (key, stamp) = files::read(path)?;
    let password = settings.password.as_ref().map(SecretRef::read).transpose()?;
    match formats::belongs(&key, leaf, password.as_ref().map(|password| password.as_str())) {
        Ok(()) => Ok(stamp),
        Err(odd) if odd.reason == Reason::KeyMismatch => {
            let (key, name, place) = (path.display(), leaf.common_name(), settings.path.display());
            let text =
                format!("the private key in {key} does not belong to the certificate {name} in {place}");
            Err(Unseen::new(odd.reason, text))
        }
        Err(odd) => Err(at(path, settings, &odd)),
    }
}

fn join(path: &Path, settings: &Settings) -> Result<Identity, Unseen> {
    let (certificate, _) = files::read(path)?;
    let password = settings.password.as_ref().map(SecretRef::read).transpose()?;
    let wanted = wanted(settings, password.as_ref().map(|password| password.as_str()));
    let Some(key) = &settings.key else {
        return formats::identity_wanted(&certificate, wanted).map_err(|odd| at(path, settings, &odd));
    };
    let (key_bytes, _) = files::read(key)?;
    formats::identity_from_wanted_parts(&certificate, &key_bytes, wanted).map_err(|odd| {
        Unseen::new(odd.reason, format!("{} with {}: {}", path.display(), key.display(), odd.text))
    })
}

fn at(path: &Path, settings: &Settings, odd: &Unseen) -> Unseen {
    let text = match settings.password.as_ref().filter(|_| odd.reason == Reason::PasswordWrong) {
        Some(password) => format!("the password in {password} does not open it"),
        None => odd.text.clone(),
    };
    Unseen::new(odd.reason, format!("{}: {text}", path.display()))
}
