//! Rows of `daily`: movements and units per company, local day, location and type.

use std::collections::HashMap;

use chrono::NaiveDate;
use sqlx::PgConnection;
use uuid::Uuid;

use domain::shared::ids::LocationId;

use super::legs::Leg;
use crate::bulk::{Rows, Target};

/// Company, local day, location and type.
type Key<'a> = (Uuid, NaiveDate, &'a str, &'static str);

/// What a block did to days, by company, local day, location and type.
#[derive(Default)]
pub(super) struct Days(HashMap<(Uuid, NaiveDate, LocationId, &'static str), Day>);

/// What a block did to one day.
#[derive(Default)]
struct Day {
    movements: i64,
    units_in: i64,
    units_out: i64,
    position: i64,
}

impl Days {
    /// Adds a movement to its day.
    pub(super) fn add(&mut self, leg: &Leg<'_>) {
        let key = (leg.company_id, leg.local_date, leg.location_id.clone(), leg.movement_type);
        let day = self.0.entry(key).or_default();
        day.movements += 1;
        day.units_in = day.units_in.saturating_add(leg.quantity.max(0));
        day.units_out = day.units_out.saturating_sub(leg.quantity.min(0));
        day.position = leg.position;
    }

    /// Keys and sums in the order of the key, so that two writers never wait crosswise.
    fn in_order(&self) -> Vec<(Key<'_>, &Day)> {
        let days = self.0.iter();
        let mut ordered: Vec<_> = days
            .map(|((company, date, place, kind), day)| ((*company, *date, place.as_str(), *kind), day))
            .collect();
        ordered.sort_unstable_by_key(|(key, _)| *key);
        ordered
    }

    /// Adds them to the rows that are there.
    pub(super) async fn write(&self, conn: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let days = self.in_order();
        sqlx::query(UPSERT_DAYS)
            .bind(days.iter().map(|(key, _)| key.0).collect::<Vec<_>>())
            .bind(days.iter().map(|(key, _)| key.1).collect::<Vec<_>>())
            .bind(days.iter().map(|(key, _)| key.2).collect::<Vec<_>>())
            .bind(days.iter().map(|(key, _)| key.3).collect::<Vec<_>>())
            .bind(days.iter().map(|(_, day)| day.movements).collect::<Vec<_>>())
            .bind(days.iter().map(|(_, day)| day.units_in).collect::<Vec<_>>())
            .bind(days.iter().map(|(_, day)| day.units_out).collect::<Vec<_>>())
            .bind(days.iter().map(|(_, day)| day.position).collect::<Vec<_>>())
            .execute(conn)
            .await?;
        Ok(())
    }

    /// Puts them as rows of a table that has none.
    pub(super) fn put(&self, rows: &mut Rows) {
        for ((company, date, place, kind), day) in self.in_order() {
            rows.row(&DAILY)
                .put(company)
                .put(date)
                .put(place)
                .put(kind)
                .put(day.movements)
                .put(day.units_in)
                .put(day.units_out)
                .put(day.position);
        }
    }
}

const UPSERT_DAYS: &str = "
insert into daily as day
    (company_id, local_date, location_id, movement_type, movements, units_in, units_out, updated_position)
select company_id, local_date, location_id, movement_type, movements, units_in, units_out, position
from unnest($1::uuid[], $2::date[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
     as change (company_id, local_date, location_id, movement_type, movements, units_in, units_out, position)
on conflict (company_id, local_date, location_id, movement_type) do update set
    movements = day.movements + excluded.movements,
    units_in = day.units_in + excluded.units_in,
    units_out = day.units_out + excluded.units_out,
    updated_position = excluded.updated_position
where day.updated_position < excluded.updated_position";

const DAILY: Target = Target {
    table: "daily",
    columns: &[
        "company_id",
        "local_date",
        "location_id",
        "movement_type",
        "movements",
        "units_in",
        "units_out",
        "updated_position",
    ],
};
