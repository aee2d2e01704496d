//! Rust source as text, read well enough for claims about its shape: paths, comments, functions.
//! It is no parser of Rust; it relies on rustfmt's layout.

use std::path::{Path, PathBuf};

/// One file.
pub(crate) struct SourceFile {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its text as it stands there.
    pub(crate) text: String,
    /// The same lines with comments and the insides of strings blanked.
    code: String,
}

/// Every Rust file below a folder.
pub(crate) fn read_folder(folder: &Path) -> Vec<SourceFile> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(read_folder(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            files.push(SourceFile { code: blank(&text), path, text });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

impl SourceFile {
    /// The path below the package's folder.
    pub(crate) fn shown(&self) -> String {
        self.path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display().to_string()
    }

    /// The files that it names as modules for tests only.
    pub(crate) fn test_modules(&self) -> Vec<PathBuf> {
        let folder = match self.path.file_stem().unwrap().to_str() {
            Some("mod" | "lib" | "main") => self.path.parent().unwrap().to_owned(),
            _ => self.path.with_extension(""),
        };
        let after = self.text.split("#[cfg(test)]\nmod ").skip(1);
        let names = after.filter_map(|rest| rest.lines().next()?.strip_suffix(';'));
        names.map(|name| folder.join(format!("{name}.rs"))).collect()
    }

    fn module_path(&self) -> Vec<String> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let below = self.path.strip_prefix(source).unwrap().with_extension("");
        let mut parts: Vec<String> = below.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        if parts.last().is_some_and(|last| last == "mod") {
            parts.pop();
        }
        parts
    }

    /// The module below the root that it belongs to.
    pub(crate) fn module(&self) -> String {
        self.module_path()[0].clone()
    }

    /// Lines of code with their numbers, up to the tests at the end of the file.
    pub(crate) fn product_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_tests = |line: &str| line.starts_with("mod ") && line.ends_with('{');
        self.code
            .lines()
            .enumerate()
            .map(|(n, line)| (n + 1, line))
            .take_while(move |(_, line)| !is_tests(line))
    }

    /// Every path that starts at the crate's root, as its segments, with the line it stands in.
    pub(crate) fn crate_paths(&self) -> Vec<(usize, Vec<String>)> {
        let own = self.module_path();
        let mut found = Vec::new();
        for (at, _) in self.code.match_indices("crate::") {
            if !self.code[..at].ends_with(is_word) && !self.code[..at].ends_with('$') {
                found.extend(expand(&self.code[at + "crate::".len()..]).into_iter().map(|path| (at, path)));
            }
        }
        for (at, _) in self.code.match_indices("super::") {
            if self.code[..at].ends_with(is_word) || self.code[..at].ends_with("::") {
                continue;
            }
            let mut rest = &self.code[at..];
            let mut climbed = 0;
            while let Some(after) = rest.strip_prefix("super::") {
                (rest, climbed) = (after, climbed + 1);
            }
            let inside = usize::from(self.code[..at].contains("\nmod tests {"));
            if climbed >= own.len() + inside {
                found.extend(expand(rest).into_iter().map(|path| (at, path)));
            }
        }
        found.into_iter().map(|(at, path)| (self.code[..at].lines().count().max(1), path)).collect()
    }

    /// Every function: the line it begins in, its name, how many lines of code its body has.
    pub(crate) fn functions(&self) -> Vec<(usize, String, usize)> {
        let lines: Vec<&str> = self.code.lines().collect();
        let mut found = Vec::new();
        for (n, line) in lines.iter().enumerate() {
            let Some(name) = function_name(line) else { continue };
            let indent = line.len() - line.trim_start().len();
            let closing = format!("{}}}", " ".repeat(indent));
            let body = lines[n..].iter().skip_while(|line| !line.ends_with('{')).skip(1);
            let length =
                body.take_while(|line| **line != closing).filter(|line| !line.trim().is_empty()).count();
            if !line.ends_with('}') && !line.ends_with(';') {
                found.push((n + 1, name, length));
            }
        }
        found
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn function_name(line: &str) -> Option<String> {
    let (before, after) = line.split_once("fn ")?;
    let words = ["pub", "const", "async", "unsafe", "extern"];
    let plain = before.split_whitespace().all(|word| words.iter().any(|known| word.starts_with(known)));
    let name: String = after.chars().take_while(|c| is_word(*c)).collect();
    (plain && !name.is_empty()).then_some(name)
}

/// The paths that begin here: `a::b`, or `{a, b::{c, d}}` as several, cut after their second segment.
fn expand(text: &str) -> Vec<Vec<String>> {
    let text = text.trim_start();
    if let Some(group) = text.strip_prefix('{') {
        return members(group).iter().flat_map(|member| expand(member)).collect();
    }
    let first: String = text.chars().take_while(|c| is_word(*c)).collect();
    match text[first.len()..].strip_prefix("::") {
        None => vec![vec![first]],
        Some(rest) => expand(rest).into_iter().map(|second| [vec![first.clone()], second].concat()).collect(),
    }
}

/// The members of a group whose opening brace is gone already.
fn members(group: &str) -> Vec<String> {
    let (mut depth, mut members) = (0, vec![String::new()]);
    for c in group.chars() {
        match c {
            '}' if depth == 0 => break,
            ',' if depth == 0 => {
                members.push(String::new());
                continue;
            }
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        members.last_mut().unwrap().push(c);
    }
    members.retain(|member| !member.trim().is_empty());
    members
}

/// Blanks comments and the insides of string literals, keeping every line where it is.
fn blank(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (kept, length) = match c {
            '/' if rest.starts_with("//") => ("", rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => ("", rest.find("*/").map_or(rest.len(), |end| end + 2)),
            'r' if !out.ends_with(is_word) && raw_string(rest).is_some() => {
                ("\"\"", raw_string(rest).unwrap())
            }
            '"' => ("\"\"", string(rest)),
            '\'' => ("' '", character(rest)),
            _ => (&rest[..c.len_utf8()], c.len_utf8()),
        };
        let (eaten, after) = rest.split_at(length);
        out.push_str(if length == 1 && c == '\'' { "'" } else { kept });
        if c != '\n' {
            out.extend(eaten.matches('\n'));
        }
        rest = after;
    }
    out
}

fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return at + 1,
            _ => escaped = false,
        }
    }
    text.len()
}

fn raw_string(text: &str) -> Option<usize> {
    let hashes = text[1..].len() - text[1..].trim_start_matches('#').len();
    let body = text[1 + hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(2 + hashes + body.find(&end)? + end.len())
}

/// The length of a character literal, or 1 for the tick of a lifetime.
fn character(text: &str) -> usize {
    if let Some(escaped) = text.strip_prefix("'\\") {
        return escaped.char_indices().skip(1).find(|(_, c)| *c == '\'').map_or(1, |(at, _)| at + 3);
    }
    let mut chars = text.char_indices().skip(2);
    match chars.next() {
        Some((at, '\'')) => at + 1,
        _ => 1,
    }
}

#[test]
fn comments_and_strings_hide_what_they_hold() {
    let text = "let a = \"crate::x // no\"; // crate::y\nlet b = r#\"crate::\"z\"#; let c: &'a str = f('\"', '\\'');\n";
    let code = blank(text);
    assert!(!code.contains("crate"), "{code}");
    assert_eq!(code.lines().count(), 2);
    assert!(code.contains("&'a str"), "{code}");
}

#[test]
fn grouped_paths_are_taken_apart() {
    let paths = expand("{domain::{certificate::Certificate, chain}, net};");
    let shown: Vec<String> = paths.iter().map(|path| path.join("::")).collect();
    assert_eq!(shown, ["domain::certificate::Certificate", "domain::chain", "net"]);
}
