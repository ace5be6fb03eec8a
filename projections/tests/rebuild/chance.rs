//! The same numbers in every run.

/// An xorshift generator.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    pub(crate) fn units(&mut self, bound: u64) -> i64 {
        i64::try_from(self.below(bound)).unwrap()
    }

    pub(crate) fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    pub(crate) fn of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[usize::try_from(self.below(u64::try_from(choices.len()).unwrap())).unwrap()]
    }

    /// Cuts `length` into pieces of at most `longest`.
    pub(crate) fn cuts(&mut self, length: usize, longest: u64) -> Vec<std::ops::Range<usize>> {
        let mut pieces = Vec::new();
        let mut from = 0;
        while from < length {
            let to = length.min(from + 1 + usize::try_from(self.below(longest)).unwrap());
            pieces.push(from..to);
            from = to;
        }
        pieces
    }
}
