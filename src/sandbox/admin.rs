//! The simulated administrator: reads the hand-off's mail, does in the Security Center page what it asks, and says so on its link.
//! It knows nothing but the mail and the pages, and it opens no link that leads off this machine.

use super::People;
use super::mailbox::Mail;
use super::pages::escaped;
use super::pki;
use super::time::now;
use super::world::World;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);
/// What they sign with.
const NAME: &str = "Sam Sample";

/// What the mail asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Ask {
    Add,
    Replace,
    Remove,
}

/// One hand-off, as its mail says it.
struct Request {
    ask: Ask,
    configuration_name: String,
    integration_name: String,
    login_name: String,
    fingerprint: String,
    link: Option<String>,
    certificate: Option<String>,
    /// The certificate to put back, where the mail says that it must be at once.
    put_back: Option<String>,
}

/// Does what mails ask, each thing once, `after` the mail came; until dropped.
pub(super) async fn run(world: Arc<World>, after: Duration) {
    let mut read = 0;
    let mut done = HashSet::new();
    loop {
        let next = world.state().mails.iter().find(|mail| mail.id > read).cloned();
        let Some(mail) = next else {
            world.mail_arrived.notified().await;
            continue;
        };
        read = mail.id;
        let Some(request) = Request::read(&mail) else { continue };
        let urgent = request.put_back.is_some();
        let once = (request.ask, request.fingerprint.clone(), request.link.clone(), urgent);
        if !done.insert(once) {
            continue;
        }
        let people = world.options.people;
        tokio::time::sleep(if people == People::Late { after * 10 } else { after }).await;
        let outcome = match request.answer(&world, people).await {
            Ok(()) => format!("mail {}: {:?} done", mail.id, request.ask),
            Err(failure) => format!("mail {}: {:?} not done: {failure}", mail.id, request.ask),
        };
        note(&world, outcome);
    }
}

impl Request {
    /// None where the mail asks for nothing.
    fn read(mail: &Mail) -> Option<Self> {
        let ask = match mail.line("Ask")?.to_ascii_lowercase().as_str() {
            "add" => Ask::Add,
            "replace" => Ask::Replace,
            "remove" => Ask::Remove,
            _ => return None,
        };
        let attached = mail.attachments.iter().find(|attachment| attachment.name.ends_with(".pem"));
        let content =
            |attachment: &super::Attachment| String::from_utf8_lossy(&attachment.content).into_owned();
        let certificate = attached.map(content);
        let put_back = mail.attachments.iter().find(|attachment| attachment.name.starts_with("in-force-"));
        let put_back = put_back.filter(|_| mail.line("At once").is_some()).map(content);
        let text = |name: &str| mail.line(name).unwrap_or_default().to_owned();
        let said = text("Fingerprint (SHA-256)");
        let fingerprint = if said.is_empty() {
            let leaf =
                certificate.as_ref().and_then(|pem| pki::certificates_in(pem.as_bytes()).into_iter().next());
            leaf.map(|leaf| pki::fingerprint(&leaf)).unwrap_or_default()
        } else {
            said.chars().filter(char::is_ascii_hexdigit).collect::<String>().to_ascii_lowercase()
        };
        Some(Self {
            ask,
            configuration_name: text("Configuration Name"),
            integration_name: text("Integration Name"),
            login_name: text("Login Name"),
            fingerprint,
            link: mail.line("Hand-off page").map(|link| link.trim_end_matches('/').to_owned()),
            certificate,
            put_back,
        })
    }

    /// Does what is asked, or what such people take for it.
    async fn answer(&self, world: &World, people: People) -> Result<(), String> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([])
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| error.to_string())?;
        let page = &world.addresses.security_center;
        match (people, self.ask) {
            (People::WrongFile, Ask::Add | Ask::Replace) => {
                let (another, _) = world.authority.server_identity();
                let another: Vec<Vec<u8>> = another.iter().map(|one| one.to_vec()).collect();
                self.upload(&client, page, &pki::chain_pem(&another)).await?;
                self.say(world, &client, "saved").await;
                Ok(())
            }
            (People::TooEarly, Ask::Add | Ask::Replace) if self.put_back.is_none() => {
                delete(&client, page, |_| true).await?;
                self.say(world, &client, "saved").await;
                Ok(())
            }
            (People::Liar, Ask::Add | Ask::Replace) => {
                self.say(world, &client, "saved").await;
                Ok(())
            }
            (
                People::Careful | People::Late | People::TooEarly | People::WrongFile | People::Liar,
                Ask::Add | Ask::Replace | Ask::Remove,
            ) => self.perform(world, &client, page).await,
        }
    }

    async fn perform(&self, world: &World, client: &reqwest::Client, page: &str) -> Result<(), String> {
        match self.ask {
            Ask::Add => {
                if let Some(old) = &self.put_back {
                    self.upload(client, page, old).await?;
                }
                self.add(client, page).await?;
            }
            Ask::Replace => {
                self.say(world, client, "deleting").await;
                let (subject, issuer) = self.names()?;
                let wanted = [
                    format!("data-subject=\"{}\"", escaped(&subject)),
                    format!("data-issuer=\"{}\"", escaped(&issuer)),
                ];
                delete(client, page, |row| wanted.iter().all(|attribute| row.contains(attribute))).await?;
                self.add(client, page).await?;
            }
            Ask::Remove => {
                let wanted = format!("data-fingerprint=\"{}\"", escaped(&self.fingerprint));
                if delete(client, page, |row| row.contains(&wanted)).await? == 0 {
                    return Err(format!("no mapping has the fingerprint {}", self.fingerprint));
                }
                // A removal is nobody's to see but theirs, so it is their word that closes the question.
                self.send(world, client, &[("sign", "confirmed"), ("name", NAME)]).await;
                return Ok(());
            }
        }
        self.say(world, client, "saved").await;
        Ok(())
    }

    async fn add(&self, client: &reqwest::Client, page: &str) -> Result<(), String> {
        let certificate = self.certificate.as_deref().ok_or("no .pem is attached")?;
        self.upload(client, page, certificate).await
    }

    async fn upload(&self, client: &reqwest::Client, page: &str, certificate: &str) -> Result<(), String> {
        let form = [
            ("configuration_name", self.configuration_name.as_str()),
            ("integration_name", &self.integration_name),
            ("login_name", &self.login_name),
            ("certificate", certificate),
        ];
        let answer = client.post(format!("{page}/mappings")).form(&form).send().await;
        let answer = answer.map_err(|error| error.to_string())?;
        if answer.status().as_u16() == 303 {
            return Ok(());
        }
        let body = answer.text().await.unwrap_or_default();
        let words = body.split_once("role=\"alert\">").and_then(|(_, rest)| rest.split_once("</p>"));
        Err(words
            .map_or_else(|| "the page refused the certificate".to_owned(), |(words, _)| words.to_owned()))
    }

    fn names(&self) -> Result<(String, String), String> {
        let leaf =
            self.certificate.as_ref().and_then(|pem| pki::certificates_in(pem.as_bytes()).into_iter().next());
        let facts = leaf.and_then(|leaf| pki::facts(&leaf)).ok_or("no readable .pem is attached")?;
        Ok((facts.subject_text, facts.issuer_text))
    }

    /// Says on the hand-off's link what is being done. A link that does not answer keeps nobody from the work.
    async fn say(&self, world: &World, client: &reqwest::Client, sign: &str) {
        self.send(world, client, &[("sign", sign)]).await;
    }

    async fn send(&self, world: &World, client: &reqwest::Client, form: &[(&str, &str)]) {
        let sign = form.first().map_or("", |(_, sign)| sign);
        let Some(link) = &self.link else { return };
        let Some(url) = reqwest::Url::parse(&format!("{link}/say")).ok().filter(is_here) else {
            return note(world, format!("the link is not of this machine and was not opened: {link}"));
        };
        match client.post(url).form(form).send().await {
            Ok(answer) => note(world, format!("said \"{sign}\": {}", answer.status())),
            Err(error) => note(world, format!("could not say \"{sign}\": {error}")),
        }
    }
}

/// Presses Delete on each row that fits; gives back how many.
async fn delete(client: &reqwest::Client, page: &str, fits: impl Fn(&str) -> bool) -> Result<usize, String> {
    let answer = client.get(format!("{page}/")).send().await.map_err(|error| error.to_string())?;
    let body = answer.text().await.map_err(|error| error.to_string())?;
    let mut deleted = 0;
    for row in body.split("<tr data-mapping=\"").skip(1) {
        let Some((id, attributes)) = row.split_once('"') else { continue };
        let attributes = attributes.split('>').next().unwrap_or_default();
        if fits(attributes) {
            let pressed = client.post(format!("{page}/mappings/{id}/delete")).send().await;
            pressed.map_err(|error| error.to_string())?;
            deleted += 1;
        }
    }
    Ok(deleted)
}

fn is_here(url: &reqwest::Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

fn note(world: &World, words: String) {
    world.state().admin.push(format!("{} {words}", now().format("%H:%M:%S%.3f")));
}
