"""Battles: who meets whom on which prompt, what they answered, and how far it has come; kept as rows that are only ever added.

Rows tell what happened: asked, answering, answered, stopped, said, reacted. A Battle is what they add up to, so it survives a restart,
and who stands on which side never leaves the server before the vote. Until then its rows are of a kind that no sync sends anywhere,
and they are deleted when nobody votes; the vote copies them, in the commit that makes it durable, to the kind that stays.
"""

import re
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal
from uuid import uuid4

from apps.model_arena.ballot import KIND as VOTES
from apps.model_arena.ballot import SIDES
from apps.model_arena.manifest import manifest
from shared.errors import NotAllowed, PlaygroundError
from shared.models.protocol import Decoding
from shared.policy import Caller
from shared.rows import COLUMNS, Row, Values, insert, row_of, values_of
from shared.store import Store

KIND = "private.battles"  # until the vote: sync leaves out what begins with "private."
VOTED = "battles"
SWEPT = 200  # whenever a battle begins, at the most so many are deleted, and so many rows of newer ones passed over
PROCESS = uuid4().hex  # answers of a process that is gone will never end
LEASE = timedelta(minutes=15)  # longer than any answer may take

Mode = Literal["blind", "named", "decoding"]
State = Literal["asked", "answering", "stopped", "failed", "answered", "voted"]
Step = Callable[["Battle"], tuple[str, dict[str, Any], str]]
_ID = re.compile(r"[0-9a-f]{32}")
_OF_BATTLE = "kind = ? AND key >= ? AND key < ?"
_PUBLISH = (
    "INSERT INTO rows (id, kind, key, time, origin, body)"
    f" SELECT lower(hex(randomblob(16))), '{VOTED}', key, time, '', body FROM rows WHERE {_OF_BATTLE} ORDER BY seq"
)


@dataclass(frozen=True)
class Turn:
    """One prompt and what all sides answered to it.

    Attributes:
        prompt: What was asked.
        answering: Number of the attempt that is being answered; 0 when none is.
        since: When that began, UTC.
        process: Which server process began it.
        attempts: How often it was answered, stopped or begun.
        stopped: Whether the last attempt was stopped before its end.
        texts: What each side wrote, whole, by side; empty before the first answer.
        shown: What a voter saw of it: names, reasoning and tags hidden.
        failures: Why a side has no answer, in the model's words, by side.
        named: Sides whose model said a name.
        reasons: Why each answer ended.
        timings: What each answer took: seconds, first_seconds, tokens, prompt_tokens, tokens_per_second, by side.
        settings: How each side's answer was drawn.
        reactions: By side, what the person thought of that answer.
        reacted: How often they said what they think of an answer of this turn.
        time: When it was answered, UTC; "" before.
    """

    prompt: str
    answering: int = 0
    since: str = ""
    process: str = ""
    attempts: int = 0
    stopped: bool = False
    texts: dict[str, str] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    named: list[str] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    timings: dict[str, dict[str, float | None]] = field(default_factory=dict)
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    reactions: dict[str, str] = field(default_factory=dict)
    reacted: int = 0
    time: str = ""

    @property
    def answered(self) -> list[str]:
        """Sides that have an answer."""
        return [side for side in self.texts if side not in self.failures]


@dataclass(frozen=True)
class Battle:
    """Two to six models on the same conversation.

    Attributes:
        id: Its name, 32 hexadecimal digits that nobody can guess.
        caller: Whose it is: the caller's id.
        mode: blind: names are revealed after the vote; named: they are shown; decoding: one model under several settings.
        models: Refs, in the order in which they are shown: sides a, b, ...
        settings: By side, in "decoding" the settings of each; empty otherwise.
        seed: What was asked for, to draw models and positions again; 0 for none.
        turns: What was asked and answered, oldest first.
        asked: When it began, UTC.
        last: When something last happened, UTC.
        seq: Number of the row that says what happened last, reactions left out.
        vote: The vote's body, once there is one.
    """

    id: str
    caller: str
    mode: Mode
    models: tuple[str, ...]
    settings: tuple[Decoding, ...]
    seed: int
    turns: tuple[Turn, ...]
    asked: str
    last: str
    seq: int
    vote: dict[str, Any] | None = None

    @property
    def sides(self) -> list[str]:
        """The letters of its sides."""
        return list(SIDES[: len(self.models)])

    @property
    def prompts(self) -> list[str]:
        """What was asked, oldest first."""
        return [turn.prompt for turn in self.turns]

    @property
    def blind(self) -> bool:
        """Whether names are hidden now."""
        return self.mode == "blind" and self.vote is None

    @property
    def state(self) -> State:
        """How far it has come."""
        turn = self.turns[-1]
        if self.vote is not None:
            return "voted"
        if turn.answering:
            fresh = turn.process == PROCESS and _age(turn.since) < LEASE
            return "answering" if fresh else "stopped"
        if turn.stopped:
            return "stopped"
        if not turn.texts:
            return "asked"
        return "answered" if turn.answered else "failed"

    @property
    def expired(self) -> bool:
        """Whether it waited for its vote for too long."""
        return self.vote is None and self.last < _cutoff()

    def names(self) -> dict[str, str]:
        """The model of each side."""
        return dict(zip(self.sides, self.models, strict=True))


def begin(
    store: Store,
    caller: Caller,
    mode: Mode,
    models: Sequence[str],
    prompt: str,
    seed: int = 0,
    settings: Sequence[Decoding] = (),
) -> Battle:
    """A new battle, on the disk when this returns.

    Args:
        store: Where it is kept.
        caller: Whose it is.
        mode: See Battle.
        models: Refs in the order of the sides.
        prompt: The first prompt.
        seed: What was asked for.
        settings: One for each side, in "decoding".
    """
    store.write(_sweep)
    battle = uuid4().hex
    body = {
        "mode": mode,
        "models": list(models),
        "prompt": prompt,
        "seed": seed,
        "settings": [asdict(each) for each in settings],
    }
    add(store, battle, caller.id, "asked", body, "asked")
    return load(store, battle, caller)


def add(store: Store, battle: str, caller: str, event: str, body: dict[str, Any], key: str) -> None:
    """One more thing that happened in a battle, whatever else did meanwhile.

    Raises:
        Conflict: It happened already.
    """
    kind, body, key = happening(battle, caller, event, body, key)
    store.write(
        lambda connection: insert(values_of(VOTED if _is_voted(connection, battle) else kind, body, key), connection)
    )


def happening(battle: str, caller: str, event: str, body: dict[str, Any], key: str) -> tuple[str, dict[str, Any], str]:
    """A thing that happens in a battle, as a row: kind, body and key."""
    return KIND, {"battle": battle, "caller": caller, "event": event, **body}, f"{battle}/{key}"


def change(store: Store, battle: str, caller: Caller, step: Step, *, last: bool = False) -> Battle:
    """Write what may only happen to a battle as it is now; when something else came first, look at it again.

    Args:
        store: Where it is kept.
        battle: Its id.
        caller: Whose it is.
        step: Given the battle, what happens next: kind, body and key of a row. Raises what speaks against it.
        last: Whether this is the vote: the battle is kept from here on.

    Returns:
        The battle as it was before.

    Raises:
        PlaygroundError: As `load` does, or what `step` raised.
    """
    while True:
        found = load(store, battle, caller)
        if store.write(partial(_write, found, values_of(*step(found)), last)):
            return found


def load(store: Store, battle: str, caller: Caller) -> Battle:
    """A battle of this caller.

    Raises:
        PlaygroundError: It is unknown or has expired.
        NotAllowed: It is somebody else's.
    """
    found = find(store, battle)
    if found is None or found.expired:
        raise PlaygroundError(
            f"The battle '{battle[:40]}' is unknown or has expired: without a vote it is deleted after {_hours()}. "
            "Ask again to begin a new one."
        )
    if found.caller != caller.id:
        raise NotAllowed(f"The battle '{battle[:40]}' belongs to somebody else. Ask your own question to begin one.")
    return found


def notice() -> str:
    """What is kept of a battle, in the words in which a page says it."""
    return (
        f"Nobody can read a battle without a vote after {_hours()}, and the next one deletes it. A vote keeps it, with the models' "
        "names: the owner of this page can read and export it, and nothing says who you are. Do not enter personal data."
    )


def find(store: Store, battle: str) -> Battle | None:
    """A battle, whoever's it is and however old; None when there is none."""
    if not _ID.fullmatch(battle):
        return None
    vote = store.row(VOTES, battle)
    kind = KIND if vote is None else VOTED
    sql = f"{COLUMNS} WHERE {_OF_BATTLE} ORDER BY seq"
    rows = [row_of(found) for found in store.read(sql, _range(battle, kind))]
    if not _is_whole(rows):  # parts of it may have come from another workspace in another order
        rows.sort(key=lambda row: (row.time, row.seq))
    return _add_up(rows, vote.body if vote else None) if _is_whole(rows) else None


def _is_whole(rows: list[Row]) -> bool:
    """Whether no turn is missing: rows from another workspace may come in parts."""
    if not rows or rows[0].body["event"] != "asked":
        return False
    turns = 1
    for row in rows[1:]:
        if row.body["turn"] > turns - (row.body["event"] != "said"):
            return False
        turns = max(turns, row.body["turn"] + 1)
    return True


def _range(battle: str, kind: str) -> tuple[str, str, str]:
    """Values for `_OF_BATTLE`."""
    return kind, f"{battle}/", f"{battle}0"


def _is_voted(connection: sqlite3.Connection, battle: str) -> bool:
    return connection.execute("SELECT 1 FROM rows WHERE kind = ? AND key = ?", (VOTES, battle)).fetchone() is not None


def _write(found: Battle, values: Values, last: bool, connection: sqlite3.Connection) -> bool:
    """Write a row if nothing has happened since the battle was looked at; whether it was written."""
    sql = f"SELECT max(seq) FROM rows WHERE {_OF_BATTLE} AND json_extract(body, '$.event') != 'reacted'"
    (seq,) = connection.execute(sql, _range(found.id, KIND)).fetchone()
    if seq != found.seq or _is_voted(connection, found.id):
        return False
    if last:
        connection.execute(_PUBLISH, _range(found.id, KIND))
    insert(values, connection)
    return True


def _sweep(connection: sqlite3.Connection) -> None:
    """Delete the rows of battles in which nothing has happened for too long; those with a vote have their copy."""
    oldest = "SELECT key, time FROM rows INDEXED BY rows_by_kind WHERE kind = ? ORDER BY seq"
    cutoff, newer, over, seen = _cutoff(), 0, list[str](), set[str]()
    # as far as old rows go, however many of them one battle has: somebody may keep it going for days
    for key, time in connection.execute(oldest, (KIND,)):
        newer += time >= cutoff
        if SWEPT in (newer, len(over)):
            break
        if time < cutoff and (battle := key[:32]) not in seen:
            seen.add(battle)
            sql = f"SELECT max(time) FROM rows WHERE {_OF_BATTLE}"
            if connection.execute(sql, _range(battle, KIND)).fetchone()[0] < cutoff:
                over.append(battle)
    for battle in over:
        connection.execute(f"DELETE FROM rows WHERE {_OF_BATTLE}", _range(battle, KIND))


def _add_up(rows: list[Row], vote: dict[str, Any] | None) -> Battle:
    first = rows[0].body
    turns = [Turn(first["prompt"])]
    for row in rows[1:]:
        if row.body["event"] == "said":
            if row.body["turn"] == len(turns):
                turns.append(Turn(row.body["prompt"]))
        else:
            place = row.body["turn"]
            turns[place] = _happen(turns[place], row)
    return Battle(
        id=first["battle"],
        caller=first["caller"],
        mode=first["mode"],
        models=tuple(first["models"]),
        settings=tuple(Decoding(**each) for each in first["settings"]),
        seed=first["seed"],
        turns=tuple(turns),
        asked=rows[0].time,
        last=max(row.time for row in rows),
        seq=max(row.seq for row in rows if row.body["event"] != "reacted"),
        vote=vote,
    )


def _happen(turn: Turn, row: Row) -> Turn:
    body = row.body
    if body["event"] in ("stopped", "answered") and body["attempt"] != turn.answering:
        return turn  # the end of an attempt that was given up
    match body["event"]:
        case "answering":
            began = {"answering": body["attempt"], "since": row.time, "process": body["process"], "stopped": False}
            return replace(turn, **began, attempts=turn.attempts + 1)
        case "stopped":
            return replace(turn, answering=0, stopped=True)
        case "answered":
            known = ("texts", "shown", "failures", "named", "reasons", "timings", "settings")
            parts = {name: body[name] for name in known}
            return replace(turn, answering=0, stopped=False, reactions={}, time=row.time, **parts)
        case "reacted":
            reactions = {**turn.reactions, body["side"]: body["reaction"]}
            return replace(turn, reactions=reactions, reacted=turn.reacted + 1)
    raise ValueError(f"A battle knows no event {body['event']!r}")


def costs(battle: Battle, place: int = -1) -> dict[str, float | None]:
    """US dollars that each side's answer cost; None where the manifest has no price.

    Args:
        battle: The battle.
        place: The turn.
    """
    found: dict[str, float | None] = {}
    for side, model in battle.names().items():
        timing, price = battle.turns[place].timings.get(side), manifest().prices.get(model)
        if timing is None or price is None:
            found[side] = None
        else:
            spent = (timing["prompt_tokens"] or 0) * price["in"] + (timing["tokens"] or 0) * price["out"]
            found[side] = round(spent / 1e6, 8)
    return found


def seconds_since(time: str) -> float:
    """Seconds from a time as rows have it until now."""
    return _age(time).total_seconds()


def _cutoff() -> str:
    """The time before which a battle without a vote is over, as rows have it."""
    oldest = datetime.now(UTC) - timedelta(hours=manifest().limits.battle_hours)
    return oldest.isoformat(timespec="microseconds")[:26] + "Z"


def _hours() -> str:
    return f"{manifest().limits.battle_hours:g} hours"


def _age(time: str) -> timedelta:
    return datetime.now(UTC) - datetime.fromisoformat(time)
