//! The simulated API behind mutual TLS: it answers as the load balancer, the login and the platform behind it do.
//! It serves no real data; what matters is whether a certificate is let in, and with which words it is not.

use super::http::{Answer, Request};
use super::pki;
use super::time::now;
use super::world::World;
use rustls::DigitallySignedStruct;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DistinguishedName, SignatureScheme};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// Answers one API request.
pub(super) fn answer(world: &World, request: &Request) -> Answer {
    let Some((leaf, rest)) = request.peer.split_first() else {
        return refused_by_the_balancer(
            "400 No required SSL certificate was sent",
            "No required SSL certificate was sent",
        );
    };
    let seconds = u64::try_from(now().timestamp()).unwrap_or_default();
    let moment = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    if world.client_check.verify_client_cert(leaf, rest, moment).is_err() {
        return refused_by_the_balancer("400 The SSL certificate error", "The SSL certificate error");
    }
    let login = {
        let state = world.state();
        let company = request.header("successfactors-companyid");
        let mapping = state.mapping_for(leaf, &world.options);
        mapping
            .filter(|_| company == Some(&world.options.company_id))
            .map(|mapping| mapping.login_name.clone())
    };
    match login {
        Some(login) => platform(world, request, &login),
        None => not_mapped(),
    }
}

fn platform(world: &World, request: &Request, login: &str) -> Answer {
    let user = if login.is_empty() { "TECHNICAL_USER" } else { login };
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/odata/v2/User" | "/rest/iam/scim/v2/Users")
            if world.options.without_permission.iter().any(|name| name == login) =>
        {
            Answer::text(403, "You don't have permission to view the user.")
        }
        ("GET", "/odata/v2/User") => {
            let uri = format!("{}/odata/v2/User('{user}')", world.addresses.successfactors);
            Answer::json(
                200,
                &json!({"d": {"results": [{"__metadata": {"uri": uri, "type": "SFOData.User"}, "userId": user}]}}),
            )
        }
        ("GET", "/rest/iam/scim/v2/Users") => Answer::json(
            200,
            &json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
                "totalResults": 1,
                "itemsPerPage": 1,
                "startIndex": 1,
                "Resources": [{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "1", "userName": user}],
            }),
        ),
        _ => Answer::json(
            404,
            &json!({"error": {"code": "NotFoundException", "message": {"lang": "en-US", "value": "Invalid resource path"}}}),
        ),
    }
}

fn not_mapped() -> Answer {
    Answer::json(
        401,
        &json!({"error": {
            "code": "AuthenticationFailed",
            "message": "Authentication service failed to return token.",
            "details": "[AUTH0032]Invalid client certificate",
        }}),
    )
}

fn refused_by_the_balancer(title: &str, words: &str) -> Answer {
    Answer::html(
        400,
        format!(
            "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>400 Bad Request</h1></center>\r\n<center>{words}</center>\r\n</body>\r\n</html>\r\n"
        ),
    )
}

/// Asks for a client certificate and takes any, so that HTTP can say what is wrong with it.
#[derive(Debug)]
pub(super) struct TakesAny {
    provider: Arc<CryptoProvider>,
}

impl TakesAny {
    pub(super) fn new(provider: Arc<CryptoProvider>) -> Self {
        Self { provider }
    }
}

impl ClientCertVerifier for TakesAny {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// What the load balancer checks a client certificate with: the landscape's own root alone.
pub(super) fn balancer_check(
    authority: &pki::Authority,
    provider: Arc<CryptoProvider>,
) -> std::io::Result<Arc<dyn ClientCertVerifier>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from(authority.root().to_vec())).map_err(std::io::Error::other)?;
    rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(std::io::Error::other)
}
