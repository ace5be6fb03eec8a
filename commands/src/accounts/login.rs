//! A person signs in with e-mail address and password.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::once::{Answer, NOBODY, RequestKey};
use super::session::TokenPair;
use super::users::Person;
use super::{Accounts, AccountsError, Role, SecretText, throttle};

/// What a person shows to sign in.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// E-mail address.
    pub email: SecretText,
    /// Password.
    pub password: SecretText,
    /// Company to work in; the oldest membership where it is missing.
    pub company_id: Option<Uuid>,
    /// Network address of the caller, where it is known.
    pub address: Option<IpAddr>,
}

/// The answer to a login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedIn {
    /// The person.
    pub person: Person,
    /// The session.
    pub tokens: TokenPair,
}

impl Accounts {
    /// Signs a person in. Unknown addresses cost the same time and get the same answer as wrong passwords.
    pub async fn login(
        &self,
        credentials: Credentials,
        request: Option<&RequestKey>,
    ) -> Result<Answer<SignedIn>, AccountsError> {
        if let Some(request) = request
            && let Some(earlier) = self.earlier(NOBODY, request).await?
        {
            return Ok(earlier);
        }
        let user_id = self.check_credentials(&credentials).await?;
        let (company_id, role) = self.company_for(user_id, credentials.company_id).await?;
        let this = self.clone();
        self.once(NOBODY, request, move |conn| {
            Box::pin(async move {
                let person = this.member(conn, company_id, user_id).await?;
                let tokens = this.open_session(conn, user_id, company_id, role, this.ids.next()).await?;
                Ok(SignedIn { person, tokens })
            })
        })
        .await
    }

    async fn check_credentials(&self, credentials: &Credentials) -> Result<Uuid, AccountsError> {
        let now = self.clock.now();
        let email_index = self.email_index(&credentials.email);
        let by_email = self.secrets.index("login by e-mail", &email_index);
        let by_address =
            credentials.address.map(|it| self.secrets.index("login by address", it.to_string().as_bytes()));
        if let Some(by_address) = &by_address {
            throttle::count(&self.pool, by_address, throttle::PER_ADDRESS, now).await?;
        }
        throttle::count(&self.pool, &by_email, throttle::PER_EMAIL, now).await?;

        let known = self.password_of(&email_index).await?;
        let hash = known.as_ref().map(|(_, hash)| hash.clone());
        let right = self.passwords.matches(&credentials.password, hash).await?;
        let user_id = known.filter(|_| right).ok_or(AccountsError::WrongCredentials)?.0;
        throttle::clear(&self.pool, &by_email).await?;
        if let Some(by_address) = &by_address {
            throttle::give_back(&self.pool, by_address).await?;
        }
        Ok(user_id)
    }

    async fn password_of(&self, email_index: &[u8]) -> Result<Option<(Uuid, String)>, AccountsError> {
        let found = sqlx::query_as(
            "select user_id, password_hash
             from accounts.users
             where email_index = $1 and disabled_at is null",
        )
        .bind(email_index)
        .fetch_optional(&self.pool)
        .await?;
        Ok(found)
    }

    async fn company_for(&self, user_id: Uuid, wanted: Option<Uuid>) -> Result<(Uuid, Role), AccountsError> {
        let companies = self.companies_of(user_id).await?;
        let chosen = match wanted {
            Some(wanted) => companies.iter().find(|mine| mine.company_id == wanted),
            None => companies.first(),
        };
        chosen.map(|mine| (mine.company_id, mine.role)).ok_or(AccountsError::NotAMember)
    }
}
