//! The rules of one product.

use crate::catalogue::product::command::ProductCommand;
use crate::catalogue::product::event::{
    ProductCreated, ProductDeactivated, ProductDetails, ProductEdited, ProductEvent, ProductReactivated,
    ProductRenamed,
};
use crate::catalogue::product::refusal::ProductRefusal;
use crate::catalogue::product::state::{KnownProduct, Product};
use crate::shared::ids::ItemId;

type Decision = Result<Vec<ProductEvent>, ProductRefusal>;

impl Product {
    /// What happens because of an order, or why it is refused.
    pub fn decide(&self, command: ProductCommand) -> Decision {
        match command {
            ProductCommand::Create { item_id, details } => self.create(item_id, details),
            ProductCommand::Edit { details } => self.edit(details),
            ProductCommand::Rename { to } => self.rename(to),
            ProductCommand::Deactivate => self.deactivate(),
            ProductCommand::Reactivate => self.reactivate(),
        }
    }

    fn create(&self, item_id: ItemId, details: ProductDetails) -> Decision {
        if let Self::Known(product) = self {
            return Err(ProductRefusal::AlreadyExists { item_id: product.item_id.clone() });
        }
        let details = details.checked()?;
        Ok(vec![ProductEvent::ProductCreated(ProductCreated { item_id, details })])
    }

    fn edit(&self, details: ProductDetails) -> Decision {
        let product = self.entered()?;
        let details = details.checked()?;
        if product.details == details {
            return Ok(Vec::new());
        }
        Ok(vec![ProductEvent::ProductEdited(ProductEdited { details })])
    }

    fn rename(&self, to: ItemId) -> Decision {
        let product = self.entered()?;
        if product.item_id == to {
            return Ok(Vec::new());
        }
        let from = product.item_id.clone();
        Ok(vec![ProductEvent::ProductRenamed(ProductRenamed { from, to })])
    }

    fn deactivate(&self) -> Decision {
        let deactivated = ProductEvent::ProductDeactivated(ProductDeactivated {});
        Ok(self.entered()?.is_active.then_some(deactivated).into_iter().collect())
    }

    fn reactivate(&self) -> Decision {
        let reactivated = ProductEvent::ProductReactivated(ProductReactivated {});
        Ok((!self.entered()?.is_active).then_some(reactivated).into_iter().collect())
    }

    fn entered(&self) -> Result<&KnownProduct, ProductRefusal> {
        self.known().ok_or(ProductRefusal::NotFound)
    }
}
