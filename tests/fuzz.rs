//! What the fuzzers do, in small: the kept corpus and a fixed number of its mutations, put through every way in.
//! It searches for nothing new; `fuzz/run` does.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::time::Duration;

use certsteward::clock::Stopwatch;

#[path = "../fuzz/targets.rs"]
mod targets;

/// How many mutations each way in is given; `CERTSTEWARD_FUZZ_ROUNDS` chooses another number.
const ROUNDS: usize = 300;
/// The longest that one input may take, on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(20);
/// The most that the corpus may weigh, so that everybody can carry it.
const WEIGHT: u64 = 1024 * 1024;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

/// The kept inputs of a way in, in the order of their names.
fn seeds(name: &str) -> Vec<(String, Vec<u8>)> {
    let entries =
        std::fs::read_dir(folder().join(name)).unwrap_or_else(|e| panic!("fuzz/corpus/{name}: {e}"));
    let named = entries.map(|entry| {
        let path = entry.unwrap().path();
        (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap())
    });
    named.collect::<BTreeMap<_, _>>().into_iter().collect()
}

/// Puts one input through; `told` names it.
fn put(target: fn(&[u8]), bytes: &[u8], told: &str) {
    let began = Stopwatch::start();
    let ended = std::panic::catch_unwind(AssertUnwindSafe(|| target(bytes)));
    let kept = || {
        let (mut file, path) =
            tempfile::NamedTempFile::with_prefix("certsteward-fuzz-").unwrap().keep().unwrap();
        std::io::Write::write_all(&mut file, bytes).unwrap();
        path.display().to_string()
    };
    assert!(ended.is_ok(), "{told} panicked; the input is kept as {}", kept());
    let took = began.elapsed();
    assert!(took < PATIENCE, "{told} took {took:?}; the input is kept as {}", kept());
}

#[test]
fn every_way_in_holds_for_its_corpus_and_for_what_it_may_become() {
    let rounds = std::env::var("CERTSTEWARD_FUZZ_ROUNDS").map_or(ROUNDS, |text| text.parse().unwrap());
    std::thread::scope(|scope| {
        for (name, target) in targets::ALL {
            scope.spawn(move || {
                let seeds = seeds(name);
                assert!(!seeds.is_empty(), "fuzz/corpus/{name} is empty");
                for (file, bytes) in &seeds {
                    put(*target, bytes, &format!("{name}: {file}"));
                }
                let mut dice = Dice(0x5eed ^ u64::try_from(name.len()).unwrap());
                for round in 0..rounds {
                    let bytes = dice.mutation(&seeds);
                    put(*target, &bytes, &format!("{name}: mutation {round}"));
                }
            });
        }
    });
}

#[test]
fn the_corpus_is_small_and_each_part_of_it_belongs_to_a_way_in() {
    let mut weight = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_str().unwrap();
        assert!(targets::ALL.iter().any(|(target, _)| *target == name), "nothing reads fuzz/corpus/{name}");
        weight += std::fs::read_dir(&folder)
            .unwrap()
            .map(|file| file.unwrap().metadata().unwrap().len())
            .sum::<u64>();
    }
    assert!(weight < WEIGHT, "the corpus weighs {weight} bytes");
}

#[test]
fn every_way_in_has_a_fuzzer() {
    let manifest = include_str!("../fuzz/Cargo.toml");
    for (name, _) in targets::ALL {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "fuzz/Cargo.toml does not build {name}");
        let path = folder().parent().unwrap().join(format!("fuzz_targets/{name}.rs"));
        assert!(path.exists(), "{} is missing", path.display());
    }
}

#[test]
fn what_the_fuzzers_share_names_only_crates_that_they_are_built_with() {
    let (manifest, text) = (include_str!("../fuzz/Cargo.toml"), include_str!("../fuzz/targets.rs"));
    let own = include_str!("../Cargo.toml").split_once("[dependencies]\n").unwrap().1;
    let crates = own.lines().filter_map(|line| Some(line.split_once(" = ")?.0.replace('-', "_")));
    let named = crates.filter(|name| {
        text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
            .any(|path| path.starts_with(&format!("{name}::")))
    });
    let missing: Vec<String> = named.filter(|name| !manifest.contains(&format!("\n{name} = "))).collect();
    assert!(missing.is_empty(), "fuzz/Cargo.toml does not have {missing:?}, which fuzz/targets.rs names");
}

/// The same throws each time: splitmix64.
struct Dice(u64);

impl Dice {
    fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.throw() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    fn byte(&mut self) -> u8 {
        // Bytes at which lengths, signs and texts turn are thrown as often as all others together.
        const EDGES: [u8; 12] = [0, 1, 0x20, b'"', b'\n', b'-', 0x30, 0x7f, 0x80, 0x82, 0x84, 0xff];
        if self.below(2) == 0 { EDGES[self.below(EDGES.len())] } else { self.throw().to_le_bytes()[0] }
    }

    /// One of the seeds, changed in up to four places.
    fn mutation(&mut self, seeds: &[(String, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].1.clone();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            let end = at + self.below((bytes.len() - at).min(64));
            match self.below(7) {
                0 if !bytes.is_empty() => bytes[at] = self.byte(),
                1 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
                2 => drop(bytes.drain(at..end)),
                3 => {
                    let again = bytes[at..end].to_vec();
                    bytes.splice(at..at, again);
                }
                4 => bytes.truncate(at),
                5 => {
                    let other = &seeds[self.below(seeds.len())].1;
                    let from = self.below(other.len());
                    let until = from + self.below((other.len() - from).min(256));
                    bytes.splice(at..end, other[from..until].iter().copied());
                }
                _ => bytes.insert(at, self.byte()),
            }
        }
        bytes
    }
}
