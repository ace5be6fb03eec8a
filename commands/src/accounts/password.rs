//! Argon2id in its default strength, at most two at a time.

use std::sync::Arc;
use std::time::Duration;

use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::error::invalid;
use super::secrets::random;
use super::{AccountsError, SecretText};

const AT_ONCE: usize = 2;
const LONGEST_WAIT: Duration = Duration::from_secs(5);
const SALT_BYTES: usize = 16;
const MIN_CHARS: usize = 8;
const MAX_BYTES: usize = 256;

/// Hash of no password at all in default strength: an unknown address costs as much time as a known one.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c3RvY2t0cmFpbCBub2JvZHk$6xkT2y3sWcHqU0JxQvF1m0bq2vTqf6v9h3m1n6b0b0E";

/// Hashes and checks passwords away from the async threads. Cheap to clone.
#[derive(Clone)]
pub(super) struct Passwords {
    permits: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { permits: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

/// Whether `password` may be chosen: 8 characters to 256 bytes.
pub(super) fn check_rules(password: &SecretText) -> Result<(), AccountsError> {
    if password.reveal().chars().count() < MIN_CHARS {
        return Err(invalid("password", "too_short", "must have at least 8 characters"));
    }
    if password.reveal().len() > MAX_BYTES {
        return Err(invalid("password", "too_long", "must have at most 256 bytes"));
    }
    Ok(())
}

impl Passwords {
    /// Hash of `password` with a new salt, as a PHC string.
    pub(super) async fn hash(&self, password: &SecretText) -> Result<String, AccountsError> {
        let _permit = self.permit().await?;
        let password = password.clone();
        let salt: [u8; SALT_BYTES] = random()?;
        tokio::task::spawn_blocking(move || {
            Argon2::default()
                .hash_password_with_salt(password.reveal().as_bytes(), &salt)
                .map(|hash| hash.to_string())
                .map_err(|_| AccountsError::Internal("a password cannot be hashed"))
        })
        .await
        .map_err(|_| AccountsError::Internal("hashing a password was broken off"))?
    }

    /// Whether `password` belongs to `hash`; without a hash the same work is done and the answer is no.
    pub(super) async fn matches(
        &self,
        password: &SecretText,
        hash: Option<String>,
    ) -> Result<bool, AccountsError> {
        let _permit = self.permit().await?;
        let password = password.clone();
        tokio::task::spawn_blocking(move || {
            let known = hash.is_some();
            let hash = hash.as_deref().unwrap_or(NOBODY);
            // Longer ones cannot have been chosen; they are not worth the work of reading them.
            let typed = password.reveal().as_bytes().get(..MAX_BYTES).unwrap_or(password.reveal().as_bytes());
            let same = Argon2::default().verify_password(typed, hash).is_ok();
            same && known && password.reveal().len() <= MAX_BYTES
        })
        .await
        .map_err(|_| AccountsError::Internal("checking a password was broken off"))
    }

    async fn permit(&self) -> Result<SemaphorePermit<'_>, AccountsError> {
        match tokio::time::timeout(LONGEST_WAIT, self.permits.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(AccountsError::Internal("the password checker is closed")),
            Err(_) => Err(AccountsError::Busy),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_matches_its_own_hash_alone() {
        let passwords = Passwords::default();
        let right = SecretText::new("correct horse");
        let hash = passwords.hash(&right).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(passwords.matches(&right, Some(hash.clone())).await.unwrap());
        assert!(!passwords.matches(&SecretText::new("wrong horse"), Some(hash)).await.unwrap());
        assert!(!passwords.matches(&right, None).await.unwrap());
    }

    #[test]
    fn the_hash_of_nobody_costs_as_much_as_a_real_one() {
        let parsed = argon2::password_hash::phc::PasswordHash::new(NOBODY).unwrap();
        assert!(parsed.salt.is_some() && parsed.hash.is_some());
        assert_eq!(parsed.params.to_string(), "m=19456,t=2,p=1");
    }

    #[test]
    fn a_password_has_8_characters_to_256_bytes() {
        assert!(check_rules(&SecretText::new("1234567")).is_err());
        assert!(check_rules(&SecretText::new("12345678")).is_ok());
        assert!(check_rules(&SecretText::new("x".repeat(257))).is_err());
    }
}
