//! The rules of settings, days, forecasts and dismissals of planning.

use chrono::{Days, NaiveDate};
use cqrs_es::test::TestFramework;
use domain::companies::settings::SettingsProblem;
use domain::companies::{Settings, SettingsRefusal};
use domain::planning::covariate::Covariates;
use domain::planning::event::{
    CalendarEvent, CovariateDay, CovariatesEvent, CovariatesSet, ForecastPolicy, ForecastPolicyChosen,
    ForecastRunEvent, ForecastRunPublished, HolidayRemoved, HolidaySet, PlanningScope,
    PlanningSettingsChosen, PlanningSettingsEvent, PublishedForecast, RecommendationDismissed,
    RecommendationEvent, RecommendationRulesChosen,
};
use domain::planning::input::{PLANNING_KEYS, PlanSettings};
use domain::planning::recommendation::{
    DismissalScope, RecommendationRules, RecommendationType, RecommendationTypes, THRESHOLDS,
};
use domain::planning::state::{Calendar, Dismissals, ForecastRun, ItemDays, PlanningSettings};
use domain::planning::{
    CalendarCommand, DismissRecommendation, Fixed, PlanningRefusal, PlanningSettingsCommand,
    PublishForecasts, RulesChange, SetCovariates,
};
use domain::shared::field::{FieldProblem, InvalidField};
use domain::shared::money::Currency;
use serde_json::{Value, json};

use crate::builders::item;
use crate::samples_planning;

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 4, day).unwrap()
}

type Settled = Result<Vec<PlanningSettingsEvent>, PlanningRefusal>;

fn settle(given: &[PlanningSettingsEvent], command: PlanningSettingsCommand) -> Settled {
    TestFramework::<PlanningSettings>::with(()).given(given.to_vec()).when(command).inspect_result()
}

fn only(kinds: &[RecommendationType]) -> RecommendationTypes {
    kinds.iter().copied().collect()
}

fn rules_chosen(rules: RecommendationRules) -> PlanningSettingsEvent {
    PlanningSettingsEvent::RecommendationRulesChosen(RecommendationRulesChosen { rules })
}

#[test]
fn rules_change_where_something_is_said_and_the_same_is_no_event() {
    let urgent = only(&[RecommendationType::Urgent]);
    let change = RulesChange { marketing: Some(Some(urgent)), ..RulesChange::default() };
    let choose = |change| PlanningSettingsCommand::ChooseRules { change };
    let mut rules = RecommendationRules::default();
    rules.role_rules.marketing = urgent;
    assert_eq!(settle(&[], choose(change)), Ok(vec![rules_chosen(rules)]));
    assert_eq!(settle(&[rules_chosen(rules)], choose(change)), Ok(vec![]));
    assert_eq!(settle(&[], choose(RulesChange::default())), Ok(vec![]));
    let back = RulesChange { marketing: Some(None), ..RulesChange::default() };
    let defaults = RecommendationRules::default();
    assert_eq!(settle(&[rules_chosen(rules)], choose(back)), Ok(vec![rules_chosen(defaults)]));
    let none = RulesChange {
        enabled_types: Some(Some(only(&[]))),
        ceo: Some(Some(urgent)),
        procurement: Some(Some(urgent)),
        ..RulesChange::default()
    };
    rules = RecommendationRules { enabled_types: only(&[]), ..defaults };
    (rules.role_rules.ceo, rules.role_rules.procurement) = (urgent, urgent);
    assert_eq!(settle(&[], choose(none)), Ok(vec![rules_chosen(rules)]));
}

#[test]
fn a_policy_is_chosen_once() {
    let choose = |policy| PlanningSettingsCommand::ChoosePolicy { policy };
    let policy = ForecastPolicy::Automatic;
    let chosen = PlanningSettingsEvent::ForecastPolicyChosen(ForecastPolicyChosen { policy });
    assert_eq!(settle(&[], choose(policy)), Ok(vec![chosen.clone()]));
    assert_eq!(settle(&[chosen], choose(policy)), Ok(vec![]));
    assert_eq!(settle(&[], choose(ForecastPolicy::MovingAverage)), Ok(vec![]), "the default");
}

fn mugs() -> PlanningScope {
    PlanningScope::Item { item_id: item("mug") }
}

fn choose(changes: &Value, around: &Settings) -> PlanningSettingsCommand {
    PlanningSettingsCommand::ChooseSettings {
        scope: mugs(),
        changes: changes.as_object().unwrap().clone(),
        around: Box::new(around.clone()),
        currency: Currency::new("EUR").unwrap(),
    }
}

fn chosen(changes: &Value) -> PlanningSettingsEvent {
    let changes = changes.as_object().unwrap().clone();
    PlanningSettingsEvent::PlanningSettingsChosen(PlanningSettingsChosen { scope: mugs(), changes })
}

fn refused(key: &str, reason: SettingsProblem) -> PlanningRefusal {
    PlanningRefusal::Settings(SettingsRefusal { key: key.to_owned(), reason })
}

#[test]
fn settings_of_an_item_keep_what_is_said_even_where_it_holds_around() {
    let around = Settings::default();
    let asked = json!({"dead_stock_days": 90, "urgent_risk": "65.50", "safety_buffer_days": null,
        "high_value_threshold": {"amount": "250", "currency": "EUR"}});
    let kept = json!({"dead_stock_days": 90, "urgent_risk": 65.5, "high_value_threshold": "250.00"});
    assert_eq!(settle(&[], choose(&asked, &around)), Ok(vec![chosen(&kept)]));
    assert_eq!(settle(&[chosen(&kept)], choose(&asked, &around)), Ok(vec![]));
    let back = json!({"urgent_risk": null});
    assert_eq!(settle(&[chosen(&kept)], choose(&back, &around)), Ok(vec![chosen(&back)]));
}

#[test]
fn settings_of_an_item_obey_r28_with_what_holds_around() {
    let around = Settings { understocked_threshold: 20, ..Settings::default() };
    let crossing = SettingsProblem::ThresholdsCross { understocked: 20, overstocked: 15 };
    let low = json!({"overstocked_threshold": 15});
    assert_eq!(settle(&[], choose(&low, &around)), Err(refused("overstocked_threshold", crossing)));
    let both = json!({"overstocked_threshold": 15, "understocked_threshold": 3});
    assert_eq!(settle(&[], choose(&both, &around)), Ok(vec![chosen(&both)]));
    let crossing = SettingsProblem::ThresholdsCross { understocked: 20, overstocked: 15 };
    let back = json!({"understocked_threshold": null});
    let refusal = settle(&[chosen(&both)], choose(&back, &around));
    assert_eq!(refusal, Err(refused("understocked_threshold", crossing)));
    let zero = settle(&[], choose(&json!({"dead_stock_days": 0}), &around));
    assert_eq!(zero, Err(refused("dead_stock_days", SettingsProblem::TooSmall(1))));
    let unknown = settle(&[], choose(&json!({"speed": 1}), &around));
    assert_eq!(unknown, Err(refused("speed", SettingsProblem::UnknownKey)));
    let dollars = json!({"high_value_threshold": {"amount": "1", "currency": "USD"}});
    let reason = SettingsProblem::OtherCurrency(Currency::new("EUR").unwrap());
    assert_eq!(settle(&[], choose(&dollars, &around)), Err(refused("high_value_threshold", reason)));
    let digest = settle(&[], choose(&json!({"digest_weekday": "SUN"}), &around));
    assert_eq!(digest, Err(PlanningRefusal::OnlyOfTheCompany { key: "digest_weekday".to_owned() }));
}

#[test]
fn the_keys_of_an_item_are_those_that_its_plan_uses() {
    let used = serde_json::to_value(PlanSettings::default()).unwrap();
    let mut used: Vec<&str> = used.as_object().unwrap().keys().map(String::as_str).collect();
    let mut listed = PLANNING_KEYS.to_vec();
    used.sort_unstable();
    listed.sort_unstable();
    assert_eq!(listed, used);
    assert!(THRESHOLDS.iter().all(|key| listed.contains(key)));
}

#[test]
fn a_holiday_is_set_named_and_removed_once() {
    let when = |given: &[CalendarEvent], command| {
        TestFramework::<Calendar>::with(()).given(given.to_vec()).when(command).inspect_result()
    };
    let date_local = day(6);
    let named = |name: &str| CalendarCommand::SetHoliday { date_local, name: name.to_owned() };
    let set = CalendarEvent::HolidaySet(HolidaySet { date_local, name: "Easter".to_owned() });
    let removed = CalendarEvent::HolidayRemoved(HolidayRemoved { date_local });
    let remove = CalendarCommand::RemoveHoliday { date_local };
    assert_eq!(when(&[], named(" Easter ")), Ok(vec![set.clone()]));
    assert_eq!(when(std::slice::from_ref(&set), named("Easter")), Ok(vec![]));
    assert_eq!(when(std::slice::from_ref(&set), named("Easter Monday")).unwrap().len(), 1);
    assert_eq!(when(std::slice::from_ref(&set), remove.clone()), Ok(vec![removed.clone()]));
    assert_eq!(when(&[set, removed], remove), Ok(vec![]));
    let problem = InvalidField { field: "name", problem: FieldProblem::Empty };
    assert_eq!(when(&[], named(" ")), Err(PlanningRefusal::Invalid(problem)));
}

fn promoted(on: u32) -> CovariateDay {
    let covariates = Covariates { promotion_flag: Some(true), ..Covariates::default() };
    CovariateDay { date_local: day(on), covariates }
}

fn spent(on: u32, cents: i64) -> CovariateDay {
    let covariates = Covariates { marketing_spend: Some(Fixed::of_steps(cents)), ..Covariates::default() };
    CovariateDay { date_local: day(on), covariates }
}

#[test]
fn days_are_set_where_they_become_others() {
    let when = |given: &[CovariatesEvent], days: &[CovariateDay]| {
        let command = SetCovariates { item_id: item("mug"), days: days.to_vec() };
        TestFramework::<ItemDays>::with(()).given(given.to_vec()).when(command).inspect_result()
    };
    let set = |days: &[CovariateDay]| {
        CovariatesEvent::CovariatesSet(CovariatesSet { item_id: item("mug"), days: days.to_vec() })
    };
    let nothing = |on| CovariateDay { date_local: day(on), covariates: Covariates::default() };
    let both = [promoted(1), spent(2, 500)];
    assert_eq!(when(&[], &both), Ok(vec![set(&both)]));
    assert_eq!(when(&[set(&both)], &both), Ok(vec![]));
    assert_eq!(when(&[set(&both)], &[promoted(1), nothing(2)]), Ok(vec![set(&[nothing(2)])]));
    assert_eq!(when(&[], &[nothing(1)]), Ok(vec![]));
    assert_eq!(when(&[], &[]), Ok(vec![]));

    let twice = when(&[], &[promoted(1), promoted(2), spent(1, 5)]);
    assert_eq!(twice, Err(PlanningRefusal::DayTwice { index: 2, date: day(1) }));
    let field = InvalidField { field: "marketing_spend", problem: FieldProblem::Negative };
    let refused = when(&[], &[promoted(1), spent(2, -1)]);
    assert_eq!(refused, Err(PlanningRefusal::InvalidDay { index: 1, field }));
}

fn forecast(number: u32) -> PublishedForecast {
    let ForecastRunEvent::ForecastsPublished(part) = samples_planning::forecast_runs().remove(1) else {
        panic!("the second sample is a part")
    };
    PublishedForecast { item_id: item(&number.to_string()), ..part.forecasts[0].clone() }
}

fn run() -> ForecastRunPublished {
    let ForecastRunEvent::ForecastRunPublished(run) = samples_planning::forecast_runs().remove(0) else {
        panic!("the first sample is a run")
    };
    run
}

#[test]
fn a_run_is_published_once_in_parts_of_a_thousand() {
    let when = |given: &[ForecastRunEvent], run, count: u32| {
        let command = PublishForecasts { run, forecasts: (0..count).map(forecast).collect() };
        TestFramework::<ForecastRun>::with(()).given(given.to_vec()).when(command).inspect_result()
    };
    let published = when(&[], run(), 2_001).unwrap();
    assert_eq!(
        published[0],
        ForecastRunEvent::ForecastRunPublished(ForecastRunPublished { items: 2_001, ..run() })
    );
    let parts: Vec<(u32, usize)> = published[1..]
        .iter()
        .map(|event| match event {
            ForecastRunEvent::ForecastsPublished(part) => (part.part, part.forecasts.len()),
            other @ ForecastRunEvent::ForecastRunPublished(_) => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(parts, [(1, 1_000), (2, 1_000), (3, 1)]);
    assert_eq!(when(&published, run(), 2_001), Ok(vec![]));
    assert_eq!(when(&published, run(), 2_000), Err(PlanningRefusal::RunDiffers));
    assert_eq!(when(&[], run(), 0).unwrap().len(), 1);
    let prophetic = ForecastRunPublished { demand_until: day(3), ..run() };
    let refusal = PlanningRefusal::DemandNotKnown { demand_until: day(3), published_on: day(2) };
    assert_eq!(when(&[], prophetic, 1), Err(refusal));
}

#[test]
fn a_dismissal_for_the_same_time_is_no_event() {
    let today = day(20);
    let RecommendationEvent::RecommendationDismissed(sample) = samples_planning::dismissal();
    let when = |given: &[RecommendationEvent], dismissed: &RecommendationDismissed| {
        let command = DismissRecommendation { dismissed: dismissed.clone(), today };
        TestFramework::<Dismissals>::with(()).given(given.to_vec()).when(command).inspect_result()
    };
    let dismissed = |of: &RecommendationDismissed| RecommendationEvent::RecommendationDismissed(of.clone());
    let given = [dismissed(&sample)];
    assert_eq!(when(&[], &sample), Ok(given.to_vec()));
    let other_words = RecommendationDismissed { notes: None, dismissed_by: None, ..sample.clone() };
    assert_eq!(when(&given, &other_words), Ok(vec![]));
    for other in [
        RecommendationDismissed { dismissal: DismissalScope::Forever, ..sample.clone() },
        RecommendationDismissed { dismissal: DismissalScope::Episode { episode: 2 }, ..sample.clone() },
        RecommendationDismissed { location_id: None, ..sample.clone() },
        RecommendationDismissed { kind: RecommendationType::Reorder, ..sample.clone() },
    ] {
        assert_eq!(when(&given, &other), Ok(vec![dismissed(&other)]));
    }
    let until =
        |date| RecommendationDismissed { dismissal: DismissalScope::Until { date }, ..sample.clone() };
    assert_eq!(when(&[], &until(today)).unwrap().len(), 1, "for the rest of today");
    let date = today - Days::new(1);
    assert_eq!(when(&[], &until(date)), Err(PlanningRefusal::UntilIsOver { date, today }));
    let notes = Some("x".repeat(2_001));
    let problem = FieldProblem::TooLong { max: 2_000, chars: 2_001 };
    let refusal = PlanningRefusal::Invalid(InvalidField { field: "notes", problem });
    assert_eq!(when(&[], &RecommendationDismissed { notes, ..sample.clone() }), Err(refusal));
}
