//! Who is calling, when, and under which id: read once per request.
//!
//! [`Caller`] signs in, checks the role that the operation's room asks for, the rate limit, `client_id` and the
//! idempotency key. Extracting it costs no database round trip for a known session.

use std::time::Duration;

use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use chrono::{DateTime, Utc};
use commands::accounts::{Principal, Role, Who};
use commands::operation::RequestKey;
use commands::{Operation, Submission};
use domain::shared::ids::CompanyId;
use event_log::event::Metadata;
use projections::stock::board::Freshness;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use crate::body::{Digest, IDEMPOTENCY_KEY};
use crate::extract::check_query;
use crate::problem::{Problem, Status};
use crate::room::Room;
use crate::state::AppState;

/// How long a read waits for `min_position`.
const READ_PATIENCE: Duration = Duration::from_secs(5);
/// Longest idempotency key.
pub(crate) const MAX_KEY: usize = 255;
/// Header twin of the `min_position` parameter.
pub(crate) const MIN_POSITION: &str = "stocktrail-min-position";

/// Id of a request; also in the header `X-Request-Id` and in a problem's `instance`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestId(pub(crate) Uuid);

/// The signed-in caller of an operation that its role may call.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The active company.
    pub(crate) company_id: Uuid,
    /// Its role.
    pub(crate) role: Role,
    /// Company, role and person or key.
    pub(crate) principal: Principal,
    /// The present instant.
    pub(crate) now: DateTime<Utc>,
    /// Id of the request.
    pub(crate) request_id: Uuid,
    /// `Idempotency-Key`.
    pub(crate) idempotency_key: Option<String>,
    /// `min_position`.
    pub(crate) min_position: Option<i64>,
}

impl Caller {
    /// Person or key as events name it, for example `user:0191…`.
    pub(crate) fn actor(&self) -> String {
        match self.principal.who {
            Who::User { user_id, .. } => format!("user:{user_id}"),
            Who::ApiKey { key_id } => format!("api_key:{key_id}"),
        }
    }

    /// The person, unless a key is calling.
    pub(crate) fn user_id(&self) -> Option<Uuid> {
        self.principal.user_id()
    }

    /// 403 unless the role is one of this room's.
    pub(crate) fn require(&self, room: Room) -> Result<(), Problem> {
        if room.roles().contains(&self.role) {
            return Ok(());
        }
        Err(Problem::forbidden(format!("the role {} may not do this", self.role)))
    }

    /// Whether money columns are shown.
    pub(crate) fn sees_money(&self) -> bool {
        Room::Money.roles().contains(&self.role)
    }

    /// How new a list in memory must be.
    pub(crate) fn freshness(&self) -> Freshness {
        if self.min_position.is_some() { Freshness::Now } else { Freshness::Recent }
    }

    /// What is handed to the committer.
    pub(crate) fn submission(&self, digest: Digest, operations: Vec<Operation>) -> Submission {
        let key = self.idempotency_key.clone();
        Submission {
            company_id: CompanyId(self.company_id),
            metadata: Metadata {
                actor: self.actor(),
                command_id: self.request_id,
                correlation_id: self.request_id,
                causation_id: None,
                source: "http".to_owned(),
            },
            request_key: key.map(|key| RequestKey { key, digest: digest.half() }),
            operations,
        }
    }

    /// The request key for the plain tables of `accounts`.
    pub(crate) fn accounts_key(&self, digest: Digest) -> Option<commands::accounts::RequestKey> {
        let key = self.idempotency_key.clone()?;
        Some(commands::accounts::RequestKey { key, digest: digest.bytes() })
    }

    /// Waits until these projections have reached `min_position`.
    pub(crate) async fn wait(&self, state: &AppState, projections: &[&'static str]) -> Result<(), Problem> {
        if let Some(position) = self.min_position {
            state.wait(self.company_id, projections, position, READ_PATIENCE).await?;
        }
        Ok(())
    }

    /// Opens the snapshot of the caller's company, once these projections have reached `min_position`.
    pub(crate) async fn read(
        &self,
        state: &AppState,
        projections: &[&'static str],
    ) -> Result<Transaction<'static, Postgres>, Problem> {
        self.wait(state, projections).await?;
        Ok(projections::tenant::begin(&state.reads, self.company_id).await?)
    }
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let principal = sign_in(&parts.headers, state).await?;
        state.limiter.check(principal.company_id, principal.id())?;
        state.boards.notice(principal.company_id);
        let path = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let declared = state.rooms.of(path, &parts.method);
        let request_id = parts.extensions.get::<RequestId>().map_or_else(|| state.ids.next(), |id| id.0);
        let query = parts.uri.query().unwrap_or_default();
        let caller = Self {
            company_id: principal.company_id,
            role: principal.role,
            principal,
            now: state.clock.now(),
            request_id,
            idempotency_key: idempotency_key(&parts.headers)?,
            min_position: min_position(&parts.headers, query)?,
        };
        let declared = declared.ok_or_else(|| Problem::forbidden("the operation declares no roles"))?;
        caller.require(declared.room)?;
        check_query(query, &declared.parameters)?;
        check_client_id(query, caller.company_id)?;
        Ok(caller)
    }
}

async fn sign_in(headers: &HeaderMap, state: &AppState) -> Result<Principal, Problem> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let text = value.to_str().unwrap_or_default();
        let token = match text.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
            _ => "",
        };
        return Ok(state.accounts.bearer(token).await?);
    }
    if let Some(value) = headers.get("x-api-key") {
        return Ok(state.accounts.api_key_bearer(value.to_str().unwrap_or_default()).await?);
    }
    let detail = "sign in with Authorization: Bearer or X-API-Key";
    Err(Problem::new(Status::NotSignedIn, "not_signed_in", detail))
}

/// The idempotency key of a request: 1 to 255 visible ASCII characters or none.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    if text.is_empty() || text.len() > MAX_KEY || !visible {
        let detail = "Idempotency-Key must have 1 to 255 visible ASCII characters";
        return Err(Problem::new(Status::Unreadable, "bad_idempotency_key", detail));
    }
    Ok(Some(text.to_owned()))
}

fn min_position(headers: &HeaderMap, query: &str) -> Result<Option<i64>, Problem> {
    let from_query = parameter(query, "min_position");
    let from_header = headers.get(MIN_POSITION).map(|value| value.to_str().unwrap_or("?").to_owned());
    let Some(text) = from_query.or(from_header).filter(|text| !text.is_empty()) else { return Ok(None) };
    match text.parse() {
        Ok(position) if position >= 0 => Ok(Some(position)),
        _ => Err(Problem::invalid("invalid_parameter", "?min_position", "must be a position, 0 or more")),
    }
}

/// `client_id` is an alias of the tenant that may be sent along; another one is refused.
fn check_client_id(query: &str, company_id: Uuid) -> Result<(), Problem> {
    match parameter(query, "client_id") {
        Some(text) if !text.is_empty() && text.parse() != Ok(company_id) => {
            Err(Problem::new(Status::Forbidden, "other_company", "client_id is not the active company"))
        }
        _ => Ok(()),
    }
}

fn parameter(query: &str, name: &str) -> Option<String> {
    if !query.contains(name) {
        return None;
    }
    form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}
