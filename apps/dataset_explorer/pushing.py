"""A dataset to the Hub, with a card that says where it comes from and under which terms: the endpoint push."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from io import BytesIO
from typing import Any

from apps.dataset_explorer.ancestry import Step, ancestry, judge
from apps.dataset_explorer.datacard import datacard
from apps.dataset_explorer.keeping import keep
from apps.dataset_explorer.recipes import RECIPE
from shared.datasets.dataset import Dataset, open_dataset
from shared.datasets.files import size_text
from shared.errors import PlaygroundError
from shared.policy import OWNER, Caller
from shared.progress import Progress
from shared.suite import suite

CARD = "README.md"
DATA = "data/train-00000-of-00001.parquet"
OWN = (".gitattributes",)  # what the Hub itself puts into a new repository
NAME = re.compile(r"\w([\w.-]*\w)?/\w([\w.-]*\w)?", re.ASCII)  # and more, see huggingface_hub's validate_repo_id
LONGEST = 96
TOKENS = "Make one with write access at https://huggingface.co/settings/tokens"


@dataclass(frozen=True)
class Pushed:
    """A dataset on the Hub.

    Attributes:
        repo: Its id there.
        url: Its page.
        commit: The commit that holds it.
        private: Whether only its owner sees it.
        files: Names of the files that it consists of.
        bytes: Their size.
        unchanged: Whether all of it was there already, and nothing was sent.
        use: Whether it may be used commercially, as its card says: yes, conditions, caution, unknown or no.
        record: Id of the record.
    """

    repo: str
    url: str
    commit: str
    private: bool
    files: list[str]
    bytes: int
    unchanged: bool
    use: str
    record: str


@dataclass(frozen=True)
class _Held:
    """What a repository holds now; `commit` is "" when it does not exist."""

    commit: str
    private: bool
    digests: dict[str, str]


def push(
    dataset: str,
    repo: str,
    private: bool = True,
    message: str = "",
    acknowledge_licence: bool = False,
    replace: bool = False,
    caller: Caller = OWNER,
) -> Iterator[Progress | Pushed]:
    """Put a dataset on the Hugging Face Hub: its rows as Parquet, its recipe, and a card, in one commit.

    The card states lineage, what was removed, and what is known about the licence.

    Args:
        dataset: The ref that `load`, `clean` or `mix` returned.
        repo: Where to, such as "me/my-dataset"; made when it is not there.
        private: Only you see it. A repository that is there already keeps its own setting.
        message: What the commit says; empty says where the rows come from.
        acknowledge_licence: Push even though its licence does not allow commercial use or sharing; the card says so.
        replace: Replace what is in the repository already.
        caller: Whose token is used; no other ever is.

    Returns:
        Progress; at last where it is.

    Raises:
        PlaygroundError: There is no token, or no right to write there; the name cannot be used; something else is there
            already; the licence says no; the Hub cannot be reached.
    """
    if not caller.token:
        raise PlaygroundError(f"There is no Hub token to push with. {TOKENS} and put it into HF_TOKEN, or sign in.")
    _check_name(repo)
    opened = open_dataset(suite().store_of(caller), dataset)
    steps = ancestry(suite().store, opened)
    verdict = judge(suite().store, opened, suite().catalog.datasets())
    if verdict.use == "no" and not acknowledge_licence:
        raise PlaygroundError(
            f"'{opened.name}' may not be used commercially, or not be shared: {verdict.why[0]} Read its licence; to push it "
            "all the same, set acknowledge_licence."
        )
    yield Progress("Making the card")
    files = {CARD: datacard(opened, steps, verdict, repo).encode()}
    if any(step.recipe for step in steps):
        files[RECIPE] = _recipes(steps)
    yield Progress(f"Sending {size_text(opened.path.stat().st_size)} to {repo}")
    with _Words(repo):
        sent = _send(
            opened, files, repo, private, message or f"Add {opened.rows:,} rows of {opened.ref}", replace, caller
        )
    settings = {
        "dataset": opened.ref, "repo": repo, "private": private, "message": message,
        "acknowledge_licence": acknowledge_licence, "replace": replace,
    }  # fmt: skip
    size = opened.path.stat().st_size + sum(map(len, files.values()))
    artifacts = {"dataset": f"hub:{repo}@{sent.commit}"}
    record = keep("push", settings, {"rows": opened.rows, "bytes": size}, caller, {"dataset": opened.ref}, artifacts)
    url = f"{suite().environment.hub_endpoint}/datasets/{repo}"
    yield Pushed(repo, url, sent.commit, sent.private, [*files, DATA], size, sent.unchanged, verdict.use, record)


def _check_name(repo: str) -> None:
    if not NAME.fullmatch(repo) or len(repo) > LONGEST or "--" in repo or ".." in repo or repo.endswith(".git"):
        raise PlaygroundError(
            f"'{repo[:120]}' cannot be the name of a dataset. Write owner/name, such as me/my-dataset: letters, digits, '-', "
            "'_' and '.', at most 96 characters."
        )


def _recipes(steps: list[Step]) -> bytes:
    """Every recipe on the way, sources before what was made of them."""
    told = [{"ref": step.ref, "action": step.action, "sources": step.sources, "rows": step.rows} for step in steps]
    for entry, step in zip(told, steps, strict=True):
        entry["recipe"] = asdict(step.recipe) if step.recipe else None
    return json.dumps({"steps": told}, ensure_ascii=False, indent=1).encode()


@dataclass(frozen=True)
class _Sent:
    commit: str
    private: bool
    unchanged: bool


def _send(
    opened: Dataset, files: dict[str, bytes], repo: str, private: bool, message: str, replace: bool, caller: Caller
) -> _Sent:
    """Make the repository if need be, and commit everything at once on top of what was looked at."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    api = HfApi(endpoint=suite().environment.hub_endpoint, token=caller.token)
    _check_rights(api, repo)
    held = _look(api, repo)
    with opened.path.open("rb") as data:
        digests = {DATA: hashlib.file_digest(data, "sha256").hexdigest()}
    digests |= {name: _git_digest(content) for name, content in files.items()}
    if held and {name: each for name, each in held.digests.items() if name not in OWN} == digests:
        return _Sent(held.commit, held.private, unchanged=True)
    if held:
        _check_room(held, repo, private, replace)
    else:
        api.create_repo(repo, repo_type="dataset", private=private)
        held = _look(api, repo)
    assert held is not None
    operations: list[Any] = [CommitOperationAdd(name, BytesIO(content)) for name, content in files.items()]
    operations.append(CommitOperationAdd(DATA, opened.path))
    operations += [CommitOperationDelete(name) for name in held.digests if name not in {*digests, *OWN}]
    made = api.create_commit(repo, operations, commit_message=message, repo_type="dataset", parent_commit=held.commit)
    return _Sent(made.oid, held.private, unchanged=False)


def _check_rights(api: Any, repo: str) -> None:
    owner = repo.partition("/")[0]
    about = api.whoami()
    names = [about["name"], *(each["name"] for each in about.get("orgs", []))]
    if owner.lower() not in [name.lower() for name in names]:
        raise PlaygroundError(f"'{about['name']}' may not write to '{owner}'. Names to write to: {', '.join(names)}.")


def _look(api: Any, repo: str) -> _Held | None:
    """What the repository holds; None when there is none."""
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        info = api.dataset_info(repo, files_metadata=True)
    except RepositoryNotFoundError:
        return None
    digests = {each.rfilename: each.lfs.sha256 if each.lfs else each.blob_id for each in info.siblings or []}
    return _Held(str(info.sha), bool(info.private), digests)


def _check_room(held: _Held, repo: str, private: bool, replace: bool) -> None:
    """Refuse to mix with what is there, and to publish what was meant to be private."""
    if private and not held.private:
        raise PlaygroundError(f"'{repo}' is there already and public. Choose another name, or set private to false.")
    others = [name for name in held.digests if name not in OWN]
    if others and not replace:
        shown = ", ".join(others[:5]) + (f" and {len(others) - 5:,} more" if len(others) > 5 else "")
        raise PlaygroundError(
            f"'{repo}' is there already and holds something else: {shown}. Choose another name, or set replace to put this in "
            "its place; its history keeps the old files."
        )


def _git_digest(content: bytes) -> str:
    """What git calls a file of this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


class _Words:
    """Turns errors of the Hub and of the network into sentences."""

    def __init__(self, repo: str) -> None:
        self._repo = repo

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        import httpx2
        from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

        cause = error
        while isinstance(cause, RuntimeError) and cause.__cause__:  # what happened while a file was on its way
            cause = cause.__cause__
        if isinstance(cause, HfHubHTTPError):
            raise PlaygroundError(_said(cause.response.status_code, self._repo)) from error
        if isinstance(cause, httpx2.TransportError | OfflineModeIsEnabled | ConnectionError):
            hub = suite().environment.hub_endpoint
            raise PlaygroundError(f"{hub} cannot be reached. Nothing was pushed; try again when it can.") from error


def _said(status: int, repo: str) -> str:
    if status == 401:
        return f"The Hub does not know this token: it may have expired. {TOKENS} and put it into HF_TOKEN, or sign in again."
    if status == 403:
        return f"This token may not write to '{repo}'. {TOKENS} and put it into HF_TOKEN, or choose another owner."
    if status in (409, 412):
        return f"Somebody changed '{repo}' at the same time. Nothing was pushed; try again."
    if status == 413:
        return f"The dataset is too large for '{repo}': the account has no room left. Nothing was pushed."
    later = "It is busy" if status == 429 else "It has trouble" if status >= 500 else "It refused"
    return f"The Hub answered with status {status}. {later}; nothing was pushed to '{repo}'. Try again later."
