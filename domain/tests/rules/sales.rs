//! The rules of channels, daily reports and quarantined lines.

use chrono::{NaiveDate, TimeDelta};
use cqrs_es::test::TestFramework;
use domain::sales::event::{
    ChannelConfigured, DailySalesReported, LineKind, LineQuarantined, OnSale, QuarantineReason,
    QuarantineReleased, ReportedLine,
};
use domain::sales::{
    Channel, ChannelCommand, ChannelEvent, ChannelRefusal, OnDuplicate, Quarantine, QuarantineCommand,
    QuarantineEvent, QuarantineRefusal, SalesReport, SalesReportCommand, SalesReportEvent,
    SalesReportRefusal,
};
use domain::shared::field::{FieldProblem, InvalidField};
use domain::shared::money::{Currency, Money, MoneyError};
use domain::shared::quantity::MAX_QUANTITY;

use crate::builders::*;

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 3, day).unwrap()
}

fn reported(units_sold: i64, revenue: Option<Money>, replaced_units: Option<i64>) -> SalesReportEvent {
    SalesReportEvent::DailySalesReported(DailySalesReported {
        source: channel("site"),
        item_id: item("mug"),
        location_id: Some(main_store()),
        date_local: day(19),
        units_sold,
        revenue,
        replaced_units,
    })
}

fn report(units_sold: i64, revenue: Option<Money>, on_duplicate: OnDuplicate) -> SalesReportCommand {
    SalesReportCommand::ReportDay {
        source: channel("site"),
        item_id: item("mug"),
        location_id: Some(main_store()),
        date_local: day(19),
        units_sold,
        revenue,
        on_duplicate,
        today: day(20),
    }
}

fn when_reporting(
    given: &[SalesReportEvent],
    command: SalesReportCommand,
) -> Result<Vec<SalesReportEvent>, SalesReportRefusal> {
    TestFramework::<SalesReport>::with(()).given(given.to_vec()).when(command).inspect_result()
}

#[test]
fn a_channel_is_configured_and_the_same_again_is_no_event() {
    let set = || ChannelConfigured {
        location_id: Some(main_store()),
        on_sale: OnSale::Reserve,
        count_returns: Some(false),
    };
    let configured = ChannelEvent::ChannelConfigured(set());
    let when = |given: Vec<ChannelEvent>| -> Result<Vec<ChannelEvent>, ChannelRefusal> {
        let framework = TestFramework::<Channel>::with(()).given(given);
        framework.when(ChannelCommand::Configure(set())).inspect_result()
    };
    assert_eq!(when(vec![]), Ok(vec![configured.clone()]));
    assert_eq!(when(vec![configured]), Ok(vec![]));
}

#[test]
fn a_channel_that_nobody_configured_takes_stock_at_once_from_the_primary_location() {
    let configuration = Channel::default().configuration();
    assert_eq!((configuration.location_id, configuration.on_sale), (None, OnSale::Decrement));
    let written = TestFramework::<Channel>::with(())
        .given_no_previous_events()
        .when(ChannelCommand::Configure(Channel::default().configuration()))
        .inspect_result();
    assert_eq!(written.unwrap().len(), 1, "choosing the default is a choice");
}

#[test]
fn a_known_zero_day_is_a_report() {
    assert_eq!(when_reporting(&[], report(0, None, OnDuplicate::Replace)), Ok(vec![reported(0, None, None)]));
}

#[test]
fn a_further_report_replaces_and_says_what_it_replaced() {
    let replaced =
        when_reporting(&[reported(4, None, None)], report(6, Some(eur("12.50")), OnDuplicate::Replace));
    assert_eq!(replaced, Ok(vec![reported(6, Some(eur("12.50")), Some(4))]));
}

#[test]
fn an_identical_report_is_no_event() {
    let given = [reported(4, Some(eur("8")), None)];
    assert_eq!(when_reporting(&given, report(4, Some(eur("8.00")), OnDuplicate::Replace)), Ok(vec![]));
}

#[test]
fn a_further_report_may_be_added_or_left_out() {
    let given = [reported(4, Some(eur("8")), None)];
    let added = when_reporting(&given, report(2, Some(eur("4")), OnDuplicate::Append));
    assert_eq!(added, Ok(vec![reported(6, Some(eur("12")), Some(4))]));
    let without_revenue = when_reporting(&given, report(2, None, OnDuplicate::Append));
    assert_eq!(without_revenue, Ok(vec![reported(6, Some(eur("8")), Some(4))]));
    assert_eq!(when_reporting(&given, report(2, None, OnDuplicate::Skip)), Ok(vec![]));
    assert_eq!(when_reporting(&[], report(2, None, OnDuplicate::Skip)), Ok(vec![reported(2, None, None)]));
}

#[test]
fn reports_of_other_places_and_days_do_not_meet() {
    let SalesReportCommand::ReportDay { source, item_id, units_sold, revenue, on_duplicate, today, .. } =
        report(4, None, OnDuplicate::Replace);
    let elsewhere = SalesReportCommand::ReportDay {
        source,
        item_id,
        location_id: None,
        date_local: day(19),
        units_sold,
        revenue,
        on_duplicate,
        today,
    };
    assert_eq!(when_reporting(&[reported(4, None, None)], elsewhere).unwrap().len(), 1);
}

#[test]
fn units_sold_lie_between_zero_and_the_limit() {
    let refused = when_reporting(&[], report(-1, None, OnDuplicate::Replace));
    assert_eq!(refused, Err(SalesReportRefusal::NegativeUnits(-1)));
    let refused = when_reporting(&[], report(MAX_QUANTITY + 1, None, OnDuplicate::Replace));
    assert_eq!(refused, Err(SalesReportRefusal::TooManyUnits(MAX_QUANTITY + 1)));
    let given = [reported(MAX_QUANTITY, None, None)];
    let refused = when_reporting(&given, report(1, None, OnDuplicate::Append));
    assert_eq!(refused, Err(SalesReportRefusal::TooManyUnits(MAX_QUANTITY + 1)));
}

#[test]
fn a_day_that_has_not_begun_cannot_be_reported() {
    let SalesReportCommand::ReportDay { source, item_id, units_sold, revenue, on_duplicate, today, .. } =
        report(4, None, OnDuplicate::Replace);
    let tomorrow = SalesReportCommand::ReportDay {
        source,
        item_id,
        location_id: None,
        date_local: day(21),
        units_sold,
        revenue,
        on_duplicate,
        today,
    };
    let refusal = SalesReportRefusal::InTheFuture { date_local: day(21), today: day(20) };
    assert_eq!(when_reporting(&[], tomorrow), Err(refusal));
}

#[test]
fn revenue_is_an_amount_and_adds_up_in_one_currency() {
    let refused = when_reporting(&[], report(1, Some(eur("-1")), OnDuplicate::Replace));
    let problem = FieldProblem::Amount(MoneyError::Negative);
    assert_eq!(refused, Err(SalesReportRefusal::Invalid(InvalidField { field: "revenue", problem })));
    let dollars = Money { currency: Currency::new("USD").unwrap(), ..eur("1") };
    let refused =
        when_reporting(&[reported(1, Some(eur("1")), None)], report(1, Some(dollars), OnDuplicate::Append));
    let (reported, given) = (eur("1").currency, dollars.currency);
    assert_eq!(refused, Err(SalesReportRefusal::OtherCurrency { reported, given }));
}

fn reported_line(quantity: i64) -> ReportedLine {
    ReportedLine {
        kind: LineKind::Sale,
        channel: channel("shop"),
        order_id: "o".to_owned(),
        line_id: "l".to_owned(),
        item_id: item("nobody knows"),
        location_id: None,
        quantity,
        unit_price: None,
        sold_at: now(),
        offset_minutes: 0,
    }
}

fn keep(quantity: i64) -> QuarantineCommand {
    keep_line(reported_line(quantity))
}

fn keep_line(line: ReportedLine) -> QuarantineCommand {
    QuarantineCommand::Quarantine { line, reason: QuarantineReason::UnknownItem, now: now() }
}

fn kept() -> QuarantineEvent {
    let line = reported_line(2);
    QuarantineEvent::LineQuarantined(LineQuarantined { line, reason: QuarantineReason::UnknownItem })
}

fn released() -> QuarantineEvent {
    QuarantineEvent::QuarantineReleased(QuarantineReleased { already_recorded: false })
}

fn when_keeping(
    given: &[QuarantineEvent],
    command: QuarantineCommand,
) -> Result<Vec<QuarantineEvent>, QuarantineRefusal> {
    TestFramework::<Quarantine>::with(()).given(given.to_vec()).when(command).inspect_result()
}

#[test]
fn a_line_that_nobody_can_place_waits_and_is_released_once() {
    let release = || QuarantineCommand::Release { already_recorded: false };
    assert_eq!(when_keeping(&[], keep(2)), Ok(vec![kept()]));
    assert_eq!(when_keeping(&[kept()], release()), Ok(vec![released()]));
    assert_eq!(when_keeping(&[kept(), released()], release()), Err(QuarantineRefusal::AlreadyReleased));
    assert_eq!(when_keeping(&[], release()), Err(QuarantineRefusal::NotFound));
}

#[test]
fn one_entry_keeps_one_line() {
    assert_eq!(when_keeping(&[kept()], keep(2)), Err(QuarantineRefusal::AlreadyQuarantined));
    assert_eq!(when_keeping(&[kept(), released()], keep(2)), Err(QuarantineRefusal::AlreadyQuarantined));
}

#[test]
fn a_quarantined_line_moves_something_within_the_limit() {
    assert_eq!(when_keeping(&[], keep(0)), Err(QuarantineRefusal::QuantityNotPositive(0)));
    let refused = when_keeping(&[], keep(MAX_QUANTITY + 1));
    assert_eq!(refused, Err(QuarantineRefusal::QuantityTooLarge(MAX_QUANTITY + 1)));
}

#[test]
fn a_quarantined_line_has_happened() {
    let latest = now() + TimeDelta::minutes(5);
    let at = |sold_at| ReportedLine { sold_at, ..reported_line(2) };
    assert!(when_keeping(&[], keep_line(at(latest))).is_ok());
    let sold_at = latest + TimeDelta::seconds(1);
    let refused = when_keeping(&[], keep_line(at(sold_at)));
    assert_eq!(refused, Err(QuarantineRefusal::InTheFuture { sold_at, latest }));
}

#[test]
fn only_a_waiting_line_is_shown() {
    let mut quarantine = Quarantine::default();
    assert_eq!(quarantine.waiting(), None);
    quarantine.evolve(&kept());
    assert_eq!(quarantine.waiting(), Some(&reported_line(2)));
    quarantine.evolve(&released());
    assert_eq!(quarantine.waiting(), None);
}
