//! What is done with bytes that nobody vouches for, once for each way they come in; whoever calls it chooses the bytes.
//! It is shared by the fuzzers beside it and by `tests/fuzz.rs`, and expects nothing but the claims that it asserts.

use std::hint::black_box;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use certsteward::config;
use certsteward::domain::certificate::Certificate;
use certsteward::domain::chain::Chain;
use certsteward::domain::reason::Unseen;
use certsteward::finders::target_list;
use certsteward::formats::{self, Opened, PublicForm, public, revocation};
use certsteward::net;
use certsteward::net::starttls::StartTls;
use certsteward::probers::classify::classify;
use certsteward::sap::body;
use certsteward::sap::service_key::ServiceKey;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A way in: its name, which is also the folder of its corpus, and what is done.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// Every way in.
pub(crate) const ALL: &[Target] = &[
    ("formats", file),
    ("pem", pem),
    ("certificate", certificate),
    ("pkcs12", pkcs12),
    ("jks", jks),
    ("zip", zip),
    ("public", public_output),
    ("config", configuration),
    ("service_key", service_key),
    ("revocation", revocation),
    ("destination_service", destination_service),
    ("answer", answer),
    ("target_list", list),
    ("starttls", starttls),
];

/// A file of any form, without a password and with one.
pub(crate) fn file(bytes: &[u8]) {
    for password in [None, Some("secret")] {
        told(formats::identity(bytes, password).as_ref().err());
        let read = formats::read(bytes, password);
        told(read.as_ref().err());
        let Ok(content) = read else { continue };
        assert!(!content.certificates.is_empty(), "what is accepted holds a certificate");
        content.oddities.iter().for_each(|odd| told(Some(odd)));
        content.certificates.iter().for_each(facts);
        match formats::open(bytes, password) {
            Ok(opened) => published(&opened),
            Err(why) => told(Some(&why)),
        }
    }
}

/// Base64 or anything else between two lines of armour, under labels that other programs write.
pub(crate) fn pem(bytes: &[u8]) {
    let labels = ["CERTIFICATE", "TRUSTED CERTIFICATE", "PKCS7", "PRIVATE KEY", "RSA PRIVATE KEY"];
    for label in labels {
        let begin = format!("-----BEGIN {label}-----\n");
        let end = format!("\n-----END {label}-----\n");
        file(&[begin.as_bytes(), bytes, end.as_bytes()].concat());
    }
    file(bytes);
}

/// One certificate as DER.
pub(crate) fn certificate(bytes: &[u8]) {
    match Certificate::from_der(bytes) {
        Ok(certificate) => {
            facts(&certificate);
            assert_eq!(&*certificate.der, bytes, "the certificate is kept byte for byte");
        }
        Err(why) => told(Some(&why)),
    }
    black_box(certsteward::identity::public_key_fingerprint(bytes).is_ok());
}

/// An archive with certificates and keys.
pub(crate) fn pkcs12(bytes: &[u8]) {
    file(bytes);
}

/// A keystore of Java's, of either kind.
pub(crate) fn jks(bytes: &[u8]) {
    for mark in [[0xfe, 0xed, 0xfe, 0xed], [0xce; 4]] {
        file(&[&mark[..], bytes.get(4..).unwrap_or_default()].concat());
    }
}

/// An archive of files.
pub(crate) fn zip(bytes: &[u8]) {
    // Whatever stands before the first file is no part of an archive.
    let archive =
        if bytes.starts_with(b"PK\x03\x04") { bytes.to_vec() } else { [b"PK\x03\x04", bytes].concat() };
    file(&archive);
}

/// What is about to leave: where a key is put into it, it is always found.
pub(crate) fn public_output(bytes: &[u8]) {
    black_box(public::scan(bytes).is_ok());
    let hidden = [bytes, b"\n-----BEGIN EC PRIVATE KEY-----\n", bytes].concat();
    assert!(public::scan(&hidden).is_err(), "armour of a key is found behind anything");
}

/// A configuration file. Nothing that it includes is read: that would leave these bytes.
pub(crate) fn configuration(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if text.contains("include") {
        return;
    }
    if let Err(problems) = config::load_text(text, Path::new("/nowhere/certsteward.toml")) {
        assert!(!problems.to_string().is_empty(), "whoever refuses says why");
    }
}

/// A service key as the cockpit shows it.
pub(crate) fn service_key(bytes: &[u8]) {
    match ServiceKey::read(bytes, "key.json") {
        Ok(key) => {
            black_box(key.not_after());
        }
        Err(why) => told(Some(&why)),
    }
}

/// A file of revocation lists, and what a responder answers; both about the certificates of the corpus.
pub(crate) fn revocation(bytes: &[u8]) {
    let read = |der: &[u8]| Certificate::from_der(der).expect("a certificate of the corpus");
    let issuer = read(include_bytes!("corpus/revocation/ca.der"));
    let leaf = read(include_bytes!("corpus/revocation/leaf.der"));
    let now = leaf.not_before + std::time::Duration::from_secs(24 * 60 * 60);
    match revocation::lists(bytes) {
        Ok(lists) => {
            assert!(!lists.is_empty(), "what is accepted holds a list");
            for list in lists.iter().filter_map(|der| revocation::List::parse(der)) {
                black_box(list.told(&leaf, &issuer, now).is_ok());
            }
        }
        Err(why) => told(Some(&why)),
    }
    black_box(revocation::answer(bytes, &leaf, &issuer, now).is_ok());
}

/// The bodies that a Destination service answers with.
pub(crate) fn destination_service(bytes: &[u8]) {
    if let Ok(Ok(opened)) = body::public_side(bytes) {
        published(&opened);
    }
    if let Ok(Some(content)) = body::content(bytes) {
        black_box(formats::identity(&content, None).is_ok());
    }
    black_box((body::names(bytes).is_ok(), body::wrote(bytes).is_ok(), body::removed(bytes)));
    let one = body::destination(bytes);
    for mut destination in body::destinations(bytes).unwrap_or_default().into_iter().chain(one) {
        black_box((
            destination.facts(),
            destination.keystore_password().is_some(),
            destination.is_client_provided(),
        ));
        black_box((destination.hidden_property().is_some(), destination.other_locations().len()));
        destination.use_entry("sfapi-2.pem");
        assert!(destination.names("sfapi-2.pem"), "what it was set to it names");
    }
}

/// An HTTP answer to a probe: two bytes for the status, then the body.
pub(crate) fn answer(bytes: &[u8]) {
    let Some((status, body)) = bytes.split_first_chunk::<2>() else { return };
    let status = u16::from_be_bytes(*status) % 600;
    for kind in [None, Some("application/json"), Some("text/html")] {
        let (verdict, _) = classify(status, kind, body, false);
        assert!(!verdict.recognised(), "without a certificate shown nothing is said about one");
        black_box(classify(status, kind, body, true));
    }
    let excerpt = net::excerpt(body);
    assert!(excerpt.chars().count() <= 250 && !excerpt.contains('\n'), "an excerpt is short and one line");
}

/// A list of targets, in either form.
pub(crate) fn list(bytes: &[u8]) {
    let json = target_list::from_json(bytes);
    for groups in [json, target_list::from_yaml(bytes)].into_iter().flatten() {
        let (servers, _) = target_list::servers(groups, 443);
        for server in servers {
            assert!(
                !server.host.is_empty() && !server.host.contains('@'),
                "a server has a host and no secret"
            );
        }
    }
}

/// What a server says before TLS: one byte for the protocol, then all it says.
pub(crate) fn starttls(bytes: &[u8]) {
    let Some((protocol, said)) = bytes.split_first() else { return };
    let all = StartTls::ALL;
    let protocol = all[usize::from(*protocol) % all.len()];
    let mut server = Server(said);
    let talk = protocol.converse(&mut server, "[192.0.2.1]", "api.example.org");
    let mut talk = std::pin::pin!(talk);
    match talk.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop())) {
        Poll::Ready(ended) => told(ended.err().as_ref()),
        Poll::Pending => panic!("a server that said all it had keeps nobody waiting"),
    }
}

/// A server that says what it says, whatever it hears, and then closes.
struct Server<'a>(&'a [u8]);

impl AsyncRead for Server<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (now, later) = self.0.split_at(buffer.remaining().min(self.0.len()).min(100));
        buffer.put_slice(now);
        self.0 = later;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Server<'_> {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Everything that is read from a certificate only when it is asked for.
fn facts(certificate: &Certificate) {
    black_box((certificate.key_usage(), certificate.alternative_names(), certificate.lifetime()));
    black_box((certificate.common_name(), certificate.issuer_name(), certificate.key.to_string()));
}

/// What was opened can be given out, and reads back as the same leaf.
fn published(opened: &Opened) {
    for form in [PublicForm::Pem, PublicForm::Chain, PublicForm::Cer, PublicForm::Der] {
        // A certificate may hold what looks like a key; then it stays here.
        let Ok(out) = public::public(&opened.chain, form) else { continue };
        let again = formats::read(&out, None).expect("what was given out can be read");
        assert_eq!(again.certificates[0], *opened.chain.leaf, "and begins with the leaf");
        black_box(Chain::assemble(again.certificates, None).is_ok());
    }
}

/// Whoever refuses says why, in a line.
fn told(why: Option<&Unseen>) {
    if let Some(why) = why {
        assert!(!why.text.is_empty() && why.text.len() < 4096, "a sentence: {}", why.text);
        assert!(!why.text.contains('\n'), "in one line: {:?}", why.text);
    }
}
