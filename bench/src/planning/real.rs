//! A year of real demand, item by item, with invented stock and terms.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use chrono::{Days, NaiveDate};
use connectors::online_retail::kind::Kind;
use connectors::online_retail::reader::Reader;
use domain::planning::demand::of_day;
use domain::planning::input::{Master, Stock};
use domain::planning::supply::{OrderLine, STOCK_WINDOW, Supply};
use domain::planning::{Amount, Demand, ItemInput, PlanDay, PlanSettings};
use domain::purchasing::order::OrderStatus;
use domain::shared::ids::ItemId;

use crate::bed::scatter;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/online-retail.csv.gz");
/// Days before the last one on which every stock was opened.
const OPENED_DAYS: u32 = 40;

/// Every item that was ever sold.
pub(crate) struct Shelf {
    /// The first day of every series.
    since: NaiveDate,
    /// The last one, which plans are as of.
    pub(crate) until: NaiveDate,
    /// In the order of their ids.
    pub(crate) items: Vec<Item>,
}

/// One item.
pub(crate) struct Item {
    id: ItemId,
    /// Demand of every day.
    pub(crate) daily: Vec<i64>,
    /// Stock at the close of every day.
    closes: Vec<i64>,
    master: Master,
    supply: Supply,
    in_transit: i64,
    is_overdue: bool,
}

impl Shelf {
    /// Reads the file (R2, R3).
    pub(crate) fn read() -> anyhow::Result<Self> {
        let mut sold = BTreeSet::new();
        let mut signed: BTreeMap<(String, NaiveDate), i64> = BTreeMap::new();
        for line in Reader::open(Path::new(FILE))? {
            let line = line?;
            match line.kind {
                Kind::Sale => sold.insert(line.item_id.clone()),
                Kind::Reversal => false,
                Kind::Adjustment(_) | Kind::NonProduct => continue,
            };
            *signed.entry((line.item_id, line.invoiced_at.date())).or_default() += line.quantity;
        }
        let days = || signed.keys().map(|(_, day)| *day);
        let since = days().min().context("the file is empty")?;
        let until = days().max().context("the file is empty")?;
        let length = usize::try_from((until - since).num_days() + 1)?;
        let mut series: BTreeMap<&str, Vec<i64>> =
            sold.iter().map(|item| (item.as_str(), vec![0; length])).collect();
        for ((item, day), units) in &signed {
            let at = usize::try_from((*day - since).num_days())?;
            if let Some(demand) = series.get_mut(item.as_str()).and_then(|daily| daily.get_mut(at)) {
                *demand = of_day(*units);
            }
        }
        let items = series.into_iter().zip(0..).map(|((id, daily), n)| Item::new(id, daily, n));
        Ok(Self { since, until, items: items.collect::<Result<_, _>>()? })
    }

    /// Every series and every item as files for the peers.
    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let mut daily = BufWriter::new(File::create(folder.join("daily.csv"))?);
        writeln!(daily, "unique_id,ds,y,close")?;
        let mut items = BufWriter::new(File::create(folder.join("items.csv"))?);
        writeln!(
            items,
            "unique_id,stock,unit_cost,safety_days,lead_time_days,supplier_lead_time_days,moq,in_transit,is_overdue,\
             in_campaign,unsold_days"
        )?;
        for item in &self.items {
            for (day, (units, close)) in self.since.iter_days().zip(item.daily.iter().zip(&item.closes)) {
                writeln!(daily, "{},{day},{units},{close}", item.id)?;
            }
            let cost = item.master.unit_cost.unwrap_or(Amount::ZERO).steps();
            let (safety, lead) = (blank(item.master.safety_days), blank(item.master.lead_time_days));
            let (supplier, moq) = (blank(item.supply.lead_time_days), blank(item.supply.moq));
            let Item { id, in_transit, is_overdue, .. } = item;
            let (stock, promoted) = (item.stock(), item.master.in_campaign);
            writeln!(
                items,
                "{id},{stock},{cost},{safety},{lead},{supplier},{moq},{in_transit},{is_overdue},{promoted},{OPENED_DAYS}"
            )?;
        }
        daily.flush()?;
        items.flush()?;
        Ok(())
    }

    /// Hands over the inputs of an item's plan.
    pub(crate) fn with<T>(
        &self,
        item: &Item,
        settings: &PlanSettings,
        then: impl FnOnce(&ItemInput<'_>) -> T,
    ) -> T {
        let due = if item.is_overdue { self.until - Days::new(1) } else { self.until + Days::new(5) };
        let ordered = OrderLine {
            ordered_on: self.until - Days::new(20),
            status: OrderStatus::Confirmed,
            quantity: item.in_transit,
            expected_on: Some(due),
            receipts: &[],
        };
        let window = usize::try_from(STOCK_WINDOW).unwrap_or(usize::MAX);
        let closes = item.closes.split_at_checked(item.closes.len().saturating_sub(window));
        then(&ItemInput {
            item_id: &item.id,
            day: PlanDay::as_of(self.until),
            demand: Demand::of_series(self.until, &item.daily),
            stock: Stock {
                units: item.stock(),
                opened_on: Some(self.until - Days::new(OPENED_DAYS.into())),
                closes: closes.map_or(&[], |(_, last)| last),
            },
            orders: if item.in_transit > 0 { std::slice::from_ref(&ordered) } else { &[] },
            master: item.master,
            supply: Some(item.supply),
            forecast: None,
            settings,
        })
    }
}

impl Item {
    fn new(id: &str, daily: Vec<i64>, n: u64) -> anyhow::Result<Self> {
        let chance = |salt: u64, below: u64| i64::try_from(scatter(n * 16 + salt) % below);
        let days = |salt: u64, below: u64| u32::try_from(scatter(n * 16 + salt) % below);
        let (stock, falls) = (chance(0, 300)? - 5, chance(1, 6)?);
        let length = i64::try_from(daily.len())?;
        let master = Master {
            unit_cost: Some(Amount::of_steps(chance(2, 2_000)?)),
            safety_days: Some(days(3, 8)?).filter(|days| *days < 3),
            lead_time_days: Some(days(4, 30)?).filter(|days| *days < 10),
            in_campaign: chance(5, 9)? == 0,
            ..Master::default()
        };
        Ok(Self {
            id: ItemId::new(id)?,
            // It fell by as much every day; some were empty for a while.
            closes: (0..length)
                .rev()
                .map(|back| stock + falls * back - 50 * i64::from(back % 17 == 3))
                .collect(),
            daily,
            master,
            supply: Supply { lead_time_days: Some(days(6, 40)?), moq: Some(1 + chance(7, 30)?) },
            in_transit: chance(8, 120)? * chance(9, 2)?,
            is_overdue: chance(10, 4)? == 0,
        })
    }

    fn stock(&self) -> i64 {
        self.closes.last().copied().unwrap_or(0)
    }
}

fn blank(number: Option<impl ToString>) -> String {
    number.map_or_else(String::new, |number| number.to_string())
}
