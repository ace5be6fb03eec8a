//! The key with which an installation signs its checkpoints (Ed25519, RFC 8032).
//!
//! It is no secret of the database: whoever runs the database must not have it, or could sign another log.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ed25519_dalek::Signer;

use crate::hex;

/// Bytes of a key, private or public.
pub const KEY_BYTES: usize = 32;
/// Bytes of a signature.
pub const SIGNATURE_BYTES: usize = 64;
/// Name of the key's file in the data directory.
pub const KEY_FILE: &str = "signing.key";

/// The private key. Never shown, never stored in the database.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    /// The setting is no key.
    #[error("the signing key must be {KEY_BYTES} bytes in hexadecimal")]
    BadSetting,
    /// The file holds no key.
    #[error("the key file {0} does not hold {KEY_BYTES} bytes in hexadecimal")]
    BadFile(PathBuf),
    /// No key is given and none was made so far.
    #[error(
        "there is no signing key in {0}: the server makes one when it starts, STOCKTRAIL_SIGNING_KEY gives another"
    )]
    Absent(PathBuf),
    /// The file cannot be read or made.
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
}

impl SigningKey {
    /// A key of these bytes.
    pub fn new(bytes: &[u8; KEY_BYTES]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(bytes))
    }

    /// Takes the key from `setting` (64 hexadecimal digits) if given, else from the file in `data_dir`.
    pub fn load(setting: Option<&str>, data_dir: &Path) -> Result<Self, SigningKeyError> {
        match setting.map(str::trim).filter(|text| !text.is_empty()) {
            Some(text) => hex::bytes(text).map(|bytes| Self::new(&bytes)).ok_or(SigningKeyError::BadSetting),
            None => {
                read(&data_dir.join(KEY_FILE))?.ok_or_else(|| SigningKeyError::Absent(data_dir.to_owned()))
            }
        }
    }

    /// The same, but a file that does not exist is made, for its owner alone.
    pub fn load_or_make(setting: Option<&str>, data_dir: &Path) -> Result<Self, SigningKeyError> {
        match Self::load(setting, data_dir) {
            Err(SigningKeyError::Absent(_)) => {
                let path = data_dir.join(KEY_FILE);
                fs::create_dir_all(data_dir)
                    .map_err(|source| SigningKeyError::File { path: path.clone(), source })?;
                make(&path)?;
                Self::load(None, data_dir)
            }
            other => other,
        }
    }

    /// The key that everybody may know.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// A public key, written as 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(pub [u8; KEY_BYTES]);

impl PublicKey {
    /// Whether the owner of this key has signed exactly this.
    pub(crate) fn has_signed(&self, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        ed25519_dalek::VerifyingKey::from_bytes(&self.0)
            .is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::text(&self.0))
    }
}

impl FromStr for PublicKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        hex::bytes(text).map(Self).ok_or("a public key has 64 hexadecimal digits")
    }
}

fn read(path: &Path) -> Result<Option<SigningKey>, SigningKeyError> {
    match fs::read_to_string(path) {
        Ok(text) => {
            let bytes = hex::bytes(text.trim()).ok_or_else(|| SigningKeyError::BadFile(path.to_owned()))?;
            Ok(Some(SigningKey::new(&bytes)))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(SigningKeyError::File { path: path.to_owned(), source }),
    }
}

/// Makes the file with everything in it: another process finds a whole key or none, and the first one stays.
fn make(path: &Path) -> Result<(), SigningKeyError> {
    let mut bytes = [0; KEY_BYTES];
    getrandom::fill(&mut bytes).map_err(|_| SigningKeyError::NoChance)?;
    let draft = path.with_extension(format!("key.{}", std::process::id()));
    let made = write_whole(&draft, &hex::text(&bytes)).and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    let _absent = fs::remove_file(&draft);
    made.map_err(|source| SigningKeyError::File { path: path.to_owned(), source })
}

fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_rfc_8032() {
        let seed = hex::bytes("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
        let key = SigningKey::new(&seed);
        let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        assert_eq!(key.public_key().to_string(), public);
        assert_eq!(public.parse(), Ok(key.public_key()));
        let signature = key.sign(b"");
        assert!(hex::text(&signature).starts_with("e5564300c360ac729086e2cc806e828a"));
        assert!(key.public_key().has_signed(b"", &signature));
        assert!(!key.public_key().has_signed(b"x", &signature));
        assert!(!SigningKey::new(&[1; 32]).public_key().has_signed(b"", &signature));
    }

    #[test]
    fn the_key_file_is_made_once_for_its_owner_alone_and_only_where_it_is_asked_for() {
        use std::os::unix::fs::PermissionsExt;
        let folder = std::env::temp_dir().join(format!("stocktrail-signing-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let none = SigningKey::load(None, &folder);
        let first = SigningKey::load_or_make(None, &folder).unwrap();
        let again = SigningKey::load_or_make(None, &folder).unwrap();
        let read = SigningKey::load(Some(" "), &folder).unwrap();
        let files: Vec<_> = fs::read_dir(&folder).unwrap().flatten().map(|entry| entry.file_name()).collect();
        let mode = fs::metadata(folder.join(KEY_FILE)).unwrap().permissions().mode();
        fs::write(folder.join(KEY_FILE), "damaged").unwrap();
        let damaged = SigningKey::load_or_make(None, &folder);
        let given = SigningKey::load(Some(&"01".repeat(32)), &folder).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert!(matches!(none, Err(SigningKeyError::Absent(_))));
        assert_eq!(first.public_key(), again.public_key());
        assert_eq!(first.public_key(), read.public_key());
        assert_eq!(files, [KEY_FILE]);
        assert_eq!(mode & 0o777, 0o600);
        assert!(matches!(damaged, Err(SigningKeyError::BadFile(_))));
        assert_eq!(given.public_key(), SigningKey::new(&[1; 32]).public_key());
        assert!(matches!(SigningKey::load(Some("01"), &folder), Err(SigningKeyError::BadSetting)));
        assert_eq!(format!("{given:?}"), "SigningKey(…)");
    }
}
