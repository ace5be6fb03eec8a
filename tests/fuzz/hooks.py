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
import uuid

import requests
import schemathesis

BASE = os.environ.get("FUZZ_URL", "http://127.0.0.1:8080") + "/api/v1"
ROLE = os.environ.get("FUZZ_ROLE", "OWNER")
PASSWORD = "correct horse battery"
CREATES = ("products", "locations", "warehouses", "register", "users")
ITEMS = ["FUZZ-1", "FUZZ-2", "FUZZ-3"]
LOCATIONS = ["MAIN", "FUZZ-SHOP", "FUZZ-EMPTY"]


class Company:
    """A company with a bit of everything."""

    def __init__(self):
        self.lock = threading.RLock()
        self.chance = random.Random(7)
        self.mail = f"{ROLE.lower()}-{time.time_ns()}@example.com"
        self.token = None
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
        for place in LOCATIONS[1:]:
            self.call("POST", "/locations", {"location_id": place, "name": place})
        self.call("POST", "/products", [{"item_id": item, "product_name": item} for item in ITEMS])
        for item in ITEMS:
            self.call("POST", "/inventory/receive", {"item_id": item, "location_id": "MAIN", "quantity": 100_000})
        self.call("PUT", "/channels/web", {"location_id": "MAIN"})
        line = {"channel": "web", "order_id": "O-1", "quantity": 1, "sold_at": "2026-01-01T10:00:00Z"}
        lines = [line | {"line_id": f"O-1/{item}", "item_id": item} for item in [*ITEMS, "NOT-YET-KNOWN"]]
        self.call("POST", "/sales/batch", lines)
        self.call("POST", "/api-keys", {"name": "fuzz", "role": "VIEWER"})
        member = lambda: {"email": f"member-{time.time_ns()}@example.com", "password": PASSWORD, "role": "WAREHOUSE"}
        members = [self.call("POST", "/users", member()) for _ in range(5)]
        self.members = [member["user_id"] for member in members[1:]]
        # Wrong passwords lock only this one out.
        self.known_mail = members[0]["email"]
        self.call("POST", "/ops/projections/catalogue/rebuild?diff_only=true")
        self.learn_ids()

    def learn_ids(self):
        """Looks up what the server named itself."""
        self.own_id = self.sign_in()["user"]["user_id"]
        ids = lambda path, name: [row[name] for row in self.call("GET", path)["items"]]
        self.known = {
            "item_id": ITEMS, "sku": ITEMS,
            "location_id": LOCATIONS, "warehouse_id": LOCATIONS, "from_location_id": ["MAIN"],
            "to_location_id": ["FUZZ-SHOP"],
            "channel": ["web"], "order": ["O-1"],
            "name": ids("/ops/projections", "name"),
            "key_id": ids("/api-keys", "key_id"),
            "user_id": self.members,
            "job_id": ids("/jobs", "job_id"),
            "id": ids("/quarantine", "quarantine_id"),
            "company_id": ids("/clients", "company_id"), "client_id": ids("/clients", "company_id"),
            "email": [self.known_mail], "password": [PASSWORD], "current_password": [PASSWORD],
        }

    def sign_in(self):
        """A new session of the role under test."""
        return self.call("POST", "/auth/login", {"email": self.mail, "password": PASSWORD}, token="")

    def bearer(self):
        """A fresh token of the role under test."""
        with self.lock:
            if time.time() - self.signed_in > 600:
                self.token = self.sign_in()["access_token"]
                self.signed_in = time.time()
            return self.token

    def mostly(self):
        """Four times of five."""
        return self.chance.random() < 0.8

    def pick(self, name, otherwise):
        """Mostly an existing id of that name."""
        values = self.known.get(name)
        return self.chance.choice(values) if values and self.mostly() else otherwise

    def fill(self, body, creates):
        """The body with what exists; what is created gets a name of its own."""
        if isinstance(body, list):
            return [self.fill(row, creates) for row in body]
        if not isinstance(body, dict) or ("new_password" not in body and not self.mostly()):
            return body
        body = {name: value for name, value in body.items() if name != "expected_quantity"}
        for name, value in body.items():
            if creates and isinstance(value, str) and name in ("item_id", "sku", "location_id", "name"):
                body[name] = f"N-{uuid.uuid4().hex[:12]}"
            elif creates and name == "email":
                body[name] = f"{uuid.uuid4().hex}@example.com"
            elif name == "refresh_token":
                body[name] = self.sign_in()["refresh_token"]
            elif name == "new_password":
                # Another one would lock the run out.
                body[name] = PASSWORD
            elif isinstance(value, str):
                body[name] = self.pick(name, value)
            elif isinstance(value, list):
                body[name] = self.fill(value, False)
        if "confirm" in body:
            body["confirm"] = ["BACKDATED", "LARGE_CHANGE"]
        return body


company = Company()


answers = collections.defaultdict(collections.Counter)


@schemathesis.auth(refresh_interval=None)
class SignIn:
    """Signs in as the role under test."""

    def get(self, case, context):
        return company.bearer()

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.check
def no_failure_of_ours(context, response, case):
    """The only answer that may say "our fault" is 503 with the time to come back."""
    if response.status_code >= 500:
        assert response.status_code == 503 and response.headers.get("retry-after"), response.text


@schemathesis.hook
def after_call(context, case, response):
    """Counts the answers of every operation."""
    with company.lock:
        answers[case.operation.label][response.status_code] += 1
        if response.status_code == 401:
            company.signed_in = 0.0



@atexit.register
def report():
    """Says how far the run came."""
    never = [label for label, count in answers.items() if not any(status < 300 for status in count)]
    print(f"{ROLE}: {sum(sum(count.values()) for count in answers.values())} requests;", end=" ")
    print(f"{len(answers) - len(never)} of {len(answers)} operations answered 2xx, never:", *sorted(never), sep="\n  ")


@schemathesis.hook
def before_call(context, case, kwargs):
    """Puts what exists into well-formed cases."""
    for place in (case.query or {}, case.headers):
        for name in ("min_position", "Stocktrail-Min-Position"):
            # A position that is still to come is waited for, 5 seconds long.
            if str(place.get(name, "")).isdigit():
                place[name] = str(int(place[name]) % 5)
    if (case.path_parameters or {}).get("user_id") == company.own_id:
        # Who removes herself ends the run.
        case.path_parameters["user_id"] = company.members[0]
    if case.meta and case.meta.generation.mode.value != "positive":
        return
    with company.lock:
        for name, value in (case.path_parameters or {}).items():
            case.path_parameters[name] = company.pick(name, value)
        for name, value in (case.query or {}).items():
            if name.endswith("_id") or name == "channel":
                case.query[name] = company.pick(name, value)
        if "client_id" in (case.query or {}):
            case.query["client_id"] = company.known["client_id"][0]
        headers = case.headers
        if "Idempotency-Key" in headers and company.mostly():
            headers["Idempotency-Key"] = uuid.uuid4().hex
        if "If-Match" in headers and company.mostly():
            del headers["If-Match"]
        creates = case.method == "POST" and case.path.rsplit("/", 1)[-1] in CREATES
        case.body = company.fill(case.body, creates)
