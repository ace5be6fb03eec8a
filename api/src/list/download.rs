//! A whole list as CSV or XLSX, streamed. Texts that a spreadsheet would take for formulas are escaped.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use sqlx::{PgConnection, Postgres, Transaction};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::params::{Format, Listing, count};
use crate::problem::Problem;

/// Rows that are fetched at once.
const CHUNK: i64 = 1_000;
/// Rows of one sheet, the header apart.
const SHEET_ROWS: u32 = 1_048_575;
/// Media type of comma-separated files.
pub(crate) const CSV: &str = "text/csv";
/// Media type of workbooks.
pub(crate) const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    /// A text; formulas are escaped.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// An exact number.
    Decimal(Decimal),
    /// Nothing.
    Empty,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<Decimal> for Cell {
    fn from(number: Decimal) -> Self {
        Self::Decimal(number)
    }
}

impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Self::from(if value { "true" } else { "false" })
    }
}

impl From<DateTime<Utc>> for Cell {
    fn from(instant: DateTime<Utc>) -> Self {
        Self::Text(instant.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl From<NaiveDate> for Cell {
    fn from(date: NaiveDate) -> Self {
        Self::Text(date.to_string())
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Empty, Into::into)
    }
}

/// A row of a file.
pub(crate) trait Row: Send + 'static {
    /// Heads of the columns.
    const COLUMNS: &'static [&'static str];

    /// One cell per column.
    fn cells(&self) -> Vec<Cell>;
}

/// Rows by offset and limit, until a chunk is not full. `held` is what they are read from, for example a snapshot; it
/// goes into every call and comes back from it.
pub(crate) fn chunks<H, T, F, W>(
    held: H,
    fetch: F,
) -> impl Stream<Item = Result<Vec<T>, Problem>> + Send + 'static
where
    H: Send + 'static,
    T: Send + 'static,
    F: Fn(H, i64, i64) -> W + Send + 'static,
    W: Future<Output = Result<(H, Vec<T>), Problem>> + Send + 'static,
{
    futures::stream::try_unfold(Some((held, fetch, 0)), |from| async move {
        let Some((held, fetch, offset)) = from else { return Ok(None) };
        let (held, rows) = fetch(held, offset, CHUNK).await?;
        let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let next = (count >= CHUNK).then_some((held, fetch, offset + count));
        Ok(Some((rows, next)))
    })
}

/// Every row of a query out of one snapshot, as it comes, however long the client takes to read them.
pub(crate) fn streamed<Q, R, T>(
    mut tx: Transaction<'static, Postgres>,
    mut query: Q,
    fetch: Fetch<Q, R>,
    view: impl Fn(R) -> T + Send + 'static,
) -> impl Stream<Item = Result<Vec<T>, Problem>> + Send + 'static
where
    Q: Send + 'static,
    R: Send + 'static,
    T: Send + 'static,
{
    let (chunks, received) = mpsc::channel(2);
    tokio::spawn(async move {
        let mut rows = fetch(&mut tx, &mut query).ready_chunks(count(CHUNK));
        while let Some(chunk) = rows.next().await {
            let views = chunk.into_iter().map(|row| Ok(view(row?))).collect();
            if chunks.send(views).await.is_err() {
                return;
            }
        }
    });
    ReceiverStream::new(received)
}

/// Runs a query.
type Fetch<Q, R> = for<'a> fn(&'a mut PgConnection, &'a mut Q) -> BoxStream<'a, sqlx::Result<R>>;

/// Rows that are in memory.
pub(crate) fn in_memory<T, I>(rows: I) -> impl Stream<Item = Result<Vec<T>, Problem>> + Send + 'static
where
    T: Send + 'static,
    I: Iterator<Item = T> + Send + 'static,
{
    futures::stream::iter(rows).chunks(count(CHUNK)).map(Ok)
}

/// Answers the rows as a file `<name>.csv` or `<name>.xlsx`. A problem before the first rows is answered as such.
pub(crate) async fn download<T, S>(listing: &Listing, name: &str, rows: S) -> Result<Response, Problem>
where
    T: Row,
    S: Stream<Item = Result<Vec<T>, Problem>> + Send + 'static,
{
    let mut rows = Box::pin(rows);
    let first = rows.next().await.unwrap_or_else(|| Ok(Vec::new()))?;
    let rows = futures::stream::iter([Ok(first)]).chain(rows);
    let (body, kind, extension) = match listing.format {
        Format::Csv | Format::Json => (csv_body(rows), "text/csv; charset=utf-8", "csv"),
        Format::Xlsx => (xlsx_body(rows).await?, XLSX, "xlsx"),
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    let disposition = format!("attachment; filename=\"{name}.{extension}\"");
    if let Ok(value) = HeaderValue::try_from(disposition) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

fn csv_body<T: Row>(rows: impl Stream<Item = Result<Vec<T>, Problem>> + Send + 'static) -> Body {
    let heads = T::COLUMNS.iter().map(|head| Cell::from(*head)).collect();
    let head = futures::stream::once(async move { csv_bytes("\u{feff}", [heads]) });
    let lines = rows.map(|chunk| match chunk {
        Ok(chunk) => csv_bytes("", chunk.iter().map(Row::cells)),
        Err(problem) => Err(std::io::Error::other(problem.detail().to_owned())),
    });
    Body::from_stream(head.chain(lines))
}

fn csv_bytes(start: &str, rows: impl IntoIterator<Item = Vec<Cell>>) -> Result<Bytes, std::io::Error> {
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(start.as_bytes().to_vec());
    for cells in rows {
        writer.write_record(cells.into_iter().map(text_of))?;
    }
    writer.into_inner().map(Bytes::from).map_err(|error| std::io::Error::other(error.to_string()))
}

fn text_of(cell: Cell) -> String {
    match cell {
        Cell::Text(text) => escape(text),
        Cell::Integer(number) => number.to_string(),
        Cell::Decimal(number) => number.to_string(),
        Cell::Empty => String::new(),
    }
}

/// A text that begins like a formula gets an apostrophe in front (decision 46).
pub(crate) fn escape(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text }
}

async fn xlsx_body<T: Row>(
    rows: impl Stream<Item = Result<Vec<T>, Problem>> + Send + 'static,
) -> Result<Body, Problem> {
    let (sender, receiver) = mpsc::channel::<Vec<Vec<Cell>>>(4);
    let writer = tokio::task::spawn_blocking(move || workbook(T::COLUMNS, receiver));
    let mut rows = std::pin::pin!(rows);
    while let Some(chunk) = rows.try_next().await? {
        if sender.send(chunk.iter().map(Row::cells).collect()).await.is_err() {
            break;
        }
    }
    drop(sender);
    let bytes = writer.await.map_err(|error| Problem::internal(&error))?;
    Ok(Body::from(bytes.map_err(|error| Problem::internal(&error))?))
}

fn workbook(
    heads: &[&str],
    mut rows: mpsc::Receiver<Vec<Vec<Cell>>>,
) -> Result<Vec<u8>, rust_xlsxwriter::XlsxError> {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet_with_constant_memory()?;
    for (column, head) in (0_u16..).zip(heads) {
        sheet.write_string(0, column, *head)?;
    }
    let mut line = 0;
    while let Some(chunk) = rows.blocking_recv() {
        for cells in chunk {
            line += 1;
            if line > SHEET_ROWS {
                break;
            }
            for (column, cell) in (0_u16..).zip(cells) {
                write_cell(sheet, line, column, cell)?;
            }
        }
    }
    book.save_to_buffer()
}

#[expect(
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "a workbook knows only floating point numbers"
)]
fn write_cell(
    sheet: &mut rust_xlsxwriter::Worksheet,
    line: u32,
    column: u16,
    cell: Cell,
) -> Result<(), rust_xlsxwriter::XlsxError> {
    match cell {
        Cell::Text(text) => sheet.write_string(line, column, escape(text))?,
        Cell::Integer(number) => sheet.write_number(line, column, number as f64)?,
        Cell::Decimal(number) => sheet.write_number(line, column, number.to_f64().unwrap_or_default())?,
        Cell::Empty => return Ok(()),
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn formulas_are_escaped_and_nothing_else() {
        assert_eq!(escape("=1+1".to_owned()), "'=1+1");
        assert_eq!(escape("-5 % sale".to_owned()), "'-5 % sale");
        assert_eq!(escape("plain".to_owned()), "plain");
    }
}
