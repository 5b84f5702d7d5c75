"""What goes wrong with the Hub, as sentences: what happened, with the name, and what to do."""

import difflib
from collections.abc import Iterator

from shared.errors import PlaygroundError

TOKEN = "put a token into HF_TOKEN, or sign in where the page offers it"


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from: the libraries wrap one error into another."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or each.__context__


def sentence(
    error: BaseException, dataset: str, revision: str, signed_in: bool, endpoint: str
) -> PlaygroundError | None:
    """The sentence for an error of huggingface_hub, of `datasets`, or of the network; None when it is none of these.

    Args:
        error: What was raised.
        dataset: Name of the dataset.
        revision: The revision that was asked for.
        signed_in: Whether a token was sent.
        endpoint: The Hub's address.
    """
    import httpx2
    from huggingface_hub import errors

    found = list(chain(error))

    def first(*kinds: type[BaseException]) -> BaseException | None:
        return next((each for each in found if isinstance(each, kinds)), None)

    if ours := first(PlaygroundError):
        return ours  # type: ignore[return-value]
    if first(errors.GatedRepoError):
        return _gated(dataset, signed_in, endpoint)
    if first(errors.RevisionNotFoundError):
        where = f"{endpoint}/datasets/{dataset}/commits"
        return PlaygroundError(
            f"'{dataset}' has no revision '{revision}'. Its branches, tags and commits are at {where}."
        )
    if isinstance(answered := first(errors.HfHubHTTPError), errors.HfHubHTTPError):
        return _refused(answered, dataset, signed_in, endpoint)
    if first(errors.HFValidationError):
        return PlaygroundError(f"'{dataset}' is no name of a Hub dataset. Write it as owner/name.")
    if first(errors.OfflineModeIsEnabled):
        return PlaygroundError(
            f"'{dataset}' cannot be read: HF_HUB_OFFLINE forbids the Hub. Unset it, or upload a file."
        )
    if first(httpx2.TransportError, ConnectionError, TimeoutError):
        return PlaygroundError(
            f"The Hub at {endpoint} cannot be reached, or broke off while '{dataset}' was read; nothing was kept."
            " Check the network and load it again, or upload a file."
        )
    return None


def _gated(dataset: str, signed_in: bool, endpoint: str) -> PlaygroundError:
    page = f"{endpoint}/datasets/{dataset}"
    if signed_in:
        return PlaygroundError(
            f"'{dataset}' is gated, and this token's account has no access yet. Ask for it at {page}; when it is granted,"
            " load the dataset again."
        )
    return PlaygroundError(
        f"'{dataset}' is gated. Ask for access at {page}, then come with that account's token: {TOKEN}."
    )


def _refused(error: "object", dataset: str, signed_in: bool, endpoint: str) -> PlaygroundError:
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", 0)
    told = str(getattr(response, "headers", {}).get("X-Error-Message", ""))
    if status == 429:
        wait = str(getattr(response, "headers", {}).get("Retry-After", ""))
        after = f"in {wait} seconds" if wait.isdigit() else "in a few minutes"
        more = "" if signed_in else f" With a token more is allowed: {TOKEN}."
        return PlaygroundError(
            f"The Hub wants fewer requests (429) while '{dataset}' is read. Try again {after}.{more}"
        )
    if status == 401 and "Invalid credentials" in told:
        return PlaygroundError("The Hub does not know this token. Make a new one at its settings page (Access Tokens).")
    if status in (401, 404):
        return _missing(dataset, signed_in, endpoint)
    if status >= 500:
        return PlaygroundError(
            f"The Hub has a problem of its own ({status}) and could not give '{dataset}'. Try again later."
        )
    return PlaygroundError(
        f"The Hub refused '{dataset}' ({status}{': ' + told[:200] if told else ''}). See {endpoint}."
    )


def _missing(dataset: str, signed_in: bool, endpoint: str) -> PlaygroundError:
    near = nearest(dataset)
    hint = f" Did you mean '{near}'?" if near else ""
    if signed_in:
        return PlaygroundError(f"There is no dataset '{dataset}' on the Hub, or this token may not see it.{hint}")
    return PlaygroundError(
        f"There is no dataset '{dataset}' on the Hub, or it is private.{hint} If it is private, {TOKEN}."
    )


def nearest(dataset: str) -> str:
    """The dataset of the catalog whose name is close to this one; "" when none is."""
    from shared import env
    from shared.catalog import Catalog

    known = {each.id.lower(): each.id for each in Catalog(env.ROOT / "manifests").datasets() if each.place == "hub"}
    asked = dataset.lower()
    by_name = [id for id in known if id.split("/")[-1] == asked.split("/")[-1]]
    close = by_name or difflib.get_close_matches(asked, known, n=1, cutoff=0.75)
    return known[close[0]] if close and close[0] != asked else ""
