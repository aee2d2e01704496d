//! The landscape's beginning: what stands in it when it starts, and the files a configuration points at.
//! The x509 service key holds a private key of the sandbox's own making, worth nothing elsewhere.

use super::caller::DESTINATION;
use super::certificates::Attributes;
use super::mappings::Entered;
use super::pki;
use super::time::now;
use super::world::{Level, World};
use chrono::TimeDelta;
use serde_json::{Map, Value, json};
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

const CERTIFICATE: &str = "sfapi.pem";

/// What [`super::Landscape::write_files`] wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The authority of the API's and the mutual token service's certificate, in PEM.
    pub server_ca: PathBuf,
    /// The service key with a secret.
    pub service_key: PathBuf,
    /// The service key with a client certificate.
    pub service_key_x509: PathBuf,
}

impl Files {
    pub(super) fn write(world: &World, folder: &Path) -> io::Result<Self> {
        let files = Self {
            server_ca: folder.join("server-ca.pem"),
            service_key: folder.join("service-key.json"),
            service_key_x509: folder.join("service-key-x509.json"),
        };
        write(&files.server_ca, world.authority.server_authority())?;
        write(&files.service_key, &format!("{:#}\n", world.secret_key()))?;
        write(&files.service_key_x509, &format!("{:#}\n", world.x509_key()))?;
        Ok(files)
    }
}

/// Fills in the first certificate, its mapping and the destinations that use it.
pub(super) fn seed(world: &World) -> io::Result<()> {
    let options = &world.options;
    let issued_at = now() - TimeDelta::days(options.age_days);
    let attributes =
        Attributes::of_days(&options.common_name, options.valid_for_days, options.auto_renew_first);
    let chain = {
        let mut state = world.state();
        state.seed(&world.authority, Level::Subaccount, CERTIFICATE, attributes, issued_at)?;
        state
            .destinations
            .insert((Level::Subaccount, DESTINATION.to_owned()), destination(world, DESTINATION));
        let instance = options.instance_destination.then(|| (Level::Instance, "instance_odata".to_owned()));
        for (level, name) in instance.into_iter().chain(options.more_destinations.iter().cloned()) {
            let fields = destination(world, &name);
            state.destinations.insert((level, name), fields);
        }
        let entry = state.entries.get(&(Level::Subaccount, CERTIFICATE.to_owned()));
        entry.map(|entry| pki::chain_pem(&entry.chain)).unwrap_or_default()
    };
    let first = Entered {
        configuration_name: "BTP mTLS".to_owned(),
        integration_name: "Business Technology Platform".to_owned(),
        login_name: "SFAPI".to_owned(),
        certificate: chain.into_bytes(),
    };
    let id = world.add_mapping(first).map_err(io::Error::other)?;
    if let Some(mapping) = world.state().mappings.iter_mut().find(|mapping| mapping.id == id) {
        (mapping.uploaded_on, mapping.active_from) = (issued_at, issued_at);
    }
    Ok(())
}

fn destination(world: &World, name: &str) -> Map<String, Value> {
    let all = json!({
        "Name": name,
        "Type": "HTTP",
        "URL": format!("{}/odata/v2", world.addresses.successfactors),
        "ProxyType": "Internet",
        "Authentication": "ClientCertificateAuthentication",
        "KeyStore.Source": "DestinationService",
        "KeyStoreLocation": CERTIFICATE,
        "URL.headers.successfactors-companyid": world.options.company_id,
        "Description": "SAP SuccessFactors HXM Core Odata (simulated)",
        "XFSystemName": "Sample tenant",
        "product.name": "SAP SuccessFactors",
        "HTML5.DynamicDestination": "true",
    });
    match all {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

fn write(path: &Path, content: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(content.as_bytes())
}
