//! Whatever was stored can be folded, in any order, with any numbers.

use cqrs_es::Aggregate;
use domain::campaigns::Campaign;
use domain::catalogue::location::Location;
use domain::catalogue::product::Product;
use domain::companies::Company;
use domain::planning::state::{Calendar, Dismissals, ForecastRun, ItemDays, PlanningSettings};
use domain::purchasing::order::PurchaseOrder;
use domain::purchasing::supplier::Supplier;
use domain::sales::{Channel, Quarantine, SalesReport};
use domain::stock::{Movement, StockEvent, StockItem};
use proptest::prelude::*;
use proptest::sample::select;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{builders, samples, samples_planning};

/// Folds, stores the state and reads it back.
fn folded<A: Aggregate + PartialEq + std::fmt::Debug>(events: Vec<A::Event>) {
    let mut state = A::default();
    for event in events {
        state.apply(event);
    }
    let stored = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<A>(&stored).unwrap(), state);
}

/// The same of what has no commands yet.
fn folded_by<S, E>(events: &[E], evolve: fn(&mut S, &E))
where
    S: Default + PartialEq + std::fmt::Debug + Serialize + DeserializeOwned,
{
    let mut state = S::default();
    for event in events {
        evolve(&mut state, event);
    }
    let stored = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<S>(&stored).unwrap(), state);
}

fn any_of<E: Clone + std::fmt::Debug + 'static>(samples: Vec<E>) -> impl Strategy<Value = Vec<E>> {
    prop::collection::vec(select(samples), 0..20)
}

fn any_movement() -> impl Strategy<Value = Movement> {
    (any::<i64>(), any::<i64>(), any::<i64>(), any::<Option<i64>>(), any::<bool>(), select(vec!["A", "B"]))
        .prop_map(|(quantity, effect, balance_after, anchored_at, late, location)| Movement {
            location_id: builders::place(location),
            quantity,
            effect,
            balance_after,
            anchored_at,
            superseded_by: late.then(|| builders::id(1)),
            discrepancy: None,
        })
}

/// A sample with other movements, instants and units.
fn any_stock_event() -> impl Strategy<Value = StockEvent> {
    let movements = prop::collection::vec(any_movement(), 0..3);
    (select(samples::stock()), movements, 0_i64..1_000, any::<i64>()).prop_map(
        |(event, movements, hours, units)| {
            let mut value = serde_json::to_value(&event).unwrap();
            let data = value.get_mut("data").unwrap();
            data["entry"]["movements"] = serde_json::to_value(movements).unwrap();
            data["entry"]["effective_at"] = serde_json::to_value(builders::hours_ago(hours)).unwrap();
            if data.get("sale").is_some() {
                data["sale"]["quantity"] = units.into();
            }
            if data.get("released").is_some() {
                data["released"] = units.into();
            }
            serde_json::from_value(value).unwrap()
        },
    )
}

proptest! {
    #[test]
    fn any_list_of_stock_events_folds(events in prop::collection::vec(any_stock_event(), 0..60)) {
        folded::<StockItem>(events);
    }

    #[test]
    fn any_list_of_product_events_folds(events in any_of(samples::products())) {
        folded::<Product>(events);
    }

    #[test]
    fn any_list_of_location_events_folds(events in any_of(samples::locations())) {
        folded::<Location>(events);
    }

    #[test]
    fn any_list_of_channel_events_folds(events in any_of(vec![samples::channels()])) {
        folded::<Channel>(events);
    }

    #[test]
    fn any_list_of_report_events_folds(events in any_of(vec![samples::reports()])) {
        folded::<SalesReport>(events);
    }

    #[test]
    fn any_list_of_quarantine_events_folds(events in any_of(samples::quarantine().to_vec())) {
        folded::<Quarantine>(events);
    }

    #[test]
    fn any_list_of_company_events_folds(events in any_of(samples::companies())) {
        folded::<Company>(events);
    }

    #[test]
    fn any_list_of_supplier_events_folds(events in any_of(samples_planning::suppliers())) {
        folded_by(&events, Supplier::evolve);
    }

    #[test]
    fn any_list_of_order_events_folds(events in any_of(samples_planning::orders())) {
        folded_by(&events, PurchaseOrder::evolve);
    }

    #[test]
    fn any_list_of_campaign_events_folds(events in any_of(samples_planning::campaigns())) {
        folded_by(&events, Campaign::evolve);
    }

    #[test]
    fn any_list_of_planning_settings_folds(events in any_of(samples_planning::planning_settings())) {
        folded_by(&events, PlanningSettings::evolve);
    }

    #[test]
    fn any_list_of_calendar_events_folds(events in any_of(samples_planning::calendar())) {
        folded_by(&events, Calendar::evolve);
    }

    #[test]
    fn any_list_of_covariates_folds(events in any_of(vec![samples_planning::covariates()])) {
        folded_by(&events, ItemDays::evolve);
    }

    #[test]
    fn any_list_of_forecast_run_events_folds(events in any_of(samples_planning::forecast_runs())) {
        folded_by(&events, ForecastRun::evolve);
    }

    #[test]
    fn any_list_of_dismissals_folds(events in any_of(vec![samples_planning::dismissal()])) {
        folded_by(&events, Dismissals::evolve);
    }
}
