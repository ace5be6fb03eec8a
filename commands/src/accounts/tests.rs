//! The plain tables on a fresh database.

mod jobs;
mod keys;
mod people;
mod sign_in;

use std::convert::Infallible;

use migrations::testing::{TestDatabase, fresh_database};
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    Accounts, Answer, Credentials, Principal, RegisterError, Registered, Registration, SecretText, Secrets,
};
use crate::clock::{Clock, Ids};

/// A room of its own, with a clock that can be moved.
struct Room {
    database: TestDatabase,
    pool: PgPool,
    clock: Clock,
    accounts: Accounts,
}

const PASSWORD: &str = "correct horse battery";

impl Room {
    async fn open() -> Self {
        let database = fresh_database().await;
        let pool = database.pool(migrations::Role::Accounts, 8).await.unwrap();
        let clock = Clock::system();
        let accounts = Accounts::new(pool.clone(), Secrets::new(&[9; 32]), clock.clone(), Ids);
        Self { database, pool, clock, accounts }
    }

    /// The same tables seen by another process, which remembers nothing of this one.
    fn other_process(&self) -> Accounts {
        Accounts::new(self.pool.clone(), Secrets::new(&[9; 32]), self.clock.clone(), Ids)
    }

    async fn register(&self, email: &str) -> Registered {
        self.accounts.register(registration(email), None, founded).await.unwrap().value
    }

    async fn owner(&self, email: &str) -> Principal {
        let registered = self.register(email).await;
        self.accounts.bearer(registered.tokens.access_token.reveal()).await.unwrap()
    }

    async fn try_login(
        &self,
        email: &str,
        password: &str,
    ) -> Result<Answer<super::SignedIn>, super::AccountsError> {
        let credentials = Credentials {
            email: SecretText::new(email),
            password: SecretText::new(password),
            company_id: None,
            address: None,
        };
        self.accounts.login(credentials, None).await
    }
}

fn registration(email: &str) -> Registration {
    Registration {
        email: SecretText::new(email),
        name: None,
        password: SecretText::new(PASSWORD),
        founding_digest: [1; 32],
    }
}

async fn founded(_: super::Founding) -> Result<i64, Infallible> {
    Ok(7)
}

fn key(text: &str, digest: u8) -> super::RequestKey {
    super::RequestKey { key: text.to_owned(), digest: [digest; 32] }
}

/// What a registration failed with.
fn refusal<E: std::fmt::Debug>(error: RegisterError<E>) -> super::AccountsError {
    match error {
        RegisterError::Accounts(error) => error,
        RegisterError::Founding(error) => panic!("{error:?}"),
    }
}

fn scope(id: u128) -> Uuid {
    Uuid::from_u128(id)
}
