//! Lists by plans against naive ones over all plans, while plans come, change and go.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use chrono::{NaiveDate, TimeDelta};
use domain::planning::class::Xyz;
use domain::planning::cover::{Colour, Status};
use domain::planning::forecast::Confidence;
use domain::planning::input::{Master, Stock};
use domain::planning::ordering::{ActionCategory, AttentionReason};
use domain::planning::recommendation::{RecommendationType, RecommendationTypes};
use domain::planning::summary::{self, Totals};
use domain::planning::{
    Amount, Days, Demand, Fixed, ItemInput, ItemPlan, PlanDay, PlanSettings, Rate, lists, plan,
};
use domain::shared::ids::ItemId;
use migrations::Role;
use projections::planning::{Planned, plan_row};
use projections::stock::board::{
    Ask, Boards, Column, Figure, Filter, Freshness, Other, PlanFilter, PlanWord, Range, RecommendationAsk,
    Sort, work_queue,
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::facts::{COMPANIES, Chance, read_models};
use crate::list::product;

const COMPANY: Uuid = COMPANIES[0];

#[tokio::test]
async fn every_page_by_plans_equals_a_naive_one_while_plans_come_and_go() {
    let (database, owner) = read_models().await;
    let boards = Boards::new(database.pool(Role::Api, 2).await.unwrap());
    let mut chance = Chance(97);
    let mut known = Known::default();
    for item in 0..80 {
        let (key, category) = (key(item), format!("c{}", item % 3));
        product(&owner, &key, (&key, &key, "Thing", &category), (None, item % 11 != 0), 1).await;
        known.products.insert(key, (category, item % 11 != 0));
    }
    for position in 2..14 {
        known.change(&owner, &mut chance, position).await;
        let other =
            known.plans.values().map(|planned| Planned { plan: random(&mut chance), ..planned.clone() });
        let other: BTreeMap<String, Planned> = other.map(|plan| (plan.item_key.clone(), plan)).collect();
        for ask in asks(&mut chance) {
            let found = boards.list(COMPANY, &ask, Freshness::Now).await.unwrap();
            let keys: Vec<String> = found.items.into_iter().map(|item| item.item_key).collect();
            assert_eq!((keys, found.total), known.naive(&known.plans, &ask), "{ask:?}");
        }
        let ask = asks(&mut chance).swap_remove(0);
        let plans = Other { levels: None, plans: Some(other.values().cloned().collect()) };
        let found = boards.list_other(COMPANY, &ask, plans, Freshness::Now).await.unwrap();
        let keys: Vec<String> = found.items.iter().map(|item| item.item_key.clone()).collect();
        assert_eq!((keys, found.total), known.naive(&other, &ask), "{ask:?}");
        known.recommendations(&boards, &mut chance).await;
        known.overview(&boards).await;
    }
}

#[test]
fn a_plan_costs_less_than_it_may() {
    let texts = 3 * 40;
    assert!(size_of::<Planned>() + texts <= 700, "{}", size_of::<Planned>());
}

/// What the tables hold.
#[derive(Default)]
struct Known {
    /// Category and whether it is listed, by key.
    products: BTreeMap<String, (String, bool)>,
    plans: BTreeMap<String, Planned>,
}

impl Known {
    /// Plans all items anew, or some; a few cannot be planned.
    async fn change(&mut self, owner: &PgPool, chance: &mut Chance, position: i64) {
        let all = chance.below(4) == 0;
        let touched: Vec<String> =
            self.products.keys().filter(|_| all || chance.below(5) == 0).cloned().collect();
        let (mut planned, mut unplanned) = (Vec::new(), Vec::new());
        for item in &touched {
            self.plans.remove(item);
            if chance.below(8) == 0 {
                unplanned.push(item.clone());
                continue;
            }
            let (category, is_active) = self.products[item].clone();
            let plan = Planned {
                item_key: item.clone(),
                item_id: item.clone(),
                category,
                is_active,
                value_week_ago: Amount::of_steps(chance.units(900)),
                demand_value: Amount::ZERO,
                xyz: Xyz::Z,
                demand_type: None,
                plan: random(chance),
            };
            self.plans.insert(item.clone(), plan.clone());
            planned.push(plan);
        }
        let mut tx = owner.begin().await.unwrap();
        sqlx::query("set local search_path = planning_1, public").execute(&mut *tx).await.unwrap();
        let replaced = Some(touched.as_slice()).filter(|_| !all);
        plan_row::replace(&mut tx, COMPANY, position, replaced, &planned).await.unwrap();
        sqlx::query("delete from unplanned where item_key = any($1)")
            .bind(&touched)
            .execute(&mut *tx)
            .await
            .unwrap();
        sqlx::query(
            "insert into unplanned (company_id, item_key, value, written_position)
             select $1, item, 'dir', $2 from unnest($3::text[]) as item",
        )
        .bind(COMPANY)
        .bind(position)
        .bind(&unplanned)
        .execute(&mut *tx)
        .await
        .unwrap();
        tx.commit().await.unwrap();
    }

    /// The listed items with their plans.
    fn listed<'a>(
        &'a self,
        plans: &'a BTreeMap<String, Planned>,
    ) -> impl Iterator<Item = (&'a String, Option<&'a ItemPlan>)> {
        let listed = self.products.iter().filter(|(_, (_, is_active))| *is_active);
        listed.map(|(key, _)| (key, plans.get(key).map(|planned| &planned.plan)))
    }

    fn naive(&self, plans: &BTreeMap<String, Planned>, ask: &Ask) -> (Vec<String>, usize) {
        let category =
            |key: &String| ask.filter.category.as_ref().is_none_or(|word| self.products[key].0 == *word);
        let named = |key: &String| ask.filter.items.as_ref().is_none_or(|items| items.contains(key));
        let mut rows: Vec<_> = self
            .listed(plans)
            .filter(|(key, plan)| category(key) && named(key) && passes(*plan, &ask.filter.plan))
            .collect();
        rows.sort_by(|(key, plan), (other_key, other)| {
            let by = |sort: &Sort| compare(*plan, *other, sort);
            let first = ask.sort.iter().map(by).find(|ordering| ordering.is_ne());
            first.unwrap_or(Ordering::Equal).then(key.cmp(other_key))
        });
        let total = rows.len();
        (rows.into_iter().skip(ask.offset).take(ask.limit).map(|(key, _)| key.clone()).collect(), total)
    }

    async fn recommendations(&self, boards: &Boards, chance: &mut Chance) {
        let kinds: RecommendationTypes =
            RecommendationType::ALL.iter().copied().filter(|_| chance.below(3) > 0).collect();
        let hidden = vec![(key(1), RecommendationType::Urgent), (key(2), RecommendationType::Promote)];
        let mut all: Vec<_> = self
            .listed(&self.plans)
            .filter_map(|(key, plan)| Some((key.clone(), plan?)))
            .flat_map(|(key, plan)| {
                plan.recommendation_types.iter().map(move |kind| (kind, key.clone(), plan))
            })
            .filter(|(kind, key, _)| kinds.contains(*kind) && !hidden.contains(&(key.clone(), *kind)))
            .collect();
        all.sort_by(|(kind, key, plan), (other_kind, other_key, other)| {
            kind.cmp(other_kind)
                .then(other.priority_score.cmp(&plan.priority_score))
                .then(other.stockout_risk.cmp(&plan.stockout_risk))
                .then(key.cmp(other_key))
        });
        let ask = RecommendationAsk { kinds, hidden, offset: 3, limit: 20, ..RecommendationAsk::default() };
        let found = boards.recommendations(COMPANY, &ask, None, Freshness::Now).await.unwrap();
        assert_eq!(found.total, all.len());
        let found: Vec<_> = found.items.into_iter().map(|row| (row.kind, row.item.item_key)).collect();
        let expected: Vec<_> = all.into_iter().skip(3).take(20).map(|(kind, key, _)| (kind, key)).collect();
        assert_eq!(found, expected);
    }

    async fn overview(&self, boards: &Boards) {
        let overview = boards.overview(COMPANY, None, Freshness::Now).await.unwrap();
        let (mut totals, mut unplanned, mut week_ago) = (Totals::default(), 0, 0);
        for planned in self.plans.values() {
            week_ago += planned.value_week_ago.steps();
            if planned.is_active {
                totals.add(&planned.plan).unwrap();
            } else {
                unplanned += planned.plan.inventory_value.steps();
            }
        }
        assert_eq!(overview.sums.totals, totals);
        assert_eq!(overview.sums.unplanned_value().unwrap(), Amount::of_steps(unplanned));
        assert_eq!(overview.sums.value_week_ago().unwrap(), Amount::of_steps(week_ago));
        let ids: Vec<(ItemId, ItemPlan)> = self
            .listed(&self.plans)
            .filter_map(|(key, plan)| Some((ItemId::new(key).unwrap(), *plan?)))
            .collect();
        let those = || ids.iter().map(|(id, plan)| (id, plan));
        let names = |planned: Vec<summary::Planned<'_>>| -> Vec<String> {
            planned.into_iter().map(|(id, _)| id.as_str().to_owned()).collect()
        };
        let rows = |rows: Vec<projections::stock::board::ItemRow>| -> Vec<String> {
            rows.into_iter().map(|row| row.item_id).collect()
        };
        assert_eq!(rows(overview.urgent), names(summary::top_urgent(those())));
        assert_eq!(rows(overview.understocked), names(summary::top_understocked(those())));
        assert_eq!(rows(overview.overstocked), names(summary::top_overstocked(those())));
        let red = Filter { plan: word(PlanWord::Health(Colour::Red)), ..Filter::default() };
        let red = Ask { filter: red, sort: work_queue(), offset: 0, limit: 20 };
        assert_eq!(rows(overview.red), self.naive(&self.plans, &red).0);
        let late =
            Filter { plan: word(PlanWord::Reason(AttentionReason::SupplierDelay)), ..Filter::default() };
        let late = Ask { filter: late, sort: work_queue(), offset: 0, limit: 20 };
        assert_eq!(rows(overview.late), self.naive(&self.plans, &late).0);
    }
}

fn word(word: PlanWord) -> PlanFilter {
    PlanFilter { words: vec![vec![word]], ..PlanFilter::default() }
}

fn key(item: u32) -> String {
    format!("key-{item:02}")
}

/// A plan with figures that meet often.
fn random(chance: &mut Chance) -> ItemPlan {
    let day: NaiveDate = "2026-03-02".parse().unwrap();
    let item = ItemId::new("any").unwrap();
    let mut plan = plan(&ItemInput {
        item_id: &item,
        day: PlanDay::live(day),
        demand: Demand { sold: None, daily: &[] },
        stock: Stock { units: 0, opened_on: None, closes: &[] },
        orders: &[],
        master: Master::default(),
        supply: None,
        forecast: None,
        settings: &PlanSettings::default(),
    })
    .unwrap();
    let days = |chance: &mut Chance| {
        let runs_out = chance.below(4) > 0;
        runs_out.then(|| Days::of_steps(chance.units(9) * 1_250))
    };
    plan.runway_days = days(chance);
    plan.depletion_date = plan.runway_days.map(|runway| day + TimeDelta::days(runway.steps() / 100));
    plan.dir = days(chance);
    plan.endless = plan.dir.is_none() && chance.below(2) == 0;
    plan.colour = any(chance, Colour::ALL);
    plan.status = any(chance, Status::ALL);
    if plan.status == Status::Understocked && plan.dir.is_none() {
        plan.dir = Some(Days::ZERO);
        plan.endless = false;
    }
    if plan.status == Status::Overstocked && plan.dir.is_none() {
        plan.endless = true;
    }
    plan.action_category = any(chance, ActionCategory::ALL);
    plan.confidence = any(chance, Confidence::ALL);
    plan.attention_reasons = AttentionReason::ALL.iter().copied().filter(|_| chance.below(3) == 0).collect();
    plan.recommendation_types =
        RecommendationType::ALL.iter().copied().filter(|_| chance.below(3) == 0).collect();
    plan.recommended_quantity = chance.units(7) - 3;
    plan.order_quantity = plan.recommended_quantity.max(0);
    plan.gross_need = chance.units(9) - 4;
    plan.suggested_quantity = Some(chance.units(5)).filter(|_| chance.below(2) == 0);
    plan.in_transit = chance.units(4);
    plan.daily_forecast = Rate::of_steps(chance.units(6));
    plan.forecast_14d = Rate::of_steps(14 * plan.daily_forecast.steps());
    plan.forecast_30d = Rate::of_steps(30 * plan.daily_forecast.steps());
    plan.avg_daily_30 = Rate::of_steps(chance.units(6));
    plan.unclamped_score = Fixed::of_steps(chance.units(13) * 1_000);
    plan.priority_score = plan.unclamped_score.min(Fixed::whole(100));
    plan.stockout_risk = Fixed::of_steps(chance.units(5) * 2_500);
    plan.lead_time_days = u32::try_from(chance.below(4)).unwrap();
    plan.safety_days = u32::try_from(chance.below(4)).unwrap();
    plan.moq = chance.units(3);
    plan.idle_days = Some(chance.units(4)).filter(|_| chance.below(3) > 0);
    plan.history_days = u32::try_from(chance.below(40)).unwrap();
    plan.inventory_value = Amount::of_steps(chance.units(5_000));
    plan.sum_30 = chance.units(50);
    (plan.on_hand_sum_30, plan.on_hand_days_30) =
        (chance.units(900), u32::try_from(chance.below(31)).unwrap());
    plan
}

fn any<T: Copy>(chance: &mut Chance, all: &[T]) -> T {
    all[usize::try_from(chance.below(u64::try_from(all.len()).unwrap())).unwrap()]
}

/// Every figure with a naive key: larger is later, none stands last in both directions.
type Naive = fn(&ItemPlan) -> Option<i64>;

fn place<T: PartialEq>(all: &[T], word: &T) -> Option<i64> {
    i64::try_from(all.iter().position(|known| known == word)?).ok()
}

const FIGURES: [(Figure, Naive); 25] = [
    (Figure::RunwayDays, |plan| plan.runway_days.map(Days::steps)),
    (Figure::DepletionDate, |plan| plan.depletion_date.map(|date| (date - NaiveDate::MIN).num_days())),
    (Figure::RecommendedQuantity, |plan| Some(plan.recommended_quantity)),
    (Figure::OrderQuantity, |plan| Some(plan.order_quantity)),
    (Figure::SuggestedQuantity, |plan| plan.suggested_quantity),
    (Figure::GrossNeed, |plan| Some(plan.gross_need)),
    (Figure::InTransit, |plan| Some(plan.in_transit)),
    (Figure::DailyForecast, |plan| Some(plan.daily_forecast.steps())),
    (Figure::Forecast14d, |plan| Some(plan.forecast_14d.steps())),
    (Figure::Forecast30d, |plan| Some(plan.forecast_30d.steps())),
    (Figure::AvgDaily30, |plan| Some(plan.avg_daily_30.steps())),
    (Figure::Confidence, |plan| place(Confidence::ALL, &plan.confidence)),
    (Figure::Health, |plan| place(Colour::ALL, &plan.colour)),
    (Figure::Status, |plan| place(Status::ALL, &plan.status)),
    (Figure::Action, |plan| place(ActionCategory::ALL, &plan.action_category)),
    (Figure::PriorityScore, |plan| Some(plan.priority_score.steps())),
    (Figure::UnclampedScore, |plan| Some(plan.unclamped_score.steps())),
    (Figure::StockoutRisk, |plan| Some(plan.stockout_risk.steps())),
    (Figure::LeadTimeDays, |plan| Some(plan.lead_time_days.into())),
    (Figure::SafetyDays, |plan| Some(plan.safety_days.into())),
    (Figure::Moq, |plan| Some(plan.moq)),
    (Figure::IdleDays, |plan| plan.idle_days),
    (Figure::HistoryDays, |plan| Some(plan.history_days.into())),
    (Figure::Recommendations, |plan| i64::try_from(plan.recommendation_types.iter().count()).ok()),
    (Figure::AttentionReasons, |plan| i64::try_from(plan.attention_reasons.iter().count()).ok()),
];

/// Whether there is a figure of days of inventory, or more of them than any figure.
fn is_known(plan: &ItemPlan) -> bool {
    plan.dir.is_some() || plan.endless
}

fn compare(one: Option<&ItemPlan>, other: Option<&ItemPlan>, sort: &Sort) -> Ordering {
    let Column::Plan(figure) = &sort.column else { panic!("only figures are sorted by here") };
    if *figure == Figure::Dir {
        return match (one, other) {
            (Some(one), Some(other)) if sort.descending => lists::by_dir_falling(one, other),
            (Some(one), Some(other)) => lists::by_dir(one, other),
            // No plan stands with the nulls.
            (Some(one), None) if is_known(one) => Ordering::Less,
            (None, Some(other)) if is_known(other) => Ordering::Greater,
            (Some(_), None) | (None, Some(_) | None) => Ordering::Equal,
        };
    }
    let naive = FIGURES.iter().find(|(known, _)| known == figure).unwrap().1;
    match (one.and_then(naive), other.and_then(naive)) {
        (Some(one), Some(other)) if sort.descending => other.cmp(&one),
        (Some(one), Some(other)) => one.cmp(&other),
        (one, other) => other.is_some().cmp(&one.is_some()),
    }
}

fn passes(plan: Option<&ItemPlan>, filter: &PlanFilter) -> bool {
    if *filter == PlanFilter::default() {
        return true;
    }
    let Some(plan) = plan else { return false };
    let said = |word: &PlanWord| match *word {
        PlanWord::Health(colour) => plan.colour == colour,
        PlanWord::Status(status) => plan.status == status,
        PlanWord::Not(status) => plan.status != status,
        PlanWord::Action(action) => plan.action_category == action,
        PlanWord::Confidence(confidence) => plan.confidence == confidence,
        PlanWord::Recommended(kind) => plan.recommendation_types.iter().any(|known| known == kind),
        PlanWord::Reason(reason) => plan.attention_reasons.iter().any(|known| known == reason),
    };
    let within = |range: Range, number: Option<Fixed<2>>, endless: bool| {
        let least = range.least.is_none_or(|least| endless || number.is_some_and(|number| number >= least));
        let most = range.most.is_none_or(|most| number.is_some_and(|number| number <= most));
        least && most
    };
    filter.words.iter().all(|any| any.iter().any(said))
        && within(filter.dir, plan.dir, plan.endless)
        && within(filter.risk, Some(plan.stockout_risk), false)
        && within(filter.runway, plan.runway_days, plan.runway_days.is_none())
        && filter.marketing_threshold.is_none_or(|days| plan.dir.is_some_and(|dir| dir <= Days::whole(days)))
        && (!filter.is_suggested || plan.suggested_quantity.is_some())
}

fn asks(chance: &mut Chance) -> Vec<Ask> {
    let figures = || FIGURES.iter().map(|(figure, _)| *figure).chain([Figure::Dir]);
    let mut asks = vec![Ask { sort: work_queue(), limit: 80, ..Ask::default() }];
    for figure in figures() {
        for descending in [false, true] {
            let second = figures().nth(usize::try_from(chance.below(26)).unwrap()).unwrap();
            let sort = |figure, descending| Sort { column: Column::Plan(figure), descending };
            asks.push(Ask {
                filter: Filter {
                    category: Some(format!("c{}", chance.below(4))).filter(|_| chance.below(5) == 0),
                    items: Some((0..40).map(key).chain(["nobody".to_owned()]).collect())
                        .filter(|_| chance.below(6) == 0),
                    plan: filter(chance),
                    ..Filter::default()
                },
                sort: vec![sort(figure, descending), sort(second, chance.below(2) == 0)],
                offset: usize::try_from(chance.below(3) * 5).unwrap(),
                limit: 9,
            });
        }
    }
    asks
}

fn filter(chance: &mut Chance) -> PlanFilter {
    let range = |chance: &mut Chance| {
        let limit = |chance: &mut Chance| {
            Some(Fixed::of_steps(chance.units(8) * 1_250)).filter(|_| chance.below(8) == 0)
        };
        Range::new(limit(chance), limit(chance))
    };
    let mut words = Vec::new();
    if chance.below(5) == 0 {
        words.push(vec![
            PlanWord::Status(any(chance, Status::ALL)),
            PlanWord::Health(any(chance, Colour::ALL)),
        ]);
    }
    if chance.below(5) == 0 {
        let word = match chance.below(5) {
            0 => PlanWord::Not(any(chance, Status::ALL)),
            1 => PlanWord::Action(any(chance, ActionCategory::ALL)),
            2 => PlanWord::Confidence(any(chance, Confidence::ALL)),
            3 => PlanWord::Recommended(any(chance, RecommendationType::ALL)),
            _ => PlanWord::Reason(any(chance, AttentionReason::ALL)),
        };
        words.push(vec![word]);
    }
    PlanFilter {
        words,
        dir: range(chance),
        risk: range(chance),
        runway: range(chance),
        marketing_threshold: Some(30).filter(|_| chance.below(8) == 0),
        is_suggested: chance.below(8) == 0,
    }
}
