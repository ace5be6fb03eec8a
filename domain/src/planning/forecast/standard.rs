//! The rules' own forecast and how far it is to be trusted (R7 to R9).

use crate::planning::average::Volatility;
use crate::planning::demand::{History, Window};
use crate::planning::forecast::{DailyForecast, Method, SHORT_HORIZON_DAYS};
use crate::planning::input::Master;
use crate::planning::number::{Overflow, Rate};

/// Days of [`Outlook::forecast_30d`].
const LONG_HORIZON_DAYS: i64 = 30;

crate::words! {
    /// Which case of R7 an item's demand is; the first that applies.
    pub enum ForecastCase {
        /// Never sold.
        NewProduct = "NEW_PRODUCT",
        /// Nothing sold within 14 days.
        Inactive = "INACTIVE",
        /// Fewer than 7 days of history.
        ShortHistory = "SHORT_HISTORY",
        /// The last week sold less a day than the last two.
        NegativeTrend = "NEGATIVE_TREND",
        /// The last week strays much more than the last two.
        Volatile = "VOLATILE",
        /// Anything else.
        Stable = "STABLE",
    }
}

crate::words! {
    /// How far a forecast is to be trusted (R9).
    pub enum Confidence {
        /// More than 30 days of quiet history.
        High = "HIGH",
        /// 14 to 30 days, or moderately restless.
        Medium = "MEDIUM",
        /// Anything less.
        Low = "LOW",
    }
}

/// What is expected of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outlook {
    /// Case of R7, whatever the method.
    pub case: ForecastCase,
    /// How the values were made.
    pub method: Method,
    /// `d`: units a day.
    pub daily: Rate,
    /// Demand of 14 days.
    pub fortnight: Rate,
    /// Demand of 30 days.
    pub month: Rate,
    /// Whether nobody can say anything about a product never sold (R8).
    pub needs_seed: bool,
}

impl ForecastCase {
    /// R7.
    pub fn of(history: &History, week: &Window, fortnight: &Window, volatility: Volatility) -> Self {
        let mean = |window: &Window, other: &Window| i128::from(window.sum) * i128::from(other.days);
        if history.days == 0 {
            Self::NewProduct
        } else if fortnight.sum == 0 {
            Self::Inactive
        } else if history.days < 7 {
            Self::ShortHistory
        } else if mean(week, fortnight) < mean(fortnight, week) {
            Self::NegativeTrend
        } else if volatility == Volatility::High {
            Self::Volatile
        } else {
            Self::Stable
        }
    }

    /// `d` of cases 2 to 6.
    pub fn daily(self, week: &Window, fortnight: &Window) -> Result<Rate, Overflow> {
        const NAME: &str = "daily_forecast";
        let ((s7, n7), (s14, n14)) = (parts(week), parts(fortnight));
        let mixed = |of_week: i128, of_fortnight: i128| {
            Rate::ratio(of_week * s7 * n14 + of_fortnight * s14 * n7, 10 * n7 * n14, NAME)
        };
        match self {
            Self::NewProduct | Self::Inactive => Ok(Rate::ZERO),
            Self::ShortHistory | Self::NegativeTrend => Rate::ratio(s7, n7, NAME),
            Self::Volatile => mixed(4, 6),
            Self::Stable => mixed(6, 4),
        }
    }
}

fn parts(window: &Window) -> (i128, i128) {
    (i128::from(window.sum), i128::from(window.days))
}

impl Outlook {
    /// R7 and R8, or the values of another method.
    pub fn of(
        case: ForecastCase,
        windows: (&Window, &Window),
        master: &Master,
        other: Option<&DailyForecast>,
    ) -> Result<Self, Overflow> {
        if let Some(forecast) = other {
            return Self::by_method(case, forecast);
        }
        let (method, daily) = match (case, master.manual_daily_forecast, master.category_forecast) {
            (ForecastCase::NewProduct, Some(manual), _) => (Method::Manual, manual),
            (ForecastCase::NewProduct, None, Some(category)) => (Method::CategoryDefault, category),
            (ForecastCase::NewProduct, None, None) => (Method::Manual, Rate::ZERO),
            (
                ForecastCase::Inactive
                | ForecastCase::ShortHistory
                | ForecastCase::NegativeTrend
                | ForecastCase::Volatile
                | ForecastCase::Stable,
                _,
                _,
            ) => (Method::MovingAverage, case.daily(windows.0, windows.1)?),
        };
        let times = |days: i64, value| daily.steps().checked_mul(days).ok_or(Overflow { value });
        let unknown = master.manual_daily_forecast.is_none() && master.category_forecast.is_none();
        Ok(Self {
            case,
            method,
            daily,
            fortnight: Rate::of_steps(times(i64::from(SHORT_HORIZON_DAYS), "forecast_14d")?),
            month: Rate::of_steps(times(LONG_HORIZON_DAYS, "forecast_30d")?),
            needs_seed: case == ForecastCase::NewProduct && unknown,
        })
    }

    fn by_method(case: ForecastCase, forecast: &DailyForecast) -> Result<Self, Overflow> {
        let fortnight = forecast.total(SHORT_HORIZON_DAYS, "forecast_14d")?;
        let days = i128::from(SHORT_HORIZON_DAYS) * i128::from(Rate::ONE);
        Ok(Self {
            case,
            method: forecast.method,
            daily: Rate::ratio(i128::from(fortnight.steps()), days, "daily_forecast")?,
            fortnight,
            month: forecast.total(30, "forecast_30d")?,
            needs_seed: false,
        })
    }

    /// R9.
    pub fn confidence(&self, history: &History, volatility: Volatility) -> Confidence {
        let seeded = matches!(self.method, Method::Manual | Method::CategoryDefault);
        if seeded || history.days < SHORT_HORIZON_DAYS || volatility == Volatility::High {
            Confidence::Low
        } else if history.days > 30 && volatility == Volatility::Low {
            Confidence::High
        } else {
            Confidence::Medium
        }
    }
}
