//! Recommendations that somebody does not want to see.

use domain::planning::DismissRecommendation;
use domain::planning::event::RecommendationDismissed;
use domain::planning::state::Dismissals;
use domain::shared::moment::local_date;

use super::key_of;
use crate::operation::Outcome;
use crate::refused::RefusalKind;
use crate::workspace::{Stop, Workspace};

impl Workspace<'_> {
    /// Dismisses a recommendation of a product, whether it is there at present or not.
    pub(crate) fn dismiss(&mut self, asked: &RecommendationDismissed) -> Result<Outcome, Stop> {
        let time_zone = self.founded()?.time_zone;
        let key = self.directory()?.resolve(&asked.item_id)?;
        if let Some(location_id) = &asked.location_id {
            self.known_location(location_id, RefusalKind::NotFound)?;
        }
        let dismissed = RecommendationDismissed { item_id: key_of(&key)?, ..asked.clone() };
        let today = local_date(self.now, time_zone);
        self.change_planning::<Dismissals>(
            &key,
            DismissRecommendation { dismissed: dismissed.clone(), today },
        )?;
        let known = self.state::<Dismissals>(&key)?.state.like(&dismissed).cloned();
        Ok(Outcome::Dismissed { dismissed: known.unwrap_or(dismissed) })
    }
}
