//! `certsteward inspect`: every fact of the certificates in a file, on standard input, or on a TLS server.
//! It changes nothing, shows no key, and asks no daemon.

mod server;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::exit::{Exit, Failed, as_options};
use super::facts;
use super::output::{Output, Tone};
use crate::app::{self, TlsServer};
use crate::clock::{Clock as _, SystemClock};
use crate::domain::Timestamp;
use crate::domain::certificate::Certificate;
use crate::domain::chain::Chain;
use crate::domain::reason::Unseen;
use crate::formats::{self, Entry, EntryKind};
use crate::identity::public_key_fingerprint;
use crate::net::bare_host;
use crate::secret::SecretRef;
use server::Reach;
pub(super) use server::family;

/// Show every fact of the certificates in a file or on a TLS server
///
/// Reads PEM, DER, Base64, PKCS#7, PKCS#12, JKS, JCEKS and ZIP; the form is recognised by content. A private key beside the
/// certificate is compared with it and never shown.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  certsteward inspect sfapi.p12 --password-file pw\n  certsteward inspect api.example.org:443\n  certsteward inspect smtp://mail.example.org\n  certsteward inspect db.example.org:5432 --starttls postgres --ca ca.pem\n  curl -s https://example.org/sfapi.pem | certsteward inspect - --json"
)]
pub(super) struct Arguments {
    /// A file, HOST:PORT, a URL like smtp://HOST, unix:/PATH, or - for standard input
    place: String,
    /// The file with the password that opens it
    #[arg(long, value_name = "F")]
    password_file: Option<PathBuf>,
    #[command(flatten)]
    reach: Reach,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

/// What was found at a place.
struct Seen {
    form: &'static str,
    certificates: Vec<Certificate>,
    /// Whether a key lay beside them, and whose it is; none where the place shows public parts only.
    key: Option<Key>,
    /// Whether the server asks for a client certificate; none where no server was looked at.
    asked: Option<bool>,
    /// The named entries of keystores.
    entries: Vec<Entry>,
    oddities: Vec<Unseen>,
    chain: Result<Chain, Unseen>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Missing,
    Unread,
    OfLeaf,
    OfAnother,
    OfNone,
}

impl Arguments {
    pub(super) async fn perform(&self, output: &mut Output) -> Result<Exit, Failed> {
        let seen = self.look().await?;
        let now = SystemClock.now();
        if self.json {
            output.json(&seen.as_json(&self.place, now));
        } else {
            seen.show(&self.place, now, output);
        }
        Ok(Exit::Done)
    }

    /// What is no file and could be a host lacks its port.
    fn hint(&self) -> String {
        let could_be = bare_host(&self.place).is_some_and(|host| host.contains(['.', ':']));
        if could_be && !Path::new(&self.place).exists() {
            format!("; for a server give {}:443, or another port", self.place)
        } else {
            String::new()
        }
    }

    async fn look(&self) -> Result<Seen, Failed> {
        if self.place == "-" {
            self.reach.refuse_beside_file("standard input")?;
            let bytes = read_all(std::io::stdin().lock(), "standard input")?;
            return self.open(&bytes);
        }
        let path = Path::new(&self.place);
        if !path.exists()
            && let Some(server) = self.reach.server(&self.place)?
        {
            return self.ask_server(server).await;
        }
        self.reach.refuse_beside_file(&self.place)?;
        let read = read_file(path);
        self.open(
            &read.map_err(|failed| Failed { text: format!("{}{}", failed.text, self.hint()), ..failed })?,
        )
    }

    fn open(&self, bytes: &[u8]) -> Result<Seen, Failed> {
        let password = match &self.password_file {
            Some(file) => Some(SecretRef::File(file.clone()).read().map_err(|e| Failed::because(&e))?),
            None => None,
        };
        let content = formats::read(bytes, password.as_ref().map(|text| text.as_str()))
            .map_err(|unseen| Failed::could_not(as_options(&format!("{}: {unseen}", self.place))))?;
        let keys: Vec<_> = content.keys.iter().filter_map(|key| public_key_fingerprint(key).ok()).collect();
        let owner = keys.iter().find(|key| content.certificates.iter().any(|c| c.key_fingerprint == **key));
        let chain = Chain::assemble(content.certificates.clone(), owner.copied());
        let key = match (&chain, content.keys.is_empty(), owner) {
            (_, true, _) if content.has_key => Key::Unread,
            (_, true, _) => Key::Missing,
            (_, false, None) => Key::OfNone,
            (Ok(chain), false, Some(key)) if chain.leaf.key_fingerprint == *key => Key::OfLeaf,
            (Ok(_) | Err(_), false, Some(_)) => Key::OfAnother,
        };
        Ok(Seen {
            form: content.form,
            certificates: content.certificates,
            key: Some(key),
            asked: None,
            entries: content.entries,
            oddities: told(content.oddities),
            chain,
        })
    }

    async fn ask_server(&self, server: TlsServer) -> Result<Seen, Failed> {
        let looked = app::look_at_server(server).await;
        let (sighting, asked) = looked.map_err(|unseen| Failed::could_not(as_options(&unseen.text)))?;
        let certificates = sighting
            .chain
            .iter()
            .chain(sighting.chain.strays.iter().map(|stray| &**stray))
            .cloned()
            .collect();
        Ok(Seen {
            form: "TLS",
            certificates,
            key: None,
            asked: Some(asked),
            entries: Vec::new(),
            oddities: told(sighting.oddities),
            chain: Ok(sighting.chain),
        })
    }
}

impl Seen {
    fn role(&self, certificate: &Certificate) -> String {
        let Ok(chain) = &self.chain else {
            return if certificate.is_ca { "authority" } else { "leaf" }.to_owned();
        };
        if certificate.fingerprint == chain.leaf.fingerprint {
            return "leaf".to_owned();
        }
        match chain.issuers.iter().position(|issuer| issuer.fingerprint == certificate.fingerprint) {
            Some(0) => "issuer".to_owned(),
            Some(n) => format!("issuer {}", n + 1),
            None => "stray".to_owned(),
        }
    }

    fn show(&self, place: &str, now: Timestamp, output: &mut Output) {
        let count = self.certificates.len();
        let plural = if count == 1 { "" } else { "s" };
        output.line(format_args!("{place}: {}, {count} certificate{plural}", self.form));
        for certificate in &self.certificates {
            let expired = !certificate.is_valid_at(now);
            let tone = if expired { Tone::Bad } else { Tone::Strong };
            output.line("");
            output.line(output.tone(tone, self.role(certificate)));
            output.facts(2, &facts::certificate(certificate, now));
        }
        output.line("");
        let mut facts = vec![("Chain".to_owned(), self.chain_words())];
        if let Some(key) = self.key {
            facts.push(("Private key".to_owned(), key.words().to_owned()));
        }
        if let Some(asked) = self.asked {
            let words = if asked { "the server asks for one" } else { "the server asks for none" };
            facts.push(("Client certificate".to_owned(), words.to_owned()));
        }
        let entry = |entry: &Entry| ("Entry".to_owned(), format!("{}: {}", entry.alias, entry.kind.words()));
        facts.extend(self.entries.iter().map(entry));
        let oddities = self.oddities.iter().map(|odd| ("Oddity".to_owned(), odd.text.clone()));
        facts.extend(oddities);
        output.facts(0, &facts);
    }

    fn chain_words(&self) -> String {
        let chain = match &self.chain {
            Ok(chain) => chain,
            Err(unseen) => return unseen.text.clone(),
        };
        let order =
            if chain.in_order { "in order" } else { "not in order: put the leaf first, then its issuer" };
        let whole = match (chain.reaches_root(), chain.has_issuer()) {
            (true, _) => "complete, its root is part of it".to_owned(),
            (false, true) => "complete up to a root that is not part of it".to_owned(),
            (false, false) => format!("incomplete: the issuer {} is missing", chain.leaf.issuer_name()),
        };
        match chain.strays.len() {
            0 => format!("{order}; {whole}"),
            strays => format!("{order}; {whole}; {strays} belong to no place in it"),
        }
    }

    fn as_json(&self, place: &str, now: Timestamp) -> Value {
        let certificates: Vec<Value> = self
            .certificates
            .iter()
            .map(|certificate| facts::certificate_json(certificate, &self.role(certificate), now))
            .collect();
        let chain = match &self.chain {
            Ok(chain) => json!({
                "in_order": chain.in_order,
                "has_issuer": chain.has_issuer(),
                "reaches_root": chain.reaches_root(),
                "strays": chain.strays.len(),
                "not_after": facts::stamp(chain.not_after()),
            }),
            Err(unseen) => json!({ "reason": unseen.reason.code(), "text": unseen.text }),
        };
        let oddities: Vec<Value> = self
            .oddities
            .iter()
            .map(|odd| json!({ "reason": odd.reason.code(), "text": odd.text }))
            .collect();
        let kind = |kind| match kind {
            EntryKind::Key => "key",
            EntryKind::Trusted => "trusted",
            EntryKind::Secret => "secret",
        };
        let entries: Vec<Value> = self
            .entries
            .iter()
            .map(|entry| json!({ "alias": entry.alias, "kind": kind(entry.kind) }))
            .collect();
        json!({
            "place": place,
            "form": self.form,
            "certificates": certificates,
            "chain": chain,
            "private_key": self.key.map(Key::code),
            "asks_for_client_certificate": self.asked,
            "entries": entries,
            "oddities": oddities,
        })
    }
}

impl Key {
    const fn words(self) -> &'static str {
        match self {
            Self::Missing => "none beside it",
            Self::Unread => "there is one, which could not be read: see below",
            Self::OfLeaf => "beside it, belongs to the leaf",
            Self::OfAnother => "beside it, belongs to another certificate than the leaf",
            Self::OfNone => "beside it, belongs to none of the certificates",
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unread => "unread",
            Self::OfLeaf => "of-leaf",
            Self::OfAnother => "of-another",
            Self::OfNone => "of-none",
        }
    }
}

/// What is odd, in the words of this command's options.
fn told(oddities: Vec<Unseen>) -> Vec<Unseen> {
    let told = |odd: Unseen| Unseen::new(odd.reason, as_options(&odd.text));
    oddities.into_iter().map(told).collect()
}

/// Reads a file up to the limit of the formats.
pub(super) fn read_file(path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, Failed> {
    let file = std::fs::File::open(path)
        .map_err(|error| Failed::could_not(format!("cannot read {}: {error}", path.display())))?;
    read_all(file, &path.display().to_string())
}

fn read_all(from: impl std::io::Read, place: &str) -> Result<zeroize::Zeroizing<Vec<u8>>, Failed> {
    let limit = u64::try_from(formats::LIMIT).unwrap_or(u64::MAX);
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    let read = from.take(limit.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|error| Failed::could_not(format!("cannot read {place}: {error}")))?;
    if bytes.len() > formats::LIMIT {
        return Err(Failed::could_not(format!("{place} is larger than {} bytes", formats::LIMIT)));
    }
    Ok(bytes)
}
