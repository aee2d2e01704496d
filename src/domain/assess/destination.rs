//! What is wrong with the destination that leads to the certificate. It judges no caller.

use super::Judge;
use crate::domain::finding::{Code, Level};

impl Judge<'_> {
    pub(super) fn destination(&mut self) {
        let Some(facts) = &self.record.destination else {
            return;
        };
        let name = facts.name.clone();
        match facts.authentication.as_deref() {
            Some("ClientCertificateAuthentication") => {}
            other => {
                let text = format!("the destination {name} has Authentication {}", other.unwrap_or("unset"));
                self.add(
                    Code::DestinationAuthentication,
                    Level::Warning,
                    &name,
                    text,
                    "set Authentication to ClientCertificateAuthentication",
                );
            }
        }
        if facts.keystore_location.as_deref().is_none_or(|keystore| !has_known_extension(keystore)) {
            let text = match &facts.keystore_location {
                Some(keystore) => format!(
                    "the destination {name} names the keystore {keystore}, whose last extension callers do not know"
                ),
                None => format!("the destination {name} names no KeyStoreLocation"),
            };
            self.add(
                Code::DestinationKeystore,
                Level::Warning,
                &name,
                text,
                "name an entry that ends in .pem, .p12, .pfx or .jks",
            );
        }
        let host = facts.url.as_deref().map(host_of).unwrap_or_default();
        if is_successfactors_without_cert(host) {
            let text =
                format!("the destination {name} points to {host}, which does not read client certificates");
            let way_out = format!("use {} (KBA 3737619)", host.replacen('.', ".cert.", 1));
            self.add(Code::DestinationHost, Level::Warning, &name, text, way_out);
        }
        let wanted = self.watch.targets.iter().find_map(|target| target.mapping.company_id.clone());
        if let Some(wanted) = wanted
            && facts.company_id.as_ref() != Some(&wanted)
        {
            let given = facts.company_id.as_deref().unwrap_or("none");
            let text =
                format!("the destination {name} sends the company id {given}, the target's is {wanted}");
            self.add(
                Code::DestinationCompany,
                Level::Warning,
                &name,
                text,
                format!("set URL.headers.successfactors-companyid to {wanted}"),
            );
        }
    }
}

/// The extensions callers read the format from (sap/callers.md): the last one alone, case-sensitive.
fn has_known_extension(name: &str) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(_, extension)| ["p12", "pfx", "pem", "jks", "keystore"].contains(&extension))
}

fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    authority.rsplit_once(':').map_or(authority, |(host, _)| host)
}

/// An `api*` host of SuccessFactors that does not have `cert` as its second label.
fn is_successfactors_without_cert(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let known = [
        ".successfactors.com",
        ".successfactors.eu",
        ".sapsf.com",
        ".sapsf.eu",
        ".sapsf.cn",
        ".successfactors.cn",
    ];
    host.starts_with("api") && known.iter().any(|suffix| host.ends_with(suffix)) && !host.contains(".cert.")
}
