"""The home page: what the suite does, what this machine can run, and every experiment so far."""

from shared.appcard import AppCard

CARD = AppCard(
    name="portal",
    title="LLM Playground",
    path="/",
    nav="Home",
    verb="Start",
    sentence="Look at data, ground answers, tune models, judge them, open them up.",
    endpoints={
        "records": "owner",
        "record": "owner",
        "compare_records": "owner",
        "replay": "owner",
        "export_records": "owner",
        "hardware": "anyone",
        "catalog": "anyone",
    },
    order=0,
)
