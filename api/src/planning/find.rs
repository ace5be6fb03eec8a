//! Items of a list with the stock and plans of the day and place that are asked about.

use std::collections::HashMap;
use std::sync::Arc;

use projections::planning::Planned;
use projections::planning::queries::{Question, view};
use projections::stock::board::{Ask, Found, Other, PastLevel};
use projections::stock::past;

use crate::context::Caller;
use crate::planning::as_of::day_of;
use crate::problem::Problem;
use crate::state::AppState;
use crate::stock::instant::{End, instants};

/// Rows whose plans alone are computed; for more those of all items are.
const FEW: usize = 500;

/// When and where a list is about.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Moment<'a> {
    /// What had happened by then.
    pub(crate) as_of: Option<&'a str>,
    /// What was known by then.
    pub(crate) known_at: Option<&'a str>,
    /// Plans of this location.
    pub(crate) location: Option<&'a str>,
}

/// A page of products with stock and plans, and whether it shows the past. What was known in the past is not planned.
pub(crate) async fn find(
    state: &AppState,
    caller: &Caller,
    moment: Moment<'_>,
    ask: &Ask,
) -> Result<(Found, bool), Problem> {
    if moment.as_of.is_none() && moment.known_at.is_none() {
        caller.wait(state, &["catalogue", "inventory", "planning"]).await?;
        if moment.location.is_none() {
            return Ok((state.boards.list(caller.company_id, ask, caller.freshness()).await?, false));
        }
        let question = Question { location: moment.location, ..Question::default() };
        return Ok((planned(state, caller, ask, None, question).await?, false));
    }
    let mut tx = caller.read(state, &["catalogue", "inventory", "movements", "planning"]).await?;
    let asked = [("?as_of", moment.as_of, End::Close), ("?known_at", moment.known_at, End::Close)];
    let [as_of, known_at] = instants(&mut tx, state, caller, asked).await?;
    let until = past::Moment::new(as_of, known_at);
    let levels = past::as_of(&mut tx, caller.company_id, None, until).await?;
    let day = match as_of {
        Some(at) => Some(day_of(&mut tx, state, caller, at).await?),
        None => None,
    };
    drop(tx);
    if known_at.is_some() {
        let other = Other { levels: Some(levels), plans: Some(Vec::new()) };
        return Ok((state.boards.list_other(caller.company_id, ask, other, caller.freshness()).await?, true));
    }
    let question = Question { as_of: day, location: moment.location, items: None };
    Ok((planned(state, caller, ask, Some(levels), question).await?, true))
}

/// A page with the plans of a question; where plans do not decide what is on it, only its own are computed.
async fn planned(
    state: &AppState,
    caller: &Caller,
    ask: &Ask,
    levels: Option<Vec<PastLevel>>,
    question: Question<'_>,
) -> Result<Found, Problem> {
    let (company_id, fresh) = (caller.company_id, caller.freshness());
    if ask.reads_plans() || ask.limit > FEW {
        let plans = Some(plans(state, caller, &question).await?);
        return Ok(state.boards.list_other(company_id, ask, Other { levels, plans }, fresh).await?);
    }
    let mut found = match levels {
        None => state.boards.list(company_id, ask, fresh).await?,
        levels => state.boards.list_other(company_id, ask, Other { levels, plans: None }, fresh).await?,
    };
    let keys: Vec<String> = found.items.iter().map(|item| item.item_key.clone()).collect();
    let plans = plans(state, caller, &Question { items: Some(&keys), ..question }).await?;
    let mut plans: HashMap<String, Planned> =
        plans.into_iter().map(|planned| (planned.item_key.clone(), planned)).collect();
    for item in &mut found.items {
        item.plan = plans.remove(&item.item_key).filter(|planned| planned.is_active).map(Arc::new);
    }
    Ok(found)
}

/// The plans of a question; none before the company's first day.
pub(crate) async fn plans(
    state: &AppState,
    caller: &Caller,
    question: &Question<'_>,
) -> Result<Vec<Planned>, Problem> {
    let view = view(&state.reads, caller.company_id, question).await?;
    Ok(view.map(|view| view.planned).unwrap_or_default())
}
