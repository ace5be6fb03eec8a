//! One sample of every event type, every field set, in the order of the registry.

use chrono::NaiveDate;
use domain::catalogue::location::LocationEvent;
use domain::catalogue::location::event::{
    Authority, LocationCreated, LocationDeactivated, LocationDetails, LocationEdited, LocationKind,
    LocationMadePrimary, LocationPrimaryWithdrawn, LocationReactivated, Marketplace, StockRole,
};
use domain::catalogue::product::ProductEvent;
use domain::catalogue::product::event::{
    Listing, ProductCreated, ProductDeactivated, ProductDetails, ProductEdited, ProductReactivated,
    ProductRenamed,
};
use domain::companies::CompanyEvent;
use domain::companies::event::{
    CompanyFounded, CompanyProfileEdited, CurrencyLocked, DayStarted, Profile, SettingsChosen,
};
use domain::registry::AnyEvent;
use domain::sales::event::{
    ChannelConfigured, DailySalesReported, LineKind, LineQuarantined, OnSale, QuarantineReason,
    QuarantineReleased, ReportedLine,
};
use domain::sales::{ChannelEvent, QuarantineEvent, SalesReportEvent};
use domain::stock::event::{
    Discrepancy, OpeningBalanceSet, ReservedUnitsShipped, Returned, SaleCancelled, Sold, StockAdjusted,
    StockCounted, StockReceived, StockTransferred, SyncedFromChannel, UnitsReserved,
};
use domain::stock::{AdjustKind, Confirm, Entry, Movement, Reason, SaleLine, StockEvent};
use serde_json::json;

use crate::builders::*;
use crate::samples_planning;

/// Deterministic; golden files are written from it.
pub(crate) fn samples() -> Vec<AnyEvent> {
    let stock = stock().into_iter().map(AnyEvent::from);
    let products = products().into_iter().map(AnyEvent::from);
    let locations = locations().into_iter().map(AnyEvent::from);
    let companies = companies().into_iter().map(AnyEvent::from);
    let first = stock.chain(products).chain(locations).chain(sales()).chain(companies);
    first.chain(samples_planning::samples()).collect()
}

/// Events of stock, for folding.
pub(crate) fn stock() -> Vec<StockEvent> {
    let (notes, confirmed) =
        (Some("after the flood".to_owned()), vec![Confirm::Backdated, Confirm::LargeChange]);
    let reference = Some("PO-2026-0001".to_owned());
    let late = Movement { superseded_by: Some(id(9)), effect: 0, ..movement("MAIN", -3, -3, 7) };
    vec![
        StockEvent::OpeningBalanceSet(OpeningBalanceSet { entry: stated(40), notes: notes.clone() }),
        StockEvent::StockAdjusted(StockAdjusted {
            entry: entry(vec![late]),
            kind: AdjustKind::Subtract,
            reason: Reason::Damage,
            notes: notes.clone(),
            confirmed: confirmed.clone(),
        }),
        StockEvent::StockCounted(StockCounted {
            entry: stated(38),
            notes: notes.clone(),
            confirmed: confirmed.clone(),
        }),
        StockEvent::StockTransferred(StockTransferred {
            entry: entry(vec![movement("MAIN", -5, -5, 33), movement("SHOP", 5, 5, 5)]),
            notes: notes.clone(),
            confirmed: confirmed.clone(),
        }),
        StockEvent::StockReceived(StockReceived {
            entry: entry(vec![movement("MAIN", 12, 12, 45)]),
            reference: reference.clone(),
            notes: notes.clone(),
            confirmed: confirmed.clone(),
        }),
        StockEvent::Sold(Sold { entry: entry(vec![oversold()]), sale: sold_line() }),
        StockEvent::UnitsReserved(UnitsReserved {
            entry: entry(Vec::new()),
            location_id: main_store(),
            sale: sold_line(),
        }),
        StockEvent::ReservedUnitsShipped(ReservedUnitsShipped {
            entry: entry(vec![movement("MAIN", -2, -2, 43)]),
            sale: sold_line(),
        }),
        StockEvent::SaleCancelled(SaleCancelled {
            entry: entry(vec![movement("MAIN", 1, 1, 44)]),
            location_id: main_store(),
            sale: sold_line(),
            released: 1,
        }),
        StockEvent::Returned(Returned {
            entry: entry(vec![movement("MAIN", 2, 2, 46)]),
            sale: Some(sold_line()),
            reference,
            notes,
            confirmed,
        }),
        StockEvent::SyncedFromChannel(SyncedFromChannel { entry: stated(30), channel: channel("ozon") }),
    ]
}

fn oversold() -> Movement {
    Movement { discrepancy: Some(Discrepancy::Opened), ..movement("MAIN", -2, -2, -1) }
}

fn sold_line() -> SaleLine {
    SaleLine { unit_price: Some(eur("12.5000")), ..line("order-1", "order-1/1", 2) }
}

fn movement(location: &str, quantity: i64, effect: i64, balance_after: i64) -> Movement {
    Movement {
        location_id: place(location),
        quantity,
        effect,
        balance_after,
        anchored_at: None,
        superseded_by: None,
        discrepancy: None,
    }
}

fn stated(quantity: i64) -> Entry {
    entry(vec![Movement { anchored_at: Some(quantity), ..movement("MAIN", -2, -2, quantity) }])
}

fn entry(movements: Vec<Movement>) -> Entry {
    Entry {
        movement_id: id(7),
        effective_at: "2026-03-19T22:30:00.123456Z".parse().unwrap(),
        offset_minutes: 180,
        local_date: NaiveDate::from_ymd_opt(2026, 3, 20).unwrap(),
        movements,
    }
}

/// Events of a product, for folding.
pub(crate) fn products() -> Vec<ProductEvent> {
    let details = ProductDetails {
        sku: "MUG-1".to_owned(),
        product_name: "Кружка / Mug".to_owned(),
        category: "Kitchen".to_owned(),
        unit_cost: Some(eur("1.50")),
        selling_price: Some(eur("4.00")),
        lead_time_days: Some(14),
        safety_stock_days: Some(0),
        manual_daily_forecast: Some("0.2500".parse().unwrap()),
        listed_on: NaiveDate::from_ymd_opt(2026, 1, 31),
        barcodes: vec!["4006381333931".to_owned()],
        weight_g: Some(310),
        dimensions_mm: Some([120, 80, 95]),
        listings: vec![Listing { channel: "ozon".to_owned(), external_id: "148313".to_owned() }],
    };
    vec![
        ProductEvent::ProductCreated(ProductCreated { item_id: item("mug"), details: details.clone() }),
        ProductEvent::ProductEdited(ProductEdited { details }),
        ProductEvent::ProductRenamed(ProductRenamed { from: item("mug"), to: item("cup") }),
        ProductEvent::ProductDeactivated(ProductDeactivated {}),
        ProductEvent::ProductReactivated(ProductReactivated {}),
    ]
}

/// Events of a location, for folding.
pub(crate) fn locations() -> Vec<LocationEvent> {
    let details = LocationDetails {
        name: "Ozon Khorugvino".to_owned(),
        kind: LocationKind::MarketplaceFf,
        marketplace: Some(Marketplace::Ozon),
        stock_role: StockRole::Physical,
        authority: Authority::External,
        address: Some("Main street 1".to_owned()),
        city: Some("Solnechnogorsk".to_owned()),
        country: Some("RU".to_owned()),
        metadata: json!({"warehouse_id": 22_655_170}).as_object().unwrap().clone(),
    };
    let location_id = place("OZON-1");
    vec![
        LocationEvent::LocationCreated(LocationCreated {
            location_id,
            details: details.clone(),
            is_primary: true,
        }),
        LocationEvent::LocationEdited(LocationEdited { details }),
        LocationEvent::LocationMadePrimary(LocationMadePrimary {}),
        LocationEvent::LocationPrimaryWithdrawn(LocationPrimaryWithdrawn {}),
        LocationEvent::LocationDeactivated(LocationDeactivated {}),
        LocationEvent::LocationReactivated(LocationReactivated {}),
    ]
}

fn sales() -> Vec<AnyEvent> {
    vec![channels().into(), reports().into(), quarantine()[0].clone().into(), quarantine()[1].clone().into()]
}

/// An event of a channel, for folding.
pub(crate) fn channels() -> ChannelEvent {
    let location_id = Some(place("OZON-1"));
    let (on_sale, count_returns) = (OnSale::Reserve, Some(false));
    ChannelEvent::ChannelConfigured(ChannelConfigured { location_id, on_sale, count_returns })
}

/// An event of a report source, for folding.
pub(crate) fn reports() -> SalesReportEvent {
    SalesReportEvent::DailySalesReported(DailySalesReported {
        source: channel("site"),
        item_id: item("mug"),
        location_id: Some(main_store()),
        date_local: NaiveDate::from_ymd_opt(2026, 3, 19).unwrap(),
        units_sold: 6,
        revenue: Some(eur("24.00")),
        replaced_units: Some(5),
    })
}

/// Events of a quarantined line, for folding.
pub(crate) fn quarantine() -> [QuarantineEvent; 2] {
    let line = ReportedLine {
        kind: LineKind::Sale,
        channel: channel("ozon"),
        order_id: "order-2".to_owned(),
        line_id: "order-2/1".to_owned(),
        item_id: item("148313"),
        location_id: Some(place("OZON-9")),
        quantity: 3,
        unit_price: Some(eur("4.00")),
        sold_at: now(),
        offset_minutes: 180,
    };
    let reason = QuarantineReason::UnknownItem;
    [
        QuarantineEvent::LineQuarantined(LineQuarantined { line, reason }),
        QuarantineEvent::QuarantineReleased(QuarantineReleased { already_recorded: true }),
    ]
}

/// Events of a company, for folding.
pub(crate) fn companies() -> Vec<CompanyEvent> {
    let currency = eur("0").currency;
    let profile = Profile { name: "Mugs Ltd".to_owned(), currency, time_zone: chrono_tz::Europe::London };
    let changes = json!({"dead_stock_days": 60, "urgent_risk": 65.5, "high_value_threshold": "250.00",
        "digest_time": "07:30", "safety_buffer_days": null});
    vec![
        CompanyEvent::CompanyFounded(CompanyFounded { profile: profile.clone() }),
        CompanyEvent::CompanyProfileEdited(CompanyProfileEdited { profile }),
        CompanyEvent::CurrencyLocked(CurrencyLocked { currency }),
        CompanyEvent::SettingsChosen(SettingsChosen { changes: changes.as_object().unwrap().clone() }),
        CompanyEvent::DayStarted(DayStarted { date: NaiveDate::from_ymd_opt(2026, 3, 20).unwrap() }),
    ]
}
