//! What a probe concluded: one closed list of verdicts and details, each with its way out.
//! It reads no answer itself; the prober maps what it met to this list.

use super::Timestamp;
use super::certificate::Fingerprint;
use super::codes::codes;

codes! {
    /// The verdict of one real mTLS call.
    Verdict {
        Accepted = "accepted": "the API accepted the certificate",
        NoPermission = "no-permission": "the certificate is fine; the login it maps to lacks a permission (403)",
        NotMapped = "not-mapped": "the API does not know the certificate (401 AUTH0032)",
        CertificateRequired = "certificate-required": "the server wants a client certificate and got none",
        CertificateRefused = "certificate-refused": "the server refused the certificate itself",
        CredentialsRequired = "credentials-required": "the server asked for user name and password: not the certificate host, or the company id is missing",
        LoginRefused = "login-refused": "the certificate was read but the login is refused",
        RateLimited = "rate-limited": "the API asked to slow down (429)",
        Unavailable = "unavailable": "the platform failed or is in maintenance (5xx)",
        UnexpectedAnswer = "unexpected-answer": "the answer fits no known row",
        ServerUntrusted = "server-untrusted": "the server's certificate is not signed by a trusted authority",
        ServerExpired = "server-expired": "the server's certificate has expired or is not yet valid",
        ServerNameMismatch = "server-name-mismatch": "the server's certificate is for another name",
        TlsFailed = "tls-failed": "the TLS handshake failed",
        Timeout = "timeout": "there was no answer within the limit",
        ConnectionRefused = "connection-refused": "nothing listens at that address",
        ConnectionReset = "connection-reset": "the server closed the connection",
        DnsFailed = "dns-failed": "the host name could not be resolved",
    }
}

codes! {
    /// What more is known beside the verdict.
    Detail {
        UnknownCa = "unknown-ca": "the server does not trust the authority that signed the certificate",
        Expired = "expired": "the server holds the certificate to be expired",
        Revoked = "revoked": "the server holds the certificate to be revoked",
        Unsupported = "unsupported": "the server does not accept this kind of certificate, for example without clientAuth",
        Bad = "bad": "the server could not use the certificate",
        Unspecified = "unspecified": "the server did not say why",
        IpNotAllowed = "ip-not-allowed": "our address is not allowed for this login; the caller's may be",
        UserLocked = "user-locked": "the login is locked",
        PasswordExpired = "password-expired": "the login's password has expired",
        CompanyUnknown = "company-unknown": "the company id is not known there",
        ApiOff = "api-off": "the API is switched off for this company or login",
    }
}

impl Verdict {
    /// How good it is: a lower rank is better. Used to compare a candidate with the certificate in force.
    #[must_use]
    pub const fn rank(self) -> u8 {
        match self {
            Self::Accepted => 0,
            Self::NoPermission => 1,
            Self::LoginRefused => 2,
            Self::RateLimited | Self::Unavailable => 3,
            Self::UnexpectedAnswer => 4,
            Self::NotMapped | Self::CredentialsRequired => 5,
            Self::CertificateRequired | Self::CertificateRefused => 6,
            Self::ServerUntrusted
            | Self::ServerExpired
            | Self::ServerNameMismatch
            | Self::TlsFailed
            | Self::Timeout
            | Self::ConnectionRefused
            | Self::ConnectionReset
            | Self::DnsFailed => 7,
        }
    }

    /// Whether it blames the certificate or its mapping, and not the platform, the login or the way there.
    #[must_use]
    pub const fn blames_certificate(self) -> bool {
        matches!(self, Self::NotMapped | Self::CertificateRefused)
    }

    /// Whether the API was reached and recognised the certificate.
    #[must_use]
    pub const fn recognised(self) -> bool {
        matches!(self, Self::Accepted | Self::NoPermission)
    }

    /// Whether it says nothing about the certificate because the API could not be asked.
    #[must_use]
    pub const fn inconclusive(self) -> bool {
        !self.recognised() && !self.blames_certificate()
    }

    /// Whether the call counted as a refused logon for the technical user, which some tenants lock after five.
    #[must_use]
    pub const fn counts_as_rejection(self) -> bool {
        matches!(self, Self::NotMapped | Self::CredentialsRequired | Self::LoginRefused)
    }

    /// What to do about it, as one sentence for an operator.
    ///
    /// Sources: KBA 3419621, 3333286, 3505973, 3737619, 3417151, 2524436, 2161058, 3159263, 2545055.
    #[must_use]
    pub const fn way_out(self) -> &'static str {
        match self {
            Self::Accepted => "nothing to do",
            Self::NoPermission => {
                "give the login of the mapping the permission that the probed path needs (KBA 3417151); the certificate needs nothing"
            }
            Self::NotMapped => {
                "check in this order: the company id header, the host, the age of the upload (it can take a while), issuer and subject of the mapping; where this very certificate was uploaded, delete its own line, none that is in use, and upload the file again (KBA 3333286, 3505973)"
            }
            Self::CertificateRequired => {
                "give the probe a certificate: --cert and --key, or a watch whose key can be read"
            }
            Self::CertificateRefused => {
                "look at the certificate, not at the mapping: expired, chain incomplete, authority not trusted or clientAuth missing; an upload does not help (KBA 3419621)"
            }
            Self::CredentialsRequired => "use the host with .cert. and send the company id (KBA 3737619)",
            Self::LoginRefused => {
                "look at the login: locked, password expired, address not allowed, company unknown or API off; the certificate needs nothing"
            }
            Self::RateLimited => "wait; the next probe obeys Retry-After (KBA 3159263)",
            Self::Unavailable => "wait for the platform; it is not the certificate (KBA 2545055)",
            Self::UnexpectedAnswer => {
                "read status and body of the answer; if the path is wrong, set another one"
            }
            Self::ServerUntrusted => {
                "add the server's authority with ca = { file = … }, or look who answers there"
            }
            Self::ServerExpired => {
                "the server's own certificate must be renewed by whoever runs it; also check this machine's clock"
            }
            Self::ServerNameMismatch => "use the host name the server's certificate was made for",
            Self::TlsFailed => "check that the port speaks TLS 1.2 or 1.3",
            Self::Timeout => "check network, firewall and proxy on the way there",
            Self::ConnectionRefused => "check host and port, and that the service runs",
            Self::ConnectionReset => "check a firewall or proxy on the way, and the server's log",
            Self::DnsFailed => "check the host name and this machine's resolver",
        }
    }
}

/// One probe's result, as it is remembered: small, and without anything secret.
#[derive(Debug, Clone, PartialEq)]
pub struct Probed {
    /// The conclusion.
    pub verdict: Verdict,
    /// What more is known.
    pub detail: Option<Detail>,
    /// The HTTP status, where an answer came.
    pub status: Option<u16>,
    /// When the probe was made.
    pub at: Timestamp,
    /// How long each phase took, in seconds, in the order they happened.
    pub phases: Vec<(Phase, f64)>,
    /// The fingerprint of the client certificate that was presented.
    pub presented: Option<Fingerprint>,
    /// Whether the server asked for a client certificate.
    pub asked_for_certificate: bool,
    /// The authorities the server named as acceptable, as text.
    pub acceptable_authorities: Vec<String>,
    /// The TLS version agreed on, such as `TLSv1.3`.
    pub tls_version: Option<String>,
    /// The cipher suite agreed on.
    pub cipher: Option<String>,
    /// The server's chain as it sent it (DER, leaf first).
    pub server_chain: Vec<std::sync::Arc<[u8]>>,
    /// A short excerpt of the answer or the error, cleaned for people.
    pub text: String,
    /// The other side's wish to wait, in seconds.
    pub retry_after_seconds: Option<u64>,
}

codes! {
    /// A phase of a probe.
    Phase {
        Dns = "dns": "resolving the host name",
        Tcp = "tcp": "connecting",
        Proxy = "proxy": "asking the HTTP proxy to connect",
        Tls = "tls": "the TLS handshake, with the wait for a refusal after it",
        Http = "http": "request and answer",
    }
}
