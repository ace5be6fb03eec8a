//! What happens, by chance.

use chrono::{DateTime, TimeDelta, Utc};
use domain::shared::ids::{ChannelId, LocationId};
use domain::shared::moment::Stamp;
use domain::shared::money::{Currency, Money};
use domain::stock::command::Human;
use domain::stock::{AdjustKind, Confirm, Reason, SaleLine, StockIntent};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::PLACES;
use super::fill::Item;

/// The mix of a wholesaler's day: mostly sales, one in twenty learnt late, and deliveries that replace them; transfers,
/// corrections, counts and snapshots; reservations with their shipments, cancellations and returns.
pub(super) fn intent(chance: &mut Chance, at: DateTime<Utc>, item: &Item) -> anyhow::Result<StockIntent> {
    let place = usize::try_from(chance.below(8))?;
    let location_id = LocationId::new(PLACES.get(place).copied().unwrap_or("MAIN"))?;
    let few = 1 + i64::try_from(chance.below(9))?;
    let stamp = Stamp { at, offset_minutes: 0 };
    let human = Human {
        at: Some(stamp),
        confirm: vec![Confirm::Backdated, Confirm::LargeChange],
        ..Human::default()
    };
    if item.is_new() {
        return Ok(StockIntent::Open { location_id, quantity: 500, at: Some(stamp), notes: None });
    }
    Ok(match chance.below(100) {
        0..64 => {
            let at = Stamp { at: at - late(chance)?, offset_minutes: 0 };
            StockIntent::RecordSale { location_id, at, sale: sale(chance, few)?, reserve: false }
        }
        64..74 => {
            let reference = Some(format!("PO-2026-{:04}", chance.below(10_000)));
            StockIntent::Receive { location_id, quantity: 6 * few, reference, human }
        }
        74..80 => {
            let to = LocationId::new("SHOP")?;
            StockIntent::Transfer { from: LocationId::new("MAIN")?, to, quantity: few, human }
        }
        80..82 => StockIntent::Count { location_id, counted: 100 * few, human },
        82..84 => {
            let channel = ChannelId::new("ozon")?;
            StockIntent::RecordSnapshot { location_id, at: stamp, quantity: 50 * few, channel }
        }
        84..88 => {
            let (kind, reason) = (AdjustKind::Subtract, Reason::Damage);
            StockIntent::Adjust { location_id, kind, quantity: few, reason, human }
        }
        _ => about_a_line(chance, item, location_id, stamp, few)?,
    })
}

/// A sale at MAIN.
pub(super) fn sale_at(chance: &mut Chance, at: DateTime<Utc>) -> anyhow::Result<StockIntent> {
    let at = Stamp { at, offset_minutes: 0 };
    let location_id = LocationId::new("MAIN")?;
    Ok(StockIntent::RecordSale { location_id, at, sale: sale(chance, 1)?, reserve: false })
}

/// Ships what is reserved, cancels or takes back what was sold, else reserves.
fn about_a_line(
    chance: &mut Chance,
    item: &Item,
    location_id: LocationId,
    at: Stamp,
    few: i64,
) -> anyhow::Result<StockIntent> {
    if let Some(sale) = &item.reserved {
        return Ok(StockIntent::RecordShipment { at, sale: sale.clone() });
    }
    Ok(match &item.sold {
        Some(sale) if few < 3 => StockIntent::RecordCancellation { location_id, at, sale: sale.clone() },
        Some(sale) if few < 6 => StockIntent::RecordReturn { location_id, at, sale: sale.clone() },
        _ => StockIntent::RecordSale { location_id, at, sale: sale(chance, few)?, reserve: true },
    })
}

/// How late a sale is learnt: most at once, one in twenty within four days, few after up to two months.
fn late(chance: &mut Chance) -> anyhow::Result<TimeDelta> {
    let minutes = match chance.below(400) {
        0 => chance.below(60 * 24 * 60),
        1..=20 => chance.below(4 * 24 * 60),
        _ => 0,
    };
    Ok(TimeDelta::minutes(i64::try_from(minutes)?))
}

fn sale(chance: &mut Chance, quantity: i64) -> anyhow::Result<SaleLine> {
    let line = chance.next();
    Ok(SaleLine {
        channel: ChannelId::new("web")?,
        order_id: format!("O-{:010x}", line >> 24),
        line_id: format!("{line:016x}"),
        quantity,
        unit_price: Some(Money { amount: Decimal::new(1_250, 2), currency: Currency::new("EUR")? }),
    })
}

/// The same numbers in every run (an xorshift generator).
pub(super) struct Chance(u64);

impl Chance {
    /// Its numbers depend on the seed alone, which is not 0.
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Below `bound`.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 16) % bound.max(1)
    }

    /// A `UUIDv7` of an instant.
    pub(super) fn id(&mut self, at: DateTime<Utc>) -> Uuid {
        let millis = u64::try_from(at.timestamp_millis()).unwrap_or(0);
        let random = (u128::from(self.next()) << 64) | u128::from(self.next());
        let mut bytes = [0; 10];
        for (to, from) in bytes.iter_mut().zip(random.to_be_bytes()) {
            *to = from;
        }
        uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }
}
