"""Files that come in from a browser or a client, and files that go out to one.

A path that a caller types is never opened: an `Upload` is a file that Gradio itself received into the upload folder,
and a plain string names a file only below the folders in `PLAYGROUND_DATA`.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from shared.env import Environment
from shared.errors import PlaygroundError
from shared.suite import suite

FILE_DATA = "gradio.FileData"
NESTED = 64  # levels of JSON that a page or client may send
SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "FileData",
    "properties": {
        "path": {"type": "string"},
        "meta": {"type": "object", "properties": {"_type": {"const": FILE_DATA}}},
    },
    "required": ["path", "meta"],
}


@dataclass(frozen=True)
class Upload:
    """A file that somebody uploaded. In the API it is a Gradio file: `gradio_client.handle_file(path)`.

    Attributes:
        path: Where the file lies, inside the upload folder.
        name: What the person called it; for display alone.
    """

    path: Path
    name: str

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(accept)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return SCHEMA


@dataclass(frozen=True)
class Download:
    """A file that a function hands out; a page offers it to save, a client finds it on its own disk.

    Attributes:
        path: A file inside the upload folder, the only place that is served.
    """

    path: Path

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.is_instance_schema(cls)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return SCHEMA


def accept(value: Any) -> Upload:
    """Take what a page or a client sent for an upload.

    Args:
        value: An Upload, or a Gradio file: a dict with `path` and `meta`.

    Raises:
        PlaygroundError: The value is not an uploaded file.
    """
    if isinstance(value, Upload):
        return inside(value.path, value.name)
    if value is None:
        raise PlaygroundError(
            "There is no file yet: upload one on the page, or send it with gradio_client.handle_file(path)."
        )
    if not _is_file(value):
        shown = value if isinstance(value, str) else type(value).__name__
        raise PlaygroundError(
            f"'{str(shown)[:80]}' is not an uploaded file. Upload it on the page, or send it with gradio_client.handle_file(path)."
        )
    name = value.get("orig_name")
    return inside(Path(value["path"]), name if isinstance(name, str) and name else Path(value["path"]).name)


def inside(path: Path, name: str = "") -> Upload:
    """An upload at `path`, when that really is a file in the upload folder; links are followed first.

    Raises:
        PlaygroundError: It lies elsewhere or is gone.
    """
    folder = suite().environment.uploads.resolve()
    real = path.resolve()
    if not real.is_relative_to(folder) or not real.is_file():
        raise PlaygroundError(
            f"'{Path(name or path.name).name[:80]}' was not uploaded here, or the upload has expired. Upload the file again."
        )
    return Upload(real, Path(name or real.name).name)


def local_file(text: str, environment: Environment) -> Path | None:
    """The file that a typed path names, when the owner allowed its folder; None when the text is no path at all.

    Args:
        text: What a person typed as a source.
        environment: Says which folders are open: `PLAYGROUND_DATA`.

    Raises:
        PlaygroundError: It is a path, but not one that may be opened.
    """
    if not looks_like_path(text):
        return None
    roots = () if environment.public else environment.data
    real = Path(text).expanduser().resolve()
    if not any(real.is_relative_to(root) for root in roots):
        allowed = ", ".join(str(root) for root in roots) or "none"
        raise PlaygroundError(
            f"The path '{text[:200]}' is outside the folders that may be opened ({allowed}). "
            "Upload the file, or start the server with its folder in PLAYGROUND_DATA."
        )
    if not real.is_file():
        raise PlaygroundError(f"There is no file '{text[:200]}'. Check the name.")
    return real


def looks_like_path(text: str) -> bool:
    """Whether a typed source is meant as a file: it starts as one, or has a backslash or a file URL in it."""
    return text.startswith(("/", "./", "../", "~", "file:")) or "\\" in text or ".." in text.split("/")


def defuse(value: Any) -> Any:
    """JSON in which only our own Downloads are files.

    A struct in somebody's dataset may look like a Gradio file, `{"path": ..., "meta": {"_type": "gradio.FileData"}}`;
    Gradio would copy that path into its public cache, and gradio_client 2.7 fails on any `path` beside a `meta` that is
    no object. Such a struct becomes its JSON text.
    """
    if isinstance(value, Download):
        return {"path": str(value.path), "orig_name": value.path.name, "meta": {"_type": FILE_DATA}}
    if isinstance(value, dict):
        safe = {str(key): defuse(item) for key, item in value.items()}
        return json.dumps(safe, ensure_ascii=False) if isinstance(safe.get("path"), str) and "meta" in safe else safe
    if isinstance(value, list | tuple):
        return [defuse(item) for item in value]
    return value


def files_in(value: Any) -> list[Any]:
    """Every Gradio file that JSON holds.

    Raises:
        PlaygroundError: It is nested too deeply for what comes after: Gradio walks through it level by level.
    """
    found, level = [], [value]
    for _ in range(NESTED):
        found += [part for part in level if _is_file(part)]
        level = [inner for part in level for inner in _inside(part)]
        if not level:
            return found
    raise PlaygroundError(f"A value that was sent is nested more than {NESTED} levels deep. Send it flatter.")


def _is_file(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("path"), str):
        return False
    meta = value.get("meta")
    return isinstance(meta, dict) and meta.get("_type") == FILE_DATA


def _inside(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
