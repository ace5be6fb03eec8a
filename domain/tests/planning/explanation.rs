//! An explanation alone gives every figure again: its inputs through the program, its formulas through fractions.

use domain::planning::explain::{Inputs, fields};
use domain::planning::rulebook::RULES;
use domain::planning::{Explanation, ItemPlan};
use proptest::prelude::*;
use serde_json::Value;

use crate::fixture::{Fixture, online_retail, small};
use crate::formula::{Term, computed, term};
use crate::inputs::ordinary;

/// Figures that differ from what their formulas give.
fn unexplained(inputs: &Inputs, plan: &ItemPlan) -> Vec<String> {
    let (by_formula, figures) = (computed(inputs), fields(plan));
    let filled = |term: &Term| match term {
        Term::Words(words) if words.is_empty() => Term::Null,
        Term::List(list) if list.is_empty() => Term::Null,
        other => other.clone(),
    };
    RULES
        .iter()
        .filter(|rule| filled(&by_formula[rule.value]) != filled(&term(&figures[rule.value])))
        .map(|rule| format!("{}: {:?}, not {}", rule.value, by_formula[rule.value], figures[rule.value]))
        .collect()
}

fn explains_every_item(fixture: &Fixture, plans: &[ItemPlan], every: usize) {
    for (item, plan) in fixture.items.iter().zip(plans).step_by(every) {
        let mut master = item.master;
        // A category's seed is an input of the second round; it is what the plan says.
        if plan.method.name() == "CATEGORY_DEFAULT" {
            master.category_forecast = Some(plan.daily_forecast);
        }
        let explanation = item.with(fixture, master, |input| Explanation::of(input).unwrap());
        assert_eq!(explanation.plan, *plan, "{}", item.id);
        let sent: Inputs =
            serde_json::from_str(&serde_json::to_string(&explanation.inputs).unwrap()).unwrap();
        assert_eq!(sent, explanation.inputs);
        assert_eq!(sent.plan().unwrap(), *plan, "{}", item.id);
        assert_eq!(unexplained(&sent, plan), Vec::<String>::new(), "{}", item.id);
    }
}

#[test]
fn inputs_alone_and_formulas_alone_give_the_small_golden_files() {
    for settings in ["settings.json", "settings-defaults.json"] {
        let fixture = small(settings);
        explains_every_item(&fixture, &fixture.plans(), 1);
    }
}

#[test]
fn inputs_alone_and_formulas_alone_give_the_real_golden_file() {
    let fixture = online_retail();
    explains_every_item(&fixture, &fixture.plans(), 1);
}

#[test]
fn every_figure_of_a_plan_has_a_rule_or_is_an_input() {
    let fixture = small("settings.json");
    let item = &fixture.items[0];
    let explanation = item.with(&fixture, item.master, |input| Explanation::of(input).unwrap());
    let (inputs, figures) = (fields(&explanation.inputs), fields(&explanation.plan));
    for name in figures.keys() {
        let steps = explanation.steps.iter().filter(|step| step.value == name).count();
        assert_eq!(steps + usize::from(inputs.contains_key(name)), 1, "{name}");
    }
    assert_eq!(explanation.steps.len(), RULES.len());
}

#[test]
fn a_step_names_the_figures_that_its_formula_uses() {
    let fixture = small("settings.json");
    let item = fixture.items.iter().find(|item| item.id.as_str() == "10002").unwrap();
    let explanation = item.with(&fixture, item.master, |input| Explanation::of(input).unwrap());
    let step = explanation.steps.iter().find(|step| step.value == "runway_days").unwrap();
    let shown = serde_json::to_value(step).unwrap();
    assert_eq!(
        shown,
        serde_json::json!({
            "value": "runway_days", "rule": "R15", "takes": "first",
            "cases": [
                {"when": "daily_forecast = 0", "then": "null"},
                {"then": "round(on_hand / daily_forecast, 2)"},
            ],
            "from": {"on_hand": 63, "daily_forecast": "9.0000"},
            "result": "7.00",
        })
    );
    let used = explanation.steps.iter().flat_map(|step| step.from.iter());
    assert!(used.clone().count() > 80, "steps name what they use");
    assert!(used.clone().all(|(_, value)| !matches!(value, Value::Array(_) | Value::Object(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn the_program_and_the_formulas_agree_on_any_item(inputs in ordinary(5_000)) {
        let plan = inputs.plan().unwrap();
        prop_assert_eq!(unexplained(&inputs, &plan), Vec::<String>::new());
    }
}
