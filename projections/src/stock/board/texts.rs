//! Texts of the rows of a table: those of one product in one piece of memory, and words that many rows share.

use std::collections::HashMap;
use std::sync::Arc;

use super::load::ProductChange;
use super::table::{index, row_number};

/// The texts of one product in one piece of memory, the searched lower-case form behind the others.
#[derive(Debug, Clone, Default)]
pub(super) struct Texts {
    all: Box<str>,
    key: u16,
    id: (u16, u16),
    sku: (u16, u16),
    name: (u16, u16),
    searched: u16,
}

/// Few texts that many rows share, numbered in order of arrival.
#[derive(Debug, Clone, Default)]
pub(super) struct Words {
    texts: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
    /// Place of each word in byte order.
    ranks: Vec<u32>,
}

impl Texts {
    pub(super) fn of(product: &ProductChange) -> Self {
        let mut all = product.item_key.clone();
        let part = |text: &str, all: &mut String| {
            let start = all.find(text).unwrap_or_else(|| {
                all.push_str(text);
                all.len() - text.len()
            });
            (short(start), short(start + text.len()))
        };
        let id = part(&product.item_id, &mut all);
        let sku = part(&product.sku, &mut all);
        let name = part(&product.product_name, &mut all);
        let key = short(product.item_key.len());
        let searched = short(all.len());
        all.push_str(&searched_texts(product));
        Self { all: all.into_boxed_str(), key, id, sku, name, searched }
    }

    pub(super) fn unknown(key: &str) -> Self {
        let end = short(key.len());
        Self { all: key.into(), key: end, id: (0, end), sku: (0, end), name: (0, end), searched: end }
    }

    /// Whether the texts are those of `product`.
    pub(super) fn say(&self, product: &ProductChange) -> bool {
        self.item_id() == product.item_id
            && self.sku() == product.sku
            && self.product_name() == product.product_name
    }

    pub(super) fn item_key(&self) -> &str {
        self.part((0, self.key))
    }

    pub(super) fn item_id(&self) -> &str {
        self.part(self.id)
    }

    pub(super) fn sku(&self) -> &str {
        self.part(self.sku)
    }

    pub(super) fn product_name(&self) -> &str {
        self.part(self.name)
    }

    /// Lower-case texts, each on a line of its own.
    pub(super) fn searched(&self) -> &str {
        self.all.get(usize::from(self.searched)..).unwrap_or_default()
    }

    fn part(&self, (from, to): (u16, u16)) -> &str {
        self.all.get(usize::from(from)..usize::from(to)).unwrap_or_default()
    }
}

impl Words {
    /// Number of a word, new ones included.
    pub(super) fn number(&mut self, word: &str) -> u32 {
        if let Some(number) = self.numbers.get(word) {
            return *number;
        }
        let number = row_number(self.texts.len());
        let word: Arc<str> = Arc::from(word);
        self.texts.push(Arc::clone(&word));
        self.numbers.insert(word, number);
        let mut order: Vec<(&Arc<str>, usize)> = self.texts.iter().zip(0..).collect();
        order.sort_unstable();
        self.ranks = vec![0; order.len()];
        for (rank, (_, number)) in order.iter().enumerate() {
            if let Some(place) = self.ranks.get_mut(*number) {
                *place = row_number(rank);
            }
        }
        number
    }

    /// Number of a word that is known.
    pub(super) fn find(&self, word: &str) -> Option<u32> {
        self.numbers.get(word).copied()
    }

    /// The word of a number.
    pub(super) fn word(&self, number: u32) -> Option<&str> {
        self.texts.get(index(number)).map(AsRef::as_ref)
    }

    /// Place of a word in byte order.
    pub(super) fn rank(&self, number: u32) -> u32 {
        self.ranks.get(index(number)).copied().unwrap_or(u32::MAX)
    }
}

/// Lower-case texts that are searched, each on a line of its own; what is equal stands once.
fn searched_texts(product: &ProductChange) -> String {
    let mut searched = product.item_id.to_lowercase();
    for text in [&product.sku, &product.product_name] {
        let text = text.to_lowercase();
        if !searched.contains(&text) {
            searched.push('\n');
            searched.push_str(&text);
        }
    }
    searched
}

fn short(place: usize) -> u16 {
    u16::try_from(place).unwrap_or(u16::MAX)
}
