//! A subaccount as many are after some years: destinations that work, and beside them what expired, what leads nowhere, what is
//! set wrongly and what nobody uses any more.
//! It is a picture to look at: nothing in it is used by the simulated application.

use super::certificates::{Attributes, Entry};
use super::mappings::Entered;
use super::pki;
use super::time::now;
use super::world::{Level, World};
use chrono::TimeDelta;
use serde_json::{Map, Value, json};
use std::io;

/// An entry: where, its name, its common name, its age and its life in days, and whether the tenant knows it.
const ENTRIES: [(Level, &str, &str, i64, i64, bool); 7] = [
    (Level::Subaccount, "payroll.p12", "PAYROLL", 368, 365, true),
    (Level::Subaccount, "learning.pem", "LEARNING", 20, 365, false),
    (Level::Subaccount, "recruiting.crt", "RECRUITING", 40, 365, true),
    (Level::Subaccount, "compensation.pem", "COMPENSATION", 100, 365, true),
    (Level::Subaccount, "sfapi-2025.pem", "SFAPI-2025", 700, 365, false),
    (Level::Subaccount, "trial.pem", "trial.pem", 60, 90, false),
    (Level::Instance, "jobs.pem", "JOBS", 80, 365, false),
];

/// A destination: where, its name, the entry that it names, and what differs from a sound one.
const DESTINATIONS: [(Level, &str, &str, Oddity); 6] = [
    (Level::Subaccount, "payroll_replication", "payroll.p12", Oddity::None),
    (Level::Subaccount, "time_events", "timesheets.p12", Oddity::None),
    (Level::Subaccount, "learning_import", "learning.pem", Oddity::Basic),
    (Level::Subaccount, "recruiting_feed", "recruiting.crt", Oddity::None),
    (Level::Subaccount, "compensation_export", "compensation.pem", Oddity::Company),
    (Level::Instance, "jobs_scheduler", "jobs.pem", Oddity::None),
];

#[derive(Clone, Copy)]
enum Oddity {
    None,
    /// It logs on with a user and a password, though it names a keystore.
    Basic,
    /// It sends a company id that the tenant does not know.
    Company,
}

/// Fills all of it in.
pub(super) fn seed(world: &World) -> io::Result<()> {
    for (level, name, common_name, age, life, known) in ENTRIES {
        put(world, level, name, common_name, (age, life))?;
        if known {
            register(world, level, name, common_name)?;
        }
    }
    for (level, name, entry, oddity) in DESTINATIONS {
        let fields = destination(world, name, entry, oddity);
        world.state().destinations.insert((level, name.to_owned()), fields);
    }
    Ok(())
}

/// The store makes only what callers can read; what has another name was uploaded.
fn put(
    world: &World,
    level: Level,
    name: &str,
    common_name: &str,
    (age, life): (i64, i64),
) -> io::Result<()> {
    let attributes = Attributes::of_days(common_name, life, false);
    let issued_at = now() - TimeDelta::days(age);
    let (made, uploaded) = match name.strip_suffix(".crt") {
        Some(stem) => (format!("{stem}.pem"), true),
        None => (name.to_owned(), false),
    };
    let mut state = world.state();
    state.seed(&world.authority, level, &made, attributes, issued_at)?;
    // It was there before the landscape started.
    state.issued.remove(&(level, made.clone()));
    if uploaded && let Some(entry) = state.entries.remove(&(level, made)) {
        state.entries.insert((level, name.to_owned()), Entry { attributes: None, ..entry });
    }
    Ok(())
}

fn register(world: &World, level: Level, name: &str, login: &str) -> io::Result<()> {
    let chain = {
        let state = world.state();
        let entry = state.entries.get(&(level, name.to_owned()));
        entry.map(|entry| pki::chain_pem(&entry.chain)).unwrap_or_default()
    };
    let entered = Entered {
        configuration_name: format!("BTP {login}"),
        integration_name: "Business Technology Platform".to_owned(),
        login_name: login.to_owned(),
        certificate: chain.into_bytes(),
    };
    world.add_mapping(entered).map(drop).map_err(io::Error::other)
}

fn destination(world: &World, name: &str, entry: &str, oddity: Oddity) -> Map<String, Value> {
    let company = if matches!(oddity, Oddity::Company) { "ACNE" } else { &world.options.company_id };
    let authentication = match oddity {
        Oddity::Basic => "BasicAuthentication",
        Oddity::None | Oddity::Company => "ClientCertificateAuthentication",
    };
    let mut fields = json!({
        "Name": name,
        "Type": "HTTP",
        "URL": format!("{}/odata/v2", world.addresses.successfactors),
        "ProxyType": "Internet",
        "Authentication": authentication,
        "KeyStoreLocation": entry,
        "URL.headers.successfactors-companyid": company,
    });
    if matches!(oddity, Oddity::Basic)
        && let Some(fields) = fields.as_object_mut()
    {
        fields.insert("User".to_owned(), format!("LMSAPI@{company}").into());
        fields.insert("Password".to_owned(), "a simulated password".into());
    }
    match fields {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}
