//! Rows of `locations`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use domain::catalogue::location::event::{LocationDetails, LocationEvent};
use event_log::event::StoredEvent;

use crate::projection::{ProjectionError, decode};
use crate::rows;
use crate::streams::{self, Key, StreamRow};

/// One location as it stands now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
pub struct LocationRow {
    /// Tenant.
    pub company_id: Uuid,
    /// Key.
    pub location_id: String,
    /// Name.
    pub name: String,
    /// OWN, `MARKETPLACE_FF`, STORE, WEBSITE or TRANSIT.
    pub kind: String,
    /// OZON, WILDBERRIES or WEBSITE.
    pub marketplace: Option<String>,
    /// PHYSICAL or MIRROR.
    pub stock_role: String,
    /// LEDGER or EXTERNAL.
    pub authority: String,
    /// Whether it is the company's primary location.
    pub is_primary: bool,
    /// Street and number.
    pub address: Option<String>,
    /// Town.
    pub city: Option<String>,
    /// Country.
    pub country: Option<String>,
    /// Anything that the company keeps with it.
    pub metadata: Json<serde_json::Map<String, serde_json::Value>>,
    /// Whether it takes stock.
    pub is_active: bool,
    /// Whether an integration keeps it; no event says so yet.
    pub is_synced: bool,
    /// When its creation was recorded.
    pub created_at: DateTime<Utc>,
    /// When its last change was recorded.
    pub updated_at: DateTime<Utc>,
    /// Position of its last change.
    pub changed_position: i64,
    /// Version of its stream.
    pub version: i64,
}

/// Columns of `locations`, in the order of [`LocationRow`].
pub(crate) const COLUMNS: &str = "company_id, location_id, name, kind, marketplace, stock_role, authority, is_primary, \
    address, city, country, metadata, is_active, is_synced, created_at, updated_at, changed_position, version";

/// Folds the location events of `block` onto their rows.
pub(crate) async fn apply(conn: &mut PgConnection, block: &[StoredEvent]) -> Result<(), ProjectionError> {
    let events = streams::of::<LocationEvent>(block);
    if events.is_empty() {
        return Ok(());
    }
    let rows = load(conn, &events).await?;
    save(conn, &streams::folded(rows, &events, LocationRow::fold)?).await
}

impl StreamRow for LocationRow {
    fn blank(event: &StoredEvent) -> Self {
        Self {
            company_id: event.company_id,
            location_id: event.stream_id.as_ref().to_owned(),
            name: event.stream_id.as_ref().to_owned(),
            kind: "OWN".to_owned(),
            marketplace: None,
            stock_role: "PHYSICAL".to_owned(),
            authority: "LEDGER".to_owned(),
            is_primary: false,
            address: None,
            city: None,
            country: None,
            metadata: Json(serde_json::Map::new()),
            is_active: true,
            is_synced: false,
            created_at: event.recorded_at,
            updated_at: event.recorded_at,
            changed_position: 0,
            version: 0,
        }
    }

    fn key(&self) -> Key {
        (self.company_id, self.location_id.clone())
    }

    fn version(&self) -> i64 {
        self.version
    }
}

impl LocationRow {
    fn fold(&mut self, event: &StoredEvent) -> Result<(), ProjectionError> {
        match decode::<LocationEvent>(event)? {
            LocationEvent::LocationCreated(created) => {
                self.is_primary = created.is_primary;
                self.state(created.details)?;
            }
            LocationEvent::LocationEdited(edited) => self.state(edited.details)?,
            LocationEvent::LocationMadePrimary(_) => self.is_primary = true,
            LocationEvent::LocationPrimaryWithdrawn(_) => self.is_primary = false,
            LocationEvent::LocationDeactivated(_) => self.is_active = false,
            LocationEvent::LocationReactivated(_) => self.is_active = true,
        }
        self.updated_at = event.recorded_at;
        self.changed_position = event.position;
        self.version = event.version;
        Ok(())
    }

    fn state(&mut self, details: LocationDetails) -> Result<(), ProjectionError> {
        self.name = details.name;
        self.kind = rows::word(details.kind)?;
        self.marketplace = details.marketplace.map(rows::word).transpose()?;
        self.stock_role = rows::word(details.stock_role)?;
        self.authority = rows::word(details.authority)?;
        self.address = details.address;
        self.city = details.city;
        self.country = details.country;
        self.metadata = Json(details.metadata);
        Ok(())
    }
}

async fn load(conn: &mut PgConnection, events: &[&StoredEvent]) -> Result<Vec<LocationRow>, ProjectionError> {
    let companies: Vec<Uuid> = events.iter().map(|event| event.company_id).collect();
    let keys: Vec<&str> = events.iter().map(|event| event.stream_id.as_ref()).collect();
    let sql = format!(
        "select {COLUMNS} from locations
         where (company_id, location_id) in (select company_id, location_id from unnest($1::uuid[], $2::text[]) as k(company_id, location_id))"
    );
    Ok(sqlx::query_as(&sql).bind(companies).bind(keys).fetch_all(conn).await?)
}

async fn save(conn: &mut PgConnection, changed: &[LocationRow]) -> Result<(), ProjectionError> {
    let sql = format!(
        "insert into locations ({COLUMNS})
         select {COLUMNS} from json_populate_recordset(null::locations, $1::json)
         on conflict (company_id, location_id) do update set
             name = excluded.name,
             kind = excluded.kind,
             marketplace = excluded.marketplace,
             stock_role = excluded.stock_role,
             authority = excluded.authority,
             is_primary = excluded.is_primary,
             address = excluded.address,
             city = excluded.city,
             country = excluded.country,
             metadata = excluded.metadata,
             is_active = excluded.is_active,
             is_synced = excluded.is_synced,
             updated_at = excluded.updated_at,
             changed_position = excluded.changed_position,
             version = excluded.version"
    );
    sqlx::query(&sql).bind(rows::json(changed)?).execute(conn).await?;
    Ok(())
}
