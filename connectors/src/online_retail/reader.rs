//! Rows of the file, one after the other, each with its row number.
//!
//! The file is streamed: one row is in memory at a time. A row that cannot be read is an error with its number, and
//! reading goes on behind it.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use chrono::NaiveDateTime;
use csv::StringRecord;
use flate2::read::MultiGzDecoder;
use rust_decimal::Decimal;

use crate::online_retail::kind::{Kind, classify};

/// Columns of the format, in their order.
const COLUMNS: [&str; 7] =
    ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "Country"];

/// One invoice line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceLine {
    /// Number of the row in the file, from 1, the header not counted. With the file's name it identifies the line.
    pub row: u64,
    /// Invoice as written.
    pub invoice_no: String,
    /// Product code as written.
    pub stock_code: String,
    /// Product code trimmed and in upper case.
    pub item_id: String,
    /// Name of the product, may be empty.
    pub description: String,
    /// Units, negative for what came back.
    pub quantity: i64,
    /// Local time, to the minute, without a zone.
    pub invoiced_at: NaiveDateTime,
    /// Price of one unit in pounds, exact.
    pub unit_price: Decimal,
    /// Country of the customer.
    pub country: String,
    /// What the line is.
    pub kind: Kind,
}

/// Why a file or one of its rows cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be opened.
    #[error("cannot open the file")]
    Open(#[source] io::Error),
    /// The header names other columns.
    #[error("the header must be {}", COLUMNS.join(","))]
    Header,
    /// The row is not a CSV row of seven fields.
    #[error("row {row} cannot be read")]
    Row {
        /// Its number.
        row: u64,
        /// What the CSV reader said.
        #[source]
        source: csv::Error,
    },
    /// A field does not hold what its column promises.
    #[error("row {row}: {column} {text:?} is not {expected}")]
    Field {
        /// Its number.
        row: u64,
        /// The column.
        column: &'static str,
        /// What stands there.
        text: String,
        /// What should stand there.
        expected: &'static str,
    },
}

/// Rows of one file, in order.
pub struct Reader<R> {
    rows: csv::Reader<R>,
    record: StringRecord,
    row: u64,
}

impl Reader<MultiGzDecoder<BufReader<File>>> {
    /// Opens a gzip file.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let file = File::open(path).map_err(ReadError::Open)?;
        Self::new(MultiGzDecoder::new(BufReader::new(file)))
    }
}

impl<R: Read> Reader<R> {
    /// Reads plain CSV and checks its header.
    pub fn new(csv: R) -> Result<Self, ReadError> {
        let mut rows = csv::ReaderBuilder::new().buffer_capacity(1 << 16).from_reader(csv);
        let header = rows.headers().map_err(|source| ReadError::Row { row: 0, source })?;
        if !header.iter().eq(COLUMNS) {
            return Err(ReadError::Header);
        }
        Ok(Self { rows, record: StringRecord::new(), row: 0 })
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<InvoiceLine, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.row += 1;
        match self.rows.read_record(&mut self.record) {
            Ok(true) => Some(line(self.row, &self.record)),
            Ok(false) => None,
            Err(source) => Some(Err(ReadError::Row { row: self.row, source })),
        }
    }
}

fn line(row: u64, record: &StringRecord) -> Result<InvoiceLine, ReadError> {
    let mut fields = record.iter();
    let mut next = || fields.next().unwrap_or_default();
    let (invoice_no, stock_code, description) = (next(), next(), next());
    let (quantity, invoiced_at, unit_price, country) = (next(), next(), next(), next());
    let wrong =
        |column, text: &str, expected| ReadError::Field { row, column, text: text.to_owned(), expected };

    let quantity = quantity.parse().map_err(|_| wrong("Quantity", quantity, "an integer"))?;
    let invoiced_at = NaiveDateTime::parse_from_str(invoiced_at, "%Y-%m-%dT%H:%M:%S")
        .map_err(|_| wrong("InvoiceDate", invoiced_at, "a local time"))?;
    let unit_price =
        Decimal::from_str_exact(unit_price).map_err(|_| wrong("UnitPrice", unit_price, "a decimal"))?;
    let item_id = stock_code.trim().to_uppercase();
    Ok(InvoiceLine {
        row,
        kind: classify(invoice_no, &item_id, quantity, unit_price),
        invoice_no: invoice_no.to_owned(),
        stock_code: stock_code.to_owned(),
        item_id,
        description: description.to_owned(),
        quantity,
        invoiced_at,
        unit_price,
        country: country.to_owned(),
    })
}
