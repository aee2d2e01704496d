//! A destination as the service returns it, kept whole, because writing it back must lose nothing.
//! It is secret as a whole (passwords stand in it) and is never printed; [`DestinationFacts`] is its public side.

use serde_json::{Map, Value};
use zeroize::{Zeroize as _, Zeroizing};

use crate::domain::report::DestinationFacts;

/// The property that names the certificate entry.
const LOCATION: &str = "KeyStoreLocation";

/// Every property that names an entry.
const LOCATIONS: [&str; 4] =
    [LOCATION, "TrustStoreLocation", "tokenService.KeyStoreLocation", "tokenService.TrustStoreLocation"];

/// A destination with every property it has.
pub struct Destination(Map<String, Value>);

impl Destination {
    /// Takes the object as it came.
    pub(crate) const fn new(properties: Map<String, Value>) -> Self {
        Self(properties)
    }

    /// The object, for writing it back.
    pub(crate) const fn properties(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text("Name").unwrap_or_default()
    }

    /// The entry it uses; none where it uses none.
    #[must_use]
    pub fn keystore_location(&self) -> Option<&str> {
        self.text(LOCATION)
    }

    /// Whether whoever uses it brings the keystore along, so that no entry of the service is meant.
    #[must_use]
    pub fn is_client_provided(&self) -> bool {
        self.text("KeyStore.Source").is_some_and(|source| source.eq_ignore_ascii_case("ClientProvided"))
    }

    /// What opens that entry; none where it needs nothing.
    #[must_use]
    pub fn keystore_password(&self) -> Option<Zeroizing<String>> {
        self.text("KeyStorePassword").map(|password| Zeroizing::new(password.to_owned()))
    }

    /// Its public side. The header's name is compared without regard to case, as HTTP does.
    #[must_use]
    pub fn facts(&self) -> DestinationFacts {
        let owned = |name: &str| self.text(name).map(str::to_owned);
        let company = self
            .0
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("URL.headers.successfactors-companyid"))
            .and_then(|(_, value)| value.as_str());
        DestinationFacts {
            name: self.name().to_owned(),
            authentication: owned("Authentication"),
            keystore_location: owned(LOCATION),
            url: owned("URL"),
            company_id: company.map(str::to_owned),
        }
    }

    /// Whether any property that names an entry names this one.
    #[must_use]
    pub fn names(&self, entry: &str) -> bool {
        LOCATIONS.iter().any(|property| self.text(property) == Some(entry))
    }

    /// The properties beside `KeyStoreLocation` that name an entry, each with the entry.
    #[must_use]
    pub fn other_locations(&self) -> Vec<(&'static str, &str)> {
        let others = LOCATIONS.into_iter().filter(|property| *property != LOCATION);
        others.filter_map(|property| Some((property, self.text(property)?))).collect()
    }

    /// Makes it use another entry; every other property and their order stay.
    pub fn use_entry(&mut self, entry: &str) {
        self.0.insert(LOCATION.to_owned(), Value::String(entry.to_owned()));
    }

    /// The names of the properties in which the two differ.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let missing_here = other.0.keys().filter(|name| !self.0.contains_key(*name));
        let differing = self.0.iter().filter(|(name, value)| other.0.get(*name) != Some(*value));
        differing.map(|(name, _)| name).chain(missing_here).cloned().collect()
    }

    /// The first property whose value is hidden behind asterisks: written back, it would overwrite the true one.
    #[must_use]
    pub fn hidden_property(&self) -> Option<&str> {
        let hidden = |value: &Value| {
            value.as_str().is_some_and(|text| text.len() > 2 && text.chars().all(|c| c == '*'))
        };
        self.0.iter().find(|(_, value)| hidden(value)).map(|(name, _)| name.as_str())
    }

    fn text(&self, property: &str) -> Option<&str> {
        self.0.get(property).and_then(Value::as_str).filter(|text| !text.is_empty())
    }
}

impl Drop for Destination {
    fn drop(&mut self) {
        self.0.values_mut().for_each(wipe);
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(values) => values.iter_mut().for_each(wipe),
        Value::Object(values) => values.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn destination(value: Value) -> Destination {
        Destination::new(value.as_object().unwrap().clone())
    }

    #[test]
    fn the_company_header_is_found_whatever_its_case() {
        let found = destination(json!({"Name": "D", "URL.headers.SuccessFactors-CompanyID": "ACME"}));
        assert_eq!(found.facts().company_id.as_deref(), Some("ACME"));
    }

    #[test]
    fn a_changed_a_missing_and_an_added_property_are_differences() {
        let one = destination(json!({"Name": "D", "a": "1", "b": "2"}));
        let two = destination(json!({"Name": "D", "b": "3", "c": "4"}));
        assert_eq!(one.differences(&two), ["a", "b", "c"]);
    }

    #[test]
    fn using_another_entry_keeps_the_order_and_everything_else() {
        let mut one = destination(json!({"Name": "D", LOCATION: "a.pem", "x": "1"}));
        one.use_entry("a-2.pem");
        let text = Value::Object(one.properties().clone()).to_string();
        assert_eq!(text, r#"{"Name":"D","KeyStoreLocation":"a-2.pem","x":"1"}"#);
    }

    #[test]
    fn a_value_behind_asterisks_is_noticed() {
        let one = destination(json!({"Name": "D", "KeyStorePassword": "*****"}));
        assert_eq!(one.hidden_property(), Some("KeyStorePassword"));
    }
}
