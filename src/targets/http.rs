//! An upload service of the operator's own: the public certificate and its fields by one repeatable POST.
//! It knows nothing of what the service does with it.

use crate::domain::watch::Mapping;
use crate::net;
use crate::secret::SecretRef;

/// Which service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where to post.
    pub url: String,
    /// In which form.
    pub format: Format,
    /// A bearer token.
    pub token: Option<SecretRef>,
    /// The values beside the certificate.
    pub mapping: Mapping,
    /// How to reach it.
    pub net: net::Settings,
}

/// The form of the upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object.
    Json,
    /// `multipart/form-data`.
    Multipart,
}
