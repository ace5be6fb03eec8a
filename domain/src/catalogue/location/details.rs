//! What a location's details may be, and what holds where nothing was said.

use crate::catalogue::location::event::{Authority, LocationDetails, LocationKind, Marketplace, StockRole};
use crate::shared::field::{self, FieldProblem, InvalidField};

/// Longest name, in characters.
pub const MAX_NAME_CHARS: usize = 200;

const MAX_ADDRESS_CHARS: usize = 500;
const MAX_PLACE_CHARS: usize = 200;
const MAX_METADATA_ENTRIES: usize = 100;
const MAX_METADATA_CHARS: usize = 16_384;

impl StockRole {
    /// Role of a location for which none was given (decision 4): a web shop's shelf and an own warehouse that a
    /// marketplace sells from (FBS) mirror stock that is counted elsewhere.
    pub fn default_for(kind: LocationKind, marketplace: Option<Marketplace>) -> Self {
        match kind {
            LocationKind::Website => Self::Mirror,
            LocationKind::Own if marketplace.is_some() => Self::Mirror,
            LocationKind::Own | LocationKind::MarketplaceFf | LocationKind::Store | LocationKind::Transit => {
                Self::Physical
            }
        }
    }
}

impl Authority {
    /// Authority over a location for which none was given (decision 24).
    pub fn default_for(kind: LocationKind) -> Self {
        match kind {
            LocationKind::MarketplaceFf => Self::External,
            LocationKind::Own | LocationKind::Store | LocationKind::Website | LocationKind::Transit => {
                Self::Ledger
            }
        }
    }
}

impl LocationDetails {
    /// Details of which only name, kind and marketplace are known.
    pub fn named(name: &str, kind: LocationKind, marketplace: Option<Marketplace>) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            marketplace,
            stock_role: StockRole::default_for(kind, marketplace),
            authority: Authority::default_for(kind),
            address: None,
            city: None,
            country: None,
            metadata: serde_json::Map::new(),
        }
    }

    /// The same details trimmed, or the first field that is wrong.
    pub fn checked(self) -> Result<Self, InvalidField> {
        field::count("metadata", self.metadata.len(), MAX_METADATA_ENTRIES)?;
        let chars = serde_json::to_string(&self.metadata).map_or(0, |json| json.chars().count());
        if chars > MAX_METADATA_CHARS {
            let problem = FieldProblem::TooLong { max: MAX_METADATA_CHARS, chars };
            return Err(InvalidField { field: "metadata", problem });
        }
        Ok(Self {
            name: field::text("name", &self.name, MAX_NAME_CHARS)?,
            address: field::optional_text("address", self.address.as_deref(), MAX_ADDRESS_CHARS)?,
            city: field::optional_text("city", self.city.as_deref(), MAX_PLACE_CHARS)?,
            country: field::optional_text("country", self.country.as_deref(), MAX_PLACE_CHARS)?,
            ..self
        })
    }
}
