//! From a conversation in the clear to the moment TLS begins: one small dialogue per protocol, strict and bounded.
//! It makes no handshake, logs in nowhere, and believes nothing it hears before TLS.

mod binary;
mod dialogue;
mod lines;
mod xmpp;

use tokio::io::{AsyncRead, AsyncWrite};

use dialogue::Dialogue;

use super::Stream;
use crate::domain::codes::codes;
use crate::domain::reason::{Reason, Unseen};

codes! {
    /// The protocols in which TLS begins after a few words in the clear.
    StartTls {
        Smtp = "smtp": "mail: STARTTLS (RFC 3207), on ports 25 and 587",
        Imap = "imap": "mailboxes: STARTTLS (RFC 9051), on port 143",
        Pop3 = "pop3": "mailboxes: STLS (RFC 2595), on port 110",
        Ftp = "ftp": "files: AUTH TLS (RFC 4217), on port 21",
        Ldap = "ldap": "directories: StartTLS (RFC 4511), on port 389",
        Postgres = "postgres": "PostgreSQL: SSLRequest, on port 5432",
        Mysql = "mysql": "MySQL and MariaDB: the TLS request of their handshake, on port 3306",
        Xmpp = "xmpp": "chat, as a client: starttls (RFC 6120), on port 5222",
        XmppServer = "xmpp-server": "chat, as another server: starttls (RFC 6120), on port 5269",
    }
}

impl StartTls {
    /// The port it usually has.
    #[must_use]
    pub const fn port(self) -> u16 {
        match self {
            Self::Smtp => 25,
            Self::Imap => 143,
            Self::Pop3 => 110,
            Self::Ftp => 21,
            Self::Ldap => 389,
            Self::Postgres => 5432,
            Self::Mysql => 3306,
            Self::Xmpp => 5222,
            Self::XmppServer => 5269,
        }
    }

    /// What is usually spoken on this port.
    #[must_use]
    pub fn of_port(port: u16) -> Option<Self> {
        let submission = 587;
        if port == submission {
            return Some(Self::Smtp);
        }
        Self::ALL.iter().copied().find(|protocol| protocol.port() == port)
    }

    /// Brings the conversation to the point where TLS begins. `server_name` is said where the protocol names whom it wants.
    /// It has no limit of time of its own.
    ///
    /// # Errors
    /// [`Reason::TlsFailed`] where TLS is not offered, [`Reason::UnexpectedAnswer`] where something else is spoken there,
    /// [`Reason::Unavailable`] where the server says that it cannot now, [`Reason::ConnectionReset`] where it breaks off.
    pub async fn ask(self, stream: &mut Stream, server_name: &str) -> Result<(), Unseen> {
        let hello = stream.local_addr().map(|address| match address.ip() {
            std::net::IpAddr::V4(ip) => format!("[{ip}]"),
            std::net::IpAddr::V6(ip) => format!("[IPv6:{ip}]"),
        });
        self.converse(stream, hello.as_deref().unwrap_or("localhost"), server_name).await
    }

    /// The same over any stream; `hello` is what we call ourselves where a protocol asks.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn converse(
        self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        hello: &str,
        server_name: &str,
    ) -> Result<(), Unseen> {
        let mut dialogue = Dialogue::new(stream);
        match self {
            Self::Smtp => lines::smtp(&mut dialogue, hello).await,
            Self::Imap => lines::imap(&mut dialogue).await,
            Self::Pop3 => lines::pop3(&mut dialogue).await,
            Self::Ftp => lines::ftp(&mut dialogue).await,
            Self::Ldap => binary::ldap(&mut dialogue).await,
            Self::Postgres => binary::postgres(&mut dialogue).await,
            Self::Mysql => binary::mysql(&mut dialogue).await,
            Self::Xmpp => xmpp::begin(&mut dialogue, "jabber:client", server_name).await,
            Self::XmppServer => xmpp::begin(&mut dialogue, "jabber:server", server_name).await,
        }?;
        dialogue.end()
    }
}

/// SMTP's dialogue, with what this end calls itself.
///
/// # Errors
/// As [`StartTls::ask`].
pub(crate) async fn smtp(stream: &mut Stream, hello: &str) -> Result<(), Unseen> {
    StartTls::Smtp.converse(stream, hello, "").await
}

/// That the server does not offer it, in its own words where it has some.
fn not_offered(name: &str, said: &str) -> Unseen {
    let said = super::excerpt(said.as_bytes());
    let said = if said.is_empty() { String::new() } else { format!("; it answered: {said}") };
    Unseen::new(Reason::TlsFailed, format!("the server does not offer {name}{said}"))
}

/// That something else came than the protocol has.
fn unexpected(wanted: &str, said: &[u8]) -> Unseen {
    let said = super::excerpt(said);
    Unseen::new(Reason::UnexpectedAnswer, format!("{wanted} was expected, but the server said: {said}"))
}

#[cfg(test)]
mod tests;
