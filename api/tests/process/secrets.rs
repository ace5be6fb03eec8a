//! The log at its most talkative holds no password, no token, no address of a person.

use serde_json::{Value, json};

use crate::server::{DataDir, Server};

const PASSWORD: &str = "swordfish in the harbour";
const NEXT_PASSWORD: &str = "another fish in the harbour";
const WRONG: &str = "no fish anywhere at all";

struct Speaker<'a> {
    http: reqwest::Client,
    server: &'a Server,
}

impl Speaker<'_> {
    async fn post(&self, path: &str, token: Option<&str>, body: Value) -> (u16, Value) {
        let request = self.http.post(format!("{}/api/v1{path}", self.server.url)).json(&body);
        self.answer(request, token).await
    }

    async fn answer(&self, request: reqwest::RequestBuilder, token: Option<&str>) -> (u16, Value) {
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }
}

/// Waits until every read model has saved where it stands. A read model without events of its own says so at `trace`.
async fn everything_is_saved(speaker: &Speaker<'_>, token: &str) {
    let begun = std::time::Instant::now();
    loop {
        let status = speaker.http.get(format!("{}/api/v1/ops/projections", speaker.server.url));
        let (code, standing) = speaker.answer(status, Some(token)).await;
        assert_eq!(code, 200, "{standing}");
        let rows = standing["items"].as_array().unwrap();
        if rows.iter().all(|row| row["position"] == row["head"]) {
            return;
        }
        assert!(begun.elapsed() < std::time::Duration::from_mins(1), "never saved: {standing}");
        tokio::task::yield_now().await;
    }
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("no {field}: {value}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_holds_no_secret() {
    let folder = DataDir::make();
    let server = Server::start(&folder.0, "trace").await;
    let speaker = Speaker { http: reqwest::Client::new(), server: &server };
    let email = "very.private.person@example.com";
    let body = json!({"email": email, "password": PASSWORD, "name": "Very Private", "company_name": "Quiet"});
    let (_, session) = speaker.post("/auth/register", None, body.clone()).await;
    let (access, refresh) = (text(&session, "access_token"), text(&session, "refresh_token"));
    speaker.post("/auth/register", None, body).await;
    speaker.post("/auth/login", None, json!({"email": email, "password": WRONG})).await;
    speaker.post("/auth/login", None, json!({"email": email, "password": [WRONG]})).await;
    speaker.post("/auth/login", None, json!({"email": email, "passwort": WRONG})).await;
    let (_, refreshed) = speaker.post("/auth/refresh", None, json!({"refresh_token": refresh})).await;
    let (next_access, next_refresh) = (text(&refreshed, "access_token"), text(&refreshed, "refresh_token"));
    let (_, reused) = speaker.post("/auth/refresh", None, json!({"refresh_token": refresh})).await;
    assert_eq!(reused["code"], "refresh_token_reused");
    let (_, again) = speaker.post("/auth/login", None, json!({"email": email, "password": PASSWORD})).await;
    let token = text(&again, "access_token");
    let (_, key) = speaker.post("/api-keys", Some(&token), json!({"name": "k", "role": "VIEWER"})).await;
    let secret = text(&key, "secret");
    let me = speaker.http.get(format!("{}/api/v1/auth/me", server.url));
    assert_eq!(speaker.answer(me.header("X-API-Key", &secret), None).await.0, 200);
    everything_is_saved(&speaker, &token).await;
    let invited = json!({"email": "other.private@example.com", "password": PASSWORD, "role": "VIEWER"});
    assert_eq!(speaker.post("/users", Some(&token), invited).await.0, 201);
    let change = json!({"password": NEXT_PASSWORD, "current_password": PASSWORD});
    let change = speaker.http.put(format!("{}/api/v1/auth/me", server.url)).json(&change);
    assert_eq!(speaker.answer(change, Some(&token)).await.0, 200);
    speaker.post("/auth/logout", None, json!({"refresh_token": next_refresh})).await;
    let forged = format!("{access}x");
    assert_eq!(speaker.post("/products", Some(&forged), json!({})).await.0, 401);

    let log = server.stop();
    assert!(log.lines().count() > 100 && log.contains("TRACE"), "it said little: {log}");
    let secrets = [
        PASSWORD,
        NEXT_PASSWORD,
        WRONG,
        &access,
        &refresh,
        &next_access,
        &next_refresh,
        &token,
        &secret,
        &forged,
        email,
        "other.private@example.com",
    ];
    for secret in secrets {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{secret} stands in the log: {line:?}");
    }
    let key_file = std::fs::read_dir(&folder.0).unwrap().flatten().filter(|entry| entry.path().is_file());
    for entry in key_file {
        let kept = std::fs::read_to_string(entry.path()).unwrap_or_default();
        let kept = kept.trim();
        assert!(kept.len() < 16 || !log.contains(kept), "{:?} stands in the log", entry.path());
    }
}
