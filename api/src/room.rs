//! Who may do what: the table of api.md, and the roles of every operation as the OpenAPI document declares them.
//!
//! An operation names its room in its annotation (`x-room`); both the check and the document's `x-roles` come from it.

use std::collections::HashMap;

use axum::http::Method;
use commands::accounts::Role;

/// A group of operations that the same roles may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// Reads everything of the company.
    Read,
    /// Reads money and exports.
    Money,
    /// Adjusts, counts, transfers, receives, returns.
    Stock,
    /// Products, locations, imports.
    Catalogue,
    /// Suppliers, cart, purchase orders.
    Purchasing,
    /// Campaigns.
    Campaigns,
    /// What is known of products' days, and dismissed recommendations: all but who works in the warehouse or only looks.
    Planning,
    /// Settings, integrations, audit.
    Settings,
    /// Users, API keys, operations.
    People,
    /// What only the owner may do.
    Ownership,
}

impl Room {
    /// Every room with its name in annotations.
    pub const ALL: [(Self, &'static str); 10] = [
        (Self::Read, "read"),
        (Self::Money, "money"),
        (Self::Stock, "stock"),
        (Self::Catalogue, "catalogue"),
        (Self::Purchasing, "purchasing"),
        (Self::Campaigns, "campaigns"),
        (Self::Planning, "planning"),
        (Self::Settings, "settings"),
        (Self::People, "people"),
        (Self::Ownership, "ownership"),
    ];

    /// The room of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == name).map(|(room, _)| room)
    }

    /// The table.
    pub const fn roles(self) -> &'static [Role] {
        match self {
            Self::Read => &Role::ALL,
            Self::Money => {
                &[Role::Owner, Role::Admin, Role::Ceo, Role::Procurement, Role::Marketing, Role::Viewer]
            }
            Self::Stock => &[Role::Owner, Role::Admin, Role::Warehouse, Role::Procurement],
            Self::Catalogue => &[Role::Owner, Role::Admin, Role::Procurement],
            Self::Purchasing => &[Role::Owner, Role::Admin, Role::Procurement, Role::Ceo],
            Self::Campaigns => &[Role::Owner, Role::Admin, Role::Marketing, Role::Ceo],
            Self::Planning => &[Role::Owner, Role::Admin, Role::Procurement, Role::Marketing, Role::Ceo],
            Self::Settings => &[Role::Owner, Role::Admin, Role::Ceo],
            Self::People => &[Role::Owner, Role::Admin],
            Self::Ownership => &[Role::Owner],
        }
    }
}

/// Room and query parameters of every operation that needs a caller, by path template without prefix.
#[derive(Debug, Default)]
pub struct OperationRooms(HashMap<String, Vec<Declared>>);

/// What the document declares of an operation.
#[derive(Debug)]
pub(crate) struct Declared {
    /// Its method.
    pub(crate) method: Method,
    /// Who may call it.
    pub(crate) room: Room,
    /// Names of the query parameters that it reads.
    pub(crate) parameters: Vec<String>,
}

impl OperationRooms {
    /// Notes an operation; `path` as in the document, for example `/api/v1/products/{item_id}`.
    pub(crate) fn insert(&mut self, path: &str, declared: Declared) {
        self.0.entry(without_prefix(path).to_owned()).or_default().push(declared);
    }

    /// What is declared of an operation; `path` is the matched template.
    pub(crate) fn of(&self, path: &str, method: &Method) -> Option<&Declared> {
        let declared = self.0.get(without_prefix(path))?;
        let method = if method == Method::HEAD { &Method::GET } else { method };
        declared.iter().find(|known| known.method == method)
    }
}

fn without_prefix(path: &str) -> &str {
    path.strip_prefix("/api/v1").or_else(|| path.strip_prefix("/api")).unwrap_or(path)
}
