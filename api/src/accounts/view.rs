//! People, companies and keys as clients see them.

use chrono::{DateTime, Utc};
use commands::accounts::{ApiKey, MyCompany, Person, Role};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::list::{Cell, List, Listing, Row};
use crate::problem::Problem;
use crate::state::AppState;

/// What a member or an API key may do, highest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(as = Role)]
pub(crate) enum RoleName {
    Owner,
    Admin,
    Ceo,
    Procurement,
    Marketing,
    Warehouse,
    Viewer,
}

impl From<Role> for RoleName {
    fn from(role: Role) -> Self {
        match role {
            Role::Owner => Self::Owner,
            Role::Admin => Self::Admin,
            Role::Ceo => Self::Ceo,
            Role::Procurement => Self::Procurement,
            Role::Marketing => Self::Marketing,
            Role::Warehouse => Self::Warehouse,
            Role::Viewer => Self::Viewer,
        }
    }
}

impl From<RoleName> for Role {
    fn from(role: RoleName) -> Self {
        match role {
            RoleName::Owner => Self::Owner,
            RoleName::Admin => Self::Admin,
            RoleName::Ceo => Self::Ceo,
            RoleName::Procurement => Self::Procurement,
            RoleName::Marketing => Self::Marketing,
            RoleName::Warehouse => Self::Warehouse,
            RoleName::Viewer => Self::Viewer,
        }
    }
}

/// A member of the company.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = User)]
pub(crate) struct PersonView {
    /// The person.
    user_id: Uuid,
    /// E-mail address.
    #[schema(example = "ann@example.com")]
    email: String,
    /// Name.
    name: String,
    /// Role in the company.
    #[schema(inline)]
    role: RoleName,
    /// Member since.
    since: DateTime<Utc>,
    /// Whether the membership stands.
    is_active: bool,
}

impl From<Person> for PersonView {
    fn from(person: Person) -> Self {
        Self {
            user_id: person.user_id,
            email: person.email.reveal().to_owned(),
            name: person.name.reveal().to_owned(),
            role: person.role.into(),
            since: person.since,
            is_active: true,
        }
    }
}

impl PersonView {
    /// The same after the membership ended.
    pub(super) fn removed(person: Person) -> Self {
        Self { is_active: false, ..Self::from(person) }
    }
}

impl std::fmt::Debug for PersonView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PersonView")
            .field("user_id", &self.user_id)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

impl Row for PersonView {
    const COLUMNS: &'static [&'static str] = &["user_id", "email", "name", "role", "since"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            self.user_id.to_string().into(),
            self.email.clone().into(),
            self.name.clone().into(),
            Role::from(self.role).name().into(),
            self.since.into(),
        ]
    }
}

/// A company that the caller belongs to. Name, currency and time zone are null for the moment until the read model
/// knows a new company.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct MemberCompany {
    /// The company.
    company_id: Uuid,
    /// Alias of `company_id`.
    client_id: Uuid,
    /// Name.
    name: Option<String>,
    /// Currency of totals.
    #[schema(example = "EUR")]
    currency: Option<String>,
    /// IANA time zone of its days.
    #[schema(example = "Europe/London")]
    timezone: Option<String>,
    /// The caller's role there.
    #[schema(inline)]
    role: RoleName,
    /// Whether it is the active company of the token.
    is_active: bool,
}

impl MemberCompany {
    /// A company whose profile is known already.
    pub(super) fn new(company_id: Uuid, role: Role, profile: (String, String, String)) -> Self {
        let (name, currency, timezone) = profile;
        Self {
            company_id,
            client_id: company_id,
            name: Some(name),
            currency: Some(currency),
            timezone: Some(timezone),
            role: role.into(),
            is_active: true,
        }
    }

    /// Reads the profile; `active` is the company of the caller's token.
    pub(super) async fn read(
        state: &AppState,
        company_id: Uuid,
        role: Role,
        active: Uuid,
    ) -> Result<Self, Problem> {
        let mut tx = projections::tenant::begin(&state.reads, company_id).await?;
        let row = projections::companies::queries::company(&mut tx, company_id).await?;
        let (name, currency, timezone) = row
            .map(|row| (row.name, row.currency, row.time_zone))
            .map_or((None, None, None), |(name, currency, zone)| (Some(name), Some(currency), Some(zone)));
        let is_active = company_id == active;
        Ok(Self { company_id, client_id: company_id, name, currency, timezone, role: role.into(), is_active })
    }

    /// Reads the profiles of all of a person's companies.
    pub(super) async fn read_all(
        state: &AppState,
        mine: &[MyCompany],
        active: Uuid,
    ) -> Result<Vec<Self>, Problem> {
        let mut all = Vec::with_capacity(mine.len());
        for company in mine {
            all.push(Self::read(state, company.company_id, company.role, active).await?);
        }
        Ok(all)
    }
}

impl Row for MemberCompany {
    const COLUMNS: &'static [&'static str] = &["company_id", "name", "currency", "timezone", "role"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            self.company_id.to_string().into(),
            self.name.clone().into(),
            self.currency.clone().into(),
            self.timezone.clone().into(),
            Role::from(self.role).name().into(),
        ]
    }
}

/// An API key without its secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub(crate) struct ApiKeyView {
    /// The key's id.
    key_id: Uuid,
    /// What people call it.
    #[schema(example = "Shop import")]
    name: String,
    /// What it may do.
    #[schema(inline)]
    role: RoleName,
    /// First characters of the secret, to tell keys apart.
    prefix: String,
    /// Person or key that made it.
    created_by: Uuid,
    /// When.
    created_at: DateTime<Utc>,
    /// When it was revoked.
    revoked_at: Option<DateTime<Utc>>,
    /// When it was used last, to the minute.
    last_used_at: Option<DateTime<Utc>>,
    /// Whether it can be used.
    is_active: bool,
}

impl From<ApiKey> for ApiKeyView {
    fn from(key: ApiKey) -> Self {
        Self {
            is_active: key.revoked_at.is_none(),
            key_id: key.key_id,
            name: key.name,
            role: key.role.into(),
            prefix: key.prefix,
            created_by: key.created_by,
            created_at: key.created_at,
            revoked_at: key.revoked_at,
            last_used_at: key.last_used_at,
        }
    }
}

impl Row for ApiKeyView {
    const COLUMNS: &'static [&'static str] =
        &["key_id", "name", "role", "prefix", "created_by", "created_at", "revoked_at", "last_used_at"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            self.key_id.to_string().into(),
            self.name.clone().into(),
            Role::from(self.role).name().into(),
            self.prefix.clone().into(),
            self.created_by.to_string().into(),
            self.created_at.into(),
            self.revoked_at.into(),
            self.last_used_at.into(),
        ]
    }
}

/// The page of a short list that is in memory as a whole, or all of it as a file.
pub(super) async fn page_of<T>(
    listing: &Listing,
    name: &str,
    all: Vec<T>,
) -> Result<axum::response::Response, Problem>
where
    T: Row + Serialize,
    List<T>: axum::response::IntoResponse,
{
    if listing.format.is_download() {
        return crate::list::download(listing, name, futures::stream::iter([Ok(all)])).await;
    }
    let total = i64::try_from(all.len()).unwrap_or(i64::MAX);
    let skip = usize::try_from(listing.offset()).unwrap_or(usize::MAX);
    let take = usize::try_from(listing.limit()).unwrap_or(usize::MAX);
    let items = all.into_iter().skip(skip).take(take).collect();
    Ok(axum::response::IntoResponse::into_response(List::new(items, total, listing)))
}
