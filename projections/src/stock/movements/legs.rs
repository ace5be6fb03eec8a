//! Rows of `movements`: one per location that a fact touched.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use domain::shared::ids::LocationId;
use domain::stock::StockEvent;
use domain::stock::event::movement_id;
use event_log::event::StoredEvent;

use super::late::{Late, Statements};
use crate::bulk::{Rows, Target};
use crate::stock::words::{reason_name, reference_name, type_name};

/// One row, in the order of the table's columns.
pub(super) struct Leg<'a> {
    pub(super) company_id: Uuid,
    pub(super) position: i64,
    number: i16,
    movement_id: Uuid,
    pub(super) item_key: &'a Arc<str>,
    pub(super) location_id: &'a LocationId,
    pub(super) movement_type: &'static str,
    pub(super) quantity: i64,
    effect: i64,
    balance_after: i64,
    pub(super) anchored_at: Option<i64>,
    pub(super) superseded_by: Option<Uuid>,
    pub(super) effective_at: DateTime<Utc>,
    recorded_at: DateTime<Utc>,
    pub(super) local_date: NaiveDate,
    reference_type: &'static str,
    reference_id: Option<Cow<'a, str>>,
    reason: Option<&'static str>,
    notes: Option<Cow<'a, str>>,
    created_by: &'a str,
    fact: i64,
}

/// The rows of a fact that `author` recorded, the `number`th of its company.
pub(super) fn of<'a>(
    event: &'a StoredEvent,
    number: i64,
    fact: &'a StockEvent,
    author: &'a str,
) -> impl Iterator<Item = Leg<'a>> {
    let movement_type = type_name(fact.movement_type());
    let reference_type = reference_name(fact.reference_type());
    let reason = match fact {
        StockEvent::StockAdjusted(adjusted) => Some(reason_name(adjusted.reason)),
        _ => None,
    };
    let entry = fact.entry();
    entry.movements.iter().enumerate().map(move |(leg, movement)| Leg {
        company_id: event.company_id,
        position: event.position,
        number: i16::try_from(leg).unwrap_or(i16::MAX),
        movement_id: movement_id(entry.movement_id, leg),
        item_key: &event.stream_id,
        location_id: &movement.location_id,
        movement_type,
        quantity: movement.quantity,
        effect: movement.effect,
        balance_after: movement.balance_after,
        anchored_at: movement.anchored_at,
        superseded_by: movement.superseded_by,
        effective_at: entry.effective_at,
        recorded_at: event.recorded_at,
        local_date: entry.local_date,
        reference_type,
        reference_id: fact.reference_id().map(storable),
        reason,
        notes: fact.notes().map(storable),
        created_by: author,
        fact: number,
    })
}

/// PostgreSQL's text cannot hold U+0000, and a fact must never stop a read model.
pub(super) fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "")) } else { Cow::Borrowed(text) }
}

/// Rows column by column, for one insert.
#[derive(Default)]
pub(super) struct Legs {
    companies: Vec<Uuid>,
    positions: Vec<i64>,
    numbers: Vec<i16>,
    ids: Vec<Uuid>,
    items: Vec<String>,
    locations: Vec<String>,
    types: Vec<&'static str>,
    quantities: Vec<i64>,
    effects: Vec<i64>,
    balances: Vec<i64>,
    anchors: Vec<Option<i64>>,
    superseded: Vec<Option<Uuid>>,
    effective: Vec<DateTime<Utc>>,
    recorded: Vec<DateTime<Utc>>,
    dates: Vec<NaiveDate>,
    reference_types: Vec<&'static str>,
    references: Vec<Option<String>>,
    reasons: Vec<Option<&'static str>>,
    notes: Vec<Option<String>>,
    authors: Vec<String>,
    facts: Vec<i64>,
    counted: Vec<Option<DateTime<Utc>>>,
    statements: Statements,
    /// Rows that were late, and since when statements have counted them.
    late: Vec<(usize, DateTime<Utc>)>,
}

impl Legs {
    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        self.positions.len()
    }

    /// Adds a row.
    pub(super) fn push(&mut self, leg: &Leg<'_>) {
        let owned = |text: &Option<Cow<'_, str>>| text.as_ref().map(|text| text.as_ref().to_owned());
        self.companies.push(leg.company_id);
        self.positions.push(leg.position);
        self.numbers.push(leg.number);
        self.ids.push(leg.movement_id);
        self.items.push(leg.item_key.as_ref().to_owned());
        self.locations.push(leg.location_id.as_str().to_owned());
        self.types.push(leg.movement_type);
        self.quantities.push(leg.quantity);
        self.effects.push(leg.effect);
        self.balances.push(leg.balance_after);
        self.anchors.push(leg.anchored_at);
        self.superseded.push(leg.superseded_by);
        self.effective.push(leg.effective_at);
        self.recorded.push(leg.recorded_at);
        self.dates.push(leg.local_date);
        self.reference_types.push(leg.reference_type);
        self.references.push(owned(&leg.reference_id));
        self.reasons.push(leg.reason);
        self.notes.push(owned(&leg.notes));
        self.authors.push(leg.created_by.to_owned());
        self.facts.push(leg.fact);
        if leg.superseded_by.is_some() {
            self.late.push((self.counted.len(), leg.counted_since()));
        }
        self.counted.push(self.statements.take(leg));
    }

    /// Arrays in the select list advance together row by row; in a from clause they would first be written aside.
    pub(super) async fn write(mut self, conn: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.positions.is_empty() {
            return Ok(());
        }
        self.look_behind(conn).await?;
        sqlx::query(INSERT)
            .bind(self.companies)
            .bind(self.positions)
            .bind(self.numbers)
            .bind(self.ids)
            .bind(self.items)
            .bind(self.locations)
            .bind(self.types)
            .bind(self.quantities)
            .bind(self.effects)
            .bind(self.balances)
            .bind(self.anchors)
            .bind(self.superseded)
            .bind(self.effective)
            .bind(self.recorded)
            .bind(self.dates)
            .bind(self.reference_types)
            .bind(self.references)
            .bind(self.reasons)
            .bind(self.notes)
            .bind(self.authors)
            .bind(self.facts)
            .bind(self.counted)
            .execute(conn)
            .await?;
        Ok(())
    }

    /// Finds the statements behind late rows that were written before.
    async fn look_behind(&mut self, conn: &mut PgConnection) -> Result<(), sqlx::Error> {
        let mut late = Late::default();
        for (row, since) in &self.late {
            late.companies.extend(self.companies.get(*row));
            late.items.extend(self.items.get(*row).map(String::as_str));
            late.locations.extend(self.locations.get(*row).map(String::as_str));
            late.since.push(*since);
        }
        let written = late.next(conn).await?;
        for ((row, _), written) in self.late.iter().zip(written) {
            if let Some(counted) = self.counted.get_mut(*row) {
                *counted = (*counted).into_iter().chain(written).min();
            }
        }
        Ok(())
    }
}

const INSERT: &str = "
insert into movements
    (company_id, position, leg, movement_id, item_key, location_id, movement_type, quantity, effect, balance_after,
     anchored_at, superseded_by, effective_at, recorded_at, local_date, reference_type, reference_id, reason, notes,
     created_by, number, counted_at)
select unnest($1::uuid[]), unnest($2::bigint[]), unnest($3::smallint[]), unnest($4::uuid[]), unnest($5::text[]),
       unnest($6::text[]), unnest($7::text[]), unnest($8::bigint[]), unnest($9::bigint[]), unnest($10::bigint[]),
       unnest($11::bigint[]), unnest($12::uuid[]), unnest($13::timestamptz[]), unnest($14::timestamptz[]),
       unnest($15::date[]), unnest($16::text[]), unnest($17::text[]), unnest($18::text[]), unnest($19::text[]),
       unnest($20::text[]), unnest($21::bigint[]), unnest($22::timestamptz[])";

impl Leg<'_> {
    /// Puts it as a row to be copied; `counted_at` is the statement that had counted it.
    pub(super) fn put(self, counted_at: Option<DateTime<Utc>>, rows: &mut Rows) {
        rows.row(&MOVEMENTS)
            .put(self.company_id)
            .put(self.position)
            .put(self.number)
            .put(self.movement_id)
            .put(self.item_key.as_ref())
            .put(self.location_id.as_str())
            .put(self.movement_type)
            .put(self.quantity)
            .put(self.effect)
            .put(self.balance_after)
            .put(self.anchored_at)
            .put(self.superseded_by)
            .put(self.effective_at)
            .put(self.recorded_at)
            .put(self.local_date)
            .put(self.reference_type)
            .put(self.reference_id)
            .put(self.reason)
            .put(self.notes)
            .put(self.created_by)
            .put(self.fact)
            .put(counted_at);
    }
}

const MOVEMENTS: Target = Target {
    table: "movements",
    columns: &[
        "company_id",
        "position",
        "leg",
        "movement_id",
        "item_key",
        "location_id",
        "movement_type",
        "quantity",
        "effect",
        "balance_after",
        "anchored_at",
        "superseded_by",
        "effective_at",
        "recorded_at",
        "local_date",
        "reference_type",
        "reference_id",
        "reason",
        "notes",
        "created_by",
        "number",
        "counted_at",
    ],
};
