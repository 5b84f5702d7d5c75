"""The HTTP API without a client library: what a browser or curl gets, byte for byte."""

import json
import urllib.error
import urllib.request
from typing import Any
from uuid import uuid4

PATIENCE = 120  # seconds; a safety limit


def get(url: str) -> str:
    """The body of a page."""
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        return str(answer.read(), "utf-8")


def post(url: str, body: dict[str, Any]) -> Any:
    """The JSON that comes back; an error's too."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return {"status": error.code, "body": error.read().decode()}


def listen(url: str, endpoint: str, *data: Any, session: str = "") -> str:
    """Call a named endpoint of a page; everything that is sent back, as it is."""
    body = {"data": list(data)} | ({"session_hash": session} if session else {})
    event = post(f"{url}/gradio_api/call/{endpoint}", body)
    if "event_id" not in event:
        return json.dumps(event)
    return get(f"{url}/gradio_api/call/{endpoint}/{event['event_id']}")


def results(told: str) -> list[Any]:
    """The results among the events of a named endpoint, oldest first."""
    found = []
    for block in told.split("\n\n"):
        name, _, data = block.partition("\n")
        if name in ("event: generating", "event: complete") and data.startswith("data: "):
            found.append(json.loads(data.removeprefix("data: "))[0])
    return found


class Visit:
    """A page as a browser has it open: its buttons can be pressed, and all that the server says is kept.

    Attributes:
        heard: Every byte that came back, events of all kinds.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = uuid4().hex[:11]
        self.heard = ""
        text = get(f"{url}/config")
        self.heard += text
        self.config = json.loads(text)
        self.parts = {part["id"]: part for part in self.config["components"]}

    def press(self, label: str, typed: dict[str, Any]) -> list[str]:
        """Press a button, with these values in the inputs of these labels, and all that follows from it.

        Args:
            label: What the button says; the first of that name.
            typed: By the label of an input.

        Returns:
            What the server said to each of the calls, in order.
        """
        button = next(part["id"] for part in self.parts.values() if part["props"].get("value") == label)
        first = [each for each in self.config["dependencies"] if [button, "click"] in each["targets"]]
        said, waiting = [], first
        while waiting:
            call = waiting.pop(0)
            said.append(self._call(call, typed))
            if '"success":true' in said[-1].replace(" ", ""):
                waiting += [each for each in self.config["dependencies"] if each.get("trigger_after") == call["id"]]
        return said

    def _call(self, call: dict[str, Any], typed: dict[str, Any]) -> str:
        data = []
        for id in call["inputs"]:
            part = self.parts[id]
            value = part["props"].get("value")
            data.append(None if part["type"] == "state" else typed.get(str(part["props"].get("label")), value))
        body = {"data": data, "fn_index": call["id"], "session_hash": self.session, "trigger_id": None}
        joined = post(f"{self.url}/gradio_api/queue/join", body)
        if "event_id" not in joined:
            return json.dumps(joined)
        said = get(f"{self.url}/gradio_api/queue/data?session_hash={self.session}")
        self.heard += said
        return said
