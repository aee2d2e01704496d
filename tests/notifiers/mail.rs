//! Mail as it is sent and as it arrives, and every way in which sending can fail.

use std::time::Duration;

use certsteward::domain::finding::Level;
use certsteward::domain::message::Message;
use certsteward::domain::reason::{Failure, Reason};
use certsteward::domain::record::Ask;
use certsteward::net::{self, Net};
use certsteward::notifiers::Notifier as _;
use certsteward::notifiers::smtp::{Security, Settings, Smtp};
use certsteward::secret::SecretRef;

use super::mail_server::{MailServer, Received, Script};
use super::mime;
use super::samples::{finding, hand_off, resolved};
use crate::support::wait::free_port;

/// Whose name the notifier logs in with.
#[derive(Clone, Copy)]
pub(super) enum Account {
    None,
    Right,
    Wrong,
}

const USER: &str = "certsteward";
const PASSWORD: &str = "s3cret";
const WRONG: &str = "n0t-the-s3cret";

pub(super) fn settings(port: u16, security: Security) -> Settings {
    Settings {
        id: "ops".to_owned(),
        security,
        host: "localhost".to_owned(),
        port,
        from: "Certsteward <certsteward@example.org>".to_owned(),
        to: vec!["ops@example.org".to_owned(), "Anna <anna@example.org>".to_owned()],
        credentials: None,
        public_url: Some("https://certsteward.example.org/".to_owned()),
        templates: None,
        net: net::Settings { timeout: Duration::from_secs(5), ..net::Settings::default() },
    }
}

/// A notifier, and the file its password is in.
pub(super) struct Ready {
    smtp: Smtp,
    _secret: tempfile::NamedTempFile,
}

impl Ready {
    pub(super) async fn send(&self, message: &Message) -> Result<(), Failure> {
        self.smtp.send(message).await
    }
}

pub(super) fn notifier(mut settings: Settings, account: Account) -> Ready {
    let secret = tempfile::NamedTempFile::new().unwrap();
    let password = match account {
        Account::None => None,
        Account::Right => Some(PASSWORD),
        Account::Wrong => Some(WRONG),
    };
    settings.credentials = password.map(|password| {
        std::fs::write(secret.path(), format!("{password}\n")).unwrap();
        (USER.to_owned(), SecretRef::File(secret.path().to_owned()))
    });
    Ready { smtp: Smtp::new(Net::new().unwrap(), settings).unwrap(), _secret: secret }
}

/// A notifier for this server, which trusts it.
fn to(server: &MailServer, security: Security, account: Account) -> Ready {
    let mut settings = settings(server.port, security);
    settings.net.ca = Some(server.ca.path().to_owned());
    notifier(settings, account)
}

async fn plain() -> (MailServer, Ready) {
    let server = MailServer::start(Script::default()).await;
    let smtp = to(&server, Security::Plain, Account::None);
    (server, smtp)
}

fn only(server: &MailServer) -> Received {
    let mut received = server.received();
    assert_eq!(received.len(), 1);
    received.remove(0)
}

#[tokio::test]
async fn a_mail_goes_to_everybody_named() {
    let (server, smtp) = plain().await;
    smtp.send(&finding()).await.unwrap();
    let received = only(&server);
    assert_eq!(received.from, "FROM:<certsteward@example.org>");
    assert_eq!(received.to, ["ops@example.org", "anna@example.org"]);
    assert!(!received.encrypted);
}

#[tokio::test]
async fn without_a_public_address_a_mail_names_the_commands_that_answer_it() {
    let server = MailServer::start(Script::default()).await;
    let settings = Settings { public_url: None, ..settings(server.port, Security::Plain) };
    notifier(settings, Account::None).send(&hand_off(Ask::Add)).await.unwrap();
    let mail = only(&server).mail;
    for kind in ["text/plain", "text/html"] {
        let body = mime::part(&mail, kind);
        assert!(body.contains("certsteward plan sf-odata-prod shows it"), "{body}");
        assert!(body.contains("certsteward confirm sf-odata-prod security-center"), "{body}");
    }
}

#[tokio::test]
async fn tls_and_both_ways_of_logging_in_work() {
    for (mechanisms, used) in [("PLAIN LOGIN", "PLAIN"), ("LOGIN", "LOGIN")] {
        for security in [Security::Implicit, Security::StartTls] {
            let implicit_tls = security == Security::Implicit;
            let login = Some((USER, PASSWORD, mechanisms));
            let script = Script { implicit_tls, starttls: !implicit_tls, login, ..Script::default() };
            let server = MailServer::start(script).await;
            to(&server, security, Account::Right).send(&finding()).await.unwrap();
            let received = only(&server);
            assert!(received.encrypted);
            assert_eq!((received.user.as_deref(), received.mechanism.as_deref()), (Some(USER), Some(used)));
        }
    }
}

#[tokio::test]
async fn headers_mark_thread_and_name_the_mail() {
    let (server, smtp) = plain().await;
    smtp.send(&finding()).await.unwrap();
    smtp.send(&finding()).await.unwrap();
    smtp.send(&resolved()).await.unwrap();
    let mails: Vec<String> = server.received().into_iter().map(|received| received.mail).collect();
    let of = |mail: usize, name: &str| mime::header(&mails[mail], name).unwrap();
    assert_eq!(of(0, "Auto-Submitted"), "auto-generated");
    assert_eq!(of(0, "X-Certsteward-Watch"), "sf-odata-prod");
    assert_eq!(of(0, "X-Certsteward-Code"), "rejected");
    assert_eq!(of(0, "Date"), "Sat, 21 Nov 2026 18:00:00 +0000");
    assert!(of(2, "Subject").starts_with("[certsteward] resolved sf-odata-prod: "), "{}", of(2, "Subject"));
    assert_eq!(of(0, "Message-ID"), of(1, "Message-ID"));
    assert_ne!(of(0, "Message-ID"), of(2, "Message-ID"));
    assert_eq!(of(0, "References"), of(2, "References"));
    assert!(of(0, "Message-ID").ends_with("@example.org>"));
}

#[tokio::test]
async fn line_ends_in_a_subject_add_no_header() {
    let (server, smtp) = plain().await;
    let mut message = finding();
    message.subject = "one\r\nBcc: eve@example.org".to_owned();
    message.code = "a\r\nX-Odd: b".to_owned();
    smtp.send(&message).await.unwrap();
    let mail = only(&server).mail;
    assert_eq!(mime::header(&mail, "Bcc"), None);
    assert_eq!(mime::header(&mail, "X-Odd"), None);
}

#[tokio::test]
async fn text_and_html_say_the_same_and_html_is_escaped() {
    let (server, smtp) = plain().await;
    smtp.send(&finding()).await.unwrap();
    let mail = only(&server).mail;
    let text = mime::part(&mail, "text/plain");
    assert!(
        text.starts_with("The API rejects the certificate <SFAPI> of Grüße & Co\n\nWhat to do: Upload"),
        "{text}"
    );
    assert!(text.contains("\nWatch: sf-odata-prod\nLevel: critical (rejected)\nSince: 2026-11-21 18:00 UTC\nDeadline: 2027-01-20 00:00 UTC\n"), "{text}");
    assert!(text.contains("Watch page: https://certsteward.example.org/watches/sf-odata-prod\n"), "{text}");
    let html = mime::part(&mail, "text/html");
    assert!(html.contains("&lt;SFAPI&gt; of Grüße &amp; Co"), "{html}");
}

#[tokio::test]
async fn a_hand_offs_mail_alone_suffices() {
    let (server, smtp) = plain().await;
    let message = hand_off(Ask::Replace);
    smtp.send(&message).await.unwrap();
    let mail = only(&server).mail;
    let text = mime::part(&mail, "text/plain");
    let asked = message.hand_off.unwrap();
    let fingerprint = format!("Fingerprint (SHA-256): {}", asked.chain.leaf.fingerprint.colons());
    for line in [
        "Ask: replace",
        "Configuration Name: BTP mTLS",
        "Integration Name: Business Technology Platform",
        "Login Name: SFAPI",
        &fingerprint,
        "Hand-off page: https://certsteward.example.org/handoffs/t0ken",
        "Permission needed: Access to X.509 Certificate(s) (Mapping)",
        "Wanted by: 2026-12-24 12:00 UTC",
        "Mind the gap: Calls fail for a while.",
        "1. Open the Security Center.",
        "2. Save.",
        "Afterwards: Nobody needs to tell certsteward.",
    ] {
        assert!(text.lines().any(|found| found == line), "{line:?} is missing in\n{text}");
    }
    let file = mime::part(&mail, "application/x-pem-file");
    assert_eq!(file.matches("BEGIN CERTIFICATE").count(), 1, "the root is left out");
    assert!(text.contains(file.trim()), "{text}");
    assert!(mime::part(&mail, "text/html").contains("BEGIN CERTIFICATE"));
    let attached = mime::parts(&mail).into_iter().find(|part| part.head.contains("x-pem-file")).unwrap();
    assert!(attached.head.contains("filename=\"sf-odata-prod-0123456789ab.pem\""), "{}", attached.head);
    assert!(
        mime::header(&mail, "Subject").unwrap().starts_with("[certsteward] ACTION NEEDED sf-odata-prod: add")
    );
}

#[tokio::test]
async fn a_reminder_says_what_happened_meanwhile_and_what_is_to_be_done_first() {
    let (server, smtp) = plain().await;
    let mut message = hand_off(Ask::Add);
    let asked = message.hand_off.as_mut().unwrap();
    asked.urgent = Some("the callers are cut off now. What to do: put it back first.".to_owned());
    asked.put_back = Some(asked.chain.clone());
    asked.so_far =
        vec!["Asked since 2026-11-21 (12 days): pat.".to_owned(), "Nobody said anything.".to_owned()];
    asked.causes = vec![("another file was uploaded".to_owned(), "compare the fingerprint".to_owned())];
    smtp.send(&message).await.unwrap();
    let mail = only(&server).mail;
    let text = mime::part(&mail, "text/plain");
    let expected = "At once: the callers are cut off now. What to do: put it back first.\n\n\
        So far\n- Asked since 2026-11-21 (12 days): pat.\n- Nobody said anything.\n\n\
        What is probably wrong, the likeliest first\n1. another file was uploaded\n   then: compare the fingerprint\n\n\
        Ask: add\n";
    let text = text.replace('\r', "");
    assert!(text.contains(expected), "{text}");
    let html = mime::part(&mail, "text/html");
    assert!(html.contains("<strong>At once:</strong>") && html.contains("compare the fingerprint"), "{html}");
    let short = message.hand_off.unwrap().chain.fingerprint().short();
    let attached: Vec<String> = mime::parts(&mail).into_iter().map(|part| part.head).collect();
    let named = |name: &str| attached.iter().any(|head| head.contains(&format!("filename=\"{name}\"")));
    assert!(
        named("sf-odata-prod-0123456789ab.pem") && named(&format!("in-force-{short}.pem")),
        "{attached:?}"
    );
    assert!(mime::header(&mail, "Subject").unwrap().starts_with("[certsteward] ACT AT ONCE"));
}

#[tokio::test]
async fn nothing_secret_leaves() {
    let (server, smtp) = plain().await;
    let mut message = finding();
    message.text = format!("look: {}", rcgen::KeyPair::generate().unwrap().serialize_pem());
    let refused = smtp.send(&message).await.unwrap_err();
    assert_eq!(refused.reason, Reason::KeyMaterial);
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn templates_of_the_operator_replace_the_built_in_ones_and_broken_ones_give_way() {
    let server = MailServer::start(Script::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(server.port, Security::Plain);
    settings.templates = Some(folder.path().to_owned());
    let smtp = Smtp::new(Net::new().unwrap(), settings).unwrap();
    let write = |content: &str| std::fs::write(folder.path().join("mail.txt"), content).unwrap();
    for content in ["Hallo {{ watch }} {{ at | utc }}", "Hallo {{ wach }}", "Hallo {% if %}"] {
        write(content);
        smtp.send(&finding()).await.unwrap();
    }
    let texts: Vec<String> =
        server.received().iter().map(|received| mime::part(&received.mail, "text/plain")).collect();
    assert_eq!(texts[0].trim(), "Hallo sf-odata-prod 2026-11-21 18:00 UTC");
    for text in &texts[1..] {
        assert!(text.contains("Watch: sf-odata-prod"), "{text}");
        assert!(text.contains("could not be used, so this is the built-in one: "), "{text}");
    }
    assert!(mime::part(&server.received()[0].mail, "text/html").contains("What to do"));
}

#[tokio::test]
async fn a_refused_login_is_told_without_the_password() {
    for repeats_secrets in [false, true] {
        let login = Some((USER, PASSWORD, "PLAIN"));
        let script = Script { starttls: true, login, repeats_secrets, ..Script::default() };
        let server = MailServer::start(script).await;
        let refused = to(&server, Security::StartTls, Account::Wrong).send(&finding()).await.unwrap_err();
        assert_eq!(refused.reason, Reason::Unauthorized);
        assert!(refused.text.contains("535") && refused.text.contains("check username and password"));
        let plain = format!("\0{USER}\0{WRONG}");
        for secret in [WRONG.to_owned(), base64(WRONG), base64(&plain)] {
            assert!(!refused.text.contains(&secret), "{refused}");
        }
    }
}

fn base64(text: &str) -> String {
    use ::base64::Engine as _;
    ::base64::engine::general_purpose::STANDARD.encode(text)
}

#[tokio::test]
async fn credentials_never_go_without_tls() {
    let mut settings = settings(25, Security::Plain);
    settings.credentials = Some((USER.to_owned(), SecretRef::Environment("UNSET".to_owned())));
    let refused = Smtp::new(Net::new().unwrap(), settings).err().unwrap();
    assert!(refused.text.contains("in the clear; use smtps://"), "{refused}");
    let server =
        MailServer::start(Script { login: Some((USER, PASSWORD, "PLAIN")), ..Script::default() }).await;
    let refused = to(&server, Security::StartTls, Account::Right).send(&finding()).await.unwrap_err();
    assert_eq!(refused.reason, Reason::TlsFailed);
    assert!(refused.text.contains("does not offer STARTTLS"), "{refused}");
}

#[tokio::test]
async fn what_is_said_in_the_clear_after_starttls_is_not_believed() {
    let server = MailServer::start(Script { starttls: true, injects: true, ..Script::default() }).await;
    let refused = to(&server, Security::StartTls, Account::None).send(&finding()).await.unwrap_err();
    assert_eq!(refused.reason, Reason::UnexpectedAnswer, "{refused}");
    assert!(refused.text.contains("in the clear after the go-ahead for TLS"), "{refused}");
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn a_server_of_an_unknown_authority_is_not_trusted() {
    let server = MailServer::start(Script { implicit_tls: true, ..Script::default() }).await;
    let settings = settings(server.port, Security::Implicit);
    let refused = notifier(settings, Account::None).send(&finding()).await.unwrap_err();
    assert_eq!(refused.reason, Reason::ServerUntrusted);
    assert!(refused.text.contains("add the server's authority with ca = "), "{refused}");
}

#[tokio::test]
async fn refusals_are_told_by_their_reason_and_whether_waiting_helps() {
    for (recipients, whole, reason, words) in [
        (Some("450 4.2.0 greylisted"), None, Reason::Unavailable, "450 4.2.0 greylisted; transient"),
        (
            Some("550 5.1.1 unknown"),
            None,
            Reason::Refused,
            "for ops@example.org: the server answered 550 5.1.1 unknown; permanent",
        ),
        (None, Some("451 4.3.0 try later"), Reason::Unavailable, "transient"),
        (None, Some("552 5.3.4 too big"), Reason::TooLarge, "permanent"),
        (None, Some("554 5.7.1 spam"), Reason::Refused, "permanent"),
    ] {
        let recipients = recipients.map(|answer| ("example.org", answer)).into_iter().collect();
        let server = MailServer::start(Script { recipients, whole, ..Script::default() }).await;
        let refused = to(&server, Security::Plain, Account::None).send(&finding()).await.unwrap_err();
        assert_eq!(refused.reason, reason, "{refused}");
        assert!(refused.text.contains(words), "{refused}");
        assert!(refused.text.starts_with(&format!("mail server localhost:{}: ", server.port)), "{refused}");
        assert!(!refused.maybe_effective);
        assert!(server.received().is_empty());
    }
}

#[tokio::test]
async fn one_refused_recipient_keeps_the_mail_from_nobody_else_and_repeats_it_to_nobody() {
    let recipients = vec![("anna", "550 5.1.1 unknown")];
    let server = MailServer::start(Script { recipients, ..Script::default() }).await;
    let smtp = to(&server, Security::Plain, Account::None);
    for _ in 0..3 {
        let refused = smtp.send(&finding()).await.unwrap_err();
        assert!(refused.text.contains("anna@example.org") && !refused.text.contains("ops@"), "{refused}");
    }
    assert_eq!(only(&server).to, ["ops@example.org"]);
}

#[tokio::test]
async fn a_silent_server_ends_in_time_and_says_when_it_fell_silent() {
    for (silent_at, words, maybe) in [
        ("connect", "while waiting for the greeting", false),
        ("greeting", "while waiting for the greeting", false),
        ("data", "while handing over the mail", true),
    ] {
        let server = MailServer::start(Script { silent_at: Some(silent_at), ..Script::default() }).await;
        let mut settings = settings(server.port, Security::Plain);
        settings.net.timeout = Duration::from_millis(300);
        let refused = notifier(settings, Account::None).send(&finding()).await.unwrap_err();
        assert_eq!((refused.reason, refused.maybe_effective), (Reason::Timeout, maybe), "{refused}");
        assert!(refused.text.contains(words), "{refused}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_so() {
    let smtp = notifier(settings(free_port(), Security::Plain), Account::None);
    let refused = smtp.send(&finding()).await.unwrap_err();
    assert_eq!((refused.reason, refused.maybe_effective), (Reason::ConnectionRefused, false), "{refused}");
}

#[tokio::test]
async fn an_address_that_is_none_is_told_with_its_notifier() {
    let mut settings = settings(25, Security::Plain);
    settings.to = vec!["ops at example.org".to_owned()];
    let refused = Smtp::new(Net::new().unwrap(), settings).err().unwrap();
    assert!(
        refused.text.starts_with("notifier ops: to = \"ops at example.org\" is not a mail address"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_message_about_the_daemon_itself_names_no_watch() {
    let (server, smtp) = plain().await;
    let mut message = finding();
    (message.watch, message.level) = (String::new(), Level::Warning);
    smtp.send(&message).await.unwrap();
    let mail = only(&server).mail;
    assert_eq!(
        mime::header(&mail, "Subject").unwrap(),
        "[certsteward] WARNING the API rejects the certificate in force"
    );
    assert!(!mime::part(&mail, "text/plain").contains("Watch"));
}
