//! Planted defects: small patches that break the product, each of which the suite must find.
//!
//! `make chaos-defects` builds and runs them. Here only that they still fit the code.

use std::fs;
use std::path::{Path, PathBuf};

use crate::findings::Kind;

/// Kinds that a patch may name as what the suite must find.
const KINDS: [Kind; 16] = [
    Kind::Lost,
    Kind::Twice,
    Kind::Gap,
    Kind::Unasked,
    Kind::Misplaced,
    Kind::WrongAnswer,
    Kind::Chain,
    Kind::NotLinearizable,
    Kind::Drift,
    Kind::Behind,
    Kind::Unanswered,
    Kind::BadAnswer,
    Kind::TopicGap,
    Kind::TopicTwice,
    Kind::TopicOrder,
    Kind::TopicContent,
];

/// A place of a file, as a patch wants to find it.
struct Hunk {
    file: PathBuf,
    before: String,
}

#[test]
fn planted_defects_fit_the_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join("tests/chaos/defects")).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let patch = fs::read_to_string(&file).unwrap();
        let expected = patch.lines().find_map(|line| line.strip_prefix("Found as: "));
        let expected = expected.unwrap_or_else(|| panic!("{name} does not say what must be found"));
        let known = KINDS.iter().any(|kind| format!("{kind:?}") == expected);
        assert!(known, "{name}: nothing is found as {expected}");
        let hunks = hunks(&patch);
        assert!(!hunks.is_empty(), "{name} changes nothing");
        for Hunk { file, before } in hunks {
            let text = fs::read_to_string(root.join("..").join(&file)).unwrap();
            let places = text.matches(&before).count();
            assert_eq!(places, 1, "{name} finds its place in {} {places} times:\n{before}", file.display());
        }
        names.push(name);
    }
    names.sort_unstable();
    let all =
        ["double-apply", "gap", "lost-acknowledgement", "skipped-tail", "unfenced-worker", "wrong-order"];
    assert_eq!(names, all);
}

/// The hunks of a unified diff: each file with the lines that must be there.
fn hunks(patch: &str) -> Vec<Hunk> {
    let (mut hunks, mut file) = (Vec::<Hunk>::new(), PathBuf::new());
    for line in patch.lines() {
        if let Some(name) = line.strip_prefix("+++ b/") {
            file = PathBuf::from(name);
        } else if line.starts_with("@@ ") {
            hunks.push(Hunk { file: file.clone(), before: String::new() });
        } else if line.starts_with("--- ") || line.starts_with("diff ") || line.starts_with('+') {
        } else if let Some(hunk) = hunks.last_mut() {
            hunk.before.push_str(line.get(1..).unwrap_or_default());
            hunk.before.push('\n');
        }
    }
    hunks
}
