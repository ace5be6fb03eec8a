//! API keys.

use super::{Room, key};
use crate::accounts::{AccountsError, NewApiKey, Role, Who};

fn new(role: Role) -> NewApiKey {
    NewApiKey { name: "till 1".to_owned(), role }
}

#[tokio::test]
async fn a_key_signs_in_until_it_is_revoked() {
    let room = Room::open().await;
    let owner = room.owner("own@example.com").await;
    let made = room.accounts.add_api_key(&owner, new(Role::Warehouse), None).await.unwrap().value;
    let bearer = room.accounts.api_key_bearer(made.secret.reveal()).await.unwrap();
    assert_eq!((bearer.company_id, bearer.role), (owner.company_id, Role::Warehouse));
    assert_eq!(bearer.who, Who::ApiKey { key_id: made.key.key_id });
    assert!(made.secret.reveal().starts_with(&made.key.prefix));
    assert!(room.accounts.api_key(&owner, made.key.key_id).await.unwrap().last_used_at.is_some());
    let elsewhere = room.other_process();
    assert!(elsewhere.api_key_bearer(made.secret.reveal()).await.is_ok());
    let revoked = room.accounts.revoke_api_key(&owner, made.key.key_id, None).await.unwrap().value;
    assert!(revoked.revoked_at.is_some());
    assert!(room.accounts.api_key_bearer(made.secret.reveal()).await.is_err());
    assert!(room.other_process().api_key_bearer(made.secret.reveal()).await.is_err());
    assert!(room.accounts.api_key_bearer("stk_unknown").await.is_err());
    assert!(room.accounts.api_key_bearer("").await.is_err());
}

#[tokio::test]
async fn a_key_never_stands_above_its_maker() {
    let room = Room::open().await;
    let owner = room.owner("own@example.com").await;
    let admin = room.accounts.add_api_key(&owner, new(Role::Admin), None).await.unwrap().value;
    let admin = room.accounts.api_key_bearer(admin.secret.reveal()).await.unwrap();
    let above = room.accounts.add_api_key(&admin, new(Role::Owner), None).await;
    assert!(matches!(above, Err(AccountsError::AboveOwnRole)));
    let high = room.accounts.add_api_key(&owner, new(Role::Owner), None).await.unwrap().value.key;
    let above = room.accounts.revoke_api_key(&admin, high.key_id, None).await;
    assert!(matches!(above, Err(AccountsError::AboveOwnRole)));
    let low = room.accounts.add_api_key(&admin, new(Role::Viewer), None).await.unwrap().value.key;
    let raised = room.accounts.change_api_key(&admin, low.key_id, (None, Some(Role::Owner)), None).await;
    assert!(matches!(raised, Err(AccountsError::AboveOwnRole)));
    let renamed = room.accounts.change_api_key(&admin, low.key_id, (Some("x".to_owned()), None), None).await;
    assert_eq!(renamed.unwrap().value.name, "x");
    assert_eq!(room.accounts.api_keys(&owner).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_key_of_another_company_is_unknown() {
    let room = Room::open().await;
    let one = room.owner("one@example.com").await;
    let two = room.owner("two@example.com").await;
    let made = room.accounts.add_api_key(&one, new(Role::Viewer), Some(&key("k", 1))).await.unwrap().value;
    assert!(matches!(room.accounts.api_key(&two, made.key.key_id).await, Err(AccountsError::NotFound)));
    assert!(matches!(
        room.accounts.revoke_api_key(&two, made.key.key_id, None).await,
        Err(AccountsError::NotFound)
    ));
    assert!(room.accounts.api_keys(&two).await.unwrap().is_empty());
    let again = room.accounts.add_api_key(&one, new(Role::Viewer), Some(&key("k", 1))).await.unwrap();
    assert_eq!((again.value, again.replayed), (made, true));
}
