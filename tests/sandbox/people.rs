//! What reaches people: mails, the mailbox, and the administrator who does what they ask.

use super::{Desk, LIMIT, until};
use certsteward::sandbox::{Fault, Hands, Landscape, Matching, Options};
use lettre::message::header::ContentType;
use lettre::message::{Attachment, Message, MultiPart, SinglePart};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn mail(text: &str, attached: Option<&str>) -> Message {
    let body =
        MultiPart::alternative_plain_html(text.to_owned(), "<p>ho <script>alert(1)</script></p>".to_owned());
    let mut whole = MultiPart::mixed().multipart(body);
    if let Some(pem) = attached {
        let kind = ContentType::parse("application/x-pem-file").unwrap();
        whole = whole.singlepart(Attachment::new("sfapi-2.pem".to_owned()).body(pem.to_owned(), kind));
    } else {
        whole = whole.singlepart(SinglePart::plain(".\r\n..\r\n".to_owned()));
    }
    let builder = Message::builder().from("certsteward@example.org".parse().unwrap());
    builder.to("ops@example.org".parse().unwrap()).subject("Zertifikat übergeben").multipart(whole).unwrap()
}

async fn post(landscape: &Landscape, message: Message) {
    send(landscape, message).await.unwrap();
}

async fn send(landscape: &Landscape, message: Message) -> Result<(), lettre::transport::smtp::Error> {
    let address = landscape.addresses().smtp;
    let (host, port) = address.rsplit_once(':').unwrap();
    let transport =
        AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host).port(port.parse().unwrap()).build();
    transport.send(message).await.map(drop)
}

#[tokio::test]
async fn a_mail_is_taken_decoded_and_shown_without_running_its_html() {
    let desk = Desk::open(Options::default()).await;
    post(&desk.landscape, mail("Grüße\n.dot", Some("sample"))).await;
    let mails = desk.landscape.mails();
    assert_eq!(mails[0].subject, "Zertifikat übergeben");
    assert_eq!(mails[0].text.trim_end().replace("\r\n", "\n"), "Grüße\n.dot");
    assert_eq!(mails[0].to, ["ops@example.org"]);
    assert_eq!(
        (mails[0].attachments[0].name.as_str(), mails[0].attachments[0].content.trim_ascii()),
        ("sfapi-2.pem", b"sample".as_slice())
    );
    let page = desk.landscape.addresses().mailbox;
    let list = desk.client.get(&page).send().await.unwrap().text().await.unwrap();
    assert!(list.contains("Zertifikat übergeben"), "{list}");
    let shown = desk.client.get(format!("{page}/mails/1")).send().await.unwrap().text().await.unwrap();
    assert!(shown.contains("<iframe sandbox") && !shown.contains("<script>"), "{shown}");
    let html = desk.client.get(format!("{page}/mails/1/html")).send().await.unwrap();
    assert!(html.headers()["content-security-policy"].to_str().unwrap().starts_with("sandbox;"));
}

/// A page that takes what is said on it: each request's path and form, in order.
async fn ear() -> (String, tokio::task::JoinHandle<Vec<String>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let hearing = async move {
        let mut heard = Vec::new();
        while heard.len() < 2 {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = Vec::new();
            while !String::from_utf8_lossy(&buffer).contains("sign=") {
                assert!(stream.read_buf(&mut buffer).await.unwrap() > 0);
            }
            let text = String::from_utf8(buffer).unwrap();
            heard.push(format!("{} {}", text.lines().next().unwrap(), text.lines().last().unwrap()));
            stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await.unwrap();
        }
        heard
    };
    #[expect(clippy::disallowed_methods, reason = "a listener of the test's own, which ends by itself")]
    let task = tokio::spawn(hearing);
    (address, task)
}

#[tokio::test]
async fn the_administrator_replaces_what_the_mail_asks_for_and_says_so_before_and_after() {
    let hands = Hands::Auto { after: Duration::from_millis(10) };
    let desk = Desk::open(Options { matching: Matching::Exact, hands, ..Options::default() }).await;
    assert_eq!(desk.generate("sfapi-2.pem", json!({"CN": "SFAPI"})).await.0, 201);
    let chain = desk.landscape.public_chain("sfapi-2.pem").unwrap();
    let (link, heard) = ear().await;
    let text = format!(
        "Hello,\n\nAsk: replace\nConfiguration Name: BTP mTLS 2\nIntegration Name: Business Technology Platform\n\
         Login Name: SFAPI\nHand-off page: {link}/handoffs/TOKEN\n"
    );
    post(&desk.landscape, mail(&text, Some(&chain))).await;
    let heard = tokio::time::timeout(LIMIT, heard).await.unwrap().unwrap();
    assert_eq!(
        heard,
        ["POST /handoffs/TOKEN/say HTTP/1.1 sign=deleting", "POST /handoffs/TOKEN/say HTTP/1.1 sign=saved"]
    );
    let mappings = desk.landscape.mappings();
    assert_eq!(mappings.len(), 1, "{:?}", desk.landscape.admin_log());
    assert_eq!((mappings[0].id, mappings[0].configuration_name.as_str()), (2, "BTP mTLS 2"));
    assert_eq!(desk.call_as("sfapi-2.pem").await.0, 200);
}

#[tokio::test]
async fn the_administrator_adds_once_and_removes_by_fingerprint() {
    let desk =
        Desk::open(Options { hands: Hands::Auto { after: Duration::ZERO }, ..Options::default() }).await;
    assert_eq!(desk.generate("next.pem", json!({"CN": "SFAPI-2"})).await.0, 201);
    let chain = desk.landscape.public_chain("next.pem").unwrap();
    let add = "Ask: add\nConfiguration Name: n\nIntegration Name: Business Technology Platform\nLogin Name: SFAPI\n";
    post(&desk.landscape, mail(add, Some(&chain))).await;
    post(&desk.landscape, mail(add, Some(&chain))).await;
    until("the new mapping", || desk.landscape.mappings().len() == 2).await;
    let old = desk.landscape.mappings()[0].fingerprint.to_uppercase();
    let pairs: Vec<&str> = old.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap()).collect();
    post(&desk.landscape, mail(&format!("Ask: remove\nFingerprint (SHA-256): {}\n", pairs.join(":")), None))
        .await;
    until("the old one gone", || desk.landscape.mappings().iter().all(|mapping| mapping.id == 2)).await;
    let log = desk.landscape.admin_log();
    assert_eq!(log.len(), 2, "the reminder is not done again: {log:?}");
}

#[tokio::test]
async fn the_mail_server_keeps_its_protocol() {
    let desk = Desk::open(Options::default()).await;
    let mut stream = tokio::net::TcpStream::connect(desk.landscape.addresses().smtp).await.unwrap();
    let script = "EHLO me\r\nRCPT TO:<b@example.org>\r\nMAIL FROM:<a@example.org> SIZE=99999999\r\nSTARTTLS\r\n\
                  MAIL FROM:<a@example.org> BODY=8BITMIME\r\nDATA\r\nRCPT TO:<b@example.org>\r\nDATA\r\n\
                  Subject: raw\r\n\r\n..one dot\r\n.\r\nQUIT\r\n";
    stream.write_all(script.as_bytes()).await.unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).await.unwrap();
    let codes: Vec<&str> = heard.lines().map(|line| line.split_at(4).0.trim()).collect();
    assert_eq!(
        codes,
        ["220", "250-", "250-", "250-", "250", "503", "552", "502", "250", "503", "250", "354", "250", "221"]
    );
    assert_eq!(desk.landscape.mails()[0].text.trim_end(), ".one dot");
}

#[tokio::test]
async fn a_mail_is_refused_where_a_fault_was_ordered() {
    let desk = Desk::open(Options::default()).await;
    let refusal = Fault {
        path_contains: "smtp".to_owned(),
        status: Some(451),
        body: "later".to_owned(),
        ..Fault::default()
    };
    desk.landscape.fault(refusal);
    let error = send(&desk.landscape, mail("text", None)).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    post(&desk.landscape, mail("text", None)).await;
    assert_eq!(desk.landscape.mails().len(), 1);
}
