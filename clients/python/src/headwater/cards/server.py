"""`card server`: a page on this machine with the cards of a run, which looks for newer ones every few seconds.

Listens on loopback only, answers only requests that were meant for it, and gives each card a sandbox.
"""

from __future__ import annotations

import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from headwater.cards.html import Html, tag
from headwater.errors import FlowError, HeadwaterError

if TYPE_CHECKING:
    import argparse

    from headwater.flow.terminal import Terminal

SANDBOX = (
    "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
_INDEX_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; frame-src 'self'"
)
_DIGEST = re.compile(r"^/card/([0-9a-f]{64})$")
_STYLE = """body{font:15px system-ui,sans-serif;margin:18px;color-scheme:light dark}iframe{width:100%;height:620px;
border:1px solid #8888;border-radius:6px}.card{margin-bottom:22px}.dim{opacity:.65}"""
# The only script: asks which cards there are, and puts a newer page in place of an older one.
_SCRIPT = """
const shown=new Map();
async function look(){
 try{
  const reply=await fetch('/cards.json');const body=await reply.json();
  document.getElementById('run').textContent=body.error||(body.flow+' / '+body.run+' ('+body.state+')');
  const keys=new Set();
  for(const card of body.cards||[]){
   keys.add(card.key);let box=shown.get(card.key);
   if(!box){
    const outer=document.createElement('div');outer.className='card';const title=document.createElement('h3');
    const frame=document.createElement('iframe');frame.setAttribute('sandbox','allow-scripts');
    outer.append(title,frame);document.getElementById('cards').append(outer);
    box={outer,title,frame,digest:''};shown.set(card.key,box);
   }
   box.title.textContent=card.title;
   if(box.digest!==card.digest){box.digest=card.digest;box.frame.src='/card/'+card.digest;}
  }
  for(const [key,box] of shown)if(!keys.has(key)){box.outer.remove();shown.delete(key);}
 }catch(error){document.getElementById('run').textContent='the card server does not answer';}
}
look();setInterval(look,INTERVAL);
"""


class CardView:
    """What the page shows: the cards of one run, or always of the latest."""

    def __init__(self, flow: str, run_id: str, most: int) -> None:
        self._flow, self._run_id, self._most = flow, run_id, most
        self.known: set[str] = set()

    def now(self) -> dict[str, Any]:
        from headwater.cards.read import list_cards
        from headwater.client.resources import get_run
        from headwater.flow.card_cli import latest_run

        run = get_run(self._run_id or latest_run(self._flow))
        if run.get("flow") != self._flow:
            raise FlowError(f"run {run['runId']} is one of flow {run.get('flow')}, not of {self._flow}")
        newest = sorted(list_cards(run["runId"]), key=lambda card: card.get("updatedAt", ""))[-self._most :]
        newest.sort(key=lambda card: (card["key"].get("path", ""), card.get("key", {}).get("index", 0)))
        self.known |= {card["digest"] for card in newest}
        state = run.get("state", "").removeprefix("RUN_STATE_").lower()
        return {"flow": self._flow, "run": run["runId"], "state": state, "cards": [_shown(card) for card in newest]}


def _shown(card: dict[str, Any]) -> dict[str, str]:
    task = f"{card['key']['step']}/{card.get('taskId') or '0'}"
    name = " ".join(filter(None, (card.get("type", ""), card.get("id", ""))))
    title = f"{task}: {name}{'' if card.get('final') else ' (running)'}"
    return {"key": f"{task}/{card['slot']}", "title": title, "digest": card["digest"]}


def index(poll_interval: int) -> Html:
    script = _SCRIPT.replace("INTERVAL", str(max(1, poll_interval) * 1000))
    head = tag("head", tag("meta", charset="utf-8"), tag("title", "Cards"), Html(f"<style>{_STYLE}</style>"))
    body = tag("body", tag("h2", "Cards"), tag("p", "…", id="run", class_="dim"), tag("div", id="cards"))
    return Html(f"<!DOCTYPE html>\n<html>{head}{body}<script>{script}</script></html>")


def make_server(view: CardView, port: int, poll_interval: int) -> ThreadingHTTPServer:
    """A server that is not running yet. Raises FlowError when the port is taken."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not self._meant_for_us():
                self._answer(403, b"ask for this page as localhost", "text/plain; charset=utf-8", "default-src 'none'")
            elif self.path == "/":
                self._answer(200, index(poll_interval).encode(), "text/html; charset=utf-8", _INDEX_POLICY)
            elif self.path == "/cards.json":
                self._json()
            elif (found := _DIGEST.match(self.path)) and found[1] in view.known:
                self._card(found[1])
            else:
                self._answer(404, b"nothing is here", "text/plain; charset=utf-8", "default-src 'none'")

        def _meant_for_us(self) -> bool:
            """A page elsewhere whose name was pointed at this machine says another host."""
            host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
            return host in ("127.0.0.1", "localhost", "[::1]")

        def _json(self) -> None:
            try:
                body = view.now()
            except HeadwaterError as error:
                body = {"error": str(error)}
            self._answer(200, json.dumps(body).encode(), "application/json", "default-src 'none'")

        def _card(self, digest: str) -> None:
            from headwater.artifacts import blobs

            try:
                page = blobs.get(digest).read_bytes()
            except HeadwaterError as error:
                self._answer(502, str(error).encode(), "text/plain; charset=utf-8", "default-src 'none'")
                return
            self._answer(200, page, "text/html; charset=utf-8", SANDBOX)

        def _answer(self, status: int, body: bytes, media: str, policy: str) -> None:
            self.send_response(status)
            headers = {"Content-Type": media, "Content-Length": str(len(body)), "Content-Security-Policy": policy}
            headers |= {
                "X-Content-Type-Options": "nosniff",
                "Cache-Control": "no-store",
                "Referrer-Policy": "no-referrer",
            }
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            return

    try:
        return ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError as error:
        raise FlowError(f"cannot listen on 127.0.0.1:{port}: {error.strerror}", hint="give another --port") from None


def serve(flow: str, options: argparse.Namespace, terminal: Terminal) -> int:
    """Until Ctrl-C."""
    view = CardView(flow, options.run_id, max(1, options.max_cards))
    server = make_server(view, options.port, options.poll_interval)
    terminal.note(f"Cards of {flow} {options.run_id or '(latest run)'}: http://127.0.0.1:{server.server_port}/")
    try:
        server.serve_forever(poll_interval=0.2)
    except KeyboardInterrupt:
        return 0
    finally:
        server.server_close()
    return 0
