//! Random facts that planning alone reads: suppliers, purchase orders, campaigns, published forecasts.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::campaigns::event as campaign;
use domain::campaigns::{CampaignEvent, CampaignType};
use domain::catalogue::product::ProductEvent;
use domain::catalogue::product::event::{ProductCreated, ProductDetails};
use domain::planning::Rate;
use domain::planning::event as planning;
use domain::planning::forecast::Method;
use domain::purchasing::order::event as order;
use domain::purchasing::order::{OrderDetails, OrderStatus, OrderedLine, PurchaseOrderEvent};
use domain::purchasing::supplier::event as supplier;
use domain::purchasing::supplier::{SupplierDetails, SupplierEvent, SupplierTerms};
use domain::shared::ids::{CampaignId, ForecastRunId, ItemId, LocationId, PurchaseOrderId, SupplierId};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::everything::{Everything, ITEMS, euro};

impl Everything {
    /// Something about a supplier, an order, a campaign or a run of forecasts, of which there are two each.
    pub(crate) fn planned(&mut self, company_id: Uuid, now: DateTime<Utc>) {
        let id = Uuid::from_u128(u128::from(1 + self.chance.below(2)));
        match self.chance.below(7) {
            6 => self.star(company_id, now),
            0 | 1 => self.supplier(company_id, id, now),
            2 | 3 => self.order(company_id, id, now),
            4 => self.campaign(company_id, id, now),
            _ => self.forecasts(company_id, now),
        }
    }

    /// A product of which somebody expects more than any plan can hold, or nothing unusual.
    fn star(&mut self, company_id: Uuid, now: DateTime<Utc>) {
        let expected: i64 = if self.chance.one_in(3) { 3 } else { 900_000_000_000_000 };
        let manual_daily_forecast = Some(Decimal::from(expected));
        let details = ProductDetails { manual_daily_forecast, ..self.details() };
        let created = ProductCreated { item_id: ItemId::new("star").unwrap(), details };
        self.push(company_id, "star", now, ProductEvent::ProductCreated(created));
    }

    fn item(&mut self) -> ItemId {
        let item = *self.chance.of(&ITEMS);
        ItemId::new(item).unwrap()
    }

    fn supplier(&mut self, company_id: Uuid, id: Uuid, now: DateTime<Utc>) {
        let details = SupplierDetails {
            name: format!("Supplier {}", self.chance.below(5)),
            external_id: Some(format!("S{}", self.chance.below(12))).filter(|_| self.chance.one_in(2)),
            supplier_type: None,
            is_synced: false,
        };
        let fact = match self.chance.below(9) {
            0 | 1 => SupplierEvent::SupplierCreated(supplier::SupplierCreated {
                supplier_id: SupplierId(id),
                details,
            }),
            2 => SupplierEvent::SupplierEdited(supplier::SupplierEdited { details }),
            3 => {
                let fields = vec!["email".to_owned()];
                SupplierEvent::SupplierContactsRecorded(supplier::SupplierContactsRecorded { fields })
            }
            4 => SupplierEvent::SupplierDeactivated(supplier::SupplierDeactivated {}),
            5 => SupplierEvent::SupplierReactivated(supplier::SupplierReactivated {}),
            6 => SupplierEvent::SupplierTermsRemoved(supplier::SupplierTermsRemoved { item_id: self.item() }),
            _ => {
                let terms = SupplierTerms {
                    moq: Some(self.chance.units(50)).filter(|_| self.chance.one_in(2)),
                    lead_time_days: Some(u32::try_from(self.chance.below(40)).unwrap()),
                    is_primary: self.chance.one_in(3),
                    ..SupplierTerms::default()
                };
                SupplierEvent::SupplierTermsSet(supplier::SupplierTermsSet { item_id: self.item(), terms })
            }
        };
        self.push(company_id, &id.to_string(), now, fact);
    }

    fn order(&mut self, company_id: Uuid, id: Uuid, now: DateTime<Utc>) {
        let at = now - TimeDelta::days(self.chance.units(6));
        let occurred = order::Occurred { effective_at: at, local_date: at.date_naive() };
        let step = || order::StatusStep { occurred, from: OrderStatus::Pending, notes: None };
        let fact = match self.chance.below(12) {
            0..=2 => PurchaseOrderEvent::PurchaseOrderCreated(order::PurchaseOrderCreated {
                occurred,
                purchase_order_id: PurchaseOrderId(id),
                po_number: "PO-2026-1".to_owned(),
                status: *self.chance.of(&[OrderStatus::Draft, OrderStatus::Pending]),
                details: self.order_details(at.date_naive()),
            }),
            3 => {
                let details = self.order_details(at.date_naive());
                PurchaseOrderEvent::PurchaseOrderEdited(order::PurchaseOrderEdited { occurred, details })
            }
            4 => PurchaseOrderEvent::PurchaseOrderPlaced(order::PurchaseOrderPlaced { step: step() }),
            5 => PurchaseOrderEvent::PurchaseOrderConfirmed(order::PurchaseOrderConfirmed { step: step() }),
            6 => PurchaseOrderEvent::PurchaseOrderShipped(order::PurchaseOrderShipped { step: step() }),
            7 => {
                let expected_delivery_date = Some(at.date_naive()).filter(|_| self.chance.one_in(2));
                let moved = order::ExpectedDeliveryMoved { occurred, expected_delivery_date };
                PurchaseOrderEvent::ExpectedDeliveryMoved(moved)
            }
            8 => PurchaseOrderEvent::PurchaseOrderCancelled(order::PurchaseOrderCancelled { step: step() }),
            9 => {
                PurchaseOrderEvent::PurchaseOrderClosedShort(order::PurchaseOrderClosedShort { step: step() })
            }
            _ => PurchaseOrderEvent::PurchaseOrderReceived(order::PurchaseOrderReceived {
                step: step(),
                status: *self.chance.of(&[OrderStatus::PartiallyReceived, OrderStatus::Received]),
                location_id: LocationId::new("MAIN").unwrap(),
                receipts: vec![order::LineReceipt {
                    line_no: 1 + u32::try_from(self.chance.below(2)).unwrap(),
                    item_id: self.item(),
                    quantity: 1 + self.chance.units(9),
                    movement_id: id,
                }],
                confirmed: Vec::new(),
            }),
        };
        self.push(company_id, &id.to_string(), now, fact);
    }

    fn order_details(&mut self, order_date: NaiveDate) -> OrderDetails {
        let line = |line_no, item_id, quantity| OrderedLine {
            line_no,
            item_id,
            quantity,
            unit_cost: None,
            packaging_unit: None,
            packaging_qty: None,
            override_reason: None,
        };
        let lines = (1..=2).map(|line_no| line(line_no, self.item(), 1 + self.chance.units(60))).collect();
        OrderDetails {
            supplier_id: SupplierId(Uuid::from_u128(1)),
            location_id: LocationId::new("MAIN").unwrap(),
            order_date,
            expected_delivery_date: Some(order_date).filter(|_| self.chance.one_in(2)),
            currency: euro(),
            external_number: None,
            shipping_method: None,
            shipping_unit: None,
            notes: None,
            lines,
        }
    }

    fn campaign(&mut self, company_id: Uuid, id: Uuid, now: DateTime<Utc>) {
        let day = now.date_naive();
        let details = campaign::CampaignDetails {
            name: "Sale".to_owned(),
            campaign_type: CampaignType::Discount,
            start_date: day,
            end_date: day + TimeDelta::days(self.chance.units(4)),
            is_draft: self.chance.one_in(4),
            budget: None,
            lines: vec![campaign::CampaignLine {
                item_id: self.item(),
                discount: None,
                target_audience: None,
            }],
        };
        let fact = match self.chance.below(5) {
            0 | 1 => CampaignEvent::CampaignPlanned(campaign::CampaignPlanned {
                campaign_id: CampaignId(id),
                details,
            }),
            2 => CampaignEvent::CampaignEdited(campaign::CampaignEdited { details }),
            3 => CampaignEvent::CampaignEnded(campaign::CampaignEnded { end_date: day }),
            _ => CampaignEvent::CampaignCancelled(campaign::CampaignCancelled { notes: None }),
        };
        self.push(company_id, &id.to_string(), now, fact);
    }

    /// A run and its forecasts.
    fn forecasts(&mut self, company_id: Uuid, now: DateTime<Utc>) {
        let id = Uuid::from_u128(0x7000 + u128::from(self.chance.below(1 << 40)));
        let published_on = (now - TimeDelta::days(self.chance.units(30))).date_naive();
        let run = planning::ForecastRunPublished {
            run_id: ForecastRunId(id),
            trigger: planning::ForecastTrigger::Imported,
            published_on,
            demand_until: published_on,
            policy: *self
                .chance
                .of(&[planning::ForecastPolicy::External, planning::ForecastPolicy::Automatic]),
            location_id: Some(LocationId::new("SHOP").unwrap()).filter(|_| self.chance.one_in(4)),
            inputs_hash: String::new(),
            items: 1,
        };
        self.push(company_id, &id.to_string(), now, planning::ForecastRunEvent::ForecastRunPublished(run));
        let daily = Rate::of_steps(self.chance.units(90_000));
        let forecast = planning::PublishedForecast {
            item_id: self.item(),
            method: *self.chance.of(&[Method::External, Method::Ses, Method::MovingAverage]),
            model: None,
            daily_forecast: daily,
            forecast_14d: Rate::of_steps(14 * daily.steps()),
            forecast_30d: Rate::of_steps(30 * daily.steps()),
            daily: Vec::new(),
            quantiles: Vec::new(),
        };
        let part = planning::ForecastsPublished { part: 1, forecasts: vec![forecast] };
        self.push(company_id, &id.to_string(), now, planning::ForecastRunEvent::ForecastsPublished(part));
    }
}
