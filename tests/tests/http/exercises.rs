//! A valid request for every operation, by its id in the OpenAPI document.
//!
//! [`exercise`] is the table; a new operation needs a line here. [`Names`] are the things that a request speaks of; the
//! same request with other names is another request. [`World`] makes things of fresh names in one company.

use std::sync::atomic::{AtomicU64, Ordering};

use commands::accounts::jobs::NewJob;
use domain::planning::recommendation::{RecommendationId, RecommendationType};
use domain::shared::ids::ItemId;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{PASSWORD, Person, TestApp};

/// What requests speak of.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    /// Tells requests apart.
    pub(crate) number: u64,
    /// A product with 100 pieces at MAIN; its key has Cyrillic, a slash and a space.
    pub(crate) item: String,
    /// A product that does not exist yet.
    pub(crate) new_item: String,
    /// A location without stock.
    pub(crate) location: String,
    /// A configured channel.
    pub(crate) channel: String,
    /// An order with one sold line.
    pub(crate) order: String,
    /// A quarantined line whose product exists by now.
    pub(crate) quarantine_id: String,
    /// A member.
    pub(crate) user_id: String,
    /// The member's address.
    pub(crate) email: String,
    /// An API key.
    pub(crate) key_id: String,
    /// A refresh token of the member.
    pub(crate) refresh_token: String,
    /// A company of the owner.
    pub(crate) company_id: String,
    /// A job that waits.
    pub(crate) queued_job: String,
    /// A job that failed.
    pub(crate) failed_job: String,
    /// A read model.
    pub(crate) projection: String,
    /// An event.
    pub(crate) event_id: String,
    /// A published run of forecasts.
    pub(crate) run_id: String,
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    /// Path and query below `/api/v1`, or from the root.
    pub(crate) path: String,
    /// JSON body.
    pub(crate) body: Option<Value>,
}

/// How an operation is called.
pub(crate) struct Exercise {
    /// The success that it answers.
    pub(crate) status: u16,
    /// Whether it writes events or rows.
    pub(crate) writes: bool,
    /// A valid request.
    pub(crate) right: Ask,
    /// A request that is 404 or 422; none where the operation takes nothing that could be wrong.
    pub(crate) wrong: Option<Ask>,
}

fn read(path: impl Into<String>) -> Exercise {
    let path = path.into();
    let joint = if path.contains('?') { '&' } else { '?' };
    let wrong = Some(Ask { path: format!("{path}{joint}min_position=-1"), body: None });
    Exercise { status: 200, writes: false, right: Ask { path, body: None }, wrong }
}

fn write(status: u16, path: impl Into<String>, body: Value) -> Exercise {
    let path = path.into();
    let wrong = Some(Ask { path: path.clone(), body: Some(json!({"nonsense": []})) });
    Exercise { status, writes: true, right: Ask { path, body: Some(body) }, wrong }
}

fn act(status: u16, path: impl Into<String>) -> Exercise {
    Exercise { status, writes: true, right: Ask { path: path.into(), body: None }, wrong: None }
}

impl Exercise {
    /// With another wrong request: this path, and the same body.
    fn unknown(self, path: impl Into<String>) -> Self {
        let wrong = Some(Ask { path: path.into(), body: self.right.body.clone() });
        Self { wrong, ..self }
    }

    /// It only looks.
    fn only_looks(self) -> Self {
        Self { writes: false, ..self }
    }
}

/// One segment of a path.
pub(crate) fn segment(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

const NOBODY: &str = "00000000-0000-7000-8000-000000000000";

/// The exercise of an operation; none for one that the table does not know.
pub(crate) fn exercise(operation: &str, names: &Names) -> Option<Exercise> {
    let rooms = [sign_in, people, operations, sales, stock, products, places, settings, planning];
    rooms.iter().find_map(|room| room(operation, names))
}

impl Exercise {
    /// With another wrong request: the same path, and this body.
    fn wrong_body(self, body: Value) -> Self {
        let wrong = Some(Ask { body: Some(body), ..self.right.clone() });
        Self { wrong, ..self }
    }
}

fn products(operation: &str, names: &Names) -> Option<Exercise> {
    let item = segment(&names.item);
    let exercise = match operation {
        "list_products" => read("/products?page_size=3&sort=-created_at"),
        "export_products" => read("/products/export"),
        "read_product" => read(format!("/products/{item}")).unknown("/products/NOBODY"),
        "create_products" => write(201, "/products", product(&names.new_item, names)),
        "edit_product" => {
            let body = json!({"category": format!("C{}", names.number), "unit_cost": "2.50"});
            write(200, format!("/products/{item}"), body).unknown("/products/NOBODY")
        }
        "delete_product" => act(200, format!("/products/{item}")).unknown("/products/NOBODY"),
        "deactivate_product" => {
            act(200, format!("/products/{item}/deactivate")).unknown("/products/NOBODY/deactivate")
        }
        "reactivate_product" => {
            act(200, format!("/products/{item}/reactivate")).unknown("/products/NOBODY/reactivate")
        }
        _ => return None,
    };
    Some(exercise)
}

fn places(operation: &str, names: &Names) -> Option<Exercise> {
    let location = segment(&names.location);
    let exercise = match operation {
        "list_locations" => read("/locations?page_size=3"),
        "list_warehouses" => read("/warehouses?page_size=3"),
        "create_location" => write(201, "/locations", place(names)),
        "create_warehouse" => write(201, "/warehouses", place(names)),
        "read_location"
        | "read_warehouse"
        | "edit_location"
        | "edit_warehouse"
        | "delete_location"
        | "delete_warehouse"
        | "deactivate_location"
        | "deactivate_warehouse"
        | "reactivate_location"
        | "reactivate_warehouse" => {
            let room = if operation.ends_with("warehouse") { "warehouses" } else { "locations" };
            let suffix = match operation.split('_').next() {
                Some("deactivate") => "/deactivate",
                Some("reactivate") => "/reactivate",
                _ => "",
            };
            let (path, nowhere) = (format!("/{room}/{location}{suffix}"), format!("/{room}/NOWHERE{suffix}"));
            match operation.split('_').next() {
                Some("read") => read(path).unknown(nowhere),
                Some("edit") => {
                    let body = json!({"name": format!("Renamed {}", names.location), "city": "Лион"});
                    write(200, path, body).unknown(nowhere)
                }
                _ => act(200, path).unknown(nowhere),
            }
        }
        _ => return None,
    };
    Some(exercise)
}

fn settings(operation: &str, names: &Names) -> Option<Exercise> {
    let exercise = match operation {
        "health_live" | "health_ready" | "metrics" => {
            let path = match operation {
                "health_live" => "/health/live",
                "health_ready" => "/health/ready",
                _ => "/metrics",
            };
            Exercise { wrong: None, ..read(path) }
        }
        "read_company" => read("/company"),
        "edit_company" => write(200, "/company", json!({"name": format!("Company {}", names.number)}))
            .wrong_body(json!({"timezone": "Mars"})),
        "read_settings" => read("/settings"),
        "edit_settings" => write(200, "/settings", json!({"dead_stock_days": 1 + names.number % 3_000})),
        "list_settings_history" => read("/settings/history"),
        "read_meta" => read("/meta"),
        "list_events" => read("/events?limit=20&order=desc"),
        "stream_events" => read("/events/stream?after=0"),
        "read_checkpoint" => read("/audit/checkpoint"),
        "verify_log" => read("/audit/verify"),
        "read_proof" => {
            read(format!("/audit/proof/{}", names.event_id)).unknown(format!("/audit/proof/{NOBODY}"))
        }
        _ => return None,
    };
    Some(exercise)
}

fn planning(operation: &str, names: &Names) -> Option<Exercise> {
    let number = names.number;
    let item = segment(&names.item);
    let holiday = format!("/settings/holidays/2024-{:02}-{:02}", 1 + number / 28 % 12, 1 + number % 28);
    let exercise = match operation {
        "read_recommendation_rules" => read("/settings/recommendation-rules"),
        "edit_recommendation_rules" => {
            let thresholds = json!({"urgent_risk": number % 100, "promote_dir": 10 + number % 3_000});
            let body = json!({"enabled_types": ["URGENT", "REORDER"], "threshold_filters": thresholds,
                "role_rules": {"MARKETING": ["DEAD_STOCK"], "CEO": null}});
            write(200, "/settings/recommendation-rules", body)
        }
        "read_planning_settings" => read(format!("/settings/planning?item_id={item}")),
        "edit_planning_settings" => {
            let body = json!({"dead_stock_days": 1 + number, "high_value_threshold": "250"});
            write(200, format!("/settings/planning?item_id={item}"), body)
        }
        "read_forecast_policy" => read("/settings/forecast-policy"),
        "edit_forecast_policy" => {
            let policy = ["AUTOMATIC", "EXTERNAL"][usize::try_from(number % 2).unwrap()];
            write(200, "/settings/forecast-policy", json!({"policy": policy}))
        }
        "list_holidays" => read("/settings/holidays?from=2024-01-01&page_size=3"),
        "set_holiday" => write(200, holiday, json!({"name": format!("Holiday {number}")})),
        "remove_holiday" => act(200, holiday).unknown("/settings/holidays/soon"),
        "set_covariates" => {
            let day = json!({"date_local": "2024-01-05", "promotion_flag": true, "holiday_flag": null,
                "marketing_spend": {"amount": "12.50", "currency": "EUR"}});
            write(200, format!("/products/{item}/covariates"), json!([day]))
                .unknown("/products/NOBODY/covariates")
        }
        "import_forecasts" => {
            let quantile = json!({"percent": 90, "daily": vec![3; 30]});
            let row = json!({"item_id": names.item, "model": "chronos-2", "forecast_14d": 14,
                "forecast_30d": "30.5", "quantiles": [quantile]});
            write(200, "/forecasts/import", json!([row]))
        }
        "start_forecast_run" => write(202, "/forecast", json!({"location_id": names.location})),
        "read_forecast_run" => {
            read(format!("/forecast/{}?page_size=3", names.run_id)).unknown(format!("/forecast/{NOBODY}"))
        }
        "read_latest_forecast_run" => read("/forecast/latest?page_size=3&method=EXTERNAL"),
        "read_forecast_accuracy" => read("/analytics/forecast-accuracy?as_of=2024-06-01"),
        "compare_forecasts" => read("/analytics/forecast-comparison?from=2024-01-01&to=2024-01-14"),
        "dismiss_recommendation" => {
            let id = RecommendationId {
                kind: RecommendationType::DeadStock,
                episode: 1,
                location_id: None,
                item_id: ItemId::new(&names.item).unwrap(),
            };
            let body = json!({"scope": "forever", "until": null, "notes": "not now"});
            write(200, format!("/recommendations/{id}/dismiss"), body)
                .unknown("/recommendations/REORDER~1~NOBODY/dismiss")
        }
        "list_dismissals" => read("/recommendations/dismissed?page_size=3"),
        _ => return plans(operation, names),
    };
    Some(exercise)
}

/// What is read out of plans.
fn plans(operation: &str, names: &Names) -> Option<Exercise> {
    let item = segment(&names.item);
    let exercise = match operation {
        "read_dashboard" => read("/dashboard"),
        "read_dashboard_metrics" => read("/dashboard/metrics?as_of=2024-06-01"),
        "read_inventory_trends" => read("/analytics/inventory-trends?from=2024-01-01&to=2024-03-01"),
        "refresh_metrics" => {
            act(202, format!("/inventory/metrics/refresh?diff_only={}", names.number.is_multiple_of(2)))
                .unknown("/inventory/metrics/refresh?diff_only=perhaps")
        }
        "read_refresh" => read("/inventory/metrics/refresh"),
        "list_urgent_products" => read("/dashboard/urgent-products?limit=3"),
        "list_recommendations" => read("/recommendations?page_size=3&type=DEAD_STOCK,PROMOTE&role=MARKETING"),
        "list_suggestions" => read("/order-planning/suggestions?page_size=3&min_risk=1"),
        "read_product_metrics" => {
            read(format!("/products/{item}/metrics")).unknown("/products/NOBODY/metrics")
        }
        "what_if" => {
            let body = json!({"demand": [{"item_id": names.item, "factor": 2}]});
            write(200, "/what-if", body).only_looks()
        }
        _ => return None,
    };
    Some(exercise)
}

fn product(item: &str, names: &Names) -> Value {
    json!({"item_id": item, "product_name": format!("=Product {}", names.number), "category": "Things",
        "unit_cost": {"amount": "1.25", "currency": "EUR"}, "selling_price": {"amount": 2, "currency": "EUR"},
        "lead_time_days": 5, "safety_stock_days": 2, "manual_daily_forecast": "1.5", "listed_on": "2024-01-01",
        "barcodes": [format!("4{}", names.number)], "weight_g": 10, "dimensions_mm": [1, 2, 3],
        "listings": [{"channel": "ozon", "external_id": format!("OZ-{item}")}]})
}

fn place(names: &Names) -> Value {
    let key = format!("NEW {}", names.location);
    json!({"location_id": key, "name": key, "kind": "MARKETPLACE_FF", "marketplace": "OZON", "stock_role": "PHYSICAL",
        "authority": "EXTERNAL", "is_primary": false, "address": "1 Rue", "city": "Paris", "country": "FR",
        "metadata": {"dock": 7}})
}

fn sign_in(operation: &str, names: &Names) -> Option<Exercise> {
    let number = names.number;
    let exercise = match operation {
        "register" => {
            let body = json!({"email": format!("new{number}@example.com"), "password": PASSWORD,
                "company_name": format!("New {number}"), "currency": "EUR", "timezone": "Europe/London"});
            write(201, "/auth/register", body)
        }
        "login" => write(200, "/auth/login", json!({"email": names.email, "password": PASSWORD})),
        "refresh_tokens" => write(200, "/auth/refresh", json!({"refresh_token": names.refresh_token})),
        "logout" => write(200, "/auth/logout", json!({"refresh_token": names.refresh_token})),
        "switch_company" => write(200, "/auth/switch", json!({"company_id": names.company_id})),
        "read_me" => read("/auth/me"),
        "change_me" => write(200, "/auth/me", json!({"name": format!("Olga {number}")})),
        "list_clients" => read("/clients"),
        _ => return None,
    };
    Some(exercise)
}

fn people(operation: &str, names: &Names) -> Option<Exercise> {
    let (user, key) = (format!("/users/{}", names.user_id), format!("/api-keys/{}", names.key_id));
    let (no_user, no_key) = (format!("/users/{NOBODY}"), format!("/api-keys/{NOBODY}"));
    let exercise = match operation {
        "list_users" => read("/users?page_size=2"),
        "create_user" => {
            let body = json!({"email": format!("joins{}@example.com", names.number), "password": PASSWORD,
                "name": "Joins", "role": "WAREHOUSE"});
            write(201, "/users", body)
        }
        "read_user" => read(user).unknown(no_user),
        "change_user" => write(200, user, json!({"role": "MARKETING"})).unknown(no_user),
        "remove_user" => act(200, user).unknown(no_user),
        "list_api_keys" => read("/api-keys?page_size=2"),
        "create_api_key" => {
            write(201, "/api-keys", json!({"name": format!("key {}", names.number), "role": "VIEWER"}))
        }
        "read_api_key" => read(key).unknown(no_key),
        "change_api_key" => {
            write(200, key, json!({"name": format!("renamed {}", names.number)})).unknown(no_key)
        }
        "revoke_api_key" => act(200, key).unknown(no_key),
        _ => return None,
    };
    Some(exercise)
}

fn operations(operation: &str, names: &Names) -> Option<Exercise> {
    let exercise = match operation {
        "list_jobs" => read("/jobs?page_size=3"),
        "read_job" => read(format!("/jobs/{}", names.queued_job)).unknown(format!("/jobs/{NOBODY}")),
        "retry_job" => {
            act(202, format!("/jobs/{}/retry", names.failed_job)).unknown(format!("/jobs/{NOBODY}/retry"))
        }
        "cancel_job" => {
            act(200, format!("/jobs/{}/cancel", names.queued_job)).unknown(format!("/jobs/{NOBODY}/cancel"))
        }
        "list_projections" => read("/ops/projections"),
        "list_relays" => read("/ops/relay"),
        "rebuild_projection" => {
            act(202, format!("/ops/projections/{}/rebuild?diff_only=true", names.projection))
                .unknown("/ops/projections/nonsense/rebuild")
        }
        _ => return None,
    };
    Some(exercise)
}

fn sales(operation: &str, names: &Names) -> Option<Exercise> {
    let number = names.number;
    let line = json!({"kind": "sale", "channel": names.channel, "order_id": format!("B-{number}"),
        "line_id": format!("B-{number}-1"), "item_id": names.item, "location_id": null, "quantity": 2,
        "unit_price": {"amount": "2.50", "currency": "EUR"}, "sold_at": "2024-01-05T12:00:00+00:00"});
    let item = segment(&names.item);
    let exercise = match operation {
        "list_sales" => read(format!("/sales?page_size=5&item_id={item}")),
        "record_order" => {
            let body = json!({"channel": names.channel, "order_id": format!("S-{number}"), "sold_at": "2024-01-05T12:00:00Z",
                "lines": [{"item_id": names.item, "quantity": 1, "unit_price": {"amount": "2.50", "currency": "EUR"}}]});
            write(201, "/sales", body)
        }
        "record_sales_batch" => {
            write(200, "/sales/batch", json!([line])).wrong_body(Value::Array(vec![json!({}); 20_001]))
        }
        "report_daily_sales" => {
            let body = json!({"source": names.channel, "item_id": names.item, "location_id": "MAIN",
                "date_local": "2024-01-05", "units_sold": 3, "revenue": {"amount": "7.50", "currency": "EUR"}});
            write(200, "/sales/daily", body)
        }
        "cancel_order" => {
            act(200, format!("/sales/{}/cancel", segment(&names.order))).unknown("/sales/NONE/cancel")
        }
        "list_channels" => read("/channels"),
        "read_channel" => read(format!("/channels/{}", segment(&names.channel))).unknown("/channels/nobody"),
        "configure_channel" => {
            let body = json!({"location_id": names.location, "on_sale": "RESERVE", "count_returns": true});
            write(200, format!("/channels/{}", segment(&names.channel)), body)
        }
        "list_quarantine" => read("/quarantine?status=all&page_size=3"),
        "retry_quarantined" => act(200, format!("/quarantine/{}/retry", names.quarantine_id))
            .unknown(format!("/quarantine/{NOBODY}/retry")),
        "read_demand" => read(format!("/products/{item}/demand?from=2024-01-01&to=2024-01-10"))
            .unknown("/products/NOBODY/demand"),
        _ => return None,
    };
    Some(exercise)
}

fn stock(operation: &str, names: &Names) -> Option<Exercise> {
    let adjust = json!({"item_id": names.item, "location_id": "MAIN", "type": "ADD", "quantity": 5, "reason": "CORRECTION",
        "notes": "found", "adjusted_at": "2024-01-03T00:00:00+00:00", "expected_quantity": null,
        "confirm": ["BACKDATED", "LARGE_CHANGE"]});
    let here = json!({"item_id": names.item, "location_id": "MAIN", "quantity": 3});
    let exercise = match operation {
        "list_inventory" => read("/inventory?page_size=3&sort=-last_moved_at"),
        "list_movements" => {
            read(format!("/inventory/movements?page_size=5&item_id={}", segment(&names.item)))
        }
        "list_item_movements" => read(format!("/inventory/movements/{}", segment(&names.item)))
            .unknown("/inventory/movements/NOBODY"),
        "list_movement_days" => read("/inventory/movements/daily?page_size=5"),
        "diff_inventory" => read("/inventory/diff?from=2024-01-01&to=2024-01-31T00:00:00Z&page_size=3"),
        "explain_item" => read(format!("/inventory/{}/explain?as_of=2024-01-31", segment(&names.item)))
            .unknown("/inventory/NOBODY/explain"),
        "adjust_stock" => write(200, "/inventory/adjust", adjust),
        "preview_adjustment" => write(200, "/inventory/adjust/preview", adjust).only_looks(),
        "count_stock" => write(200, "/inventory/count", here),
        "receive_stock" => write(200, "/inventory/receive", here),
        "return_stock" => write(200, "/inventory/return", here),
        "open_stock" => {
            let body = json!({"item_id": names.item, "location_id": names.location, "quantity": 3, "date": "2024-01-02"});
            write(200, "/inventory/opening", body)
        }
        "transfer_stock" => {
            let body = json!({"item_id": names.item, "from_location_id": "MAIN", "to_location_id": names.location,
                "quantity": 2, "notes": "shelf"});
            write(200, "/inventory/transfer", body)
        }
        _ => return None,
    };
    Some(exercise)
}

/// A company with its owner, who makes things of fresh names.
pub(crate) struct World<'a> {
    /// The server.
    pub(crate) app: &'a TestApp,
    /// Its owner.
    pub(crate) owner: Person<'a>,
    companies: [String; 2],
    prefix: &'static str,
    number: AtomicU64,
}

impl<'a> World<'a> {
    /// Founds the company. `prefix` begins every name.
    pub(crate) async fn found(app: &'a TestApp, prefix: &'static str) -> Self {
        let owner = app.register(&format!("{prefix} world")).await;
        let second = app.register(&format!("{prefix} second")).await;
        second.post("/users", &json!({"email": owner.email, "role": "VIEWER"})).await.expect(201);
        let companies = [second.company_id, owner.company_id.clone()];
        Self { app, owner, companies, prefix, number: AtomicU64::new(1) }
    }

    /// Names of things that exist.
    pub(crate) async fn names(&self) -> Names {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let name = |kind: &str| format!("{}-{kind}-{number}", self.prefix);
        let mut names = Names {
            number,
            item: format!("{}-Товар/{number} x", self.prefix),
            new_item: name("NEW"),
            location: name("PLACE"),
            channel: name("channel"),
            order: name("order/1"),
            quarantine_id: String::new(),
            user_id: String::new(),
            email: format!("{}{number}@example.com", self.prefix.to_lowercase()),
            key_id: String::new(),
            refresh_token: String::new(),
            company_id: self.companies[usize::try_from(number % 2).unwrap()].clone(),
            queued_job: String::new(),
            failed_job: String::new(),
            projection: projections::registry::all()
                [usize::try_from(number).unwrap() % projections::registry::all().len()]
            .name()
            .to_owned(),
            event_id: String::new(),
            run_id: String::new(),
        };
        self.make_goods(&names).await;
        let forecast = json!([{"item_id": names.item, "model": "m", "forecast_14d": 14, "forecast_30d": 30}]);
        let run = self.owner.post("/forecasts/import", &forecast).await.expect(200);
        run.text("/run_id").clone_into(&mut names.run_id);
        let newest = self.owner.get("/events?order=desc&limit=1").await.expect(200);
        newest.text("/items/0/event_id").clone_into(&mut names.event_id);
        self.make_people(&mut names).await;
        self.make_jobs(&mut names).await;
        names.quarantine_id = self.make_waiting_line(&names).await;
        names
    }

    async fn make_goods(&self, names: &Names) {
        let owner = &self.owner;
        owner.post("/products", &product(&names.item, names)).await.expect(201);
        owner.location(&names.location, "STORE").await;
        owner.opening_at(&names.item, "MAIN", 100, "2024-01-01T00:00:00Z").await;
        owner.put(&format!("/channels/{}", segment(&names.channel)), &json!({})).await.expect(200);
        let order = json!({"channel": names.channel, "order_id": names.order, "sold_at": "2024-01-02T12:00:00Z",
            "lines": [{"item_id": names.item, "quantity": 1}]});
        owner.post("/sales", &order).await.expect(201);
    }

    async fn make_people(&self, names: &mut Names) {
        let body = json!({"email": names.email, "password": PASSWORD, "role": "VIEWER"});
        let user = self.owner.post("/users", &body).await.expect(201);
        user.text("/user_id").clone_into(&mut names.user_id);
        names.refresh_token = self.app.login(&names.email).await.refresh_token;
        let key = self.owner.post("/api-keys", &json!({"name": "k", "role": "VIEWER"})).await.expect(201);
        key.text("/key_id").clone_into(&mut names.key_id);
    }

    /// Nobody takes jobs of this kind, so they stay as they are.
    async fn make_jobs(&self, names: &mut Names) {
        let company_id = self.owner.company_id.parse().unwrap();
        let job = || NewJob::new(company_id, "untaken", json!({}));
        let jobs = &self.app.running.state.jobs;
        let refresh = NewJob::new(company_id, "refresh_metrics", json!({"diff_only": true}));
        jobs.enqueue_now(refresh).await.unwrap();
        names.queued_job = jobs.enqueue_now(job()).await.unwrap().to_string();
        let failed = jobs.enqueue_now(job()).await.unwrap();
        sqlx::query(
            "update accounts.jobs set state = 'failed', attempts = 1, error = 'broke' where job_id = $1",
        )
        .bind(failed)
        .execute(self.app.database.owner())
        .await
        .unwrap();
        names.failed_job = failed.to_string();
    }

    async fn make_waiting_line(&self, names: &Names) -> String {
        let item = format!("{} waits", names.item);
        let order = json!({"channel": names.channel, "order_id": format!("W-{}", names.number),
            "sold_at": "2024-01-02T12:00:00Z", "lines": [{"item_id": item, "quantity": 1}]});
        let made = self.owner.post("/sales", &order).await.expect(201);
        self.owner.product(&item).await;
        made.text("/lines/0/quarantine_id").to_owned()
    }

    /// A request of an operation; `root` for the few outside `/api/v1`.
    pub(crate) fn request(
        &self,
        person: Option<&Person<'_>>,
        method: &Method,
        ask: &Ask,
        root: bool,
    ) -> reqwest::RequestBuilder {
        request(self.app, person, method, ask, root)
    }
}

/// The same for anybody.
pub(crate) fn request(
    app: &TestApp,
    person: Option<&Person<'_>>,
    method: &Method,
    ask: &Ask,
    root: bool,
) -> reqwest::RequestBuilder {
    let prefix = if root { "" } else { "/api/v1" };
    let request = app.http.request(method.clone(), app.url(&format!("{prefix}{}", ask.path)));
    let request = match person {
        Some(person) => request.bearer_auth(&person.token),
        None => request,
    };
    match &ask.body {
        Some(body) => request.json(body),
        None => request,
    }
}
