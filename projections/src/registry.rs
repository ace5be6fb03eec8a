//! Every projection, one line each.

use std::sync::Arc;

use crate::projection::{Projection, ProjectionError};

/// All projections of this release.
pub fn all() -> Vec<Arc<dyn Projection>> {
    vec![
        Arc::new(crate::catalogue::Catalogue),
        Arc::new(crate::companies::Companies),
        Arc::new(crate::planning_settings::PlanningSettings),
        Arc::new(crate::stock::inventory::Inventory),
        Arc::new(crate::stock::movements::Movements::default()),
        Arc::new(crate::sales::Sales),
        Arc::new(crate::sales::quarantine::Quarantine),
        Arc::new(crate::planning::Planning),
    ]
}

/// The projection of this name.
pub fn named(name: &str) -> Result<Arc<dyn Projection>, ProjectionError> {
    all()
        .into_iter()
        .find(|projection| projection.name() == name)
        .ok_or_else(|| ProjectionError::Unknown(name.to_owned()))
}
