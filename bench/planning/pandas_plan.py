"""Every rule of a plan (R4 to R25) for all items at once, vectorised with pandas and in whole numbers.

Called as `pandas_plan.py FOLDER ROUNDS`. FOLDER holds `daily.csv` (unique_id, ds, y, close: demand and closing stock of
consecutive days, the last of them the day of the plan) and `items.csv` (one row per item: what the catalogue, suppliers
and open orders say). Both are tables in memory before anything is timed. Writes `pandas.csv`, the figures that are
compared with the product's, and prints JSON: the library and the seconds of every round.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

RATE, HUNDREDTH = 10_000, 100
LOW_STOCK, SAFETY, LEAD_TIME, DEAD_DAYS = 7, 3, 7, 90
UNDERSTOCKED, OVERSTOCKED, REDUCE, PROMOTE = 14, 90, 90, 30
URGENT, LEAST_RISK, HIGH_VALUE, RATIO = 7_000, 0, 100_000, 120


def ratio(over, under):
    """Rounded half away from zero (R1)."""
    return np.sign(over) * ((2 * np.abs(over) + under) // (2 * under))


def ceil(over, under):
    return -((-over) // under)


def plan(daily: pd.DataFrame, items: pd.DataFrame, until: pd.Timestamp) -> pd.DataFrame:
    p = items.copy()
    # Demand (R4 to R6).
    sold = daily[daily["y"] > 0].groupby("unique_id", observed=True)["ds"].agg(["min", "max"])
    first, last = sold["min"].reindex(p.index), sold["max"].reindex(p.index)
    p["history_days"] = ((until - first).dt.days + 1).fillna(0).astype("int64")
    p["idle_days"] = (until - last).dt.days.fillna(p["unsold_days"]).astype("int64")
    new = p["history_days"] == 0
    month = daily[daily["ds"] > until - pd.Timedelta(days=30)]
    for days in (7, 14, 30):
        window = month[month["ds"] > until - pd.Timedelta(days=days)]
        p[f"sum_{days}"] = window.groupby("unique_id", observed=True)["y"].sum()
        if days < 30:
            squares = (window["y"] * window["y"]).groupby(window["unique_id"], observed=True).sum()
            p[f"days_{days}"] = np.minimum(days, p["history_days"])
            p[f"variance_{days}"] = p[f"days_{days}"] * squares - p[f"sum_{days}"] ** 2
    s7, n7, v7 = p["sum_7"], np.maximum(p["days_7"], 1), p["variance_7"]
    s14, n14, v14 = p["sum_14"], np.maximum(p["days_14"], 1), p["variance_14"]
    p["ma_7"], p["ma_14"] = ratio(s7 * RATE, n7), ratio(s14 * RATE, n14)
    high = v7 * n14**2 * HUNDREDTH**2 > RATIO**2 * v14 * n7**2
    calm = v7 * n14**2 <= v14 * n7**2
    known = p["history_days"] >= 7
    p["volatility"] = np.select([~known, high, calm], ["NA", "HIGH", "LOW"], "MODERATE")
    deviation = lambda variance, days: np.where(known, np.round(np.sqrt(variance) / days, 4), np.nan)
    p["std_7"], p["std_14"] = deviation(v7, n7), deviation(v14, n14)
    # Forecast (R7, R9).
    inactive, short, falling = s14 == 0, p["history_days"] < 7, s7 * n14 < s14 * n7
    volatile = p["volatility"] == "HIGH"
    cases = ["NEW_PRODUCT", "INACTIVE", "SHORT_HISTORY", "NEGATIVE_TREND", "VOLATILE"]
    p["forecast_case"] = np.select([new, inactive, short, falling, volatile], cases, "STABLE")
    mixed = lambda week, fortnight: ratio((week * s7 * n14 + fortnight * s14 * n7) * RATE, 10 * n7 * n14)
    rates = [pd.Series(0, p.index), p["ma_7"], p["ma_7"], mixed(4, 6)]
    d = pd.Series(np.select([inactive, short, falling, volatile], rates, mixed(6, 4)), p.index)
    p["daily_forecast"], p["forecast_14d"], p["forecast_30d"] = d, 14 * d, 30 * d
    p["needs_seed"] = new
    low = (p["history_days"] < 14) | volatile
    steady = (p["history_days"] > 30) & (p["volatility"] == "LOW")
    p["confidence"] = np.select([low, steady], ["LOW", "HIGH"], "MEDIUM")
    # Stock and supply (R10 to R14).
    p["on_hand"] = p["stock"].clip(lower=0)
    safety = p["safety_days"].fillna(SAFETY).astype("int64")
    lead = p["lead_time_days"].fillna(p["supplier_lead_time_days"]).fillna(LEAD_TIME).astype("int64")
    buffer = lead + safety
    # Ahead (R15 to R20).
    runs, some = d > 0, np.maximum(d, 1)
    runway = ratio(p["on_hand"] * RATE * HUNDREDTH, some)
    p["runway_days"] = runway.where(runs)
    until_empty = ceil(runway, HUNDREDTH)
    gone = until + pd.to_timedelta(until_empty.clip(upper=3_650), unit="D")
    p["depletion_date"] = gone.where(runs & (until_empty <= 3_650))
    green, red = ~runs | (runway > LOW_STOCK * HUNDREDTH), 2 * runway < LOW_STOCK * HUNDREDTH
    p["colour"] = np.select([green, red], ["GREEN", "RED"], "YELLOW")
    need = ceil((14 + buffer) * d - p["stock"] * RATE, RATE)
    p["gross_need"], p["recommended_quantity"] = need, need - p["in_transit"]
    recommended = p["recommended_quantity"]
    p["order_quantity"] = recommended.clip(lower=0)
    empty = (month["close"] <= 0).groupby(month["unique_id"], observed=True).any()
    p["recent_stockout"] = empty & (runs | (p["sum_30"] > 0))
    p["high_value"] = p["unit_cost"] * p["forecast_14d"] > HIGH_VALUE * RATE
    p["supplier_delay"] = p["is_overdue"] & (p["in_transit"] > 0)
    reasons = {
        "OVERSUPPLIED": recommended < 0,
        "VERY_HIGH_QUANTITY": (recommended > 0) & (recommended * RATE > 90 * d),
        "LOW_CONFIDENCE": p["confidence"] == "LOW",
        "RECENT_STOCKOUT": p["recent_stockout"],
        "SUPPLIER_DELAY": p["supplier_delay"],
        "NEEDS_SEED": new,
        "LOW_RUNWAY": runs & (runway <= LOW_STOCK * HUNDREDTH),
    }
    p["attention_reasons"] = joined(reasons)
    ordered = (p["in_transit"] > 0) & (need > 0) & (recommended <= 0) & ~p["supplier_delay"]
    due = runs & (runway <= buffer * HUNDREDTH) & (recommended > 0)
    attention = p["attention_reasons"] != ""
    words = ["ALREADY_ORDERED", "ORDER_TODAY", "ATTENTION_REQUIRED"]
    p["action_category"] = np.select([ordered, due, attention], words, "NORMAL")
    cover = (buffer + 14) * HUNDREDTH
    base = ratio(100 * HUNDREDTH * (cover - runway), cover)
    score = base + 2_000 * p["recent_stockout"] + 1_000 * p["high_value"]
    score = score + 1_000 * (p["confidence"] == "HIGH") - 2_000 * (recommended < 0)
    p["base_score"], p["unclamped_score"] = base.where(runs), score.where(runs, 0)
    p["priority_score"] = p["unclamped_score"].clip(0, 10_000)
    # Back (R21 to R25).
    days_30 = p["history_days"].clip(1, 30)
    average = ratio(p["sum_30"] * RATE, days_30)
    p["avg_daily_30"] = average
    dir_ = ratio(p["on_hand"] * RATE * HUNDREDTH, np.maximum(average, 1))
    looks = average > 0
    p["dir"], p["endless"] = dir_.where(looks), ~looks & (p["stock"] > 0) & ~new
    wide = np.maximum(buffer, 1) * HUNDREDTH
    risk = ratio(100 * HUNDREDTH * (wide - dir_), wide).clip(0, 10_000)
    bare = pd.Series(np.where(p["on_hand"] == 0, 10_000, 0), p.index)
    p["stockout_risk"] = risk.where(buffer > 0, bare).where(looks, 0)
    dead = (p["stock"] > 0) & (p["idle_days"] >= DEAD_DAYS)
    under = looks & (dir_ < UNDERSTOCKED * HUNDREDTH)
    above = lambda limit: p["endless"] | (looks & (dir_ > limit * HUNDREDTH))
    states = ["dead_stock", "understocked", "overstocked"]
    p["status"] = np.select([dead, under, above(OVERSTOCKED)], states, "normal")
    shortfall = ceil((30 + safety) * d - p["stock"] * RATE, RATE)
    p["shortfall"] = shortfall
    suggested = (p["stockout_risk"] > LEAST_RISK) & (shortfall > 0)
    p["suggested_quantity"] = np.maximum(p["moq"], shortfall).where(suggested)
    kinds = {
        "URGENT": p["stockout_risk"] > URGENT,
        "REORDER": looks & (dir_ < buffer * HUNDREDTH),
        "DEAD_STOCK": dead,
        "REDUCE_ORDER": above(REDUCE),
        "PROMOTE": above(PROMOTE) & ~p["in_campaign"],
    }
    p["recommendation_types"] = joined(kinds)
    # Value (R27, R30).
    p["inventory_value"] = p["on_hand"] * p["unit_cost"]
    closes = month["close"].clip(lower=0).groupby(month["unique_id"], observed=True).agg(["sum", "count"])
    p["on_hand_sum_30"], p["on_hand_days_30"] = closes["sum"], closes["count"]
    return p


def joined(words: dict) -> pd.Series:
    """Words whose condition holds, with bars between."""
    names = list(words)
    sets = ["|".join(n for at, n in enumerate(names) if bits >> at & 1) for bits in range(1 << len(names))]
    bits = sum(condition.astype("int64") * (1 << at) for at, condition in enumerate(words.values()))
    return pd.Series(np.array(sets, dtype=object)[bits.to_numpy()], bits.index)


def main() -> None:
    folder, rounds = Path(sys.argv[1]), int(sys.argv[2])
    daily = pd.read_csv(folder / "daily.csv", dtype={"unique_id": "category"}, parse_dates=["ds"])
    items = pd.read_csv(folder / "items.csv", dtype={"unique_id": str}).set_index("unique_id")
    items.index = pd.CategoricalIndex(items.index, categories=daily["unique_id"].cat.categories)
    until = daily["ds"].max()
    seconds = []
    for _ in range(rounds):
        begun = time.perf_counter()
        planned = plan(daily, items, until)
        seconds.append(time.perf_counter() - begun)
    planned["depletion_date"] = planned["depletion_date"].dt.strftime("%Y-%m-%d")
    shown = [column for column in planned.columns if column not in items.columns and "variance" not in column]
    shown = [column for column in shown if column not in ("std_7", "std_14")]
    for column in ("runway_days", "base_score", "dir", "suggested_quantity"):
        planned[column] = planned[column].astype("Int64")
    planned[shown].to_csv(folder / "pandas.csv")
    print(json.dumps({"library": f"pandas {pd.__version__}", "seconds": seconds}))


main()
