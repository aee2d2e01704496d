//! The reference of every option as Markdown: `docs/configuration.md` is its output.
//! It explains no landscape; the guides do.

use super::catalogue::{self, Form, Key, Keys, ROOT, Shape, Without};

const INTRODUCTION: &str = "# Configuration

certsteward reads one TOML file, `/etc/certsteward/certsteward.toml` unless `--config` names another. `certsteward config
check` tells every problem at once, each with its line and the way out; `certsteward config show` prints the settings that
hold, `certsteward config example` a file with every option, `certsteward config schema` a JSON Schema.

- **Unknown keys are errors**; so is a value that is not of its form.
- **Durations** are whole numbers with a unit: `w` weeks, `d` days, `h` hours, `m` minutes, `s` seconds, `ms` milliseconds;
  units add up (`1h30m`). They are above zero. A **share** such as `33%` is of the certificate's lifetime.
- **Validities** are `y` years, `mo` months or `d` days.
- **Times of day** name their zone; schedules and freezes are UTC.
- **Relative paths** begin from the folder of the file they stand in.
- **Secrets** never stand here, only where each is: `{ file = \"PATH\" }` (not readable by everybody), `{ environment =
  \"NAME\" }` or `{ credential = \"NAME\" }` (systemd's `LoadCredential=`). They are read anew at each use.
  At a start one that cannot be read holds up only what needs it, which then says so; those of `[daemon]` and `[tokens]` keep certsteward from starting, and a
  reload with any is refused, so that the configuration before goes on.
- **Ids** are letters, digits, `-`, `_` and `.`.
- **`hold`, `switch`, `ratchet`, `same_subject`** change what happens to callers: [rotation.md](rotation.md#what-is-switched) tells each as a story.
  `hold` has no effect with `switch = \"entry\"` (there no caller is set to a copy), with `rotation` in place or left to the source, with
  `auto_renew = \"no\"`, and for what certsteward issued itself.
- Files named by `include` hold the same tables but `daemon`, `policy` and `include`.
- **`probe_targets`, `targets`**: patterns of what `/probe` may look at, each a host and a port (`*` for every port). In names `*` stands for one or
  more characters; addresses are also meant by network. What holds without them, and why: [the threat model](threat-model.md#looks-for-scrapes).

<!-- Written from the list of keys in the source; a test compares. -->
";

/// The reference of every option, as Markdown.
#[must_use]
pub fn reference() -> String {
    let mut text = INTRODUCTION.to_owned();
    shape(&ROOT, "", "The whole file", &mut text);
    text
}

fn shape(shape: &'static Shape, path: &str, title: &str, text: &mut String) {
    match shape {
        Shape::One(keys) => {
            text.push_str(&format!("\n## {title}\n\n{}\n", keys.says));
            table(keys, text);
            inner(keys, path, text);
        }
        Shape::Several { types, later, preset, .. } => {
            for (name, keys) in *types {
                let note = if *preset == Some(*name) { " (the default)" } else { "" };
                text.push_str(&format!("\n## {title}, `type = \"{name}\"`{note}\n\n{}\n", keys.says));
                table(keys, text);
            }
            for (name, way_out) in *later {
                text.push_str(&format!("\n`type = \"{name}\"` is not available: {way_out}.\n"));
            }
            let mut done: Vec<&str> = Vec::new();
            for (_, keys) in *types {
                for key in keys.iter().filter(|key| !done.contains(&key.name)).collect::<Vec<_>>() {
                    done.push(key.name);
                    one(key, path, text);
                }
            }
        }
    }
}

fn inner(keys: &'static Keys, path: &str, text: &mut String) {
    for key in keys.iter() {
        one(key, path, text);
    }
}

fn one(key: &'static Key, path: &str, text: &mut String) {
    let Some(held) = catalogue::inner(key.form) else { return };
    // A watch's policy, and what a discovery has as a watch has it, are described once.
    let again = path == "discover" || (key.name == "policy" && !path.is_empty());
    if again {
        return;
    }
    let at = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
    let title = if matches!(key.form, Form::Many(_)) {
        format!("`[[{at}]]`")
    } else if matches!(key.form, Form::Named(_)) {
        format!("`[{at}.NAME]`")
    } else {
        format!("`[{at}]`")
    };
    shape(held, &at, &title, text);
}

fn table(keys: &'static Keys, text: &mut String) {
    text.push_str("\n| key | takes | without it | what it is |\n|---|---|---|---|\n");
    for key in keys.iter() {
        let without = match key.without {
            Without::Required => "required".to_owned(),
            Without::Words(words) => words.to_owned(),
            Without::Value(value) => format!("`{value}`"),
        };
        text.push_str(&format!("| `{}` | {} | {without} | {} |\n", key.name, key.form.wanted(), key.says));
    }
}
