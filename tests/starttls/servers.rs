//! Real servers that begin TLS after a few words in the clear, each with TLS or without.
//! Each ends with its test.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use certsteward::net::starttls::StartTls;
use tokio::net::TcpStream;

use crate::support::machine::World;
use crate::support::process::{Group, program, skipped};
use crate::support::wait::{free_port, within};

/// A running server.
pub(crate) struct RealServer {
    pub(crate) port: u16,
    _running: Group,
}

/// What a server is started with.
struct Start<'w> {
    world: &'w World,
    port: u16,
    tls: bool,
}

/// Starts the server of a protocol; none where it cannot be had here.
pub(crate) async fn start(world: &World, protocol: StartTls, tls: bool) -> Option<RealServer> {
    for (name, content) in
        [("server.pem", world.pki.server.pem.clone()), ("server.key", world.pki.server.key_pem())]
    {
        open_to_all(&world.write(name, &content));
    }
    open_to_all(world.folder.path());
    let start = Start { world, port: free_port(), tls };
    let mut command = match protocol {
        StartTls::Smtp => start.exim()?,
        StartTls::Imap | StartTls::Pop3 => start.dovecot(protocol)?,
        StartTls::Ftp => start.vsftpd()?,
        StartTls::Ldap => start.slapd()?,
        StartTls::Postgres => start.postgres()?,
        StartTls::Mysql => start.mariadb()?,
        StartTls::Xmpp | StartTls::XmppServer => start.prosody(protocol)?,
    };
    let running = Group::start(command.current_dir(world.folder.path()));
    let port = start.port;
    within(Duration::from_secs(60), &format!("the {protocol} server"), async || {
        TcpStream::connect(("127.0.0.1", port)).await.ok()
    })
    .await;
    Some(RealServer { port, _running: running })
}

/// Some servers read their files as users of their own.
fn open_to_all(path: &Path) {
    let mode = if path.is_dir() { 0o755 } else { 0o644 };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Whether this process may become another user; else the server's test is left out.
fn as_root(what: &str) -> Option<()> {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        skipped(&format!("{what} is started by root only"));
    }
    root.then_some(())
}

impl Start<'_> {
    fn path(&self, name: &str) -> String {
        self.world.path(name).display().to_string()
    }

    fn folder(&self, name: &str) -> PathBuf {
        let path = self.world.path(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    /// Writes a configuration, with the words in capitals put in.
    fn write(&self, name: &str, text: &str) -> PathBuf {
        let folder = self.world.folder.path().display().to_string();
        let text = text.replace("FOLDER", &folder).replace("PORT", &self.port.to_string());
        let path = self.world.write(name, &text);
        open_to_all(&path);
        path
    }

    fn exim(&self) -> Option<Command> {
        let exim = program("exim4")?;
        as_root("Exim")?;
        let user = nix::unistd::User::from_name("Debian-exim").unwrap()?;
        for name in ["spool", "log"] {
            nix::unistd::chown(&self.folder(name), Some(user.uid), Some(user.gid)).unwrap();
        }
        let text = "primary_hostname = localhost\nspool_directory = FOLDER/spool\nlog_file_path = FOLDER/log/%slog\n\
            pid_file_path = FOLDER/spool/exim.pid\ndaemon_smtp_ports = PORT\nlocal_interfaces = 127.0.0.1\n\
            host_lookup =\nrfc1413_hosts =\n";
        let tls = if self.tls {
            "tls_advertise_hosts = *\ntls_certificate = FOLDER/server.pem\ntls_privatekey = FOLDER/server.key\n"
        } else {
            "tls_advertise_hosts =\n"
        };
        let mut command = Command::new(exim);
        command.arg("-C").arg(self.write("exim.conf", &format!("{text}{tls}"))).arg("-bdf");
        Some(command)
    }

    fn dovecot(&self, protocol: StartTls) -> Option<Command> {
        let dovecot = program("dovecot")?;
        as_root("Dovecot")?;
        let word = protocol.code();
        let ssl = if self.tls {
            "ssl = yes\nssl_cert = <FOLDER/server.pem\nssl_key = <FOLDER/server.key\n"
        } else {
            "ssl = no\n"
        };
        let text = format!(
            "base_dir = FOLDER/run\nstate_dir = FOLDER/run\nlog_path = FOLDER/dovecot.log\nprotocols = {word}\nlisten = 127.0.0.1\n{ssl}\
            service {word}-login {{\n  inet_listener {word} {{\n    port = PORT\n  }}\n  inet_listener {word}s {{\n    port = 0\n  }}\n}}\n\
            passdb {{\n  driver = static\n  args = password=x\n}}\nuserdb {{\n  driver = static\n  args = uid=nobody gid=nogroup home=/tmp\n}}\n"
        );
        self.folder("run");
        let mut command = Command::new(dovecot);
        command.arg("-F").arg("-c").arg(self.write("dovecot.conf", &text));
        Some(command)
    }

    fn vsftpd(&self) -> Option<Command> {
        let vsftpd = program("vsftpd")?;
        let text = "listen=YES\nlisten_address=127.0.0.1\nlisten_port=PORT\nbackground=NO\nrun_as_launching_user=YES\n";
        let tls = if self.tls {
            "ssl_enable=YES\nrsa_cert_file=FOLDER/server.pem\nrsa_private_key_file=FOLDER/server.key\n"
        } else {
            ""
        };
        let mut command = Command::new(vsftpd);
        command.arg(self.write("vsftpd.conf", &format!("{text}{tls}")));
        Some(command)
    }

    fn slapd(&self) -> Option<Command> {
        let slapd = program("slapd")?;
        let tls = "TLSCertificateFile FOLDER/server.pem\nTLSCertificateKeyFile FOLDER/server.key\n";
        let text = format!("pidfile FOLDER/slapd.pid\n{}", if self.tls { tls } else { "" });
        let mut command = Command::new(slapd);
        command.arg("-f").arg(self.write("slapd.conf", &text));
        command.arg("-h").arg(format!("ldap://127.0.0.1:{}/", self.port)).args(["-d", "0"]);
        Some(command)
    }

    fn postgres(&self) -> Option<Command> {
        let bin = of_postgres("postgres")?;
        let data = self.path("data");
        let user = if nix::unistd::geteuid().is_root() {
            nix::unistd::User::from_name("postgres").unwrap()
        } else {
            None
        };
        let as_user = |mut command: Command| {
            if let Some(user) = &user {
                command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
            }
            command
        };
        // PostgreSQL wants its key for itself.
        let key = self.folder("pg");
        std::fs::copy(self.world.path("server.key"), key.join("server.key")).unwrap();
        std::fs::set_permissions(key.join("server.key"), std::fs::Permissions::from_mode(0o600)).unwrap();
        if let Some(user) = &user {
            for path in [key.clone(), key.join("server.key"), self.folder("data")] {
                nix::unistd::chown(&path, Some(user.uid), Some(user.gid)).unwrap();
            }
        }
        if !Path::new(&data).join("PG_VERSION").exists() {
            let mut initdb = as_user(Command::new(of_postgres("initdb")?));
            let made = initdb.args(["--no-sync", "-A", "trust", "-D", &data]).output().unwrap();
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        }
        let mut command = as_user(Command::new(bin));
        command.arg("-D").arg(&data);
        for (name, value) in [
            ("listen_addresses", "127.0.0.1".to_owned()),
            ("port", self.port.to_string()),
            ("unix_socket_directories", String::new()),
            ("ssl", if self.tls { "on" } else { "off" }.to_owned()),
            ("ssl_cert_file", self.path("server.pem")),
            ("ssl_key_file", key.join("server.key").display().to_string()),
        ] {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        Some(command)
    }

    fn mariadb(&self) -> Option<Command> {
        let mariadb = program("mariadbd")?;
        let data = self.folder("mariadb");
        let mut command = Command::new(mariadb);
        command.args([
            "--no-defaults",
            "--skip-grant-tables",
            "--innodb=OFF",
            "--default-storage-engine=Aria",
        ]);
        command.arg(format!("--datadir={}", data.display()));
        command.arg(format!("--socket={}", data.join("socket").display()));
        command.arg(format!("--pid-file={}", data.join("pid").display()));
        command.args(["--bind-address=127.0.0.1", &format!("--port={}", self.port)]);
        if nix::unistd::geteuid().is_root() {
            command.arg("--user=root");
        }
        if self.tls {
            command.arg(format!("--ssl-cert={}", self.path("server.pem")));
            command.arg(format!("--ssl-key={}", self.path("server.key")));
        }
        Some(command)
    }

    fn prosody(&self, protocol: StartTls) -> Option<Command> {
        let prosody = program("prosody")?;
        let data = self.folder("prosody").display().to_string();
        let to_server = protocol == StartTls::XmppServer;
        let (c2s, s2s) = if to_server { (free_port(), self.port) } else { (self.port, free_port()) };
        let tls = if self.tls {
            "ssl = { certificate = \"FOLDER/server.pem\"; key = \"FOLDER/server.key\" }\n"
        } else {
            "modules_disabled = { \"tls\" }\nc2s_require_encryption = false\nallow_unencrypted_plain_auth = true\n"
        };
        let modules =
            if self.tls { "\"tls\"; \"saslauth\"; \"dialback\"" } else { "\"saslauth\"; \"dialback\"" };
        let text = format!(
            "daemonize = false\nrun_as_root = true\npidfile = \"{data}/pid\"\ndata_path = \"{data}\"\ninterfaces = {{ \"127.0.0.1\" }}\n\
            c2s_ports = {{ {c2s} }}\ns2s_ports = {{ {s2s} }}\nmodules_enabled = {{ {modules} }}\n{tls}VirtualHost \"localhost\"\n"
        );
        let mut command = Command::new(prosody);
        command.arg("-F").arg("--config").arg(self.write("prosody.cfg.lua", &text));
        Some(command)
    }
}

/// A program of PostgreSQL, which Debian keeps beside the others.
fn of_postgres(name: &str) -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let found = versions.filter_map(|version| Some(version.ok()?.path().join("bin").join(name)));
    found.filter(|path| path.is_file()).max().or_else(|| program(name))
}
