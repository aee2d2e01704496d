//! `certsteward config`: checks, shows, explains and drafts the configuration.
//! It changes none.

use super::exit::{Exit, Failed};
use super::output::Output;
use super::watches;
use super::{Common, draft};
use crate::config;

/// Check, show, explain and draft the configuration
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, clap::Subcommand)]
enum Act {
    /// Say every problem at once, with its line and the way out
    #[command(after_help = "Example:\n  certsteward --config ./certsteward.toml config check")]
    Check(AsJson),
    /// Show every setting that holds, given or by default
    #[command(after_help = "Example:\n  certsteward config show --json")]
    Show(AsJson),
    /// Print the example: every option, its default, one sentence
    #[command(
        after_help = "Examples:\n  certsteward config example > certsteward.toml\n  certsteward config example --minimal"
    )]
    Example(Example),
    /// Print the JSON schema of the configuration, for editors
    #[command(after_help = "Example:\n  certsteward config schema > certsteward.schema.json")]
    Schema,
    Draft(draft::Arguments),
}

#[derive(Debug, clap::Args)]
struct AsJson {
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Example {
    /// The smallest useful configuration instead
    #[arg(long)]
    minimal: bool,
}

impl Arguments {
    pub(super) async fn perform(&self, common: &Common, output: &mut Output) -> Result<Exit, Failed> {
        match &self.act {
            Act::Check(AsJson { json }) => check(common, *json, output),
            Act::Show(AsJson { json }) => show(common, *json, output),
            Act::Example(Example { minimal }) => {
                let text = if *minimal { config::MINIMAL } else { config::EXAMPLE };
                output.line(text.trim_end());
                Ok(Exit::Done)
            }
            Act::Schema => {
                output.json(&config::schema());
                Ok(Exit::Done)
            }
            Act::Draft(arguments) => arguments.perform(common, output).await,
        }
    }
}

fn check(common: &Common, json: bool, output: &mut Output) -> Result<Exit, Failed> {
    let problems = match config::load(common.path(), common.kind()) {
        Ok(valid) => {
            if json {
                output.json(&serde_json::json!({ "valid": true, "problems": [] }));
            } else {
                output.line(watches::defaults_hold(common).unwrap_or_else(|| {
                    format!("{}: valid, {}", common.path().display(), watches::count(&valid))
                }));
            }
            return Ok(Exit::Done);
        }
        Err(problems) => problems,
    };
    if json {
        let listed: Vec<serde_json::Value> = problems.0.iter().map(problem_json).collect();
        output.json(&serde_json::json!({ "valid": false, "problems": listed }));
    } else {
        output.aside(&problems);
    }
    Ok(Exit::Configuration)
}

fn problem_json(problem: &config::Problem) -> serde_json::Value {
    serde_json::json!({
        "file": problem.file.display().to_string(),
        "line": problem.position.map(|(line, _)| line),
        "column": problem.position.map(|(_, column)| column),
        "path": problem.path,
        "text": problem.text,
    })
}

fn show(common: &Common, json: bool, output: &mut Output) -> Result<Exit, Failed> {
    let valid = watches::configuration(common)?;
    if !json {
        output.line(valid.effective().trim_end());
        return Ok(Exit::Done);
    }
    let table: toml::Table = valid.effective().parse().map_err(|error| Failed::because(&error))?;
    let value = serde_json::to_value(table).map_err(|error| Failed::because(&error))?;
    output.json(&value);
    Ok(Exit::Done)
}
