"""A matplotlib SVG as a part of a page: ids of its own, colours that follow the page."""

from __future__ import annotations

import re
from html import escape

_HEAD = re.compile(r"^.*?<svg [^>]*?viewBox=\"([^\"]*)\"[^>]*>", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>|<!--.*?-->", re.DOTALL)
_ID = re.compile(r'(\bid="|href="#|url\(#)')
# Greys of our figures -> roles of the page's colours.
_ROLES = {
    "#ffffff": "page",
    "#000000": "text",
    "#444444": "quiet",
    "#555555": "quiet",
    "#999999": "line",
    "#e6e6e6": "hatch",
}
_GREY = re.compile("|".join(_ROLES))


def inlined(svg: str, alt: str, prefix: str) -> str:
    """Return an SVG file's text for the page; `alt` is the figure in words.

    Example:
        >>> inlined('<svg height="2" viewBox="0 0 1 2"><g id="a" style="fill: #ffffff"/></svg>',
        ...         "none", "f1")
        '<svg class="plot" role="img" aria-label="none" viewBox="0 0 1 2"><g id="f1-a" style="fill: var(--page)"/></svg>'
    """  # noqa: E501
    start = f'<svg class="plot" role="img" aria-label="{escape(alt, quote=True)}" viewBox="'
    body = _HEAD.sub(lambda match: f'{start}{match.group(1)}">', svg, count=1)
    body = _METADATA.sub("", body)
    body = _GREY.sub(lambda match: f"var(--{_ROLES[match.group()]})", body)
    # Ids are unique in a page, so each figure has a prefix of its own.
    return _ID.sub(rf"\1{prefix}-", body)
