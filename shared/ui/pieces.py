"""The bones every page shares, as escaped HTML: navigation bar, header, tiles, tables, small bars, progress, empty state."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, Literal

import gradio as gr

from shared.appcard import AppCard
from shared.progress import Progress

Kind = Literal["plain", "ref", "ok", "wait", "warn", "bad"]

# `window.URL`: in an inline handler a bare `URL` is document.URL, a string. Keeps ?__theme= in step with what is shown.
TOGGLE = (
    "const d=document.body.classList.toggle('dark'),u=new window.URL(location);"
    "u.searchParams.set('__theme',d?'dark':'light');history.replaceState(null,'',u)"
)
MOON = (
    '<svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true"><path fill="currentColor" d="M8 1a7 7 0 1 0 0 14V1Z"/>'
    '<circle cx="8" cy="8" r="6.25" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>'
)
KEEP_QUERY = "this.search=location.search"  # the chosen theme travels along


def html(value: str = "", **look: Any) -> gr.HTML:
    """Markup made by this module; values inside it are escaped already."""
    return gr.HTML(value, apply_default_css=False, js_on_load=None, **look)


# A click on anything with `data-pick` inside reaches Python with that text; see `wiring.when(picked=...)`.
PICK = "element.addEventListener('click',e=>{const b=e.target.closest('[data-pick]');if(b)trigger('click',{pick:b.dataset.pick})})"
# Opens or closes the table row after the button's own.
OPEN_ROW = "const r=this.closest('tr').nextElementSibling;r.hidden=!r.hidden;this.setAttribute('aria-expanded',String(!r.hidden))"


def pickable(value: str = "", **look: Any) -> gr.HTML:
    """Markup in which whatever carries `data-pick="text"` can be clicked; wire it with `when(it.click, ..., picked="name")`."""
    return gr.HTML(value, apply_default_css=False, js_on_load=PICK, **look)


def tile(label: str, value: str, note: str = "") -> str:
    """One number worth a glance, as escaped HTML; put several into `tiles`. A long name is set smaller, and wraps."""
    css = "tile" if len(value) <= 16 else "tile words"
    return (
        f'<div class="{css}"><dt>{escape(label)}</dt><dd>{escape(value)}</dd><dd class="note">{escape(note)}</dd></div>'
    )


def chip(text: str, kind: Kind = "plain") -> str:
    """A short fact about the page, as escaped HTML; the words carry the meaning, the dot only repeats it."""
    return f'<span class="chip {escape(kind)}">{escape(text)}</span>'


def nav_html(current: AppCard, beside: Sequence[AppCard]) -> str:
    """The bar at the top of every page; its links are relative, so they work behind any proxy.

    Args:
        current: The app of this page.
        beside: Every app that is served, this one included.
    """
    up = "./" if current.path == "/" else "../"

    def link(card: AppCard, text: str, css: str = "") -> str:
        here = ' aria-current="page"' if card.name == current.name else ""
        href = up + (card.path.strip("/") + "/" if card.path != "/" else "")
        return f'<a class="{css}" href="{escape(href)}"{here} onclick="{KEEP_QUERY}">{text}</a>'

    home = next((card for card in beside if card.path == "/"), None)
    brand_text = 'LLM<span class="wide">&nbsp;Playground</span>'
    brand = link(home, brand_text, "brand") if home else f'<a class="brand" href="./">{brand_text}</a>'
    links = "".join(link(card, escape(card.nav)) for card in beside if card.path != "/")
    button = (
        '<button type="button" title="Light or dark" aria-label="Switch between light and dark" '
        f'onclick="{escape(TOGGLE)}">{MOON}</button>'
    )
    return f'<nav class="nav" aria-label="Apps">{brand}{links}{button}</nav>'


def header_html(title: str, sentence: str, chips: Iterable[tuple[str, Kind]] = ()) -> str:
    """Name, one sentence, and what the page works on right now."""
    marks = "".join(chip(text, kind) for text, kind in chips)
    return f'<header class="page-head"><h1>{escape(title)}</h1><div class="chips">{marks}</div><p>{escape(sentence)}</p></header>'


def section_html(title: str, caption: str = "") -> str:
    """A heading above a plot or a table; plots carry no title of their own."""
    note = f'<p class="aside">{escape(caption)}</p>' if caption else ""
    return f'<h2 class="section">{escape(title)}</h2>{note}'


def tiles_html(*items: str) -> str:
    """Stat tiles side by side, divided by hairlines."""
    return f'<dl class="tiles">{"".join(items)}</dl>'


def table_html(
    headers: Sequence[str],
    rows: Iterable[Sequence[str]],
    css: Sequence[str] = (),
    label: str = "",
    details: Sequence[str] | None = None,
) -> str:
    """A table of ready, escaped HTML cells.

    Args:
        headers: One text a column, escaped here.
        rows: Cells of every row, escaped by the caller.
        css: Class of each column: num (right), text (cut), wide (gone on a phone), mono.
        label: What the table holds, for screen readers.
        details: Escaped HTML that opens below each row when its first cell is clicked.
    """
    css = css or [""] * len(headers)
    head = "".join(f'<th scope="col" class="{c}">{escape(h)}</th>' for h, c in zip(headers, css, strict=True))
    body = ""
    for i, row in enumerate(rows):
        cells = list(row)
        if details is not None:
            cells[0] = (
                f'<button type="button" class="opener" aria-expanded="false" onclick="{escape(OPEN_ROW)}">{cells[0]}</button>'
            )
        body += "<tr>" + "".join(f'<td class="{c}">{cell}</td>' for cell, c in zip(cells, css, strict=True)) + "</tr>"
        if details is not None:
            body += f'<tr class="opened" hidden><td colspan="{len(headers)}">{details[i]}</td></tr>'
    named = f' role="region" aria-label="{escape(label)}"' if label else ""
    table = f'<table class="data"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return f'<div class="scroll" tabindex="0"{named}>{table}</div>'


def turns_html(turns: Iterable[tuple[str, str]], limit: int = 4000) -> str:
    """A row as a person reads it: who speaks, and what.

    Args:
        turns: Role and text of each turn, escaped here.
        limit: Characters of a text that are shown; the rest is counted.
    """

    def one(role: str, text: str) -> str:
        nothing = '<span class="aside">empty</span>'
        more = f'<span class="aside"> … {len(text) - limit:,} more characters</span>' if len(text) > limit else ""
        return f"<dt>{escape(role)}</dt><dd>{escape(text[:limit]) or nothing}{more}</dd>"

    return f'<dl class="turns">{"".join(one(role, text) for role, text in turns)}</dl>'


def bars(values: Sequence[float], label: str) -> str:
    """A word-sized bar chart, newest last; the newest bar is the accent."""
    top, width = max([*values, 0]) or 1, 6 * len(values) - 2
    rects = "".join(
        f'<rect x="{6 * i}" y="{20 - 20 * max(v, 0) / top:.1f}" width="4" height="{20 * max(v, 0) / top:.1f}" '
        f'class="{"last" if i == len(values) - 1 else ""}"/>'
        for i, v in enumerate(values)
    )
    return f'<svg class="bars" width="{width}" height="20" role="img" aria-label="{escape(label)}">{rects}</svg>'


def line(text: str, css: str = "") -> str:
    """What is going on, in one line that a screen reader says aloud.

    Args:
        text: Escaped already.
        css: A class besides; "writing" marks work that goes on.
    """
    return f'<p class="place {css}" role="status">{text}</p>'


def empty_html(title: str, sentence: str) -> str:
    """What an empty page says; put a button below it."""
    return f'<div class="nothing"><h2 class="section">{escape(title)}</h2><p>{escape(sentence)}</p></div>'


def progress_html(progress: Progress) -> str:
    """What is being done, how far it is, and how long it will take."""
    share = progress.done / progress.total if progress.total else None
    count = (
        f"{progress.done:,} of {progress.total:,}" if progress.total else f"{progress.done:,}" if progress.done else ""
    )
    left = f", {duration(progress.eta_seconds)} left" if progress.eta_seconds is not None else ""
    bar = (
        f'<progress max="1" value="{share:.4f}" aria-label="{escape(progress.stage)}"></progress>'
        if share is not None
        else f'<progress aria-label="{escape(progress.stage)}"></progress>'
    )
    return f'<div class="working" role="status"><span>{escape(progress.stage)}</span><span class="note">{count}{left}</span>{bar}</div>'


def duration(seconds: float) -> str:
    """Seconds in words that fit a line: "12 s", "3 min", "1 h 20 min"."""
    if seconds < 90:
        return f"{max(round(seconds), 0)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
