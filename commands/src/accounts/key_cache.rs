//! API keys that were used within the last seconds, so that a busy client does not ask the database each time.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::secrets::KEY_BYTES;
use super::{Principal, Who};

const MOST_KNOWN: usize = 10_000;

/// Keys that were used within the last seconds.
pub(super) struct KeyCache {
    ttl: Duration,
    known: Mutex<HashMap<[u8; KEY_BYTES], (Instant, Principal)>>,
}

impl KeyCache {
    pub(super) fn new(ttl: Duration) -> Self {
        Self { ttl, known: Mutex::new(HashMap::new()) }
    }

    pub(super) fn get(&self, hash: &[u8; KEY_BYTES]) -> Option<Principal> {
        let (since, principal) = self.lock().get(hash).copied()?;
        (since.elapsed() < self.ttl).then_some(principal)
    }

    pub(super) fn put(&self, hash: [u8; KEY_BYTES], asked: Instant, principal: Principal) {
        let mut known = self.lock();
        if known.len() >= MOST_KNOWN {
            known.retain(|_, (since, _)| since.elapsed() < self.ttl);
        }
        if known.len() < MOST_KNOWN {
            known.insert(hash, (asked, principal));
        }
    }

    pub(super) fn forget(&self, key_id: Uuid) {
        self.lock().retain(|_, (_, principal)| principal.who != Who::ApiKey { key_id });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; KEY_BYTES], (Instant, Principal)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::Role;

    #[test]
    fn a_key_is_remembered_for_its_time_only() {
        let who = Who::ApiKey { key_id: Uuid::from_u128(1) };
        let principal = Principal { company_id: Uuid::from_u128(2), role: Role::Viewer, who };
        let cache = KeyCache::new(Duration::from_mins(1));
        cache.put([1; 32], Instant::now(), principal);
        assert_eq!(cache.get(&[1; 32]), Some(principal));
        assert_eq!(cache.get(&[2; 32]), None);
        cache.forget(Uuid::from_u128(1));
        assert_eq!(cache.get(&[1; 32]), None);
        let forgetful = KeyCache::new(Duration::ZERO);
        forgetful.put([1; 32], Instant::now(), principal);
        assert_eq!(forgetful.get(&[1; 32]), None);
    }
}
