//! Our committer, in process, fsync on.

use std::sync::Arc;
use std::time::Duration;

use commands::operation::RequestKey;
use commands::{Committers, Operation, Submission, Verdict};
use domain::shared::ids::{CompanyId, ItemId};
use domain::stock::StockIntent;
use domain::stock::command::Human;
use event_log::append::key_id;

use crate::bed::{self, Bed};

/// What is asked of the committer.
pub(crate) struct Load {
    /// Companies, one on each partition in turn.
    pub(crate) companies: i16,
    /// Products of each.
    pub(crate) items: usize,
    /// Whether each command bears a request key.
    pub(crate) keys: bool,
}

/// Where the commands go.
pub(crate) struct Target {
    /// Who commits.
    pub(crate) committers: Committers,
    /// Whose stock it is.
    pub(crate) companies: Vec<CompanyId>,
    /// Products of each.
    pub(crate) items: Vec<ItemId>,
    /// Whether each command bears a request key.
    pub(crate) keys: bool,
}

/// Received deliveries a second by `callers` callers.
pub(crate) async fn receive(
    bed: &Bed,
    load: &Load,
    callers: usize,
    seconds: Duration,
) -> anyhow::Result<f64> {
    let committers = bed.committers().await?;
    let mut companies = Vec::new();
    for partition in 0..load.companies {
        companies.push(bed::found(&committers, partition, load.items).await?);
    }
    let items = (0..load.items).map(bed::item).collect::<Result<_, _>>()?;
    bed.settle().await?;
    let target = Arc::new(Target { committers: committers.clone(), companies, items, keys: load.keys });
    let tally = bed::hammer(callers, seconds, move |n| one(target.clone(), n)).await?;
    committers.stop().await;
    Ok(tally.done)
}

/// One delivery; whether it was accepted.
pub(crate) async fn one(target: Arc<Target>, n: u64) -> anyhow::Result<bool> {
    let random = bed::scatter(n);
    let pick =
        |length: usize, bits: u64| usize::try_from(bits % u64::try_from(length).unwrap_or(1)).unwrap_or(0);
    let company_id = target.companies.get(pick(target.companies.len(), random >> 48)).copied();
    let item = target.items.get(pick(target.items.len(), random & 0xffff_ffff)).cloned();
    let (Some(company_id), Some(item)) = (company_id, item) else { anyhow::bail!("nothing to receive") };
    let human = Human::default();
    let intent = StockIntent::Receive {
        location_id: bed::main_location()?,
        quantity: 5,
        reference: Some("D-1".into()),
        human,
    };
    let request_key = target.keys.then(|| RequestKey { key: n.to_string(), digest: key_id(&["receive"]) });
    let submission = Submission {
        company_id,
        metadata: bed::metadata(),
        request_key,
        operations: vec![Operation::Stock { item, intent }],
    };
    let receipt = target.committers.submit(submission).await?;
    Ok(matches!(receipt.verdicts.first(), Some(Verdict::Accepted(_))))
}
