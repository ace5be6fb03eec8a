//! R25: who sees what; episodes, ids and dismissals (decision 33).

use chrono::{Days, NaiveDate};
use domain::planning::event::{RecommendationDismissed, RecommendationEvent};
use domain::planning::recommendation::{
    Audience, DismissalScope, Episodes, NotAnId, RecommendationId, RecommendationRules, RecommendationType,
    RecommendationTypes,
};
use domain::planning::state::Dismissals;
use domain::shared::ids::{ItemId, LocationId};
use proptest::prelude::*;

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

fn id(location: Option<&str>, item: &str, episode: u32) -> RecommendationId {
    RecommendationId {
        kind: RecommendationType::DeadStock,
        episode,
        location_id: location.map(|name| LocationId::new(name).unwrap()),
        item_id: ItemId::new(item).unwrap(),
    }
}

#[test]
fn an_id_is_readable_and_one_segment_of_a_path() {
    assert_eq!(id(None, "85123A", 3).to_string(), "DEAD_STOCK~3~85123A");
    assert_eq!(id(Some("MAIN"), "tea-5_x", 1).to_string(), "DEAD_STOCK~1~MAIN~tea-5_x");
    assert_eq!(id(None, "a/b ~.", 1).to_string(), "DEAD_STOCK~1~a.2Fb.20.7E.2E");
    assert_eq!(id(None, "Чай", 1).to_string(), "DEAD_STOCK~1~.D0.A7.D0.B0.D0.B9");
}

#[test]
fn what_is_not_written_as_an_id_is_none() {
    for text in [
        "",
        "URGENT",
        "URGENT~1",
        "URGENT~1~",
        "URGENT~0~mug",
        "URGENT~01~mug",
        "URGENT~x~mug",
        "URGENT~4294967296~mug",
        "Urgent~1~mug",
        "URGENT~1~MAIN~mug~",
        "URGENT~1~~mug",
        "URGENT~1~a/b",
        "URGENT~1~a.2fb",
        "URGENT~1~a.+Fb",
        "URGENT~1~.6Dug",
        "URGENT~1~mug.",
        "URGENT~1~mug.2",
        "URGENT~1~a..2F",
        "URGENT~1~.FF",
        "URGENT~1~чай",
        "0193a000-0000-7000-8000-000000000000",
    ] {
        assert_eq!(text.parse::<RecommendationId>(), Err(NotAnId), "{text}");
    }
}

proptest! {
    #[test]
    fn every_name_comes_back_from_its_id(
        item in "[^\\p{C}\\s][^\\p{C}]{0,40}[^\\p{C}\\s]",
        location in proptest::option::of("[~./а-я%A-Z ]{0,20}[A-Z]"),
        episode in 1_u32..,
    ) {
        let id = id(location.as_deref(), &item, episode);
        let text = id.to_string();
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte)), "{}", text);
        prop_assert_eq!(text.parse::<RecommendationId>(), Ok(id));
    }
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
