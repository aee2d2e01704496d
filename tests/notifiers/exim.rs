//! The same mails against a real mail server: Exim, as it is installed.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use certsteward::domain::reason::Reason;
use certsteward::domain::record::Ask;
use certsteward::notifiers::smtp::Security;

use super::mail::{Account, Ready, notifier, settings};
use super::mime;
use super::samples::{finding, hand_off};
use crate::support::pki::{Authority, NOW, server};
use crate::support::process::program;
use crate::support::wait::{free_port, listening, until};

struct Exim {
    starttls: u16,
    implicit: u16,
    _running: Group,
    folder: tempfile::TempDir,
}

impl Exim {
    /// None where it cannot be had here: not installed, or nobody who may deliver.
    async fn start() -> Option<Self> {
        let exim = program("exim4")?;
        let user = nix::unistd::User::from_name("Debian-exim").unwrap();
        let Some(user) = user.filter(|_| nix::unistd::geteuid().is_root()) else {
            skipped("Exim delivers only when started by root, as its user Debian-exim");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let (starttls, implicit) = (free_port(), free_port());
        let config = prepare(folder.path(), &user, starttls, implicit);
        let running = Group::start(Command::new(exim).arg("-C").arg(config).args(["-bdf", "-q1m"]));
        listening(starttls).await;
        listening(implicit).await;
        Some(Self { starttls, implicit, folder, _running: running })
    }

    async fn delivered(&self) -> String {
        let new = self.folder.path().join("mail/new");
        let read = async || {
            let file = std::fs::read_dir(&new).ok()?.next()?.ok()?.path();
            std::fs::read_to_string(file).ok()
        };
        until("a delivered mail", read).await
    }

    fn notifier(&self, security: Security, account: Account, to: &str) -> Ready {
        let port = if security == Security::Implicit { self.implicit } else { self.starttls };
        let mut settings = settings(port, security);
        settings.net.ca = Some(self.folder.path().join("ca.pem"));
        settings.to = vec![to.to_owned()];
        notifier(settings, account)
    }
}

/// Exim with the children it makes for connections and deliveries: they end together, before their folder goes.
struct Group(Child);

impl Group {
    fn start(command: &mut Command) -> Self {
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(quiet.process_group(0).spawn().unwrap())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let group = nix::unistd::Pid::from_raw(self.0.id().try_into().unwrap());
        let _ended = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
        let _reaped = self.0.wait();
    }
}

#[expect(clippy::print_stdout, reason = "who runs the tests shall see what was not tested")]
fn skipped(why: &str) {
    assert!(std::env::var_os("CERTSTEWARD_TESTS_NEED_ALL").is_none(), "{why}");
    println!("SKIPPED: {why}");
}

fn prepare(folder: &Path, user: &nix::unistd::User, starttls: u16, implicit: u16) -> PathBuf {
    let mode = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let authority = Authority::root("Example Mail CA");
    let own = authority.issue(&server(NOW));
    let write = |name: &str, content: &str| {
        let path = folder.join(name);
        std::fs::write(&path, content).unwrap();
        nix::unistd::chown(&path, Some(user.uid), Some(user.gid)).unwrap();
        mode(&path, 0o600);
        path
    };
    mode(folder, 0o755);
    std::fs::write(folder.join("ca.pem"), &authority.pem).unwrap();
    write("server.pem", &own.pem);
    write("server.key", &own.key_pem());
    for name in ["spool", "log", "mail"] {
        let path = folder.join(name);
        std::fs::create_dir(&path).unwrap();
        nix::unistd::chown(&path, Some(user.uid), Some(user.gid)).unwrap();
    }
    let config = CONFIG
        .replace("FOLDER", &folder.display().to_string())
        .replace("STARTTLS_PORT", &starttls.to_string())
        .replace("IMPLICIT_PORT", &implicit.to_string());
    let path = folder.join("exim.conf");
    std::fs::write(&path, config).unwrap();
    mode(&path, 0o644);
    path
}

const CONFIG: &str = r"
primary_hostname = localhost
spool_directory = FOLDER/spool
log_file_path = FOLDER/log/%slog
pid_file_path = FOLDER/spool/exim.pid
daemon_smtp_ports = STARTTLS_PORT : IMPLICIT_PORT
tls_on_connect_ports = IMPLICIT_PORT
local_interfaces = 127.0.0.1
tls_advertise_hosts = *
tls_certificate = FOLDER/server.pem
tls_privatekey = FOLDER/server.key
auth_advertise_hosts = ${if eq{$tls_in_cipher}{}{}{*}}
acl_smtp_mail = need_tls
acl_smtp_rcpt = need_login
host_lookup =
rfc1413_hosts =
begin acl
need_tls:
  deny condition = ${if eq{$tls_in_cipher}{}}
       message = TLS is needed
  accept
need_login:
  defer local_parts = greylist
        message = try later
  accept authenticated = *
  deny message = a login is needed
begin routers
everything:
  driver = accept
  transport = folder
begin transports
folder:
  driver = appendfile
  directory = FOLDER/mail
  maildir_format
  create_directory
  user = Debian-exim
  group = Debian-exim
begin retry
* * F,1h,1m
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if and{{eq{$auth2}{certsteward}}{eq{$auth3}{s3cret}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${if and{{eq{$auth1}{certsteward}}{eq{$auth2}{s3cret}}}}
  server_set_id = $auth1
";

#[tokio::test]
async fn a_hand_off_arrives_through_exim_over_starttls() {
    let Some(exim) = Exim::start().await else { return };
    let ops = exim.notifier(Security::StartTls, Account::Right, "ops@localhost");
    ops.send(&hand_off(Ask::Add)).await.unwrap();
    let mail = exim.delivered().await;
    let text = mime::part(&mail, "text/plain");
    assert!(text.contains("\nAsk: add\nConfiguration Name: BTP mTLS\n"), "{text}");
    assert!(mime::part(&mail, "x-pem-file").starts_with("-----BEGIN CERTIFICATE-----\n"));
    assert!(mail.contains("with esmtpsa"), "{mail}");
}

#[tokio::test]
async fn a_finding_arrives_through_exim_over_implicit_tls() {
    let Some(exim) = Exim::start().await else { return };
    exim.notifier(Security::Implicit, Account::Right, "ops@localhost").send(&finding()).await.unwrap();
    let mail = exim.delivered().await;
    assert_eq!(
        mime::header(&mail, "Subject").unwrap(),
        "[certsteward] CRITICAL sf-odata-prod: the API rejects the certificate in force"
    );
}

#[tokio::test]
async fn exims_refusals_are_told_by_their_reasons() {
    let Some(exim) = Exim::start().await else { return };
    for (account, to, reason, words) in [
        (Account::Wrong, "ops@localhost", Reason::Unauthorized, "535"),
        (Account::None, "ops@localhost", Reason::Refused, "a login is needed"),
        (Account::Right, "greylist@localhost", Reason::Unavailable, "try later"),
    ] {
        let refused = exim.notifier(Security::StartTls, account, to).send(&finding()).await.unwrap_err();
        assert_eq!(refused.reason, reason, "{refused}");
        assert!(refused.text.contains(words) && !refused.maybe_effective, "{refused}");
    }
    let refused = exim.notifier(Security::Plain, Account::None, "ops@localhost").send(&finding()).await;
    assert!(refused.unwrap_err().text.contains("TLS is needed"));
}
