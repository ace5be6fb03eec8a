//! Facts of other rooms as planning takes them: orders, suppliers, campaigns, settings of categories and items.

use chrono::{Days, NaiveDate, TimeDelta};
use domain::campaigns::event::{CampaignCancelled, CampaignEnded, CampaignPlanned};
use domain::campaigns::{
    Campaign, CampaignDetails, CampaignEvent, CampaignLine, CampaignState, CampaignType,
};
use domain::catalogue::product::event::ProductDetails;
use domain::companies::Settings;
use domain::planning::event::{PlanningScope, PlanningSettingsChosen, PlanningSettingsEvent};
use domain::planning::input::Master;
use domain::planning::state::{PlanningSettings, settings_of};
use domain::planning::supply::{Offer, Supply, chosen_offer};
use domain::purchasing::order::event::{
    ExpectedDeliveryMoved, LineReceipt, Occurred, PurchaseOrderCreated, PurchaseOrderEdited,
    PurchaseOrderPlaced, PurchaseOrderReceived, StatusStep,
};
use domain::purchasing::order::{OrderDetails, OrderStatus, OrderedLine, PurchaseOrder, PurchaseOrderEvent};
use domain::shared::ids::{CampaignId, ItemId, LocationId, PurchaseOrderId, SupplierId};
use domain::shared::money::{Currency, Money};
use serde_json::json;
use uuid::Uuid;

use crate::inputs::today;

fn item() -> ItemId {
    ItemId::new("mug").unwrap()
}

fn ago(days: u64) -> NaiveDate {
    today() - Days::new(days)
}

fn at(days: u64) -> Occurred {
    let local_date = ago(days);
    Occurred { effective_at: local_date.and_hms_opt(9, 0, 0).unwrap().and_utc(), local_date }
}

fn step(days: u64, from: OrderStatus) -> StatusStep {
    StatusStep { occurred: at(days), from, notes: None }
}

fn details(quantity: i64, expected: Option<NaiveDate>) -> OrderDetails {
    OrderDetails {
        supplier_id: SupplierId(Uuid::from_u128(1)),
        location_id: LocationId::new("MAIN").unwrap(),
        order_date: ago(20),
        expected_delivery_date: expected,
        currency: Currency::new("EUR").unwrap(),
        external_number: None,
        shipping_method: None,
        shipping_unit: None,
        notes: None,
        lines: vec![OrderedLine {
            line_no: 1,
            item_id: item(),
            quantity,
            unit_cost: None,
            packaging_unit: None,
            packaging_qty: None,
            override_reason: None,
        }],
    }
}

fn received(days: u64, quantity: i64, status: OrderStatus) -> PurchaseOrderEvent {
    PurchaseOrderEvent::PurchaseOrderReceived(PurchaseOrderReceived {
        step: step(days, OrderStatus::Pending),
        status,
        location_id: LocationId::new("MAIN").unwrap(),
        receipts: vec![LineReceipt { line_no: 1, item_id: item(), quantity, movement_id: Uuid::nil() }],
        confirmed: Vec::new(),
    })
}

fn order(events: &[PurchaseOrderEvent]) -> PurchaseOrder {
    let mut order = PurchaseOrder::default();
    for event in events {
        order.evolve(event);
    }
    order
}

fn created() -> PurchaseOrderEvent {
    PurchaseOrderEvent::PurchaseOrderCreated(PurchaseOrderCreated {
        occurred: at(20),
        purchase_order_id: PurchaseOrderId(Uuid::from_u128(2)),
        po_number: "PO-2026-1".to_owned(),
        status: OrderStatus::Draft,
        details: details(100, Some(ago(5))),
    })
}

#[test]
fn an_order_on_a_past_day_is_told_by_when_things_happened() {
    let order = order(&[
        created(),
        PurchaseOrderEvent::PurchaseOrderPlaced(PurchaseOrderPlaced { step: step(18, OrderStatus::Draft) }),
        PurchaseOrderEvent::ExpectedDeliveryMoved(ExpectedDeliveryMoved {
            occurred: at(6),
            expected_delivery_date: None,
        }),
        received(2, 60, OrderStatus::Received),
        // Learnt last, although it happened before.
        received(10, 40, OrderStatus::PartiallyReceived),
    ]);
    let known = order.known().unwrap();
    let statuses = [25, 20, 18, 10, 5, 2].map(|days| known.status_on(ago(days)).name());
    assert_eq!(
        statuses,
        ["draft", "draft", "pending", "partially_received", "partially_received", "received"]
    );
    assert_eq!((known.expected_on(ago(7)), known.expected_on(ago(6))), (Some(ago(5)), None));
    assert_eq!(known.status(), OrderStatus::Received);
    let arrivals = known.items[0].arrivals();
    assert_eq!(
        arrivals.iter().map(|arrival| (arrival.on, arrival.quantity)).collect::<Vec<_>>(),
        [(ago(10), 40), (ago(2), 60),]
    );
    let line = known.line_on(&known.items[0], &arrivals, ago(7));
    assert_eq!((line.ordered_on, line.status.is_active(), line.quantity), (ago(20), true, 100));
}

#[test]
fn an_edited_order_keeps_what_arrived() {
    let edited = PurchaseOrderEvent::PurchaseOrderEdited(PurchaseOrderEdited {
        occurred: at(1),
        details: details(80, None),
    });
    let order = order(&[created(), received(10, 40, OrderStatus::PartiallyReceived), edited]);
    let known = order.known().unwrap();
    assert_eq!((known.items[0].line.quantity, known.items[0].receipts.len()), (80, 1));
    assert_eq!((known.expected_on(ago(2)), known.expected_on(ago(1))), (Some(ago(5)), None));
}

#[test]
fn of_two_statuses_at_one_instant_the_later_recorded_holds() {
    let mut order = order(&[created()]);
    for event in [
        PurchaseOrderEvent::PurchaseOrderPlaced(PurchaseOrderPlaced { step: step(3, OrderStatus::Draft) }),
        received(3, 100, OrderStatus::Received),
    ] {
        order.evolve(&event);
    }
    assert_eq!(order.known().unwrap().status(), OrderStatus::Received);
}

#[test]
fn the_first_supplier_in_byte_order_is_taken_primary_ones_before_others() {
    let offer = |supplier, is_primary, days| Offer {
        supplier,
        is_primary,
        supply: Supply { lead_time_days: Some(days), moq: None },
    };
    let days = |offers: &[Offer<'_>]| chosen_offer(offers).and_then(|offer| offer.supply.lead_time_days);
    assert_eq!(days(&[offer("S9", false, 9), offer("S10", false, 3)]), Some(3));
    assert_eq!(days(&[offer("S9", true, 9), offer("S10", false, 3)]), Some(9));
    assert_eq!(days(&[]), None);
}

#[test]
fn a_cost_in_another_currency_is_as_good_as_missing() {
    let mut mug = ProductDetails::named(&item(), "Mug");
    let euros = Currency::new("EUR").unwrap();
    let cost = |code| Some(Money { amount: "1.25".parse().unwrap(), currency: Currency::new(code).unwrap() });
    mug.unit_cost = cost("EUR");
    mug.manual_daily_forecast = Some("0.25".parse().unwrap());
    let master = Master::of(&mug, euros);
    assert_eq!((master.unit_cost.unwrap().to_string(), master.in_campaign), ("1.25".to_owned(), false));
    assert_eq!(master.manual_daily_forecast.unwrap().to_string(), "0.2500");
    mug.unit_cost = cost("USD");
    assert_eq!(Master::of(&mug, euros).unit_cost, None);
}

fn campaign(is_draft: bool) -> Campaign {
    let mut campaign = Campaign::default();
    campaign.evolve(&CampaignEvent::CampaignPlanned(CampaignPlanned {
        campaign_id: CampaignId(Uuid::from_u128(3)),
        details: CampaignDetails {
            name: "Spring".to_owned(),
            campaign_type: CampaignType::Discount,
            start_date: ago(5),
            end_date: today(),
            is_draft,
            budget: None,
            lines: vec![CampaignLine { item_id: item(), discount: None, target_audience: None }],
        },
    }));
    campaign
}

#[test]
fn a_campaign_stands_where_its_days_say() {
    let spring = campaign(false);
    let known = spring.known().unwrap();
    let on = |days: i64| known.state_on(ago(5) + TimeDelta::days(days));
    assert_eq!(
        [on(-1), on(0), on(5), on(6)],
        [CampaignState::Scheduled, CampaignState::Active, CampaignState::Active, CampaignState::Finished]
    );
    assert!(known.holds(&item(), ago(6)) && known.holds(&item(), today()));
    assert!(
        !known.holds(&item(), today() + Days::new(1)) && !known.holds(&ItemId::new("cup").unwrap(), today())
    );
    assert_eq!(campaign(true).known().unwrap().state_on(today()), CampaignState::Draft);

    let mut ended = spring.clone();
    ended.evolve(&CampaignEvent::CampaignEnded(CampaignEnded { end_date: ago(1) }));
    assert_eq!(ended.known().unwrap().state_on(today()), CampaignState::Finished);
    let mut cancelled = spring;
    cancelled.evolve(&CampaignEvent::CampaignCancelled(CampaignCancelled { notes: None }));
    assert!(!cancelled.known().unwrap().holds(&item(), today()));
}

fn chosen(scope: PlanningScope, changes: &serde_json::Value) -> PlanningSettings {
    let mut settings = PlanningSettings::default();
    let changes = changes.as_object().unwrap().clone();
    settings
        .evolve(&PlanningSettingsEvent::PlanningSettingsChosen(PlanningSettingsChosen { scope, changes }));
    settings
}

#[test]
fn an_items_settings_go_before_its_categorys_and_those_before_the_companys() {
    let company = Settings::default().with(json!({"dead_stock_days": 50}).as_object().unwrap()).unwrap();
    let scope = PlanningScope::Category { category: "Lamps".to_owned() };
    let category = chosen(scope, &json!({"dead_stock_days": 40, "safety_buffer_days": 9}));
    let own = chosen(PlanningScope::Item { item_id: item() }, &json!({"safety_buffer_days": 2}));
    let none = PlanningSettings::default();
    let shown = |category, item| {
        let settings = settings_of(&company, category, item);
        (settings.dead_stock_days, settings.safety_buffer_days)
    };
    assert_eq!(shown(&none, &none), (50, None));
    assert_eq!(shown(&category, &none), (40, Some(9)));
    assert_eq!(shown(&category, &own), (40, Some(2)));
    let mut back = own.clone();
    back.evolve(&PlanningSettingsEvent::PlanningSettingsChosen(PlanningSettingsChosen {
        scope: PlanningScope::Item { item_id: item() },
        changes: json!({"safety_buffer_days": null}).as_object().unwrap().clone(),
    }));
    assert_eq!(shown(&category, &back), (40, Some(9)), "null takes it back to the category's");
}
