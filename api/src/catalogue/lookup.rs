//! What several operations look up first: the product that a path names, and the company's currency.

use sqlx::PgConnection;

use commands::operation::ProductOutcome;
use commands::{Operation, Outcome};
use domain::shared::ids::{ItemId, LocationId};
use domain::shared::money::Currency;
use projections::catalogue::queries::{self, Resolution};

use crate::answer::Written;
use crate::body::Digest;
use crate::catalogue::view::{LocationAnswer, LocationView, ProductAnswer, ProductView, Shown};
use crate::companies;
use crate::context::Caller;
use crate::problem::{Problem, Status};
use crate::state::AppState;

/// The name of a product out of a path. What cannot be a name names nothing.
pub(crate) fn item_named(text: &str) -> Result<ItemId, Problem> {
    ItemId::new(text).map_err(|_| unknown_item(text))
}

/// The key of a location out of a path.
pub(crate) fn location_named(text: &str) -> Result<LocationId, Problem> {
    LocationId::new(text).map_err(|_| unknown_location(text))
}

/// The key of the product that `text` names: 404 for none, 409 for several.
pub(crate) async fn resolve_item(
    conn: &mut PgConnection,
    caller: &Caller,
    text: &str,
) -> Result<String, Problem> {
    let name = item_named(text)?;
    match queries::resolve(conn, caller.company_id, name.as_str()).await? {
        Resolution::Found(item_key) => Ok(item_key),
        Resolution::Unknown => Err(unknown_item(text)),
        Resolution::Ambiguous(keys) => {
            let detail = format!("several products bear {text}; use the item id");
            Err(Problem::conflict("ambiguous_item", detail).with("item_ids", keys))
        }
    }
}

/// 404 about a product.
pub(crate) fn unknown_item(text: &str) -> Problem {
    Problem::new(Status::NotFound, "unknown_item", format!("no product bears {text}"))
}

/// 404 about a location.
pub(crate) fn unknown_location(text: &str) -> Problem {
    Problem::new(Status::NotFound, "unknown_location", format!("there is no location {text}"))
}

/// The company's currency, for writes.
pub(crate) async fn company_currency(state: &AppState, caller: &Caller) -> Result<Currency, Problem> {
    let mut tx = projections::tenant::begin(&state.reads, caller.company_id).await?;
    companies::currency(&mut tx, state, caller).await
}

/// Currency in which the caller sees a missing cost; none where it may not see money.
pub(crate) async fn shown(
    conn: &mut PgConnection,
    state: &AppState,
    caller: &Caller,
) -> Result<Shown, Problem> {
    if caller.sees_money() { companies::currency(conn, state, caller).await.map(Some) } else { Ok(None) }
}

/// The product that a command left.
pub(crate) fn product_of(outcome: Outcome) -> Result<ProductOutcome, Problem> {
    match outcome {
        Outcome::Product(product) => Ok(*product),
        _ => Err(Problem::unavailable("the log answered something else", 1)),
    }
}

/// Submits an operation about one product and answers the product.
pub(crate) async fn answer_product(
    state: &AppState,
    caller: &Caller,
    digest: Digest,
    operation: Operation,
) -> Result<Written<ProductAnswer>, Problem> {
    let (outcome, done) = state.submit_one(caller, digest, operation).await?;
    let currency = company_currency(state, caller).await?;
    let product = ProductView::of_outcome(product_of(outcome)?, caller.sees_money().then_some(currency));
    let version = product.version;
    Ok(Written::ok(ProductAnswer { product, position: done.position }, done).etag(version))
}

/// Submits an operation about one location and answers the location.
pub(crate) async fn answer_location(
    state: &AppState,
    caller: &Caller,
    digest: Digest,
    operation: Operation,
) -> Result<Written<LocationAnswer>, Problem> {
    let (outcome, done) = state.submit_one(caller, digest, operation).await?;
    let answer = LocationAnswer { location: location_of(outcome)?, position: done.position };
    let version = answer.location.version;
    Ok(Written::ok(answer, done).etag(version))
}

/// The location that a command left.
pub(crate) fn location_of(outcome: Outcome) -> Result<LocationView, Problem> {
    match outcome {
        Outcome::Location(location) => Ok(LocationView::from(*location)),
        _ => Err(Problem::unavailable("the log answered something else", 1)),
    }
}

/// A key as one segment of a path.
pub(crate) fn segment(key: &str) -> String {
    form_urlencoded::byte_serialize(key.as_bytes()).collect::<String>().replace('+', "%20")
}
