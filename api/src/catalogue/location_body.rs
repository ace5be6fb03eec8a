//! A location as clients write it, whole (POST) or in part (PUT), under its own and its alias names (decision 3).
//!
//! An absent field says nothing; null clears.
#![expect(clippy::option_option, reason = "an absent field stays, null clears")]

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use commands::operation::LocationEdit;
use commands::{Operation, RefusalKind, Refused};
use domain::catalogue::location::event as facts;
use domain::shared::ids::LocationId;

use crate::catalogue::stated;

/// A location, whole or in part.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub(crate) struct LocationBody {
    /// External code, unique per company, at most 100 characters. Required for a new location; it never changes.
    #[schema(example = "MAIN")]
    location_id: Option<String>,
    /// Name, unique per company whatever its case; the code where absent.
    #[schema(example = "Main Warehouse")]
    name: Option<String>,
    /// What it is; OWN where absent.
    kind: Option<LocationKind>,
    /// Alias of `kind`.
    warehouse_type: Option<LocationKind>,
    /// Whose it is, where a marketplace or shop keeps it.
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<Marketplace>)]
    marketplace: Option<Option<Marketplace>>,
    /// Whether its stock is real or a mirror; MIRROR for a WEBSITE where absent, else PHYSICAL.
    stock_role: Option<StockRole>,
    /// Who decides about its stock; EXTERNAL for a marketplace's warehouse where absent, else LEDGER.
    authority: Option<Authority>,
    /// `true` makes it the primary location.
    is_primary: Option<bool>,
    /// Street and number.
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<String>)]
    address: Option<Option<String>>,
    /// Town.
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<String>)]
    city: Option<Option<String>>,
    /// Country.
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<String>)]
    country: Option<Option<String>>,
    /// Anything that the company keeps with it.
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Option<Map<String, Value>>>,
}

/// Declares the words of a domain enum for the surface.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
        pub(crate) enum $name { $($(#[$vmeta])* $variant),+ }

        impl $name {
            /// The word itself.
            pub(crate) fn text(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl From<$name> for facts::$name {
            fn from(word: $name) -> Self {
                match word { $($name::$variant => Self::$variant),+ }
            }
        }

        impl From<facts::$name> for $name {
            fn from(fact: facts::$name) -> Self {
                match fact { $(facts::$name::$variant => Self::$variant),+ }
            }
        }
    };
}

words! {
    /// What a location is.
    LocationKind {
        /// The company's own warehouse.
        Own = "OWN",
        /// A marketplace's fulfilment warehouse.
        MarketplaceFf = "MARKETPLACE_FF",
        /// A shop with a door.
        Store = "STORE",
        /// A web shop's shelf.
        Website = "WEBSITE",
        /// On the way.
        Transit = "TRANSIT",
    }
}
words! {
    /// Marketplaces and shops that keep stock.
    Marketplace {
        /// Ozon.
        Ozon = "OZON",
        /// Wildberries.
        Wildberries = "WILDBERRIES",
        /// The company's web shop.
        Website = "WEBSITE",
    }
}
words! {
    /// Whether stock at a location is real.
    StockRole {
        /// Real units; they count in totals.
        Physical = "PHYSICAL",
        /// A mirror of units that lie elsewhere.
        Mirror = "MIRROR",
    }
}
words! {
    /// Who decides about stock at a location.
    Authority {
        /// Our own ledger.
        Ledger = "LEDGER",
        /// Another system, whose snapshots are anchors.
        External = "EXTERNAL",
    }
}

impl LocationBody {
    /// The new location that it means.
    pub(crate) fn create(self) -> Result<Operation, Refused> {
        let location_id = LocationId::new(self.location_id.as_deref().unwrap_or_default()).map_err(|e| {
            Refused::new("invalid_location_id", RefusalKind::Invalid, e.to_string()).at("/location_id")
        })?;
        let edit = self.edit();
        let kind = edit.kind.unwrap_or(facts::LocationKind::Own);
        let details = facts::LocationDetails {
            name: edit.name.unwrap_or_else(|| location_id.as_str().to_owned()),
            kind,
            marketplace: edit.marketplace.flatten(),
            stock_role: edit.stock_role.unwrap_or_else(|| usual_role(kind)),
            authority: edit.authority.unwrap_or_else(|| usual_authority(kind)),
            address: edit.address.flatten(),
            city: edit.city.flatten(),
            country: edit.country.flatten(),
            metadata: edit.metadata.unwrap_or_default(),
        };
        let is_primary = edit.is_primary.unwrap_or(false);
        Ok(Operation::CreateLocation { location_id, details: Box::new(details), is_primary })
    }

    /// The change that it means. Its key stays whatever the body says.
    pub(crate) fn edit(self) -> LocationEdit {
        LocationEdit {
            name: self.name,
            kind: self.kind.or(self.warehouse_type).map(Into::into),
            marketplace: self.marketplace.map(|marketplace| marketplace.map(Into::into)),
            stock_role: self.stock_role.map(Into::into),
            authority: self.authority.map(Into::into),
            is_primary: self.is_primary,
            address: self.address,
            city: self.city,
            country: self.country,
            metadata: self.metadata.map(Option::unwrap_or_default),
        }
    }
}

/// A web shop's shelf shows what lies elsewhere (decision 4).
fn usual_role(kind: facts::LocationKind) -> facts::StockRole {
    match kind {
        facts::LocationKind::Website => facts::StockRole::Mirror,
        _ => facts::StockRole::Physical,
    }
}

/// A marketplace decides about its own warehouse (decision 24).
fn usual_authority(kind: facts::LocationKind) -> facts::Authority {
    match kind {
        facts::LocationKind::MarketplaceFf => facts::Authority::External,
        _ => facts::Authority::Ledger,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_location_takes_the_usual_role_and_authority_of_its_kind() {
        for (json, role, authority) in [
            (r#"{"location_id":"A"}"#, facts::StockRole::Physical, facts::Authority::Ledger),
            (
                r#"{"location_id":"B","warehouse_type":"MARKETPLACE_FF"}"#,
                facts::StockRole::Physical,
                facts::Authority::External,
            ),
            (r#"{"location_id":"C","kind":"WEBSITE"}"#, facts::StockRole::Mirror, facts::Authority::Ledger),
        ] {
            let body: LocationBody = serde_json::from_str(json).unwrap();
            let Operation::CreateLocation { details, .. } = body.create().unwrap() else {
                panic!("a body makes a new location")
            };
            assert_eq!((details.stock_role, details.authority), (role, authority));
        }
    }
}
