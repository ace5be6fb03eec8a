//! Rows of `states`: products, locations, channels, companies, suppliers, orders, campaigns and settings as the domain
//! folds them. Whatever planning needs of them is asked of the domain's own state.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::PgConnection;
use uuid::Uuid;

use domain::campaigns::{Campaign, CampaignEvent};
use domain::catalogue::location::{Location, LocationEvent};
use domain::catalogue::product::{Product, ProductEvent};
use domain::companies::Company;
use domain::companies::event::CompanyEvent;
use domain::planning::event::PlanningSettingsEvent;
use domain::planning::state::PlanningSettings;
use domain::purchasing::order::{PurchaseOrder, PurchaseOrderEvent};
use domain::purchasing::supplier::{Supplier, SupplierEvent};
use domain::sales::{Channel, ChannelEvent};
use domain::shared::event::Event;
use event_log::event::StoredEvent;

use crate::projection::{ProjectionError, decode};
use crate::streams::{self, Key};

/// A state of the domain that is kept whole.
pub(super) trait State: Default + Clone + Serialize + DeserializeOwned {
    /// What changes it.
    type Event: Event;

    /// Takes in what happened.
    fn take_in(&mut self, event: &Self::Event);

    /// The kind under which it is kept.
    fn kind() -> &'static str {
        Self::Event::STREAM_TYPE
    }
}

macro_rules! states {
    ($($state:ty => $event:ty,)+) => {
        $(
            impl State for $state {
                type Event = $event;

                fn take_in(&mut self, event: &$event) {
                    self.evolve(event);
                }
            }
        )+
    };
}

states! {
    Product => ProductEvent,
    Location => LocationEvent,
    Company => CompanyEvent,
    Channel => ChannelEvent,
    Supplier => SupplierEvent,
    PurchaseOrder => PurchaseOrderEvent,
    Campaign => CampaignEvent,
    PlanningSettings => PlanningSettingsEvent,
}

/// A stream before and after a block.
pub(super) struct Changed<S> {
    pub(super) company_id: Uuid,
    pub(super) stream_id: String,
    pub(super) before: S,
    pub(super) after: S,
}

/// Folds a block's events of one kind onto their states and keeps them. An event at or below a state's version is in it
/// already.
pub(super) async fn fold<S: State>(
    conn: &mut PgConnection,
    block: &[StoredEvent],
) -> Result<Vec<Changed<S>>, ProjectionError> {
    let events = streams::of::<S::Event>(block);
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let mut versions: BTreeMap<Key, i64> = BTreeMap::new();
    let mut states: BTreeMap<Key, (S, S)> = BTreeMap::new();
    for (key, state, version) in load::<S>(conn, &events).await? {
        versions.insert(key.clone(), version);
        states.insert(key, (state.clone(), state));
    }
    let mut changed: BTreeMap<Key, i64> = BTreeMap::new();
    for event in events {
        let key = (event.company_id, event.stream_id.as_ref().to_owned());
        let version = versions.entry(key.clone()).or_default();
        if event.version <= *version {
            continue;
        }
        *version = event.version;
        changed.insert(key.clone(), event.version);
        states.entry(key).or_default().1.take_in(&decode::<S::Event>(event)?);
    }
    save(conn, &states, &changed).await?;
    states.retain(|key, _| changed.contains_key(key));
    let folded = states.into_iter().map(|((company_id, stream_id), (before, after))| Changed {
        company_id,
        stream_id,
        before,
        after,
    });
    Ok(folded.collect())
}

async fn load<S: State>(
    conn: &mut PgConnection,
    events: &[&StoredEvent],
) -> Result<Vec<(Key, S, i64)>, ProjectionError> {
    let rows: Vec<(Uuid, String, String, i64)> = sqlx::query_as(
        "select company_id, stream_id, state::text, version
         from states
         where kind = $1 and (company_id, stream_id) in (select company_id, stream_id
             from unnest($2::uuid[], $3::text[]) as touched (company_id, stream_id))",
    )
    .bind(S::kind())
    .bind(events.iter().map(|event| event.company_id).collect::<Vec<_>>())
    .bind(events.iter().map(|event| event.stream_id.as_ref()).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    let decoded = rows.into_iter().map(|(company_id, stream_id, state, version)| {
        Ok(((company_id, stream_id), decoded(&state)?, version))
    });
    decoded.collect::<Result<_, sqlx::Error>>().map_err(ProjectionError::from)
}

async fn save<S: State>(
    conn: &mut PgConnection,
    states: &BTreeMap<Key, (S, S)>,
    changed: &BTreeMap<Key, i64>,
) -> Result<(), ProjectionError> {
    let mut texts = Vec::with_capacity(changed.len());
    for key in changed.keys() {
        texts.push(crate::rows::json(&states.get(key).map(|(_, after)| after))?);
    }
    sqlx::query(
        "insert into states as known (company_id, kind, stream_id, state, version)
         select company_id, $1, stream_id, state::json, version
         from unnest($2::uuid[], $3::text[], $4::text[], $5::bigint[]) as t (company_id, stream_id, state, version)
         on conflict (company_id, kind, stream_id) do update set
             state = excluded.state,
             version = excluded.version",
    )
    .bind(S::kind())
    .bind(changed.keys().map(|key| key.0).collect::<Vec<_>>())
    .bind(changed.keys().map(|key| key.1.as_str()).collect::<Vec<_>>())
    .bind(texts)
    .bind(changed.values().copied().collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// States of one kind of a company, all or those of the named streams, by stream.
pub(super) async fn read<S: State>(
    conn: &mut PgConnection,
    company_id: Uuid,
    streams: Option<&[String]>,
) -> Result<BTreeMap<String, S>, sqlx::Error> {
    let rows: Vec<(String, String)> = match streams {
        None => {
            sqlx::query_as("select stream_id, state::text from states where company_id = $1 and kind = $2")
                .bind(company_id)
                .bind(S::kind())
                .fetch_all(conn)
                .await?
        }
        Some(streams) => {
            sqlx::query_as(
                "select stream_id, state::text from states
                 where company_id = $1 and kind = $2 and stream_id = any($3)",
            )
            .bind(company_id)
            .bind(S::kind())
            .bind(streams)
            .fetch_all(conn)
            .await?
        }
    };
    rows.into_iter().map(|(stream, state)| Ok((stream, decoded(&state)?))).collect()
}

/// A state as it was kept.
fn decoded<S: State>(state: &str) -> Result<S, sqlx::Error> {
    serde_json::from_str(state).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}
