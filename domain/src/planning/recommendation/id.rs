//! The id of a recommendation: one text that reader and writer share, the same after any rebuild.
//!
//! `URGENT~3~85123A` is the third episode of `URGENT` of item 85123A in the plan of the company, and
//! `URGENT~3~MAIN~85123A` the same in the plan of location MAIN. Whose it is, the token says. In names, letters and
//! digits of ASCII, `-` and `_` stand for themselves, and every other byte of UTF-8 is a point and its two hexadecimal
//! digits: `a/b` is `a.2Fb`. So the text is one segment of a path as it stands, and stays so when it is encoded again.

use std::fmt::{self, Write};
use std::str::FromStr;

use crate::planning::recommendation::RecommendationType;
use crate::shared::ids::{ItemId, LocationId};

/// Between the parts; never in one.
const SEPARATOR: char = '~';
/// Before the digits of a byte.
const ESCAPE: char = '.';

/// Which recommendation is meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecommendationId {
    /// What is recommended.
    pub kind: RecommendationType,
    /// Which of them, from 1.
    pub episode: u32,
    /// Location of the plan that it stands in; the company's where absent.
    pub location_id: Option<LocationId>,
    /// The product, by the item id that names its streams.
    pub item_id: ItemId,
}

/// A text that no recommendation has as its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no recommendation can have this id")]
pub struct NotAnId;

impl fmt::Display for RecommendationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{SEPARATOR}{}", self.kind, self.episode)?;
        for name in self.location_id.iter().map(LocationId::as_str).chain([self.item_id.as_str()]) {
            f.write_char(SEPARATOR)?;
            escape(name, f)?;
        }
        Ok(())
    }
}

impl FromStr for RecommendationId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let parts: Vec<&str> = text.split(SEPARATOR).collect();
        let (kind, episode, location, item) = match parts[..] {
            [kind, episode, item] => (kind, episode, None, item),
            [kind, episode, location, item] => (kind, episode, Some(location), item),
            _ => return Err(NotAnId),
        };
        let location = location.map(|name| unescaped(name).and_then(|name| LocationId::new(&name).ok()));
        let id = Self {
            kind: RecommendationType::named(kind).ok_or(NotAnId)?,
            episode: episode.parse().ok().filter(|episode| *episode > 0).ok_or(NotAnId)?,
            location_id: location.map(|known| known.ok_or(NotAnId)).transpose()?,
            item_id: unescaped(item).and_then(|name| ItemId::new(&name).ok()).ok_or(NotAnId)?,
        };
        // One recommendation, one text.
        if id.to_string() == text { Ok(id) } else { Err(NotAnId) }
    }
}

fn escape(name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => f.write_char(char::from(byte))?,
            other => write!(f, "{ESCAPE}{other:02X}")?,
        }
    }
    Ok(())
}

fn unescaped(text: &str) -> Option<String> {
    let (plain, escaped) = text.split_once(ESCAPE).unwrap_or((text, ""));
    let mut bytes = plain.as_bytes().to_vec();
    for piece in escaped.split(ESCAPE).filter(|piece| !piece.is_empty()) {
        let (digits, rest) = piece.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}
