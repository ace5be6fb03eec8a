//! Sign-in, members, API keys and companies of a person, at the edge.
//!
//! Operations under `/auth` but `switch` and `me` need no token; their idempotency keys share one room, so clients make
//! them at random. Passwords and tokens are held as [`commands::accounts::SecretText`], which `Debug` does not show.

mod view;
mod anonymous;
mod session;
mod register;
mod login;
mod refresh;
mod logout;
mod switch;
mod me;
mod change_me;
mod clients;
mod list_users;
mod create_user;
mod read_user;
mod change_user;
mod remove_user;
mod list_api_keys;
mod create_api_key;
mod read_api_key;
mod change_api_key;
mod revoke_api_key;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::AppState;

/// Operations of this room.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(register::register))
        .routes(routes!(login::login))
        .routes(routes!(refresh::refresh))
        .routes(routes!(logout::logout))
        .routes(routes!(switch::switch))
        .routes(routes!(me::me, change_me::change_me))
        .routes(routes!(clients::list_clients))
        .routes(routes!(list_users::list_users, create_user::create_user))
        .routes(routes!(read_user::read_user, change_user::change_user, remove_user::remove_user))
        .routes(routes!(list_api_keys::list_api_keys, create_api_key::create_api_key))
        .routes(routes!(
            read_api_key::read_api_key,
            change_api_key::change_api_key,
            revoke_api_key::revoke_api_key
        ))
}
