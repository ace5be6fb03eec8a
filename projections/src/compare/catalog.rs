//! Which tables and columns two copies have.

use std::collections::BTreeMap;

use serde::Serialize;
use sqlx::PgConnection;

/// What two tables of one name do not have in common.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Shape {
    /// Columns that only the first table has.
    pub only_first: Vec<String>,
    /// Columns that only the other table has.
    pub only_other: Vec<String>,
    /// Whether rows cannot be paired, for the tables have different keys or there is only one of them.
    pub unpaired: bool,
}

/// A table of one copy; names are quoted where PostgreSQL wants it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Table {
    /// Columns of the primary key.
    key: Vec<String>,
    /// All columns, in order.
    columns: Vec<String>,
}

/// What a table has in both copies.
pub(super) struct Common {
    pub(super) table: String,
    pub(super) key: Vec<String>,
    /// Expressions that can be compared: columns, those of types without equality as text.
    pub(super) columns: Vec<String>,
    pub(super) in_first: bool,
    pub(super) in_other: bool,
    pub(super) shape: Option<Shape>,
}

impl Common {
    /// The table in this schema.
    pub(super) fn relation(&self, schema: &str) -> String {
        format!("{schema}.{}", self.table)
    }
}

/// Every table of a schema by name. A column `written_position` says when a copy wrote a row, not what the row says: it
/// differs with the blocks in which events came, and is not compared.
pub(super) async fn tables(
    conn: &mut PgConnection,
    schema: &str,
) -> Result<BTreeMap<String, Table>, sqlx::Error> {
    let rows: Vec<(String, Vec<String>, Vec<String>)> = sqlx::query_as(
        "select format('%I', class.relname),
                array(
                    select format('%I', attribute.attname)
                    from pg_catalog.pg_index index
                    cross join lateral unnest(index.indkey::smallint[]) with ordinality as place (attnum, number)
                    join pg_catalog.pg_attribute attribute
                        on attribute.attrelid = class.oid and attribute.attnum = place.attnum
                    where index.indrelid = class.oid and index.indisprimary
                    order by place.number
                ),
                array(
                    select format('%I', attribute.attname)
                        || case when attribute.atttypid = 'json'::regtype then '::text' else '' end
                    from pg_catalog.pg_attribute attribute
                    where attribute.attrelid = class.oid and attribute.attnum > 0 and not attribute.attisdropped
                        and attribute.attname <> 'written_position'
                    order by attribute.attnum
                )
         from pg_catalog.pg_class class
         join pg_catalog.pg_namespace namespace on namespace.oid = class.relnamespace
         where namespace.nspname = $1 and class.relkind in ('r', 'p') and not class.relispartition",
    )
    .bind(schema)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|(table, key, columns)| (table, Table { key, columns })).collect())
}

/// What is to be compared, by name of the table.
pub(super) fn common(mut first: BTreeMap<String, Table>, mut other: BTreeMap<String, Table>) -> Vec<Common> {
    let names: std::collections::BTreeSet<String> = first.keys().chain(other.keys()).cloned().collect();
    let tables = names.into_iter().map(|table| {
        let sides = (first.remove(&table), other.remove(&table));
        common_table(table, sides)
    });
    tables.collect()
}

fn common_table(table: String, sides: (Option<Table>, Option<Table>)) -> Common {
    let (in_first, in_other) = (sides.0.is_some(), sides.1.is_some());
    let (Some(first), Some(other)) = sides else {
        let unpaired = Some(Shape { unpaired: true, ..Shape::default() });
        return Common { table, key: Vec::new(), columns: Vec::new(), in_first, in_other, shape: unpaired };
    };
    if first == other {
        let Table { key, columns } = first;
        return Common { table, key, columns, in_first, in_other, shape: None };
    }
    let missing = |from: &Table, to: &Table| {
        let lost = from.columns.iter().filter(|column| !to.columns.contains(column));
        lost.map(|column| column.trim_matches('"').to_owned()).collect()
    };
    let unpaired = first.key != other.key;
    let shape = Shape { only_first: missing(&first, &other), only_other: missing(&other, &first), unpaired };
    let key = if unpaired { Vec::new() } else { first.key };
    let columns = first.columns.into_iter().filter(|column| other.columns.contains(column)).collect();
    let differs = !shape.only_first.is_empty() || !shape.only_other.is_empty() || unpaired;
    Common { table, key, columns, in_first, in_other, shape: differs.then_some(shape) }
}
