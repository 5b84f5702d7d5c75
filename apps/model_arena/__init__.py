"""Talk to a model, check that it is sane, measure it, and let people judge it blind against others."""

from shared.appcard import AppCard

CARD = AppCard(
    name="model_arena",
    title="Model Arena",
    path="/arena",
    nav="Arena",
    verb="Judge",
    sentence="Which model do people prefer, how sure are we, and on what kind of question?",
    endpoints={
        "models": "anyone",
        "ask": "anyone",
        "answer": "anyone",
        "say": "anyone",
        "regenerate": "anyone",
        "vote": "anyone",
        "react": "anyone",
        "side_by_side": "anyone",
        "compare_decoding": "anyone",
        "share": "anyone",
        "shared_battle": "anyone",
        "leaderboard": "anyone",
        "win_rates": "anyone",
        "rating_history": "anyone",
        "judge": "owner",
        "run_prompts": "owner",
        "import_votes": "owner",
        "export_votes": "owner",
        "export_preferences": "owner",
        "chat": "anyone",
        "save_chat": "owner",
        "sanity": "owner",
        "evaluate": "owner",
    },
    order=40,
)
