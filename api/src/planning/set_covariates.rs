//! PUT /products/{`item_id`}/covariates: what is known of a product's days.

use axum::extract::State;
use chrono::NaiveDate;
use commands::{Operation, Outcome, RefusalKind, Refused};
use domain::planning::Amount;
use domain::planning::covariate::Covariates;
use domain::planning::event::CovariateDay;
use domain::shared::field;
use domain::shared::money::Currency;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::Written;
use crate::body::{Body, OneOrMany};
use crate::calendar;
use crate::catalogue::{Price, company_currency, item_named};
use crate::context::Caller;
use crate::extract::Path;
use crate::planning::unexpected;
use crate::problem::Problem;
use crate::schema::MoneySchema;
use crate::state::AppState;

/// Most days of a request.
const MAX_DAYS: usize = 1_000;

/// What is known of a day. It takes the place of what was set for the day before; what is absent or null is not known.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CovariatesBody {
    /// The day, local to the company, past or to come.
    date_local: NaiveDate,
    /// Whether the product is promoted, whatever campaigns say.
    #[serde(default)]
    promotion_flag: Option<bool>,
    /// Whether it is a holiday for the product, whatever the company's holidays say.
    #[serde(default)]
    holiday_flag: Option<bool>,
    /// Money spent on marketing it, in the company's currency.
    #[serde(default)]
    marketing_spend: Option<Price>,
}

/// Days of a product as they were set.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CovariatesAnswer {
    /// The product.
    item_id: String,
    /// The days.
    items: Vec<CovariatesView>,
    /// Position of the change.
    position: Option<i64>,
}

/// What was set for a day.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CovariatesView {
    /// The day, local to the company.
    date_local: NaiveDate,
    /// Whether it is promoted; null where campaigns decide.
    promotion_flag: Option<bool>,
    /// Whether it is a holiday; null where the company's holidays decide.
    holiday_flag: Option<bool>,
    /// Money spent.
    marketing_spend: Option<MoneySchema>,
}

/// Set what is known of a product's days.
///
/// One object or an array of at most 1,000 days, all of them or (422) none. Weekends follow from the date.
#[utoipa::path(put, path = "/products/{item_id}/covariates", operation_id = "set_covariates", tag = "planning",
    params(("item_id" = String, Path, description = "Item id, sku or barcode")),
    request_body = OneOrMany<CovariatesBody>,
    responses((status = 200, description = "The days as they stand now", body = CovariatesAnswer)),
    extensions(("x-room" = json!("planning"))))]
pub(crate) async fn set(
    State(state): State<AppState>,
    caller: Caller,
    Path(item): Path<String>,
    Body { value, digest }: Body<OneOrMany<CovariatesBody>>,
) -> Result<Written<CovariatesAnswer>, Problem> {
    if value.len() == 0 || value.len() > MAX_DAYS {
        return Err(Problem::invalid("row_count", "", format!("send 1 to {MAX_DAYS} days")));
    }
    let item = item_named(&item)?;
    let currency = company_currency(&state, &caller).await?;
    let is_many = value.is_many();
    let day = |(index, day): (usize, CovariatesBody)| {
        let place = if is_many { format!("/{index}") } else { String::new() };
        day.into_day(currency).map_err(|refused| {
            let pointer = format!("{place}{}", refused.pointer.as_deref().unwrap_or_default());
            refused.at(pointer)
        })
    };
    let days = value.into_vec().into_iter().enumerate().map(day).collect::<Result<_, Refused>>()?;
    let (outcome, done) = state.submit_one(&caller, digest, Operation::SetCovariates { item, days }).await?;
    let Outcome::Covariates { item_id, days } = outcome else { return Err(unexpected()) };
    let items = days.into_iter().map(|day| CovariatesView::new(day, currency)).collect();
    Ok(Written::ok(CovariatesAnswer { item_id: item_id.into(), items, position: done.position }, done))
}

impl CovariatesBody {
    fn into_day(self, currency: Currency) -> Result<CovariateDay, Refused> {
        let covariates = Covariates {
            promotion_flag: self.promotion_flag,
            holiday_flag: self.holiday_flag,
            marketing_spend: self.marketing_spend.map(|spend| amount(&spend, currency)).transpose()?,
        };
        Ok(CovariateDay { date_local: calendar::in_body("/date_local", self.date_local)?, covariates })
    }
}

fn amount(spend: &Price, currency: Currency) -> Result<Amount, Refused> {
    const PLACE: &str = "/marketing_spend";
    let money = spend.money(currency, PLACE)?;
    if money.currency != currency {
        let message = format!("must be in {currency}, the company's currency");
        return Err(Refused::new("other_currency", RefusalKind::Conflict, message).at(PLACE));
    }
    let wrong =
        |code: &'static str, message: String| Refused::new(code, RefusalKind::Invalid, message).at(PLACE);
    field::price("marketing_spend", Some(money), 2)
        .map_err(|field| wrong(field.problem.code(), field.to_string()))?;
    Amount::from_decimal(money.amount).ok_or_else(|| wrong("too_large", "is too large".to_owned()))
}

impl CovariatesView {
    fn new(day: CovariateDay, currency: Currency) -> Self {
        let Covariates { promotion_flag, holiday_flag, marketing_spend } = day.covariates;
        let marketing_spend = marketing_spend.map(|spend| MoneySchema::new(spend.decimal(), currency.code()));
        Self { date_local: day.date_local, promotion_flag, holiday_flag, marketing_spend }
    }
}
