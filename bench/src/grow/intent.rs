//! What happens, by chance.

use chrono::{DateTime, TimeDelta, Utc};
use domain::shared::ids::{ChannelId, LocationId};
use domain::shared::moment::Stamp;
use domain::stock::command::Human;
use domain::stock::{AdjustKind, Confirm, Reason, SaleLine, StockIntent};
use uuid::Uuid;

use super::LOCATIONS;

/// Mostly sales, one in twenty late; deliveries that replace them; now and then a transfer, a correction or a count.
pub(super) fn intent(chance: &mut Chance, at: DateTime<Utc>, id: Uuid) -> anyhow::Result<StockIntent> {
    let place = |chance: &mut Chance| match chance.below(10) {
        0 => LOCATIONS[2],
        1 | 2 => LOCATIONS[1],
        _ => LOCATIONS[0],
    };
    let location_id = LocationId::new(place(chance))?;
    let human = Human {
        at: Some(Stamp { at, offset_minutes: 0 }),
        confirm: vec![Confirm::Backdated, Confirm::LargeChange],
        ..Human::default()
    };
    let quantity = 1 + i64::try_from(chance.below(4))?;
    Ok(match chance.below(100) {
        0..=6 => {
            let reference = Some(format!("D-{}", id.as_fields().0));
            StockIntent::Receive { location_id, quantity: quantity * 12, reference, human }
        }
        7..=10 => StockIntent::Transfer { from: location_id, to: LocationId::new("WEB")?, quantity, human },
        11 | 12 => StockIntent::Adjust {
            location_id,
            kind: AdjustKind::Subtract,
            quantity,
            reason: Reason::Damage,
            human,
        },
        13 => StockIntent::Count { location_id, counted: quantity * 20, human },
        14 => {
            let at = Stamp { at, offset_minutes: 0 };
            StockIntent::RecordSnapshot {
                location_id,
                at,
                quantity: quantity * 10,
                channel: ChannelId::new("shop")?,
            }
        }
        _ => {
            let late = match chance.below(400) {
                0 => chance.below(60 * 24 * 60),
                1..=20 => chance.below(4 * 24 * 60),
                _ => 0,
            };
            let at = Stamp { at: at - TimeDelta::minutes(i64::try_from(late)?), offset_minutes: 0 };
            let sale = SaleLine {
                channel: ChannelId::new("shop")?,
                order_id: format!("O-{}", id.as_fields().0),
                line_id: id.simple().to_string(),
                quantity,
                unit_price: None,
            };
            StockIntent::RecordSale { location_id, at, sale, reserve: false }
        }
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
