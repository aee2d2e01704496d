//! Which chains lead to a store and what is said of the others, as a table.
//! It reads one store from a file for each form of it elsewhere: the readers have tests of their own.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer,
    KeyPair, NameConstraints,
};

use super::*;

/// An authority, or a leaf.
struct Made {
    params: CertificateParams,
    key: KeyPair,
    certificate: Certificate,
}

fn params(name: &str, years: (i32, i32), is_ca: IsCa) -> CertificateParams {
    let mut params = CertificateParams::new(vec!["www.example.org".to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) =
        (rcgen::date_time_ymd(years.0, 1, 1), rcgen::date_time_ymd(years.1, 1, 1));
    params.is_ca = is_ca;
    params
}

fn authority(name: &str, years: (i32, i32)) -> CertificateParams {
    let mut params = params(name, years, IsCa::Ca(BasicConstraints::Unconstrained));
    params.subject_alt_names.clear();
    params
}

fn root(params: CertificateParams) -> Made {
    let key = KeyPair::generate().unwrap();
    let certificate = Certificate::from_der(params.self_signed(&key).unwrap().der()).unwrap();
    Made { params, key, certificate }
}

impl Made {
    fn issue(&self, params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let issuer = Issuer::from_params(&self.params, &self.key);
        let made = params.signed_by(&key, &issuer).unwrap();
        Self { certificate: Certificate::from_der(made.der()).unwrap(), params, key }
    }
}

const LONG: (i32, i32) = (2020, 2040);

fn leaf() -> CertificateParams {
    params("www", LONG, IsCa::NoCa)
}

fn now() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

#[track_caller]
fn check(presented: &[&Made], trusted: &[&Made], usage: Usage, expected: Option<&str>) {
    let presented: Vec<Certificate> = presented.iter().map(|made| made.certificate.clone()).collect();
    let leaf = presented[0].key_fingerprint;
    let chain = Chain::assemble(presented, Some(leaf)).unwrap();
    let trusted: Vec<Certificate> = trusted.iter().map(|made| made.certificate.clone()).collect();
    assert_eq!(refusal(&chain, &trusted, usage, now()).as_deref(), expected);
}

#[test]
fn a_chain_leads_to_an_authority_of_the_store_or_it_is_said_why_not() {
    let root_a = root(authority("root", LONG));
    let issuing = root_a.issue(authority("issuing", LONG));
    let www = issuing.issue(leaf());
    let stranger = root(authority("stranger", LONG));
    check(&[&www, &issuing], &[&stranger, &root_a], Usage::Server, None);
    check(&[&www], &[&issuing], Usage::Server, None);
    let nobody = Some("the chain leads to none of its authorities");
    check(&[&www], &[&root_a], Usage::Server, nobody);
    check(&[&www, &issuing], &[&stranger], Usage::Any, nobody);
    check(&[&www, &issuing], &[], Usage::Any, nobody);
}

#[test]
fn what_stands_in_the_store_itself_is_trusted() {
    let own = root(authority("own", LONG));
    check(&[&own], &[&own], Usage::Server, None);
    let other = root(authority("other", LONG));
    let way = "it is the certificate of an authority, which verifiers do not take from a client or server";
    check(&[&own], &[&other], Usage::Server, Some(way));
}

#[test]
fn an_authority_that_is_out_of_time_is_named() {
    let old = root(authority("old root", (2010, 2026)));
    let www = old.issue(leaf());
    let text = "the authority old root in it, to which the chain leads, expired on 2026-01-01 00:00 UTC";
    check(&[&www], &[&old], Usage::Server, Some(text));
    let early = root(authority("early root", (2027, 2040)));
    let www = early.issue(leaf());
    check(
        &[&www],
        &[&early],
        Usage::Server,
        Some("the authority early root in it is not valid before 2027-01-01 00:00 UTC"),
    );
    let root_a = root(authority("root", LONG));
    let issuing = root_a.issue(authority("issuing", (2010, 2026)));
    let www = issuing.issue(leaf());
    let text = "a certificate on the way expired on 2026-01-01 00:00 UTC";
    check(&[&www, &issuing], &[&root_a], Usage::Server, Some(text));
}

#[test]
fn the_end_of_the_leaf_itself_is_judged_elsewhere() {
    let root_a = root(authority("root", LONG));
    let www = root_a.issue(params("www", (2010, 2020), IsCa::NoCa));
    check(&[&www], &[&root_a], Usage::Server, None);
}

#[test]
fn what_an_issuer_may_not_do_is_said() {
    let root_a = root(authority("root", LONG));
    let mut limited = authority("limited", LONG);
    limited.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName("example.com".to_owned())],
        excluded_subtrees: Vec::new(),
    });
    let issuing = root_a.issue(limited);
    let text = "an issuer may not issue for the names in it (name constraints)";
    check(&[&issuing.issue(leaf()), &issuing], &[&root_a], Usage::Server, Some(text));

    let mut short = authority("short", LONG);
    short.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let short = root_a.issue(short);
    let below = short.issue(authority("below", LONG));
    let text = "an issuer may not have so many authorities below it (path length)";
    check(&[&below.issue(leaf()), &below, &short], &[&root_a], Usage::Server, Some(text));

    let mut clients = authority("clients", LONG);
    clients.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let clients = root_a.issue(clients);
    let www = clients.issue(leaf());
    let text = "an issuer may not issue for this use (extended key usage)";
    check(&[&www, &clients], &[&root_a], Usage::Server, Some(text));
    check(&[&www, &clients], &[&root_a], Usage::Client, None);
    check(&[&www, &clients], &[&root_a], Usage::Any, None);
}

#[test]
fn a_leaf_that_is_not_for_its_use_is_judged_elsewhere() {
    let root_a = root(authority("root", LONG));
    let mut client = leaf();
    client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    check(&[&root_a.issue(client)], &[&root_a], Usage::Server, None);
}

#[test]
fn a_store_that_cannot_be_read_is_not_taken_for_trust() {
    let root_a = root(authority("root", LONG));
    let chain = Chain::assemble(vec![root_a.issue(leaf()).certificate], None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { path: folder.path().join("none.pem"), password: None };
    let found = check_of(&settings, &chain);
    assert_eq!(found, [Reason::TrustUnknown]);
    std::fs::write(&settings.path, &*root_a.certificate.der).unwrap();
    assert_eq!(check_of(&settings, &chain), []);
}

fn check_of(settings: &Settings, chain: &Chain) -> Vec<Reason> {
    let (found, _) = super::check(settings, chain, Usage::Server, now());
    assert_eq!(found.files.len(), usize::from(found.oddities.is_empty()));
    found.oddities.iter().map(|odd| odd.reason).collect()
}
