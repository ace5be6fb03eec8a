"""Hooks of `make fuzz-api`: a company to play with, tokens, and ids that exist.

Schemathesis invents values; hardly one of them names something that exists. So most well-formed cases get the ids of
the company that is set up here in their path, query and body, and everything behind the first look-up is reached too.
"""

import atexit
import collections
import os
import random
import threading
import time

import requests
import schemathesis

BASE = os.environ.get("FUZZ_URL", "http://127.0.0.1:8080") + "/api/v1"
ROLE = os.environ.get("FUZZ_ROLE", "OWNER")
PASSWORD = "correct horse battery"
DEBUG = os.environ.get("FUZZ_DEBUG")
ITEMS = ["FUZZ-1", "FUZZ-2", "FUZZ-3"]
LOCATIONS = ["MAIN", "FUZZ-SHOP"]


class Company:
    """A company with a bit of everything."""

    def __init__(self):
        self.lock = threading.RLock()
        self.chance = random.Random(7)
        self.mail = f"{ROLE.lower()}-{time.time_ns()}@example.com"
        self.token = self.refresh_token = None
        self.signed_in = 0.0
        owner = f"owner-{time.time_ns()}@example.com"
        body = {"email": owner, "password": PASSWORD, "company_name": "Fuzz", "timezone": "Europe/London"}
        self.owner = self.call("POST", "/auth/register", body, token="")["access_token"]
        self.mail = owner if ROLE == "OWNER" else self.mail
        if ROLE != "OWNER":
            self.call("POST", "/users", {"email": self.mail, "password": PASSWORD, "role": ROLE})
        self.furnish()

    def call(self, method, path, body=None, token=None):
        """Asks the server; answers its JSON."""
        headers = {"Authorization": f"Bearer {self.owner}"} if token is None else {}
        answer = requests.request(method, BASE + path, json=body, headers=headers, timeout=30)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def furnish(self):
        """Products, places, stock, sales, a quarantined line, a channel, a key, a member, a job."""
        self.call("POST", "/locations", {"location_id": "FUZZ-SHOP", "name": "Shop"})
        self.call("POST", "/products", [{"item_id": item, "product_name": item} for item in ITEMS])
        for item in ITEMS:
            self.call("POST", "/inventory/receive", {"item_id": item, "location_id": "MAIN", "quantity": 100_000})
        self.call("PUT", "/channels/web", {"location_id": "MAIN"})
        line = {"channel": "web", "order_id": "O-1", "quantity": 1, "sold_at": "2026-01-01T10:00:00Z"}
        lines = [line | {"line_id": f"O-1/{item}", "item_id": item} for item in [*ITEMS, "NOT-YET-KNOWN"]]
        self.call("POST", "/sales/batch", lines)
        self.call("POST", "/api-keys", {"name": "fuzz", "role": "VIEWER"})
        member = lambda: {"email": f"member-{time.time_ns()}@example.com", "password": PASSWORD, "role": "WAREHOUSE"}
        self.members = [self.call("POST", "/users", member())["user_id"] for _ in range(5)]
        self.call("POST", "/ops/projections/catalogue/rebuild?diff_only=true")
        self.learn_ids()

    def learn_ids(self):
        """Looks up what the server named itself."""
        ids = lambda path, name: [row[name] for row in self.call("GET", path)["items"]]
        self.known = {
            "item_id": ITEMS, "sku": ITEMS, "item": ITEMS,
            "location_id": LOCATIONS, "warehouse_id": LOCATIONS, "from_location_id": ["MAIN"],
            "to_location_id": ["FUZZ-SHOP"],
            "channel": ["web"], "order": ["O-1"], "order_id": ["O-1"],
            "name": [row["name"] for row in self.call("GET", "/ops/projections")["items"]],
            "key_id": ids("/api-keys", "key_id"),
            # Not the owner: a run that removes the caller ends.
            "user_id": self.members,
            "job_id": ids("/jobs", "job_id"),
            "id": ids("/quarantine", "quarantine_id"),
            "company_id": ids("/clients", "company_id"), "client_id": ids("/clients", "company_id"),
        }

    def bearer(self):
        """A fresh token of the role under test."""
        with self.lock:
            if time.time() - self.signed_in > 600:
                body = {"email": self.mail, "password": PASSWORD}
                answer = self.call("POST", "/auth/login", body, token="")
                self.token, self.refresh_token = answer["access_token"], answer["refresh_token"]
                self.signed_in = time.time()
            return self.token

    def pick(self, name, otherwise):
        """Mostly an existing id of that name."""
        with self.lock:
            values = self.known.get(name)
            return self.chance.choice(values) if values and self.chance.random() < 0.8 else otherwise


company = Company()


answers = collections.defaultdict(collections.Counter)


@schemathesis.auth(refresh_interval=None)
class SignIn:
    """Signs in as the role under test."""

    def get(self, case, context):
        return company.bearer()

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def after_call(context, case, response):
    """Counts the answers of every operation."""
    with company.lock:
        answers[case.operation.label][response.status_code] += 1
        if DEBUG and response.status_code >= 400:
            with open("/var/tmp/fuzz-problems.log", "a") as f:
                f.write(f"{case.operation.label}\t{case.meta.generation.mode.value if case.meta else None}\t{response.status_code}\t{response.text[:700]}\t{case.body!r}\n")


@atexit.register
def report():
    """Says how far the run came, for `make fuzz-api` prints no operation that never succeeded otherwise."""
    never = [label for label, count in answers.items() if not any(status < 300 for status in count)]
    print(f"{ROLE}: {sum(sum(count.values()) for count in answers.values())} requests;", end=" ")
    print(f"{len(answers) - len(never)} of {len(answers)} operations answered 2xx, never:", *sorted(never), sep="\n  ")


@schemathesis.hook
def before_call(context, case, kwargs):
    """Puts existing ids into well-formed cases."""
    if case.meta and case.meta.generation.mode.value != "positive":
        return
    for name in list(case.path_parameters or {}):
        case.path_parameters[name] = company.pick(name, case.path_parameters[name])
    for name in list(case.query or {}):
        case.query[name] = company.pick(name, case.query[name])
    case.body = fill(case.body)


def fill(body):
    """The body with existing ids."""
    if isinstance(body, list):
        return [fill(row) for row in body]
    if isinstance(body, dict):
        ids = [name for name in body if name.endswith("_id") or name in ("sku", "channel")]
        return body | {name: company.pick(name, body[name]) for name in ids if isinstance(body[name], str)}
    return body
