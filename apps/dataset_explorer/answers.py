"""Rows whose answer is missing or blank, whatever the shape of the rows."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shared.conversations import as_messages, turns_of
from shared.datasets.texts import column_texts, row_texts
from shared.shapes import Shape

if TYPE_CHECKING:
    import pyarrow

ANSWERS = ("answer", "chosen", "rejected", "text")
ASKING = ("user", "system", "tool", "tools", "text")  # roles of turns that answer nothing; any other may be an answer


def blank_answers(batch: "pyarrow.RecordBatch", shape: Shape) -> tuple[NDArray[np.int64], str]:
    """The rows in which nothing is answered.

    A pair lacks an answer when either one is blank; a conversation when nobody but the user and the system says anything; a
    row without a known shape when all of it is blank.

    Args:
        batch: Some rows.
        shape: Which columns hold answers.

    Returns:
        Places in the batch, ascending, and what is blank, as a sentence.
    """
    columns = [shape.roles[role] for role in ANSWERS if role in shape.roles]
    masks = [_blank(batch.column(name)) for name in columns]
    for role, silent in (("conversation", _silent), ("instances", _unsolved)):
        if role in shape.roles:
            columns.append(shape.roles[role])
            masks.append(np.array([silent(value) for value in batch.column(columns[-1]).to_pylist()], np.bool_))
    if not masks:
        return np.flatnonzero(_empty(row_texts(batch))), "Every cell is blank."
    places = np.flatnonzero(np.logical_or.reduce(masks))
    return places, f"Nothing is said in {' or '.join(repr(name) for name in columns)}."


def _empty(texts: "pyarrow.StringArray") -> "NDArray[np.bool_]":
    import pyarrow.compute as pc

    trimmed = pc.utf8_trim_whitespace(pc.fill_null(texts, ""))
    # A transcript may end before its last answer.
    open_end = pc.ends_with(trimmed, "\n\nAssistant:")
    empty: NDArray[np.bool_] = pc.or_(pc.equal(trimmed, ""), open_end).to_numpy(zero_copy_only=False)
    return empty


def _blank(column: "pyarrow.Array") -> "NDArray[np.bool_]":
    import pyarrow as pa

    empty = _empty(column_texts(column))
    if pa.types.is_nested(column.type):
        for place, value in enumerate(column.to_pylist()):
            if not empty[place] and as_messages(value) is not None:
                empty[place] = _silent(value)
    return empty


def _silent(conversation: Any) -> bool:
    return not any(turn.text.strip() for turn in turns_of(conversation) if turn.role not in ASKING)


def _unsolved(instances: Any) -> bool:
    """Whether none of an instruction's instances has an output."""
    given = [turn.text for one in instances or () for turn in turns_of(one.get("output"), "assistant")]
    return not any(text.strip() for text in given)
