//! Rows of a table kept in the byte order of one of their texts.
//!
//! Sorting a list by a text is then comparing two numbers. A change costs one pass over the numbers and compares
//! strings only around the changed rows.

use super::table::{index, row_number};

/// Order and rank of all rows by one text; equal texts share a rank.
#[derive(Debug, Clone, Default)]
pub(super) struct TextOrder {
    order: Vec<u32>,
    rank: Vec<u32>,
}

impl TextOrder {
    /// Rank of a row among all rows.
    pub(super) fn rank(&self, row: usize) -> u32 {
        self.rank.get(row).copied().unwrap_or(u32::MAX)
    }

    /// The row whose text is `wanted`.
    pub(super) fn find<'a>(&self, wanted: &str, text: impl Fn(usize) -> &'a str) -> Option<usize> {
        let place = self.order.partition_point(|row| text(index(*row)) < wanted);
        self.order.get(place).map(|row| index(*row)).filter(|row| text(*row) == wanted)
    }

    /// Takes up that the texts of `changed` rows became others; rows at the end may be new. `rows` is how many there are.
    pub(super) fn update<'a>(&mut self, changed: &[usize], rows: usize, text: impl Fn(usize) -> &'a str) {
        if changed.is_empty() {
            return;
        }
        let mut is_changed = vec![false; rows];
        for row in changed {
            if let Some(flag) = is_changed.get_mut(*row) {
                *flag = true;
            }
        }
        let moved = |row: u32| is_changed.get(index(row)).copied().unwrap_or(false);
        self.order.retain(|row| !moved(*row));
        let mut arriving: Vec<u32> = changed.iter().map(|row| row_number(*row)).collect();
        arriving.sort_unstable_by(|a, b| text(index(*a)).cmp(text(index(*b))).then(a.cmp(b)));
        arriving.dedup();
        self.order = merged(&self.order, &arriving, &text);
        self.rerank(rows, moved, text);
    }

    fn rerank<'a>(&mut self, rows: usize, moved: impl Fn(u32) -> bool, text: impl Fn(usize) -> &'a str) {
        self.rank.resize(rows, 0);
        let mut next = 0;
        let mut before: Option<(u32, u32)> = None;
        for row in &self.order {
            let Some(rank) = self.rank.get_mut(index(*row)) else { continue };
            let former = *rank;
            if let Some((neighbour, neighbour_former)) = before {
                let same = if moved(*row) || moved(neighbour) {
                    text(index(*row)) == text(index(neighbour))
                } else {
                    former == neighbour_former
                };
                next += u32::from(!same);
            }
            *rank = next;
            before = Some((*row, former));
        }
    }
}

/// Both lists are in order; the second is short, so its places are searched for.
fn merged<'a>(standing: &[u32], arriving: &[u32], text: &impl Fn(usize) -> &'a str) -> Vec<u32> {
    let mut all = Vec::with_capacity(standing.len() + arriving.len());
    let mut rest = standing;
    for row in arriving {
        let wanted = text(index(*row));
        let (before, after) = rest.split_at(rest.partition_point(|other| text(index(*other)) < wanted));
        all.extend_from_slice(before);
        all.push(*row);
        rest = after;
    }
    all.extend_from_slice(rest);
    all
}

#[cfg(test)]
mod tests {
    use super::TextOrder;

    #[test]
    fn ranks_follow_the_texts_through_changes() {
        let mut chance: u64 = 7;
        let mut below = |bound: u64| {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from((chance >> 33) % bound).unwrap()
        };
        let mut texts: Vec<String> = Vec::new();
        let mut order = TextOrder::default();
        for _ in 0..300 {
            let mut changed = Vec::new();
            for _ in 0..below(4) {
                let row = below(40).min(texts.len());
                if row == texts.len() {
                    texts.push(String::new());
                }
                texts[row] = format!("text {}", below(30));
                changed.push(row);
            }
            order.update(&changed, texts.len(), |row| texts[row].as_str());
            for a in 0..texts.len() {
                for b in 0..texts.len() {
                    assert_eq!(order.rank(a).cmp(&order.rank(b)), texts[a].cmp(&texts[b]), "{texts:?}");
                }
                assert!(order.find(&texts[a], |row| texts[row].as_str()).is_some());
            }
        }
    }
}
