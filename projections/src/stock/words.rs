//! Stored words of movement types, references and reasons.

use domain::stock::{MovementType, Reason, ReferenceType};

/// Stored word of a movement type.
pub fn type_name(movement_type: MovementType) -> &'static str {
    match movement_type {
        MovementType::Inbound => "INBOUND",
        MovementType::Outbound => "OUTBOUND",
        MovementType::Transfer => "TRANSFER",
        MovementType::Adjustment => "ADJUSTMENT",
        MovementType::SyncUpdate => "SYNC_UPDATE",
        MovementType::InitialLoad => "INITIAL_LOAD",
    }
}

/// Stored word of a reference type.
pub fn reference_name(reference_type: ReferenceType) -> &'static str {
    match reference_type {
        ReferenceType::Sale => "SALE",
        ReferenceType::PurchaseOrder => "PURCHASE_ORDER",
        ReferenceType::Adjustment => "ADJUSTMENT",
        ReferenceType::Sync => "SYNC",
        ReferenceType::Transfer => "TRANSFER",
        ReferenceType::Import => "IMPORT",
        ReferenceType::Return => "RETURN",
        ReferenceType::Count => "COUNT",
    }
}

/// Stored word of a reason.
pub fn reason_name(reason: Reason) -> &'static str {
    match reason {
        Reason::Receiving => "RECEIVING",
        Reason::Damage => "DAMAGE",
        Reason::Loss => "LOSS",
        Reason::InventoryCount => "INVENTORY_COUNT",
        Reason::Correction => "CORRECTION",
        Reason::Other => "OTHER",
    }
}
