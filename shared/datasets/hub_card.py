"""What the card of a Hub dataset says: its licence, its languages, its configurations, and which files belong to them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from shared.errors import PlaygroundError


def as_list(value: Any) -> list[str]:
    """The card's "one or many" as a list of texts."""
    many = value if isinstance(value, (list, tuple)) else [value]
    return [str(each).strip() for each in many if each not in (None, "")]


def licence(card: Mapping[str, Any]) -> str:
    """The licence as the card names it; several are joined by commas; "" when it names none."""
    names = as_list(card.get("license"))
    if names == ["other"]:
        given = as_list(card.get("license_name")) or as_list(card.get("license_link"))
        names = [f"other: {', '.join(given)}"] if given else names
    return ", ".join(names)


def notes(card: Mapping[str, Any], features: Mapping[str, Any] | None) -> list[str]:
    """What a person should know: the languages, and what the numbers of a column of classes stand for."""
    found = []
    if languages := as_list(card.get("language")):
        found.append(f"Languages, as its card says: {', '.join(languages[:50])}.")
    for column, feature in (features or {}).items():
        names = getattr(feature, "names", None)
        if isinstance(names, list) and names:
            classes = ", ".join(f"{place} = {name}" for place, name in enumerate(names[:30]))
            found.append(f"Column '{column}' holds classes: {classes}{' ...' if len(names) > 30 else ''}.")
    return found


def configurations(card: Mapping[str, Any]) -> list[str]:
    """Names of the configurations that the card lists."""
    entries = card.get("configs")
    return [str(each["config_name"]) for each in _dicts(entries) if each.get("config_name")]


def has_default(card: Mapping[str, Any]) -> bool:
    """Whether one of the configurations is taken when none is named."""
    entries = list(_dicts(card.get("configs")))
    return len(entries) < 2 or any(each.get("default") or each.get("config_name") == "default" for each in entries)


def check_files(card: Mapping[str, Any], dataset: str) -> None:
    """Refuse a card that names files outside of its repository.

    `datasets` would follow it: to another address, to another repository, even to this machine's own files.

    Raises:
        PlaygroundError: The first such name.
    """
    for entry in _dicts(card.get("configs")):
        for pattern in _texts([entry.get("data_files"), entry.get("data_dir")]):
            parts = pattern.replace("\\", "/").split("/")
            if ":" in pattern or pattern.startswith(("/", "\\", "~")) or ".." in parts:
                raise PlaygroundError(
                    f"The card of '{dataset}' names files outside of its repository ('{pattern[:200]}'). They are not read:"
                    " load the dataset that they belong to, or upload them."
                )


def _dicts(entries: Any) -> Iterator[Mapping[str, Any]]:
    many: Iterable[Any] = entries if isinstance(entries, (list, tuple)) else [entries]
    return (each for each in many if isinstance(each, Mapping))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _texts(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _texts(each)
