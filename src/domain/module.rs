//! A look at a server by a module of the configuration, as `/probe` asks for it: what is asked, what came of it, why not.
//! It makes no connection; the prober does.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::Timestamp;
use super::certificate::Certificate;
use super::codes::codes;
use super::verdict::{Detail, Verdict};

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The module's name; none for the one that fits the target.
    pub module: Option<String>,
    /// The server: `host:port`, or an address.
    pub target: String,
    /// The name to ask for and to verify, instead of the target's.
    pub host_name: Option<String>,
    /// How long the asker waits.
    pub patience: Option<Duration>,
    /// Whether nobody beyond this host can ask.
    pub is_local: bool,
}

/// Why nothing was looked at. Each says the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotLooked {
    /// The question cannot be meant.
    Unclear {
        /// What is wrong.
        text: String,
        /// The way out.
        way_out: String,
    },
    /// The target may not be looked at.
    Forbidden {
        /// What may not be.
        text: String,
        /// The way out.
        way_out: String,
    },
    /// Too many look at this moment.
    Busy {
        /// What is the matter.
        text: String,
        /// The way out.
        way_out: String,
    },
}

codes! {
    /// How a module looks.
    Kind {
        Http = "http": "one HTTP request, over TLS or plain, redirects followed where the module says so",
        Tls = "tls": "one TLS handshake",
    }
}

codes! {
    /// A part of a look, under the names of blackbox_exporter.
    Stage {
        Resolve = "resolve": "resolving the host name",
        Connect = "connect": "connecting",
        Tls = "tls": "the TLS handshake",
        Processing = "processing": "from the request to the beginning of the answer",
        Transfer = "transfer": "the rest of the answer",
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// How the module looks.
    pub kind: Kind,
    /// Whether everything is as the module wants it.
    pub success: bool,
    /// What is wrong, or that the client certificate was accepted; none where neither can be said.
    pub verdict: Option<Verdict>,
    /// What more is known beside the verdict.
    pub detail: Option<Detail>,
    /// How long it took in all, in seconds.
    pub seconds: f64,
    /// How long it might have taken, in seconds.
    pub limit_seconds: f64,
    /// How long each part took, summed over redirects, in seconds; parts that were not reached are missing.
    pub stages: Vec<(Stage, f64)>,
    /// The server's address; none where a proxy made the connection.
    pub address: Option<IpAddr>,
    /// The answer of the last server.
    pub answer: Option<Answer>,
    /// The TLS version agreed on, such as `TLSv1.3`.
    pub tls_version: Option<String>,
    /// The cipher suite agreed on.
    pub cipher: Option<String>,
    /// The certificates that the server sent, the leaf first; kept whatever became of the handshake.
    pub sent: Vec<Certificate>,
    /// The chain from the leaf to a trusted root, whatever the dates say; none where nothing leads there.
    pub trusted: Option<Arc<[Certificate]>>,
    /// Whether the server asked for a client certificate; none where no handshake came so far.
    pub asked_for_certificate: Option<bool>,
    /// What was done, for a person.
    pub log: Vec<String>,
}

impl Outcome {
    /// When the first of the certificates that were sent expires.
    #[must_use]
    pub fn earliest_end(&self) -> Option<Timestamp> {
        self.sent.iter().map(|certificate| certificate.not_after).min()
    }

    /// When the chain of trust ends: the first expiry in it.
    #[must_use]
    pub fn end_of_trust(&self) -> Option<Timestamp> {
        self.trusted.iter().flat_map(|path| path.iter()).map(|certificate| certificate.not_after).min()
    }
}

/// An HTTP answer, without its body.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The HTTP version: 1.0 or 1.1.
    pub version: f32,
    /// Whether it came over TLS.
    pub is_tls: bool,
    /// How many redirects led to it.
    pub redirects: u32,
    /// The body's length as the server announced it.
    pub announced_length: Option<u64>,
    /// The body's length as it came; none where it did not come whole, or is larger than what is read.
    pub length: Option<u64>,
    /// When the server says that it last changed.
    pub last_modified: Option<Timestamp>,
}
