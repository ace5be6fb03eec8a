//! Samples of the events of purchasing, campaigns and planning, every field set.

use chrono::NaiveDate;
use domain::campaigns::event::{CampaignCancelled, CampaignEdited, CampaignEnded, CampaignPlanned};
use domain::campaigns::{CampaignDetails, CampaignEvent, CampaignLine, CampaignType};
use domain::planning::covariate::Covariates;
use domain::planning::event::{
    CalendarEvent, CovariateDay, CovariatesEvent, CovariatesSet, ForecastPolicy, ForecastPolicyChosen,
    ForecastRunEvent, ForecastRunPublished, ForecastTrigger, ForecastsPublished, HolidayRemoved, HolidaySet,
    PlanningScope, PlanningSettingsChosen, PlanningSettingsEvent, PublishedForecast, PublishedQuantile,
    RecommendationDismissed, RecommendationEvent, RecommendationRulesChosen,
};
use domain::planning::forecast::Method;
use domain::planning::recommendation::{DismissalScope, RecommendationRules, RecommendationType};
use domain::planning::{Fixed, Rate};
use domain::purchasing::order::event::{
    ExpectedDeliveryMoved, LineReceipt, Occurred, OrderConfirm, PurchaseOrderCancelled,
    PurchaseOrderClosedShort, PurchaseOrderConfirmed, PurchaseOrderCreated, PurchaseOrderEdited,
    PurchaseOrderPlaced, PurchaseOrderReceived, PurchaseOrderShipped, StatusStep,
};
use domain::purchasing::order::{OrderDetails, OrderStatus, OrderedLine, PurchaseOrderEvent};
use domain::purchasing::supplier::event::{
    SupplierContactsRecorded, SupplierCreated, SupplierDeactivated, SupplierEdited, SupplierReactivated,
    SupplierTermsRemoved, SupplierTermsSet,
};
use domain::purchasing::supplier::{SupplierDetails, SupplierEvent, SupplierTerms};
use domain::registry::AnyEvent;
use domain::shared::ids::{CampaignId, ForecastRunId, PurchaseOrderId, SupplierId, UserId};
use serde_json::json;

use crate::builders::*;

/// In the order of the registry.
pub(crate) fn samples() -> Vec<AnyEvent> {
    let suppliers = suppliers().into_iter().map(AnyEvent::from);
    let orders = orders().into_iter().map(AnyEvent::from);
    let campaigns = campaigns().into_iter().map(AnyEvent::from);
    let settings = planning_settings().into_iter().map(AnyEvent::from);
    let calendar = calendar().into_iter().map(AnyEvent::from);
    let runs = forecast_runs().into_iter().map(AnyEvent::from);
    let rest = suppliers.chain(orders).chain(campaigns).chain(settings).chain(calendar);
    rest.chain([covariates().into()]).chain(runs).chain([dismissal().into()]).collect()
}

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 4, day).unwrap()
}

/// Events of a supplier, for folding.
pub(crate) fn suppliers() -> Vec<SupplierEvent> {
    let details = SupplierDetails {
        name: "Ceramics Ltd".to_owned(),
        external_id: Some("S-10".to_owned()),
        supplier_type: Some("manufacturer".to_owned()),
        is_synced: true,
    };
    let terms = SupplierTerms {
        moq: Some(24),
        lead_time_days: Some(14),
        supplier_sku: Some("CER-77".to_owned()),
        supplier_cost: Some(eur("1.20")),
        packaging_unit: Some("box".to_owned()),
        packaging_qty: Some(12),
        is_primary: true,
        notes: Some("by lorry".to_owned()),
    };
    vec![
        SupplierEvent::SupplierCreated(SupplierCreated {
            supplier_id: SupplierId(id(21)),
            details: details.clone(),
        }),
        SupplierEvent::SupplierEdited(SupplierEdited { details }),
        SupplierEvent::SupplierContactsRecorded(SupplierContactsRecorded {
            fields: vec!["contact_email".to_owned(), "contact_phone".to_owned()],
        }),
        SupplierEvent::SupplierDeactivated(SupplierDeactivated {}),
        SupplierEvent::SupplierReactivated(SupplierReactivated {}),
        SupplierEvent::SupplierTermsSet(SupplierTermsSet { item_id: item("mug"), terms }),
        SupplierEvent::SupplierTermsRemoved(SupplierTermsRemoved { item_id: item("mug") }),
    ]
}

fn occurred() -> Occurred {
    Occurred { effective_at: now(), local_date: now().date_naive() }
}

fn step(from: OrderStatus) -> StatusStep {
    StatusStep { occurred: occurred(), from, notes: Some("by telephone".to_owned()) }
}

fn order_details() -> OrderDetails {
    OrderDetails {
        supplier_id: SupplierId(id(21)),
        location_id: main_store(),
        order_date: now().date_naive(),
        expected_delivery_date: Some(day(15)),
        currency: eur("0").currency,
        external_number: Some("4500012".to_owned()),
        shipping_method: Some("sea".to_owned()),
        shipping_unit: Some("pallet".to_owned()),
        notes: Some("before Easter".to_owned()),
        lines: vec![OrderedLine {
            line_no: 1,
            item_id: item("mug"),
            quantity: 120,
            unit_cost: Some(eur("1.20")),
            packaging_unit: Some("box".to_owned()),
            packaging_qty: Some(12),
            override_reason: Some("sample".to_owned()),
        }],
    }
}

/// Events of a purchase order, for folding.
pub(crate) fn orders() -> Vec<PurchaseOrderEvent> {
    use PurchaseOrderEvent as Event;
    let receipt = LineReceipt { line_no: 1, item_id: item("mug"), quantity: 48, movement_id: id(7) };
    vec![
        Event::PurchaseOrderCreated(PurchaseOrderCreated {
            occurred: occurred(),
            purchase_order_id: PurchaseOrderId(id(22)),
            po_number: "PO-2026-1".to_owned(),
            status: OrderStatus::Draft,
            details: order_details(),
        }),
        Event::PurchaseOrderEdited(PurchaseOrderEdited { occurred: occurred(), details: order_details() }),
        Event::PurchaseOrderPlaced(PurchaseOrderPlaced { step: step(OrderStatus::Draft) }),
        Event::PurchaseOrderConfirmed(PurchaseOrderConfirmed { step: step(OrderStatus::Pending) }),
        Event::PurchaseOrderShipped(PurchaseOrderShipped { step: step(OrderStatus::Confirmed) }),
        Event::ExpectedDeliveryMoved(ExpectedDeliveryMoved {
            occurred: occurred(),
            expected_delivery_date: Some(day(20)),
        }),
        Event::PurchaseOrderReceived(PurchaseOrderReceived {
            step: step(OrderStatus::Shipped),
            status: OrderStatus::PartiallyReceived,
            location_id: main_store(),
            receipts: vec![receipt],
            confirmed: vec![OrderConfirm::Backdated, OrderConfirm::OverReceipt],
        }),
        Event::PurchaseOrderCancelled(PurchaseOrderCancelled { step: step(OrderStatus::Pending) }),
        Event::PurchaseOrderClosedShort(PurchaseOrderClosedShort {
            step: step(OrderStatus::PartiallyReceived),
        }),
    ]
}

/// Events of a campaign, for folding.
pub(crate) fn campaigns() -> Vec<CampaignEvent> {
    let details = CampaignDetails {
        name: "Easter".to_owned(),
        campaign_type: CampaignType::Discount,
        start_date: day(3),
        end_date: day(12),
        is_draft: true,
        budget: Some(eur("500.00")),
        lines: vec![CampaignLine {
            item_id: item("mug"),
            discount: Some("12.5".parse().unwrap()),
            target_audience: Some("newsletter".to_owned()),
        }],
    };
    vec![
        CampaignEvent::CampaignPlanned(CampaignPlanned {
            campaign_id: CampaignId(id(23)),
            details: details.clone(),
        }),
        CampaignEvent::CampaignEdited(CampaignEdited { details }),
        CampaignEvent::CampaignEnded(CampaignEnded { end_date: day(10) }),
        CampaignEvent::CampaignCancelled(CampaignCancelled { notes: Some("no stock".to_owned()) }),
    ]
}

/// Events of settings of planning, for folding.
pub(crate) fn planning_settings() -> Vec<PlanningSettingsEvent> {
    let changes = json!({"safety_buffer_days": 9, "dead_stock_days": null});
    vec![
        PlanningSettingsEvent::RecommendationRulesChosen(RecommendationRulesChosen {
            rules: RecommendationRules::default(),
        }),
        PlanningSettingsEvent::ForecastPolicyChosen(ForecastPolicyChosen {
            policy: ForecastPolicy::Automatic,
        }),
        PlanningSettingsEvent::PlanningSettingsChosen(PlanningSettingsChosen {
            scope: PlanningScope::Category { category: "Kitchen".to_owned() },
            changes: changes.as_object().unwrap().clone(),
        }),
    ]
}

/// Events of a calendar, for folding.
pub(crate) fn calendar() -> Vec<CalendarEvent> {
    vec![
        CalendarEvent::HolidaySet(HolidaySet { date_local: day(6), name: "Easter Monday".to_owned() }),
        CalendarEvent::HolidayRemoved(HolidayRemoved { date_local: day(6) }),
    ]
}

/// An event of a product's days, for folding.
pub(crate) fn covariates() -> CovariatesEvent {
    let covariates = Covariates {
        promotion_flag: Some(true),
        holiday_flag: Some(false),
        marketing_spend: Some(Fixed::of_steps(12_550)),
    };
    CovariatesEvent::CovariatesSet(CovariatesSet {
        item_id: item("mug"),
        days: vec![CovariateDay { date_local: day(6), covariates }],
    })
}

/// Events of a run of forecasts, for folding.
pub(crate) fn forecast_runs() -> Vec<ForecastRunEvent> {
    let daily = |steps| vec![Rate::of_steps(steps); 30];
    vec![
        ForecastRunEvent::ForecastRunPublished(ForecastRunPublished {
            run_id: ForecastRunId(id(24)),
            trigger: ForecastTrigger::DayStarted,
            published_on: day(2),
            demand_until: day(1),
            policy: ForecastPolicy::External,
            location_id: Some(main_store()),
            inputs_hash: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
            items: 1,
        }),
        ForecastRunEvent::ForecastsPublished(ForecastsPublished {
            part: 1,
            forecasts: vec![PublishedForecast {
                item_id: item("mug"),
                method: Method::External,
                model: Some("chronos-2".to_owned()),
                daily_forecast: Rate::of_steps(82_000),
                forecast_14d: Rate::of_steps(1_148_000),
                forecast_30d: Rate::of_steps(2_460_000),
                daily: daily(82_000),
                quantiles: vec![PublishedQuantile { percent: 90, daily: daily(120_000) }],
            }],
        }),
    ]
}

/// An event of a product's recommendations, for folding.
pub(crate) fn dismissal() -> RecommendationEvent {
    RecommendationEvent::RecommendationDismissed(RecommendationDismissed {
        item_id: item("mug"),
        location_id: Some(main_store()),
        kind: RecommendationType::Promote,
        dismissal: DismissalScope::Until { date: day(30) },
        dismissed_by: Some(UserId(id(5))),
        notes: Some("sold out soon anyway".to_owned()),
    })
}
