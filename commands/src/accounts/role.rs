//! Roles of members and API keys, and who stands above whom.

use serde::{Deserialize, Serialize};

/// What a member or an API key may do; the table of operations stands in the API's documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Role {
    /// Everything, and hands the company over.
    Owner,
    /// Everything but the owners.
    Admin,
    /// Buys, campaigns, settings and audit.
    Ceo,
    /// Products, stock and buying.
    Procurement,
    /// Campaigns.
    Marketing,
    /// Stock, without money.
    Warehouse,
    /// Reads.
    Viewer,
}

impl Role {
    /// Every role, highest first.
    pub const ALL: [Self; 7] = [
        Self::Owner,
        Self::Admin,
        Self::Ceo,
        Self::Procurement,
        Self::Marketing,
        Self::Warehouse,
        Self::Viewer,
    ];

    /// Name on the surface and in the tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "OWNER",
            Self::Admin => "ADMIN",
            Self::Ceo => "CEO",
            Self::Procurement => "PROCUREMENT",
            Self::Marketing => "MARKETING",
            Self::Warehouse => "WAREHOUSE",
            Self::Viewer => "VIEWER",
        }
    }

    /// The role of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// Height; procurement, marketing and warehouse stand side by side.
    const fn rank(self) -> u8 {
        match self {
            Self::Owner => 4,
            Self::Admin => 3,
            Self::Ceo => 2,
            Self::Procurement | Self::Marketing | Self::Warehouse => 1,
            Self::Viewer => 0,
        }
    }

    /// Whether a holder of this role may grant, change or take away `other`.
    pub const fn covers(self, other: Self) -> bool {
        self.rank() >= other.rank()
    }

    /// Whether a holder of this role manages members and API keys at all.
    pub const fn manages_users(self) -> bool {
        matches!(self, Self::Owner | Self::Admin)
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Role;

    #[test]
    fn nobody_covers_a_role_above_his_own() {
        for (at, own) in Role::ALL.into_iter().enumerate() {
            for higher in Role::ALL.iter().take(at) {
                let side_by_side = own.rank() == higher.rank();
                assert_eq!(own.covers(*higher), side_by_side, "{own} and {higher}");
            }
            assert!(own.covers(own));
            assert!(Role::Owner.covers(own));
        }
        assert!(!Role::Admin.covers(Role::Owner));
    }

    #[test]
    fn a_role_reads_its_own_name() {
        for role in Role::ALL {
            assert_eq!(Role::from_name(role.name()), Some(role));
            assert_eq!(serde_json::to_string(&role).unwrap(), format!("\"{}\"", role.name()));
        }
        assert_eq!(Role::from_name("owner"), None);
    }
}
