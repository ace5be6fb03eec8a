//! The rules of one company.

use chrono::NaiveDate;
use cqrs_es::test::TestFramework;
use domain::companies::event::{
    CompanyFounded, CompanyProfileEdited, CurrencyLocked, DayStarted, Profile, SettingsChosen,
};
use domain::companies::settings::SettingsProblem;
use domain::companies::{Company, CompanyCommand, CompanyEvent, CompanyRefusal, SettingsRefusal};
use domain::shared::field::{FieldProblem, InvalidField};
use domain::shared::money::Currency;
use serde_json::{Map, Value, json};

fn profile() -> Profile {
    Profile {
        name: "Mugs Ltd".to_owned(),
        currency: Currency::new("EUR").unwrap(),
        time_zone: chrono_tz::Europe::London,
    }
}

fn founded() -> CompanyEvent {
    CompanyEvent::CompanyFounded(CompanyFounded { profile: profile() })
}

fn locked() -> CompanyEvent {
    CompanyEvent::CurrencyLocked(CurrencyLocked { currency: profile().currency })
}

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 3, day).unwrap()
}

fn started(date: NaiveDate) -> CompanyEvent {
    CompanyEvent::DayStarted(DayStarted { date })
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn choose(changes: &Value) -> CompanyCommand {
    CompanyCommand::ChooseSettings { changes: object(changes) }
}

fn chosen(changes: &Value) -> CompanyEvent {
    CompanyEvent::SettingsChosen(SettingsChosen { changes: object(changes) })
}

fn when(given: &[CompanyEvent], command: CompanyCommand) -> Result<Vec<CompanyEvent>, CompanyRefusal> {
    TestFramework::<Company>::with(()).given(given.to_vec()).when(command).inspect_result()
}

#[test]
fn a_company_is_founded_once() {
    assert_eq!(when(&[], CompanyCommand::Found { profile: profile() }), Ok(vec![founded()]));
    let again = when(&[founded()], CompanyCommand::Found { profile: profile() });
    assert_eq!(again, Err(CompanyRefusal::AlreadyFounded));
}

#[test]
fn a_company_has_a_name() {
    let nameless = Profile { name: " ".to_owned(), ..profile() };
    let problem = InvalidField { field: "name", problem: FieldProblem::Empty };
    let refused = when(&[], CompanyCommand::Found { profile: nameless });
    assert_eq!(refused, Err(CompanyRefusal::Invalid(problem)));
}

#[test]
fn nothing_happens_to_a_company_that_nobody_founded() {
    let commands = [
        CompanyCommand::EditProfile { profile: profile() },
        CompanyCommand::LockCurrency,
        choose(&json!({})),
        CompanyCommand::StartDay { date: day(1) },
    ];
    for command in commands {
        assert_eq!(when(&[], command), Err(CompanyRefusal::NotFound));
    }
}

#[test]
fn the_profile_is_edited_and_the_same_is_no_event() {
    let renamed = Profile { name: "Cups Ltd".to_owned(), ..profile() };
    let edited = CompanyEvent::CompanyProfileEdited(CompanyProfileEdited { profile: renamed.clone() });
    assert_eq!(when(&[founded()], CompanyCommand::EditProfile { profile: renamed }), Ok(vec![edited]));
    assert_eq!(when(&[founded()], CompanyCommand::EditProfile { profile: profile() }), Ok(vec![]));
}

#[test]
fn the_currency_stays_once_it_is_locked() {
    let in_dollars = || Profile { currency: Currency::new("USD").unwrap(), ..profile() };
    assert_eq!(when(&[founded()], CompanyCommand::EditProfile { profile: in_dollars() }).unwrap().len(), 1);
    let refused = when(&[founded(), locked()], CompanyCommand::EditProfile { profile: in_dollars() });
    assert_eq!(refused, Err(CompanyRefusal::CurrencyIsLocked { currency: profile().currency }));
    let renamed = Profile { name: "Cups Ltd".to_owned(), ..profile() };
    assert!(when(&[founded(), locked()], CompanyCommand::EditProfile { profile: renamed }).is_ok());
}

#[test]
fn the_currency_is_locked_once() {
    assert_eq!(when(&[founded()], CompanyCommand::LockCurrency), Ok(vec![locked()]));
    assert_eq!(when(&[founded(), locked()], CompanyCommand::LockCurrency), Ok(vec![]));
}

#[test]
fn settings_keep_what_became_different_in_one_shape() {
    let asked = json!({
        "dead_stock_days": 60.0,
        "count_returns": true,
        "urgent_risk": "65.50",
        "high_value_threshold": {"amount": "250", "currency": "EUR"},
        "digest_weekday": "SUN",
    });
    let kept = json!({
        "dead_stock_days": 60,
        "urgent_risk": 65.5,
        "high_value_threshold": "250.00",
        "digest_weekday": "SUN",
    });
    assert_eq!(when(&[founded()], choose(&asked)), Ok(vec![chosen(&kept)]));
    assert_eq!(when(&[founded(), chosen(&kept)], choose(&asked)), Ok(vec![]));
}

#[test]
fn null_takes_a_setting_back_to_its_default() {
    let given = [founded(), chosen(&json!({"dead_stock_days": 60}))];
    let back = json!({"dead_stock_days": null});
    assert_eq!(when(&given, choose(&back)), Ok(vec![chosen(&back)]));
    assert_eq!(when(&[founded()], choose(&back)), Ok(vec![]));
}

#[test]
fn a_setting_that_does_not_hold_is_refused_with_its_key() {
    let refused =
        |key: &str, reason| Err(CompanyRefusal::Settings(SettingsRefusal { key: key.to_owned(), reason }));
    let unknown = when(&[founded()], choose(&json!({"speed": 1})));
    assert_eq!(unknown, refused("speed", SettingsProblem::UnknownKey));
    let dollars = json!({"high_value_threshold": {"amount": "250", "currency": "USD"}});
    let reason = SettingsProblem::OtherCurrency(profile().currency);
    assert_eq!(when(&[founded()], choose(&dollars)), refused("high_value_threshold", reason));
    let nonsense = json!({"high_value_threshold": {"amount": 1}});
    let reason = SettingsProblem::WrongType("a decimal or money");
    assert_eq!(when(&[founded()], choose(&nonsense)), refused("high_value_threshold", reason));
}

#[test]
fn days_begin_once_and_in_order() {
    let start = |day| CompanyCommand::StartDay { date: day };
    assert_eq!(when(&[founded()], start(day(5))), Ok(vec![started(day(5))]));
    assert_eq!(when(&[founded(), started(day(5))], start(day(8))), Ok(vec![started(day(8))]));
    for date in [day(4), day(5)] {
        let refusal = CompanyRefusal::DayAlreadyStarted { date, newest: day(5) };
        assert_eq!(when(&[founded(), started(day(5))], start(date)), Err(refusal));
    }
}

#[test]
fn stored_settings_are_folded_whatever_they_hold() {
    let mut company = Company::default();
    company.evolve(&chosen(&json!({"speed": 1, "dead_stock_days": "soon", "promote_dir": 45})));
    assert_eq!((company.settings.promote_dir, company.settings.dead_stock_days), (45, 90));
}
