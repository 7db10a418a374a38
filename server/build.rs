//! Builds the server again when the page that is built into it has changed.

use std::fs;

const UI: &str = "../ui/dist";

fn main() {
    // Cargo takes a path that is not there for one that always changes. A tree that cannot be written
    // costs a build, no more.
    fs::create_dir_all(UI).ok();
    println!("cargo:rerun-if-changed={UI}");
    println!("cargo:rerun-if-changed=build.rs");
}
