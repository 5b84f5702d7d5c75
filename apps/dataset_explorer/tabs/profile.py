"""The tab "Profile": one page about a dataset that a person reads in a minute."""

from html import escape
from typing import Any

import gradio as gr

from apps.dataset_explorer import core, plots
from shared.ui.forms import form
from shared.ui.pieces import empty_html, html, pickable, section_html, table_html, tile, tiles_html
from shared.ui.work import Work, follow

NOTHING = empty_html(
    "No profile yet",
    "Open a dataset, then profile it: lengths, languages, quality, diversity, personal data. 50,000 rows take seconds.",
)


def draw(dataset: gr.State) -> list[gr.Dropdown]:
    """Draw the tab and wire it.

    Args:
        dataset: The ref of the open dataset.

    Returns:
        The drop-downs that name columns.
    """
    with gr.Column(elem_classes="work"):
        with gr.Row(elem_classes="filters"):
            fields = form(core.profile, "column", "rules", "context", "tokenizer", brief=True)
            fields |= form(
                core.profile, "embeddings", brief=True, fold=False, labels={"embeddings": "Meaning too (slow)"}
            )
            work = Work("Profile")
        told = work.place(NOTHING)
    figures = _figures()
    flagged, why = _flagged(dataset, fields)

    def shown(made: core.Profile) -> dict[Any, Any]:
        box = {figures["box"]: gr.Column(visible=True)}
        drawn = {
            figures["lengths"]: plots.draw_lengths(made.tokens, made.context),
            figures["quality"]: plots.draw_rules(made.quality),
            figures["languages"]: plots.draw_shares(made.languages),
            figures["code"]: plots.draw_shares(made.code),
        }
        return {told: summary(made), **box, **drawn, figures["tables"]: tables(made), flagged: sample(made), why: ""}

    work.runs(core.profile, shown, {"dataset": dataset, **fields}, [told, *figures.values(), flagged, why])
    return [fields["column"]]


def _figures() -> dict[str, Any]:
    found: dict[str, Any] = {}
    with gr.Column(visible=False) as box:
        for left, right in ((("lengths", "Length", "Rows by number of tokens."), ("quality", "Quality", "Rows that break each rule.")),
                            (("languages", "Languages", "Rows by natural language."), ("code", "Code", "Rows that hold code, by language."))):  # fmt: skip
            with gr.Row(elem_classes="split"):
                for name, title, caption in (left, right):
                    with gr.Column(elem_classes="part", min_width=320):
                        html(section_html(title, caption))
                        found[name] = gr.Plot(show_label=False, container=False)
        found["tables"] = html()
    return {"box": box, **found}


def _flagged(dataset: gr.State, fields: dict[str, Any]) -> tuple[gr.HTML, gr.HTML]:
    with gr.Column(elem_classes="part"):
        table, told, why = pickable(), html(), html()
    inputs = {"dataset": dataset, "column": fields["column"], "rules": fields["rules"]}

    def shown(made: core.Explanation) -> dict[Any, Any]:
        return {why: explanation(made)}

    follow(table.click, core.explain, shown, told, inputs=inputs, outputs=[why], picked="row")
    return table, why


def summary(made: core.Profile) -> str:
    """The numbers worth a glance."""
    share = made.flagged / made.rows if made.rows else 0
    over = made.over / made.rows if made.rows else 0
    private = sum(each.rows for each in made.private)
    diverse = made.diversity
    tiles = [
        tile("Rows", f"{made.rows:,}", f"{made.blank:,} without text"),
        tile("Median length", f"{made.tokens.median:,.0f}", f"tokens; 95 % below {made.tokens.p95:,.0f}"),
        tile("Over the context", f"{over:.1%}", f"{made.over:,} rows above {made.context:,} tokens"),
        tile("Flagged", f"{share:.1%}", f"{made.flagged:,} rows break a rule"),
        tile("Personal or secret", f"{private:,}", "rows, by kind below"),
    ]
    varied = [
        tile(
            "Distinct-1 / 2 / 3",
            f"{diverse.distinct_1:.3f}",
            f"{diverse.distinct_2:.3f} pairs, {diverse.distinct_3:.3f} triples",
        ),
        tile("Entropy", f"{diverse.entropy_bits:.2f} bits", "of the words"),
        tile("MATTR", f"{diverse.mattr:.3f}", "windows of 100 words"),
        tile("Compression", f"{diverse.compression_ratio:.2f}", "bytes / gzip bytes"),
    ]
    if made.semantics:
        varied.append(
            tile(
                "Vendi score",
                f"{made.semantics.vendi:.1f}",
                f"of {made.semantics.rows:,} rows; mean cosine {made.semantics.cosine:.3f}",
            )
        )
    return tiles_html(*tiles) + section_html("Diversity") + tiles_html(*varied)


def tables(made: core.Profile) -> str:
    """Columns, and personal data by kind."""
    columns = [[escape(c.name), escape(c.type), f"{c.missing:,}", f"{c.empty:,}"] for c in made.columns]
    parts = [
        section_html("Columns"),
        table_html(["Column", "Holds", "Missing", "Empty"], columns, ["text", "text wide", "num", "num"], "Columns"),
    ]
    if made.private:
        rows = [
            [escape(p.says), "secret" if p.secret else "personal", f"{p.rows:,}", f"{p.found:,}",
             escape(", ".join(f"{row}: {masked}" for row, masked in p.samples))]
            for p in made.private
        ]  # fmt: skip
        heads = ["What", "Kind", "Rows", "Found", "First ones, masked"]
        parts += [
            section_html("Personal data and secrets"),
            table_html(heads, rows, ["", "wide", "num", "num", "text"], "Personal data"),
        ]
    return "".join(parts)


def sample(made: core.Profile) -> str:
    """The rows that break the rules most clearly; each can be explained."""
    if not made.sample:
        return section_html("Flagged rows", "No row breaks a quality rule.")
    rows = [
        [f'<button type="button" class="linkish" data-pick="{row.row}">{row.row:,}</button>', escape(row.text),
         escape(", ".join(flag.rule for flag in row.flags[:3]))]
        for row in made.sample
    ]  # fmt: skip
    head = section_html("Flagged rows", "Those that break the rules most clearly. Click a row to see why.")
    return head + table_html(["Row", "Text", "Rules"], rows, ["num", "text", "text wide"], "Flagged rows")


def explanation(made: core.Explanation) -> str:
    """Every value of one row with its threshold, the characters at fault marked."""
    spans = sorted({span for reason in made.rules if reason.broken for span in reason.spans})
    rows = [
        [escape(r.says), "" if r.value is None else f"{r.value:.4g}", "" if r.least is None else f"{r.least:g}", "" if r.most is None else f"{r.most:g}",
         "broken" if r.broken else "fine"]
        for r in made.rules
    ]  # fmt: skip
    said = "".join(f"<li>{escape(line)}</li>" for line in made.flagged) or "<li>Nothing speaks against this row.</li>"
    table = table_html(["Rule", "Value", "At least", "At most", ""], rows, ["text", "num", "num", "num", ""], "Rules")
    head = section_html(f"Why row {made.row:,}", f"Language {made.language}, {made.confidence:.0%} sure.")
    return f'{head}<ul class="plain">{said}</ul><p class="quoted">{marked(made.text[:4000], spans)}</p>{table}'


def marked(text: str, spans: list[tuple[int, int]]) -> str:
    """A text, escaped, with some characters marked; overlapping spans are joined."""
    out, at = [], 0
    for start, end in spans:
        start, end = max(start, at), min(end, len(text))
        if start < end:
            out += [escape(text[at:start]), f"<mark>{escape(text[start:end])}</mark>"]
            at = end
    return "".join(out) + escape(text[at:])
