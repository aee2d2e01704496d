//! The public chain in a file, written atomically.
//! It never writes a key.

use std::path::{Path, PathBuf};

use super::Target;
use crate::domain::certificate::Fingerprint;
use crate::domain::chain::Chain;
use crate::domain::reason::{Answer, Failure, Reason, Unseen};
use crate::formats::{self, PublicForm, files};

/// Which file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The file.
    pub path: PathBuf,
    /// In which form.
    pub format: PublicForm,
}

/// One file that a relying party reads.
pub struct File {
    settings: Settings,
}

impl File {
    /// Touches nothing yet.
    #[must_use]
    pub const fn new(settings: Settings) -> Self {
        Self { settings }
    }
}

#[async_trait::async_trait]
impl Target for File {
    /// Compares the leaf of what stands there. What cannot be understood is not this certificate; what cannot be read is unseen.
    async fn look(&self, chain: &Chain) -> Result<Option<bool>, Unseen> {
        let (path, wanted) = (self.settings.path.clone(), chain.fingerprint());
        files::apart(&self.settings.path, move || holds(&path, wanted)).await?.map(Some)
    }

    /// Writes only what differs, and never over a private key.
    async fn publish(&self, chain: &Chain) -> Result<Answer, Failure> {
        let path = self.settings.path.clone();
        let wanted = formats::public::public(chain, self.settings.format)?;
        files::apart(&self.settings.path, move || put(&path, &wanted))
            .await
            .map_err(|odd| Failure::uncertain(odd.reason, odd.text))?
    }
}

fn holds(path: &Path, wanted: Fingerprint) -> Result<bool, Unseen> {
    if files::stamp(path)?.is_none() {
        return Ok(false);
    }
    let (bytes, _) = files::read(path)?;
    Ok(formats::open(&bytes, None).is_ok_and(|there| there.chain.fingerprint() == wanted))
}

fn put(path: &Path, wanted: &[u8]) -> Result<Answer, Failure> {
    let said = |word: &str| Answer::new(format!("write {}", path.display()), word);
    if files::stamp(path)?.is_some() {
        let (there, _) = files::read(path)?;
        if there.as_slice() == wanted {
            return Ok(said("stands there already"));
        }
        if formats::public::scan(&there).is_err() {
            let text = format!(
                "{} holds a private key, which writing the public certificate there would destroy; name another file",
                path.display()
            );
            return Err(Failure::certain(Reason::KeyMaterial, text));
        }
    }
    match files::write(path, wanted) {
        Ok(()) => Ok(said("written")),
        Err(failure) => {
            let answer = said(failure.reason.code());
            Err(failure.answered(answer))
        }
    }
}
