//! What is wrong with a configuration: every problem at once, in file order, each with its place and the way out.
//! It finds nothing by itself.

use std::path::PathBuf;

use super::document::{File, Place};

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// Line and column, from 1; none where the file itself is the problem.
    pub position: Option<(usize, usize)>,
    /// The path of the key, such as `watch[sf-odata-prod].source.connection`; may be empty.
    pub path: String,
    /// What was given, and the way out.
    pub text: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some((line, column)) = self.position {
            write!(f, "{line}:{column}:")?;
        }
        if !self.path.is_empty() {
            write!(f, " {}:", self.path)?;
        }
        write!(f, " {}", self.text)
    }
}

/// All problems of a configuration, in file order; shown one a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl std::fmt::Display for Problems {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (n, problem) in self.0.iter().enumerate() {
            let separator = if n == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// The files read so far, and what was found wrong with them.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// The files, in the order they were read.
    pub(super) files: Vec<File>,
    found: Vec<(Option<Place>, Problem)>,
    /// How many of them are secrets that cannot be read, which only those feel that need them.
    unread: usize,
    /// Problems that are not listed one by one.
    more: usize,
}

/// How many problems are listed: nobody reads more at once, and each costs a search for its place.
const MOST: usize = 1000;

impl Ledger {
    /// Notes a problem at a place.
    pub(super) fn say(&mut self, place: Place, path: impl Into<String>, text: impl Into<String>) {
        if self.found.len() >= MOST {
            self.more = self.more.saturating_add(1);
            return;
        }
        let Some(file) = self.files.get(place.file) else { return };
        let problem = Problem {
            file: file.path.clone(),
            position: Some(position(&file.text, place.offset)),
            path: path.into(),
            text: text.into(),
        };
        if !self.found.iter().any(|(_, known)| *known == problem) {
            self.found.push((Some(place), problem));
        }
    }

    /// Notes a secret of a single part that cannot be read: the other parts can be served without it.
    pub(super) fn say_unread(&mut self, place: Place, path: impl Into<String>, text: impl Into<String>) {
        let before = self.found.len();
        self.say(place, path, text);
        self.unread += self.found.len() - before;
    }

    /// Whether nothing is wrong but secrets that cannot be read.
    pub(super) fn lacks_only_secrets(&self) -> bool {
        self.more == 0 && self.found.len() == self.unread
    }

    /// Notes a problem with a file that could not be read at all.
    pub(super) fn say_of_file(&mut self, file: PathBuf, text: impl Into<String>) {
        self.found.push((None, Problem { file, position: None, path: String::new(), text: text.into() }));
    }

    /// `FILE:LINE` of a place, for a problem that points to another one.
    pub(super) fn name(&self, place: Place) -> String {
        self.files.get(place.file).map_or_else(String::new, |file| {
            format!("{}:{}", file.path.display(), position(&file.text, place.offset).0)
        })
    }

    /// All problems in file order; none where there are none.
    pub(super) fn problems(mut self) -> Option<Problems> {
        self.found.sort_by_key(|(place, _)| *place);
        let file = self.found.first().map(|(_, problem)| problem.file.clone())?;
        let mut problems: Vec<Problem> = self.found.into_iter().map(|(_, problem)| problem).collect();
        if self.more > 0 {
            let text = format!("{} more problems are not listed; put these right first", self.more);
            problems.push(Problem { file, position: None, path: String::new(), text });
        }
        Some(Problems(problems))
    }
}

fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |rest| rest.chars().count()) + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_problems_are_listed_and_the_rest_is_counted() {
        let path = PathBuf::from("certsteward.toml");
        let file = File { path, folder: PathBuf::new(), text: "\n".repeat(2_000) };
        let mut ledger = Ledger { files: vec![file], ..Ledger::default() };
        for offset in 0..1_500 {
            ledger.say(Place { file: 0, offset }, "watch", "is missing");
        }
        let problems = ledger.problems().unwrap().0;
        assert_eq!(problems.len(), MOST + 1);
        assert_eq!(problems[MOST].text, "500 more problems are not listed; put these right first");
    }
}
