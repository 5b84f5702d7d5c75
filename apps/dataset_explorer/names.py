"""What a dataset is known by outside the workspace."""


def known_as(source: str, name: str) -> str:
    """The name by which a dataset may be known: its Hub id when it has one, else what its file is called.

    Args:
        source: Where it came from, as a ref.
        name: What it is called here.
    """
    if source.startswith("hub:"):
        return source.removeprefix("hub:").split("@")[0].split("#")[0]
    return name.split(".")[0]
