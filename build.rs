//! Gives the page and its worker a build id, and the worker the code of the shaders.
//!
//! Trunk builds the two wasm files one after the other, and browsers cache them apart. Both carry
//! this hash of the sources they were built from, so each can tell that the other is of another age.
//!
//! The worker's shaders come without comments: these lie beside the page, which fetches a shader's whole text when a
//! learner opens it.

use std::fs;
use std::path::{Path, PathBuf};

#[path = "src/ops/wgsl_text.rs"]
mod wgsl_text;

const SOURCES: [&str; 5] = [
    "src",
    "shaders",
    "assets/course",
    "Cargo.toml",
    "Cargo.lock",
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Natively nothing reads the id, and watching the sources would only cost rebuilds.
    if std::env::var("CARGO_CFG_TARGET_ARCH").as_deref() != Ok("wasm32") {
        return;
    }
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
    hash.add(std::env::var("PROFILE").unwrap_or_default().as_bytes());
    for source in SOURCES.map(Path::new) {
        // Cargo runs this program every time when a watched path does not exist.
        if source.exists() {
            println!("cargo::rerun-if-changed={}", source.display());
            add_tree(&mut hash, source);
        }
    }
    println!("cargo::rustc-env=GLASSBOX_BUILD_ID={:016x}", hash.0);
    write_shaders();
}

/// Writes the code of every shader to the build's own folder.
fn write_shaders() {
    let folder =
        PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo names it")).join("shaders");
    let written = fs::create_dir_all(&folder).and_then(|()| {
        for entry in fs::read_dir("shaders")? {
            let entry = entry?;
            let code = wgsl_text::without_comments(&fs::read_to_string(entry.path())?);
            fs::write(folder.join(entry.file_name()), code)?;
        }
        Ok(())
    });
    written.unwrap_or_else(|error| panic!("shaders: {error}"));
}

fn add_tree(hash: &mut Fnv, path: &Path) {
    if !path.is_dir() {
        hash.add(path.to_string_lossy().as_bytes());
        hash.add(&fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())));
        return;
    }
    let entries = fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut children: Vec<_> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .collect();
    children.sort();
    for child in children {
        add_tree(hash, &child);
    }
}

/// FNV-1a of 64 bits: tells builds apart, protects nothing.
struct Fnv(u64);

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
