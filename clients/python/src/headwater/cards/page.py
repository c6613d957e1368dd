"""The shell of a card: one HTML document with its own style, no script, nothing fetched from anywhere."""

from __future__ import annotations

from typing import Any

from headwater.cards.html import Html, join, tag

_STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--dim:#667085;--line:#d9dee7;--paper:#fff;--soft:#f5f7fa;--blue:#2e6fdb;
--green:#1f8a4c;--red:#c0352b;--amber:#b7791f}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ef;--dim:#98a2b3;--line:#344054;--paper:#12161d;--soft:#1b212b;
--blue:#7aa7f5;--green:#5fd08f;--red:#ff8178;--amber:#e8b65c}}
*{box-sizing:border-box}body{margin:0 auto;padding:20px;max-width:1100px;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,sans-serif}h1{font-size:22px;margin:.2em 0}h2{font-size:17px;margin:1.4em 0 .5em;
border-bottom:1px solid var(--line)}h3{font-size:15px}code,pre{font:13px/1.45 ui-monospace,monospace}
pre{background:var(--soft);padding:10px;border-radius:6px;overflow:auto;white-space:pre-wrap;word-break:break-word}
table{border-collapse:collapse;margin:8px 0}th,td{border:1px solid var(--line);padding:4px 9px;text-align:left;
vertical-align:top}th{background:var(--soft)}td.number{text-align:right;font-variant-numeric:tabular-nums}
.scroll{overflow:auto}.dim{color:var(--dim)}img,svg{max-width:100%;height:auto}figure{margin:10px 0}
figcaption{color:var(--dim)}.box,.value-box{border:1px solid var(--line);border-radius:8px;padding:10px 14px;
margin:10px 0}
.error{border-color:var(--red)}.error strong{color:var(--red)}.progress{margin:10px 0}.amount{float:right;
color:var(--dim)}.bar{clear:both;height:9px;border-radius:5px;background:var(--line);overflow:hidden}
.bar div{height:100%;background:var(--blue)}.value-box{display:inline-block;min-width:170px;margin-right:12px}
.value-box .value{font-size:28px;font-weight:600}.value-box .title{color:var(--dim)}.theme-success{
border-left:5px solid var(--green)}.theme-warning{border-left:5px solid var(--amber)}.theme-danger,.theme-error{
border-left:5px solid var(--red)}.theme-info,.theme-primary,.theme-tool_call,.theme-ai_response{
border-left:5px solid var(--blue)}.change{color:var(--green)}.event{border:1px solid var(--line);border-radius:6px;
padding:5px 10px;margin:5px 0}.event time{color:var(--dim);margin-right:12px}.event span{margin-right:14px}
.event.high{background:var(--soft)}.py-keyword{color:var(--blue)}.py-string{color:var(--green)}
.py-comment{color:var(--dim);font-style:italic}.py-number{color:var(--amber)}blockquote{margin:8px 0;padding-left:12px;
border-left:3px solid var(--line);color:var(--dim)}.text{white-space:pre-wrap}.state{display:inline-block;
padding:1px 9px;border-radius:10px;color:#fff;background:var(--dim)}.state.running{background:#2e6fdb}
.state.succeeded{background:#1f8a4c}.state.failed{background:#c0352b}
svg text{fill:var(--ink);font:12px system-ui,sans-serif}svg .tick{fill:var(--dim);font-size:11px}
svg .middle,svg .label,svg .title,svg .step-name{text-anchor:middle}svg .end{text-anchor:end}
svg .title{font-weight:600}svg .grid{stroke:var(--line);stroke-width:.6}svg .edge{fill:none;stroke:var(--dim)}
svg .back{stroke-dasharray:4 3}svg .step{fill:var(--soft);stroke:var(--line);stroke-width:1.5}
svg .done{stroke:var(--green)}svg .succeeded{stroke:var(--green);fill:var(--green);fill-opacity:.2}
svg .running{stroke:var(--blue);fill:var(--blue);fill-opacity:.2}svg .failed{stroke:var(--red);fill:var(--red);
fill-opacity:.2}svg .unknown{stroke-dasharray:3 3}.chart svg{max-width:620px}
"""
# What a browser may do with a card, also when it is opened where nothing else protects the user.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'"


def document(title: str, *parts: Any) -> Html:
    """A whole page."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width,initial-scale=1"),
        tag("title", title),
        Html(f"<style>{_STYLE}</style>"),
    )
    return Html(f"<!DOCTYPE html>\n<html>{head}{tag('body', join(parts))}</html>\n")
