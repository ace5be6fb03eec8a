//! Golden files as inputs of plans, read without anything of the product: rules R2, R3, R10 and R12 once more, plainly.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use chrono::{Days, NaiveDate};
use domain::catalogue::product::details::UNCATEGORIZED;
use domain::companies::Settings;
use domain::planning::explain::Ordered;
use domain::planning::input::{Master, Stock};
use domain::planning::seed::{self, CategorySeed};
use domain::planning::supply::{Offer, OrderLine, Receipt, Supply, chosen_offer};
use domain::planning::{Demand, ItemInput, ItemPlan, PlanDay, PlanSettings, plan};
use domain::purchasing::order::OrderStatus;
use domain::shared::ids::ItemId;

/// Days of closing stock that a fixture keeps.
const CLOSES: u64 = 30;

/// All that a plan of every item needs.
pub(crate) struct Fixture {
    pub(crate) until: NaiveDate,
    pub(crate) settings: PlanSettings,
    pub(crate) items: Vec<Item>,
    pub(crate) lines: BTreeMap<&'static str, i64>,
}

/// One item of the catalogue.
pub(crate) struct Item {
    pub(crate) id: ItemId,
    pub(crate) category: String,
    pub(crate) master: Master,
    pub(crate) supply: Option<Supply>,
    pub(crate) demand: Vec<i64>,
    pub(crate) opened_on: Option<NaiveDate>,
    pub(crate) closes: Vec<i64>,
    pub(crate) stock: i64,
    pub(crate) orders: Vec<Ordered>,
}

pub(crate) fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data")
}

pub(crate) type Row = BTreeMap<String, String>;

pub(crate) fn rows(path: &Path) -> Vec<Row> {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let reader: Box<dyn Read> = if path.extension().is_some_and(|extension| extension == "gz") {
        Box::new(flate2::read::GzDecoder::new(file))
    } else {
        Box::new(file)
    };
    csv::Reader::from_reader(reader).into_deserialize().map(Result::unwrap).collect()
}

pub(crate) fn small(settings: &str) -> Fixture {
    let folder = data().join("golden/small");
    let sales = folder.join("sales.csv");
    Fixture::read(&folder, &sales, settings, "2025-03-31")
}

pub(crate) fn online_retail() -> Fixture {
    let sales = data().join("online-retail.csv.gz");
    Fixture::read(&data().join("golden/online-retail"), &sales, "settings.json", "2011-11-30")
}

/// The same with sales to the end of the file, for judging forecasts.
pub(crate) fn online_retail_to_the_end() -> Fixture {
    let sales = data().join("online-retail.csv.gz");
    Fixture::read(&data().join("golden/online-retail"), &sales, "settings.json", "2011-12-09")
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Debug>>(row: &Row, column: &str) -> Option<T> {
    Some(row[column].as_str()).filter(|text| !text.is_empty()).map(|text| text.parse().unwrap())
}

/// Signed units of sales and reversals by item and day (R2, R3).
type Sales = BTreeMap<String, BTreeMap<NaiveDate, i64>>;

impl Fixture {
    fn read(folder: &Path, sales: &Path, settings: &str, until: &str) -> Self {
        let until: NaiveDate = until.parse().unwrap();
        let catalogue = rows(&folder.join("items.csv"));
        let known: BTreeSet<&str> = catalogue.iter().map(|row| row["item_id"].as_str()).collect();
        let mut lines = BTreeMap::new();
        let sales = sales_of(sales, until, &known, &mut lines);
        let orders = rows(&folder.join("purchase_orders.csv"));
        let opening = rows(&folder.join("opening_stock.csv"));
        let suppliers = rows(&folder.join("item_suppliers.csv"));
        let opened: Vec<Row> =
            opening.into_iter().filter(|row| row["date"].parse::<NaiveDate>().unwrap() <= until).collect();
        let earliest = opened.iter().map(|row| row["date"].parse().unwrap()).min();
        let by_item = |rows: Vec<Row>| {
            let mut sorted: BTreeMap<String, Vec<Row>> = BTreeMap::new();
            for row in rows {
                sorted.entry(row["item_id"].clone()).or_default().push(row);
            }
            sorted
        };
        let (orders, opened, suppliers) = (by_item(orders), by_item(opened), by_item(suppliers));
        let none = Vec::new();
        let items = catalogue.iter().map(|row| {
            let id = &row["item_id"];
            let of = |rows: &'_ BTreeMap<String, Vec<Row>>| rows.get(id).cloned().unwrap_or_default();
            let orders: Vec<Ordered> = orders.get(id).unwrap_or(&none).iter().map(order).collect();
            let days = sales.get(id).cloned().unwrap_or_default();
            Item::of(row, &of(&opened), &of(&suppliers), orders, &days, (earliest, until))
        });
        let items = items.collect();
        let settings = std::fs::read_to_string(folder.join(settings)).unwrap();
        let changes = serde_json::from_str(&settings).unwrap();
        let settings = PlanSettings::from(&Settings::default().with(&changes).unwrap());
        Self { until, settings, items, lines }
    }

    /// Plans of all items: first those that were sold, then those that their categories help.
    pub(crate) fn plans(&self) -> Vec<ItemPlan> {
        let mut seeds: BTreeMap<&str, CategorySeed> = BTreeMap::new();
        for item in &self.items {
            if let Some(daily) = seed::share(&item.category, &self.plan(item, &seeds)) {
                seeds.entry(&item.category).or_default().add(daily).unwrap();
            }
        }
        self.items.iter().map(|item| self.plan(item, &seeds)).collect()
    }

    fn plan(&self, item: &Item, seeds: &BTreeMap<&str, CategorySeed>) -> ItemPlan {
        let mut master = item.master;
        let seed = seeds.get(item.category.as_str());
        master.category_forecast = seed.and_then(|seed| seed.forecast().unwrap());
        item.with(self, master, |input| plan(input).unwrap())
    }
}

impl Item {
    fn of(
        row: &Row,
        opened: &[Row],
        suppliers: &[Row],
        orders: Vec<Ordered>,
        sales: &BTreeMap<NaiveDate, i64>,
        (earliest, until): (Option<NaiveDate>, NaiveDate),
    ) -> Self {
        let quantity = |row: &Row| row["quantity"].parse::<i64>().unwrap();
        let opened_on = opened.first().map(|row| row["date"].parse().unwrap()).or(earliest);
        let opening: i64 = opened.iter().map(quantity).sum();
        let stock_on = |day: NaiveDate| {
            let since = |date: &NaiveDate| opened_on.is_none_or(|opened| *date > opened) && *date <= day;
            let sold: i64 = sales.iter().filter(|(date, _)| since(date)).map(|(_, units)| units).sum();
            let receipts = orders.iter().flat_map(|order| &order.receipts);
            let received: i64 =
                receipts.filter(|receipt| since(&receipt.on)).map(|receipt| receipt.quantity).sum();
            opening - sold + received
        };
        let window = (0..CLOSES).rev().map(|back| until - Days::new(back));
        let window = window.filter(|day| opened_on.is_some_and(|opened| *day >= opened));
        let first = sales.keys().next().copied().unwrap_or(until);
        let days = first.iter_days().take_while(|day| *day <= until);
        let demand = days.map(|day| sales.get(&day).copied().unwrap_or(0).max(0)).collect();
        let category = Some(row["category"].trim()).filter(|category| !category.is_empty());
        Self {
            id: ItemId::new(&row["item_id"]).unwrap(),
            category: category.unwrap_or(UNCATEGORIZED).to_owned(),
            master: Master {
                unit_cost: parsed(row, "unit_cost"),
                safety_days: parsed(row, "safety_stock_days"),
                lead_time_days: parsed(row, "lead_time_days"),
                manual_daily_forecast: parsed(row, "manual_daily_forecast"),
                category_forecast: None,
                listed_on: parsed(row, "listed_on"),
                in_campaign: row["in_campaign"] == "true",
            },
            supply: supply(suppliers),
            demand,
            opened_on,
            closes: window.map(stock_on).collect(),
            stock: stock_on(until),
            orders,
        }
    }

    /// Hands over the inputs of this item's plan.
    pub(crate) fn with<T>(
        &self,
        fixture: &Fixture,
        master: Master,
        then: impl FnOnce(&ItemInput<'_>) -> T,
    ) -> T {
        let orders: Vec<OrderLine<'_>> = self.orders.iter().map(Ordered::line).collect();
        then(&ItemInput {
            item_id: &self.id,
            day: PlanDay::as_of(fixture.until),
            demand: Demand::of_series(fixture.until, &self.demand),
            stock: Stock { units: self.stock, opened_on: self.opened_on, closes: &self.closes },
            orders: &orders,
            master,
            supply: self.supply,
            forecast: None,
            settings: &fixture.settings,
        })
    }
}

fn supply(suppliers: &[Row]) -> Option<Supply> {
    let offers: Vec<Offer<'_>> = suppliers
        .iter()
        .map(|row| Offer {
            supplier: &row["supplier_id"],
            is_primary: row["is_primary"] == "true",
            supply: Supply { lead_time_days: parsed(row, "lead_time_days"), moq: parsed(row, "moq") },
        })
        .collect();
    chosen_offer(&offers).map(|offer| offer.supply)
}

fn order(row: &Row) -> Ordered {
    let received_on: Option<NaiveDate> = parsed(row, "received_date");
    let receipt = |on| Receipt { on, quantity: parsed(row, "received_quantity").unwrap() };
    Ordered {
        ordered_on: parsed(row, "order_date").unwrap(),
        status: OrderStatus::named(&row["status"]).unwrap(),
        quantity: parsed(row, "quantity").unwrap(),
        expected_on: parsed(row, "expected_delivery_date"),
        receipts: received_on.map(receipt).into_iter().collect(),
    }
}

fn sales_of(
    path: &Path,
    until: NaiveDate,
    known: &BTreeSet<&str>,
    lines: &mut BTreeMap<&'static str, i64>,
) -> Sales {
    let file = File::open(path).unwrap();
    let reader: Box<dyn Read> = if path.extension().is_some_and(|extension| extension == "gz") {
        Box::new(flate2::read::GzDecoder::new(file))
    } else {
        Box::new(file)
    };
    let (mut sales, mut orphans) = (Sales::new(), BTreeSet::new());
    let mut reader = csv::Reader::from_reader(reader);
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).unwrap() {
        let date: NaiveDate = record[4][..10].parse().unwrap();
        let item = record[1].trim().to_uppercase();
        let units: i64 = record[3].parse().unwrap();
        let kind = if date > until { "AFTER_AS_OF" } else { kind(&record[0], &item, units, &record[5]) };
        *lines.entry(kind).or_default() += 1;
        if !matches!(kind, "SALE" | "REVERSAL") {
            continue;
        }
        if known.contains(item.as_str()) {
            *sales.entry(item).or_default().entry(date).or_default() += units;
        } else {
            orphans.insert(item);
        }
    }
    lines.insert("ORPHAN_ITEMS", i64::try_from(orphans.len()).unwrap());
    sales
}

/// R2.
fn kind(invoice: &str, item: &str, units: i64, price: &str) -> &'static str {
    let (digits, letters) = item.split_at_checked(5).unwrap_or(("", ""));
    let product = digits.len() == 5
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && letters.len() <= 2
        && letters.bytes().all(|byte| byte.is_ascii_uppercase());
    let priced = !price.starts_with('-') && price.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
    if !product {
        "NON_PRODUCT"
    } else if invoice.starts_with(['C', 'c']) {
        if units < 0 { "REVERSAL" } else { "ADJUSTMENT" }
    } else if !invoice.starts_with(['A', 'a']) && units > 0 && priced {
        "SALE"
    } else {
        "ADJUSTMENT"
    }
}
