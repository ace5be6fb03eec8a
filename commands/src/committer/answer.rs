//! One submission's answer: its key first, then its operations in order.

use std::collections::HashMap;
use std::sync::Arc;

use event_log::append::{self, KeyKind, TakenKey};
use uuid::Uuid;

use crate::committer::Job;
use crate::operation::{Receipt, Submission, SubmitError, Verdict};
use crate::workspace::{Missing, Workspace};

/// What a caller gets.
pub(super) type Answer = Result<Receipt, SubmitError>;

/// Request keys of this batch by company: digest, and which answer they got.
pub(super) type KeysHere = HashMap<(Uuid, Uuid), (Uuid, usize)>;

/// Decides a submission, or finds the answer that its key got before. `answers` are those of the batch so far.
pub(super) fn decide_job(
    workspace: &mut Workspace<'_>,
    job: &Job,
    keys_here: &mut KeysHere,
    answers: &[Answer],
) -> Answer {
    let Submission { company_id, metadata, request_key, operations } = &job.submission;
    let key = request_key.as_ref().map(|key| (append::key_id(&["request", &key.key]), key.digest));
    if let Some((key, digest)) = key {
        if let Some(taken) = workspace.found.taken.get(&(company_id.0, KeyKind::Request, key)) {
            return replay(taken, digest);
        }
        if let Some((earlier_digest, earlier)) = keys_here.get(&(company_id.0, key)) {
            return match answers.get(*earlier) {
                Some(Ok(receipt)) if *earlier_digest == digest => {
                    Ok(Receipt { replayed: true, ..receipt.clone() })
                }
                _ => Err(SubmitError::KeyReused),
            };
        }
    }
    let metadata = serde_json::to_string(metadata).map_err(|_| SubmitError::Rejected)?;
    workspace.enter(company_id.0, Arc::from(metadata));
    let before = workspace.next_position();
    // Where one must be read first the batch is decided again, so a gap here is never answered.
    let verdicts: Vec<Verdict> =
        operations.iter().filter_map(|operation| workspace.decide(operation)).collect();
    let position = workspace.next_position() - 1;
    // A repeat may be refused today, or change nothing: its first answer counts. Where events are written the append
    // itself finds the key.
    if let Some((key, _)) = key.filter(|_| workspace.next_position() == before)
        && !workspace.found.asked.contains(&(company_id.0, key))
    {
        workspace.missing.insert(Missing::RequestKey(company_id.0, key));
    }
    if let Some((key, digest)) = key.filter(|_| workspace.next_position() > before) {
        let answer = serde_json::to_string(&verdicts).map_err(|_| SubmitError::Rejected)?;
        workspace.claim_request(key, digest, answer);
        keys_here.insert((company_id.0, key), (digest, answers.len()));
    }
    Ok(Receipt { position, replayed: false, verdicts })
}

/// The first answer of a key that was used before.
fn replay(taken: &TakenKey, digest: Uuid) -> Answer {
    if taken.digest != digest {
        return Err(SubmitError::KeyReused);
    }
    let verdicts = taken.answer.as_deref().map(serde_json::from_str).transpose();
    match verdicts {
        Ok(Some(verdicts)) => Ok(Receipt { position: taken.position, replayed: true, verdicts }),
        Ok(None) | Err(_) => Err(SubmitError::Rejected),
    }
}
