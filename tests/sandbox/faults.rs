//! Faults on order, the log of requests, and the end of a landscape.

use super::{Desk, quick, until};
use certsteward::sandbox::{Fault, Landscape, Options};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_fault_is_shown_as_often_as_ordered_and_a_dropped_answer_has_its_effect() {
    let desk = Desk::open(Options::default()).await;
    desk.landscape.fault(Fault {
        method: Some("POST".to_owned()),
        path_contains: "/subaccountCertificates".to_owned(),
        drop_answer_after_effect: true,
        ..Fault::default()
    });
    let body = json!({"Name": "lost.pem", "Attributes": {}});
    let lost = desk.request(Method::POST, "/v1/subaccountCertificates").json(&body).send().await;
    assert!(lost.is_err());
    assert_eq!(desk.generate("lost.pem", json!({})).await.0, 409, "it was made");
    desk.landscape.fault(Fault {
        path_contains: "sfapi.pem".to_owned(),
        status: Some(503),
        body: "Service Unavailable".to_owned(),
        retry_after: Some("2".to_owned()),
        skip: 1,
        times: 2,
        ..Fault::default()
    });
    let path = "/v1/subaccountCertificates/sfapi.pem";
    for status in [200, 503, 503, 200] {
        assert_eq!(desk.send(Method::GET, path, &Value::Null).await.0, status);
    }
    let last = desk.landscape.requests().pop().unwrap();
    assert_eq!((last.part, last.method.as_str(), last.status), ("destination-service", "GET", 200));
    assert!(last.path.ends_with("/v1/subaccountCertificates/sfapi.pem"));
}

#[tokio::test]
async fn a_stopped_landscape_listens_nowhere() {
    let landscape = Landscape::start(quick()).await.unwrap();
    let addresses = landscape.addresses();
    until("the first call", || landscape.caller_report().calls > 0).await;
    landscape.stop().await;
    for address in
        [&addresses.destination_service, &addresses.successfactors, &addresses.caller, &addresses.smtp]
    {
        let host = address.rsplit('/').next().unwrap();
        assert!(tokio::net::TcpStream::connect(host).await.is_err(), "{address}");
    }
}

#[tokio::test]
async fn errors_come_as_bare_text_where_that_is_wanted() {
    let desk = Desk::open(Options { plain_text_errors: true, ..Options::default() }).await;
    let answer = desk.send(Method::GET, "/v1/subaccountCertificates/none.pem", &Value::Null).await;
    assert_eq!(answer, (404, "Configuration with the specified name was not found".to_owned()));
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let options = Options { base_port: Some(address.port()), ..Options::default() };
    let error = Landscape::start(options).await.err().unwrap();
    assert!(error.to_string().starts_with(&format!("cannot listen on {address}: ")), "{error}");
}
