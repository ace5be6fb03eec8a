//! Waiting for what comes by itself.

use std::time::{Duration, Instant};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Looks again and again until there is something to see; fails after half a minute.
pub async fn until<T, F, W>(what: &str, mut look: F) -> T
where
    F: FnMut() -> W,
    W: Future<Output = Option<T>>,
{
    let begun = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
