//! Whether two copies of a projection hold the same rows, and where they differ.

use serde::Serialize;
use sqlx::PgConnection;

/// Keys that a difference names at most.
const EXAMPLES: usize = 20;

/// What one table of two copies has in common and not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableComparison {
    /// Table.
    pub table: String,
    /// Rows of the first copy.
    pub rows: i64,
    /// Rows of the other copy.
    pub other_rows: i64,
    /// Keys that only the first copy has.
    pub only_first: i64,
    /// Keys that only the other copy has.
    pub only_other: i64,
    /// Keys whose rows differ.
    pub different: i64,
    /// Some of these keys, columns joined by ` | `.
    pub examples: Vec<String>,
}

impl TableComparison {
    /// Whether both hold the same rows.
    pub fn is_equal(&self) -> bool {
        self.only_first == 0 && self.only_other == 0 && self.different == 0
    }
}

/// Compares every table of two schemas with the same tables, by primary key, in the transaction's snapshot.
pub async fn compare(
    conn: &mut PgConnection,
    first: &str,
    other: &str,
) -> Result<Vec<TableComparison>, sqlx::Error> {
    let tables: Vec<(String, Vec<String>)> = sqlx::query_as(
        "select class.relname::text, array_agg(attribute.attname::text order by place.number)
         from pg_catalog.pg_class class
         join pg_catalog.pg_namespace namespace on namespace.oid = class.relnamespace
         join pg_catalog.pg_index index on index.indrelid = class.oid and index.indisprimary
         cross join lateral unnest(index.indkey::smallint[]) with ordinality as place (attnum, number)
         join pg_catalog.pg_attribute attribute
             on attribute.attrelid = class.oid and attribute.attnum = place.attnum
         where namespace.nspname = $1 and class.relkind in ('r', 'p') and not class.relispartition
         group by class.relname
         order by class.relname",
    )
    .bind(first)
    .fetch_all(&mut *conn)
    .await?;
    let mut comparisons = Vec::with_capacity(tables.len());
    for (table, key) in tables {
        comparisons.push(compare_table(conn, (first, other), table, &key).await?);
    }
    Ok(comparisons)
}

async fn compare_table(
    conn: &mut PgConnection,
    (first, other): (&str, &str),
    table: String,
    key: &[String],
) -> Result<TableComparison, sqlx::Error> {
    let columns = key.iter().map(|column| format!("\"{column}\"")).collect::<Vec<_>>().join(", ");
    let texts = key.iter().map(|column| format!("\"{column}\"::text")).collect::<Vec<_>>().join(", ");
    let query = format!(
        "select count(*) filter (where other_side is null),
                count(*) filter (where first_side is null),
                count(*) filter (where first_side is not null and other_side is not null),
                (array_agg(key order by key))[1:{EXAMPLES}]
         from (
             select concat_ws(' | ', {texts}) as key, a.side_present as first_side, b.side_present as other_side
             from (select 1 as side_present, rows.* from {first}.\"{table}\" rows) a
             full join (select 1 as side_present, rows.* from {other}.\"{table}\" rows) b using ({columns})
             where a is distinct from b
         ) differing"
    );
    let (only_first, only_other, different, examples): (i64, i64, i64, Option<Vec<String>>) =
        sqlx::query_as(&query).fetch_one(&mut *conn).await?;
    let (rows, other_rows): (i64, i64) = sqlx::query_as(&format!(
        "select (select count(*) from {first}.\"{table}\"), (select count(*) from {other}.\"{table}\")"
    ))
    .fetch_one(conn)
    .await?;
    let examples = examples.unwrap_or_default();
    Ok(TableComparison { table, rows, other_rows, only_first, only_other, different, examples })
}
