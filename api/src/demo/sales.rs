//! The sales lines of the demo, in batches.
//!
//! A thread of its own reads the file and writes the batches; two are under way at any time. Rule R2 decides what a
//! line is: sales and reversals go in, the rest is counted and reported.

use std::collections::BTreeMap;
use std::path::Path;

use connectors::online_retail::counts::Counts;
use connectors::online_retail::kind::Kind;
use connectors::online_retail::reader::{InvoiceLine, ReadError, Reader};
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::client::Client;
use super::goods::Opened;
use super::{DemoError, Shift};

/// Lines of one request.
const LINES: usize = 10_000;
/// Requests under way.
const UNDER_WAY: usize = 2;

/// Sends the sales lines. Returns the stock of the main warehouse that should follow, by item.
pub(super) async fn load(
    client: &Client,
    shift: Shift,
    folder: &Path,
    opening: BTreeMap<String, Opened>,
) -> Result<BTreeMap<String, i64>, DemoError> {
    let (batches, received) = mpsc::channel(UNDER_WAY);
    let path = folder.join("online-retail.csv.gz");
    let reading = tokio::task::spawn_blocking(move || read(&path, shift, &opening, &batches));
    let mut answers = ReceiverStream::new(received)
        .map(|batch: String| client.post_lines("/sales/batch", batch))
        .buffered(UNDER_WAY);
    let mut sums = Sums::default();
    while let Some(answer) = answers.next().await {
        sums.add(&answer?)?;
    }
    let (counts, levels) =
        reading.await.map_err(|_| DemoError::Unexpected("the reader of the sales ended early"))??;
    sums.report(&counts);
    Ok(levels)
}

type ReadFile = (Counts, BTreeMap<String, i64>);

fn read(
    path: &Path,
    shift: Shift,
    opening: &BTreeMap<String, Opened>,
    batches: &mpsc::Sender<String>,
) -> Result<ReadFile, ReadError> {
    let mut counts = Counts::default();
    let mut levels =
        opening.iter().map(|(item, opened)| (item.clone(), opened.quantity)).collect::<BTreeMap<_, _>>();
    let (mut batch, mut lines) = (String::new(), 0);
    for line in Reader::open(path)? {
        let line = line?;
        counts.add(line.kind);
        let Some(json) = sale_line(&line, shift) else { continue };
        let after_opening =
            opening.get(&line.item_id).is_some_and(|opened| line.invoiced_at.date() > opened.on);
        if let Some(level) = levels.get_mut(&line.item_id).filter(|_| after_opening) {
            *level -= line.quantity;
        }
        batch.push_str(&json.to_string());
        batch.push('\n');
        lines += 1;
        if lines % LINES == 0 && batches.blocking_send(std::mem::take(&mut batch)).is_err() {
            return Ok((counts, levels));
        }
    }
    // Whoever takes the batches has gone only after a failure of its own.
    drop(batches.blocking_send(batch));
    Ok((counts, levels))
}

/// A line as the API takes it; nothing for lines that are neither sale nor reversal.
fn sale_line(line: &InvoiceLine, shift: Shift) -> Option<Value> {
    let kind = match line.kind {
        Kind::Sale => "sale",
        Kind::Reversal => "return",
        Kind::Adjustment(_) | Kind::NonProduct => return None,
    };
    Some(json!({
        "kind": kind,
        "channel": "online-retail",
        "order_id": line.invoice_no,
        "line_id": format!("online-retail.csv:{}", line.row),
        "item_id": line.item_id,
        "quantity": line.quantity.abs(),
        "unit_price": {"amount": line.unit_price.to_string(), "currency": "GBP"},
        "sold_at": shift.instant(line.invoiced_at).to_rfc3339(),
    }))
}

/// What became of the lines so far.
#[derive(Default)]
struct Sums {
    accepted: u64,
    duplicates: u64,
    quarantined: u64,
    rejected: u64,
    batches: u64,
}

impl Sums {
    fn add(&mut self, answer: &Value) -> Result<(), DemoError> {
        let field = |name: &str| {
            answer
                .get(name)
                .and_then(Value::as_u64)
                .ok_or(DemoError::Unexpected("a batch without its counts"))
        };
        self.accepted += field("accepted")?;
        self.duplicates += field("duplicates")?;
        self.quarantined += field("quarantined")?;
        self.rejected += field("rejected")?;
        self.batches += 1;
        if self.batches.is_multiple_of(5) {
            tracing::info!("demo: {} sales lines", self.accepted + self.duplicates);
        }
        Ok(())
    }

    fn report(&self, counts: &Counts) {
        let Self { accepted, duplicates, quarantined, rejected, .. } = self;
        tracing::info!(
            accepted,
            duplicates,
            quarantined,
            rejected,
            "demo: sales lines of {} in the file",
            counts.lines
        );
        for (reason, lines) in &counts.skipped {
            tracing::info!("demo: {lines} lines left out: {reason}");
        }
    }
}
