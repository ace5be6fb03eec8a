//! Every refusal of every room stands in a test.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(sources(&path)) } else { found.push(path) }
    }
    found
}

/// `Enum::Variant` for every variant of the enums of one file.
fn variants(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut name = None;
    for line in source.lines() {
        if let Some(rest) = line.strip_prefix("pub enum ") {
            name = rest.split(' ').next();
        } else if line == "}" {
            name = None;
        } else if let (Some(name), Some(variant)) = (name, line.strip_prefix("    "))
            && variant.starts_with(char::is_uppercase)
        {
            let end = variant.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(variant.len());
            found.push(format!("{name}::{}", &variant[..end]));
        }
    }
    found
}

#[test]
fn every_refusal_stands_in_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests: String =
        sources(&root.join("tests")).iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let rooms = sources(&root.join("src"));
    let refusals = rooms.iter().filter(|path| path.ends_with("refusal.rs"));
    let known: Vec<String> = refusals.flat_map(|path| variants(&fs::read_to_string(path).unwrap())).collect();
    assert!(known.len() > 30, "found only {known:?}");
    let missing: Vec<_> = known.iter().filter(|refusal| !tests.contains(refusal.as_str())).collect();
    assert!(missing.is_empty(), "without a test: {missing:?}");
}
