"""Forecasts 14 days of every item by statsforecast's window averages of 7 and 14 days, on one thread.

Called as `window_average.py FOLDER ROUNDS`. FOLDER holds `daily.csv` (unique_id, ds, y, close), which becomes
statsforecast's own table before anything is timed. Prints JSON: the library, the seconds of every round, the sum of each
forecast column.
"""

import json
import os
import sys
import time
from pathlib import Path

os.environ["NIXTLA_ID_AS_COL"] = "1"

import pandas as pd
import statsforecast
from statsforecast import StatsForecast
from statsforecast.models import WindowAverage

DAYS = 14


def main() -> None:
    folder, rounds = Path(sys.argv[1]), int(sys.argv[2])
    table = pd.read_csv(folder / "daily.csv", dtype={"unique_id": str}, parse_dates=["ds"])
    table = table[["unique_id", "ds", "y"]].astype({"y": "float64"})
    models = [WindowAverage(7, alias="seven"), WindowAverage(14, alias="fourteen")]
    seconds = []
    for _ in range(rounds):
        forecast = StatsForecast(models=models, freq="D", n_jobs=1)
        begun = time.perf_counter()
        found = forecast.forecast(df=table, h=DAYS)
        seconds.append(time.perf_counter() - begun)
    sums = [float(found[name].sum()) for name in ("seven", "fourteen")]
    print(json.dumps({"library": f"statsforecast {statsforecast.__version__}", "seconds": seconds, "sums": sums}))


main()
