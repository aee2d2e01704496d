//! What a scenario is made of: a server, what it asks for, what it shows, what is presented to it, what it answers, and what is to be told.
//! The table itself is beside it.

use certsteward::domain::verdict::{Detail, Verdict};

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Nginx,
    Haproxy,
    Apache,
    Openssl,
    Rustls,
    /// A server of the tests that does what no server should.
    Odd(Odd),
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::Apache => "Apache",
            Self::Openssl => "OpenSSL s_server",
            Self::Rustls => "rustls",
            Self::Odd(_) => "a server of the tests",
        }
    }
}

/// What a server of the tests does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Odd {
    /// Speaks HTTP without TLS.
    PlainHttp,
    /// Takes the connection and is silent.
    Silent,
    /// Nothing listens there.
    Nothing,
    /// Its name does not exist.
    NoName,
    /// Closes the connection at once.
    Hangup,
    /// Resets the connection at once.
    Reset,
    /// Resets the connection after the handshake.
    ResetAfterHandshake,
    /// Closes the connection after the handshake, without a word.
    CloseAfterHandshake,
    /// Speaks HTTP/2 and nothing else, and says so in the handshake.
    Http2,
    /// Speaks HTTP/2 and nothing else, and does not care what was asked for.
    Http2Regardless,
    /// Speaks something else than HTTP inside TLS.
    Ssh,
}

impl Odd {
    pub(super) const fn says(self) -> &'static str {
        match self {
            Self::PlainHttp => "speaks HTTP without TLS",
            Self::Silent => "takes the connection and is silent",
            Self::Nothing => "nothing listens there",
            Self::NoName => "its name does not exist",
            Self::Hangup => "closes the connection at once",
            Self::Reset => "resets the connection at once",
            Self::ResetAfterHandshake => "resets the connection after the handshake",
            Self::CloseAfterHandshake => "closes the connection after the handshake",
            Self::Http2 => "speaks HTTP/2 only, and says so in the handshake",
            Self::Http2Regardless => "speaks HTTP/2 only, whatever was asked for",
            Self::Ssh => "speaks something else than HTTP inside TLS",
        }
    }
}

/// The TLS version, the only one that the server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Version {
    V12,
    V13,
}

impl Version {
    pub(super) const BOTH: [Self; 2] = [Self::V12, Self::V13];

    /// As the prober names it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::V12 => "TLSv1.2",
            Self::V13 => "TLSv1.3",
        }
    }
}

/// How the server treats client certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Asking {
    /// Insists on one that it can verify.
    Requires,
    /// Asks for one, verifies it, and goes on without.
    Requests,
    /// Asks for one and goes on whatever it gets.
    Unchecked,
    /// Asks for none.
    Ignores,
    /// Asks for one only after the request, for some paths.
    Later,
    /// Insists, and sends no session ticket after the handshake.
    WithoutTickets,
    /// Insists on one with an RSA key.
    OnlyRsa,
}

impl Asking {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Requires => "requires",
            Self::Requests => "requests",
            Self::Unchecked => "requests, checks nothing",
            Self::Ignores => "ignores",
            Self::Later => "requires, but asks only after the request",
            Self::WithoutTickets => "requires, sends no ticket",
            Self::OnlyRsa => "requires an RSA key",
        }
    }
}

/// The server's own certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Own {
    Good,
    Expired,
    NotYet,
    WrongName,
    UnknownCa,
    ChainMissing,
}

impl Own {
    pub(super) const ALL: [Self; 6] =
        [Self::Good, Self::Expired, Self::NotYet, Self::WrongName, Self::UnknownCa, Self::ChainMissing];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Expired => "expired",
            Self::NotYet => "not yet valid",
            Self::WrongName => "for another name",
            Self::UnknownCa => "of an unknown authority",
            Self::ChainMissing => "chain missing",
        }
    }

    /// What its files are called.
    pub(super) const fn file(self) -> &'static str {
        match self {
            Self::Good => "own-good",
            Self::Expired => "own-expired",
            Self::NotYet => "own-not-yet",
            Self::WrongName => "own-wrong-name",
            Self::UnknownCa => "own-unknown-ca",
            Self::ChainMissing => "own-chain-missing",
        }
    }
}

/// The client certificate that is presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Client {
    None,
    OtherCa,
    Expired,
    NotYet,
    Revoked,
    NoClientAuth,
    ChainMissing,
    /// Below an intermediate authority, which comes with it.
    Chain,
    Good,
}

impl Client {
    pub(super) const ALL: [Self; 9] = [
        Self::None,
        Self::OtherCa,
        Self::Expired,
        Self::NotYet,
        Self::Revoked,
        Self::NoClientAuth,
        Self::ChainMissing,
        Self::Chain,
        Self::Good,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::OtherCa => "of another authority",
            Self::Expired => "expired",
            Self::NotYet => "not yet valid",
            Self::Revoked => "revoked",
            Self::NoClientAuth => "without clientAuth",
            Self::ChainMissing => "chain missing",
            Self::Chain => "good, with its chain",
            Self::Good => "good",
        }
    }

    /// What its files are called.
    pub(super) const fn file(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::OtherCa => "client-other-ca",
            Self::Expired => "client-expired",
            Self::NotYet => "client-not-yet",
            Self::Revoked => "client-revoked",
            Self::NoClientAuth => "client-no-client-auth",
            Self::ChainMissing => "client-chain-missing",
            Self::Chain => "client-chain",
            Self::Good => "client-good",
        }
    }
}

/// One listening place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Site {
    pub(super) kind: Kind,
    pub(super) version: Version,
    pub(super) asking: Asking,
    pub(super) own: Own,
}

/// Whether the API served the certificate: what any tool that looks there could be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    /// It served the call.
    Served,
    /// The call fails, for whatever reason.
    Fails,
    /// It answers, and that says nothing of the certificate.
    SaysNothing,
}

/// One scenario.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scenario {
    pub(super) site: Site,
    pub(super) client: Client,
    /// The path that is asked for, see [`super::answers`].
    pub(super) path: &'static str,
    pub(super) verdict: Verdict,
    pub(super) detail: Option<Detail>,
}

impl Scenario {
    pub(super) fn truth(&self) -> Truth {
        // It serves a good certificate to who can be asked late, whatever is told by those who cannot.
        if self.site.asking == Asking::Later {
            return Truth::Served;
        }
        if self.verdict == Verdict::Accepted {
            return if self.site.asking == Asking::Unchecked { Truth::SaysNothing } else { Truth::Served };
        }
        let serves = self.path == super::answers::OK;
        if serves && self.verdict == Verdict::UnexpectedAnswer { Truth::SaysNothing } else { Truth::Fails }
    }

    /// As the page shows it.
    pub(super) fn expected(&self) -> String {
        match self.detail {
            Some(detail) => format!("{} ({detail})", self.verdict),
            None => self.verdict.to_string(),
        }
    }
}
