//! Bytes in any of the usual forms → certificates, and an identity where there is a key.
//! It opens no file and makes no connection.

use zeroize::Zeroizing;

use crate::domain::certificate::Certificate;
use crate::domain::chain::Chain;
use crate::domain::reason::Unseen;

/// What was found in some bytes. One bad part never hides a good one.
#[derive(Default)]
pub struct Content {
    /// The certificates, in the order they stand there.
    pub certificates: Vec<Certificate>,
    /// Private keys as PKCS#8, PKCS#1 or SEC1 DER; wiped when dropped.
    pub keys: Vec<Zeroizing<Vec<u8>>>,
    /// Parts that could not be read, each with why.
    pub oddities: Vec<Unseen>,
    /// The form that was recognised, such as `PEM` or `PKCS#12`.
    pub form: &'static str,
}

/// What a sighting needs: the chain and what was odd about its surroundings.
pub struct Opened {
    /// The chain, in order.
    pub chain: Chain,
    /// The form that was recognised.
    pub form: &'static str,
    /// Whether a private key lay beside it.
    pub has_key: bool,
    /// Parts that could not be read.
    pub oddities: Vec<Unseen>,
}

/// The forms of public output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicForm {
    /// The leaf alone, PEM.
    Pem,
    /// The leaf and its issuers, PEM.
    Chain,
    /// The leaf alone, Base64 as `.cer` exports have it (PEM with CRLF line ends).
    Cer,
    /// The leaf alone, DER.
    Der,
}
