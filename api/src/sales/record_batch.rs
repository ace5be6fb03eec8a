//! POST /sales/batch: thousands of lines at once, each with a verdict of its own.
//!
//! The body is split into lines first and every line is read by itself, so one that cannot be read spoils no other.
//! All readable lines are one submission: decided together, appended in one round trip.

use axum::body::Bytes;
use axum::extract::State;
use commands::{Operation, Refused};
use serde_json::value::RawValue;

use crate::answer::{Done, Written};
use crate::body::RawBody;
use crate::context::Caller;
use crate::problem::{Problem, Status};
use crate::sales::line_body::LineBody;
use crate::sales::verdicts::{BatchAnswer, unreadable};
use crate::state::AppState;

/// Most lines of a batch.
const MAX_LINES: usize = 20_000;
const MEDIA_TYPES: [&str; 5] =
    ["", "application/json", "application/x-ndjson", "application/ndjson", "application/jsonl"];

/// Record many lines.
///
/// A JSON array or one JSON object per line (NDJSON), at most 16 MiB and 20,000 lines, of sales, shipments, cancellations
/// and returns. Every line has its own verdict: a bad line never spoils a good one, and a line that was recorded before
/// counts once. `line` in `errors` counts from 1: lines of the body for NDJSON, elements of the array otherwise.
#[utoipa::path(post, path = "/sales/batch", operation_id = "record_sales_batch", tag = "sales",
    request_body(content((Vec<LineBody> = "application/json"), (String = "application/x-ndjson"))),
    responses((status = 200, description = "What became of the lines", body = BatchAnswer)),
    extensions(("x-room" = json!("stock"))))]
pub(crate) async fn record(
    State(state): State<AppState>,
    caller: Caller,
    RawBody { bytes, digest, content_type }: RawBody<16>,
) -> Result<Written<BatchAnswer>, Problem> {
    if !MEDIA_TYPES.contains(&content_type.as_str()) {
        let detail = "the body must be application/json or application/x-ndjson";
        return Err(Problem::new(Status::UnsupportedMediaType, "unsupported_media_type", detail));
    }
    // Reading thousands of lines takes milliseconds of pure work, so it leaves the threads that serve others.
    let read =
        tokio::task::spawn_blocking(move || Batch::read(&bytes)).await.map_err(|e| Problem::internal(&e))?;
    let Batch { operations, numbers, rejected } = read?;
    let receipt = state.submit(&caller, digest, operations).await?;
    let done = Done::from(&receipt);
    let mut answer = BatchAnswer::default();
    for (line, refused) in &rejected {
        answer.reject(*line, refused);
    }
    numbers.into_iter().zip(receipt.verdicts).for_each(|(line, verdict)| answer.add(line, verdict));
    Ok(Written::ok(answer.finish(receipt.position), done))
}

/// A batch after reading.
struct Batch {
    operations: Vec<Operation>,
    /// Line number of each operation.
    numbers: Vec<usize>,
    /// Lines that are wrong in themselves.
    rejected: Vec<(usize, Refused)>,
}

impl Batch {
    fn read(body: &Bytes) -> Result<Self, Problem> {
        let lines = split(body)?;
        if lines.len() > MAX_LINES {
            let message = format!("a batch has at most {MAX_LINES} lines, this one has {}", lines.len());
            return Err(Problem::invalid("too_many_lines", "", message));
        }
        let mut batch = Self {
            operations: Vec::with_capacity(lines.len()),
            numbers: Vec::with_capacity(lines.len()),
            rejected: Vec::new(),
        };
        for (number, line) in lines {
            let read = serde_json::from_slice::<LineBody<'_>>(line).map_err(|error| unreadable(&error));
            match read.and_then(LineBody::into_line) {
                Ok(line) => {
                    batch.operations.push(Operation::RecordLine(line));
                    batch.numbers.push(number);
                }
                Err(refused) => batch.rejected.push((number, refused)),
            }
        }
        Ok(batch)
    }
}

/// The lines of a body with their numbers from 1; blank lines are left out.
fn split(body: &[u8]) -> Result<Vec<(usize, &[u8])>, Problem> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if body.trim_ascii_start().first() == Some(&b'[') {
        let elements: Vec<&RawValue> = serde_json::from_slice(body).map_err(|error| {
            Problem::new(
                Status::Unreadable,
                "unreadable_json",
                format!("the body is not a JSON array: {error}"),
            )
        })?;
        return Ok(elements.into_iter().map(|element| element.get().as_bytes()).zip(1..).map(swap).collect());
    }
    let lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).zip(1..).map(swap);
    Ok(lines.filter(|(_, line)| !line.is_empty()).collect())
}

fn swap<A, B>((a, b): (A, B)) -> (B, A) {
    (b, a)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"channel":"web","order_id":"1","line_id":"1-1","item_id":"A","quantity":2,
        "sold_at":"2011-11-30T08:26:00Z"}"#;

    fn read(body: &str) -> Batch {
        Batch::read(&Bytes::copy_from_slice(body.as_bytes()))
            .unwrap_or_else(|problem| panic!("{}", problem.detail()))
    }

    #[test]
    fn an_array_and_ndjson_say_the_same() {
        let line = LINE.replace('\n', "");
        assert_eq!(read(&format!(" [{LINE},{LINE}]")).numbers, [1, 2]);
        assert_eq!(read(&format!("\u{feff}{line}\r\n\n{line}\n")).numbers, [1, 3]);
        assert!(read("").numbers.is_empty());
        assert!(read("[]").numbers.is_empty());
    }

    #[test]
    fn a_bad_line_spoils_no_other() {
        let line = LINE.replace('\n', "");
        let batch = read(&format!("{line}\n{{\n{}\n\"x\"\n{line}", line.replace("\"quantity\":2,", "")));
        assert_eq!(batch.numbers, [1, 5]);
        let codes =
            batch.rejected.iter().map(|(line, refused)| (*line, refused.code.as_ref())).collect::<Vec<_>>();
        assert_eq!(codes, [(2, "unreadable_json"), (3, "missing_field"), (4, "invalid_value")]);
    }

    #[test]
    fn too_many_lines_and_a_broken_array_are_refused_as_a_whole() {
        let many = "{}\n".repeat(MAX_LINES + 1);
        assert!(Batch::read(&Bytes::from(many)).is_err());
        assert!(Batch::read(&Bytes::from_static(b"[{}")).is_err());
    }
}
