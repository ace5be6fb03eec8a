//! Members of a company.
//!
//! A person has one account whatever the number of his companies; a membership gives him a role in one. Nobody grants,
//! changes or takes away a role above his own, and one OWNER at least remains. Once other companies know a person,
//! only he himself changes his name and password.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use super::error::invalid;
use super::once::{Answer, RequestKey};
use super::session::revoke_sessions;
use super::user_rows::{
    change_role, checked_email, checked_name, email_place, insert_membership, insert_user, keep_an_owner,
    known_elsewhere, known_user, name_place, set_name, set_password,
};
use super::{Accounts, AccountsError, Principal, Role, SecretText, password};

/// A member of a company. `Debug` shows neither name nor address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The person.
    pub user_id: Uuid,
    /// E-mail address.
    pub email: SecretText,
    /// Name.
    pub name: SecretText,
    /// Role in the company.
    pub role: Role,
    /// Member since.
    pub since: DateTime<Utc>,
}

/// A person to be taken in.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// E-mail address. Who has an account already joins with it.
    pub email: SecretText,
    /// Name.
    pub name: Option<SecretText>,
    /// First password; needed when the person has no account yet.
    pub password: Option<SecretText>,
    /// Role.
    pub role: Role,
}

/// What is to change of a member; what is missing stays.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// New name.
    pub name: Option<SecretText>,
    /// New role.
    pub role: Option<Role>,
    /// New password.
    pub password: Option<SecretText>,
    /// The present password; needed to change one's own.
    pub current_password: Option<SecretText>,
}

#[derive(sqlx::FromRow)]
struct Row {
    user_id: Uuid,
    email_sealed: Vec<u8>,
    name_sealed: Vec<u8>,
    role: String,
    created_at: DateTime<Utc>,
}

impl Accounts {
    /// Members of the caller's company, the oldest first.
    pub async fn users(&self, principal: &Principal) -> Result<Vec<Person>, AccountsError> {
        let rows: Vec<Row> = sqlx::query_as(
            "select u.user_id, u.email_sealed, u.name_sealed, m.role, m.created_at
             from accounts.memberships m
             join accounts.users u on u.user_id = m.user_id
             where m.company_id = $1 and m.removed_at is null
             order by m.created_at, u.user_id",
        )
        .bind(principal.company_id)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| self.opened(row)).collect()
    }

    /// One member of the caller's company.
    pub async fn user(&self, principal: &Principal, user_id: Uuid) -> Result<Person, AccountsError> {
        let mut conn = self.pool.acquire().await?;
        self.member(&mut conn, principal.company_id, user_id).await
    }

    /// Takes a person in.
    pub async fn add_user(
        &self,
        principal: &Principal,
        new: NewUser,
        request: Option<&RequestKey>,
    ) -> Result<Answer<Person>, AccountsError> {
        if !principal.role.covers(new.role) {
            return Err(AccountsError::AboveOwnRole);
        }
        let email = checked_email(&new.email)?;
        let name = checked_name(new.name.as_ref().unwrap_or(&email))?;
        let password_hash = match &new.password {
            Some(password) => {
                password::check_rules(password)?;
                Some(self.passwords.hash(password).await?)
            }
            None => None,
        };
        let (this, company_id, role) = (self.clone(), principal.company_id, new.role);
        self.once(company_id, request, move |conn| {
            Box::pin(async move {
                let user_id = if let Some(known) = known_user(conn, &this.email_index(&email)).await? {
                    known
                } else {
                    let missing = || invalid("password", "missing", "is needed for a new person");
                    let user_id = this.ids.next();
                    insert_user(&this, conn, user_id, &email, &name, &password_hash.ok_or_else(missing)?)
                        .await?;
                    user_id
                };
                insert_membership(conn, company_id, user_id, role, this.clock.now()).await?;
                this.member(conn, company_id, user_id).await
            })
        })
        .await
    }

    /// Changes role, name or password of a member. A new password ends his sessions.
    pub async fn change_user(
        &self,
        principal: &Principal,
        user_id: Uuid,
        change: UserChange,
        request: Option<&RequestKey>,
    ) -> Result<Answer<Person>, AccountsError> {
        let own = principal.user_id() == Some(user_id);
        let name = change.name.as_ref().map(checked_name).transpose()?;
        let password_hash = match &change.password {
            Some(password) => {
                password::check_rules(password)?;
                if own {
                    self.check_current_password(user_id, change.current_password.as_ref()).await?;
                }
                Some(self.passwords.hash(password).await?)
            }
            None => None,
        };
        let (this, caller) = (self.clone(), *principal);
        let changed = self
            .once(principal.company_id, request, move |conn| {
                Box::pin(async move {
                    let now = this.clock.now();
                    let present = this.touchable(conn, &caller, user_id).await?;
                    let personal = name.is_some() || password_hash.is_some();
                    if personal && !own && known_elsewhere(conn, caller.company_id, user_id).await? {
                        return Err(AccountsError::NotYours);
                    }
                    if let Some(role) = change.role.filter(|role| *role != present) {
                        change_role(conn, &caller, user_id, (present, role)).await?;
                    }
                    if let Some(name) = name {
                        set_name(&this, conn, user_id, &name).await?;
                    }
                    if let Some(hash) = password_hash {
                        set_password(conn, user_id, &hash).await?;
                        revoke_sessions(conn, user_id, None, now).await?;
                    }
                    this.member(conn, caller.company_id, user_id).await
                })
            })
            .await?;
        self.standings.forget(user_id);
        Ok(changed)
    }

    /// Ends a membership and the member's sessions in the company. The account remains.
    pub async fn remove_user(
        &self,
        principal: &Principal,
        user_id: Uuid,
        request: Option<&RequestKey>,
    ) -> Result<Answer<Person>, AccountsError> {
        let (this, caller) = (self.clone(), *principal);
        let removed = self
            .once(principal.company_id, request, move |conn| {
                Box::pin(async move {
                    let now = this.clock.now();
                    let person = this.member(conn, caller.company_id, user_id).await?;
                    if this.touchable(conn, &caller, user_id).await? == Role::Owner {
                        keep_an_owner(conn, caller.company_id, user_id).await?;
                    }
                    sqlx::query(
                        "update accounts.memberships set removed_at = $3 where company_id = $1 and user_id = $2",
                    )
                    .bind(caller.company_id)
                    .bind(user_id)
                    .bind(now)
                    .execute(&mut *conn)
                    .await?;
                    revoke_sessions(conn, user_id, Some(caller.company_id), now).await?;
                    Ok(person)
                })
            })
            .await?;
        self.standings.forget(user_id);
        Ok(removed)
    }

    /// The index under which an address is found, whatever its case.
    pub(super) fn email_index(&self, email: &SecretText) -> Vec<u8> {
        let folded = email.reveal().trim().to_lowercase();
        self.secrets.index("e-mail", folded.as_bytes()).to_vec()
    }

    pub(super) async fn member(
        &self,
        conn: &mut PgConnection,
        company_id: Uuid,
        user_id: Uuid,
    ) -> Result<Person, AccountsError> {
        let row: Option<Row> = sqlx::query_as(
            "select u.user_id, u.email_sealed, u.name_sealed, m.role, m.created_at
             from accounts.memberships m
             join accounts.users u on u.user_id = m.user_id
             where m.company_id = $1 and m.user_id = $2 and m.removed_at is null",
        )
        .bind(company_id)
        .bind(user_id)
        .fetch_optional(conn)
        .await?;
        self.opened(&row.ok_or(AccountsError::NotFound)?)
    }

    fn opened(&self, row: &Row) -> Result<Person, AccountsError> {
        let role = Role::from_name(&row.role).ok_or(AccountsError::Internal("a stored role is unknown"))?;
        Ok(Person {
            user_id: row.user_id,
            email: self.secrets.open_text(&email_place(row.user_id), &row.email_sealed)?,
            name: self.secrets.open_text(&name_place(row.user_id), &row.name_sealed)?,
            role,
            since: row.created_at,
        })
    }

    /// Role of a member whom the caller may change: himself, or one whose role his own covers. Locks the company, so
    /// that two changes of its members follow each other and two owners cannot take away each other.
    async fn touchable(
        &self,
        conn: &mut PgConnection,
        caller: &Principal,
        user_id: Uuid,
    ) -> Result<Role, AccountsError> {
        sqlx::query("select company_id from accounts.companies where company_id = $1 for update")
            .bind(caller.company_id)
            .execute(&mut *conn)
            .await?;
        let role: Option<String> = sqlx::query_scalar(
            "select role
             from accounts.memberships
             where company_id = $1 and user_id = $2 and removed_at is null",
        )
        .bind(caller.company_id)
        .bind(user_id)
        .fetch_optional(conn)
        .await?;
        let role = role.as_deref().and_then(Role::from_name).ok_or(AccountsError::NotFound)?;
        let managed = caller.role.manages_users() && caller.role.covers(role);
        if caller.user_id() != Some(user_id) && !managed {
            return Err(AccountsError::AboveOwnRole);
        }
        Ok(role)
    }

    async fn check_current_password(
        &self,
        user_id: Uuid,
        current: Option<&SecretText>,
    ) -> Result<(), AccountsError> {
        let wrong = || invalid("current_password", "wrong", "is not the present password");
        let hash = sqlx::query_scalar("select password_hash from accounts.users where user_id = $1")
            .bind(user_id)
            .fetch_optional(&self.pool)
            .await?;
        let right = self.passwords.matches(current.ok_or_else(wrong)?, hash).await?;
        if right { Ok(()) } else { Err(wrong()) }
    }
}
