//! `POST /products`: add one product, or up to 1,000 with a verdict for each.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use commands::Verdict;
use domain::shared::money::Currency;

use crate::answer::Written;
use crate::body::{Body, Digest, OneOrMany};
use crate::catalogue::lookup::{company_currency, product_of, segment};
use crate::catalogue::product_body::ProductBody;
use crate::catalogue::view::{ProductAnswer, ProductView};
use crate::context::Caller;
use crate::problem::{FieldError, Problem, row_error};
use crate::state::AppState;

/// Most products of one request.
const MAX_ROWS: usize = 1_000;

/// The product, or what became of every row.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Created {
    One(Box<ProductAnswer>),
    Many(ProductVerdicts),
}

/// What became of every row of an array.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProductVerdicts {
    /// Rows that became products.
    accepted: usize,
    /// Rows that did not.
    refused: usize,
    /// One verdict per row, in their order.
    items: Vec<ProductVerdict>,
    /// Position of the last product; null where every row was refused.
    position: Option<i64>,
}

/// What became of one row.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProductVerdict {
    /// Place of the row, from 0.
    index: usize,
    /// `accepted` or `refused`.
    #[schema(example = "accepted")]
    verdict: &'static str,
    /// Its key, where accepted.
    item_id: Option<String>,
    /// Version of its stream, where accepted.
    version: Option<i64>,
    /// Stable code, where refused.
    code: Option<String>,
    /// JSON pointer into the array, where refused.
    #[schema(example = "/3/unit_cost")]
    pointer: Option<String>,
    /// What is wrong, where refused.
    message: Option<String>,
}

/// Create products.
///
/// One object answers 201 with the product. An array of up to 1,000 answers 200 with a verdict for each row: a refused
/// row does not hold up the others.
#[utoipa::path(
    post,
    path = "/products",
    operation_id = "create_products",
    tag = "catalogue",
    request_body(content = OneOrMany<ProductBody>, content_type = "application/json"),
    responses(
        (status = 201, description = "The new product", body = ProductAnswer),
        (status = 200, description = "A verdict for each row of an array", body = ProductVerdicts),
    ),
    extensions(("x-room" = json!("catalogue")))
)]
pub(crate) async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Body { value, digest }: Body<OneOrMany<ProductBody>, 16>,
) -> Result<Written<Created>, Problem> {
    let currency = company_currency(&state, &caller).await?;
    match value {
        OneOrMany::One(row) => create_one(&state, &caller, digest, row, currency).await,
        OneOrMany::Many(rows) => create_many(&state, &caller, digest, rows, currency).await,
    }
}

async fn create_one(
    state: &AppState,
    caller: &Caller,
    digest: Digest,
    row: ProductBody,
    currency: Currency,
) -> Result<Written<Created>, Problem> {
    let (outcome, done) = state.submit_one(caller, digest, row.create(currency)?).await?;
    let product = ProductView::of_outcome(product_of(outcome)?, Some(currency));
    let (version, path) = (product.version, format!("/products/{}", segment(&product.item_id)));
    let answer = Created::One(Box::new(ProductAnswer { product, position: done.position }));
    Ok(Written::created(answer, done).etag(version).location(&path))
}

async fn create_many(
    state: &AppState,
    caller: &Caller,
    digest: Digest,
    rows: Vec<ProductBody>,
    currency: Currency,
) -> Result<Written<Created>, Problem> {
    if rows.is_empty() || rows.len() > MAX_ROWS {
        return Err(Problem::invalid("row_count", "", format!("send 1 to {MAX_ROWS} products")));
    }
    let read = rows.into_iter().map(|row| row.create(currency)).collect();
    let (verdicts, done) = state.submit_rows(caller, digest, read).await?;
    let verdict = |(index, verdict)| match verdict {
        Ok(verdict) => ProductVerdict::of(index, verdict),
        Err(refused) => ProductVerdict::refused(row_error(index, &refused), index),
    };
    let items: Vec<ProductVerdict> = verdicts.into_iter().enumerate().map(verdict).collect();
    let accepted = items.iter().filter(|item| item.code.is_none()).count();
    let refused = items.len() - accepted;
    let answer = ProductVerdicts { accepted, refused, items, position: done.position };
    Ok(Written::ok(Created::Many(answer), done).status(StatusCode::OK))
}

impl ProductVerdict {
    fn of(index: usize, verdict: Verdict) -> Self {
        let refused = |code: &'static str, message: &str| {
            let error =
                FieldError { pointer: format!("/{index}"), code: code.into(), message: message.to_owned() };
            Self::refused(error, index)
        };
        match verdict {
            Verdict::Accepted(outcome) => match product_of(outcome) {
                Ok(product) => Self {
                    index,
                    verdict: "accepted",
                    item_id: Some(product.item_id.into()),
                    version: Some(product.version),
                    code: None,
                    pointer: None,
                    message: None,
                },
                Err(problem) => refused("unavailable", problem.detail()),
            },
            Verdict::Duplicate => refused("duplicate", "the same fact was recorded before"),
            Verdict::Refused(reason) => Self::refused(row_error(index, &reason), index),
        }
    }

    fn refused(error: FieldError, index: usize) -> Self {
        Self {
            index,
            verdict: "refused",
            item_id: None,
            version: None,
            code: Some(error.code.into_owned()),
            pointer: Some(error.pointer),
            message: Some(error.message),
        }
    }
}
