//! An upload service of the operator's own: the public certificate and its fields by one repeatable POST.
//! It knows nothing of what the service does with it.

use super::Target;
use crate::clock::{Clock as _, SystemClock};
use crate::domain::chain::Chain;
use crate::domain::reason::{Answer, Failure, Unseen};
use crate::domain::watch::Mapping;
use crate::net::{self, Net};
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

/// The target behind an upload service.
pub struct HttpTarget {
    net: Net,
    settings: Settings,
}

impl HttpTarget {
    /// Takes its settings; connects to nothing yet.
    #[must_use]
    pub const fn new(net: Net, settings: Settings) -> Self {
        Self { net, settings }
    }

    fn filled(
        &self,
        request: reqwest::RequestBuilder,
        chain: &Chain,
    ) -> Result<reqwest::RequestBuilder, Failure> {
        let fields = super::fields(&self.settings.mapping, chain)?;
        Ok(match self.settings.format {
            Format::Json => {
                let object: serde_json::Map<String, serde_json::Value> =
                    fields.into_iter().map(|(field, value)| (field.to_owned(), value.into())).collect();
                request.json(&object)
            }
            Format::Multipart => {
                let form = fields
                    .into_iter()
                    .fold(reqwest::multipart::Form::new(), |form, (field, value)| form.text(field, value));
                request.multipart(form)
            }
        })
    }
}

#[async_trait::async_trait]
impl Target for HttpTarget {
    /// An upload service is not asked; a probe proves.
    async fn look(&self, _chain: &Chain) -> Result<Option<bool>, Unseen> {
        Ok(None)
    }

    async fn publish(&self, chain: &Chain) -> Result<Answer, Failure> {
        let http = self.net.http(&self.settings.net, None)?;
        let mut request = http.request(reqwest::Method::POST, &self.settings.url);
        if let Some(token) = &self.settings.token {
            request = request.bearer_auth(token.read()?.as_str());
        }
        let answer = http.send(self.filled(request, chain)?).await?;
        answer.success(SystemClock.now()).map(|answer| answer.short())
    }
}
