//! Heads of the log in a file that is kept elsewhere: whoever rewrites the whole chain cannot change that file.
//!
//! One line per head: partition, position, batch and hash. Files may be put together; lines with `#` are comments.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context;
use event_log::append::Head;

/// A head of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Partition.
    pub(crate) partition: i16,
    /// Its head at some time.
    pub(crate) head: Head,
}

/// Reads every head of a file.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<Kept>> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let lines =
        text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    lines
        .map(|(number, line)| {
            parse(line)
                .with_context(|| format!("line {} of {} is not a checkpoint", number + 1, path.display()))
        })
        .collect()
}

/// Writes these heads over what the file held.
pub(crate) fn write(path: &Path, heads: &[Kept]) -> anyhow::Result<()> {
    let mut text = "# partition position batch hash\n".to_owned();
    for Kept { partition, head } in heads {
        writeln!(text, "{partition} {} {} {}", head.position, head.batch, hex(&head.hash))?;
    }
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

/// A hash as 64 hexadecimal digits.
pub(crate) fn hex(hash: &[u8]) -> String {
    hash.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn parse(line: &str) -> Option<Kept> {
    let mut words = line.split_whitespace();
    let partition = words.next()?.parse().ok()?;
    let position = words.next()?.parse().ok()?;
    let batch = words.next()?.parse().ok()?;
    let digits = words.next().filter(|digits| digits.len() == 64 && digits.is_ascii())?;
    let mut hash = [0; 32];
    for (n, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * n..2 * n + 2)?, 16).ok()?;
    }
    words.next().is_none().then_some(Kept { partition, head: Head { position, batch, hash } })
}
