//! Members, roles, several companies, and what the read side sees.

use super::{PASSWORD, Room, key};
use crate::accounts::{AccountsError, NewUser, Person, Principal, Role, SecretText, UserChange};

async fn add(room: &Room, by: &Principal, email: &str, role: Role) -> Result<Person, AccountsError> {
    let new = NewUser {
        email: SecretText::new(email),
        name: Some(SecretText::new("Somebody")),
        password: Some(SecretText::new(PASSWORD)),
        role,
    };
    room.accounts.add_user(by, new, None).await.map(|answer| answer.value)
}

async fn sign_in(room: &Room, email: &str) -> Principal {
    let pair = room.try_login(email, PASSWORD).await.unwrap().value.tokens;
    room.accounts.bearer(pair.access_token.reveal()).await.unwrap()
}

fn role(role: Role) -> UserChange {
    UserChange { role: Some(role), ..UserChange::default() }
}

#[tokio::test]
async fn nobody_grants_changes_or_takes_away_a_role_above_his_own() {
    let room = Room::open().await;
    let owner = room.owner("own@example.com").await;
    add(&room, &owner, "adm@example.com", Role::Admin).await.unwrap();
    let viewer = add(&room, &owner, "view@example.com", Role::Viewer).await.unwrap();
    let admin = sign_in(&room, "adm@example.com").await;
    let above = |result: Result<_, AccountsError>| matches!(result, Err(AccountsError::AboveOwnRole));
    let owner_id = owner.user_id().unwrap();
    assert!(above(add(&room, &admin, "x@example.com", Role::Owner).await));
    assert!(above(
        room.accounts.change_user(&admin, viewer.user_id, role(Role::Owner), None).await.map(|a| a.value)
    ));
    assert!(above(
        room.accounts.change_user(&admin, owner_id, role(Role::Viewer), None).await.map(|a| a.value)
    ));
    assert!(above(room.accounts.remove_user(&admin, owner_id, None).await.map(|a| a.value)));
    assert!(above(
        room.accounts.change_user(&admin, admin.id(), role(Role::Owner), None).await.map(|a| a.value)
    ));
    let raised = room.accounts.change_user(&admin, viewer.user_id, role(Role::Ceo), None).await.unwrap();
    assert_eq!(raised.value.role, Role::Ceo);
    let ceo = sign_in(&room, "view@example.com").await;
    assert!(above(
        room.accounts.change_user(&ceo, ceo.id(), role(Role::Viewer), None).await.map(|a| a.value)
    ));
}

#[tokio::test]
async fn one_owner_at_least_remains() {
    let room = Room::open().await;
    let owner = room.owner("own@example.com").await;
    let owner_id = owner.user_id().unwrap();
    let last = room.accounts.remove_user(&owner, owner_id, None).await;
    assert!(matches!(last, Err(AccountsError::LastOwner)));
    let last = room.accounts.change_user(&owner, owner_id, role(Role::Admin), None).await;
    assert!(matches!(last, Err(AccountsError::LastOwner)));
    let second = add(&room, &owner, "two@example.com", Role::Owner).await.unwrap();
    let other = sign_in(&room, "two@example.com").await;
    let (one, two) = futures::future::join(
        room.accounts.remove_user(&owner, second.user_id, None),
        room.accounts.remove_user(&other, owner_id, None),
    )
    .await;
    assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
}

#[tokio::test]
async fn a_removed_member_is_out_at_once_here_and_soon_elsewhere() {
    let room = Room::open().await;
    let owner = room.owner("own@example.com").await;
    let person = add(&room, &owner, "ann@example.com", Role::Viewer).await.unwrap();
    let pair = room.try_login("ann@example.com", PASSWORD).await.unwrap().value.tokens;
    let elsewhere = room.other_process();
    assert!(room.accounts.bearer(pair.access_token.reveal()).await.is_ok());
    assert!(elsewhere.bearer(pair.access_token.reveal()).await.is_ok());
    room.accounts.remove_user(&owner, person.user_id, None).await.unwrap();
    assert!(room.accounts.bearer(pair.access_token.reveal()).await.is_err());
    assert!(room.accounts.refresh(&pair.refresh_token, None).await.is_err());
    assert!(room.other_process().bearer(pair.access_token.reveal()).await.is_err());
    assert!(crate::accounts::STANDING_TTL.as_secs() <= 5);
    assert!(matches!(room.accounts.user(&owner, person.user_id).await, Err(AccountsError::NotFound)));
    assert!(matches!(room.try_login("ann@example.com", PASSWORD).await, Err(AccountsError::NotAMember)));
    add(&room, &owner, "ann@example.com", Role::Warehouse).await.unwrap();
    assert_eq!(sign_in(&room, "ann@example.com").await.role, Role::Warehouse);
}

#[tokio::test]
async fn a_changed_role_acts_without_a_new_token() {
    let room = Room::open().await;
    let owner = room.owner("own@example.com").await;
    let person = add(&room, &owner, "ann@example.com", Role::Viewer).await.unwrap();
    let pair = room.try_login("ann@example.com", PASSWORD).await.unwrap().value.tokens;
    assert_eq!(room.accounts.bearer(pair.access_token.reveal()).await.unwrap().role, Role::Viewer);
    room.accounts.change_user(&owner, person.user_id, role(Role::Admin), None).await.unwrap();
    assert_eq!(room.accounts.bearer(pair.access_token.reveal()).await.unwrap().role, Role::Admin);
}

#[tokio::test]
async fn a_person_of_two_companies_switches_and_keeps_his_password_to_himself() {
    let room = Room::open().await;
    let one = room.owner("one@example.com").await;
    let two = room.owner("two@example.com").await;
    let joined = add(&room, &one, "two@example.com", Role::Viewer).await.unwrap();
    assert_eq!(joined.user_id, two.user_id().unwrap());
    assert!(matches!(
        add(&room, &one, "two@example.com", Role::Ceo).await,
        Err(AccountsError::AlreadyMember)
    ));
    let pair = room.accounts.switch(&two, one.company_id, None).await.unwrap().value;
    let switched = room.accounts.bearer(pair.access_token.reveal()).await.unwrap();
    assert_eq!((switched.company_id, switched.role), (one.company_id, Role::Viewer));
    assert_eq!(room.accounts.me(&switched).await.unwrap().companies.len(), 2);
    assert!(matches!(room.accounts.switch(&one, two.company_id, None).await, Err(AccountsError::NotAMember)));
    let password =
        UserChange { password: Some(SecretText::new("taken over by one")), ..UserChange::default() };
    let taken = room.accounts.change_user(&one, joined.user_id, password, None).await;
    assert!(matches!(taken, Err(AccountsError::NotYours)));
    assert!(matches!(room.accounts.user(&two, one.user_id().unwrap()).await, Err(AccountsError::NotFound)));
}

#[tokio::test]
async fn a_new_password_needs_the_old_one_and_ends_the_sessions() {
    let room = Room::open().await;
    let tokens = room.register("ann@example.com").await.tokens;
    let ann = room.accounts.bearer(tokens.access_token.reveal()).await.unwrap();
    let change = |current: Option<&str>| UserChange {
        password: Some(SecretText::new("another horse")),
        current_password: current.map(SecretText::new),
        ..UserChange::default()
    };
    let refused = room.accounts.change_user(&ann, ann.id(), change(None), None).await;
    assert!(matches!(refused, Err(AccountsError::Invalid(_))));
    let refused = room.accounts.change_user(&ann, ann.id(), change(Some("wrong")), None).await;
    assert!(matches!(refused, Err(AccountsError::Invalid(_))));
    room.accounts.change_user(&ann, ann.id(), change(Some(PASSWORD)), None).await.unwrap();
    assert!(room.accounts.refresh(&tokens.refresh_token, None).await.is_err());
    assert!(room.try_login("ann@example.com", PASSWORD).await.is_err());
    assert!(room.try_login("ann@example.com", "another horse").await.is_ok());
}

#[tokio::test]
async fn a_repeated_addition_adds_one_member() {
    let room = Room::open().await;
    let owner = room.owner("own@example.com").await;
    let new = || NewUser {
        email: SecretText::new("ann@example.com"),
        name: None,
        password: Some(SecretText::new(PASSWORD)),
        role: Role::Viewer,
    };
    let first = room.accounts.add_user(&owner, new(), Some(&key("a", 1))).await.unwrap();
    let again = room.accounts.add_user(&owner, new(), Some(&key("a", 1))).await.unwrap();
    assert_eq!((first.value, true), (again.value, again.replayed));
    assert_eq!(room.accounts.users(&owner).await.unwrap().len(), 2);
}

#[tokio::test]
async fn the_read_side_sees_its_own_company_and_no_secret_column() {
    let room = Room::open().await;
    let one = room.owner("one@example.com").await;
    room.owner("two@example.com").await;
    let reads = room.database.pool(migrations::Role::Api, 2).await.unwrap();
    for table in
        ["companies", "memberships", "refresh_tokens", "api_keys", "registrations", "jobs", "schedules"]
    {
        let rows: i64 = sqlx::query_scalar(&format!("select count(company_id) from accounts.{table}"))
            .fetch_one(&reads)
            .await
            .unwrap();
        assert_eq!(rows, 0, "{table} without a company");
    }
    let mut tx = reads.begin().await.unwrap();
    sqlx::query("select set_config('app.company_id', $1, true)")
        .bind(one.company_id.to_string())
        .execute(&mut *tx)
        .await
        .unwrap();
    let members: Vec<uuid::Uuid> =
        sqlx::query_scalar("select company_id from accounts.memberships").fetch_all(&mut *tx).await.unwrap();
    assert_eq!(members, [one.company_id]);
    drop(tx);
    for forbidden in [
        "select hash from accounts.api_keys",
        "select email_sealed from accounts.users",
        "select token_hash from accounts.refresh_tokens",
        "delete from accounts.memberships",
    ] {
        assert!(sqlx::query(forbidden).execute(&reads).await.is_err(), "{forbidden}");
    }
}
