//! What a table has folded already, so that a block which comes twice is folded once.

use std::collections::{BTreeSet, HashMap};

use sqlx::PgConnection;
use uuid::Uuid;

/// Newest position in a table of rows by company and position; blocks come in order, so all before it is there too.
pub(crate) struct Folded(HashMap<Uuid, i64>);

impl Folded {
    /// Reads it for these companies. `table` has an index that begins with company and position.
    pub(crate) async fn read(
        conn: &mut PgConnection,
        table: &'static str,
        companies: impl Iterator<Item = Uuid>,
    ) -> Result<Self, sqlx::Error> {
        let companies: BTreeSet<_> = companies.collect();
        let newest = format!(
            "select company_id, (select position from {table} t where t.company_id = c.company_id
                                 order by t.company_id desc, t.position desc limit 1)
             from unnest($1::uuid[]) as c (company_id)"
        );
        let rows: Vec<(Uuid, Option<i64>)> =
            sqlx::query_as(&newest).bind(companies.into_iter().collect::<Vec<_>>()).fetch_all(conn).await?;
        Ok(Self(rows.into_iter().filter_map(|(company_id, newest)| Some((company_id, newest?))).collect()))
    }

    /// Whether the table has it.
    pub(crate) fn has(&self, company_id: Uuid, position: i64) -> bool {
        self.0.get(&company_id).is_some_and(|newest| position <= *newest)
    }
}
