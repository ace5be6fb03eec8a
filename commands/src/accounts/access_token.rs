//! Access tokens: JWT, HS256 alone, 15 minutes.

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{AccountsError, Role, Secrets};

/// Life of an access token.
pub(super) const LIFE: TimeDelta = TimeDelta::minutes(15);
const ISSUER: &str = "stocktrail";
const AUDIENCE: &str = "stocktrail-api";

/// Signs and checks access tokens.
pub(super) struct AccessTokens {
    sign: EncodingKey,
    check: DecodingKey,
    rules: Validation,
}

/// What an access token says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Claims {
    /// The person.
    pub(super) sub: Uuid,
    /// The active company.
    pub(super) company: Uuid,
    /// The role when it was issued.
    pub(super) role: Role,
    /// The session, a family of refresh tokens.
    pub(super) session: Uuid,
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
    jti: Uuid,
}

impl AccessTokens {
    pub(super) fn new(secrets: &Secrets) -> Self {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_issuer(&[ISSUER]);
        rules.set_audience(&[AUDIENCE]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The library would ask the system for the time; the clock is a value here.
        rules.validate_exp = false;
        Self {
            sign: EncodingKey::from_secret(secrets.token_key()),
            check: DecodingKey::from_secret(secrets.token_key()),
            rules,
        }
    }

    /// A token of [`LIFE`].
    pub(super) fn issue(
        &self,
        (user, company, role): (Uuid, Uuid, Role),
        session: Uuid,
        jti: Uuid,
        now: DateTime<Utc>,
    ) -> Result<String, AccountsError> {
        let claims = Claims {
            sub: user,
            company,
            role,
            session,
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            iat: now.timestamp(),
            exp: (now + LIFE).timestamp(),
            jti,
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.sign)
            .map_err(|_| AccountsError::Internal("an access token cannot be signed"))
    }

    /// What a token says, if it is ours and its time is not over.
    pub(super) fn read(&self, token: &str, now: DateTime<Utc>) -> Result<Claims, AccountsError> {
        let claims = jsonwebtoken::decode::<Claims>(token, &self.check, &self.rules)
            .map_err(|_| AccountsError::NotSignedIn)?
            .claims;
        if now.timestamp() >= claims.exp {
            return Err(AccountsError::Expired);
        }
        Ok(claims)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn token(key: u8) -> (AccessTokens, String, DateTime<Utc>) {
        let tokens = AccessTokens::new(&Secrets::new(&[key; 32]));
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let who = (Uuid::from_u128(1), Uuid::from_u128(2), Role::Viewer);
        let text = tokens.issue(who, Uuid::from_u128(3), Uuid::from_u128(4), now).unwrap();
        (tokens, text, now)
    }

    #[test]
    fn a_token_lives_15_minutes() {
        let (tokens, text, now) = token(1);
        let claims = tokens.read(&text, now + TimeDelta::seconds(899)).unwrap();
        assert_eq!(
            (claims.sub, claims.company, claims.role),
            (Uuid::from_u128(1), Uuid::from_u128(2), Role::Viewer)
        );
        assert!(matches!(tokens.read(&text, now + LIFE), Err(AccountsError::Expired)));
    }

    #[test]
    fn a_foreign_or_altered_token_is_refused() {
        let (_, foreign, now) = token(2);
        let (tokens, text, _) = token(1);
        assert!(matches!(tokens.read(&foreign, now), Err(AccountsError::NotSignedIn)));
        let parts: Vec<&str> = text.split('.').collect();
        let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
        let owner = URL_SAFE_NO_PAD.encode(claims.replace("VIEWER", "OWNER"));
        assert!(tokens.read(&format!("{}.{owner}.{}", parts[0], parts[2]), now).is_err());
    }

    #[test]
    fn a_token_without_or_with_another_algorithm_is_refused() {
        let (tokens, text, now) = token(1);
        let claims = text.split('.').nth(1).unwrap();
        for header in [r#"{"alg":"none","typ":"JWT"}"#, r#"{"alg":"HS512","typ":"JWT"}"#] {
            let header = URL_SAFE_NO_PAD.encode(header);
            assert!(tokens.read(&format!("{header}.{claims}."), now).is_err());
            assert!(tokens.read(&format!("{header}.{claims}.AAAA"), now).is_err());
        }
    }

    #[test]
    fn a_token_of_another_audience_or_issuer_is_refused() {
        let (tokens, text, now) = token(1);
        let mut claims = tokens.read(&text, now).unwrap();
        claims.aud = "other".to_owned();
        let other = jsonwebtoken::encode(&Header::default(), &claims, &tokens.sign).unwrap();
        assert!(tokens.read(&other, now).is_err());
        claims.aud = AUDIENCE.to_owned();
        claims.iss = "other".to_owned();
        let other = jsonwebtoken::encode(&Header::default(), &claims, &tokens.sign).unwrap();
        assert!(tokens.read(&other, now).is_err());
    }
}
