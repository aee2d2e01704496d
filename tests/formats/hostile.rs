//! Inputs made to cost far more than they weigh are refused, or read, within moments.
//! What they hold is of no interest here.

use std::io::Write as _;
use std::time::Duration;

use certsteward::clock::Stopwatch;
use certsteward::domain::reason::Reason;
use certsteward::formats;

use super::fixtures::{LANDSCAPE, Workshop, authority, client, key};
use super::odd_forms::zipped;

/// The longest that any of them may take, unoptimised, on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads and opens it within moments; gives every oddity and refusal.
#[track_caller]
fn told(bytes: &[u8], password: Option<&str>) -> Vec<(Reason, String)> {
    let began = Stopwatch::start();
    let read = formats::read(bytes, password);
    let opened = formats::open(bytes, password).err();
    drop(formats::identity(bytes, password));
    assert!(began.elapsed() < PATIENCE, "it took {:?}", began.elapsed());
    let odd = match read {
        Ok(content) => content.oddities,
        Err(why) => vec![why],
    };
    odd.into_iter().chain(opened).map(|odd| (odd.reason, odd.text)).collect()
}

fn deflated(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (name, bytes) in files {
        archive.start_file(name.as_str(), options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// Many copies of one file, under names of their own.
fn copies(count: usize, file: &[u8]) -> Vec<(String, Vec<u8>)> {
    (0..count).map(|number| (format!("{number}"), file.to_vec())).collect()
}

#[test]
fn archives_in_archives_unpack_to_a_bounded_whole() {
    // Bytes that pack to a hundredth, so that the ratio alone does not give them away.
    let mut filling = Vec::new();
    while filling.len() < 2 << 20 {
        filling.extend_from_slice(&noise(filling.len(), 8));
        filling.resize(filling.len() + 2000, b' ');
    }
    let mut bomb = deflated(&copies(2, &filling));
    for _ in 0..2 {
        bomb = deflated(&copies(12, &bomb));
    }
    assert!(bomb.len() < 8 << 20, "it weighs {} bytes", bomb.len());
    let bomb = deflated(&[("leaf".to_owned(), LANDSCAPE.leaf.der.clone()), ("bomb".to_owned(), bomb)]);
    let odd = told(&bomb, None);
    assert!(
        odd.iter().any(|(reason, text)| *reason == Reason::TooLarge && text.contains("left for it")),
        "{odd:?}"
    );
}

/// A few bytes that repeat nowhere.
fn noise(seed: usize, count: usize) -> Vec<u8> {
    (0..count)
        .map(|at| u8::try_from((seed.wrapping_mul(2_654_435_761).wrapping_add(at * 97) >> 7) & 0xff).unwrap())
        .collect()
}

#[test]
fn rounds_of_password_hashing_are_counted_over_the_whole_input() {
    let shop = Workshop::new();
    let write = |rounds: &str| {
        shop.openssl(&format!("pkcs8 -topk8 -in key.pem -passout pass:secret -iter {rounds} -outform DER"))
    };
    // What the others ask for is allowed by itself, but not after this.
    let few = write("1000000");
    let mut many = write("70000");
    let rounds = [2, 3, 0x01, 0x11, 0x70];
    let at = many.windows(5).position(|part| part == rounds).expect("its rounds");
    many[at + 2] = 0x48;
    let content =
        formats::read(&[LANDSCAPE.leaf.der.clone(), few, many.clone(), many].concat(), Some("secret"))
            .unwrap();
    let reasons: Vec<Reason> = content.oddities.iter().map(|odd| odd.reason).collect();
    assert_eq!(reasons, [Reason::TooLarge; 2]);
    let text = &content.oddities[0].text;
    assert!(
        text.contains("it asks for more rounds of password hashing than the limit of 5 million"),
        "{text}"
    );
}

#[test]
fn an_archive_that_asks_for_too_many_rounds_is_not_begun() {
    let shop = Workshop::new();
    let mut archive = shop.openssl("pkcs12 -export -in bundle.pem -passout EMPTY -iter 70000");
    let rounds = [2, 3, 0x01, 0x11, 0x70];
    let found: Vec<usize> = (0..=archive.len() - 5).filter(|at| archive[*at..*at + 5] == rounds).collect();
    assert!(!found.is_empty(), "it holds its rounds");
    for at in found {
        archive[at + 2] = 0x7f;
    }
    assert_eq!(told(&archive, Some(""))[0].0, Reason::TooLarge);
}

#[test]
fn many_keys_beside_many_certificates_are_not_all_tried_with_each_other() {
    let shop = Workshop::new();
    let bare = shop.openssl("ec -in key.pem -no_public");
    let many = [bare.repeat(3000), LANDSCAPE.other.pem.repeat(3000).into_bytes()].concat();
    let odd = told(&many, None);
    assert!(odd.iter().any(|(_, text)| text.contains("more parts were left out")), "{odd:?}");
}

#[test]
fn authorities_that_issued_each_other_make_a_chain_of_bounded_length() {
    let names = ["ACME A", "ACME B"].map(|name| authority(name, 2040));
    let keys = [key(), key()];
    let mut pem = String::new();
    for round in 0_u16..400 {
        for at in 0..2 {
            let mut params = names[at].clone();
            params.serial_number = Some(round.to_be_bytes().to_vec().into());
            let issuer = rcgen::Issuer::from_params(&names[1 - at], &keys[1 - at]);
            pem += &params.signed_by(&keys[at], &issuer).unwrap().pem();
        }
    }
    let issuer = rcgen::Issuer::from_params(&names[0], &keys[0]);
    pem += &client("SFAPI").signed_by(&key(), &issuer).unwrap().pem();
    assert_eq!(told(pem.as_bytes(), None), []);
    let chain = formats::open(pem.as_bytes(), None).unwrap().chain;
    assert_eq!((chain.leaf.common_name().as_str(), chain.issuers.len()), ("SFAPI", 32));
    assert_eq!(chain.strays.len(), 800 - 32);
}

#[test]
fn a_certificate_beyond_all_measure_is_said_and_hides_no_other() {
    let mut params = client("SFAPI");
    params.subject_alt_names = (0..20_000)
        .map(|n| rcgen::SanType::DnsName(format!("host-{n}.example.org").try_into().unwrap()))
        .collect();
    let large = params.self_signed(&key()).unwrap().pem();
    let content = formats::read(format!("{large}{}", LANDSCAPE.leaf.pem).as_bytes(), None).unwrap();
    assert_eq!(content.certificates.len(), 1);
    assert!(
        content.oddities[0].text.ends_with("which is more than the limit of 256 KiB"),
        "{:?}",
        content.oddities
    );
}

#[test]
fn blocks_without_end_are_counted_rather_than_kept() {
    for block in [
        "-----BEGIN CERTIFICATE-----\n",
        "-----BEGIN PRIVATE KEY-----\n",
        "-----BEGIN ",
        "-----BEGIN X-----\n-----END X-----\n",
    ] {
        let odd = told(block.repeat(60_000).as_bytes(), None);
        assert!(odd.len() < 110, "{block:?}: {} oddities are kept", odd.len());
    }
    assert!(told(&zipped(&[("a", "(".repeat(1 << 20).as_bytes())]), None).len() < 3);
}

#[test]
fn structures_that_nest_without_end_are_read_no_deeper_than_needed() {
    let mut nested = vec![0x30, 0x00];
    for _ in 0..60 {
        nested = [&[0x30, 0x82][..], &u16::try_from(nested.len()).unwrap().to_be_bytes(), &nested].concat();
    }
    told(&nested, Some(""));
    // As deep as sixteen MiB allow, each one counting all that follows it.
    told(&[0x30, 0x84, 0x00, 0xff, 0xff, 0xff].repeat(200_000), Some(""));
    told(&b"0\x80".repeat(1 << 20), Some(""));
}
