//! The rules can reach nothing that touches the world: no crate that could, and no such part of the
//! standard library.

#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// What the rules are built from. Everything here only computes: the wire words, serialisation of
/// them, numbers as text, and error messages.
const PURE: &[&str] = &[
    "conclave-core",
    "conclave-wire",
    "itoa",
    "memchr",
    "num-traits",
    "rmp",
    "rmp-serde",
    "serde",
    "serde_core",
    "serde_json",
    "thiserror",
    "zmij",
];

/// Parts of the standard library that read a clock, a disk, a network, the process or another thread,
/// and the collections whose order is chance.
const WORLDLY: &[&str] = &[
    "env::",
    "fs::",
    "io::",
    "net::",
    "os::",
    "process::",
    "thread::",
    "Mutex",
    "RwLock",
    "Instant",
    "SystemTime",
    "HashMap",
    "HashSet",
    "RandomState",
    "println!",
];

/// Names of all crates that are linked into `package`; macros run only while compiling and are left out.
fn linked_crates(package: &str) -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let output = Command::new(cargo)
        .args(["tree", "--offline", "--locked", "--prefix", "none"])
        .args(["--edges", "normal,no-proc-macro", "--package", package])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs this test, so cargo is there");
    let (tree, complaint) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "cargo tree: {complaint}");
    tree.lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// Whether `word` stands in `code`, and is not the end of a longer word.
fn names(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        !code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_')
    })
}

#[test]
fn the_rules_depend_on_nothing_that_touches_the_world() {
    let linked = linked_crates("conclave-core");
    assert!(
        linked.contains("conclave-wire"),
        "cargo tree was not understood: {linked:?}"
    );
    let unexpected: Vec<_> = linked
        .iter()
        .filter(|name| !PURE.contains(&name.as_str()))
        .collect();
    assert!(
        unexpected.is_empty(),
        "conclave-core now links {unexpected:?}; if a crate only computes, add it to PURE"
    );
}

#[test]
fn the_rules_name_no_part_of_std_that_touches_the_world() {
    let files = rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(!files.is_empty());
    for file in files {
        let source = fs::read_to_string(&file).unwrap();
        for (index, line) in source.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for word in WORLDLY {
                assert!(
                    !names(code, word),
                    "{}:{}: the rules may not use {word}",
                    file.display(),
                    index + 1
                );
            }
        }
    }
}
