"""The environment, read in one place. `.env` beside the launcher is read first; real variables win."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv import dotenv_values

from shared.errors import PlaygroundError

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Environment:
    """Every setting that comes from outside; `.env.example` lists the variables with their defaults.

    Attributes:
        home: PLAYGROUND_HOME. The workspace: artifacts, rows, runs, indexes, cache; always a local disk.
        data: PLAYGROUND_DATA. Folders, separated by colons, whose files may be opened by path; none by default.
        remote: PLAYGROUND_REMOTE. Where rows are copied to: `folder:PATH`; empty sends nothing anywhere.
        secret: PLAYGROUND_SECRET. Key of the hash that turns visitors into ids; empty makes a new one at each start.
        host: GRADIO_SERVER_NAME. Address to listen on.
        port: GRADIO_SERVER_PORT. Port to listen on.
        hub_token: HF_TOKEN. Key for the Hugging Face Hub; sent to `hub_endpoint` alone.
        hub_endpoint: HF_ENDPOINT. The Hub's address.
        run_code: PLAYGROUND_RUN_CODE. 1 lets benchmarks run programs that a model wrote, confined; never on a Space.
        space: SPACE_ID. `owner/name` of the Space this runs as; empty on a person's own machine.
        space_owner: SPACE_AUTHOR_NAME. The Space's owner.
        servers: PLAYGROUND_SERVERS. Servers with models beside those of manifests/servers.toml, separated by blanks:
            `alias=openai@http://host:port/v1` or `alias=tgi@http://host:port`.
        server_keys: PLAYGROUND_SERVER_KEYS. Their keys, separated by blanks: `alias=key`; each goes to that server alone.
        model_gib: PLAYGROUND_MODEL_GIB. Memory that loaded models may take together, in GiB; 0 takes a share of the
            machine's.
    """

    home: Path
    data: tuple[Path, ...] = ()
    remote: str = ""
    secret: str = field(default="", repr=False)
    host: str = "127.0.0.1"
    port: int = 7860
    hub_token: str = field(default="", repr=False)
    hub_endpoint: str = "https://huggingface.co"
    run_code: bool = False
    space: str = ""
    space_owner: str = ""
    servers: str = ""
    server_keys: str = field(default="", repr=False)
    model_gib: float = 0.0

    @property
    def uploads(self) -> Path:
        """Where Gradio keeps uploaded files and the files it hands out."""
        return self.home / "cache" / "uploads"

    @property
    def public(self) -> bool:
        """Whether strangers can reach this server: true on a Space."""
        return bool(self.space)


def read(variables: Mapping[str, str] | None = None) -> Environment:
    """The environment as it is now.

    Args:
        variables: Instead of `.env` and the process's own variables.

    Raises:
        PlaygroundError: A variable has a value that cannot be used.
    """
    if variables is None:
        variables = {k: v for k, v in dotenv_values(ROOT / ".env").items() if v is not None} | dict(os.environ)
    port = variables.get("GRADIO_SERVER_PORT") or "7860"
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise PlaygroundError(f"GRADIO_SERVER_PORT is '{port}'. Give a port between 1 and 65535.")
    space = variables.get("SPACE_ID", "")
    return Environment(
        home=Path(variables.get("PLAYGROUND_HOME") or ROOT / "workspace").expanduser().absolute(),
        data=tuple(Path(p).expanduser().resolve() for p in variables.get("PLAYGROUND_DATA", "").split(":") if p),
        remote=variables.get("PLAYGROUND_REMOTE", ""),
        secret=variables.get("PLAYGROUND_SECRET", ""),
        host=variables.get("GRADIO_SERVER_NAME") or ("0.0.0.0" if space else "127.0.0.1"),
        port=int(port),
        hub_token=variables.get("HF_TOKEN", ""),
        hub_endpoint=(variables.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/"),
        run_code=variables.get("PLAYGROUND_RUN_CODE") == "1",
        space=space,
        space_owner=variables.get("SPACE_AUTHOR_NAME") or space.split("/")[0],
        servers=variables.get("PLAYGROUND_SERVERS", ""),
        server_keys=variables.get("PLAYGROUND_SERVER_KEYS", ""),
        model_gib=_gib("PLAYGROUND_MODEL_GIB", variables.get("PLAYGROUND_MODEL_GIB", "")),
    )


def _gib(name: str, text: str) -> float:
    """An amount of memory in GiB; 0 when none is given."""
    try:
        number = float(text or 0)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise PlaygroundError(f"{name} is '{text}'. Give a number of GiB, such as 8, or leave it empty.")
    return number


def apply(environment: Environment) -> None:
    """Tell libraries that read the process's variables themselves: no telemetry, uploads inside the workspace."""
    environment.uploads.mkdir(parents=True, exist_ok=True)
    os.environ.update(
        GRADIO_ANALYTICS_ENABLED="False",
        GRADIO_TEMP_DIR=str(environment.uploads),
        HF_HUB_DISABLE_TELEMETRY="1",
        HF_UPDATE_DOWNLOAD_COUNTS="0",  # datasets 5.2 would tell a counter the name of every dataset
        HF_ENDPOINT=environment.hub_endpoint,
    )
    if environment.hub_token:
        os.environ["HF_TOKEN"] = environment.hub_token
