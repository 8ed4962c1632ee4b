"""What schemathesis cannot know from the document: how to sign in, and what is there to be asked for.

Each request gets a session of its own, because requests log out, revoke and change passwords.
"""

import itertools
import json
import os
import re
import urllib.error
import urllib.request

import schemathesis

URL = os.environ["KMS_URL"]
PASSWORD = "conform-1"
NUMBERS = itertools.count(13800000000)
TURNS = itertools.count()
LOGINS = itertools.count()
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
DIGEST = re.compile(r"([0-9a-f]{32}|[0-9a-f]{64})", re.IGNORECASE)


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
    for _ in range(100):
        phone = str(next(NUMBERS))
        answer = post("/app/register", {"phone": phone, "name": "schemathesis", "password": PASSWORD})
        if answer["code"] == 100:
            return phone
    raise RuntimeError(f"nobody can be registered: {answer}")


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
        fit_in(case, token)


def fit_in(case, token):
    """Puts what is there in the place of what chance made, where that is as good; every other time for what is asked for."""
    is_turn = next(TURNS) % 2 == 0
    for values in (case.path_parameters, case.body):
        if isinstance(values, dict):
            if is_turn and UUID.fullmatch(str(values.get("fid"))):
                values["fid"] = post("/app/user/upload", {"token": token, "name": "a", "data": "aGVsbG8="})["fid"]
    if case.operation.path == "/api/v1/files" and not isinstance(case.body, dict) and isinstance(case.query, dict):
        # Only a form has the title within.
        case.query.setdefault("name", "a")
    if isinstance(case.query, dict):
        # That digests must be those of the body is nothing that a schema can say.
        for name in ("md5", "sha256"):
            if DIGEST.fullmatch(str(case.query.get(name))):
                del case.query[name]
    if isinstance(case.body, dict):
        # The field wins over the header, and a text of chance is nobody's token.
        if isinstance(case.body.get("token"), str):
            case.body["token"] = token


@schemathesis.hook
def before_call(context, case, kwargs):
    """Logs in as somebody who is there, every other time."""
    is_login = case.operation.path == "/app/login" and isinstance(case.body, dict)
    if is_login and next(LOGINS) % 2 == 0 and all(isinstance(text, str) for text in case.body.values()):
        if Sessions.phone is not None and set(case.body) == {"phone", "password"}:
            case.body.update(phone=Sessions.phone, password=PASSWORD)


@schemathesis.hook
def filter_case(context, case):
    """Leaves out what schemathesis takes for wrong and is not.

    It breaks a pattern by a star at the end, which titles may have. And a form says nothing of an empty list.
    """
    if not isinstance(case.body, dict):
        return True
    is_form = case.media_type == "multipart/form-data"
    values = case.body.values()
    return not any(is_form and value == [] or isinstance(value, str) and value.endswith("*") for value in values)
