//! The one key of the installation and what is derived from it.
//!
//! 32 bytes come from the environment or from `secret.key` in the data directory. Each use has a key of its own:
//! signing access tokens, indexing e-mail addresses, sealing stored values. Chance is made here too.

use std::fmt;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use event_log::hex;
use hmac::{Hmac, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Length of the key and of everything derived from it, in bytes.
pub const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
const SEAL_VERSION: u8 = 1;
const KEY_FILE: &str = "secret.key";

/// Keys of the installation. Never shown, never stored in the database.
#[derive(Clone)]
pub struct Secrets {
    tokens: [u8; KEY_BYTES],
    index: [u8; KEY_BYTES],
    sealing: [u8; KEY_BYTES],
}

/// A text that must not be shown: a password, a token, a key, an e-mail address.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretText(String);

/// Why the key cannot be had, or a value not be opened.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The setting is neither base64 nor hexadecimal of 32 bytes.
    #[error("STOCKTRAIL_SECRET must be {KEY_BYTES} bytes in base64 or hexadecimal")]
    BadSetting,
    /// The key file is damaged.
    #[error("the key file {0} does not hold {KEY_BYTES} bytes in base64")]
    BadFile(PathBuf),
    /// The key file cannot be read or made.
    #[error("the key file {path} cannot be used")]
    File {
        /// Where it lies.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    NoChance,
    /// The value was sealed with another key, for another place, or altered.
    #[error("a sealed value cannot be opened with this key")]
    CannotOpen,
}

impl Secrets {
    /// Derives every key from 32 bytes.
    pub fn new(root: &[u8; KEY_BYTES]) -> Self {
        Self {
            tokens: derive(root, b"stocktrail access tokens 1"),
            index: derive(root, b"stocktrail index 1"),
            sealing: derive(root, b"stocktrail sealing 1"),
        }
    }

    /// Takes the key from `setting` (base64 or hexadecimal) if given, else from `secret.key` in `data_dir`, which is
    /// made with mode 0600 when it does not exist.
    pub fn load(setting: Option<&str>, data_dir: &Path) -> Result<Self, SecretsError> {
        match setting.map(str::trim).filter(|text| !text.is_empty()) {
            Some(text) => decode_key(text).map(|root| Self::new(&root)).ok_or(SecretsError::BadSetting),
            None => key_file(&data_dir.join(KEY_FILE)).map(|root| Self::new(&root)),
        }
    }

    /// Key that signs access tokens.
    pub(super) fn token_key(&self) -> &[u8; KEY_BYTES] {
        &self.tokens
    }

    /// A keyed hash of `value` for one `purpose`: finds the same value again, tells nothing without the key.
    pub fn index(&self, purpose: &str, value: &[u8]) -> [u8; KEY_BYTES] {
        hmac(&self.index, &[purpose.as_bytes(), b"\0", value])
    }

    /// Seals `plain` for one `place` (table, column and row); it opens only for the same place.
    pub fn seal(&self, place: &str, plain: &[u8]) -> Result<Vec<u8>, SecretsError> {
        let nonce: [u8; NONCE_BYTES] = random()?;
        let sealed = XChaCha20Poly1305::new((&self.sealing).into())
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: place.as_bytes() })
            .map_err(|_| SecretsError::CannotOpen)?;
        let mut stored = Vec::with_capacity(1 + NONCE_BYTES + sealed.len());
        stored.push(SEAL_VERSION);
        stored.extend_from_slice(&nonce);
        stored.extend_from_slice(&sealed);
        Ok(stored)
    }

    /// Opens what [`Self::seal`] sealed for the same `place`.
    pub fn open(&self, place: &str, stored: &[u8]) -> Result<Vec<u8>, SecretsError> {
        let (version, rest) = stored.split_first().ok_or(SecretsError::CannotOpen)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(SecretsError::CannotOpen)?;
        if *version != SEAL_VERSION {
            return Err(SecretsError::CannotOpen);
        }
        XChaCha20Poly1305::new((&self.sealing).into())
            .decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: place.as_bytes() })
            .map_err(|_| SecretsError::CannotOpen)
    }

    /// Opens a sealed text.
    pub fn open_text(&self, place: &str, stored: &[u8]) -> Result<SecretText, SecretsError> {
        let plain = self.open(place, stored)?;
        String::from_utf8(plain).map(SecretText).map_err(|_| SecretsError::CannotOpen)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

impl SecretText {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Random bytes of the operating system.
pub(super) fn random<const N: usize>() -> Result<[u8; N], SecretsError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| SecretsError::NoChance)?;
    Ok(bytes)
}

/// A random text of 256 bits, safe in URLs and headers.
pub(super) fn random_text() -> Result<String, SecretsError> {
    Ok(URL_SAFE_NO_PAD.encode(random::<KEY_BYTES>()?))
}

/// SHA-256, for texts that are random themselves.
pub(super) fn sha256(text: &str) -> [u8; KEY_BYTES] {
    Sha256::digest(text.as_bytes()).into()
}

fn derive(root: &[u8; KEY_BYTES], purpose: &[u8]) -> [u8; KEY_BYTES] {
    hmac(root, &[purpose])
}

fn hmac(key: &[u8; KEY_BYTES], parts: &[&[u8]]) -> [u8; KEY_BYTES] {
    // A key shorter than the block is padded with zeros, so the block form takes it without a fallible length check.
    let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    let mut mac = Hmac::<Sha256>::new(&block);
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn decode_key(text: &str) -> Option<[u8; KEY_BYTES]> {
    hex::bytes(text).or_else(|| {
        let bytes = STANDARD
            .decode(text)
            .or_else(|_| STANDARD_NO_PAD.decode(text))
            .or_else(|_| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')));
        bytes.ok()?.try_into().ok()
    })
}

fn key_file(path: &Path) -> Result<[u8; KEY_BYTES], SecretsError> {
    let failed = |source| SecretsError::File { path: path.to_owned(), source };
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Ok(mut file) => {
            let root: [u8; KEY_BYTES] = random()?;
            file.write_all(STANDARD.encode(root).as_bytes()).map_err(failed)?;
            file.sync_all().map_err(failed)?;
            Ok(root)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let text = std::fs::read_to_string(path).map_err(failed)?;
            decode_key(text.trim()).ok_or_else(|| SecretsError::BadFile(path.to_owned()))
        }
        Err(error) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_opens_for_its_place_and_key_only() {
        let secrets = Secrets::new(&[7; 32]);
        let sealed = secrets.seal("users.email:1", b"ann@example.com").unwrap();
        assert_eq!(secrets.open("users.email:1", &sealed).unwrap(), b"ann@example.com");
        assert!(secrets.open("users.email:2", &sealed).is_err());
        assert!(Secrets::new(&[8; 32]).open("users.email:1", &sealed).is_err());
        let mut altered = sealed.clone();
        *altered.last_mut().unwrap() ^= 1;
        assert!(secrets.open("users.email:1", &altered).is_err());
        assert!(secrets.open("users.email:1", &[]).is_err());
        assert_ne!(sealed, secrets.seal("users.email:1", b"ann@example.com").unwrap());
    }

    #[test]
    fn the_keyed_hash_is_that_of_rfc_4231() {
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let mac = hmac(&key, &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(mac[..4], [0x5b, 0xdc, 0xc1, 0x46]);
    }

    #[test]
    fn the_key_is_read_as_base64_and_as_hexadecimal() {
        let root = [0xab; 32];
        assert_eq!(decode_key(&"ab".repeat(32)), Some(root));
        assert_eq!(decode_key(&STANDARD.encode(root)), Some(root));
        assert_eq!(decode_key(&URL_SAFE_NO_PAD.encode(root)), Some(root));
        assert_eq!(decode_key("short"), None);
    }

    #[test]
    fn the_key_file_is_made_once_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = std::env::temp_dir().join(format!("stocktrail-key-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let first = Secrets::load(None, &dir).unwrap();
        let again = Secrets::load(None, &dir).unwrap();
        let mode = std::fs::metadata(dir.join(KEY_FILE)).unwrap().permissions().mode();
        std::fs::write(dir.join(KEY_FILE), "damaged").unwrap();
        let damaged = Secrets::load(None, &dir);
        std::fs::remove_dir_all(&dir).unwrap();
        assert_eq!(first.tokens, again.tokens);
        assert_eq!(mode & 0o777, 0o600);
        assert!(matches!(damaged, Err(SecretsError::BadFile(_))));
    }

    #[test]
    fn secrets_do_not_show_in_debug() {
        let text = format!("{:?} {:?}", Secrets::new(&[65; 32]), SecretText::new("hunter2"));
        assert!(!text.contains("65") && !text.contains("hunter2"));
    }
}
