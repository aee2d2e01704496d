//! No bytes at all make the reader panic.

use std::sync::LazyLock;

use base64::Engine as _;
use certsteward::formats::{self, PublicForm, public};
use proptest::prelude::*;

use super::fixtures::{LANDSCAPE, Workshop};
use super::odd_forms::zipped;

/// One good input of each form, to be spoiled.
static SEEDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let shop = Workshop::new();
    let land = &*LANDSCAPE;
    vec![
        land.bundle_pem().into_bytes(),
        land.leaf.der.clone(),
        land.leaf.key_der.clone(),
        base64::engine::general_purpose::STANDARD.encode(land.bundle_pem()).into_bytes(),
        shop.openssl("pkcs12 -export -in bundle.pem -passout EMPTY -iter 1"),
        shop.openssl("pkcs12 -export -in bundle.pem -passout EMPTY -keypbe NONE -certpbe NONE -nomac"),
        shop.openssl("pkcs12 -export -in bundle.pem -passout EMPTY -legacy -nomac -iter 1"),
        shop.openssl("pkcs8 -topk8 -in key.pem -passout EMPTY -iter 1 -outform DER"),
        shop.openssl("crl2pkcs7 -nocrl -certfile chain.pem -outform DER"),
        shop.openssl("ec -in key.pem -no_public -outform DER"),
        zipped(&[("sfapi.pem", land.bundle_pem().as_bytes()), ("read.me", b"hello")]),
    ]
});

fn everything(bytes: &[u8]) {
    drop(formats::read(bytes, Some("")));
    drop(formats::identity(bytes, None));
    drop(formats::identity_from_parts(LANDSCAPE.leaf.pem.as_bytes(), bytes, Some("")));
    drop(public::scan(bytes));
    if let Ok(opened) = formats::open(bytes, None) {
        assert!(public::public(&opened.chain, PublicForm::Chain).is_ok());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        everything(&bytes);
        everything(&[&[0x30, 0x82][..], &bytes].concat());
        everything(&[b"-----BEGIN CERTIFICATE-----\n", bytes.as_slice()].concat());
        everything(&[b"PK\x03\x04", bytes.as_slice()].concat());
    }

    #[test]
    fn random_text_never_panics(text in "[-A-Za-z0-9+/= \\n]{0,300}") {
        everything(text.as_bytes());
        everything(format!("-----BEGIN {text}-----END ").as_bytes());
    }

    #[test]
    fn spoiled_inputs_never_panic(
        seed in any::<proptest::sample::Index>(),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
        end in any::<proptest::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = seed.get(&SEEDS).clone();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if cut {
            bytes.truncate(end.index(bytes.len()));
        }
        everything(&bytes);
    }
}
