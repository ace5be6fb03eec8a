//! POST /auth/register: a person signs up and founds a company.

use axum::extract::State;
use commands::accounts::{Answer, Founding, Registered, Registration, SecretText};
use commands::operation::RequestKey;
use commands::{Operation, Submission, Verdict};
use domain::catalogue::location::event::{Authority, LocationDetails, LocationKind, StockRole};
use domain::companies::event::Profile;
use domain::shared::ids::{CompanyId, LocationId};
use domain::shared::money::Currency;
use event_log::event::Metadata;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use super::anonymous::Anonymous;
use super::session::SessionAnswer;
use super::view::MemberCompany;
use crate::answer::{Done, Written};
use crate::body::Body;
use crate::problem::Problem;
use crate::state::AppState;

/// Key and name of the location that every company begins with.
const FIRST_LOCATION: (&str, &str) = ("MAIN", "Main Warehouse");

/// Who signs up, and for which company.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegisterBody {
    /// E-mail address, to sign in with.
    #[schema(value_type = String, format = Email, example = "ann@example.com", max_length = 254)]
    email: SecretText,
    /// 8 characters to 256 bytes.
    #[schema(value_type = String, example = "correct horse battery", min_length = 8, max_length = 256)]
    password: SecretText,
    /// Name of the person; the part of the address before the @ where it is missing.
    #[schema(value_type = Option<String>, max_length = 200)]
    name: Option<SecretText>,
    /// Name of the company.
    #[schema(example = "Acme", min_length = 1, max_length = 200)]
    company_name: String,
    /// ISO 4217 code.
    #[serde(default = "euro")]
    #[schema(example = "EUR", default = "EUR")]
    currency: String,
    /// IANA time zone of the company's days.
    #[serde(default = "utc")]
    #[schema(example = "Europe/London", default = "UTC")]
    timezone: String,
}

/// Sign up.
///
/// Makes an account and a company with a first primary location `MAIN`, and signs the person in as its OWNER.
#[utoipa::path(post, path = "/auth/register", operation_id = "register", tag = "auth",
    request_body = RegisterBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the request repeatable; choose it at random")),
    responses((status = 201, description = "Tokens, person and company", body = SessionAnswer)),
    extensions(("x-problems" = json!([409, 429]))))]
pub(crate) async fn register(
    State(state): State<AppState>,
    anonymous: Anonymous,
    Body { value: body, digest }: Body<RegisterBody>,
) -> Result<Written<SessionAnswer>, Problem> {
    let profile = profile(&body)?;
    let registration = Registration {
        email: body.email,
        name: body.name,
        password: body.password,
        founding_digest: founding_digest(&profile),
    };
    let request = anonymous.request_key(digest);
    let found = |founding| found(&state, anonymous.request_id, founding, profile.clone());
    let Answer { value, replayed } = state.accounts.register(registration, request.as_ref(), found).await?;
    let Registered { person, tokens, position } = value;
    let words = (profile.name, profile.currency.code().to_owned(), profile.time_zone.name().to_owned());
    let company = MemberCompany::new(tokens.company_id, tokens.role, words);
    let done = Done { position: Some(position), replayed };
    Ok(Written::created(SessionAnswer::new(&tokens, person, company), done))
}

/// Appends the company's first events. Bears a request key of its own, so that a repeat changes nothing.
async fn found(state: &AppState, id: Uuid, founding: Founding, profile: Profile) -> Result<i64, Problem> {
    let (key, name) = FIRST_LOCATION;
    let location_id = LocationId::new(key).map_err(|error| Problem::internal(&error))?;
    let submission = Submission {
        company_id: CompanyId(founding.company_id),
        metadata: Metadata {
            actor: format!("user:{}", founding.user_id),
            command_id: id,
            correlation_id: id,
            causation_id: None,
            source: "http".to_owned(),
        },
        request_key: Some(RequestKey { key: "registration".to_owned(), digest: founding.company_id }),
        operations: vec![
            Operation::FoundCompany { profile },
            Operation::CreateLocation {
                location_id,
                details: Box::new(first_location(name)),
                is_primary: true,
            },
        ],
    };
    let receipt = state.committers.submit(submission).await?;
    let position = receipt.position;
    let refused = receipt.verdicts.into_iter().find_map(|verdict| match verdict {
        Verdict::Refused(refused) => Some(refused),
        Verdict::Accepted(_) | Verdict::Duplicate => None,
    });
    refused.map_or(Ok(position), |refused| Err(Problem::from(refused)))
}

fn first_location(name: &str) -> LocationDetails {
    LocationDetails {
        name: name.to_owned(),
        kind: LocationKind::Own,
        marketplace: None,
        stock_role: StockRole::Physical,
        authority: Authority::Ledger,
        address: None,
        city: None,
        country: None,
        metadata: serde_json::Map::new(),
    }
}

fn profile(body: &RegisterBody) -> Result<Profile, Problem> {
    let name = body.company_name.trim();
    if name.is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
        let message = "must have 1 to 200 characters and no control characters";
        return Err(Problem::invalid("invalid_company_name", "/company_name", message));
    }
    let currency = Currency::new(&body.currency)
        .map_err(|error| Problem::invalid("unknown_currency", "/currency", error.to_string()))?;
    let time_zone = body
        .timezone
        .parse()
        .map_err(|_| Problem::invalid("unknown_time_zone", "/timezone", "must be an IANA time zone"))?;
    Ok(Profile { name: name.to_owned(), currency, time_zone })
}

fn founding_digest(profile: &Profile) -> [u8; 32] {
    let text = format!("{}\n{}\n{}", profile.name, profile.currency, profile.time_zone.name());
    Sha256::digest(text.as_bytes()).into()
}

fn euro() -> String {
    "EUR".to_owned()
}

fn utc() -> String {
    "UTC".to_owned()
}
