"""Strings that try to become code, markup, a formula or a terminal's command, one of each kind.

Whatever runs in a page sets `RAN` in its window or asks for `CANARY`; both stay untouched where text is text.
"""

from __future__ import annotations

RAN = "nbinspectRan"
CANARY = "http://canary.invalid"
_RUN = f"window.{RAN}=1"

HOSTILE: dict[str, str] = {
    "script": f"<script>{_RUN}</script>",
    "img": f"<img src={CANARY}/img onerror={_RUN}>",
    "svg": f"<svg/onload={_RUN}>",
    "iframe": f"<iframe srcdoc='<script>parent.{RAN}=1</script>'>",
    "quoted attribute": f'" autofocus onfocus="{_RUN}" x="',
    "single quoted attribute": f"' onmouseover='{_RUN}' x='",
    "bare attribute": f"x onmouseover={_RUN} tabindex=0",
    "end of style": f"</style><script>{_RUN}</script>",
    "end of script": f"</script><script>{_RUN}</script>",
    "end of title": f"</title><script>{_RUN}</script>",
    "end of textarea": f"</textarea></pre></table><img src=x onerror={_RUN}>",
    "comment": f"--><img src=x onerror={_RUN}><!--",
    "cdata": f"]]><script>{_RUN}</script><![CDATA[",
    "javascript url": f"javascript:{_RUN}//",
    "data url": f"data:text/html,<script>parent.{RAN}=1</script>",
    "base": f"<base href={CANARY}/><link rel=stylesheet href=style.css><meta http-equiv=refresh content=0;url=/>",
    "css": f"}} body {{ background: url({CANARY}/css) }} @import '{CANARY}/import';",
    "css value": f"red; background: url({CANARY}/value)",
    "braces": "{{constructor.constructor('" + _RUN + "')()}} {%raw%} {0.__class__} %(x)s %s",
    "template literal": "${" + _RUN + "} `" + _RUN + "`",
    "markdown": f"[x](javascript:{_RUN}) ![x]({CANARY}/md.png) <{CANARY}> | --- |",
    "entities": "&lt;b&gt; &amp;amp; &#60;script&#62; &#x3c;i&#x3e; &nosuch; &",
    "prototype": "__proto__",
    "constructor": "constructor",
    "formula": "=cmd|' /C calc'!A0",
    "formula plus": '+HYPERLINK("' + CANARY + '","x")',
    "formula at": "@SUM(1+1)*cmd|' /C calc'!A0",
    "formula minus": "-2+3+cmd|' /C calc'!A0",
    "formula behind a tab": "\t=1+1",
    "path": "../../../../etc/passwd\\..\\..\\x",
    "file url": "file:///etc/passwd",
    "mathtext": "$\\frac{1}{$ $x_{$ \\input{x}",
    "whole mathtext": "$\\nosuch$",
    "mathjax": "$$\\href{javascript:" + _RUN + "}{x}$$ \\(x\\)",
    "ansi": "\x1b[31mred\x1b]0;title\x07\x1b[2J\x1b[H\x9b31m",
    "carriage return": "all is well\r\x08\x08\x7fno",
    "lines": "one\ntwo\r\nthree\x0bfour\x0cfive\x85six\u2028seven\u2029eight",
    "nul": "a\x00b\x01\x02\x1f\ufffe\uffff",
    "bidi": "\u202egnp.exe\u202c \u2066x\u2069 \u200f\u200b\ufeff",
    "surrogate": "half \ud800 of \udc80 two",
    "combining": "Z" + "\u0351" * 200,
    "sql": "x'); DROP TABLE entry; --",
    "pickle": "cos\nsystem\n(S'true'\ntR.",
    "shell": "$(touch x); `touch x` && touch x | touch x",
    "spaces": " \t\n ",
    "nothing": "",
    "dots": "a.b..c",
    "long": "l<b>" * 25_000,
}

DRAWN = (
    "mathtext",
    "whole mathtext",
    "mathjax",
    "ansi",
    "lines",
    "bidi",
    "surrogate",
    "nul",
    "nothing",
    "spaces",
    "img",
)
"""What a figure may stumble over."""
