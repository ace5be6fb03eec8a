//! What to order and how urgent that is (R17 to R20, R24).

use crate::planning::cover::Cover;
use crate::planning::forecast::{Confidence, Outlook, SHORT_HORIZON_DAYS};
use crate::planning::input::ItemInput;
use crate::planning::number::{Amount, Days, Overflow, Rate, Score, ceiled};
use crate::planning::supply::Supplied;
use crate::shared::quantity::Units;

/// Days of demand beyond which a recommendation is very high (R18).
const VERY_HIGH_DAYS: i128 = 90;

/// Days of demand that a suggestion covers besides the safety stock (R24).
const SUGGESTION_DAYS: i64 = 30;

crate::words! {
    /// What people should look at (R18), in the order in which it is listed.
    pub enum AttentionReason {
        /// More is there and on its way than is needed.
        Oversupplied = "OVERSUPPLIED",
        /// More than three months of demand is recommended.
        VeryHighQuantity = "VERY_HIGH_QUANTITY",
        /// The forecast is not to be trusted much.
        LowConfidence = "LOW_CONFIDENCE",
        /// It ran out within 30 days.
        RecentStockout = "RECENT_STOCKOUT",
        /// An order is overdue.
        SupplierDelay = "SUPPLIER_DELAY",
        /// Nobody can say how much will be sold.
        NeedsSeed = "NEEDS_SEED",
        /// It does not last longer than the threshold.
        LowRunway = "LOW_RUNWAY",
    }
}

crate::word_set! {
    /// Reasons of R18.
    pub struct AttentionReasons of AttentionReason
}

crate::words! {
    /// What is to be done (R19).
    pub enum ActionCategory {
        /// Open orders bring it home.
        AlreadyOrdered = "ALREADY_ORDERED",
        /// It runs out before an order made tomorrow arrives.
        OrderToday = "ORDER_TODAY",
        /// Something is odd.
        AttentionRequired = "ATTENTION_REQUIRED",
        /// Nothing.
        Normal = "NORMAL",
    }
}

/// Quantities to order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantities {
    /// What is needed until an order made after this fortnight arrives, less stock (R17).
    pub gross_need: Units,
    /// The same less open orders; below 0 is too much (R17).
    pub recommended: Units,
    /// Units of 30 days and the safety stock that are missing, open orders not counted (R24).
    pub shortfall: Units,
    /// What the suggestion says, none where nothing is suggested (R24).
    pub suggested: Option<Units>,
}

impl Quantities {
    /// R17 and R24.
    pub fn of(
        input: &ItemInput<'_>,
        daily: Rate,
        supplied: &Supplied,
        cover: &Cover,
    ) -> Result<Self, Overflow> {
        let stock = input.stock.units;
        let ahead = i64::from(SHORT_HORIZON_DAYS) + supplied.buffer_days();
        let gross_need = need(ahead, daily, stock, "gross_need")?;
        let overflow = Overflow { value: "recommended_quantity" };
        let recommended = gross_need.checked_sub(supplied.in_transit).ok_or(overflow)?;
        let safe = SUGGESTION_DAYS + i64::from(supplied.safety_days);
        let shortfall = need(safe, daily, stock, "suggested_quantity")?;
        let due = cover.stockout_risk > input.settings.suggestion_min_risk && shortfall > 0;
        let suggested = due.then(|| shortfall.max(supplied.moq));
        Ok(Self { gross_need, recommended, shortfall, suggested })
    }

    /// What is to be ordered: the recommendation, never below 0.
    pub fn order(&self) -> Units {
        self.recommended.max(0)
    }
}

/// Demand of so many days less stock, rounded up.
fn need(days: i64, daily: Rate, stock: Units, value: &'static str) -> Result<Units, Overflow> {
    let one = i128::from(Rate::ONE);
    ceiled(i128::from(days) * i128::from(daily.steps()) - i128::from(stock) * one, one, value)
}

/// What R18 to R20 look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Situation<'a> {
    pub(crate) input: &'a ItemInput<'a>,
    pub(crate) outlook: &'a Outlook,
    pub(crate) confidence: Confidence,
    pub(crate) supplied: &'a Supplied,
    pub(crate) runway: Option<Days>,
    pub(crate) quantities: &'a Quantities,
    pub(crate) recent_stockout: bool,
}

impl Situation<'_> {
    /// R18.
    pub(crate) fn reasons(&self) -> AttentionReasons {
        use AttentionReason as Reason;
        let recommended = self.quantities.recommended;
        let daily = i128::from(self.outlook.daily.steps());
        let very_high = i128::from(recommended) * i128::from(Rate::ONE) > VERY_HIGH_DAYS * daily;
        let threshold = Days::whole(self.input.settings.low_stock_threshold_days);
        let mut reasons = AttentionReasons::default();
        reasons.put(Reason::Oversupplied, recommended < 0);
        reasons.put(Reason::VeryHighQuantity, recommended > 0 && very_high);
        reasons.put(Reason::LowConfidence, self.confidence == Confidence::Low);
        reasons.put(Reason::RecentStockout, self.recent_stockout);
        reasons.put(Reason::SupplierDelay, self.supplied.supplier_delay);
        reasons.put(Reason::NeedsSeed, self.outlook.needs_seed);
        reasons.put(Reason::LowRunway, self.runway.is_some_and(|runway| runway <= threshold));
        reasons
    }

    /// R19.
    pub(crate) fn action(&self, reasons: AttentionReasons) -> ActionCategory {
        let Quantities { gross_need, recommended, .. } = *self.quantities;
        let covered = self.supplied.in_transit > 0 && gross_need > 0 && recommended <= 0;
        let buffer = i128::from(self.supplied.buffer_days()) * i128::from(Days::ONE);
        let due = self.runway.is_some_and(|runway| i128::from(runway.steps()) <= buffer);
        if covered && !self.supplied.supplier_delay {
            ActionCategory::AlreadyOrdered
        } else if due && recommended > 0 {
            ActionCategory::OrderToday
        } else if !reasons.is_empty() {
            ActionCategory::AttentionRequired
        } else {
            ActionCategory::Normal
        }
    }

    /// Whether 14 days of demand are worth more than the threshold (R20).
    pub(crate) fn is_high_value(&self) -> bool {
        let cost = self.input.master.unit_cost.unwrap_or(Amount::ZERO);
        let value = i128::from(cost.steps()) * i128::from(self.outlook.fortnight.steps());
        let threshold = i128::from(self.input.settings.high_value_threshold.steps());
        value > threshold * i128::from(Rate::ONE)
    }

    /// R20.
    pub(crate) fn priority(&self, high_value: bool) -> Result<Priority, Overflow> {
        let Some(runway) = self.runway else { return Ok(Priority::default()) };
        let span = i128::from(self.supplied.buffer_days() + i64::from(SHORT_HORIZON_DAYS));
        let span = span * i128::from(Days::ONE);
        let base = Score::ratio(100 * (span - i128::from(runway.steps())), span, "base_score")?;
        let points = |points: u32, holds: bool| if holds { Score::whole(points).steps() } else { 0 };
        let added = points(20, self.recent_stockout)
            + points(10, high_value)
            + points(10, self.confidence == Confidence::High)
            - points(20, self.quantities.recommended < 0);
        let unclamped = base.steps().checked_add(added).ok_or(Overflow { value: "priority_score" })?;
        let unclamped = Score::of_steps(unclamped);
        let score = unclamped.clamp(Score::ZERO, Score::whole(100));
        Ok(Priority { base: Some(base), unclamped, score })
    }
}

/// How urgent an item is (R20).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Priority {
    /// Before additions, none where stock does not run out.
    pub base: Option<Score>,
    /// With additions, before it is brought into range; it orders those that stand at 100 (R26).
    pub unclamped: Score,
    /// 0 to 100.
    pub score: Score,
}
