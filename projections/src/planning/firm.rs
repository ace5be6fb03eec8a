//! What planning knows of a company as a whole: its day, settings, places and channels.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use chrono_tz::Tz;
use sqlx::PgConnection;
use uuid::Uuid;

use domain::catalogue::location::Location;
use domain::catalogue::location::event::StockRole;
use domain::companies::{Company, Settings};
use domain::planning::event::ForecastPolicy;
use domain::planning::recommendation::RecommendationRules;
use domain::planning::state::{PlanningSettings, settings_of};
use domain::planning::{Amount, PlanSettings};
use domain::sales::Channel;
use domain::shared::money::{Currency, Money};

use super::states;

/// A company as planning sees it.
#[derive(Debug, Clone)]
pub struct Firm {
    /// Tenant.
    pub company_id: Uuid,
    /// Currency of totals; costs in others count as missing.
    pub currency: Option<Currency>,
    /// Zone of its days.
    pub time_zone: Tz,
    /// The newest day that began.
    pub day: NaiveDate,
    /// Settings of R28.
    pub settings: Settings,
    /// How forecasts are made.
    pub policy: ForecastPolicy,
    /// Which recommendations are made.
    pub rules: RecommendationRules,
    /// Settings by the category or item that they are for.
    scoped: BTreeMap<String, PlanningSettings>,
    pub(super) primary: Option<String>,
    mirrors: BTreeSet<String>,
    /// Whether returns lower the demand of a channel, where it says so itself.
    returns: BTreeMap<String, bool>,
}

impl Firm {
    /// The company; none before its first day.
    pub async fn read(conn: &mut PgConnection, company_id: Uuid) -> Result<Option<Self>, sqlx::Error> {
        let day = "select day from today where company_id = $1";
        let day: Option<NaiveDate> =
            sqlx::query_scalar(day).bind(company_id).fetch_optional(&mut *conn).await?;
        let Some(day) = day else { return Ok(None) };
        let company = states::read::<Company>(conn, company_id, None).await?.into_values().next();
        let company = company.unwrap_or_default();
        let mut scoped = states::read::<PlanningSettings>(conn, company_id, None).await?;
        let own = scoped.remove("company").unwrap_or_default();
        let (mut primary, mut mirrors) = (None, BTreeSet::new());
        for (location_id, location) in states::read::<Location>(conn, company_id, None).await? {
            let Some(known) = location.known() else { continue };
            if known.is_primary {
                primary = Some(location_id.clone());
            }
            if known.details.stock_role == StockRole::Mirror {
                mirrors.insert(location_id);
            }
        }
        let channels = states::read::<Channel>(conn, company_id, None).await?.into_iter();
        let returns =
            channels.filter_map(|(name, channel)| Some((name, channel.configuration().count_returns?)));
        Ok(Some(Self {
            company_id,
            currency: company.profile.as_ref().map(|profile| profile.currency),
            time_zone: company.profile.as_ref().map_or(Tz::UTC, |profile| profile.time_zone),
            day,
            settings: company.settings,
            policy: own.policy,
            rules: own.rules(),
            scoped,
            primary,
            mirrors,
            returns: returns.collect(),
        }))
    }

    /// Settings that hold for an item.
    pub fn settings_of(&self, item_key: &str, category: &str) -> PlanSettings {
        if self.scoped.is_empty() {
            return PlanSettings::from(&self.settings);
        }
        let nothing = PlanningSettings::default();
        let of = |scope: String| self.scoped.get(&scope).unwrap_or(&nothing);
        let (category, item) = (of(format!("category/{category}")), of(format!("item/{item_key}")));
        PlanSettings::from(&settings_of(&self.settings, category, item))
    }

    /// Where units belong whose place nobody named.
    pub(super) fn place<'a>(&'a self, location_id: &'a str) -> &'a str {
        if location_id.is_empty() { self.primary.as_deref().unwrap_or_default() } else { location_id }
    }

    /// Whether stock there counts: at `location`, or at every place that mirrors no other.
    pub(super) fn counts_at(&self, location_id: &str, location: Option<&str>) -> bool {
        location.map_or_else(|| !self.mirrors.contains(location_id), |location| location == location_id)
    }

    /// Whether returns through a channel lower demand.
    pub(super) fn counts_returns(&self, channel: &str) -> bool {
        self.returns.get(channel).copied().unwrap_or(self.settings.count_returns)
    }

    /// A cost in the company's currency.
    pub(super) fn amount(&self, money: Option<Money>) -> Option<Amount> {
        money
            .filter(|money| Some(money.currency) == self.currency)
            .and_then(|money| Amount::from_decimal(money.amount))
    }
}
