//! Whether two copies of a projection hold the same rows, and where they differ.
//!
//! Each copy is read through a connection of its own, so that the two may stand in different snapshots. A table is
//! first summed up on both sides at once: rows and an order-free checksum in each of some thousand buckets. Only where
//! buckets differ their rows are read, in the order of the key, and laid side by side; three wrong rows among millions
//! cost two passes and a few thousand rows. Checksums follow equality: `1.0` equals `1.00`.

use futures::{Stream, StreamExt, TryStreamExt};
use serde::Serialize;
use sqlx::PgConnection;

pub use crate::compare::catalog::Shape;

mod catalog;

/// Differing rows that a comparison names at most, per table.
const EXAMPLES: usize = 20;
/// Buckets of a table, a power of two.
const BUCKETS: i64 = 4_096;

/// One copy: a connection, whose transaction is the snapshot, and the schema.
#[derive(Debug)]
pub struct Side<'a> {
    /// Connection.
    pub conn: &'a mut PgConnection,
    /// Schema.
    pub schema: &'a str,
}

/// What one table of two copies has in common and not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableComparison {
    /// Table.
    pub table: String,
    /// Rows of the first copy.
    pub rows: i64,
    /// Rows of the other copy.
    pub other_rows: i64,
    /// Checksum over the rows of the first copy, 16 hexadecimal digits.
    pub checksum: String,
    /// Checksum over the rows of the other copy.
    pub other_checksum: String,
    /// Keys that only the first copy has.
    pub only_first: i64,
    /// Keys that only the other copy has.
    pub only_other: i64,
    /// Keys whose rows differ.
    pub different: i64,
    /// Some of these rows.
    pub examples: Vec<Difference>,
    /// What the tables themselves have in common and not; none where both are alike.
    pub shape: Option<Shape>,
}

/// A row in which two copies differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Values of the key's columns, joined by ` | `.
    pub key: String,
    /// Columns that differ; of a row that only one copy has, all of its values.
    pub columns: Vec<ColumnDifference>,
}

/// A column of a row in which two copies differ. Values as PostgreSQL writes them; none for null and for no row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ColumnDifference {
    /// Column.
    pub column: String,
    /// Value in the first copy.
    pub first: Option<String>,
    /// Value in the other copy.
    pub other: Option<String>,
}

impl TableComparison {
    /// Whether both hold the same rows.
    pub fn is_equal(&self) -> bool {
        self.differences() == 0 && self.shape.is_none()
    }

    /// Keys in which the copies differ.
    pub fn differences(&self) -> i64 {
        self.only_first + self.only_other + self.different
    }
}

/// Compares every table of two schemas by primary key. Of tables that are not alike (another version) the columns are
/// compared that both have.
pub async fn compare(first: Side<'_>, other: Side<'_>) -> Result<Vec<TableComparison>, sqlx::Error> {
    let (Side { conn: one, schema: one_schema }, Side { conn: two, schema: two_schema }) = (first, other);
    let (ones, twos) =
        futures::try_join!(catalog::tables(one, one_schema), catalog::tables(two, two_schema))?;
    let mut comparisons = Vec::new();
    for common in catalog::common(ones, twos) {
        let from = (&mut *one, common.relation(one_schema));
        let to = (&mut *two, common.relation(two_schema));
        comparisons.push(compare_table(from, to, common).await?);
    }
    Ok(comparisons)
}

async fn compare_table(
    (one, first): (&mut PgConnection, String),
    (two, other): (&mut PgConnection, String),
    common: catalog::Common,
) -> Result<TableComparison, sqlx::Error> {
    let (sums, other_sums) = futures::try_join!(
        sums(one, &first, &common.columns, common.in_first),
        sums(two, &other, &common.columns, common.in_other)
    )?;
    let differing = differing_buckets(&sums, &other_sums);
    let mut comparison = TableComparison {
        rows: sums.iter().map(|bucket| bucket.1).sum(),
        other_rows: other_sums.iter().map(|bucket| bucket.1).sum(),
        checksum: checksum(&sums),
        other_checksum: checksum(&other_sums),
        table: common.table.clone(),
        only_first: 0,
        only_other: 0,
        different: 0,
        examples: Vec::new(),
        shape: common.shape.clone(),
    };
    if common.key.is_empty() {
        // Nothing to pair rows by: all that one side has the other has not.
        (comparison.only_first, comparison.only_other) = (comparison.rows, comparison.other_rows);
    } else if !differing.is_empty() {
        let statement = |relation| rows_statement(relation, &common);
        let (first, other) = (statement(&first), statement(&other));
        let left = sqlx::query_as(&first).bind(&differing).fetch(one);
        let right = sqlx::query_as(&other).bind(&differing).fetch(two);
        pair(left, right, &common.columns, &mut comparison).await?;
    }
    Ok(comparison)
}

/// Number of a bucket, its rows, and the checksum over them.
type Bucket = (i64, i64, i64);

async fn sums(
    conn: &mut PgConnection,
    relation: &str,
    columns: &[String],
    exists: bool,
) -> Result<Vec<Bucket>, sqlx::Error> {
    if !exists {
        return Ok(Vec::new());
    }
    // `offset 0` keeps the checksum a column: made part of the grouping it would be computed twice, and PostgreSQL would
    // take it for unique and sort all rows.
    let statement = format!(
        "select checksum & {mask}, count(*), bit_xor(checksum)
         from (select hash_record_extended(row({columns}), 0) as checksum from {relation} offset 0) as summed
         group by 1
         order by 1",
        mask = BUCKETS - 1,
        columns = columns.join(", ")
    );
    sqlx::query_as(&statement).persistent(false).fetch_all(conn).await
}

fn checksum(sums: &[Bucket]) -> String {
    format!("{:016x}", sums.iter().fold(0, |all, (_, _, checksum)| all ^ checksum))
}

/// Buckets that are not the same on both sides. A row that differs is in a bucket of its own on either side, and both
/// are among them.
fn differing_buckets(first: &[Bucket], other: &[Bucket]) -> Vec<i64> {
    let missing = |from: &[Bucket], to: &[Bucket]| {
        from.iter().filter(|bucket| to.binary_search(bucket).is_err()).map(|bucket| bucket.0).collect()
    };
    let mut differing: Vec<i64> = missing(first, other);
    differing.extend::<Vec<i64>>(missing(other, first));
    differing.sort_unstable();
    differing.dedup();
    differing
}

/// Rows of some buckets, in an order that both sides share whatever their collation.
fn rows_statement(relation: &str, common: &catalog::Common) -> String {
    let texts = |columns: &[String]| {
        let texts: Vec<_> = columns.iter().map(|column| format!("{column}::text")).collect();
        texts.join(", ")
    };
    format!(
        "select place, checksum, key, row_values
         from (
             select hash_record_extended(row({columns}), 0) as checksum,
                    hash_record_extended(row({key}), 0) as place,
                    array[{key_texts}] as key,
                    array[{column_texts}] as row_values
             from {relation}
         ) as summed
         where (checksum & {mask}) = any($1)
         order by place, array_to_string(key, ' | ') collate \"C\"",
        mask = BUCKETS - 1,
        columns = common.columns.join(", "),
        key = common.key.join(", "),
        key_texts = texts(&common.key),
        column_texts = texts(&common.columns),
    )
}

/// A row: its place in the order, its checksum, its key, and its values.
type Texts = (i64, i64, Vec<String>, Vec<Option<String>>);

/// Walks along both sides, which are in the same order, and notes what is not the same.
async fn pair(
    first: impl Stream<Item = Result<Texts, sqlx::Error>> + Unpin,
    other: impl Stream<Item = Result<Texts, sqlx::Error>> + Unpin,
    columns: &[String],
    comparison: &mut TableComparison,
) -> Result<(), sqlx::Error> {
    let (mut first, mut other) = (first.peekable(), other.peekable());
    loop {
        let ordering = {
            let heads =
                (std::pin::Pin::new(&mut first).peek().await, std::pin::Pin::new(&mut other).peek().await);
            match heads {
                (None, None) => return Ok(()),
                (Some(Ok(one)), Some(Ok(two))) => (one.0, one.2.join(" | ")).cmp(&(two.0, two.2.join(" | "))),
                (Some(_), None) | (Some(Err(_)), Some(_)) => std::cmp::Ordering::Less,
                (None, Some(_)) | (Some(Ok(_)), Some(Err(_))) => std::cmp::Ordering::Greater,
            }
        };
        let one = if ordering.is_le() { first.try_next().await? } else { None };
        let two = if ordering.is_ge() { other.try_next().await? } else { None };
        comparison.note(columns, one, two);
    }
}

impl TableComparison {
    fn note(&mut self, columns: &[String], one: Option<Texts>, two: Option<Texts>) {
        let counted = match (&one, &two) {
            (Some(one), Some(two)) if one.1 == two.1 => return,
            (Some(_), Some(_)) => &mut self.different,
            (Some(_), None) => &mut self.only_first,
            (None, _) => &mut self.only_other,
        };
        *counted += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(difference(columns, one, two));
        }
    }
}

fn difference(columns: &[String], one: Option<Texts>, two: Option<Texts>) -> Difference {
    let key = one.as_ref().or(two.as_ref()).map(|row| row.2.join(" | ")).unwrap_or_default();
    let none = || vec![None; columns.len()];
    let (first, other) = (one.map_or_else(none, |row| row.3), two.map_or_else(none, |row| row.3));
    let values = columns.iter().zip(first.into_iter().zip(other));
    let differing = values.filter(|(_, (first, other))| first != other);
    let columns = differing.map(|(column, (first, other))| ColumnDifference {
        column: column.trim_matches('"').to_owned(),
        first,
        other,
    });
    Difference { key, columns: columns.collect() }
}
