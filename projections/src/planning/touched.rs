//! Which items of which companies a block touches, so that exactly those are planned anew.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use uuid::Uuid;

use domain::catalogue::location::Location;
use domain::catalogue::product::Product;
use domain::companies::Company;
use domain::planning::state::PlanningSettings;
use domain::sales::Channel;

use super::items::ChangedDays;
use super::states::Changed;

/// What of one company is planned anew.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// Every item.
    pub(super) all: bool,
    /// What counts as demand or stock is another than before, so that every day is read again.
    pub(super) all_days: bool,
    /// These items, each with the days of which a fact says something else than before.
    pub(super) items: ChangedDays,
    /// Items of these categories.
    pub(super) categories: BTreeSet<String>,
}

/// What of all companies is planned anew.
#[derive(Debug, Default)]
pub(super) struct Touched(pub(super) BTreeMap<Uuid, Scope>);

impl Touched {
    /// One company's part.
    pub(super) fn of(&mut self, company_id: Uuid) -> &mut Scope {
        self.0.entry(company_id).or_default()
    }

    /// Items that something was said about.
    pub(super) fn items(&mut self, items: impl IntoIterator<Item = (Uuid, String)>) {
        for (company_id, item) in items {
            self.of(company_id).items.entry(item).or_default();
        }
    }

    /// Days of items that facts are about.
    pub(super) fn days(&mut self, days: impl IntoIterator<Item = (Uuid, String, NaiveDate)>) {
        for (company_id, item, day) in days {
            self.of(company_id).items.entry(item).or_default().insert(day);
        }
    }

    pub(super) fn products(&mut self, changed: &[Changed<Product>]) {
        self.items(changed.iter().map(|product| (product.company_id, product.stream_id.clone())));
    }

    /// A location's role and rank decide whose stock and demand it is; its name and address do not.
    pub(super) fn locations(&mut self, changed: &[Changed<Location>]) {
        for location in changed {
            let says =
                |state: &Location| state.known().map(|known| (known.details.stock_role, known.is_primary));
            let is_new_and_plain = says(&location.before).is_none()
                && says(&location.after).is_some_and(|(_, primary)| !primary);
            if says(&location.before) != says(&location.after) && !is_new_and_plain {
                self.anew(location.company_id);
            }
        }
    }

    pub(super) fn channels(&mut self, changed: &[Changed<Channel>]) {
        for channel in changed {
            let says = |state: &Channel| state.configuration().count_returns;
            if says(&channel.before) != says(&channel.after) {
                self.anew(channel.company_id);
            }
        }
    }

    /// The beginning of a day plans every item, as settings and another currency do.
    pub(super) fn companies(&mut self, changed: &[Changed<Company>]) {
        for company in changed {
            let (before, after) = (&company.before, &company.after);
            let currency = |state: &Company| state.profile.as_ref().map(|profile| profile.currency);
            if before.settings.count_returns != after.settings.count_returns {
                self.anew(company.company_id);
            }
            if before.settings != after.settings || currency(before) != currency(after) {
                self.of(company.company_id).all = true;
            }
        }
    }

    pub(super) fn settings(&mut self, changed: &[Changed<PlanningSettings>]) {
        for settings in changed {
            let scope = self.of(settings.company_id);
            if let Some(category) = settings.stream_id.strip_prefix("category/") {
                scope.categories.insert(category.to_owned());
            } else if let Some(item) = settings.stream_id.strip_prefix("item/") {
                scope.items.entry(item.to_owned()).or_default();
            } else if settings.before.policy != settings.after.policy {
                scope.all = true;
            }
        }
    }

    fn anew(&mut self, company_id: Uuid) {
        let scope = self.of(company_id);
        (scope.all, scope.all_days) = (true, true);
    }
}
