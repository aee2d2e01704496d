//! Lines of TOML and of comments, wrapped to be read.
//! It knows no key.

use super::super::effective::quoted;

/// The longest line of a comment, in characters.
const WIDTH: usize = 118;

/// A text that grows line by line.
#[derive(Default)]
pub(super) struct Page(String);

impl Page {
    pub(super) fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    pub(super) fn blank(&mut self) {
        self.line("");
    }

    /// `key = "text"`.
    pub(super) fn set(&mut self, key: &str, text: &str) {
        self.line(&format!("{key} = {}", quoted(text)));
    }

    /// A comment of one paragraph.
    pub(super) fn comment(&mut self, text: &str) {
        self.hanging("", text);
    }

    /// A comment behind a mark: further lines stand below the text, not below the mark.
    pub(super) fn hanging(&mut self, mark: &str, text: &str) {
        let mut line = format!("# {mark}");
        let lead = format!("# {}", " ".repeat(mark.chars().count()));
        let mut is_empty = true;
        for word in text.split_whitespace() {
            let length = line.chars().count() + 1 + word.chars().count();
            if length > WIDTH && !is_empty {
                self.line(&line);
                line.clone_from(&lead);
                is_empty = true;
            }
            if !is_empty {
                line.push(' ');
            }
            line.push_str(word);
            is_empty = false;
        }
        self.line(line.trim_end());
    }

    /// A line that is written and switched off.
    pub(super) fn off(&mut self, text: &str) {
        self.line(&format!("# {text}"));
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

/// What others wrote, on one line: nothing in it can end a comment.
pub(super) fn plain(text: &str) -> String {
    text.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_comment_is_wrapped_and_cannot_be_ended_by_what_others_wrote() {
        let mut page = Page::default();
        page.hanging("  critical ", &"word ".repeat(40));
        page.comment(&plain("a\n[daemon]\nb"));
        let text = page.into_text();
        assert!(text.lines().all(|line| line.starts_with('#') && line.len() <= WIDTH), "{text}");
        assert!(text.lines().nth(1).unwrap().starts_with("#            word word"), "{text}");
        assert!(text.ends_with("# a [daemon] b\n"), "{text}");
    }
}
