//! The words of a mail: built-in templates, or the operator's where they work.
//! It sends nothing and knows no address.

use std::path::{Path, PathBuf};

use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, context};

use super::facts::Facts;

/// A template that an operator may replace by a file of the same name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Template {
    name: &'static str,
    built_in: &'static str,
}

/// The text part.
pub(super) const TEXT: Template =
    Template { name: "mail.txt", built_in: include_str!("../../config/templates/mail.txt") };

/// The HTML part.
pub(super) const HTML: Template =
    Template { name: "mail.html", built_in: include_str!("../../config/templates/mail.html") };

/// Where templates come from.
pub(super) struct Templates {
    folder: Option<PathBuf>,
    environment: Environment<'static>,
}

impl Templates {
    /// Looks into this folder first, anew for each mail.
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.add_filter("utc", utc);
        Self { folder, environment }
    }

    /// The template filled with the facts. One of the operator's that is broken gives way to the built-in one, which says so.
    pub(super) fn render(&self, template: Template, facts: &Facts<'_>) -> Result<String, Error> {
        let problem = match self.operators(template) {
            None => None,
            Some(Ok(source)) => match self.fill(template.name, &source, facts, None) {
                Ok(text) => return Ok(text),
                Err(error) => Some(format!("{error:#}")),
            },
            Some(Err(error)) => Some(error.to_string()),
        };
        if let Some(problem) = &problem {
            let folder = self.folder.as_deref().unwrap_or(Path::new("")).display();
            tracing::warn!(template = template.name, %folder, error = %problem, "a mail template cannot be used; the built-in one is");
        }
        self.fill(template.name, template.built_in, facts, problem.as_deref())
    }

    fn operators(&self, template: Template) -> Option<std::io::Result<String>> {
        let path = self.folder.as_ref()?.join(template.name);
        match std::fs::read_to_string(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            read => Some(read),
        }
    }

    fn fill(
        &self,
        name: &str,
        source: &str,
        facts: &Facts<'_>,
        template_problem: Option<&str>,
    ) -> Result<String, Error> {
        let facts = minijinja::Value::from(minijinja::value::Serde(facts));
        self.environment.render_named_str(name, source, context! { template_problem, ..facts })
    }
}

/// An RFC 3339 time as people read it.
fn utc(time: &str) -> Result<String, Error> {
    chrono::DateTime::parse_from_rfc3339(time)
        .map(|time| time.format("%Y-%m-%d %H:%M UTC").to_string())
        .map_err(|error| {
            Error::new(ErrorKind::InvalidOperation, format!("{time:?} is not a time")).with_source(error)
        })
}
