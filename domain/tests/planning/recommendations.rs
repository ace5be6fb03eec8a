//! R25: who sees what; episodes, ids and dismissals (decision 33).

use chrono::{Days, NaiveDate};
use domain::planning::event::{RecommendationDismissed, RecommendationEvent};
use domain::planning::recommendation::{
    Audience, DismissalScope, Episodes, RecommendationName, RecommendationRules, RecommendationType,
    RecommendationTypes,
};
use domain::planning::state::Dismissals;
use domain::shared::ids::{CompanyId, ItemId, LocationId};
use proptest::prelude::*;
use uuid::Uuid;

use crate::inputs::today;

fn names(types: RecommendationTypes) -> Vec<&'static str> {
    types.iter().map(RecommendationType::name).collect()
}

#[test]
fn roles_see_what_the_rules_say() {
    let rules = RecommendationRules::default();
    let all = ["URGENT", "REORDER", "DEAD_STOCK", "REDUCE_ORDER", "PROMOTE"];
    assert_eq!(names(rules.seen_by(None)), all);
    assert_eq!(names(rules.seen_by(Some(Audience::Ceo))), all);
    assert_eq!(names(rules.seen_by(Some(Audience::Procurement))), all[..4]);
    assert_eq!(names(rules.seen_by(Some(Audience::Marketing))), ["DEAD_STOCK", "PROMOTE"]);
    let enabled_types = [RecommendationType::Promote].into_iter().collect();
    let fewer = RecommendationRules { enabled_types, ..rules };
    assert_eq!(names(fewer.seen_by(Some(Audience::Procurement))), Vec::<&str>::new());
    let stored = serde_json::to_value(rules).unwrap();
    assert_eq!(stored["role_rules"]["MARKETING"], serde_json::json!(["DEAD_STOCK", "PROMOTE"]));
    assert_eq!(serde_json::from_value::<RecommendationRules>(stored).unwrap(), rules);
}

#[test]
fn an_episode_lasts_while_the_recommendation_stays() {
    let day = |days: u64| today() + Days::new(days);
    let first = Episodes::default().on(day(0), false).on(day(1), true).on(day(2), true);
    assert_eq!((first.newest, first.is_open, first.since), (1, true, Some(day(1))));
    let gone = first.on(day(3), false).on(day(4), false);
    assert_eq!((gone.newest, gone.is_open), (1, false));
    let second = gone.on(day(5), true);
    assert_eq!((second.newest, second.is_open, second.since), (2, true, Some(day(5))));
}

fn name<'a>(item: &'a ItemId, location: Option<&'a LocationId>, episode: u32) -> Uuid {
    let company_id = CompanyId(Uuid::from_u128(7));
    RecommendationName { company_id, item, location, kind: RecommendationType::Reorder, episode }.id()
}

#[test]
fn ids_are_the_same_for_ever() {
    let item = ItemId::new("mug").unwrap();
    let id = name(&item, None, 1);
    assert_eq!(id, name(&item, None, 1));
    assert_eq!(id.get_version_num(), 8);
    assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
    let place = LocationId::new("MAIN").unwrap();
    assert_ne!(id, name(&item, Some(&place), 1));
    assert_ne!(id, name(&item, None, 2));
    let other = RecommendationName {
        company_id: CompanyId(Uuid::from_u128(8)),
        item: &item,
        location: None,
        kind: RecommendationType::Reorder,
        episode: 1,
    };
    assert_ne!(id, other.id());
}

fn dismissed(dismissal: DismissalScope) -> Dismissals {
    let mut dismissals = Dismissals::default();
    dismissals.evolve(&RecommendationEvent::RecommendationDismissed(RecommendationDismissed {
        item_id: ItemId::new("mug").unwrap(),
        location_id: None,
        kind: RecommendationType::Promote,
        dismissal,
        dismissed_by: None,
        notes: None,
    }));
    dismissals
}

#[test]
fn a_dismissal_holds_for_its_episode_until_its_date_or_for_ever() {
    let hides = |scope, episode, day: NaiveDate| {
        dismissed(scope).hides(RecommendationType::Promote, None, episode, day)
    };
    let (tomorrow, later) = (today() + Days::new(1), today() + Days::new(2));
    let episode = DismissalScope::Episode { episode: 3 };
    assert!(hides(episode, 3, later) && !hides(episode, 4, today()), "comes back with the next episode");
    let until = DismissalScope::Until { date: tomorrow };
    assert!(
        hides(until, 3, tomorrow) && hides(until, 4, today()) && !hides(until, 3, later),
        "after its date"
    );
    assert!(hides(DismissalScope::Forever, 99, later), "never");

    let all = dismissed(DismissalScope::Forever);
    assert!(!all.hides(RecommendationType::Urgent, None, 1, today()), "another recommendation");
    let place = LocationId::new("MAIN").unwrap();
    assert!(!all.hides(RecommendationType::Promote, Some(&place), 1, today()), "another plan");
}

proptest! {
    #[test]
    fn episodes_count_the_comings(holds in prop::collection::vec(any::<bool>(), 0..60)) {
        let mut episodes = Episodes::default();
        let mut comings = 0;
        let mut before = false;
        for (days, holds) in (0..).zip(holds) {
            episodes = episodes.on(today() + Days::new(days), holds);
            comings += u32::from(holds && !before);
            before = holds;
            prop_assert_eq!((episodes.newest, episodes.is_open), (comings, holds));
        }
    }
}
