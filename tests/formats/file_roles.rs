//! The file as a place that is looked at, and as a place that is filled.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use certsteward::domain::reason::Reason;
use certsteward::domain::watch::Usage;
use certsteward::formats::{self, PublicForm, Wanted};
use certsteward::secret::SecretRef;
use certsteward::sources::{self, Source as _};
use certsteward::targets::{self, Target as _};

use super::fixtures::{LANDSCAPE, Workshop};
use super::{open, refusal};

fn source(path: &Path) -> sources::file::File {
    sources::file::File::new(sources::file::Settings {
        path: path.to_owned(),
        password: None,
        key: None,
        alias: None,
        usage: Usage::Any,
    })
}

fn target(path: &Path, format: PublicForm) -> targets::file::File {
    targets::file::File::new(targets::file::Settings { path: path.to_owned(), format })
}

async fn seen(source: &sources::file::File) -> String {
    let sighting = source.look(None).await.expect("a look").expect("a sighting");
    sighting.chain.leaf.common_name()
}

#[tokio::test]
async fn a_file_shows_its_chain_its_name_and_whether_a_key_lies_in_it() {
    let shop = Workshop::new();
    let path = shop.path().join("bundle.pem");
    let sighting = source(&path).look(None).await.expect("a look").expect("a sighting");
    assert_eq!(sighting.name, Some(path.display().to_string()));
    assert_eq!((sighting.has_key, sighting.chain.issuers.len()), (Some(true), 2));
    let chain = source(&shop.path().join("chain.pem")).look(None).await.expect("a look").expect("a sighting");
    assert_eq!(chain.has_key, Some(false));
}

#[tokio::test]
async fn a_changed_file_is_seen_and_a_broken_one_is_a_failure() {
    let shop = Workshop::new();
    let path = shop.path().join("leaf.pem");
    let source = source(&path);
    assert_eq!(seen(&source).await, "SFAPI");
    assert_eq!(seen(&source).await, "SFAPI");
    shop.put("new.pem", &LANDSCAPE.other.pem);
    std::fs::rename(shop.path().join("new.pem"), &path).expect("a rename");
    assert_eq!(seen(&source).await, "Payroll");
    shop.put("leaf.pem", "");
    let (reason, text) = refusal(source.look(None).await);
    assert_eq!((reason, text), (Reason::Empty, format!("{}: it is empty", path.display())));
}

#[tokio::test]
async fn a_missing_file_is_nothing_and_a_missing_folder_is_unseen() {
    let shop = Workshop::new();
    assert_eq!(source(&shop.path().join("none.pem")).look(None).await, Ok(None));
    let (reason, text) = refusal(source(&shop.path().join("no/such.pem")).look(None).await);
    assert_eq!(reason, Reason::NotFound);
    assert!(text.starts_with("the folder "), "{text}");
    symlink("gone.pem", shop.path().join("link.pem")).expect("a link");
    let (reason, text) = refusal(source(&shop.path().join("link.pem")).look(None).await);
    assert_eq!(reason, Reason::NotFound);
    assert!(text.ends_with("is a link to gone.pem, which does not exist"), "{text}");
}

#[tokio::test]
async fn only_regular_files_are_read() {
    let shop = Workshop::new();
    let (reason, _) = refusal(source(shop.path()).look(None).await);
    assert_eq!(reason, Reason::Unreadable);
    nix_fifo(&shop.path().join("pipe.pem"));
    let (reason, text) = refusal(source(&shop.path().join("pipe.pem")).look(None).await);
    assert_eq!(reason, Reason::Unreadable);
    assert!(text.ends_with("is not a regular file"), "{text}");
}

fn nix_fifo(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status().expect("mkfifo");
    assert!(made.success());
}

#[tokio::test]
async fn a_kubernetes_volume_is_followed_through_its_swap() {
    let shop = Workshop::new();
    for (generation, sample) in [("..1", &LANDSCAPE.leaf), ("..2", &LANDSCAPE.other)] {
        std::fs::create_dir(shop.path().join(generation)).expect("a folder");
        shop.put(&format!("{generation}/tls.crt"), &sample.pem);
    }
    symlink("..1", shop.path().join("..data")).expect("a link");
    symlink("..data/tls.crt", shop.path().join("tls.crt")).expect("a link");
    let source = source(&shop.path().join("tls.crt"));
    assert_eq!(seen(&source).await, "SFAPI");
    symlink("..2", shop.path().join("..tmp")).expect("a link");
    std::fs::rename(shop.path().join("..tmp"), shop.path().join("..data")).expect("a swap");
    assert_eq!(seen(&source).await, "Payroll");
}

#[tokio::test]
async fn another_entry_is_another_file_beside_it() {
    let shop = Workshop::new();
    let source = source(&shop.path().join("chain.pem"));
    shop.put("candidate.pem", &LANDSCAPE.other.pem);
    for entry in ["candidate.pem".to_owned(), shop.path().join("candidate.pem").display().to_string()] {
        let sighting = source.look(Some(&entry)).await.expect("a look").expect("a sighting");
        assert_eq!(sighting.chain.leaf.common_name(), "Payroll");
    }
    assert_eq!(seen(&source).await, "SFAPI");
    assert_eq!(source.look(Some("none.pem")).await, Ok(None));
}

#[tokio::test]
async fn trusted_certificates_are_shown_by_the_first_that_expires_though_no_key_or_leaf_tells_which_is_meant()
{
    let shop = Workshop::new();
    let all =
        [&LANDSCAPE.root, &LANDSCAPE.leaf, &LANDSCAPE.other, &LANDSCAPE.issuing].map(|one| one.pem.as_str());
    let path = shop.put("trust.pem", all.concat());
    assert_eq!(refusal(source(&path).look(None).await).0, Reason::SeveralLeaves);
    let settings =
        sources::file::Settings { path, password: None, key: None, alias: None, usage: Usage::Trust };
    let sighting = sources::file::File::new(settings).look(None).await.expect("a look").expect("a sighting");
    let chain = sighting.chain;
    assert!(chain.strays.iter().all(|stray| stray.not_after >= chain.leaf.not_after));
    assert_eq!((chain.strays.len(), chain.issuers.len()), (3, 0));
}

#[tokio::test]
async fn the_key_comes_from_the_same_file_or_the_one_beside_it() {
    let shop = Workshop::new();
    assert!(source(&shop.path().join("bundle.pem")).identity(None).await.is_ok());
    let alone = source(&shop.path().join("chain.pem")).identity(None).await;
    assert_eq!(alone.err().map(|odd| odd.reason), Some(Reason::KeyUnavailable));
    let with_key = |key: &str| {
        let (path, key) = (shop.path().join("chain.pem"), Some(shop.path().join(key)));
        sources::file::File::new(sources::file::Settings {
            path,
            password: None,
            key,
            alias: None,
            usage: Usage::Any,
        })
    };
    assert!(with_key("key.pem").identity(None).await.is_ok());
    let sighting = with_key("key.pem").look(None).await.expect("a look").expect("a sighting");
    assert_eq!(sighting.has_key, Some(true));
    shop.put("other-key.pem", &LANDSCAPE.other.key_pem);
    let foreign = with_key("other-key.pem").look(None).await.expect("a look").expect("a sighting");
    let reasons: Vec<Reason> = foreign.oddities.iter().map(|odd| odd.reason).collect();
    assert_eq!((foreign.has_key, reasons), (Some(false), vec![Reason::KeyMismatch]));
    assert!(foreign.oddities[0].text.ends_with(&format!(
        "does not belong to the certificate SFAPI in {}",
        shop.path().join("chain.pem").display()
    )));
    let without = with_key("none.pem").look(None).await.expect("a look").expect("a sighting");
    assert_eq!((without.has_key, without.oddities.len()), (Some(false), 1));
}

#[tokio::test]
async fn a_key_that_is_put_right_is_seen_at_the_next_look() {
    let shop = Workshop::new();
    let key = shop.put("service.key", &LANDSCAPE.other.key_pem);
    let settings = sources::file::Settings {
        path: shop.path().join("leaf.pem"),
        password: None,
        key: Some(key),
        alias: None,
        usage: Usage::Any,
    };
    let source = sources::file::File::new(settings);
    let mut seen = Vec::new();
    for held in [&LANDSCAPE.other, &LANDSCAPE.leaf, &LANDSCAPE.leaf, &LANDSCAPE.other] {
        shop.put("service.key", &held.key_pem);
        seen.push(source.look(None).await.expect("a look").expect("a sighting").has_key);
    }
    assert_eq!(seen, [Some(false), Some(true), Some(true), Some(false)]);
}

#[tokio::test]
async fn a_protected_file_opens_once_its_password_is_right() {
    let shop = Workshop::new();
    let path = shop.put("sfapi.p12", shop.openssl("pkcs12 -export -in bundle.pem -passout pass:sesame"));
    let password = shop.put("password", "wrong\n");
    std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o600)).expect("a mode");
    let settings = sources::file::Settings {
        path,
        password: Some(SecretRef::File(password.clone())),
        key: None,
        alias: None,
        usage: Usage::Any,
    };
    let source = sources::file::File::new(settings);
    assert_eq!(refusal(source.look(None).await).0, Reason::PasswordWrong);
    std::fs::write(&password, "sesame\n").expect("a password");
    assert_eq!(seen(&source).await, "SFAPI");
    assert!(source.identity(None).await.is_ok());
}

#[tokio::test]
async fn publishing_writes_the_public_part_and_may_be_repeated() {
    let shop = Workshop::new();
    let chain = open(LANDSCAPE.bundle_pem()).chain;
    let path = shop.path().join("public.pem");
    let target = target(&path, PublicForm::Chain);
    assert_eq!(target.look(&chain).await, Ok(Some(false)));
    assert_eq!(target.publish(&chain).await.unwrap().answer(), "written");
    assert_eq!(target.look(&chain).await, Ok(Some(true)));
    let first = std::fs::metadata(&path).expect("a file");
    assert_eq!(first.mode() & 0o777, 0o644);
    assert_eq!(target.publish(&chain).await.unwrap().answer(), "stands there already");
    assert_eq!(std::fs::metadata(&path).expect("a file").ino(), first.ino());
    assert!(!open(std::fs::read(&path).expect("its content")).has_key);
    assert!(
        std::fs::read_dir(shop.path())
            .expect("a folder")
            .flatten()
            .all(|file| !file.file_name().to_string_lossy().contains("certsteward"))
    );
}

#[tokio::test]
async fn publishing_replaces_what_stood_there_and_follows_a_link() {
    let shop = Workshop::new();
    let chain = open(LANDSCAPE.chain_pem()).chain;
    let real = shop.put("real.cer", "an older one");
    symlink("real.cer", shop.path().join("link.cer")).expect("a link");
    let target = target(&shop.path().join("link.cer"), PublicForm::Cer);
    assert_eq!(target.look(&chain).await, Ok(Some(false)));
    assert_eq!(target.publish(&chain).await.unwrap().answer(), "written");
    assert_eq!(target.look(&open(&LANDSCAPE.other.pem).chain).await, Ok(Some(false)));
    assert!(shop.path().join("link.cer").is_symlink());
    assert_eq!(open(std::fs::read(real).expect("its content")).chain.fingerprint(), chain.fingerprint());
}

#[tokio::test]
async fn a_file_with_a_private_key_is_never_overwritten() {
    let shop = Workshop::new();
    let chain = open(&LANDSCAPE.other.pem).chain;
    let failure = target(&shop.path().join("bundle.pem"), PublicForm::Pem)
        .publish(&chain)
        .await
        .expect_err("a refusal");
    assert_eq!((failure.reason, failure.maybe_effective), (Reason::KeyMaterial, false));
    assert_eq!(
        std::fs::read_to_string(shop.path().join("bundle.pem")).expect("a file"),
        LANDSCAPE.bundle_pem()
    );
}

#[tokio::test]
async fn a_folder_that_cannot_be_seen_is_unseen_and_certainly_unchanged() {
    let shop = Workshop::new();
    let chain = open(&LANDSCAPE.leaf.pem).chain;
    let target = target(&shop.path().join("no/such.pem"), PublicForm::Pem);
    assert_eq!(refusal(target.look(&chain).await).0, Reason::NotFound);
    let failure = target.publish(&chain).await.expect_err("a refusal");
    assert_eq!((failure.reason, failure.maybe_effective), (Reason::NotFound, false));
}

/// The time that this thread has worked.
fn worked() -> u64 {
    let spent = std::fs::read_to_string("/proc/thread-self/schedstat").expect("what the kernel counts");
    spent.split(' ').next().and_then(|spent| spent.parse().ok()).expect("nanoseconds")
}

#[tokio::test]
async fn no_password_is_hashed_by_those_who_serve_everybody_though_it_is_an_empty_one() {
    let shop = Workshop::new();
    let archive = shop.openssl("pkcs12 -export -in bundle.pem -passout EMPTY -iter 400000");
    let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &archive);
    let pem = format!("-----BEGIN PKCS12-----\n{text}\n-----END PKCS12-----\n");
    let path = shop.put("archive.pem", &pem);
    let before = worked();
    open(&pem);
    let whole = worked() - before;
    let before = worked();
    assert_eq!(seen(&source(&path)).await, "SFAPI");
    let here = worked() - before;
    assert!(here * 4 < whole, "{here} ns of {whole}");
}

#[test]
fn what_takes_no_more_than_reading_is_opened_lightly() {
    let shop = Workshop::new();
    let bare = String::from_utf8(shop.openssl("ec -in key.pem -no_public")).expect("PEM");
    let locked =
        String::from_utf8(shop.openssl("pkcs8 -topk8 -in key.pem -passout pass:sesame")).expect("PEM");
    let chain = LANDSCAPE.chain_pem();
    let lightly = |bytes: &[u8]| formats::open_lightly(bytes, Wanted::default());
    for (light, has_key) in
        [(chain.clone(), false), (LANDSCAPE.bundle_pem(), true), (format!("{locked}{chain}"), true)]
    {
        let opened = lightly(light.as_bytes()).expect("no more than reading").expect("a chain");
        assert_eq!((opened.chain.leaf.common_name().as_str(), opened.has_key), ("SFAPI", has_key));
    }
    assert!(lightly(b"-----BEGIN").expect("no more than reading").is_err());
    let archive = shop.openssl("pkcs12 -export -in bundle.pem -passout EMPTY");
    for heavy in [
        archive,
        format!("{bare}{chain}").into_bytes(),
        super::odd_forms::zipped(&[("leaf", chain.as_bytes())]),
    ] {
        assert!(lightly(&heavy).is_none());
        assert!(formats::open(&heavy, None).is_ok());
    }
}

#[tokio::test]
async fn what_a_wrong_password_left_shut_is_looked_at_again() {
    let shop = Workshop::new();
    let archive = shop.openssl("pkcs12 -export -in bundle.pem -passout pass:sesame -certpbe NONE");
    let path = shop.put("sfapi.p12", archive);
    let password = shop.put("password", "wrong\n");
    std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o600)).expect("a mode");
    let settings = sources::file::Settings {
        path,
        password: Some(SecretRef::File(password.clone())),
        key: None,
        alias: None,
        usage: Usage::Any,
    };
    let source = sources::file::File::new(settings);
    let mut told = Vec::new();
    for right in ["wrong\n", "sesame\n"] {
        std::fs::write(&password, right).expect("a password");
        let sighting = source.look(None).await.expect("a look").expect("a sighting");
        told.push((sighting.has_key, sighting.oddities.len(), source.is_unchanged()));
    }
    assert_eq!(told, [(Some(true), 1, false), (Some(true), 0, true)]);
}
