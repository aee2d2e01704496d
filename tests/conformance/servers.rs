//! The real servers: their configurations, written from the table of answers, and one process of each.
//! Each ends with the test.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::answers::{self, ANSWERS, Answer};
use super::scenario::{Asking, Kind, Site, Version};
use crate::support::child::lasting_port;
use crate::support::process::{Group, program};
use crate::support::wait::listening;

/// What runs.
pub(super) type Servers = Vec<Group>;

/// A server with the sites it is to have, each with its port.
type Sites<'s> = [(Site, u16)];

/// Starts the real servers that these sites need and notes their ports.
pub(super) async fn start(
    folder: &Path,
    sites: &[Site],
    backend: u16,
    ports: &mut BTreeMap<Site, u16>,
) -> Servers {
    let mut running = Vec::new();
    for kind in [Kind::Nginx, Kind::Haproxy, Kind::Apache, Kind::Openssl] {
        let own: Vec<(Site, u16)> =
            sites.iter().filter(|site| site.kind == kind).map(|site| (*site, lasting_port())).collect();
        let commands = match kind {
            Kind::Nginx => nginx(folder, &own, backend).into_iter().collect(),
            Kind::Haproxy => haproxy(folder, &own).into_iter().collect(),
            Kind::Apache => apache(folder, &own).into_iter().collect(),
            Kind::Openssl | Kind::Rustls | Kind::Odd(_) => {
                own.iter().filter_map(|(site, port)| openssl(folder, *site, *port)).collect::<Vec<_>>()
            }
        };
        if commands.is_empty() {
            continue;
        }
        running.extend(commands.into_iter().map(|mut command| Group::start(&mut command)));
        for (site, port) in own {
            listening(port).await;
            ports.insert(site, port);
        }
    }
    running
}

fn nginx(folder: &Path, sites: &Sites<'_>, backend: u16) -> Option<Command> {
    let program = program("nginx")?;
    let at = folder.display();
    let mut locations = String::new();
    for Answer { path, status, kind, header, body, .. } in &ANSWERS {
        // nginx makes a page of its own for a redirect, and takes its address as the text.
        let is_redirect = (300..400).contains(status);
        let more = header.filter(|_| !is_redirect);
        let more =
            more.map(|(name, value)| format!("add_header {name} '{value}' always; ")).unwrap_or_default();
        let body = if is_redirect { "/page" } else { body };
        writeln!(locations, "location = {path} {{ default_type {kind}; {more}return {status} '{body}'; }}")
            .unwrap();
    }
    writeln!(locations, "location / {{ proxy_pass http://127.0.0.1:{backend}; proxy_http_version 1.1; }}")
        .unwrap();
    std::fs::write(folder.join("locations.conf"), locations).unwrap();
    let servers: String =
        sites.iter().map(|(site, port)| nginx_server(&at.to_string(), *site, *port)).collect();
    let text = format!(
        "daemon off; master_process off; pid {at}/nginx.pid; error_log {at}/nginx.log warn;\nevents {{ worker_connections 256; }}\n\
         http {{ access_log off; ssl_session_cache off; server_names_hash_bucket_size 128;\n\
         client_body_temp_path {at}/t1; proxy_temp_path {at}/t2; fastcgi_temp_path {at}/t3; uwsgi_temp_path {at}/t4; scgi_temp_path {at}/t5;\n\
         {servers}}}\n"
    );
    let conf = folder.join("nginx.conf");
    std::fs::write(&conf, text).unwrap();
    let mut command = Command::new(program);
    command.arg("-e").arg(folder.join("nginx.log")).arg("-p").arg(folder).arg("-c").arg(conf);
    Some(command)
}

fn nginx_server(at: &str, site: Site, port: u16) -> String {
    let verify = match site.asking {
        Asking::Ignores | Asking::Later => "off",
        Asking::Requests => "optional",
        Asking::Unchecked => "optional_no_ca",
        Asking::Requires | Asking::WithoutTickets | Asking::OnlyRsa => "on",
    };
    let own = site.own.file();
    let version = site.version.name();
    format!(
        "server {{ listen 127.0.0.1:{port} ssl; server_name localhost; ssl_protocols {version};\n\
         ssl_certificate {at}/{own}.pem; ssl_certificate_key {at}/{own}.key;\n\
         ssl_verify_client {verify}; ssl_client_certificate {at}/ca.pem; ssl_crl {at}/revoked.pem; ssl_verify_depth 3;\n\
         include {at}/locations.conf; }}\n"
    )
}

fn haproxy(folder: &Path, sites: &Sites<'_>) -> Option<Command> {
    let program = program("haproxy")?;
    let at = folder.display();
    let mut text = "global\n  ssl-default-bind-options no-tls-tickets\n  tune.ssl.cachesize 0\ndefaults\n  mode http\n  timeout client 60s\n  timeout connect 5s\n  timeout server 60s\nfrontend all\n".to_owned();
    for (site, port) in sites {
        let own = site.own.file();
        let verify = match site.asking {
            Asking::Ignores | Asking::Later => "none".to_owned(),
            Asking::Requests => format!("optional ca-file {at}/ca.pem crl-file {at}/revoked.pem"),
            Asking::Unchecked => {
                format!("optional ca-file {at}/ca.pem crt-ignore-err all ca-ignore-err all")
            }
            Asking::Requires | Asking::WithoutTickets | Asking::OnlyRsa => {
                format!("required ca-file {at}/ca.pem crl-file {at}/revoked.pem")
            }
        };
        let version = haproxy_version(site.version);
        writeln!(
            text,
            "  bind 127.0.0.1:{port} ssl crt {at}/{own}.both ssl-min-ver {version} ssl-max-ver {version} verify {verify}"
        )
        .unwrap();
    }
    for Answer { path, status, kind, header, body, .. } in &ANSWERS {
        let more = header.map(|(name, value)| format!(" hdr {name} {value}")).unwrap_or_default();
        let body =
            if body.is_empty() { String::new() } else { format!(" content-type {kind} string '{body}'") };
        writeln!(text, "  http-request return status {status}{body}{more} if {{ path {path} }}").unwrap();
    }
    let conf = folder.join("haproxy.cfg");
    std::fs::write(&conf, text).unwrap();
    let mut command = Command::new(program);
    command.arg("-db").arg("-q").arg("-f").arg(conf);
    Some(command)
}

const fn haproxy_version(version: Version) -> &'static str {
    match version {
        Version::V12 => "TLSv1.2",
        Version::V13 => "TLSv1.3",
    }
}

fn apache(folder: &Path, sites: &Sites<'_>) -> Option<Command> {
    let program = program("apache2")?;
    let at = folder.display();
    let modules = ["mpm_event", "authz_core", "ssl", "alias", "headers", "asis", "mime"];
    let mut text = format!(
        "ServerName localhost\nServerRoot {at}\nPidFile {at}/apache.pid\nErrorLog {at}/apache.log\nDefaultRuntimeDir {at}\nMutex posixsem\nSSLSessionCache none\nSSLSessionTickets off\nTypesConfig /dev/null\n"
    );
    if nix::unistd::geteuid().is_root() {
        text.push_str("User nobody\nGroup nogroup\n");
    }
    for module in modules {
        writeln!(text, "LoadModule {module}_module /usr/lib/apache2/modules/mod_{module}.so").unwrap();
    }
    writeln!(text, "<Directory {at}>\n  Require all granted\n</Directory>").unwrap();
    let answers: String = ANSWERS.iter().map(|answer| apache_answer(folder, answer)).collect();
    for (site, port) in sites {
        let own = site.own.file();
        let verify = match site.asking {
            Asking::Ignores | Asking::Later => "none",
            Asking::Requests => "optional",
            Asking::Unchecked => "optional_no_ca",
            Asking::Requires | Asking::WithoutTickets | Asking::OnlyRsa => "require",
        };
        let later = if site.asking == Asking::Later {
            "<Location />\n  SSLVerifyClient require\n  SSLVerifyDepth 3\n</Location>\n"
        } else {
            ""
        };
        let revocation = if site.asking == Asking::Unchecked { "none" } else { "leaf" };
        let version = if site.version == Version::V12 { "TLSv1.2" } else { "TLSv1.3" };
        write!(
            text,
            "Listen 127.0.0.1:{port}\n<VirtualHost 127.0.0.1:{port}>\nSSLEngine on\nSSLProtocol -all +{version}\n\
             SSLCertificateFile {at}/{own}.pem\nSSLCertificateKeyFile {at}/{own}.key\nSSLCACertificateFile {at}/ca.pem\n\
             SSLCARevocationFile {at}/revoked.pem\nSSLCARevocationCheck {revocation}\nSSLVerifyClient {verify}\nSSLVerifyDepth 3\n{later}{answers}</VirtualHost>\n"
        )
        .unwrap();
    }
    let conf = folder.join("apache.conf");
    std::fs::write(&conf, text).unwrap();
    let mut command = Command::new(program);
    command.arg("-D").arg("FOREGROUND").arg("-d").arg(folder).arg("-f").arg(conf);
    Some(command)
}

/// An answer as it is, from a file with its status and headers.
fn apache_answer(folder: &Path, answer: &Answer) -> String {
    let Answer { path, status, reason, kind, header, body, .. } = answer;
    if (300..400).contains(status) {
        return format!("Redirect {status} {path} /page\n");
    }
    let name = format!("asis{}", path.replace('/', "-"));
    let more = header.map(|(name, value)| format!("{name}: {value}\n")).unwrap_or_default();
    let text = format!("Status: {status} {reason}\nContent-Type: {kind}\n{more}\n{body}");
    std::fs::write(folder.join(&name), text).unwrap();
    let file = folder.join(&name).display().to_string();
    format!("AliasMatch ^{path}$ {file}\n<Location {path}>\n  SetHandler send-as-is\n</Location>\n")
}

fn openssl(folder: &Path, site: Site, port: u16) -> Option<Command> {
    let program = program("openssl")?;
    let pages = folder.join("pages");
    std::fs::create_dir_all(&pages).unwrap();
    for answer in &ANSWERS {
        std::fs::write(pages.join(answer.path.trim_start_matches('/')), answers::bytes(answer)).unwrap();
    }
    let mut command = Command::new(program);
    command.args(["s_server", "-quiet", "-HTTP", "-accept", &format!("127.0.0.1:{port}")]);
    command.arg(if site.version == Version::V12 { "-tls1_2" } else { "-tls1_3" });
    let own = site.own.file();
    command
        .arg("-cert")
        .arg(folder.join(format!("{own}.pem")))
        .arg("-key")
        .arg(folder.join(format!("{own}.key")));
    match site.asking {
        Asking::Ignores | Asking::Later => &mut command,
        Asking::Unchecked => command.args(["-verify", "3"]),
        Asking::Requests => command.args(["-verify", "3", "-verify_return_error", "-crl_check"]),
        Asking::Requires => command.args(["-Verify", "3", "-verify_return_error", "-crl_check"]),
        Asking::WithoutTickets => {
            command.args(["-Verify", "3", "-verify_return_error", "-crl_check", "-num_tickets", "0"])
        }
        Asking::OnlyRsa => command.args(["-Verify", "3", "-client_sigalgs", "RSA-PSS+SHA256"]),
    };
    command.arg("-CAfile").arg(folder.join("trust.pem")).current_dir(pages);
    command.stderr(Stdio::null());
    Some(command)
}
