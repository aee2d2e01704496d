//! `certsteward export`: the public part of a watch's certificate or of a file, re-encoded from what was parsed.
//! No private key ever leaves through it.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Common;
use super::daemon::{Daemon, segment};
use super::exit::{Exit, Failed};
use super::inspect::read_file;
use super::output::Output;
use crate::domain::chain::Chain;
use crate::formats::{self, PublicForm, Wanted};
use crate::secret::SecretRef;

/// Write the public part of a certificate, and nothing else
///
/// The certificate is parsed and encoded anew, and the result is scanned before it leaves: neither a private key nor
/// anything that stood around the certificate comes with it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  certsteward export sfapi.p12 --password-file pw --format cer -o sfapi.cer\n  certsteward export sf-odata-prod --format pem"
)]
pub(super) struct Arguments {
    /// The watch's id, or a file
    #[arg(value_name = "WATCH|FILE")]
    what: String,
    /// pem: the leaf; chain: the leaf and its intermediates; cer: the leaf as Windows exports it; der: the leaf in binary
    #[arg(long, value_enum, default_value = "pem")]
    format: Format,
    /// The file to write; without it: standard output
    #[arg(short, long, value_name = "F")]
    output: Option<PathBuf>,
    /// The file with the password that opens FILE
    #[arg(long, value_name = "F")]
    password_file: Option<PathBuf>,
    /// The entry that is meant, where a keystore has several
    #[arg(long, value_name = "NAME")]
    alias: Option<String>,
    /// Tell what was written and left out as JSON, on standard error unless -o is given
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Pem,
    Chain,
    Cer,
    Der,
}

impl From<Format> for PublicForm {
    fn from(format: Format) -> Self {
        match format {
            Format::Pem => Self::Pem,
            Format::Chain => Self::Chain,
            Format::Cer => Self::Cer,
            Format::Der => Self::Der,
        }
    }
}

/// A chain and what lay beside it.
struct Found {
    chain: Chain,
    left_out: Vec<String>,
}

impl Arguments {
    pub(super) async fn perform(&self, common: &Common, output: &mut Output) -> Result<Exit, Failed> {
        let mut found =
            if Path::new(&self.what).is_file() { self.open_file()? } else { self.ask_daemon(common).await? };
        let bytes = formats::public::public(&found.chain, self.format.into())
            .map_err(|error| Failed::could_not(format!("{}: {error}", self.what)))?;
        found.leave_out_issuers(self.format);
        self.deliver(&bytes, output)?;
        self.report(&found, output);
        Ok(Exit::Done)
    }

    fn open_file(&self) -> Result<Found, Failed> {
        let bytes = read_file(Path::new(&self.what))?;
        let password = match &self.password_file {
            Some(file) => Some(SecretRef::File(file.clone()).read().map_err(|e| Failed::because(&e))?),
            None => None,
        };
        let password = password.as_ref().map(|text| text.as_str());
        let wanted = Wanted { password, alias: self.alias.as_deref(), ..Wanted::default() };
        let opened = formats::open_wanted(&bytes, wanted)
            .map_err(|unseen| Failed::could_not(format!("{}: {unseen}", self.what)))?;
        let mut left_out = Vec::new();
        if opened.has_key {
            left_out.push("the private key".to_owned());
        }
        left_out.extend(opened.oddities.iter().map(|odd| format!("a part that could not be read: {odd}")));
        Ok(Found { chain: opened.chain, left_out })
    }

    async fn ask_daemon(&self, common: &Common) -> Result<Found, Failed> {
        let watch = segment("watch", &self.what).map_err(|_| {
            Failed::could_not(format!("there is no file {}, and no watch has such an id", self.what))
        })?;
        let path = format!("/watches/{watch}/public.pem");
        let answer = Daemon::reach(common)?.get(&path).await.map_err(|error| {
            if error.is_not_running() {
                return Failed::could_not(format!(
                    "there is no file {watch}, and the watch {watch} cannot be asked for: {error}"
                ));
            }
            Failed::could_not(format!("there is no file {watch}, so a watch is meant: {error}"))
        })?;
        let pem = answer.as_str().unwrap_or_default();
        let opened = formats::open(pem.as_bytes(), None)
            .map_err(|unseen| Failed::could_not(format!("the certificate of {watch}: {unseen}")))?;
        Ok(Found { chain: opened.chain, left_out: Vec::new() })
    }

    fn deliver(&self, bytes: &[u8], output: &mut Output) -> Result<(), Failed> {
        let Some(path) = &self.output else {
            output.bytes(bytes);
            return Ok(());
        };
        let written = std::fs::File::create(path).and_then(|mut file| file.write_all(bytes));
        written.map_err(|error| Failed::could_not(format!("cannot write {}: {error}", path.display())))
    }

    fn report(&self, found: &Found, output: &mut Output) {
        let (name, place) = (found.chain.leaf.common_name(), self.place());
        if self.json {
            let report = self.as_json(found);
            return if self.output.is_some() { output.json(&report) } else { output.aside(report) };
        }
        let left_out = match found.left_out.as_slice() {
            [] => String::new(),
            parts => format!("; left out: {}", parts.join("; ")),
        };
        output.aside(format_args!("wrote the public part of {name} to {place}{left_out}"));
    }

    fn as_json(&self, found: &Found) -> Value {
        json!({
            "written_to": self.place(),
            "format": format!("{:?}", self.format).to_lowercase(),
            "subject": found.chain.leaf.subject.to_string(),
            "fingerprint_sha256": found.chain.leaf.fingerprint.hex(),
            "left_out": found.left_out,
        })
    }

    fn place(&self) -> String {
        self.output.as_ref().map_or_else(|| "standard output".to_owned(), |path| path.display().to_string())
    }
}

impl Found {
    fn leave_out_issuers(&mut self, format: Format) {
        let issuers = self.chain.issuers.iter();
        let left = match format {
            Format::Pem | Format::Cer | Format::Der => issuers.map(|issuer| issuer.common_name()).collect(),
            Format::Chain => {
                issuers.filter(|i| i.is_self_issued()).map(|i| i.common_name()).collect::<Vec<_>>()
            }
        };
        self.left_out.extend(left.into_iter().map(|name| format!("the issuer {name}")));
        let strays = self
            .chain
            .strays
            .iter()
            .map(|stray| format!("{}, which is not part of the chain", stray.common_name()));
        self.left_out.extend(strays);
    }
}
