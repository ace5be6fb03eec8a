//! Registration, login, sessions, repeats.

use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::TimeDelta;
use futures::future::BoxFuture;
use sqlx::{PgConnection, Row as _};

use super::{PASSWORD, Room, founded, key, refusal, registration, scope};
use crate::accounts::{AccountsError, Credentials, Founding, RegisterError, Role, SecretText};

#[tokio::test]
async fn a_person_registers_signs_in_and_is_known_again() {
    let room = Room::open().await;
    let registered = room.register("Ann@Example.com").await;
    assert_eq!((registered.person.role, registered.position), (Role::Owner, 7));
    let principal = room.accounts.bearer(registered.tokens.access_token.reveal()).await.unwrap();
    assert_eq!(principal.company_id, registered.tokens.company_id);
    assert_eq!((principal.role, principal.user_id()), (Role::Owner, Some(registered.person.user_id)));
    let me = room.accounts.me(&principal).await.unwrap();
    assert_eq!(me.person.email.reveal(), "Ann@Example.com");
    assert_eq!(me.person.name.reveal(), "Ann");
    assert_eq!(me.companies.len(), 1);
    let signed_in = room.try_login("ann@example.COM", PASSWORD).await.unwrap().value;
    assert_eq!(signed_in.person.user_id, registered.person.user_id);
    assert!(matches!(
        room.try_login("ann@example.com", "wrong horse").await,
        Err(AccountsError::WrongCredentials)
    ));
    assert!(matches!(
        room.try_login("bob@example.com", PASSWORD).await,
        Err(AccountsError::WrongCredentials)
    ));
}

#[tokio::test]
async fn a_taken_address_is_refused_before_anything_is_founded() {
    let room = Room::open().await;
    room.register("ann@example.com").await;
    let called = AtomicUsize::new(0);
    let found = |_| async {
        called.fetch_add(1, Ordering::Relaxed);
        Ok::<i64, std::convert::Infallible>(1)
    };
    let again = room.accounts.register(registration("ANN@example.com"), None, found).await;
    assert!(matches!(refusal(again.unwrap_err()), AccountsError::EmailTaken));
    assert_eq!(called.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_registration_that_broke_off_is_finished_under_the_same_ids() {
    let room = Room::open().await;
    let mut first = None;
    let broken = |founding: Founding| {
        first = Some(founding);
        async { Err::<i64, &str>("crash") }
    };
    let failed = room.accounts.register(registration("ann@example.com"), None, broken).await;
    assert!(matches!(failed.unwrap_err(), RegisterError::Founding("crash")));
    assert!(matches!(
        room.try_login("ann@example.com", PASSWORD).await,
        Err(AccountsError::WrongCredentials)
    ));
    let registered = room.register("ann@example.com").await;
    let first = first.unwrap();
    assert_eq!(registered.tokens.company_id, first.company_id);
    assert_eq!(registered.person.user_id, first.user_id);
    let left: i64 = sqlx::query_scalar("select count(*) from accounts.registrations")
        .fetch_one(&room.pool)
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_repeated_registration_gets_the_first_answer() {
    let room = Room::open().await;
    let request = key("r1", 1);
    let first =
        room.accounts.register(registration("ann@example.com"), Some(&request), founded).await.unwrap();
    let again =
        room.accounts.register(registration("ann@example.com"), Some(&request), founded).await.unwrap();
    assert_eq!((first.replayed, again.replayed), (false, true));
    assert_eq!(first.value, again.value);
    let other = room.accounts.register(registration("ann@example.com"), Some(&key("r1", 2)), founded).await;
    assert!(matches!(refusal(other.unwrap_err()), AccountsError::KeyReuse));
}

#[tokio::test]
async fn a_refresh_token_works_once_and_its_return_ends_the_session() {
    let room = Room::open().await;
    let first = room.register("ann@example.com").await.tokens;
    let second = room.accounts.refresh(&first.refresh_token, None).await.unwrap().value;
    assert!(room.accounts.bearer(second.access_token.reveal()).await.is_ok());
    assert!(matches!(room.accounts.refresh(&first.refresh_token, None).await, Err(AccountsError::Reused)));
    assert!(matches!(
        room.accounts.refresh(&second.refresh_token, None).await,
        Err(AccountsError::NotSignedIn)
    ));
    assert!(matches!(
        room.accounts.bearer(second.access_token.reveal()).await,
        Err(AccountsError::NotSignedIn)
    ));
    assert!(room.try_login("ann@example.com", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn of_many_refreshes_at_once_exactly_one_succeeds() {
    let room = Room::open().await;
    let pair = room.register("ann@example.com").await.tokens;
    let attempts = (0..8).map(|_| room.accounts.refresh(&pair.refresh_token, None));
    let done = futures::future::join_all(attempts).await;
    assert_eq!(done.iter().filter(|attempt| attempt.is_ok()).count(), 1);
    let children: i64 = sqlx::query_scalar("select count(*) from accounts.refresh_tokens")
        .fetch_one(&room.pool)
        .await
        .unwrap();
    assert_eq!(children, 2);
}

#[tokio::test]
async fn a_repeated_refresh_with_its_key_gets_the_same_tokens() {
    let room = Room::open().await;
    let pair = room.register("ann@example.com").await.tokens;
    let first = room.accounts.refresh(&pair.refresh_token, Some(&key("f", 1))).await.unwrap();
    let again = room.accounts.refresh(&pair.refresh_token, Some(&key("f", 1))).await.unwrap();
    assert_eq!(first.value, again.value);
    assert!(again.replayed);
    assert!(room.accounts.refresh(&first.value.refresh_token, None).await.is_ok());
}

#[tokio::test]
async fn tokens_expire_and_logout_ends_the_session() {
    let room = Room::open().await;
    let pair = room.register("ann@example.com").await.tokens;
    room.clock.advance(TimeDelta::minutes(15));
    assert!(matches!(room.accounts.bearer(pair.access_token.reveal()).await, Err(AccountsError::Expired)));
    let next = room.accounts.refresh(&pair.refresh_token, None).await.unwrap().value;
    room.accounts.logout(&next.refresh_token, None).await.unwrap();
    assert!(matches!(
        room.accounts.bearer(next.access_token.reveal()).await,
        Err(AccountsError::NotSignedIn)
    ));
    assert!(matches!(
        room.accounts.refresh(&next.refresh_token, None).await,
        Err(AccountsError::NotSignedIn)
    ));
    let pair = room.try_login("ann@example.com", PASSWORD).await.unwrap().value.tokens;
    room.clock.advance(TimeDelta::days(31));
    assert!(matches!(room.accounts.refresh(&pair.refresh_token, None).await, Err(AccountsError::Expired)));
    assert!(room.accounts.logout(&SecretText::new("unknown"), None).await.is_ok());
}

#[tokio::test]
async fn twenty_failed_logins_throttle_the_address_for_fifteen_minutes() {
    let room = Room::open().await;
    room.register("ann@example.com").await;
    for _ in 0..20 {
        let failed = room.try_login("ann@example.com", "wrong horse").await;
        assert!(matches!(failed, Err(AccountsError::WrongCredentials)));
    }
    let throttled = room.try_login("ANN@example.com", PASSWORD).await;
    assert!(
        matches!(throttled, Err(AccountsError::Throttled { retry_after }) if retry_after.as_secs() > 600)
    );
    assert!(matches!(
        room.try_login("bob@example.com", PASSWORD).await,
        Err(AccountsError::WrongCredentials)
    ));
    room.clock.advance(TimeDelta::minutes(15));
    assert!(room.try_login("ann@example.com", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn one_network_address_is_throttled_over_all_accounts() {
    let room = Room::open().await;
    let by_address = room.accounts.secrets().index("login by address", b"192.0.2.1");
    sqlx::query("insert into accounts.login_failures (subject, failed, window_start) values ($1, 200, $2)")
        .bind(by_address.as_slice())
        .bind(room.clock.now())
        .execute(&room.pool)
        .await
        .unwrap();
    let credentials = Credentials {
        email: SecretText::new("ann@example.com"),
        password: SecretText::new(PASSWORD),
        company_id: None,
        address: Some("192.0.2.1".parse().unwrap()),
    };
    let throttled = room.accounts.login(credentials.clone(), None).await;
    assert!(matches!(throttled, Err(AccountsError::Throttled { .. })));
    let elsewhere = Credentials { address: Some("192.0.2.2".parse().unwrap()), ..credentials };
    assert!(matches!(room.accounts.login(elsewhere, None).await, Err(AccountsError::WrongCredentials)));
}

#[tokio::test]
async fn work_is_done_once_per_key_even_when_repeats_come_together() {
    let room = Room::open().await;
    let done = AtomicUsize::new(0);
    let request = key("k", 1);
    let attempts = (0..6).map(|_| {
        room.accounts.once(scope(1), Some(&request), |_| {
            let count = done.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move { Ok(count) })
        })
    });
    let answers = futures::future::join_all(attempts).await;
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap().value == 0));
    assert_eq!(answers.iter().filter(|answer| !answer.as_ref().unwrap().replayed).count(), 1);
    let other_body = room.accounts.once(scope(1), Some(&key("k", 2)), answer_five).await;
    assert!(matches!(other_body, Err(AccountsError::KeyReuse)));
    assert_eq!(room.accounts.once(scope(2), Some(&request), answer_five).await.unwrap().value, 5);
}

#[tokio::test]
async fn work_that_fails_leaves_its_key_free() {
    let room = Room::open().await;
    let request = key("k", 1);
    assert!(room.accounts.once(scope(1), Some(&request), fail).await.is_err());
    assert!(!room.accounts.once(scope(1), Some(&request), answer_five).await.unwrap().replayed);
}

fn answer_five(_: &mut PgConnection) -> BoxFuture<'_, Result<usize, AccountsError>> {
    Box::pin(async { Ok(5) })
}

fn fail(_: &mut PgConnection) -> BoxFuture<'_, Result<usize, AccountsError>> {
    Box::pin(async { Err(AccountsError::LastOwner) })
}

#[tokio::test]
async fn no_table_shows_an_address_a_name_a_password_or_a_token() {
    let room = Room::open().await;
    let request = key("r1", 1);
    let registered =
        room.accounts.register(registration("ann@example.com"), Some(&request), founded).await.unwrap();
    let principal = room.accounts.bearer(registered.value.tokens.access_token.reveal()).await.unwrap();
    let new = crate::accounts::NewApiKey { name: "till".to_owned(), role: Role::Viewer };
    let made = room.accounts.add_api_key(&principal, new, Some(&key("k", 1))).await.unwrap().value;
    let tokens = &registered.value.tokens;
    let secrets =
        ["ann", PASSWORD, tokens.access_token.reveal(), tokens.refresh_token.reveal(), made.secret.reveal()];
    let tables = sqlx::query("select tablename from pg_tables where schemaname = 'accounts'")
        .fetch_all(room.database.owner())
        .await
        .unwrap();
    assert!(tables.len() >= 10);
    for table in tables {
        let table: String = table.get(0);
        let rows: Vec<String> =
            sqlx::query_scalar(&format!("select row_to_json(t)::text from accounts.{table} t"))
                .fetch_all(room.database.owner())
                .await
                .unwrap();
        for row in rows {
            let bytes = row.to_lowercase();
            for secret in secrets {
                let hex: String =
                    secret.bytes().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
                assert!(!row.contains(secret) && !bytes.contains(&hex), "{table} shows a secret: {row}");
            }
        }
    }
    let shown = format!("{registered:?} {made:?}");
    assert!(secrets.iter().skip(1).all(|secret| !shown.contains(secret)));
}
