//! Every kind of event can happen, and every rule says no with a code of its own that is documented.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use domain::catalogue::location::event::LocationEvent;
use domain::catalogue::product::event::ProductEvent;
use domain::companies::event::CompanyEvent;
use domain::planning::event::{
    CalendarEvent, CovariatesEvent, ForecastRunEvent, PlanningSettingsEvent, RecommendationEvent,
};
use domain::sales::event::{ChannelEvent, QuarantineEvent, SalesReportEvent};
use domain::shared::event::Event;
use domain::stock::event::StockEvent;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Person, TestApp, until};

/// Everything that the domain knows to happen.
fn known_events() -> BTreeSet<&'static str> {
    let all = [
        StockEvent::TYPES,
        ProductEvent::TYPES,
        LocationEvent::TYPES,
        CompanyEvent::TYPES,
        ChannelEvent::TYPES,
        SalesReportEvent::TYPES,
        QuarantineEvent::TYPES,
        PlanningSettingsEvent::TYPES,
        CalendarEvent::TYPES,
        CovariatesEvent::TYPES,
        ForecastRunEvent::TYPES,
        RecommendationEvent::TYPES,
    ];
    all.into_iter().flatten().map(|(name, _)| *name).collect()
}

/// No operation takes a channel's own stock figures yet.
const NOT_YET: [&str; 1] = ["SyncedFromChannel"];

fn line(kind: &str, channel: &str, line_id: &str, item_id: &str) -> Value {
    json!({"kind": kind, "channel": channel, "order_id": "O", "line_id": line_id, "item_id": item_id, "quantity": 2,
        "unit_price": {"amount": "2.00", "currency": "EUR"}, "sold_at": "2024-01-05T12:00:00Z"})
}

async fn shop(app: &TestApp) -> Person<'_> {
    let owner = app.register("Rules").await;
    for item in ["A", "B"] {
        owner.product(item).await;
        owner.opening_at(item, "MAIN", 100, "2024-01-01T00:00:00Z").await;
    }
    owner.location("SHOP", "STORE").await;
    owner
}

#[tokio::test]
async fn every_event_of_the_domain_happens() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    owner.put("/channels/web", &json!({"on_sale": "RESERVE"})).await.expect(200);
    let lines = json!([
        line("sale", "web", "1", "A"),
        line("shipment", "web", "1", "A"),
        line("sale", "till", "1", "A"),
        line("cancellation", "till", "1", "A"),
        line("return", "till", "2", "A"),
        line("sale", "till", "3", "LATER"),
    ]);
    let answer = owner.post("/sales/batch", &lines).await.expect(200);
    assert_eq!((answer.number("/accepted"), answer.number("/quarantined")), (5, 1), "{:#}", answer.body);
    owner.product("LATER").await;
    let waiting = owner.get_caught_up("/quarantine").await;
    owner
        .post(&format!("/quarantine/{}/retry", waiting.text("/items/0/quarantine_id")), &json!({}))
        .await
        .expect(200);
    let day = json!({"source": "till", "item_id": "A", "date_local": "2024-01-05", "units_sold": 3});
    owner.post("/sales/daily", &day).await.expect(200);
    let here = json!({"item_id": "A", "location_id": "MAIN", "quantity": 50});
    for path in ["/inventory/receive", "/inventory/count"] {
        owner.post(path, &here).await.expect(200);
    }
    let adjust =
        json!({"item_id": "A", "location_id": "MAIN", "type": "ADD", "quantity": 1, "reason": "OTHER"});
    owner.post("/inventory/adjust", &adjust).await.expect(200);
    let transfer =
        json!({"item_id": "A", "from_location_id": "MAIN", "to_location_id": "SHOP", "quantity": 1});
    owner.post("/inventory/transfer", &transfer).await.expect(200);
    owner.put("/products/B", &json!({"category": "X", "unit_cost": "1"})).await.expect(200);
    owner.put("/products/B", &json!({"item_id": "B2"})).await.expect(200);
    owner.post("/products/B2/deactivate", &json!({})).await.expect(200);
    owner.post("/products/B2/reactivate", &json!({})).await.expect(200);
    owner.put("/locations/SHOP", &json!({"city": "Lyon"})).await.expect(200);
    owner.put("/locations/SHOP", &json!({"is_primary": true})).await.expect(200);
    owner.location("EMPTY", "STORE").await;
    owner.post("/locations/EMPTY/deactivate", &json!({})).await.expect(200);
    owner.post("/locations/EMPTY/reactivate", &json!({})).await.expect(200);
    owner.put("/company", &json!({"name": "Other"})).await.expect(200);
    owner.put("/settings", &json!({"dead_stock_days": 30})).await.expect(200);
    plan(&owner).await;
    until("the day begins", async || {
        let days = owner.events("&type=DayStarted").await;
        (!days.is_empty()).then_some(())
    })
    .await;
    let events = owner.events("").await;
    let happened: BTreeSet<&str> = events.iter().map(|event| event["event_type"].as_str().unwrap()).collect();
    let known = known_events();
    let missing: Vec<&&str> =
        known.iter().filter(|name| !happened.contains(*name) && !NOT_YET.contains(name)).collect();
    assert!(missing.is_empty(), "never happened: {missing:?}");
    assert!(happened.iter().all(|name| known.contains(name)), "{happened:?}");
    assert!(NOT_YET.iter().all(|name| !happened.contains(name)), "now it can happen: take it from the list");
    app.stop().await;
}

/// Everything that people choose for planning.
async fn plan(owner: &Person<'_>) {
    let put = async |path: &str, body: Value| owner.put(path, &body).await.expect(200);
    put("/settings/recommendation-rules", json!({"enabled_types": ["URGENT"]})).await;
    put("/settings/forecast-policy", json!({"policy": "AUTOMATIC"})).await;
    put("/settings/planning?item_id=A", json!({"dead_stock_days": 30})).await;
    put("/settings/holidays/2024-12-25", json!({"name": "Christmas"})).await;
    owner.delete("/settings/holidays/2024-12-25").await.expect(200);
    put("/products/A/covariates", json!({"date_local": "2024-01-05", "promotion_flag": true})).await;
    let row = json!({"item_id": "A", "model": "m", "forecast_14d": 14, "forecast_30d": 30});
    owner.post("/forecasts/import", &json!([row])).await.expect(200);
    owner.post("/recommendations/DEAD_STOCK~1~A/dismiss", &json!({})).await.expect(200);
}

/// What was refused, by code.
struct Refusals<'a> {
    owner: Person<'a>,
    codes: BTreeMap<String, u16>,
}

impl Refusals<'_> {
    async fn post(&mut self, status: u16, code: &str, path: &str, body: Value) {
        let answer = self.owner.post(path, &body).await.expect_code(status, code);
        self.note(code, &answer);
    }

    async fn put(&mut self, status: u16, code: &str, path: &str, body: Value) {
        let answer = self.owner.put(path, &body).await.expect_code(status, code);
        self.note(code, &answer);
    }

    async fn line(&mut self, code: &str, line: Value) {
        let answer = self.owner.post("/sales/batch", &json!([line])).await.expect(200);
        assert_eq!(answer.text("/errors/0/code"), code, "{:#}", answer.body);
        self.codes.insert(code.to_owned(), 200);
    }

    fn note(&mut self, code: &str, answer: &Answer) {
        assert_eq!(answer.text("/type"), format!("/api/docs#{code}"));
        assert!(!answer.text("/detail").is_empty() && !answer.text("/title").is_empty());
        self.codes.insert(code.to_owned(), answer.status);
    }
}

#[tokio::test]
async fn every_refusal_of_the_domain_can_be_met() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    let mut no = Refusals { owner, codes: BTreeMap::new() };
    stock(&mut no).await;
    catalogue(&mut no).await;
    company(&mut no).await;
    sales(&mut no).await;
    planning(&mut no).await;
    let met: BTreeSet<&str> = no.codes.keys().map(String::as_str).collect();
    let known = codes_of(&[
        "commands/src/stock.rs",
        "commands/src/catalogue.rs",
        "commands/src/catalogue/locations.rs",
        "commands/src/companies.rs",
        "commands/src/sales.rs",
        "commands/src/sales/reports.rs",
        "commands/src/planning.rs",
        "commands/src/planning/days.rs",
        "commands/src/planning/forecasts.rs",
        "commands/src/planning/dismissals.rs",
        "api/src/planning/forecast_row.rs",
        "commands/src/directory.rs",
        "commands/src/workspace.rs",
        "domain/src/shared/field.rs",
    ]);
    let missing: Vec<&String> = known
        .iter()
        .filter(|code| !met.contains(code.as_str()) && !NEVER_MET.contains(&code.as_str()))
        .collect();
    assert!(missing.is_empty(), "never met: {missing:?}");
    assert!(known.len() > 30, "{known:?}");
    app.stop().await;
}

/// Codes that guard what no request can ask for: a run of forecasts and a company get new ids, a day is started once by the
/// scheduler, a location that moved meanwhile is looked at again, and old ranges are archived by the owner's tool alone
/// (its tests meet that refusal).
const NEVER_MET: [&str; 8] = [
    "run_differs",
    "archived",
    "already_founded",
    "unknown_company",
    "day_already_started",
    "stock_moved_meanwhile",
    "already_quarantined",
    "unwritable",
];

async fn stock(no: &mut Refusals<'_>) {
    let here = |quantity: i64| json!({"item_id": "A", "location_id": "MAIN", "quantity": quantity});
    let adjust = |kind: &str, quantity: i64, more: Value| {
        let mut body = here(quantity);
        body["type"] = json!(kind);
        body["reason"] = json!("OTHER");
        more.as_object().unwrap().iter().for_each(|(key, value)| body[key] = value.clone());
        body
    };
    let path = "/inventory/adjust";
    no.post(409, "would_go_below_zero", path, adjust("SUBTRACT", 101, json!({}))).await;
    no.post(409, "confirmation_required", path, adjust("ADD", 51, json!({}))).await;
    no.post(412, "stale_quantity", path, adjust("ADD", 1, json!({"expected_quantity": 1}))).await;
    no.post(422, "quantity_not_positive", path, adjust("ADD", 0, json!({}))).await;
    no.post(422, "negative_stock", path, adjust("SET_TO", -1, json!({}))).await;
    no.post(422, "quantity_too_large", path, adjust("ADD", 1_000_000_001, json!({}))).await;
    let soon = no.owner.app.running.state.clock.now() + TimeDelta::minutes(6);
    no.post(422, "in_the_future", path, adjust("ADD", 1, json!({"adjusted_at": soon.to_rfc3339()}))).await;
    no.post(404, "unknown_item", path, adjust("ADD", 1, json!({"item_id": "NOBODY"}))).await;
    no.post(404, "unknown_location", path, adjust("ADD", 1, json!({"location_id": "NOWHERE"}))).await;
    no.post(422, "invalid_key", path, adjust("ADD", 1, json!({"item_id": ""}))).await;
    no.post(422, "too_long", path, adjust("ADD", 1, json!({"notes": "x".repeat(2_001)}))).await;
    no.post(409, "already_opened", "/inventory/opening", here(1)).await;
    let transfer =
        json!({"item_id": "A", "from_location_id": "MAIN", "to_location_id": "MAIN", "quantity": 1});
    no.post(422, "same_location", "/inventory/transfer", transfer).await;
}

async fn catalogue(no: &mut Refusals<'_>) {
    no.post(409, "product_exists", "/products", json!({"item_id": "A", "name": "again"})).await;
    no.post(422, "empty", "/products", json!({"item_id": "X", "name": " "})).await;
    no.post(422, "control_character", "/products", json!({"item_id": "X", "name": "a\u{7}b"})).await;
    no.post(422, "negative", "/products", json!({"item_id": "X", "name": "x", "unit_cost": "-1"})).await;
    let codes: Vec<String> = (0..2_000).map(|number| number.to_string()).collect();
    no.post(422, "too_many", "/products", json!({"item_id": "X", "name": "x", "barcodes": codes})).await;
    let dear = json!({"item_id": "X", "name": "x", "unit_cost": "99999999999999999999"});
    no.post(422, "too_large", "/products", dear).await;
    let strange = json!({"item_id": "X", "name": "x", "unit_cost": {"amount": "1", "currency": "ZZZ"}});
    no.post(422, "unknown_currency", "/products", strange).await;
    let stale =
        no.owner.request(Method::PUT, "/products/A").header("If-Match", "\"9\"").json(&json!({"name": "x"}));
    Answer::of(stale).await.expect(412);
    no.codes.insert("stale_version".to_owned(), 412);
    for item in ["S1", "S2"] {
        no.owner.post("/products", &json!({"item_id": item, "sku": "SAME", "name": item})).await.expect(201);
    }
    let same = json!({"item_id": "SAME", "location_id": "MAIN", "quantity": 1});
    no.post(409, "ambiguous_item", "/inventory/receive", same).await;

    no.post(409, "location_exists", "/locations", json!({"location_id": "SHOP", "name": "fresh"})).await;
    no.post(409, "name_taken", "/locations", json!({"location_id": "NEW", "name": "sHoP"})).await;
    no.post(409, "primary_location", "/locations/MAIN/deactivate", json!({})).await;
    let there = json!({"item_id": "A", "location_id": "SHOP", "quantity": 1});
    no.owner.post("/inventory/receive", &there).await.expect(200);
    no.post(409, "location_has_stock", "/locations/SHOP/deactivate", json!({})).await;
    no.owner.location("RESERVED", "STORE").await;
    no.owner
        .put("/channels/promise", &json!({"on_sale": "RESERVE", "location_id": "RESERVED"}))
        .await
        .expect(200);
    no.owner.post("/sales/batch", &json!([line("sale", "promise", "1", "A")])).await.expect(200);
    no.post(409, "location_has_reservations", "/locations/RESERVED/deactivate", json!({})).await;
    no.owner.location("CLOSED", "STORE").await;
    no.owner.post("/locations/CLOSED/deactivate", &json!({})).await.expect(200);
    let closed = json!({"item_id": "A", "location_id": "CLOSED", "quantity": 1});
    no.post(409, "inactive_location", "/inventory/receive", closed).await;
}

async fn company(no: &mut Refusals<'_>) {
    no.put(422, "invalid_setting", "/settings", json!({"dead_stock_days": 0})).await;
    no.owner.put("/products/A", &json!({"unit_cost": "1.00"})).await.expect(200);
    no.put(409, "currency_locked", "/company", json!({"currency": "USD"})).await;
}

async fn sales(no: &mut Refusals<'_>) {
    no.line("nothing_reserved", line("shipment", "web", "none", "A")).await;
    no.owner.post("/sales/batch", &json!([line("sale", "web", "1", "A")])).await.expect(200);
    let mut more = line("sale", "web", "1", "A");
    more["quantity"] = json!(3);
    no.line("differs_from_recorded", more.clone()).await;
    more["kind"] = json!("cancellation");
    no.line("exceeds_sale", more).await;
    let day = |units: i64, currency: &str| {
        json!({"source": "till", "item_id": "A", "date_local": "2024-01-05", "units_sold": units,
            "revenue": {"amount": "5.00", "currency": currency}, "on_duplicate": "append"})
    };
    no.post(422, "negative_units", "/sales/daily", day(-1, "EUR")).await;
    no.owner.post("/sales/daily", &day(1, "EUR")).await.expect(200);
    no.post(409, "other_currency", "/sales/daily", day(1, "USD")).await;
    let unknown = format!("/quarantine/{}/retry", uuid::Uuid::from_u128(9));
    no.post(404, "unknown_quarantine_entry", &unknown, json!({})).await;
    no.owner.post("/sales/batch", &json!([line("sale", "web", "q", "SOON")])).await.expect(200);
    let waiting = no.owner.get_caught_up("/quarantine").await;
    let retry = format!("/quarantine/{}/retry", waiting.text("/items/0/quarantine_id"));
    no.owner.product("SOON").await;
    no.owner.post(&retry, &json!({})).await.expect(200);
    no.post(409, "already_released", &retry, json!({})).await;
}

async fn planning(no: &mut Refusals<'_>) {
    no.put(404, "unknown_category", "/settings/planning?category=NONE", json!({"promote_dir": 3})).await;
    no.put(422, "only_of_the_company", "/settings/planning?item_id=A", json!({"history_days": 3})).await;
    let day = json!({"date_local": "2024-01-05", "promotion_flag": true});
    no.put(422, "day_twice", "/products/A/covariates", json!([day, day])).await;
    let past = json!({"scope": "until", "until": "2024-01-05"});
    no.post(422, "date_is_over", "/recommendations/DEAD_STOCK~1~A/dismiss", past).await;
    let row = |more: Value| {
        let mut row = json!({"item_id": "A", "model": "m", "forecast_14d": 14, "forecast_30d": 30});
        more.as_object().unwrap().iter().for_each(|(key, value)| row[key] = value.clone());
        row
    };
    no.post(422, "demand_not_known", "/forecasts/import?demand_until=2999-01-01", json!([row(json!({}))]))
        .await;
    for (code, more) in [
        ("item_twice", json!({})),
        ("unknown_item", json!({"item_id": "NOBODY"})),
        ("invalid_key", json!({"item_id": " "})),
        ("invalid_model", json!({"model": " "})),
        ("unclear_figures", json!({"daily": vec![1; 30]})),
        ("unclear_figures", json!({"forecast_14d": null})),
        ("totals_cross", json!({"forecast_14d": 31})),
        ("negative", json!({"forecast_14d": -1})),
        ("too_large", json!({"forecast_30d": 31_000_000_000_i64})),
        ("too_few_days", json!({"forecast_14d": null, "forecast_30d": null, "daily": [1, 2]})),
        ("quantiles_disordered", json!({"quantiles": [{"percent": 100, "daily": vec![1; 30]}]})),
        ("missing_field", json!({"quantiles": [{"percent": 90}]})),
        ("unknown_field", json!({"forecast_60d": 3})),
    ] {
        let body = json!([row(json!({})), row(more)]);
        let answer = no.owner.post("/forecasts/import", &body).await.expect(200);
        assert_eq!((answer.number("/accepted"), answer.number("/rejected")), (1, 1), "{:#}", answer.body);
        assert_eq!((answer.number("/errors/0/line"), answer.text("/errors/0/code")), (2, code));
        no.codes.insert(code.to_owned(), 200);
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Codes that a source file gives to refusals and problems: the first text in the calls that make them.
fn codes_in(source: &str) -> BTreeSet<String> {
    let product = source.split("#[cfg(test)]").next().unwrap();
    let makers = ["Refused::new(", "refused(", "Problem::invalid(", "Problem::conflict(", "wrong_field("];
    let mut codes = BTreeSet::new();
    for maker in makers {
        for call in product.split(maker).skip(1) {
            codes.extend(leading_text(call));
        }
    }
    // Of people: the field first, then the code.
    for call in product
        .split("= invalid(")
        .chain(product.split("Err(invalid("))
        .chain(product.split("|| invalid("))
        .skip(1)
    {
        codes.extend(call.split_once(',').and_then(|(_, rest)| leading_text(rest)));
    }
    for call in product.split("Problem::new(").chain(product.split("Self::new(")).skip(1) {
        if call.trim_start().starts_with("Status::")
            || call.trim_start().starts_with("crate::problem::Status::")
        {
            codes.extend(call.split_once(',').and_then(|(_, rest)| leading_text(rest)));
        }
    }
    // A table of codes: `=> "code",` and `=> ("code", Kind)`.
    for arm in product.split("=> ").skip(1) {
        let arm = arm.trim_start_matches('(');
        let next = arm.trim_start().strip_prefix('"').and_then(|text| text.split_once('"'));
        if let Some((code, rest)) = next
            && (rest.starts_with(", Conflict)")
                || rest.starts_with(", NotFound)")
                || rest.starts_with(", Invalid)")
                || product.contains("fn code("))
        {
            codes.insert(code.to_owned());
        }
    }
    codes.into_iter().filter(|code| is_code(code)).collect()
}

fn leading_text(text: &str) -> Option<String> {
    let (code, _) = text.trim_start().strip_prefix('"')?.split_once('"')?;
    Some(code.to_owned())
}

fn is_code(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

fn codes_of(files: &[&str]) -> BTreeSet<String> {
    files.iter().flat_map(|file| codes_in(&std::fs::read_to_string(root().join(file)).unwrap())).collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_code_is_explained_and_every_explained_code_exists() {
    let mut files = vec![root().join("domain/src/shared/field.rs")];
    sources(&root().join("api/src"), &mut files);
    sources(&root().join("commands/src"), &mut files);
    let sources: Vec<String> = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let codes: BTreeSet<String> = sources.iter().flat_map(|source| codes_in(source)).collect();
    let page = std::fs::read_to_string(root().join("docs/errors.md")).unwrap();
    let explained: BTreeSet<String> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .filter_map(|line| line.split('|').nth(1))
        .flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned))
        .collect();
    let silent: Vec<&String> = codes.difference(&explained).collect();
    assert!(silent.is_empty(), "docs/errors.md does not explain {silent:?}");
    let used = |code: &&String| sources.iter().any(|source| source.contains(&format!("\"{code}\"")));
    let gone: Vec<&String> = explained.iter().filter(|code| !used(code)).collect();
    assert!(gone.is_empty(), "docs/errors.md explains what is gone: {gone:?}");
}
