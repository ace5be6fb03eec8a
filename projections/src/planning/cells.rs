//! Figures of a plan as values of columns: decimals as `numeric`, words as `text`, sets of words as `text`
//! with bars between.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use sqlx::error::BoxDynError;
use sqlx::{Decode, Encode, Postgres, Type};

use domain::planning::average::Volatility;
use domain::planning::class::{DemandType, Xyz};
use domain::planning::cover::{Colour, Status};
use domain::planning::forecast::{Confidence, ForecastCase, Method};
use domain::planning::number::Fixed;
use domain::planning::ordering::{ActionCategory, AttentionReason, AttentionReasons};
use domain::planning::recommendation::{RecommendationType, RecommendationTypes};
use domain::planning::supply::SafetySource;

/// A value of a column.
pub(super) trait Cell: Sized {
    /// What PostgreSQL is given.
    type Raw: for<'q> Encode<'q, Postgres> + for<'r> Decode<'r, Postgres> + Type<Postgres>;

    /// Type of the column.
    const SQL: &'static str;

    /// Whether it may be null.
    const NULLABLE: bool = false;

    /// The value for PostgreSQL.
    fn raw(&self) -> Self::Raw;

    /// The value that was read.
    fn of(raw: Self::Raw) -> Result<Self, BoxDynError>;
}

macro_rules! plain {
    ($($type:ty as $sql:literal,)+) => {
        $(
            impl Cell for $type {
                type Raw = Self;
                const SQL: &'static str = $sql;

                fn raw(&self) -> Self {
                    self.clone()
                }

                fn of(raw: Self) -> Result<Self, BoxDynError> {
                    Ok(raw)
                }
            }
        )+
    };
}

plain! {
    i64 as "bigint",
    bool as "boolean",
    String as "text",
    NaiveDate as "date",
    Decimal as "numeric",
}

/// Days and counts; the rules keep them far below the largest integer of PostgreSQL.
impl Cell for u32 {
    type Raw = i32;
    const SQL: &'static str = "integer";

    fn raw(&self) -> i32 {
        i32::try_from(*self).unwrap_or(i32::MAX)
    }

    fn of(raw: i32) -> Result<Self, BoxDynError> {
        Ok(Self::try_from(raw)?)
    }
}

impl<const PLACES: u32> Cell for Fixed<PLACES> {
    type Raw = Decimal;
    const SQL: &'static str = "numeric";

    fn raw(&self) -> Decimal {
        self.decimal()
    }

    fn of(raw: Decimal) -> Result<Self, BoxDynError> {
        Self::from_decimal(raw).ok_or_else(|| "a decimal is too large".into())
    }
}

impl<C: Cell> Cell for Option<C>
where
    Option<C::Raw>: for<'q> Encode<'q, Postgres> + for<'r> Decode<'r, Postgres> + Type<Postgres>,
{
    type Raw = Option<C::Raw>;
    const SQL: &'static str = C::SQL;
    const NULLABLE: bool = true;

    fn raw(&self) -> Self::Raw {
        self.as_ref().map(Cell::raw)
    }

    fn of(raw: Self::Raw) -> Result<Self, BoxDynError> {
        raw.map(C::of).transpose()
    }
}

macro_rules! words {
    ($($word:ty,)+) => {
        $(
            impl Cell for $word {
                type Raw = String;
                const SQL: &'static str = "text";

                fn raw(&self) -> String {
                    self.name().to_owned()
                }

                fn of(raw: String) -> Result<Self, BoxDynError> {
                    Self::named(&raw).ok_or_else(|| format!("{raw} is no {}", stringify!($word)).into())
                }
            }
        )+
    };
}

words! {
    Volatility,
    ForecastCase,
    Method,
    Confidence,
    SafetySource,
    Colour,
    ActionCategory,
    Status,
    Xyz,
    DemandType,
}

macro_rules! sets {
    ($($word:ty => $set:ty,)+) => {
        $(
            impl Cell for $set {
                type Raw = String;
                const SQL: &'static str = "text";

                fn raw(&self) -> String {
                    self.iter().map(<$word>::name).collect::<Vec<_>>().join(BETWEEN)
                }

                fn of(raw: String) -> Result<Self, BoxDynError> {
                    let word = |name: &str| {
                        <$word>::named(name).ok_or_else(|| format!("{name} is no {}", stringify!($word)).into())
                    };
                    raw.split(BETWEEN).filter(|name| !name.is_empty()).map(word).collect()
                }
            }
        )+
    };
}

/// What stands between the words of a set.
const BETWEEN: &str = "|";

sets! {
    AttentionReason => AttentionReasons,
    RecommendationType => RecommendationTypes,
}
