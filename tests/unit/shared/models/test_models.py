"""All models in one place: refs to backends, answers and scores, and what happens when many ask at once."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from shared import env
from shared.catalog import Catalog
from shared.env import Environment
from shared.errors import NotAllowed, PlaygroundError
from shared.hardware import Machine
from shared.models.models import Models
from shared.models.protocol import Decoding, Delta, Failure, Finish, Message, Request, Start, Timeouts
from shared.models.scripted import Scripted
from shared.policy import Caller
from shared.refs import parse
from shared.store import Store
from shared.suite import Suite
from tests.unit.shared.models.toys import WORDS, Loader, make_adapter, make_embedded

ASKED = Request(text="x")
VISITOR = Caller("v", owner=False)


class Made:
    """Models on toys."""

    def __init__(self, workspace: Path, gib: float = 1.0, **loader: Any) -> None:
        self.loader = Loader(**loader)
        self.store = Store(workspace / "home")
        environment = Environment(
            home=workspace / "home", model_gib=gib, servers="mine=openai@http://127.0.0.1:9/v1#big"
        )
        self.models = Models(
            environment,
            Catalog(env.ROOT / "manifests"),
            self.store,
            embedded=make_embedded(workspace / "w"),
            cache=workspace / "cache",
            load=self.loader,
        )


@pytest.fixture
def made(workspace: Path) -> Iterator[Made]:
    found = Made(workspace)
    yield found
    found.models.close()
    found.store.close()


def test_an_answer_a_stream_and_scores(made: Made) -> None:
    models = made.models
    answer = models.answer("builtin:mini", ASKED)
    assert (answer.text, answer.reason) == ("four words", "stop")
    events = [event for some in models.stream("builtin:mini", ASKED) for event in some]
    assert events == list(WORDS)
    (scored,) = models.score("builtin:mini", ["a b"], ["c"])
    assert [token.text for token in scored.tokens][-1] == " b"
    assert models.score("builtin:mini", []) == []
    with pytest.raises(PlaygroundError, match="1 texts came with 2 contexts"):
        models.score("builtin:mini", ["a"], ["b", "c"])
    assert len(made.loader.made) == 1


def test_an_adapter_shares_its_base(made: Made) -> None:
    assert made.models.backend("builtin:mini+builtin:json").ref == "builtin:mini+builtin:json"
    made.models.answer("builtin:mini", ASKED)
    (toy,) = made.loader.made
    assert set(toy.views) == {"builtin:mini", "builtin:mini+builtin:json"}


def test_an_adapter_of_another_base_is_refused_when_it_is_asked_for(made: Made, workspace: Path) -> None:
    other = made.store.put("adapters", "other", make_adapter(workspace / "a", "owner/name"))
    with pytest.raises(PlaygroundError, match="adapter is of another base"):
        made.models.backend(f"builtin:mini+{other.ref}")
    assert made.models.loaded()[0].answering == 0


def test_pinned_refs_name_the_same_model(made: Made) -> None:
    pinned = made.models.pinned("builtin:mini+builtin:json")
    assert pinned.count("@") == 2
    made.models.backend("builtin:mini")
    made.models.backend(pinned)
    assert len(made.loader.made) == 1
    assert made.models.pinned("openai:mine/big") == "openai:mine/big"


@pytest.mark.parametrize(
    ("ref", "said"),
    [
        ("mini", "is not a ref.*Did you mean builtin:mini?"),
        ("Qwen/Qwen3-0.6B", "is not a ref.*Did you mean hub:Qwen/Qwen3-0.6B?"),
        ("big", "Did you mean openai:mine/big?"),
        ("builtin:mimi", "Did you mean builtin:mini"),
        ("openai:mine", "Write openai:alias/model. Did you mean openai:mine/big?"),
        ("openai:mime/big", "there is no server 'mime'. Did you mean mine?"),
        ("", "is not a ref"),
        ("x" * 300, "is not a ref"),
        ("hub:Qwen/Qwen3-0.6B", "is not on this disk.*make download"),
        ("builtin:micro+builtin:json", "was made for builtin:mini"),
    ],
)
def test_unknown_refs(made: Made, ref: str, said: str) -> None:
    import re

    for ask in (
        lambda: made.models.backend(ref),
        lambda: made.models.stream(ref, ASKED),  # at once, not when it is iterated
        lambda: made.models.answer(ref, ASKED),
        lambda: made.models.score(ref, ["x"]),
    ):
        with pytest.raises(PlaygroundError, match="(?s)" + re.escape(said).replace(r"\.\*", ".*")):
            ask()
    assert made.loader.made == []


def test_failures_are_errors_in_words(workspace: Path) -> None:
    made = Made(workspace, script=[Start("toy"), Failure("overloaded", "too many", retry_after=3)])
    with pytest.raises(PlaygroundError, match=r"too many Try again in 3 s\."):
        made.models.answer("builtin:mini", ASKED)
    made.models.close()
    made.store.close()


def test_stopping_a_stream_stops_the_model(workspace: Path) -> None:
    endless = [Start("toy"), *((0.01, Delta(str(number))) for number in range(10_000)), Finish("stop")]
    made = Made(workspace, script=endless)
    stream = made.models.stream("builtin:mini", ASKED, Timeouts())
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    made.models.close()
    (view,) = made.loader.made[0].views.values()
    assert (view.running, view.stopped) == (0, 1)
    made.store.close()


def test_many_threads_and_models_within_a_small_budget(workspace: Path) -> None:
    made = Made(workspace, gib=1600 / 2**30)  # one model by its estimate, two by what toys take
    with ThreadPoolExecutor(8) as pool:
        refs = ["builtin:mini", "builtin:micro", "builtin:mini+builtin:json"] * 20
        texts = list(pool.map(lambda ref: made.models.answer(ref, ASKED).text, refs))
    assert texts == ["four words"] * 60
    assert sum(not toy.closed for toy in made.loader.made) * 784 <= 1600
    assert all(each.answering == 0 for each in made.models.loaded())
    made.models.close()
    assert all(toy.closed for toy in made.loader.made)
    made.store.close()


def test_quantise_and_draft(made: Made) -> None:
    made.models.answer("builtin:mini", ASKED, quantise="int8")
    made.models.backend("builtin:mini", draft="builtin:micro")
    assert [(toy.quantise, toy.draft is not None) for toy in made.loader.made] == [
        ("int8", False),
        ("", False),
        ("", True),
    ]
    for draft in ("openai:mine/big", "builtin:mini+builtin:json"):
        with pytest.raises(PlaygroundError, match="cannot guess ahead"):
            made.models.backend("builtin:mini", draft=draft)
    with pytest.raises(PlaygroundError, match="runs on a server"):
        made.models.backend("openai:mine/big", quantise="nf4")
    with pytest.raises(NotAllowed):
        made.models.backend("builtin:mini", VISITOR, draft="hub:a/b")


def test_visitors_use_what_is_listed(made: Made) -> None:
    assert made.models.answer("builtin:mini", ASKED, caller=VISITOR).text == "four words"
    with pytest.raises(NotAllowed, match="may only be used by the owner"):
        made.models.backend("openai:mine/big", VISITOR)
    assert any(row.ref == "openai:mine/big" for row in made.models.rows())
    assert not any(row.ref == "openai:mine/big" for row in made.models.rows(VISITOR))


def test_a_model_that_is_answering_is_ready_for_others(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Made(workspace)
    monkeypatch.setattr(made.models.residents, "_look", lambda folder: Machine(2, "", 8.0, 0.1, (), 9.0))
    assert not next(row for row in made.models.rows() if row.ref == "builtin:mini").usable
    lease = made.models.residents.lend(made.models.places.find(parse("builtin:mini"))).lease()
    assert made.models.loaded()[0].answering == 1
    row = next(row for row in made.models.rows() if row.ref == "builtin:mini")
    assert (row.fits, row.usable, row.why) == (True, True, "")
    lease.release()
    made.models.close()
    made.store.close()


def test_rows_load_nothing_and_know_what_is_loaded(made: Made) -> None:
    found = {row.ref: row for row in made.models.rows()}
    assert found["builtin:mini"].usable
    assert made.loader.made == []
    assert made.models.loaded() == []
    made.models.backend("builtin:mini")
    assert made.models.loaded()[0].key == made.models.pinned("builtin:mini")
    assert {row.ref for row in made.models.rows(quantise="nf4")} == set(found)


def test_a_backend_of_ones_own(made: Made) -> None:
    own = Scripted("scripted:x", WORDS)
    made.models.add(own)
    assert made.models.answer(" scripted:x ", ASKED, caller=VISITOR).text == "four words"
    assert made.models.pinned("scripted:x") == "scripted:x"
    backend = made.models.backend("scripted:x")
    asyncio.run(backend.close())
    assert not own.closed
    made.models.close()
    assert own.closed


def test_a_served_model_is_asked_at_its_address(made: Made) -> None:
    # nobody listens on port 9: the words name the alias, and nothing else was contacted
    with pytest.raises(PlaygroundError, match=r"openai:mine/big|127\.0\.0\.1"):
        made.models.answer("openai:mine/big", Request(messages=(Message("user", "x"),)))
    made.models.close()


def test_after_closing_nothing_is_loaded_again(made: Made) -> None:
    made.models.backend("builtin:mini")
    made.models.close()
    made.models.close()
    assert made.loader.made[0].closed
    with pytest.raises(PlaygroundError, match="were closed"):
        made.models.backend("builtin:micro")
    with pytest.raises(PlaygroundError, match="were closed"):
        made.models.answer("openai:mine/big", ASKED)


def test_a_backend_that_cannot_be_closed_keeps_nothing_else_open(made: Made) -> None:
    class Stuck(Scripted):
        async def close(self) -> None:
            raise ZeroDivisionError("a bug")

    made.models.add(Stuck("scripted:stuck"))
    made.models.backend("builtin:mini")
    with pytest.raises(ZeroDivisionError):
        made.models.close()
    assert made.loader.made[0].closed
    with pytest.raises(PlaygroundError, match="were closed"):
        made.models.answer("openai:mine/big", ASKED)


def test_the_suite_has_models_and_closes_them(house: Suite) -> None:
    models = house.models
    assert house.models is models
    models.add(Scripted("scripted:x", WORDS))
    assert models.answer("scripted:x", ASKED).text == "four words"
    house.close()
    assert house.models is not models


@pytest.mark.slow
def test_the_real_model_that_ships(house: Suite) -> None:
    request = Request((Message("user", "Count from 2 to 5."),), Decoding(max_new_tokens=16, temperature=0))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: house.models.answer("builtin:micro", request), range(8)))
    assert len({answer.text for answer in answers}) == 1
    assert answers[0].usage is not None
    assert "Count from 2 to 5." in answers[0].prompt
    (loaded,) = house.models.loaded()
    row = next(row for row in house.models.rows() if row.ref == "builtin:micro")
    assert loaded.gib == pytest.approx(row.parameters * 4 / 2**30, rel=0.02)  # float32 on a processor
    drafted = house.models.backend("builtin:micro", draft="builtin:micro")
    assert drafted.ref == "builtin:micro"
    (scored,) = house.models.score("builtin:micro", ["hello world"])
    assert "".join(token.text for token in scored.tokens) == "hello world"


def test_a_visitor_is_offered_no_names_of_the_owners(made: Made, workspace: Path) -> None:
    (workspace / "m").mkdir()
    (workspace / "m" / "config.json").write_text("{}")
    ref = made.store.put("models", "secret-plan", workspace / "m").ref
    for asked in ("secret-plan", "local:secret-plan", "local:secret-pla", ref.replace("local:", "lokal:"), "big"):
        with pytest.raises(PlaygroundError) as told:
            made.models.backend(asked, VISITOR)
        assert ref not in str(told.value)
        assert "openai:mine" not in str(told.value)
        with pytest.raises(PlaygroundError) as told:
            made.models.backend("builtin:mini", VISITOR, draft=asked)
        assert ref not in str(told.value)
    with pytest.raises(PlaygroundError, match="Did you mean local:secret-plan"):
        made.models.backend("local:secret-plan")
    with pytest.raises(PlaygroundError, match="Did you mean builtin:mini"):
        made.models.backend("mini", VISITOR)
