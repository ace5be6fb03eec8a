//! How long stock lasts, looking ahead and looking back, and what that makes of an item (R15, R16, R21 to R23).

use chrono::{NaiveDate, TimeDelta};

use crate::planning::demand::{History, Window};
use crate::planning::forecast::Outlook;
use crate::planning::input::{ItemInput, PlanSettings};
use crate::planning::number::{Days, Fixed, Overflow, Percent, Rate, ceiled};
use crate::planning::supply::Supplied;
use crate::shared::quantity::Units;

/// Days from now beyond which no day of depletion is named (R15).
const LAST_DEPLETION_DAY: i64 = 3650;

crate::words! {
    /// Colour of an item's stock (R16); `health` on the surface.
    pub enum Colour {
        /// It lasts longer than the threshold.
        Green = "GREEN",
        /// Up to the threshold.
        Yellow = "YELLOW",
        /// Less than half of it.
        Red = "RED",
    }
}

crate::words! {
    /// Whether there is too little or too much (R23).
    pub enum Status {
        /// Too little for its past demand.
        Understocked = "understocked",
        /// Too much for its past demand.
        Overstocked = "overstocked",
        /// Neither.
        Normal = "normal",
        /// Nobody buys it.
        DeadStock = "dead_stock",
    }
}

/// Looking ahead: stock over the forecast (R15, R16).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Runway {
    /// Days until stock runs out, none where it does not.
    pub days: Option<Days>,
    /// The day on which that happens, none beyond ten years.
    pub depletion_date: Option<NaiveDate>,
    /// What that is worth.
    pub colour: Colour,
}

impl Runway {
    /// R15 and R16.
    pub fn of(input: &ItemInput<'_>, on_hand: Units, daily: Rate) -> Result<Self, Overflow> {
        let days = over(on_hand, daily, "runway_days")?;
        let depletion_date = match days {
            Some(days) => depleted(input.day.stock_on, days)?,
            None => None,
        };
        Ok(Self { days, depletion_date, colour: Colour::of(days, input.settings) })
    }
}

/// Units over units a day, rounded; none where there are none a day.
fn over(units: Units, daily: Rate, value: &'static str) -> Result<Option<Days>, Overflow> {
    if daily == Rate::ZERO {
        return Ok(None);
    }
    Fixed::ratio(i128::from(units) * i128::from(Rate::ONE), daily.steps().into(), value).map(Some)
}

fn depleted(today: NaiveDate, runway: Days) -> Result<Option<NaiveDate>, Overflow> {
    let days = ceiled(runway.steps().into(), Days::ONE.into(), "depletion_date")?;
    let near = Some(days).filter(|days| *days <= LAST_DEPLETION_DAY).and_then(TimeDelta::try_days);
    Ok(near.and_then(|days| today.checked_add_signed(days)))
}

impl Colour {
    /// R16.
    pub fn of(runway: Option<Days>, settings: &PlanSettings) -> Self {
        let threshold = Days::whole(settings.low_stock_threshold_days).steps();
        match runway.map(Days::steps) {
            None => Self::Green,
            Some(runway) if runway > threshold => Self::Green,
            Some(runway) if i128::from(runway) * 2 < threshold.into() => Self::Red,
            Some(_) => Self::Yellow,
        }
    }
}

/// Looking back: stock over past demand (R21 to R23).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cover {
    /// Mean daily demand of 30 days; the forecast of a product never sold.
    pub avg_daily_30: Rate,
    /// Days of inventory remaining, none without past demand.
    pub dir: Option<Days>,
    /// Stock that past demand never uses up; above every limit.
    pub endless: bool,
    /// Chance of running out before an order arrives, as far as that goes.
    pub stockout_risk: Percent,
    /// What that is worth.
    pub status: Status,
    /// Days without a sale; since it was listed or opened where there was none.
    pub idle_days: Option<i64>,
}

impl Cover {
    /// R21 to R23.
    pub fn of(
        input: &ItemInput<'_>,
        history: &History,
        month: &Window,
        outlook: &Outlook,
        supplied: &Supplied,
    ) -> Result<Self, Overflow> {
        let on_hand = input.stock.units.max(0);
        let avg_daily_30 = match month.days {
            0 => outlook.daily,
            days => Rate::ratio(month.sum.into(), days.into(), "avg_daily_30")?,
        };
        let dir = over(on_hand, avg_daily_30, "dir")?;
        let endless = avg_daily_30 == Rate::ZERO && input.stock.units > 0 && history.days > 0;
        let mut cover = Self {
            avg_daily_30,
            dir,
            endless,
            stockout_risk: risk(dir, supplied.buffer_days(), on_hand)?,
            status: Status::Normal,
            idle_days: idle_days(input, history),
        };
        cover.status = cover.status(input.stock.units, input.settings);
        Ok(cover)
    }

    /// Whether DIR lies above a limit in days; endless cover always does.
    pub fn is_above(&self, limit: u32) -> bool {
        self.endless || self.dir.is_some_and(|dir| dir > Days::whole(limit))
    }

    /// Whether DIR lies below a limit in days.
    pub fn is_below(&self, limit: i64) -> bool {
        self.dir.is_some_and(|dir| i128::from(dir.steps()) < i128::from(limit) * i128::from(Days::ONE))
    }

    /// R23.
    fn status(&self, stock: Units, settings: &PlanSettings) -> Status {
        let idle = self.idle_days.is_some_and(|idle| idle >= settings.dead_stock_days.into());
        if stock > 0 && idle {
            Status::DeadStock
        } else if self.is_below(settings.understocked_threshold.into()) {
            Status::Understocked
        } else if self.is_above(settings.overstocked_threshold) {
            Status::Overstocked
        } else {
            Status::Normal
        }
    }
}

/// R22: percent of the buffer that cover leaves open.
fn risk(dir: Option<Days>, buffer_days: i64, on_hand: Units) -> Result<Percent, Overflow> {
    let full = Percent::whole(100);
    let Some(dir) = dir else { return Ok(Percent::ZERO) };
    if buffer_days == 0 {
        return Ok(if on_hand == 0 { full } else { Percent::ZERO });
    }
    let buffer = i128::from(buffer_days) * i128::from(Days::ONE);
    // Cover beyond the buffer leaves nothing open, however long it lasts.
    let open = (buffer - i128::from(dir.steps())).max(0);
    Percent::ratio(100 * open, buffer, "stockout_risk").map(|risk| risk.clamp(Percent::ZERO, full))
}

fn idle_days(input: &ItemInput<'_>, history: &History) -> Option<i64> {
    let until = input.day.demand_until;
    let since_listed = || {
        let listed = input.master.listed_on.or(input.stock.opened_on);
        listed.map(|listed| (until - listed).num_days())
    };
    history.days_since_last_sale.map(i64::from).or_else(since_listed)
}
