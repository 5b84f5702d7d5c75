"""Look into a dataset, judge it, and take the clean part away."""

from shared.appcard import AppCard

CARD = AppCard(
    name="dataset_explorer",
    title="Dataset Explorer",
    path="/datasets",
    nav="Datasets",
    verb="Explore",
    sentence="What is in this dataset, how good and how diverse is it, may I use it, and give me the clean part.",
    endpoints={
        "load": "anyone",
        "page": "anyone",
        "query": "anyone",
        "export": "anyone",
        "search": "anyone",
        "profile": "anyone",
        "duplicates": "anyone",
        "contamination": "anyone",
        "add_benchmark": "owner",
        "licence": "anyone",
        "map": "anyone",
        "explain": "anyone",
        "compare": "anyone",
        "clean": "anyone",
        "mix": "anyone",
        "push": "owner",
    },
    order=10,
)
