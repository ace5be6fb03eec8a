//! A person signs up and founds a company.
//!
//! The company is founded in the log first, then person, membership and session are written in one transaction. The
//! ids are noted before anything else, under the e-mail address and a digest of the request: whatever a crash leaves
//! behind, the same request finds the same ids and finishes; founding twice under one id changes nothing.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::once::{Answer, NOBODY, RequestKey};
use super::password;
use super::session::TokenPair;
use super::user_rows::{checked_email, checked_name, insert_membership, insert_user};
use super::users::Person;
use super::{Accounts, AccountsError, Role, SecretText};

/// What a person asks for when signing up.
#[derive(Debug, Clone)]
pub struct Registration {
    /// E-mail address.
    pub email: SecretText,
    /// Name; the part of the address before the @ where it is missing.
    pub name: Option<SecretText>,
    /// Password.
    pub password: SecretText,
    /// Digest of everything that founding depends on (company name, currency, time zone).
    pub founding_digest: [u8; 32],
}

/// Ids under which the company is to be founded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Founding {
    /// The company. Founding it again with the same id must change nothing.
    pub company_id: Uuid,
    /// The person who founds it.
    pub user_id: Uuid,
}

/// The answer to a registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    /// The person, an OWNER.
    pub person: Person,
    /// His session.
    pub tokens: TokenPair,
    /// Position of the founding in the log.
    pub position: i64,
}

/// Why a registration did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError<E> {
    /// This room refused or failed.
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    /// The company was not founded.
    #[error("the company was not founded")]
    Founding(#[source] E),
}

impl<E> From<sqlx::Error> for RegisterError<E> {
    fn from(error: sqlx::Error) -> Self {
        Self::Accounts(error.into())
    }
}

impl Accounts {
    /// Signs a person up. `found` appends the company's first events and answers their position; it may be called
    /// again with the same ids after a crash.
    pub async fn register<E, F, Fut>(
        &self,
        registration: Registration,
        request: Option<&RequestKey>,
        found: F,
    ) -> Result<Answer<Registered>, RegisterError<E>>
    where
        F: FnOnce(Founding) -> Fut,
        Fut: Future<Output = Result<i64, E>>,
    {
        let email = checked_email(&registration.email)?;
        let name = registration.name.clone().unwrap_or_else(|| name_from(&email));
        let name = checked_name(&name)?;
        password::check_rules(&registration.password)?;
        let email_index = self.email_index(&email);
        if let Some(request) = request
            && let Some(earlier) = self.earlier(NOBODY, request).await?
        {
            return Ok(earlier);
        }
        if email_taken(&self.pool, &email_index).await? {
            return Err(AccountsError::EmailTaken.into());
        }
        let password_hash = self.passwords.hash(&registration.password).await?;
        let founding = self.reserve(&email_index, &registration.founding_digest).await?;
        let position = found(founding).await.map_err(RegisterError::Founding)?;

        let this = self.clone();
        let registered = self.once(NOBODY, request, move |conn| {
            Box::pin(async move {
                let Founding { company_id, user_id } = founding;
                let now = this.clock.now();
                insert_user(&this, conn, user_id, &email, &name, &password_hash).await?;
                insert_company(conn, company_id, now).await?;
                insert_membership(conn, company_id, user_id, Role::Owner, now).await?;
                forget_reservations(conn, &email_index).await?;
                let tokens =
                    this.open_session(conn, user_id, company_id, Role::Owner, this.ids.next()).await?;
                let person = Person { user_id, email, name, role: Role::Owner, since: now };
                Ok(Registered { person, tokens, position })
            })
        });
        Ok(registered.await?)
    }

    /// Ids of this registration: new ones, or those of an attempt that did not finish.
    async fn reserve(&self, email_index: &[u8], founding_digest: &[u8]) -> Result<Founding, AccountsError> {
        let digest = self.secrets.index("founding digest", founding_digest);
        let (company_id, user_id) = sqlx::query_as(
            "insert into accounts.registrations as known (email_index, body_digest, company_id, user_id, created_at)
             values ($1, $2, $3, $4, $5)
             on conflict (email_index, body_digest) do update set created_at = known.created_at
             returning company_id, user_id",
        )
        .bind(email_index)
        .bind(digest.as_slice())
        .bind(self.ids.next())
        .bind(self.ids.next())
        .bind(self.clock.now())
        .fetch_one(&self.pool)
        .await?;
        Ok(Founding { company_id, user_id })
    }
}

async fn email_taken(pool: &PgPool, email_index: &[u8]) -> Result<bool, AccountsError> {
    let taken = sqlx::query_scalar("select exists (select 1 from accounts.users where email_index = $1)")
        .bind(email_index)
        .fetch_one(pool)
        .await?;
    Ok(taken)
}

async fn insert_company(
    conn: &mut PgConnection,
    company_id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), AccountsError> {
    sqlx::query("insert into accounts.companies (company_id, created_at) values ($1, $2)")
        .bind(company_id)
        .bind(now)
        .execute(conn)
        .await?;
    Ok(())
}

async fn forget_reservations(conn: &mut PgConnection, email_index: &[u8]) -> Result<(), AccountsError> {
    sqlx::query("delete from accounts.registrations where email_index = $1")
        .bind(email_index)
        .execute(conn)
        .await?;
    Ok(())
}

fn name_from(email: &SecretText) -> SecretText {
    SecretText::new(email.reveal().split('@').next().unwrap_or_default().to_owned())
}
