//! A company as it is written and answered.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use commands::operation::CompanyEdit;
use domain::companies::event::Profile;
use domain::shared::money::Currency;
use projections::companies::CompanyRow;

use crate::problem::Problem;

/// A company.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct CompanyView {
    /// Id.
    company_id: Uuid,
    /// The same as `company_id`.
    client_id: Uuid,
    /// Name.
    name: String,
    /// ISO 4217 code of the currency of totals.
    #[schema(example = "EUR")]
    currency: String,
    /// IANA time zone of its days.
    #[schema(example = "Europe/London")]
    timezone: String,
    /// Whether the currency stays, since the first price was recorded.
    currency_locked: bool,
    /// The newest local day that began; left out of answers to commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    day: Option<NaiveDate>,
    /// When it signed up; left out of answers to commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<DateTime<Utc>>,
    /// When its last change was recorded; left out of answers to commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<DateTime<Utc>>,
}

/// A company as a command left it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct CompanyAnswer {
    /// The company.
    #[serde(flatten)]
    pub(crate) company: CompanyView,
    /// Position of the change.
    pub(crate) position: Option<i64>,
}

/// Changes of a company; absent fields stay. Fields that only answers have are ignored.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub(crate) struct CompanyBody {
    /// Name, at most 200 characters.
    #[schema(example = "Hearts & Co")]
    name: Option<String>,
    /// ISO 4217 code of the currency of totals; it stays once a price was recorded.
    #[schema(example = "EUR")]
    currency: Option<String>,
    /// IANA time zone of its days.
    #[schema(example = "Europe/London")]
    timezone: Option<String>,
}

impl CompanyView {
    /// A company as a command left it.
    pub(crate) fn of_profile(company_id: Uuid, profile: Profile, currency_locked: bool) -> Self {
        Self {
            company_id,
            client_id: company_id,
            name: profile.name,
            currency: profile.currency.into(),
            timezone: profile.time_zone.name().to_owned(),
            currency_locked,
            day: None,
            created_at: None,
            updated_at: None,
        }
    }
}

impl From<CompanyRow> for CompanyView {
    fn from(row: CompanyRow) -> Self {
        Self {
            company_id: row.company_id,
            client_id: row.company_id,
            name: row.name,
            currency: row.currency,
            timezone: row.time_zone,
            currency_locked: row.currency_locked,
            day: row.day,
            created_at: Some(row.created_at),
            updated_at: Some(row.updated_at),
        }
    }
}

impl TryFrom<CompanyBody> for CompanyEdit {
    type Error = Problem;

    fn try_from(body: CompanyBody) -> Result<Self, Problem> {
        let currency = body.currency.map(|code| Currency::new(&code)).transpose();
        let time_zone = body.timezone.map(|name| name.parse::<chrono_tz::Tz>()).transpose();
        Ok(Self {
            name: body.name,
            currency: currency
                .map_err(|e| Problem::invalid("unknown_currency", "/currency", e.to_string()))?,
            time_zone: time_zone.map_err(|_| {
                Problem::invalid(
                    "unknown_time_zone",
                    "/timezone",
                    "must be an IANA time zone, like Europe/London",
                )
            })?,
        })
    }
}
