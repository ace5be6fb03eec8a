//! The automatic choice: for each item the method that a back-test liked best.
//!
//! A dozen origins of one item are few, and the best of many methods on few origins is often only lucky. So each
//! method also bears how it did on all items together, as if the item had [`COMPANY_ORIGINS`] origins more of average
//! quality. Where nothing can be told apart, the default stays.

use crate::planning::accuracy::Errors;
use crate::planning::forecast::Method;
use crate::planning::forecast::back_test::MethodResult;
use crate::planning::number::Overflow;

/// Origins' worth of weight that the company's items together have in the choice for one item. Of 0 to 384, about this
/// much did best on real sales, on origins before those that `docs/forecasting.md` judges it by.
pub const COMPANY_ORIGINS: i128 = 192;

/// How methods did on all items of a company.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pool {
    methods: Vec<(Method, Errors)>,
}

impl Pool {
    /// Takes in one item's results, if every method spoke at all its origins: only then are they comparable.
    pub fn add(&mut self, results: &[MethodResult]) -> Result<(), Overflow> {
        let spoke = |result: &MethodResult| result.errors.count;
        let most = results.iter().map(spoke).max().unwrap_or(0);
        if results.iter().any(|result| spoke(result) < most) {
            return Ok(());
        }
        for result in results {
            match self.methods.iter_mut().find(|(method, _)| *method == result.method) {
                Some((_, errors)) => errors.merge(&result.errors)?,
                None => self.methods.push((result.method, result.errors)),
            }
        }
        Ok(())
    }

    /// How one method did; nothing where it could never say anything.
    pub fn of(&self, method: Method) -> Option<&Errors> {
        self.methods.iter().find(|(known, _)| *known == method).map(|(_, errors)| errors)
    }

    /// The method for an item with these results; the default, [`Method::MovingAverage`], where none is better.
    ///
    /// Only methods count that spoke at as many of the item's origins as the default.
    pub fn choose(&self, results: &[MethodResult]) -> Method {
        let default = results.iter().find(|result| result.method == Method::MovingAverage);
        let Some(default) = default.filter(|result| result.errors.count > 0) else {
            return Method::MovingAverage;
        };
        let comparable = results.iter().filter(|result| result.errors.count == default.errors.count);
        let scored = comparable.filter_map(|result| Some((self.score(result)?, result.method)));
        let best = scored.min_by_key(|(score, method)| (*score, *method != Method::MovingAverage, *method));
        best.map_or(Method::MovingAverage, |(_, method)| method)
    }

    /// The item's own errors and [`COMPANY_ORIGINS`] times its mean sales with the company's relative error, over a
    /// common denominator; less is better.
    fn score(&self, result: &MethodResult) -> Option<i128> {
        let (own, all) = (&result.errors, self.of(result.method)?);
        let itself = own.absolute.checked_mul(own.count.into())?.checked_mul(all.actual)?;
        let others = own.actual.checked_mul(COMPANY_ORIGINS)?.checked_mul(all.absolute)?;
        itself.checked_add(others)
    }
}
