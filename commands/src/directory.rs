//! What the committer remembers of one company: its aggregates as they stand at the partition's head.
//!
//! Company, products, locations and channels are complete once the directory is loaded; stock, quarantine entries,
//! report streams and what planning knows come in one by one as commands touch them. Every state bears the version of its stream, so an event
//! is applied once whichever way it arrives.

use std::collections::HashMap;
use std::sync::Arc;

use cqrs_es::Aggregate;
use domain::catalogue::location::{KnownLocation, Location};
use domain::catalogue::product::{KnownProduct, Product};
use domain::companies::Company;
use domain::planning::state::{Calendar, Dismissals, ForecastRun, ItemDays, PlanningSettings};
use domain::sales::{Channel, Quarantine, SalesReport};
use domain::shared::event::{DecodeError, Event};
use domain::shared::ids::{ItemId, LocationId};
use domain::stock::{StockEvent, StockItem};
use event_log::event::StoredEvent;

use crate::refused::{RefusalKind, Refused};

/// An aggregate's state with the version of its stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cached<S> {
    /// Version of the last event in the state, 0 for a stream without events.
    pub(crate) version: i64,
    /// The state.
    pub(crate) state: S,
}

/// Aggregates of one type by stream id.
pub(crate) type Table<S> = HashMap<Arc<str>, Cached<S>>;

/// One company.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    company: Table<Company>,
    products: Table<Product>,
    locations: Table<Location>,
    channels: Table<Channel>,
    stock: Table<StockItem>,
    quarantine: Table<Quarantine>,
    reports: Table<SalesReport>,
    planning_settings: Table<PlanningSettings>,
    calendar: Table<Calendar>,
    item_days: Table<ItemDays>,
    forecast_runs: Table<ForecastRun>,
    dismissals: Table<Dismissals>,
    /// Present and former item ids to product keys.
    item_ids: HashMap<String, Arc<str>>,
    /// Skus to product keys.
    skus: HashMap<String, Vec<Arc<str>>>,
    /// Barcodes and ids of listings to product keys.
    codes: HashMap<String, Vec<Arc<str>>>,
    /// Newest position at which stock moved or was promised at a location.
    moved: HashMap<LocationId, i64>,
    /// Position at which the directory was loaded: movements before it are not in `moved`.
    loaded_at: i64,
    /// Number of the batch that used it last.
    pub(crate) last_used: u64,
}

/// Stream types that a directory holds completely.
pub(crate) const COMPLETE: [&str; 4] = ["company", "product", "location", "channel"];

/// An aggregate type that a directory holds.
pub(crate) trait Room: Aggregate<Services = ()> + Clone {
    /// Whether look-up tables hang on it.
    const INDEXED: bool = false;

    /// Where it is held.
    fn table(directory: &mut Directory) -> &mut Table<Self>;

    /// Keeps look-up tables in step with a state that replaces `before`.
    fn reindex(_directory: &mut Directory, _id: &Arc<str>, _before: Option<&Self>) {}
}

macro_rules! rooms {
    ($($state:ty => $field:ident),+) => { $(
        impl Room for $state {
            fn table(directory: &mut Directory) -> &mut Table<Self> {
                &mut directory.$field
            }
        }
    )+ };
}

rooms!(Company => company, Location => locations, Channel => channels, StockItem => stock,
       Quarantine => quarantine, SalesReport => reports, PlanningSettings => planning_settings, Calendar => calendar,
       ItemDays => item_days, ForecastRun => forecast_runs, Dismissals => dismissals);

impl Room for Product {
    const INDEXED: bool = true;

    fn table(directory: &mut Directory) -> &mut Table<Self> {
        &mut directory.products
    }

    fn reindex(directory: &mut Directory, id: &Arc<str>, before: Option<&Self>) {
        if let Some(before) = before.and_then(Product::known) {
            for name in names(before) {
                directory.item_ids.remove(name.as_str());
            }
            withdraw(&mut directory.skus, &before.details.sku, id);
            for code in codes(before) {
                withdraw(&mut directory.codes, code, id);
            }
        }
        let after = directory.products.get(id).and_then(|cached| cached.state.known());
        let Some(after) = after else { return };
        for name in names(after) {
            directory.item_ids.insert(name.as_str().to_owned(), id.clone());
        }
        directory.skus.entry(after.details.sku.clone()).or_default().push(id.clone());
        for code in codes(after) {
            directory.codes.entry(code.to_owned()).or_default().push(id.clone());
        }
    }
}

/// Present and former item ids.
fn names(product: &KnownProduct) -> impl Iterator<Item = &ItemId> {
    std::iter::once(&product.item_id).chain(&product.former_ids)
}

/// Barcodes and ids of listings.
fn codes(product: &KnownProduct) -> impl Iterator<Item = &str> {
    let listings = product.details.listings.iter().map(|listing| listing.external_id.as_str());
    product.details.barcodes.iter().map(String::as_str).chain(listings)
}

fn withdraw(index: &mut HashMap<String, Vec<Arc<str>>>, name: &str, id: &Arc<str>) {
    if let Some(keys) = index.get_mut(name) {
        keys.retain(|key| key != id);
        if keys.is_empty() {
            index.remove(name);
        }
    }
}

impl Directory {
    /// A directory folded from a company's events of the [`COMPLETE`] types, as of `position`.
    pub(crate) fn load(events: &[StoredEvent], position: i64) -> Result<Self, DecodeError> {
        let mut directory = Self { loaded_at: position, ..Self::default() };
        for event in events {
            directory.absorb(event)?;
        }
        Ok(directory)
    }

    /// Brings the state of one stream up to `event`, if it is held and stands just before it.
    pub(crate) fn absorb(&mut self, event: &StoredEvent) -> Result<(), DecodeError> {
        match event.stream_type.as_ref() {
            "company" => self.apply::<Company>(event, true),
            "product" => self.apply::<Product>(event, true),
            "location" => self.apply::<Location>(event, true),
            "channel" => self.apply::<Channel>(event, true),
            "stock_item" => {
                let decoded = StockEvent::decode(&event.event_type, event.schema_version, &event.payload)?;
                for location in decoded.locations() {
                    self.note_movement(location, event.position);
                }
                self.take::<StockItem>(event, decoded);
                Ok(())
            }
            "quarantine" => self.apply::<Quarantine>(event, false),
            "sales_report" => self.apply::<SalesReport>(event, false),
            "planning_settings" => self.apply::<PlanningSettings>(event, false),
            "calendar" => self.apply::<Calendar>(event, false),
            "covariates" => self.apply::<ItemDays>(event, false),
            "forecast_run" => self.apply::<ForecastRun>(event, false),
            "recommendation" => self.apply::<Dismissals>(event, false),
            _ => Ok(()),
        }
    }

    fn apply<A: Room>(&mut self, event: &StoredEvent, complete: bool) -> Result<(), DecodeError>
    where
        A::Event: Event,
    {
        let table = A::table(self);
        if complete && !table.contains_key(&event.stream_id) {
            table.insert(event.stream_id.clone(), Cached { version: 0, state: A::default() });
        }
        if table.get(&event.stream_id).is_none_or(|cached| event.version != cached.version + 1) {
            return Ok(());
        }
        let decoded = A::Event::decode(&event.event_type, event.schema_version, &event.payload)?;
        self.take::<A>(event, decoded);
        Ok(())
    }

    /// Applies a decoded event, if its stream is held and stands just before it.
    fn take<A: Room>(&mut self, event: &StoredEvent, decoded: A::Event) {
        let cached = A::table(self).get_mut(&event.stream_id);
        let Some(cached) = cached.filter(|cached| event.version == cached.version + 1) else { return };
        let before = (A::INDEXED && event.version > 1).then(|| cached.state.clone());
        cached.state.apply(decoded);
        cached.version = event.version;
        A::reindex(self, &event.stream_id, before.as_ref());
    }

    /// Notes that stock moves or is promised at `location` at `position`; answers what was noted before.
    pub(crate) fn note_movement(&mut self, location: &LocationId, position: i64) -> Option<i64> {
        match self.moved.get_mut(location) {
            Some(moved) => Some(std::mem::replace(moved, position)),
            None => self.moved.insert(location.clone(), position),
        }
    }

    /// Takes back what was noted of `location` since `before`.
    pub(crate) fn forget_movement(&mut self, location: &LocationId, before: Option<i64>) {
        match before {
            Some(position) => self.moved.insert(location.clone(), position),
            None => self.moved.remove(location),
        };
    }

    /// Position after which stock has certainly neither moved nor been promised at `location`.
    pub(crate) fn settled_at(&self, location: &LocationId) -> i64 {
        self.moved.get(location).copied().unwrap_or(0).max(self.loaded_at)
    }

    /// The company, once founded.
    pub(crate) fn company(&self) -> Option<&Company> {
        self.company.values().next().filter(|cached| cached.version > 0).map(|cached| &cached.state)
    }

    /// Key of the product that bears or bore this item id.
    pub(crate) fn bearer(&self, item_id: &ItemId) -> Option<&Arc<str>> {
        self.item_ids.get(item_id.as_str())
    }

    /// Present business key of the product with this key.
    pub(crate) fn present_item_id(&self, key: &str) -> Option<&ItemId> {
        self.products.get(key).and_then(|cached| cached.state.known()).map(|known| &known.item_id)
    }

    /// Category of the product with this key.
    pub(crate) fn category_of(&self, key: &str) -> Option<&str> {
        let known = self.products.get(key).and_then(|cached| cached.state.known());
        known.map(|known| known.details.category.as_str())
    }

    /// Whether some product is of this category.
    pub(crate) fn has_category(&self, category: &str) -> bool {
        let mut known = self.products.values().filter_map(|cached| cached.state.known());
        known.any(|known| known.details.category == category)
    }

    /// A location by its key.
    pub(crate) fn location(&self, id: &LocationId) -> Option<&KnownLocation> {
        self.locations.get(id.as_str()).and_then(|cached| cached.state.known())
    }

    /// All locations.
    pub(crate) fn locations(&self) -> impl Iterator<Item = &KnownLocation> {
        self.locations.values().filter_map(|cached| cached.state.known())
    }

    /// A channel's configuration, if it was ever set.
    pub(crate) fn channel(&self, id: &str) -> Option<&Channel> {
        self.channels.get(id).filter(|cached| cached.version > 0).map(|cached| &cached.state)
    }

    /// The stock of a product, if it is held.
    pub(crate) fn stock(&self, key: &str) -> Option<&Cached<StockItem>> {
        self.stock.get(key)
    }

    /// Number of stock states held.
    pub(crate) fn stock_held(&self) -> usize {
        self.stock.len()
    }

    /// Forgets all states that come in again as commands touch them.
    pub(crate) fn forget_loaded(&mut self) {
        self.stock.clear();
        self.quarantine.clear();
        self.reports.clear();
        self.planning_settings.clear();
        self.calendar.clear();
        self.item_days.clear();
        self.forecast_runs.clear();
        self.dismissals.clear();
    }

    /// Key of the product that `name` means: item id (present or former), then sku, then barcode or listing.
    pub(crate) fn resolve(&self, name: &ItemId) -> Result<Arc<str>, Refused> {
        if let Some(key) = self.item_ids.get(name.as_str()) {
            return Ok(key.clone());
        }
        let found = self.skus.get(name.as_str()).or_else(|| self.codes.get(name.as_str()));
        match found.map(Vec::as_slice) {
            Some([key]) => Ok(key.clone()),
            Some([_, _, ..]) => Err(Refused::new(
                "ambiguous_item",
                RefusalKind::Conflict,
                format!("several products bear {name}; use the item id"),
            )
            .at("/item_id")),
            _ => Err(Refused::new("unknown_item", RefusalKind::NotFound, format!("no product bears {name}"))
                .at("/item_id")),
        }
    }
}
