//! Lists, demand and history of a company of 100,000 products: PostgreSQL explains every statement that the product runs
//! for them (`auto_explain`), and none reads more of a large table than it answers.

use std::collections::BTreeSet;
use std::io::Write;
use std::str::FromStr;
use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use migrations::Role;
use projections::planning::queries::{Question, view};
use projections::planning::recommendation_queries;
use projections::sales::{demand_by_day, stock_on_days};
use projections::stock::board::{Ask, Boards, Freshness};
use projections::stock::history::{MovementColumn, MovementFilter, count_movements, movements};
use projections::stock::queries::Span;
use projections::tenant;
use serde_json::Value;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Executor as _, PgPool};
use uuid::Uuid;

use crate::chance::Chance;
use crate::everything::{COMPANIES, ITEMS, exactly};
use crate::log::{Log, noon, read_models};

const COMPANY: Uuid = COMPANIES[0];
const PRODUCTS: i32 = 100_000;
/// Products of another company in the same tables.
const OTHERS: i32 = 10_000;
/// A question about one product, or about what is new, reads fewer rows of a table than this.
const FEW: f64 = 1_000.0;

/// Tables with a row or two of each product.
const LARGE: [(&str, i32); 8] = [
    ("catalogue_1.products", 1),
    ("inventory_1.levels", 1),
    ("movements_2.movements", 2),
    ("sales_1.demand", 1),
    ("planning_1.plans", 1),
    ("planning_1.days", 2),
    ("planning_1.levels", 1),
    ("planning_1.episodes", 1),
];

/// What is asked, as readers ask it.
#[derive(Debug, Clone, Copy)]
enum Asked {
    /// A list whose company is in memory, after three products changed.
    List,
    Demand,
    StockOnDays,
    History,
    HistorySince,
    HistoryOfProduct,
    LengthOfHistory,
    Episodes,
    Plan,
    PastPlan,
}

impl Asked {
    const ALL: [Self; 10] = [
        Self::List,
        Self::Demand,
        Self::StockOnDays,
        Self::History,
        Self::HistorySince,
        Self::HistoryOfProduct,
        Self::LengthOfHistory,
        Self::Episodes,
        Self::Plan,
        Self::PastPlan,
    ];

    /// Large tables that it cannot answer without.
    fn tables(self) -> &'static [&'static str] {
        match self {
            Self::List => &["catalogue_1.products", "inventory_1.levels", "planning_1.plans"],
            Self::Demand => &["sales_1.demand"],
            Self::StockOnDays
            | Self::History
            | Self::HistorySince
            | Self::HistoryOfProduct
            | Self::LengthOfHistory => &["movements_2.movements"],
            Self::Episodes => &["planning_1.episodes"],
            Self::Plan => &["planning_1.plans"],
            Self::PastPlan => &["planning_1.days"],
        }
    }
}

/// What PostgreSQL told a session.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<u8>>>);

impl Write for Told {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// One reading of one table.
#[derive(Debug)]
struct Scan {
    table: String,
    kind: String,
    /// Rows that it touched, whether it kept them or not.
    rows: f64,
}

impl Told {
    /// Readings of tables since the last time.
    fn scans(&self) -> Vec<Scan> {
        let text = String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap();
        let mut scans = Vec::new();
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let message = line["fields"]["message"].as_str().unwrap_or_default();
            let Some((_, plan)) = message.split_once("plan:\n") else { continue };
            let plan: Value = serde_json::from_str(plan).unwrap_or_else(|error| panic!("{error}: {message}"));
            gather(&plan["Plan"], &mut scans);
        }
        scans
    }
}

fn gather(node: &Value, scans: &mut Vec<Scan>) {
    if let (Some(schema), Some(table)) = (node["Schema"].as_str(), node["Relation Name"].as_str()) {
        let number = |name: &str| node[name].as_f64().unwrap_or(0.0);
        let removed = number("Rows Removed by Filter") + number("Rows Removed by Index Recheck");
        scans.push(Scan {
            table: format!("{schema}.{table}"),
            kind: node["Node Type"].as_str().unwrap().to_owned(),
            rows: (number("Actual Rows") + removed) * number("Actual Loops"),
        });
    }
    for child in node["Plans"].as_array().into_iter().flatten() {
        gather(child, scans);
    }
}

/// What is wrong with how a question was answered; nothing where indexes served it.
fn faults(asked: Asked, scans: &[Scan]) -> BTreeSet<String> {
    let large = |scan: &&Scan| LARGE.iter().any(|(table, _)| *table == scan.table);
    let mut faults = BTreeSet::new();
    for Scan { table, kind, rows } in scans.iter().filter(large) {
        if !["Index Scan", "Index Only Scan", "Bitmap Heap Scan"].contains(&kind.as_str()) {
            faults.insert(format!("{asked:?} reads {table} by a {kind}"));
        }
        if *rows >= FEW {
            faults.insert(format!("{asked:?} reads {rows} rows of {table} by a {kind}"));
        }
    }
    for table in asked.tables() {
        if !scans.iter().any(|scan| scan.table == *table) {
            faults.insert(format!("{asked:?} does not read {table}"));
        }
    }
    faults
}

/// A company of so many products, another one, and sessions that explain what they do.
struct Large {
    log: Log,
    reads: PgPool,
    told: Told,
}

impl Large {
    async fn new(told: Told) -> Self {
        let log = Log::new().await;
        log.install().await;
        let mut chance = Chance(41);
        for (partition, company) in (0..).zip([COMPANY, COMPANIES[1]]) {
            let events = exactly(41, 1_500).into_iter().filter(|event| event.company_id == company).collect();
            let events = log.append(partition, events, &mut chance, 100).await;
            log.fold_these(&read_models(), partition, &events, &mut chance).await;
        }
        for (table, rows) in LARGE {
            multiply(&log.owner, table, rows, (COMPANY, PRODUCTS)).await;
            multiply(&log.owner, table, rows, (COMPANIES[1], OTHERS)).await;
        }
        sqlx::raw_sql("analyze").execute(&log.owner).await.unwrap();
        let reads = explaining(&log.database.url()).await;
        Self { log, reads, told }
    }

    async fn faults(&self, asked: Asked) -> BTreeSet<String> {
        self.told.scans();
        self.ask(asked).await;
        faults(asked, &self.told.scans())
    }

    async fn ask(&self, asked: Asked) {
        let item = format!("{}-4711", ITEMS[0]);
        let today = noon().date_naive();
        let days = (today - TimeDelta::days(90), today + TimeDelta::days(90));
        let mut tx = tenant::begin(&self.reads, COMPANY).await.unwrap();
        match asked {
            Asked::List => self.list().await,
            Asked::Demand => {
                let found = demand_by_day::read(&mut tx, COMPANY, &item, days, None).await.unwrap();
                assert!(!found.is_empty());
            }
            Asked::StockOnDays => {
                let found = stock_on_days::closing(&mut tx, COMPANY, &item, days, None).await.unwrap();
                assert!(!found.is_empty());
            }
            Asked::History | Asked::HistorySince | Asked::HistoryOfProduct => {
                let mut filter = MovementFilter::default();
                match asked {
                    Asked::HistorySince => filter.from = Some(noon()),
                    Asked::HistoryOfProduct => filter.item_key = Some(item),
                    _ => {}
                }
                let (newest, page) = ([(MovementColumn::MovedAt, true)], Span { offset: 0, limit: 50 });
                assert!(!movements(&mut tx, COMPANY, &filter, &newest, page).await.unwrap().is_empty());
            }
            Asked::LengthOfHistory => {
                let filter = MovementFilter { item_key: Some(item), ..MovementFilter::default() };
                assert_eq!(count_movements(&mut tx, COMPANY, &filter).await.unwrap(), 2);
            }
            Asked::Episodes => {
                recommendation_queries::episodes(&mut tx, COMPANY, &[item]).await.unwrap();
            }
            Asked::Plan | Asked::PastPlan => {
                let as_of = matches!(asked, Asked::PastPlan).then_some(today);
                let items = [item];
                let question = Question { as_of, items: Some(&items), ..Question::default() };
                view(&self.reads, COMPANY, &question).await.unwrap().unwrap();
            }
        }
    }

    async fn list(&self) {
        let (boards, ask) = (Boards::new(self.reads.clone()), Ask { limit: 50, ..Ask::default() });
        let found = boards.list(COMPANY, &ask, Freshness::Now).await.unwrap();
        assert!(found.total >= usize::try_from(PRODUCTS).unwrap(), "{}", found.total);
        for (table, column) in [
            ("catalogue_1.products", "changed_position"),
            ("inventory_1.levels", "updated_position"),
            ("planning_1.plans", "written_position"),
        ] {
            let newer = format!(
                "update {table} set {column} = (select max({column}) + 1 from {table} where company_id = $1)
                 where company_id = $1 and item_key = $2"
            );
            let newer = sqlx::query(&newer).bind(COMPANY).bind(format!("{}-777", ITEMS[0]));
            assert_eq!(newer.execute(&self.log.owner).await.unwrap().rows_affected(), 1, "{table}");
        }
        // What was read so far is the company as a whole, once.
        self.told.scans();
        boards.list(COMPANY, &ask, Freshness::Now).await.unwrap();
    }
}

/// Copies rows of one product for so many others.
async fn multiply(owner: &PgPool, table: &str, rows: i32, (company, products): (Uuid, i32)) {
    let (schema, name) = table.split_once('.').unwrap();
    let columns: Vec<String> = sqlx::query_scalar(
        "select column_name::text from information_schema.columns
         where table_schema = $1 and table_name = $2
         order by ordinal_position",
    )
    .bind(schema)
    .bind(name)
    .fetch_all(owner)
    .await
    .unwrap();
    let values = columns.iter().map(|column| match column.as_str() {
        "item_key" | "item_id" | "sku" => format!("t.{column} || '-' || n"),
        "movement_id" => "gen_random_uuid()".to_owned(),
        "position" => "t.position + 10000 * n".to_owned(),
        "changed_position" | "updated_position" | "written_position" => format!("t.{column} + n"),
        "effective_at" => "t.effective_at + n * interval '1 second'".to_owned(),
        _ => format!("t.{column}"),
    });
    let sql = format!(
        "insert into {table} ({}) select {}
         from (select * from {table} where company_id = $1 and item_key = $2 limit $3) t, generate_series(1, $4) n",
        columns.join(", "),
        values.collect::<Vec<_>>().join(", ")
    );
    let done = sqlx::query(&sql).bind(company).bind(ITEMS[0]).bind(rows).bind(products).execute(owner).await;
    assert_eq!(done.unwrap().rows_affected(), u64::try_from(rows * products).unwrap(), "{table}");
}

/// Sessions with the rights of requests, which tell how they ran every statement.
async fn explaining(url: &str) -> PgPool {
    let options = PgConnectOptions::from_str(url).unwrap();
    let pool = PgPoolOptions::new().max_connections(4).after_connect(|connection, _| {
        Box::pin(async move {
            let explain = format!(
                "load 'auto_explain';
                 set auto_explain.log_min_duration = 0;
                 set auto_explain.log_analyze = on;
                 set auto_explain.log_timing = off;
                 set auto_explain.log_verbose = on;
                 set auto_explain.log_format = json;
                 set auto_explain.log_level = notice;
                 set client_min_messages = notice;
                 set timezone = 'UTC';
                 set role {}",
                Role::Api.name()
            );
            connection.execute(explain.as_str()).await.map(drop)
        })
    });
    pool.connect_with(options).await.unwrap()
}

#[tokio::test]
async fn lists_demand_and_history_of_100_000_products_are_read_by_indexes() {
    let told = Told::default();
    let to = told.clone();
    let subscriber = tracing_subscriber::fmt().json().with_max_level(tracing::Level::INFO);
    // For the whole process: others' sessions explain nothing.
    tracing::subscriber::set_global_default(subscriber.with_writer(move || to.clone()).finish()).unwrap();
    let large = Large::new(told).await;
    let mut faults = BTreeSet::new();
    for asked in Asked::ALL {
        faults.extend(large.faults(asked).await);
    }
    assert_eq!(faults, BTreeSet::new());
    // The same questions without the indexes that serve them are found out.
    for (without, asked) in [
        ("drop index catalogue_1.products_changed", Asked::List),
        ("alter table sales_1.demand drop constraint demand_pkey", Asked::Demand),
        ("drop index movements_2.movements_item", Asked::HistoryOfProduct),
        ("drop index movements_2.movements_stated", Asked::StockOnDays),
        ("drop index movements_2.movements_time", Asked::History),
        ("alter table planning_1.episodes drop constraint episodes_pkey", Asked::Episodes),
        ("alter table planning_1.plans drop constraint plans_pkey", Asked::Plan),
        ("alter table planning_1.days drop constraint days_pkey", Asked::PastPlan),
    ] {
        sqlx::raw_sql(without).execute(&large.log.owner).await.unwrap();
        let faults = large.faults(asked).await;
        assert!(faults.iter().any(|fault| fault.contains(" reads ")), "{without}: {faults:?}");
    }
}
