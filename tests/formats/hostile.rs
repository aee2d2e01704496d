//! Inputs made to cost far more than they weigh are refused, or read, within moments.
//! What they hold is of no interest here.

use std::io::Write as _;
use std::time::Duration;

use certsteward::clock::Stopwatch;
use certsteward::domain::reason::Reason;
use certsteward::formats;

use super::fixtures::{LANDSCAPE, Workshop, authority, client, key};
use super::odd_forms::zipped;
use super::writer;

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
    assert_eq!((content.keys.len(), reasons), (1, vec![Reason::TooLarge]), "it is said once of both");
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

/// What is told of a key that asks for this before it can be known whether the password opens it.
#[track_caller]
fn told_of_key(encrypted: &[u8]) -> (Reason, String) {
    let began = Stopwatch::start();
    let odd = formats::identity_from_parts(&LANDSCAPE.leaf.der, encrypted, Some("sesame")).err().unwrap();
    assert!(began.elapsed() < PATIENCE, "it took {:?}", began.elapsed());
    (odd.reason, odd.text)
}

#[test]
fn what_scrypt_does_side_by_side_counts_as_its_memory_does() {
    let asks =
        |salt: usize, asked| writer::encrypted(&writer::scrypt(&vec![7; salt], asked), &[7; 16], &[7; 64]);
    let (reason, text) = told_of_key(&asks(8, [2, 1, 2_400_000]));
    assert!(reason == Reason::TooLarge && text.contains("64 MiB of memory"), "{text}");
    // Its memory is granted, but not what PBKDF2 would do with it, and with a long salt still less.
    for asked in [asks(8, [2, 1, 500_000]), asks(1024, [2, 1, 150_000])] {
        let (reason, text) = told_of_key(&asked);
        assert!(reason == Reason::TooLarge && text.contains("5 million"), "{text}");
    }
    let (reason, text) = told_of_key(&asks(8, [1, 8, 1]));
    assert!(reason == Reason::Malformed && text.contains("none that scrypt takes"), "{text}");
    assert_eq!(told_of_key(&asks(1024, [16, 8, 1])).0, Reason::PasswordWrong);
}

#[test]
fn a_salt_without_measure_is_not_digested() {
    let (salt, begin, sealed) = (vec![7; 1025], [7; 16], [7; 64]);
    let archive = |salt: &[u8]| writer::checked_of_old(&[writer::certificate(&LANDSCAPE.leaf)], salt);
    for (reason, text) in [
        told_of_key(&writer::encrypted(&writer::pbkdf2(&salt), &begin, &sealed)),
        told_of_key(&writer::encrypted(&writer::scrypt(&salt, [16, 8, 1]), &begin, &sealed)),
        told_of_key(&writer::encrypted_of_old(&salt, &sealed)),
        told(&archive(&salt), Some("sesame")).remove(0),
    ] {
        assert!(reason == Reason::TooLarge && text.contains("a salt of more than 1024 bytes"), "{text}");
    }
    assert_eq!(told(&archive(&salt[..1024]), Some("sesame"))[0].0, Reason::PasswordWrong);
}

#[test]
fn the_certificate_of_many_keys_is_read_once() {
    let mut params = client("SFAPI");
    params.subject_alt_names = (0..8000)
        .map(|n| rcgen::SanType::DnsName(format!("host-{n}.example.org").try_into().unwrap()))
        .collect();
    let large = super::fixtures::self_signed(&params);
    assert!(large.der.len() < 256 << 10);
    let key = writer::joined_key(&[0x30, 0], 7);
    let bags = [vec![writer::joined_certificate(&large, 7)], vec![key; 30_000]].concat();
    let odd = told(&writer::archive(&bags), None);
    // It keeps ten thousand bags, and as many entries and oddities as of any other form.
    assert!(
        odd.iter().any(|(_, text)| text.ends_with("more parts were left out: there are too many in it")),
        "{odd:?}"
    );
    assert!(odd.len() < 110, "{}", odd.len());
}

#[test]
fn a_key_beyond_all_measure_is_not_tried_with_every_certificate() {
    // A key on P-256 that tells no public key, and of a length that no curve has.
    let secret = writer::der(0x30, &[&[2, 1, 1], &writer::der(4, &[&vec![7; 4 << 20]])]);
    let algorithm =
        [0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    let key = writer::der(0x30, &[&[2, 1, 0], &algorithm, &writer::der(4, &[&secret])]);
    let odd = told(&[key, LANDSCAPE.leaf.der.repeat(4000)].concat(), None);
    assert!(odd.iter().any(|(_, text)| text.ends_with("which is more than the limit of 32 KiB")), "{odd:?}");
}

#[test]
fn blanks_behind_a_certificate_are_looked_at_once() {
    // Two of them also begin an element.
    let blanks = [LANDSCAPE.leaf.der.as_slice(), &b" ".repeat(15 << 20), b"x"].concat();
    told(&blanks, None);
    assert_eq!(told(&[LANDSCAPE.leaf.der.as_slice(), b" \n\n"].concat(), None), []);
}

#[test]
fn what_is_refused_for_its_ratio_was_unpacked_all_the_same() {
    let mut files = vec![("leaf".to_owned(), LANDSCAPE.leaf.der.clone())];
    files.extend(copies(40, &vec![b'('; 4 << 20]));
    let odd = told(&deflated(&files), None);
    let of = |words: &str| odd.iter().filter(|(_, text)| text.contains(words)).count();
    assert_eq!((of("than its packed size allows"), of("left for it")), (7, 33), "{odd:?}");
}

#[test]
fn the_end_of_a_secret_key_of_java_is_found_without_reading_each_byte_many_times() {
    let head =
        [0xce, 0xce, 0xce, 0xce, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 0, 1, b'a', 0, 0, 1, 0x90, 0, 0, 0, 0];
    let object = [0xac, 0xed, 0x00, 0x05];
    // Each of these might begin an entry: one with a very long name, and one whose name is not that short either.
    for begins in [[0, 0, 0, 2, 0x7f, 0x7f, 0xc3, 0xa9], [0, 0, 0, 1, 0x04, 0x00, 0xc3, 0xa9]] {
        told(&[&head[..], &object, &begins.repeat((15 << 20) / 8), &[0; 20]].concat(), None);
    }
}

#[test]
fn an_entry_of_java_with_certificates_without_end_is_told_in_few_words() {
    let head =
        [0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, b'a', 0, 0, 1, 0x90, 0, 0, 0, 0];
    let count = 1_u32 << 20;
    let chain = [&[0; 4][..], &count.to_be_bytes(), &[0; 4].repeat(1 << 20)].concat();
    let odd = told(&[&head[..], &chain, &[0; 20]].concat(), None);
    assert!(odd.len() < 110, "{} oddities", odd.len());
}
