"""Cards of an unmodified flow: the same as under the real package, live while the task runs, harmless in a browser."""

import json
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from types import SimpleNamespace

import pytest

from headwater import Flow
from headwater.cards.read import CardNotPresentException, get_cards, list_cards
from headwater.cards.server import CardView, make_server
from headwater.client.http import connect
from tests.e2e.metaflow.packages import HERE, READ

TOUR = HERE / "flows" / "cards_tour.py"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def tour(ours):
    return ours.run(TOUR)


def test_the_same_cards_and_artifacts_as_the_real_package(ours, local, tour):
    theirs = local.run(TOUR)
    assert ours.client(READ, tour) == local.client(READ, theirs)
    mine, real = (package.client(HERE / "cards.py", run) for package, run in ((ours, tour), (local, theirs)))
    real.pop("end")  # of a type that is unknown ours says so in a card
    assert mine.pop("end") == [["no_such_type", ""]]
    assert mine == real


def test_the_command_line_of_cards(ours, tour, tmp_path):
    run = tour.split("/")[1]
    page = tmp_path / "card.html"
    ours.flow(TOUR, "card", "get", "start", str(page))
    assert "<h1>A title</h1>" in page.read_text() and "<script" not in page.read_text()
    assert "3 / 3" in ours.flow(TOUR, "card", "get", f"{run}/branch/1", "--id", "live")
    assert "2 cards fit" in ours.flow(TOUR, "card", "get", f"{run}/branch/1", fails=True)
    listed = ours.flow(TOUR, "card", "list", f"{run}/branch/0", "--as-json", "--file", str(tmp_path / "list.json"))
    assert '"id": "facts"' in listed and len(json.loads((tmp_path / "list.json").read_text())["cards"]) == 2
    assert "not found for pathspec" in ours.flow(TOUR, "card", "get", f"{run}/join", fails=True)
    assert "has no task of a step 'nope'" in ours.flow(TOUR, "card", "get", f"{run}/nope", fails=True)
    ours.flow(TOUR, "card", "create", f"{run}/join", "--type", "taskspec_card", "--id", "made")
    assert f"{run}/join/0" in ours.flow(TOUR, "card", "get", f"{run}/join", "--id", "made")
    assert "MetaflowCard named nope not found" in ours.flow(TOUR, "card", "create", f"{run}/join", "--type", "nope",
                                                           fails=True)  # fmt: skip


def test_cards_of_a_resumed_run_are_those_of_its_origin(ours, tour, connected):
    run = ours.run(TOUR, "end", "--origin-run-id", tour.split("/")[1], command="resume")
    cards = get_cards(f"{run}/start/0")
    assert cards.from_resumed and tour in cards[0].origin_pathspec and "A title" in cards[0].get()
    with pytest.raises(CardNotPresentException):
        get_cards(f"{run}/start/0", follow_resumed=False)


LIVE = """
import time
from pathlib import Path
from metaflow import FlowSpec, card, current, step
from metaflow.cards import Markdown

class LiveFlow(FlowSpec):
    @card(refresh_interval=0)
    @step
    def start(self):
        current.card.append(Markdown("at work"))
        current.card.refresh()
        while not Path({go!r}).exists():
            time.sleep(0.05)
        1 / 0
        self.next(self.end)

    @step
    def end(self): ...

if __name__ == "__main__":
    LiveFlow()
"""


def until(look, seconds=60.0):
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def test_a_card_is_seen_while_its_task_runs_and_after_it_failed(ours, connected, tmp_path):
    go, file = tmp_path / "go", tmp_path / "live_flow.py"
    file.write_text(LIVE.format(go=str(go)))
    process = ours.start(file, "run")
    try:
        run = until(lambda: next(iter(Flow("LiveFlow")), None) if _has_flow("LiveFlow") else None)
        card = until(lambda: list_cards(run.id))[0]
        view = CardView("LiveFlow", "", 30)
        server = make_server(view, 0, 1)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}"
        shown = json.loads(_get(f"{base}/cards.json").body)["cards"]
        assert shown[0]["title"] == "start/0: default (running)" and not card.get("final")
        page = _get(f"{base}/card/{card['digest']}")
        assert "at work" in page.body and "running" in page.body
        assert page.headers["Content-Security-Policy"].startswith("sandbox") and _get(base).body != b""
        assert _get(f"{base}/card/{'0' * 64}").status == 404
        assert _get(f"{base}/cards.json", Host="evil.example").status == 403
        go.touch()
        assert process.wait(60) == 1
        until(lambda: any(each.get("final") for each in list_cards(run.id)))
        last = json.loads(_get(f"{base}/cards.json").body)["cards"][0]
        assert "division by zero" in _get(f"{base}/card/{last['digest']}").body
        server.shutdown()
        server.server_close()
    finally:
        process.kill()
        process.communicate()
    failed = get_cards(f"LiveFlow/{run.id}/start/0")[0]
    assert failed.final and "division by zero" in failed.get()


def _has_flow(name):
    from headwater.client.resources import list_flows

    return any(flow["flow"] == name for flow in list_flows())


def _get(url, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as reply:
            return SimpleNamespace(status=reply.status, headers=reply.headers, body=reply.read().decode())
    except urllib.error.HTTPError as error:
        return SimpleNamespace(status=error.code, headers=error.headers, body=error.read().decode())


def test_the_gateway_shows_cards_in_a_sandbox(tour, connected):
    connection = connect()
    run = tour.split("/")[1]
    card = next(each for each in list_cards(run, step="start"))
    token = {"Authorization": f"Bearer {connection.server.token}"}
    page = _get(f"{connection.server.url}/api/v1/runs/{run}/cards/{card['digest']}", **token)
    assert page.status == 200 and page.headers["Content-Type"].startswith("text/html")
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Content-Security-Policy"].startswith("sandbox allow-scripts; default-src 'none'")
    assert _get(f"{connection.server.url}/api/v1/runs/{run}/cards/{'0' * 64}", **token).status == 404
    assert _get(f"{connection.server.url}/api/v1/runs/{run}/cards/{card['digest']}").status == 401


@pytest.mark.browser
@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
def test_a_browser_shows_the_card_and_runs_nothing_of_it(ours, tour, tmp_path):
    page = tmp_path / "card.html"
    ours.flow(TOUR, "card", "get", f"{tour.split('/')[1]}/start", str(page))
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    done = subprocess.run(
        [str(BROWSER), *options, "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=120, check=False
    )
    title = done.stdout.split("<title>")[1].split("</title>")[0]
    assert title.startswith("CardsTour/") and "<h1>A title</h1>" in done.stdout
    assert sys.platform != "linux" or '<rect x="12' in done.stdout
