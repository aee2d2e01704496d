//! What is refused, in exactly these words: each `NAME.toml` here fails with the text of `NAME.txt`.

use super::*;

fn text_of(problems: &Problems, folder: &TempDir) -> String {
    let prefix = format!("{}/", folder.path().display());
    let mut text = problems.to_string().replace(&prefix, "");
    text.push('\n');
    text
}

#[test]
fn each_invalid_configuration_fails_with_the_text_beside_it() {
    let folder = folder();
    let mut wrong = String::new();
    let mut count = 0;
    for entry in fs::read_dir(root().join("tests/config")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "toml") {
            continue;
        }
        count += 1;
        let given = match load_in(&folder, &fs::read_to_string(&path).unwrap()) {
            Ok(_) => "it loads\n".to_owned(),
            Err(problems) => text_of(&problems, &folder),
        };
        if !same_or_written(&path.with_extension("txt"), &given) {
            writeln!(wrong, "{}:\n{given}", path.display()).unwrap();
        }
    }
    assert!(wrong.is_empty() && count > 30, "{count} fixtures; these differ:\n{wrong}");
}

#[test]
fn no_message_shows_a_secret_or_lacks_a_way_out() {
    for entry in fs::read_dir(root().join("tests/config")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "txt") {
            let text = fs::read_to_string(&path).unwrap();
            assert!(!text.contains("do-not-print-me") && !text.contains("12345678"), "{}", path.display());
            assert_ne!(text, "it loads\n", "{}", path.display());
        }
    }
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let folder = folder();
    let problems = config::load(&folder.path().join("absent.toml"), Kind::Given).unwrap_err();
    assert!(text_of(&problems, &folder).starts_with(
        "absent.toml: there is no such file; begin one with certsteward config example --minimal > "
    ));
}

#[test]
fn only_the_default_file_may_be_absent() {
    let config = config::load(&folder().path().join("absent.toml"), Kind::Default).unwrap();
    assert_eq!((config.watches.len(), config.notifiers.len()), (0, 0));
    assert_eq!(config.daemon.listen.to_string(), "127.0.0.1:9790");
    assert!(config.files.is_empty());
}

#[test]
fn each_problem_names_its_own_file() {
    let folder = folder();
    fs::create_dir(folder.path().join("watches.d")).unwrap();
    let put = |name: &str, text: &str| fs::write(folder.path().join("watches.d").join(name), text).unwrap();
    put("a.toml", "[[watch]]\nid = \"w\"\nsource = { type = \"file\", pth = \"x\" }\n");
    put("b.toml", "[daemon]\n\n[[watch]]\nid = \"w\"\nsource = { type = \"tls\", address = \"x\" }\n");
    put("c.toml", "[[watch\n");
    let problems =
        load_in(&folder, "include = [\"watches.d/*.toml\", \"more.toml\"]\n[daemon]\ncheck = \"x\"\n")
            .unwrap_err();
    let text = text_of(&problems, &folder);
    let places: Vec<&str> = text.lines().filter_map(|line| line.split(": ").next()).collect();
    let expected = [
        "certsteward.toml:1:32",
        "certsteward.toml:3:9",
        "watches.d/a.toml:3:10",
        "watches.d/a.toml:3:27",
        "watches.d/b.toml:1:2",
        "watches.d/b.toml:4:6",
        "watches.d/b.toml:5:36",
        "watches.d/c.toml:1:8",
    ];
    assert_eq!(places, expected, "{text}");
}

#[test]
fn a_name_is_not_called_unknown_while_a_file_could_not_be_read() {
    let folder = folder();
    fs::write(folder.path().join("broken.toml"), "[connections").unwrap();
    let text = "include = [\"broken.toml\"]\n[[watch]]\nid = \"w\"\nsource = { type = \"destination-service\", connection = \"btp\", certificate = \"a.pem\" }\n";
    let problems = load_in(&folder, text).unwrap_err();
    assert_eq!(problems.0.len(), 1, "{problems}");
}

#[test]
fn the_same_connection_in_two_files_is_refused() {
    let folder = folder();
    let sf = "[connections.sf]\ntype = \"successfactors\"\napi = \"https://api.example.org\"\ncompany_id = \"ACME\"\n";
    fs::write(folder.path().join("more.toml"), sf).unwrap();
    let problems = load_in(&folder, &format!("include = [\"more.toml\"]\n{sf}")).unwrap_err();
    let text = text_of(&problems, &folder);
    assert_eq!(
        text,
        "more.toml:1:14: connections.sf: is already defined in certsteward.toml:2; choose another name\n"
    );
}

#[test]
fn no_text_makes_loading_panic() {
    let folder = folder();
    let mut text = config::EXAMPLE.to_owned();
    while !text.is_empty() {
        let end = (0..text.len().saturating_sub(97)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        let outcome = load_in(&folder, &text);
        assert!(outcome.is_ok() || !outcome.unwrap_err().0.is_empty(), "{end}");
    }
}

#[test]
fn a_secret_that_cannot_be_read_keeps_nobody_else_from_beginning() {
    let folder = folder();
    let place = folder.path().join("certsteward.toml");
    let begun = |text: &str| {
        fs::write(&place, text).unwrap();
        config::load_to_begin(&place, Kind::Given)
    };
    let watch = "[[watch]]\nid = \"w\"\nsource = { type = \"file\", path = \"a.pem\", password = { file = \"absent\" } }\n";
    let notifier = "[[notifier]]\nid = \"n\"\ntype = \"webhook\"\nurl = \"https://example.org\"\nsecret = { file = \"absent\" }\n";
    let both = format!("{watch}{notifier}");
    let (config, unread) = begun(&both).unwrap();
    assert_eq!((config.watches.len(), config.notifiers.len()), (1, 1));
    let unread = unread.unwrap();
    let paths: Vec<&str> = unread.0.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, ["watch[w].source.password", "notifier[n].secret"]);
    assert_eq!(
        config::load(&place, Kind::Given).unwrap_err(),
        unread,
        "a check of the configuration tells them"
    );

    let wrong = begun(&format!("{both}nonsense = 1\n")).unwrap_err();
    assert_eq!(wrong.0.len(), 3, "{wrong}");
    let token = "[tokens.t]\nfile = \"absent\"\nmay = [\"*\"]\n";
    assert_eq!(begun(&format!("{token}{watch}")).unwrap_err().0.len(), 2, "who may do what is no part");
}
