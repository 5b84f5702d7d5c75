"""What goes wrong with the Hub, as sentences. Most of them are proved in test_hub, by a Hub that really answers so."""

import httpx2
import pytest
from huggingface_hub import errors

from shared.datasets.hub_errors import chain, nearest, sentence
from shared.errors import PlaygroundError

pytestmark = pytest.mark.hub
HUB = "https://hub.example"


def told(error: Exception, signed_in: bool = False) -> str:
    found = sentence(error, "a/b", "main", signed_in, HUB)
    assert isinstance(found, PlaygroundError)
    return str(found)


def answered(status: int, **headers: str) -> errors.HfHubHTTPError:
    response = httpx2.Response(status, headers=headers, request=httpx2.Request("GET", HUB))
    return errors.HfHubHTTPError("refused", response=response)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (answered(403, **{"X-Error-Message": "No."}), "refused 'a/b' (403: No.)"),
        (answered(418), "refused 'a/b' (418)"),
        (answered(404), "There is no dataset 'a/b'"),
        (answered(429), "Try again in a few minutes. With a token more is allowed"),
        (answered(500), "a problem of its own (500)"),
        (errors.OfflineModeIsEnabled("off"), "HF_HUB_OFFLINE"),
        (errors.HFValidationError("name"), "no name of a Hub dataset"),
        (httpx2.ReadTimeout("slow"), f"The Hub at {HUB} cannot be reached"),
        (ConnectionError("Server Disconnected"), "nothing was kept"),
    ],
)
def test_sentences(error, words):
    assert words in told(error)


def test_with_a_token_none_is_recommended():
    assert "token" not in told(answered(429, **{"Retry-After": "3"}), signed_in=True)


def test_what_an_error_came_from_decides():
    def wrapped() -> None:
        try:
            raise answered(429)
        except OSError as error:
            raise ValueError("no data") from error

    with pytest.raises(ValueError, match="no data") as caught:
        wrapped()
    assert "429" in told(caught.value)


def test_our_own_sentence_stays():
    assert told(PlaygroundError("as it is")) == "as it is"


def test_bugs_stay_bugs():
    assert sentence(ZeroDivisionError(), "a/b", "main", False, HUB) is None


def test_a_circle_of_causes_ends():
    first, second = ValueError("1"), ValueError("2")
    first.__cause__, second.__cause__ = second, first
    assert list(chain(first)) == [first, second]


def test_nearest():
    assert nearest("openai/gsm8") == "openai/gsm8k"
    assert nearest("someone-else/gsm8k") == "openai/gsm8k"
    assert nearest("openai/gsm8k") == ""
    assert nearest("nobody/数据") == ""
