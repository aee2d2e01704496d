//! Service keys: which are read, and what is said about those that cannot be used.

use certsteward::domain::reason::Reason;
use certsteward::sap::service_key::ServiceKey;
use serde_json::{Value, json};

use super::stage::made;

fn secret() -> Value {
    json!({"clientid": "sb-x!b1", "clientsecret": "s", "uri": "https://d.example.org/", "url": "https://t.example.org"})
}

fn x509() -> Value {
    let made = made("sb-x", "sb-x.example.org");
    json!({
        "clientid": "sb-x!b1", "certificate": made.leaf_pem, "key": made.key_pem,
        "uri": "https://d.example.org", "certurl": "https://t.cert.example.org",
    })
}

#[track_caller]
fn refused(key: &Value, word: &str) {
    let unseen = ServiceKey::read(key.to_string().as_bytes(), "the file key.json").err().unwrap();
    assert_eq!(unseen.reason, Reason::CredentialUnusable);
    assert!(unseen.text.contains(word) && unseen.text.contains("key.json"), "{}", unseen.text);
}

#[test]
fn both_types_are_read_wrapped_or_not() {
    for key in [secret(), x509()] {
        for form in [key.clone(), json!({"credentials": key})] {
            assert!(ServiceKey::read(form.to_string().as_bytes(), "x").is_ok());
        }
    }
}

#[test]
fn only_a_certificate_tells_when_it_ends() {
    let end = |key: Value| ServiceKey::read(key.to_string().as_bytes(), "x").unwrap().not_after();
    assert_eq!(end(secret()), None);
    assert!(end(x509()).is_some());
}

#[test]
fn a_missing_member_is_named() {
    for member in ["clientid", "clientsecret", "uri", "url"] {
        let mut key = secret();
        key.as_object_mut().unwrap().remove(member);
        refused(&key, &format!("\"{member}\""));
    }
}

#[test]
fn a_certificate_of_ones_own_without_its_key_says_what_to_add() {
    let mut key = x509();
    key.as_object_mut().unwrap().remove("key");
    refused(&key, "no \"key\": it was made for a certificate of your own");
}

#[test]
fn a_key_that_belongs_to_another_certificate_is_refused() {
    let mut key = x509();
    key["key"] = made("other", "other.example.org").key_pem.into();
    refused(&key, "cannot be used");
}

#[test]
fn an_address_without_tls_is_refused() {
    let mut key = secret();
    key["url"] = "http://t.example.org".into();
    refused(&key, "\"url\" in the file key.json is an address with http://, not an https:// address");
}

#[test]
fn a_secret_in_the_place_of_an_address_is_not_quoted() {
    let mut key = x509();
    key["certurl"] = key["key"].clone();
    let unseen = ServiceKey::read(key.to_string().as_bytes(), "key.json").err().unwrap();
    assert!(!unseen.text.contains("PRIVATE"), "{}", unseen.text);
    assert!(unseen.text.starts_with("\"certurl\" in key.json is a text of "), "{}", unseen.text);
}

#[test]
fn a_file_that_is_no_service_key_is_not_quoted() {
    let unseen = ServiceKey::read(br#"{"clientsecret": hunter2"#, "key.json").err().unwrap();
    assert!(unseen.text.contains("not JSON") && !unseen.text.contains("hunter2"), "{}", unseen.text);
    let unseen = ServiceKey::read(br#"{"clientsecret": 4711}"#, "key.json").err().unwrap();
    assert!(!unseen.text.contains("4711"), "{}", unseen.text);
}
