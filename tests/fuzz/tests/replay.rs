//! Replays the corpus and mutations of it on every decoder: no panic, the verdict that a seed's name
//! says, and no more memory than its size allows.

#![allow(clippy::unwrap_used)]

mod allocations;

use std::{fs, path::PathBuf};

use allocations::peak_bytes_during;
use conclave_fuzz::{COPIES_MAX, TARGETS, Target, Verdict};

struct Seed {
    target: Target,
    name: String,
    bytes: Vec<u8>,
}

impl Seed {
    fn label(&self) -> String {
        format!("{}/{}", self.target.name, self.name)
    }
}

fn corpus() -> Vec<Seed> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut seeds = Vec::new();
    for target in TARGETS {
        let folder = root.join(target.name);
        let entries =
            fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries {
            let entry = entry.unwrap();
            seeds.push(Seed {
                target: *target,
                name: entry.file_name().into_string().unwrap(),
                bytes: fs::read(entry.path()).unwrap(),
            });
        }
    }
    seeds.sort_by_key(Seed::label);
    seeds
}

/// Runs the target and holds it to its memory.
fn read_within_bounds(target: Target, bytes: &[u8], label: &str) -> Verdict {
    let (verdict, peak_bytes) = peak_bytes_during(|| (target.read)(bytes));
    let allowed_bytes = target.reserve_bytes_max + COPIES_MAX * bytes.len();
    assert!(
        peak_bytes <= allowed_bytes,
        "{label} took {peak_bytes} bytes of memory for an input of {}; {allowed_bytes} are allowed",
        bytes.len()
    );
    verdict
}

#[test]
fn every_seed_is_read_or_refused_as_its_name_says() {
    for seed in corpus() {
        let verdict = read_within_bounds(seed.target, &seed.bytes, &seed.label());
        // What a fuzzer found has a hash for a name, and only must not panic.
        if seed.name.starts_with("valid-") {
            assert_eq!(verdict, Verdict::Read, "{}", seed.label());
        } else if seed.name.starts_with("bad-") {
            assert_eq!(verdict, Verdict::Refused, "{}", seed.label());
        }
    }
}

#[test]
fn no_valid_seed_can_be_cut_short_unnoticed() {
    // A picture, an Opus packet and a name end where their message ends, so a shorter one is still
    // one; streams may stop anywhere; and where bytes may follow, these can be cut off.
    let open_ended = [
        "voice/",
        "camera_fragment/",
        "stream/",
        "file_name/",
        "run",
        "longer",
    ];
    for seed in corpus() {
        let label = seed.label();
        if !seed.name.starts_with("valid-") || open_ended.iter().any(|part| label.contains(part)) {
            continue;
        }
        for end in 0..seed.bytes.len() {
            let verdict = (seed.target.read)(&seed.bytes[..end]);
            assert_eq!(verdict, Verdict::Refused, "{label} cut at {end}");
        }
    }
}

#[test]
fn mutations_of_the_corpus_do_no_harm() {
    const ROUNDS: usize = 300;
    /// Larger seeds are about sizes, and their mutations say nothing new.
    const SEED_BYTES_MAX: usize = 4 * 1024;
    let mut chance = Xorshift(0x9e37_79b9_7f4a_7c15);
    for seed in corpus() {
        if seed.bytes.len() > SEED_BYTES_MAX {
            continue;
        }
        for _ in 0..ROUNDS {
            let mutant = mutated(&seed.bytes, &mut chance);
            read_within_bounds(
                seed.target,
                &mutant,
                &format!("{} as {mutant:02x?}", seed.label()),
            );
        }
    }
}

#[test]
fn every_target_has_valid_and_bad_seeds_and_a_libfuzzer_program() {
    let programs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("cargo-fuzz/fuzz_targets");
    let manifest = fs::read_to_string(programs.join("../Cargo.toml")).unwrap();
    let seeds = corpus();
    for target in TARGETS {
        let has = |prefix: &str| {
            seeds
                .iter()
                .any(|seed| seed.target.name == target.name && seed.name.starts_with(prefix))
        };
        // Without the key, no sealed datagram is valid.
        assert!(
            has("valid-") || target.name == "sealed_datagram",
            "{}",
            target.name
        );
        assert!(has("bad-"), "{}", target.name);
        let program = fs::read_to_string(programs.join(format!("{}.rs", target.name))).unwrap();
        assert!(program.contains(&format!("\"{}\"", target.name)));
        assert!(manifest.contains(&format!("name = \"{}\"", target.name)));
    }
    assert_eq!(fs::read_dir(programs).unwrap().count(), TARGETS.len());
}

/// Marsaglia's xorshift64 (2003): the same mutants in every run.
struct Xorshift(u64);

impl Xorshift {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}

/// One to four changes: a bit, a byte of interest, a cut, an insertion, a piece repeated.
fn mutated(bytes: &[u8], chance: &mut Xorshift) -> Vec<u8> {
    /// Ends of ranges, brackets and quotes, and the markers of MessagePack's longest things.
    const BYTES_OF_INTEREST: &[u8] = b"\x00\x01\x7f\x80\xff[]{}\",:\\\xc1\xc6\xc9\xdb\xdd\xdf";
    let mut mutant = bytes.to_vec();
    for _ in 0..=chance.below(4) {
        let at = chance.below(mutant.len());
        let interesting = BYTES_OF_INTEREST[chance.below(BYTES_OF_INTEREST.len())];
        match chance.below(5) {
            _ if mutant.is_empty() => mutant.push(interesting),
            0 => mutant[at] ^= 1 << chance.below(8),
            1 => mutant[at] = interesting,
            2 => mutant.truncate(at),
            3 => mutant.insert(at, interesting),
            _ => {
                let end = at + chance.below(mutant.len() - at);
                let piece = mutant[at..end].to_vec();
                mutant.splice(at..at, piece);
            }
        }
    }
    mutant
}
