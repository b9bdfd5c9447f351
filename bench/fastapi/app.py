"""A contestant of the serve benchmarks: the telecom project's three endpoints as plain Python services commonly have them: FastAPI,
DuckDB, pandas. Reads the file that DB_PATH names and the SQL of the project in PROJECT, so that all contestants run the same."""
import os
import pathlib

import duckdb
from fastapi import FastAPI, HTTPException, Query

API = pathlib.Path(os.environ["PROJECT"], "api")
LIST, ONE, SUMMARY = ((API / f"{name}.sql").read_text() for name in ("subscribers", "subscriber", "analytics_summary"))

app = FastAPI()
connection = duckdb.connect(os.environ["DB_PATH"], read_only=True)


def records(sql, parameters=None):
    frame = connection.cursor().execute(sql, parameters).df()
    return frame.astype(object).where(frame.notna(), None).to_dict(orient="records")


@app.get("/api/v1/subscribers")
def subscribers(limit: int = Query(20, ge=1, le=1000), risk: str | None = Query(None, pattern="^(high|low)$")):
    return records(LIST, {"limit": limit, "risk": risk})


@app.get("/api/v1/subscribers/{subscriber_id}")
def subscriber(subscriber_id: str):
    found = records(ONE, {"subscriber_id": subscriber_id})
    if not found:
        raise HTTPException(404, "there is no such subscriber")
    return found[0]


@app.get("/api/v1/analytics/summary")
def summary():
    row = records(SUMMARY)[0]
    return {**row, "risk_by_plan": list(row["risk_by_plan"])}
