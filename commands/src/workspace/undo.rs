//! How a batch that was not appended is taken back.

use std::sync::Arc;

use uuid::Uuid;

use super::Memory;
use crate::directory::{Cached, Directory, Room};

type Restore = Box<dyn FnOnce(&mut Directory) + Send>;

/// How to take a batch's changes back.
#[derive(Default)]
pub(crate) struct Undo(Vec<(Uuid, Restore)>);

impl Undo {
    /// Notes how a change of a company's directory goes back.
    pub(super) fn note(&mut self, company_id: Uuid, restore: impl FnOnce(&mut Directory) + Send + 'static) {
        self.0.push((company_id, Box::new(restore)));
    }

    /// Notes the state of a stream before its first change in the batch.
    pub(super) fn note_stream<A: Room + Send + 'static>(
        &mut self,
        company_id: Uuid,
        id: Arc<str>,
        before: Cached<A>,
    ) {
        self.note(company_id, move |directory| {
            let table = A::table(directory);
            let now = if before.version == 0 { table.remove(&id) } else { table.insert(id.clone(), before) };
            A::reindex(directory, &id, now.map(|cached| cached.state).as_ref());
        });
    }

    /// Takes every change of the batch back.
    pub(crate) fn take_back(self, memory: &mut Memory) {
        for (company_id, restore) in self.0.into_iter().rev() {
            if let Some(directory) = memory.get_mut(&company_id) {
                restore(directory);
            }
        }
    }
}
