"""Signs schemathesis in: a session of its own for each request, because requests log out, revoke and change passwords."""

import itertools
import json
import os
import urllib.error
import urllib.request

import schemathesis

URL = os.environ["KMS_URL"]
PASSWORD = "conform-1"
NUMBERS = itertools.count(13800000000)


def post(path, fields):
    body = json.dumps(fields).encode()
    request = urllib.request.Request(URL + path, data=body, headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refused:
        return json.load(refused)


def register():
    """The number of an account that nobody had."""
    while True:
        phone = str(next(NUMBERS))
        if post("/app/register", {"phone": phone, "name": "schemathesis", "password": PASSWORD})["code"] == 100:
            return phone


@schemathesis.auth(refresh_interval=None)
class Sessions:
    phone = None

    def get(self, case, context):
        if Sessions.phone is None:
            Sessions.phone = register()
        answer = post("/app/login", {"phone": Sessions.phone, "password": PASSWORD})
        if answer["code"] != 110:
            # A request has changed the password.
            Sessions.phone = register()
            answer = post("/app/login", {"phone": Sessions.phone, "password": PASSWORD})
        return answer["token"]

    def set(self, case, token, context):
        case.headers["Authorization"] = f"Bearer {token}"
        # The field wins over the header, and a text of chance is nobody's token.
        if isinstance(case.body, dict) and isinstance(case.body.get("token"), str):
            case.body["token"] = token
