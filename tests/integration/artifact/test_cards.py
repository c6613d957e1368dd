"""Cards: the newest state of each counts, whoever is late; only blobs of the project can be one."""

import json

import pytest
import pytest_asyncio

from headwater.api.artifact.v1 import artifact_pb2 as pb
from headwater.api.common.v1 import common_pb2
from headwater_server.kit.errors import InvalidArgument, NotFound
from tests.harness.waiting import eventually
from tests.integration.artifact.conftest import RUN

OTHER = "01890a5d-ac96-774b-bcce-b302099a8058"


def put(digest, attempt=1, sequence=1, slot="0", project="default", run=RUN, **more):
    key = common_pb2.TaskKey(run_id=run, step="train", index=3)
    card = pb.Card(
        key=key, task_id="3", attempt=attempt, slot=slot, type="default", digest=digest, sequence=sequence, **more
    )
    return pb.PutCardRequest(project=project, run_id=run, card=card)


@pytest_asyncio.fixture
async def told(bus):
    """Digest and subject of each card that is told of."""
    heard = []

    async def hear(msg):
        heard.append((json.loads(msg.data)["digest"], msg.subject))

    listener = await bus.connect("gateway")
    await listener.subscribe("hw.evt.v1.default.artifact.>", hear, concurrency=1)
    return heard


async def test_the_newest_state_of_a_card_counts(artifact, send, told):
    first, second, third = [await send(text) for text in (b"<p>1", b"<p>2", b"<p>3")]
    made = (await artifact.PutCard(put(first))).card
    assert made.size == 4 and made.HasField("updated_at") and not made.final
    assert (await artifact.PutCard(put(second, sequence=2, final=True))).card.digest == second
    assert (await artifact.PutCard(put(first))).card.digest == second  # a late one
    assert (await artifact.PutCard(put(third, attempt=2))).card.digest == third  # a new attempt begins anew
    assert (await artifact.PutCard(put(second, sequence=9))).card.digest == third  # a zombie of the first
    await artifact.PutCard(put(first, slot="1", id="loss"))
    await eventually(lambda: len(told) == 4)  # what came late was no news
    subject = f"hw.evt.v1.default.artifact.card_updated.{RUN}"
    assert told == [(digest, subject) for digest in (first, second, third, first)]

    listed = await artifact.ListCards(pb.ListCardsRequest(project="default", run_id=RUN, page_size=1))
    assert [card.slot for card in listed.cards] == ["0"]
    more = pb.ListCardsRequest(project="default", run_id=RUN, page_size=1, page_token=listed.next_page_token)
    assert [(card.slot, card.id) for card in (await artifact.ListCards(more)).cards] == [("1", "loss")]
    asked = pb.ListCardsRequest(project="default", run_id="latest", step="train", task_id="3")
    assert len((await artifact.ListCards(asked)).cards) == 2
    asked.task_id = "4"
    assert not (await artifact.ListCards(asked)).cards


async def test_what_is_no_card_is_refused(artifact, send):
    digest = await send(b"<p>")
    with pytest.raises(NotFound, match="has no blob"):
        await artifact.PutCard(put("0" * 64))
    with pytest.raises(InvalidArgument, match="needs slot"):
        await artifact.PutCard(put(digest, slot=""))
    await send(b"<p>", "theirs")
    await artifact.PutCard(put(digest, run=OTHER, slot="9"))
    with pytest.raises(NotFound, match="not a run of project"):
        await artifact.PutCard(put(digest, run=OTHER, slot="9", project="theirs", attempt=5))
    assert not (await artifact.ListCards(pb.ListCardsRequest(project="theirs", run_id=OTHER))).cards
