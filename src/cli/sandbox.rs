//! `certsteward sandbox`: certsteward against a simulated SAP landscape, on this machine alone.
//! Nothing outside the machine is contacted, and nothing here is SAP's software.

use std::path::PathBuf;
use std::time::Duration;

use super::exit::{Exit, Failed};
use super::output::Output;
use super::span;

/// Try certsteward against a simulated SAP landscape
///
/// SIMULATED, on loopback: a BTP Destination service with one certificate (SFAPI), the token service, a SuccessFactors
/// API behind mutual TLS, its Security Center page, an application that calls the API twice a second, a mail server with a
/// mailbox page, and, with --hands auto, an administrator who does what the mails ask. Real: certsteward itself, TLS, every
/// HTTP call and every mail. No system of SAP is contacted, no account is needed.
///
/// It begins 55 days before the certificate expires, so the renewal is due at once. When it ends it says whether the
/// application lost a single call.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = AFTER)]
pub struct Arguments {
    /// Who does what the hand-off mails ask: a simulated administrator, or you on the page [default: you on a terminal, the
    /// simulated one with --once or without a terminal]
    #[arg(long, value_enum)]
    pub hands: Option<Hands>,
    /// How the simulated administrator answers; without --hands, naming one has them asked
    #[arg(long, value_enum, value_name = "HOW")]
    pub people: Option<People>,
    /// How the simulated tenant recognises a certificate
    #[arg(long = "match", value_enum, default_value = "dn", id = "match")]
    pub matching: Matching,
    /// Where the new certificate is put
    #[arg(long, value_enum, default_value = "side-by-side")]
    pub rotation: Rotation,
    /// Which subject the new certificate gets
    #[arg(long, value_enum, default_value = "auto")]
    pub subject: Subject,
    /// What certsteward may do by itself
    #[arg(long, value_enum, default_value = "act")]
    pub mode: Mode,
    /// End after one whole renewal, with 0 only if no call was lost outside an announced gap
    #[arg(long, conflicts_with = "landscape_only")]
    pub once: bool,
    /// With --once: so many renewals in a row, as quick as they can be, and a summary; 0 only if none lost a call outside
    /// an announced gap and every one of them ended
    #[arg(long, value_name = "N", requires = "once", value_parser = clap::value_parser!(u32).range(1..))]
    pub rotations: Option<u32>,
    /// With --rotations: certsteward's calls meet 503, 429, slow answers and lost ones by chance, drawn from the seed
    #[arg(
        long,
        value_name = "SEED",
        requires = "rotations",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "1"
    )]
    pub faults: Option<u64>,
    /// Start the simulated systems only, and write a ready certsteward.toml into --dir for `certsteward run`
    #[arg(long, requires = "dir")]
    pub landscape_only: bool,
    /// With --landscape-only: a subaccount as many are after some years, with what expired, leads nowhere, is set wrongly or
    /// is used by nobody; for `config draft`
    #[arg(long, requires = "landscape_only")]
    pub untidy: bool,
    /// The folder for configuration, store and files; without it: a temporary one, removed at the end
    #[arg(long, value_name = "D")]
    pub dir: Option<PathBuf>,
    /// How long the simulated administrator takes [default: 5s, with --rotations 50ms]
    #[arg(long, value_name = "SPAN", value_parser = span::limit)]
    pub hands_take: Option<Duration>,
    /// How long the application keeps what it read of its destination [default: 10s, with --rotations 300ms]
    #[arg(long, value_name = "SPAN", value_parser = span::limit)]
    pub caller_cache: Option<Duration>,
    /// How long callers are watched after a switch (settle of the configuration) [default: 20s, with --rotations 500ms]
    #[arg(long, value_name = "SPAN", value_parser = span::limit)]
    pub settle: Option<Duration>,
    /// Where certsteward's page is served
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9790")]
    pub listen: std::net::SocketAddr,
    /// The first of eight ports for the simulated systems; without it: any that are free
    #[arg(long, value_name = "PORT")]
    pub base_port: Option<u16>,
}

impl Arguments {
    /// Who does what the mails ask, where nobody was named.
    pub(super) fn hands(&self) -> Hands {
        use std::io::IsTerminal as _;
        let person = std::io::stdout().is_terminal() && !self.once && self.people.is_none();
        self.hands.unwrap_or(if person { Hands::Me } else { Hands::Auto })
    }

    /// How long everything takes.
    pub(super) fn pace(&self) -> Pace {
        let pace = if self.rotations.is_some() { QUICK } else { SHOWN };
        Pace {
            hands_take: self.hands_take.unwrap_or(pace.hands_take),
            caller_cache: self.caller_cache.unwrap_or(pace.caller_cache),
            settle: self.settle.unwrap_or(pace.settle),
            ..pace
        }
    }
}

/// How long everything takes in a sandbox.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// The simulated administrator.
    pub(super) hands_take: Duration,
    /// The application's cache.
    pub(super) caller_cache: Duration,
    /// From one call of the application to the next.
    pub(super) caller_every: Duration,
    /// How long callers are watched after a switch.
    pub(super) settle: Duration,
    /// How long what was replaced is kept.
    pub(super) retire_after: Duration,
    /// How long certsteward waits for an answer.
    pub(super) patience: Duration,
    /// How many acts certsteward may do in a day.
    pub(super) acts_per_day: u32,
}

/// For a person who watches.
const SHOWN: Pace = Pace {
    hands_take: Duration::from_secs(5),
    caller_cache: Duration::from_secs(10),
    caller_every: Duration::from_millis(500),
    settle: Duration::from_secs(20),
    retire_after: Duration::from_secs(5),
    patience: Duration::from_secs(30),
    acts_per_day: 20,
};

/// For many renewals in a row.
const QUICK: Pace = Pace {
    hands_take: Duration::from_millis(50),
    caller_cache: Duration::from_millis(300),
    caller_every: Duration::from_millis(100),
    settle: Duration::from_millis(500),
    retire_after: Duration::from_millis(200),
    patience: Duration::from_millis(1500),
    acts_per_day: 1_000_000,
};

/// Who does what hand-off mails ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Hands {
    /// A simulated administrator
    Auto,
    /// You, on the simulated Security Center page
    Me,
}

/// How the simulated administrator answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum People {
    /// As asked
    Careful,
    /// Uploads another system's certificate and says it is saved
    WrongFile,
    /// Deletes the mapping in use first, and adds nothing until told what to do at once
    TooEarly,
    /// Says it is saved and does nothing
    Liar,
    /// Does it right, ten times as late
    Late,
}

/// How the tenant recognises a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Matching {
    /// By issuer and subject: the same subject needs no upload
    Dn,
    /// By the certificate itself: every renewal needs an upload
    Exact,
}

/// Where the new certificate is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Rotation {
    /// Under a new name, beside the one in force
    SideBySide,
    /// Under the same name
    InPlace,
}

/// Which subject the new certificate gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Subject {
    /// What the tenant allows without a gap; learned
    Auto,
    /// The same
    Same,
    /// A new one, counted
    Counted,
}

/// What certsteward may do by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// Look and ask people only
    Observe,
    /// Wait for approval of each act
    Propose,
    /// Go on by itself
    Act,
}

const AFTER: &str = "\
Examples:
  certsteward sandbox                                  watch a whole renewal on http://127.0.0.1:9790/
  certsteward sandbox --hands me --match exact         you are the administrator
  certsteward sandbox --match exact --people liar      what is said where nobody did what they say
  certsteward sandbox --once --match exact             end to end in a minute, for scripts
  certsteward sandbox --once --rotations 50 --faults   fifty renewals in a row, while calls fail by chance
  certsteward sandbox --landscape-only --dir lab       then: certsteward --config lab/certsteward.toml run
  certsteward sandbox --landscape-only --untidy --dir lab
      then: certsteward config draft --service-key lab/service-key.json --ca lab/server-ca.pem --output lab/draft.toml";

impl Arguments {
    pub(super) async fn perform(&self, output: &mut Output) -> Result<Exit, Failed> {
        if self.landscape_only {
            return super::landscape::serve(self, output).await;
        }
        let temporary = match &self.dir {
            Some(_) => None,
            None => Some(tempfile::tempdir().map_err(|error| {
                Failed::could_not(format!("cannot make a temporary folder: {error}; name one with --dir"))
            })?),
        };
        let folder = self.dir.as_deref().or(temporary.as_ref().map(tempfile::TempDir::path));
        let folder = folder.unwrap_or(std::path::Path::new("."));
        match self.rotations {
            Some(rotations) => super::soak::run(self, rotations, folder, output).await,
            None => super::show::run(self, folder, output).await,
        }
    }
}
