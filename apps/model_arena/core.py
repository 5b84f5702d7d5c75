"""The Model Arena without a screen: its endpoints. Everything here is plain Python and is also the public API."""

from apps.model_arena.battling import (
    Answers,
    Asked,
    Comparison,
    answer,
    ask,
    compare_decoding,
    regenerate,
    say,
    side_by_side,
)
from apps.model_arena.chatting import Reply, chat, models, save_chat
from apps.model_arena.checking import CheckRow, Sane, Verdict, sanity
from apps.model_arena.evaluating import Measured, evaluate
from apps.model_arena.exports import Exported
from apps.model_arena.judging import Judgement, judge
from apps.model_arena.leaderboard import Board, Standing
from apps.model_arena.moving import Imported, Votes, export_preferences, export_votes, import_votes
from apps.model_arena.prompt_sets import PromptMatrix, run_prompts
from apps.model_arena.sharing import Shared, SharedBattle, share, shared_battle
from apps.model_arena.standing import Rates, leaderboard, rating_history, win_rates
from apps.model_arena.voting import Reacted, Reveal, react, vote

__all__ = [
    "Answers",
    "Asked",
    "Board",
    "CheckRow",
    "Comparison",
    "Exported",
    "Imported",
    "Judgement",
    "Measured",
    "PromptMatrix",
    "Rates",
    "Reacted",
    "Reply",
    "Reveal",
    "Sane",
    "Shared",
    "SharedBattle",
    "Standing",
    "Verdict",
    "Votes",
    "answer",
    "ask",
    "chat",
    "compare_decoding",
    "evaluate",
    "export_preferences",
    "export_votes",
    "import_votes",
    "judge",
    "leaderboard",
    "models",
    "rating_history",
    "react",
    "regenerate",
    "run_prompts",
    "sanity",
    "save_chat",
    "say",
    "share",
    "shared_battle",
    "side_by_side",
    "vote",
    "win_rates",
]
