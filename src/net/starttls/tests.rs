//! Each dialogue against what real servers say, and against what no server should.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// What one side says after what it hears.
type Script<'s> = &'s [(&'s [u8], &'s [u8])];

/// Plays a server: waits for each of these beginnings, and answers. Empty: says it unasked.
async fn played(protocol: StartTls, script: Script<'_>) -> Result<(), Unseen> {
    let (mut ours, mut theirs) = tokio::io::duplex(256 * 1024);
    let server = async {
        for (wanted, answer) in script {
            let mut heard = vec![0; wanted.len()];
            theirs.read_exact(&mut heard).await.unwrap();
            assert_eq!(String::from_utf8_lossy(&heard), String::from_utf8_lossy(wanted));
            theirs.write_all(answer).await.unwrap();
        }
        drop(theirs);
    };
    let (ended, ()) = tokio::join!(protocol.converse(&mut ours, "[192.0.2.1]", "im.example.org"), server);
    ended
}

async fn refused(protocol: StartTls, script: Script<'_>) -> (Reason, String) {
    let unseen = played(protocol, script).await.unwrap_err();
    (unseen.reason, unseen.text)
}

const EHLO: &[u8] = b"EHLO [192.0.2.1]\r\n";
const STREAM: &[u8] = b"<?xml version='1.0'?><stream:stream to='im.example.org' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";
const SSL_REQUEST: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";
const LDAP: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x16\x31.3.6.1.4.1.1466.20037";

fn mysql_greeting(abilities: u8) -> Vec<u8> {
    let mut payload = b"\x0a10.11.6-MariaDB\0\x01\0\0\0nonce123\0\xff".to_vec();
    payload.push(abilities);
    payload.extend_from_slice(&[0; 30]);
    let mut packet = vec![u8::try_from(payload.len()).unwrap(), 0, 0, 0];
    packet.extend_from_slice(&payload);
    packet
}

#[tokio::test]
async fn each_protocol_comes_to_tls() {
    let greeting = mysql_greeting(0xff);
    let request = binary::mysql_request();
    let scripts: [(StartTls, Script<'_>); 8] = [
        (
            StartTls::Smtp,
            &[
                (b"", b"220-mx.example.org ESMTP\r\n220 no spam\r\n"),
                (EHLO, b"250-mx.example.org\r\n250-SIZE 1000\r\n250 starttls\r\n"),
                (b"STARTTLS\r\n", b"220 2.0.0 go ahead\r\n"),
            ],
        ),
        (
            StartTls::Imap,
            &[
                (b"", b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n"),
                (b"a1 STARTTLS\r\n", b"* CAPABILITY IMAP4rev1\r\na1 OK begin\r\n"),
            ],
        ),
        (StartTls::Pop3, &[(b"", b"+OK ready\r\n"), (b"STLS\r\n", b"+OK begin\r\n")]),
        (
            StartTls::Ftp,
            &[(b"", b"220-Welcome\r\n to our\r\n220 server\r\n"), (b"AUTH TLS\r\n", b"234 AUTH TLS ok\r\n")],
        ),
        (StartTls::Ldap, &[(LDAP, b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00")]),
        (StartTls::Postgres, &[(SSL_REQUEST, b"S")]),
        (StartTls::Mysql, &[(b"", &greeting), (&request, b"")]),
        (
            StartTls::Xmpp,
            &[
                (STREAM, b"<?xml version='1.0'?><stream:stream id='1' version='1.0'><stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>"),
                (xmpp_ask(), b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
            ],
        ),
    ];
    for (protocol, script) in scripts {
        assert_eq!(played(protocol, script).await, Ok(()), "{protocol}");
    }
}

const fn xmpp_ask() -> &'static [u8] {
    b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
}

#[tokio::test]
async fn a_server_without_tls_says_so_in_its_own_words() {
    let without = mysql_greeting(0xf7);
    let scripts: [(StartTls, Script<'_>, &str); 8] = [
        (StartTls::Smtp, &[(b"", b"220 hi\r\n"), (EHLO, b"250 hello\r\n")], "does not offer STARTTLS"),
        (
            StartTls::Imap,
            &[(b"", b"* OK ready\r\n"), (b"a1 STARTTLS\r\n", b"a1 BAD unknown command\r\n")],
            "does not offer STARTTLS; it answered: a1 BAD unknown command",
        ),
        (
            StartTls::Pop3,
            &[(b"", b"+OK\r\n"), (b"STLS\r\n", b"-ERR what?\r\n")],
            "STLS; it answered: -ERR what?",
        ),
        (
            StartTls::Ftp,
            &[(b"", b"220 hi\r\n"), (b"AUTH TLS\r\n", b"530 Please login\r\n")],
            "AUTH TLS; it answered: 530 Please login",
        ),
        (
            StartTls::Ldap,
            &[(LDAP, b"\x30\x0f\x02\x01\x01\x78\x0a\x0a\x01\x02\x04\x00\x04\x03no!")],
            "StartTLS; it answered: LDAP result 2 no!",
        ),
        (StartTls::Postgres, &[(SSL_REQUEST, b"N")], "does not offer TLS (ssl = off"),
        (StartTls::Mysql, &[(b"", &without)], "does not offer TLS (have_ssl"),
        (
            StartTls::Xmpp,
            &[(STREAM, b"<stream:stream id='1'><stream:features></stream:features>")],
            "does not offer starttls",
        ),
    ];
    for (protocol, script, words) in scripts {
        let (reason, text) = refused(protocol, script).await;
        assert_eq!(reason, Reason::TlsFailed, "{protocol}: {text}");
        assert!(text.contains(words), "{protocol}: {text}");
    }
}

#[tokio::test]
async fn a_server_that_cannot_now_is_unavailable() {
    let scripts: [(StartTls, Script<'_>, Reason, &str); 7] = [
        (StartTls::Smtp, &[(b"", b"421 too busy\r\n")], Reason::Unavailable, "not 220 but: 421 too busy"),
        (
            StartTls::Smtp,
            &[
                (b"", b"220 hi\r\n"),
                (EHLO, b"250-a\r\n250 STARTTLS\r\n"),
                (b"STARTTLS\r\n", b"454 not now\r\n"),
            ],
            Reason::Unavailable,
            "454 not now",
        ),
        (StartTls::Imap, &[(b"", b"* BYE too many\r\n")], Reason::Unavailable, "* BYE too many"),
        (
            StartTls::Ldap,
            &[(LDAP, b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x34\x04\x00\x04\x00")],
            Reason::Unavailable,
            "LDAP result 52",
        ),
        (StartTls::Postgres, &[(SSL_REQUEST, b"E")], Reason::Unavailable, "look into its log"),
        (
            StartTls::Mysql,
            &[(b"", b"\x14\0\0\0\xff\x69\x04Host is blocked!!")],
            Reason::Refused,
            "Host is blocked!!",
        ),
        (
            StartTls::Xmpp,
            &[(STREAM, b"<stream:stream><stream:error><host-unknown xmlns='urn:x'/><text xmlns='urn:x'>not here</text></stream:error>")],
            Reason::UnexpectedAnswer,
            "host-unknown (not here)",
        ),
    ];
    for (protocol, script, reason, words) in scripts {
        let (found, text) = refused(protocol, script).await;
        assert_eq!(found, reason, "{protocol}: {text}");
        assert!(text.contains(words), "{protocol}: {text}");
    }
}

#[tokio::test]
async fn what_speaks_something_else_is_told_at_once() {
    for protocol in StartTls::ALL {
        for said in [&b"SSH-2.0-OpenSSH_9.2\r\n"[..], b"HTTP/1.1 400 Bad Request\r\n\r\n"] {
            let (reason, text) = said_unasked(*protocol, said).await;
            assert_eq!(reason, Reason::UnexpectedAnswer, "{protocol}: {text}");
        }
        let (reason, text) = said_unasked(*protocol, b"\x15\x03\x03\0\x02\x02\x28").await;
        assert_eq!(reason, Reason::UnexpectedAnswer);
        assert!(text.contains("leave starttls out"), "{protocol}: {text}");
        let (reason, _) = said_unasked(*protocol, b"").await;
        assert_eq!(reason, Reason::ConnectionReset, "{protocol}");
    }
}

async fn said_unasked(protocol: StartTls, said: &[u8]) -> (Reason, String) {
    let (mut ours, mut theirs) = tokio::io::duplex(256 * 1024);
    theirs.write_all(said).await.unwrap();
    theirs.shutdown().await.unwrap();
    let unseen = protocol.converse(&mut ours, "[192.0.2.1]", "im.example.org").await.unwrap_err();
    (unseen.reason, unseen.text)
}

#[tokio::test]
async fn a_server_that_never_comes_to_the_point_is_not_listened_to_for_long() {
    for (protocol, said) in [
        (StartTls::Smtp, b"220-still talking\r\n".repeat(8000)),
        (StartTls::Imap, b"x".repeat(100_000)),
        (StartTls::Xmpp, b"<a>".repeat(50_000)),
    ] {
        let (reason, text) = said_unasked(protocol, &said).await;
        assert_eq!(reason, Reason::TooLarge, "{protocol}: {text}");
    }
    let (reason, _) = said_unasked(StartTls::Ldap, b"\x30\x84\x7f\xff\xff\xff\0\0").await;
    assert_eq!(reason, Reason::UnexpectedAnswer);
}

#[tokio::test]
async fn what_is_said_after_the_go_ahead_is_never_taken_for_the_servers() {
    let scripts: [(StartTls, Script<'_>); 4] = [
        (StartTls::Pop3, &[(b"", b"+OK ready\r\n"), (b"STLS\r\n", b"+OK begin\r\n+OK injected\r\n")]),
        (StartTls::Postgres, &[(SSL_REQUEST, b"SR\0\0\0\x08\0\0\0\0")]),
        (StartTls::Ldap, &[(LDAP, b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00\x30\x00")]),
        (
            StartTls::Smtp,
            &[
                (b"", b"220 hi\r\n"),
                (EHLO, b"250 STARTTLS\r\n"),
                (b"STARTTLS\r\n", b"220 go\r\n250 injected\r\n"),
            ],
        ),
    ];
    for (protocol, script) in scripts {
        let (reason, text) = refused(protocol, script).await;
        assert_eq!(reason, Reason::UnexpectedAnswer);
        assert!(text.contains("in the clear after the go-ahead"), "{protocol}: {text}");
    }
}

#[test]
fn the_usual_ports_are_known() {
    assert_eq!(StartTls::of_port(587), Some(StartTls::Smtp));
    assert_eq!(StartTls::of_port(443), None);
    for protocol in StartTls::ALL {
        assert_eq!(StartTls::of_port(protocol.port()), Some(*protocol));
    }
}
