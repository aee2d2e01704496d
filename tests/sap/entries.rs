//! Entries of the Destination service as a source sees them and a renewer makes them.

use certsteward::domain::certificate::Fingerprint;
use certsteward::domain::reason::Reason;
use certsteward::domain::record::{CopyOrder, Order};
use certsteward::domain::watch::Validity;
use certsteward::renewers::Renewer as _;
use certsteward::renewers::destination_service::{DestinationServiceRenewer, Settings as RenewerSettings};
use certsteward::sap::{Level, Password};
use certsteward::secret::SecretRef;
use certsteward::sources::Source as _;
use certsteward::sources::destination_service::{DestinationServiceSource, Entry, Settings};
use serde_json::json;

use super::stage::{Made, Stage, made, says, whole, write_private};

const AT: Level = Level::Subaccount;

fn source(stage: &Stage, entry: Entry, password: Option<SecretRef>) -> DestinationServiceSource {
    let connection = "btp-test".to_owned();
    DestinationServiceSource::new(stage.client(), Settings { connection, level: AT, entry, password })
}

fn by_name(stage: &Stage, name: &str) -> DestinationServiceSource {
    source(stage, Entry::Certificate(name.to_owned()), None)
}

fn by_destination(stage: &Stage) -> DestinationServiceSource {
    source(stage, Entry::Destination("D".to_owned()), None)
}

fn renewer(stage: &Stage, password: Password) -> DestinationServiceRenewer {
    let settings = RenewerSettings { connection: "btp-test".to_owned(), level: AT };
    DestinationServiceRenewer::new(stage.client(), settings, password)
}

fn order(name: &str) -> Order {
    Order {
        name: name.to_owned(),
        common_name: "SFAPI".to_owned(),
        validity: Validity::Years(1),
        in_place: false,
        like: None,
        replaces: Fingerprint::of(b"old"),
        placed: chrono::DateTime::UNIX_EPOCH,
    }
}

fn destination(location: &str) -> serde_json::Value {
    json!({
        "Name": "D", "Type": "HTTP", "Authentication": "ClientCertificateAuthentication",
        "URL": "https://api.cert.example.org/odata/v2", "KeyStoreLocation": location,
        "KeyStorePassword": "sesame", "URL.headers.SuccessFactors-companyid": "ACME",
    })
}

fn protected() -> super::stage::Says {
    let text = "The keystore is password-protected and public keys cannot be retrieved";
    says(400, json!({"ErrorMessage": text}))
}

/// An entry whose public side is hidden by a password.
fn put_protected(stage: &Stage, name: &str, made: &Made) {
    stage.on(&format!("GET /subaccountCertificates/{name}/publicKeys"), [protected()]);
    stage.on(&format!("GET /subaccountCertificates/{name}"), [whole(name, &made.pkcs12("sesame"))]);
}

#[tokio::test]
async fn the_public_side_is_enough_to_see_an_entry() {
    let stage = Stage::open().await;
    let certificate = made("SFAPI", "x.example.org");
    stage.on("GET /subaccountCertificates/a.pem/publicKeys", [certificate.public_keys()]);
    let seen = by_name(&stage, "a.pem").look(None).await.unwrap().unwrap();
    assert_eq!(seen.chain.fingerprint(), Fingerprint::of(&certificate.leaf_der));
    assert_eq!((seen.chain.issuers.len(), seen.name.as_deref(), seen.has_key), (1, Some("a.pem"), None));
    assert_eq!(stage.asked("GET").len(), 1, "the private part was not fetched");
}

#[tokio::test]
async fn a_public_side_in_base64_is_read_too() {
    use base64::Engine as _;
    let stage = Stage::open().await;
    let certificate = made("SFAPI", "x.example.org");
    let content = base64::engine::general_purpose::STANDARD.encode(&certificate.leaf_pem);
    let answer = says(200, json!([{"Content": content, "SubjectDN": "CN=a"}]));
    stage.on("GET /subaccountCertificates/a.pem/publicKeys", [answer]);
    assert!(by_name(&stage, "a.pem").look(None).await.unwrap().is_some());
}

#[tokio::test]
async fn an_unchanged_entry_comes_from_memory() {
    let stage = Stage::open().await;
    let first = made("SFAPI", "x.example.org").public_keys().with("etag", "f4a9");
    stage.on("GET /subaccountCertificates/a.pem/publicKeys", [first, says(304, "")]);
    let source = by_name(&stage, "a.pem");
    let (one, two) = (source.look(None).await.unwrap(), source.look(None).await.unwrap());
    assert!(one.is_some() && one == two);
    let tags: Vec<Option<String>> =
        stage.asked("GET").iter().map(|asked| asked.header("if-none-match").map(str::to_owned)).collect();
    assert_eq!(tags, [None, Some("f4a9".to_owned())]);
}

#[tokio::test]
async fn a_name_is_encoded_as_one_segment_of_the_path() {
    let stage = Stage::open().await;
    assert_eq!(by_name(&stage, "a'b c/ü.pem").look(None).await.unwrap(), None);
    let line = &stage.asked("GET")[0].line;
    let path = "/destination-configuration/v1/subaccountCertificates/a%27b%20c%2F%C3%BC.pem/publicKeys";
    assert_eq!(line, &format!("GET {path}"));
}

#[tokio::test]
async fn a_missing_entry_is_nothing_in_every_documented_shape() {
    for body in [r#"{"ErrorMessage":"Configuration with the specified name was not found"}"#, "Not Found", ""]
    {
        let stage = Stage::open().await;
        stage.on("GET /subaccountCertificates/a.pem", [says(404, body)]);
        assert_eq!(by_name(&stage, "a.pem").look(None).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_destination_is_followed_to_its_entry() {
    let stage = Stage::open().await;
    stage.on("GET /subaccountDestinations/D", [says(200, destination("a.pem"))]);
    stage.on("GET /subaccountCertificates/a.pem/publicKeys", [made("SFAPI", "x.example.org").public_keys()]);
    let seen = by_destination(&stage).look(None).await.unwrap().unwrap();
    let facts = seen.destination.unwrap();
    assert_eq!(seen.name.as_deref(), Some("a.pem"));
    assert_eq!(facts.company_id.as_deref(), Some("ACME"));
    assert_eq!(facts.authentication.as_deref(), Some("ClientCertificateAuthentication"));
    assert_eq!(facts.keystore_location.as_deref(), Some("a.pem"));
}

#[tokio::test]
async fn a_missing_destination_is_nothing_but_a_missing_keystore_is_told() {
    let stage = Stage::open().await;
    let source = by_destination(&stage);
    assert_eq!(source.look(None).await.unwrap(), None);
    stage.on("GET /subaccountDestinations/D", [says(200, destination("a.pem"))]);
    let unseen = source.look(None).await.unwrap_err();
    assert_eq!(unseen.reason, Reason::LeadsNowhere);
    assert!(
        unseen.text.contains("destination D names the keystore a.pem, which does not exist"),
        "{}",
        unseen.text
    );
}

#[tokio::test]
async fn a_destination_without_an_entry_of_the_service_is_told() {
    let stage = Stage::open().await;
    let bare = json!({"Name": "D", "Type": "HTTP"});
    let brought = json!({"Name": "D", "Type": "HTTP", "KeyStoreLocation": "a.p12", "KeyStore.Source": "ClientProvided"});
    for (body, reason) in [(bare, Reason::NotFound), (brought, Reason::KeyUnavailable)] {
        stage.on("GET /subaccountDestinations/D", [says(200, body)]);
        assert_eq!(by_destination(&stage).look(None).await.unwrap_err().reason, reason);
    }
}

#[tokio::test]
async fn a_protected_keystore_is_opened_with_the_destination_s_password() {
    let stage = Stage::open().await;
    let certificate = made("SFAPI", "x.example.org");
    stage.on("GET /subaccountDestinations/D", [says(200, destination("a.p12"))]);
    put_protected(&stage, "a.p12", &certificate);
    let source = by_destination(&stage);
    let seen = source.look(None).await.unwrap().unwrap();
    assert_eq!(
        (seen.chain.fingerprint(), seen.has_key),
        (Fingerprint::of(&certificate.leaf_der), Some(true))
    );
    let identity = source.identity(None).await.ok().unwrap();
    assert_eq!(identity.chain().fingerprint(), seen.chain.fingerprint());
    assert!(source.identity(Some("a.p12")).await.is_ok());
}

#[tokio::test]
async fn a_protected_keystore_is_opened_with_the_configured_password() {
    let stage = Stage::open().await;
    put_protected(&stage, "a.p12", &made("SFAPI", "x.example.org"));
    let file = stage.folder.path().join("password");
    write_private(&file, "sesame\n");
    let named = || Entry::Certificate("a.p12".to_owned());
    assert!(source(&stage, named(), Some(SecretRef::File(file))).look(None).await.unwrap().is_some());
    let unseen = source(&stage, named(), None).look(None).await.unwrap_err();
    assert!(matches!(unseen.reason, Reason::PasswordNeeded | Reason::PasswordWrong), "{unseen:?}");
    assert!(unseen.text.contains("a.p12"), "{}", unseen.text);
}

#[tokio::test]
async fn the_identity_of_an_entry_is_its_certificate_and_key() {
    let stage = Stage::open().await;
    let certificate = made("SFAPI", "x.example.org");
    stage.on("GET /subaccountCertificates/a.pem", [certificate.whole("a.pem")]);
    let identity = by_name(&stage, "a.pem").identity(None).await.ok().unwrap();
    assert_eq!(identity.chain().fingerprint(), Fingerprint::of(&certificate.leaf_der));
}

#[tokio::test]
async fn an_entry_made_from_a_request_has_no_key_to_give() {
    let stage = Stage::open().await;
    let certificate = made("SFAPI", "x.example.org");
    let chain = format!("{}{}", certificate.leaf_pem, certificate.root_pem);
    stage.on("GET /subaccountCertificates/a.pem", [whole("a.pem", chain.as_bytes())]);
    let unseen = by_name(&stage, "a.pem").identity(None).await.err().unwrap();
    assert_eq!(unseen.reason, Reason::KeyUnavailable);
}

#[tokio::test]
async fn an_order_says_everything_sap_needs_and_switches_its_renewal_off() {
    let stage = Stage::open().await;
    stage.on("POST /subaccountCertificates", [says(201, "")]);
    renewer(&stage, Password::Unknown).issue(&order("a-2.pem")).await.unwrap();
    let expected = json!({"Name": "a-2.pem", "Attributes": {
        "CN": "SFAPI", "Validity": {"TimeUnit": "YEARS", "Value": 1}, "AutomaticRenew": false,
    }});
    assert_eq!(stage.asked("POST /destination")[0].json(), expected);
}

#[tokio::test]
async fn what_stands_under_the_ordered_name_is_ours() {
    for body in [r#""Duplicate key""#, "Duplicate key", r#"{"ErrorMessage":"Duplicate key","$metadata":{}}"#]
    {
        let stage = Stage::open().await;
        stage.on("POST /subaccountCertificates", [says(409, body)]);
        let answer = renewer(&stage, Password::Unknown).issue(&order("a-2.pem")).await.unwrap();
        let said = "POST subaccountCertificates a-2.pem → 409: it stands there already";
        assert_eq!(answer.to_string(), said);
    }
}

#[tokio::test]
async fn one_item_s_refusal_in_an_answer_about_several_is_a_refusal() {
    let stage = Stage::open().await;
    let body = json!([{"name": "a-2.pem", "status": 403, "cause": "no quota"}]);
    stage.on("POST /subaccountCertificates", [says(207, body)]);
    let failure = renewer(&stage, Password::Unknown).issue(&order("a-2.pem")).await.unwrap_err();
    assert_eq!((failure.reason, failure.maybe_effective), (Reason::Forbidden, false));
    assert!(failure.text.contains("no quota"), "{}", failure.text);
    assert_eq!(failure.answer.unwrap().to_string(), "POST subaccountCertificates a-2.pem → 403");
}

#[tokio::test]
async fn a_page_in_answer_to_an_order_leaves_its_effect_open() {
    let stage = Stage::open().await;
    stage.on("POST /subaccountCertificates", [says(200, "<html><title>Log on</title></html>")]);
    let failure = renewer(&stage, Password::Unknown).issue(&order("a-2.pem")).await.unwrap_err();
    assert_eq!((failure.reason, failure.maybe_effective), (Reason::UnexpectedAnswer, true));
}

#[tokio::test]
async fn in_place_the_entry_is_replaced() {
    let stage = Stage::open().await;
    stage.on("PUT /subaccountCertificates", [says(200, json!({"Count": 1}))]);
    let order = Order { in_place: true, validity: Validity::Days(30), ..order("a.pem") };
    renewer(&stage, Password::Unknown).issue(&order).await.unwrap();
    let body = stage.asked("PUT")[0].json();
    assert_eq!(body["Attributes"]["Validity"], json!({"TimeUnit": "DAYS", "Value": 30}));
}

#[tokio::test]
async fn a_candidate_gets_the_password_of_the_entry_it_is_like() {
    let stage = Stage::open().await;
    put_protected(&stage, "a.p12", &made("SFAPI", "x.example.org"));
    stage.on("GET /subaccountDestinations/D", [says(200, destination("a.p12"))]);
    stage.on("POST /subaccountCertificates", [says(201, "")]);
    let order = Order { like: Some("a.p12".to_owned()), ..order("a-2.p12") };
    let of_destination = Password::OfDestination(AT, "D".to_owned());
    renewer(&stage, of_destination).issue(&order).await.unwrap();
    assert_eq!(stage.asked("POST /destination")[0].json()["Attributes"]["Password"], "sesame");
    let failure = renewer(&stage, Password::Unknown).issue(&order).await.unwrap_err();
    assert!(matches!(failure.reason, Reason::PasswordNeeded | Reason::PasswordWrong), "{failure:?}");
    assert!(!failure.maybe_effective);
}

#[tokio::test]
async fn a_candidate_like_an_open_entry_gets_no_password() {
    let stage = Stage::open().await;
    stage.on("GET /subaccountCertificates/a.pem", [made("SFAPI", "x.example.org").whole("a.pem")]);
    stage.on("GET /subaccountDestinations/D", [says(200, destination("a.pem"))]);
    stage.on("POST /subaccountCertificates", [says(201, "")]);
    let order = Order { like: Some("a.pem".to_owned()), ..order("a-2.pem") };
    renewer(&stage, Password::OfDestination(AT, "D".to_owned())).issue(&order).await.unwrap();
    assert_eq!(stage.asked("POST /destination")[0].json()["Attributes"].get("Password"), None);
}

#[tokio::test]
async fn an_entry_that_a_destination_names_is_not_removed() {
    let places = ["KeyStoreLocation", "TrustStoreLocation", "tokenService.KeyStoreLocation"];
    for (place, level) in places.iter().zip(["subaccount", "instance", "subaccount"]) {
        let stage = Stage::open().await;
        nothing_names_it(&stage);
        let print = Fingerprint::of(b"any");
        let naming = json!([{"Name": "D", "Type": "HTTP", *place: "a.pem"}]);
        stage.on(&format!("GET /{level}Destinations"), [says(200, naming)]);
        let failure = renewer(&stage, Password::Unknown).remove("a.pem", print).await.unwrap_err();
        assert_eq!(failure.reason, Reason::StateChanged, "{place}");
        assert!(!failure.maybe_effective);
        assert!(failure.text.contains(&format!("D ({level})")), "{}", failure.text);
        assert!(stage.asked("DELETE /subaccountCertificates/a.pem").is_empty());
    }
}

#[tokio::test]
async fn an_entry_is_not_removed_while_destinations_cannot_be_seen() {
    let stage = Stage::open().await;
    nothing_names_it(&stage);
    stage.on("GET /instanceDestinations", [says(403, "Forbidden")]);
    let print = Fingerprint::of(b"any");
    let failure = renewer(&stage, Password::Unknown).remove("a.pem", print).await.unwrap_err();
    assert_eq!((failure.reason, failure.maybe_effective), (Reason::Forbidden, false));
}

fn nothing_names_it(stage: &Stage) {
    stage.on("GET /subaccountDestinations", [says(200, json!([]))]);
    stage.on("GET /instanceDestinations", [says(200, json!([]))]);
}

#[tokio::test]
async fn a_name_that_was_taken_since_the_look_is_not_copied_over() {
    let stage = Stage::open().await;
    let certificate = made("SFAPI", "x.example.org");
    stage.on("GET /subaccountCertificates/a.pem/publicKeys", [certificate.public_keys()]);
    stage.on("GET /subaccountCertificates/a.pem", [certificate.whole("a.pem")]);
    stage.on("POST /subaccountCertificates", [says(409, "Duplicate key")]);
    let copy = CopyOrder {
        from: "a.pem".to_owned(),
        to: "a-before.pem".to_owned(),
        fingerprint: Fingerprint::of(&certificate.leaf_der),
        over: None,
    };
    let failure = renewer(&stage, Password::Unknown).copy(&copy).await.unwrap_err();
    assert_eq!((failure.reason, failure.maybe_effective), (Reason::StateChanged, false), "{failure}");
}

#[tokio::test]
async fn a_404_of_somebody_else_is_no_removal() {
    let stage = Stage::open().await;
    nothing_names_it(&stage);
    let certificate = made("SFAPI", "x.example.org");
    stage.on("GET /subaccountCertificates/a.pem/publicKeys", [certificate.public_keys()]);
    stage.on("GET /subaccountCertificates/a.pem", [certificate.whole("a.pem")]);
    let print = Fingerprint::of(&certificate.leaf_der);
    stage.on(
        "DELETE /subaccountCertificates/a.pem",
        [says(404, "404 Not Found: Requested route ('x') does not exist.")],
    );
    assert_eq!(
        renewer(&stage, Password::Unknown).remove("a.pem", print).await.unwrap_err().reason,
        Reason::Unavailable
    );
}

#[tokio::test]
async fn names_are_listed_without_contents() {
    let stage = Stage::open().await;
    stage.on("GET /instanceCertificates", [says(200, json!([{"Name": "a.pem"}, {"Name": "b.p12"}]))]);
    assert_eq!(stage.client().list_names(Level::Instance).await.unwrap(), ["a.pem", "b.p12"]);
    assert!(stage.asked("GET")[0].line.ends_with("/instanceCertificates?%24select=Name"));
}

#[tokio::test]
async fn content_is_uploaded_and_replaced_byte_by_byte() {
    let stage = Stage::open().await;
    stage.on("POST /subaccountCertificates", [says(201, "")]);
    stage.on("PUT /subaccountCertificates", [says(200, json!({"Count": 1}))]);
    let client = stage.client();
    client.upload(AT, "a.pem", b"\x00\x01").await.unwrap();
    client.replace(AT, "a.pem", b"\x00\x01").await.unwrap();
    let expected = json!({"Name": "a.pem", "Type": "CERTIFICATE", "Content": "AAE="});
    assert_eq!(stage.asked("POST /destination")[0].json(), expected);
    assert_eq!(stage.asked("PUT")[0].json(), expected);
}
