//! Sign-in, members and keys.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, PASSWORD, TestApp};

async fn keyed(app: &TestApp, path: &str, key: &str, body: &Value) -> Answer {
    Answer::of(app.http.post(app.url(path)).header("Idempotency-Key", key).json(body)).await
}

async fn bearer(app: &TestApp, token: &str) -> Answer {
    Answer::of(app.http.get(app.url("/api/v1/auth/me")).bearer_auth(token)).await
}

async fn with_key(app: &TestApp, secret: &str, method: Method, path: &str) -> Answer {
    let url = app.url(&format!("/api/v1{path}"));
    Answer::of(app.http.request(method, url).header("X-API-Key", secret).json(&json!({}))).await
}

#[tokio::test]
async fn a_registration_founds_a_company_with_a_main_warehouse() {
    let app = TestApp::start().await;
    let body = json!({
        "email": "ann@example.com", "password": PASSWORD, "company_name": "Acme", "currency": "GBP",
        "timezone": "Europe/London"
    });
    let answer = keyed(&app, "/api/v1/auth/register", "r-1", &body).await.expect(201);
    assert_eq!((answer.text("/company/name"), answer.text("/company/currency")), ("Acme", "GBP"));
    assert_eq!((answer.text("/user/email"), answer.text("/user/role")), ("ann@example.com", "OWNER"));
    assert!(answer.headers.contains_key("stocktrail-position"));
    let again = keyed(&app, "/api/v1/auth/register", "r-1", &body).await.expect(201);
    assert_eq!(again.headers["idempotent-replay"], "true");
    assert_eq!(again.body, answer.body);
    let other = json!({"email": "ann@example.com", "password": PASSWORD, "company_name": "Other"});
    keyed(&app, "/api/v1/auth/register", "r-1", &other).await.expect_code(422, "idempotency_key_reused");
    keyed(&app, "/api/v1/auth/register", "r-2", &body).await.expect_code(409, "email_taken");

    let ann = app.login("ann@example.com").await;
    let locations = ann.get_caught_up("/locations").await.expect(200);
    assert_eq!(locations.items().len(), 1);
    assert_eq!(locations.text("/items/0/location_id"), "MAIN");
    assert_eq!(locations.text("/items/0/name"), "Main Warehouse");
    let me = ann.get("/auth/me").await.expect(200);
    assert_eq!(me.text("/companies/0/name"), "Acme");
    assert_eq!(ann.get("/clients").await.expect(200).items().len(), 1);
    app.stop().await;
}

#[tokio::test]
async fn a_registration_names_what_is_wrong() {
    let app = TestApp::start().await;
    let right = json!({"email": "ann@example.com", "password": PASSWORD, "company_name": "Acme"});
    for (field, value, pointer) in [
        ("email", json!("ann"), "/email"),
        ("password", json!("short"), "/password"),
        ("company_name", json!(" "), "/company_name"),
        ("currency", json!("XXX"), "/currency"),
        ("timezone", json!("Mars/North"), "/timezone"),
    ] {
        let mut body = right.clone();
        body[field] = value;
        let answer = app.anonymous(Method::POST, "/api/v1/auth/register", Some(&body)).await.expect(422);
        assert_eq!(answer.text("/errors/0/pointer"), pointer);
    }
    app.anonymous(Method::POST, "/api/v1/auth/register", Some(&right)).await.expect(201);
    app.stop().await;
}

#[tokio::test]
async fn sessions_rotate_end_and_expire() {
    let app = TestApp::start().await;
    let ann = app.register("Acme").await;
    let refresh = |token: String| {
        let app = &app;
        async move {
            app.anonymous(Method::POST, "/api/v1/auth/refresh", Some(&json!({"refresh_token": token}))).await
        }
    };
    let second = refresh(ann.refresh_token.clone()).await.expect(200);
    bearer(&app, second.text("/access_token")).await.expect(200);
    refresh(ann.refresh_token.clone()).await.expect_code(401, "refresh_token_reused");
    refresh(second.text("/refresh_token").to_owned()).await.expect(401);
    bearer(&app, second.text("/access_token")).await.expect(401);

    let again = app.login(&ann.email).await;
    let body = json!({"refresh_token": again.refresh_token});
    app.anonymous(Method::POST, "/api/v1/auth/logout", Some(&body)).await.expect(200);
    bearer(&app, &again.token).await.expect(401);

    let last = app.login(&ann.email).await;
    app.running.state.clock.advance(TimeDelta::minutes(16));
    bearer(&app, &last.token).await.expect_code(401, "token_expired");
    bearer(&app, "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiIxIn0.").await.expect(401);
    app.anonymous(Method::GET, "/api/v1/auth/me", None).await.expect(401);
    app.stop().await;
}

#[tokio::test]
async fn twenty_failed_logins_are_throttled() {
    let app = TestApp::start().await;
    let ann = app.register("Acme").await;
    let wrong = json!({"email": ann.email, "password": "not this one"});
    for _ in 0..20 {
        let failed = app.anonymous(Method::POST, "/api/v1/auth/login", Some(&wrong)).await;
        failed.expect_code(401, "wrong_credentials");
    }
    let throttled = app.anonymous(Method::POST, "/api/v1/auth/login", Some(&wrong)).await.expect(429);
    assert!(throttled.headers.contains_key("retry-after"));
    app.stop().await;
}

#[tokio::test]
async fn members_have_roles_and_leave() {
    let app = TestApp::start().await;
    let owner = app.register("Acme").await;
    let viewer = owner.member("vera", "VIEWER").await;
    let admin = owner.member("adam", "ADMIN").await;
    viewer.get("/users").await.expect(403);
    viewer.get("/auth/me").await.expect(200);
    assert_eq!(owner.get("/users?page_size=2").await.expect(200).items().len(), 2);
    let vera = viewer.get("/auth/me").await.text("/user/user_id").to_owned();
    let olga = owner.get("/auth/me").await.text("/user/user_id").to_owned();
    admin.put(&format!("/users/{vera}"), &json!({"role": "OWNER"})).await.expect_code(403, "above_own_role");
    admin.delete(&format!("/users/{olga}")).await.expect(403);
    owner.delete(&format!("/users/{olga}")).await.expect_code(409, "last_owner");
    admin.put(&format!("/users/{vera}"), &json!({"role": "CEO"})).await.expect(200);
    assert_eq!(viewer.get("/auth/me").await.text("/user/role"), "CEO");
    let change = json!({"password": "another password", "current_password": PASSWORD});
    viewer.put("/auth/me", &json!({"password": "another password"})).await.expect(422);
    viewer.put("/auth/me", &change).await.expect(200);
    viewer.get("/auth/me").await.expect(401);
    let removed = admin.delete(&format!("/users/{vera}")).await.expect(200);
    assert_eq!(removed.body["is_active"], false);
    admin.get(&format!("/users/{vera}")).await.expect(404);
    app.stop().await;
}

#[tokio::test]
async fn a_person_of_two_companies_switches() {
    let app = TestApp::start().await;
    let one = app.register("One").await;
    let two = app.register("Two").await;
    one.post("/users", &json!({"email": two.email, "role": "VIEWER"})).await.expect(201);
    let body = json!({"company_id": one.company_id});
    let switched = two.post_keyed("/auth/switch", "s-1", &body).await.expect(200);
    let again = two.post_keyed("/auth/switch", "s-1", &body).await.expect(200);
    assert_eq!(switched.body, again.body);
    assert_eq!(switched.text("/company/company_id"), one.company_id);
    let me = bearer(&app, switched.text("/access_token")).await.expect(200);
    assert_eq!((me.text("/user/role"), me.body["companies"].as_array().unwrap().len()), ("VIEWER", 2));
    one.post("/auth/switch", &json!({"client_id": two.company_id})).await.expect_code(403, "not_a_member");
    app.stop().await;
}

#[tokio::test]
async fn keys_are_shown_once_bear_a_role_and_are_revoked() {
    let app = TestApp::start().await;
    let owner = app.register("Acme").await;
    let body = json!({"name": "till", "role": "VIEWER"});
    let made = owner.post_keyed("/api-keys", "k-1", &body).await.expect(201);
    assert_eq!(owner.post_keyed("/api-keys", "k-1", &body).await.expect(201).body, made.body);
    let (secret, id) = (made.text("/secret").to_owned(), made.text("/key_id").to_owned());
    assert_eq!(
        with_key(&app, &secret, Method::GET, "/auth/me").await.expect(200).text("/api_key/name"),
        "till"
    );
    with_key(&app, &secret, Method::GET, "/users").await.expect(403);
    with_key(&app, &secret, Method::POST, "/products").await.expect(403);
    with_key(&app, "stk_nonsense", Method::GET, "/auth/me").await.expect(401);
    let listed = owner.get("/api-keys").await.expect(200);
    assert!(!listed.body.to_string().contains(&secret));
    owner.put(&format!("/api-keys/{id}"), &json!({"role": "ADMIN"})).await.expect(200);
    with_key(&app, &secret, Method::GET, "/users").await.expect(200);
    owner.delete(&format!("/api-keys/{id}")).await.expect(200);
    with_key(&app, &secret, Method::GET, "/auth/me").await.expect(401);
    let csv = owner.get("/api-keys?format=csv").await.expect(200);
    assert!(csv.body.as_str().unwrap().contains("till"));
    app.stop().await;
}

#[tokio::test]
async fn another_companys_people_keys_and_jobs_are_unknown() {
    let app = TestApp::start().await;
    let one = app.register("One").await;
    let two = app.register("Two").await;
    let key = one.post("/api-keys", &json!({"name": "k", "role": "VIEWER"})).await.expect(201);
    let person = one.get("/auth/me").await.text("/user/user_id").to_owned();
    let key = key.text("/key_id");
    for path in [format!("/users/{person}"), format!("/api-keys/{key}"), format!("/jobs/{key}")] {
        two.get(&path).await.expect_code(404, "not_found");
    }
    two.delete(&format!("/users/{person}")).await.expect(404);
    two.delete(&format!("/api-keys/{key}")).await.expect(404);
    two.post(&format!("/jobs/{key}/cancel"), &json!({})).await.expect(404);
    app.stop().await;
}

/// The token with other claims, signed with `secret` by `algorithm`.
fn forged(token: &str, algorithm: jsonwebtoken::Algorithm, secret: &[u8]) -> String {
    let claims: Value = jsonwebtoken::dangerous::insecure_decode(token).unwrap().claims;
    let header = jsonwebtoken::Header::new(algorithm);
    jsonwebtoken::encode(&header, &claims, &jsonwebtoken::EncodingKey::from_secret(secret)).unwrap()
}

#[tokio::test]
async fn a_token_that_is_not_ours_opens_nothing() {
    use jsonwebtoken::Algorithm;
    let app = TestApp::start().await;
    let ann = app.register("Acme").await;
    let other = TestApp::start().await;
    let parts: Vec<&str> = ann.token.split('.').collect();
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    let flipped = if parts[2].starts_with('A') { "B" } else { "A" };
    for token in [
        forged(&ann.token, Algorithm::HS256, b"a secret of somebody else, 32 bytes"),
        forged(&ann.token, Algorithm::HS512, b"a secret of somebody else, 32 bytes"),
        forged(&ann.token, Algorithm::HS256, b""),
        format!("{none}.{}.", parts[1]),
        format!("{none}.{}.{}", parts[1], parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}.{flipped}{}", parts[0], parts[1], &parts[2][1..]),
        format!("{}.{}", parts[0], parts[1]),
        "x".repeat(10_000),
        String::new(),
    ] {
        let answer = bearer(&app, &token).await.expect_code(401, "not_signed_in");
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
    }
    bearer(&other, &ann.token).await.expect(401);
    bearer(&app, &ann.token).await.expect(200);
    app.running.state.clock.advance(TimeDelta::seconds(14 * 60));
    bearer(&app, &ann.token).await.expect(200);
    app.running.state.clock.advance(TimeDelta::seconds(61));
    bearer(&app, &ann.token).await.expect_code(401, "token_expired");
    app.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn of_many_who_refresh_at_once_one_wins_and_none_ends_the_session() {
    let app = TestApp::start().await;
    let ann = app.register("Acme").await;
    let body = json!({"refresh_token": ann.refresh_token});
    let tries = (0..8).map(|_| app.anonymous(Method::POST, "/api/v1/auth/refresh", Some(&body)));
    let answers = futures::future::join_all(tries).await;
    let won: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(won.len(), 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    assert!(answers.iter().all(|answer| [200, 401, 409].contains(&answer.status)));
    app.stop().await;
}

#[tokio::test]
async fn who_is_throttled_may_come_again_later_and_others_are_not_held_up() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.register("Acme").await, app.register("Bolt").await);
    let wrong = json!({"email": ann.email, "password": "not this one"});
    for _ in 0..20 {
        app.anonymous(Method::POST, "/api/v1/auth/login", Some(&wrong)).await.expect(401);
    }
    let right = json!({"email": ann.email, "password": PASSWORD});
    let held = app.anonymous(Method::POST, "/api/v1/auth/login", Some(&right)).await;
    let held = held.expect_code(429, "too_many_failed_logins");
    let seconds: i64 = held.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=15 * 60).contains(&seconds), "{seconds}");
    app.login(&bob.email).await;
    app.running.state.clock.advance(TimeDelta::seconds(seconds + 1));
    app.login(&ann.email).await;
    app.stop().await;
}

#[tokio::test]
async fn no_secret_stands_in_any_table() {
    let app = TestApp::start().await;
    let owner = app.register("Keeps Secrets").await;
    let member = owner.member("secretive", "VIEWER").await;
    let key = owner.key("VIEWER").await;
    let body = json!({"refresh_token": member.refresh_token});
    let refreshed = keyed(&app, "/api/v1/auth/refresh", "r-1", &body).await.expect(200);
    keyed(&app, "/api/v1/auth/login", "l-1", &json!({"email": owner.email, "password": PASSWORD}))
        .await
        .expect(200);
    owner.post_keyed("/api-keys", "k-1", &json!({"name": "kept", "role": "VIEWER"})).await.expect(201);
    let wrong = json!({"email": owner.email, "password": "a wrong password"});
    app.anonymous(Method::POST, "/api/v1/auth/login", Some(&wrong)).await.expect(401);
    owner.product("A").await;
    let secrets = [
        PASSWORD,
        "a wrong password",
        &owner.token,
        &owner.refresh_token,
        &member.refresh_token,
        &key.token,
        refreshed.text("/access_token"),
        refreshed.text("/refresh_token"),
        &owner.email,
        &member.email,
    ];
    let owner = app.database.owner();
    let tables: Vec<String> = sqlx::query_scalar(
        "select format('%I.%I', n.nspname, c.relname)
         from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
         where c.relkind = 'r' and n.nspname not like 'pg_%' and n.nspname <> 'information_schema'",
    )
    .fetch_all(owner)
    .await
    .unwrap();
    assert!(tables.len() > 20, "{tables:?}");
    let mut rows_seen = 0;
    for table in tables {
        let rows: Vec<String> =
            sqlx::query_scalar(&format!("select t::text from {table} as t")).fetch_all(owner).await.unwrap();
        rows_seen += rows.len();
        for secret in secrets {
            let hex = secret.bytes().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
            let held = rows.iter().find(|row| row.contains(secret) || row.contains(&hex));
            assert!(held.is_none(), "{table} holds {secret}: {held:?}");
        }
    }
    assert!(rows_seen > 30, "{rows_seen}");
    app.stop().await;
}
