"""What components become: the values they were given, and nothing a browser would act on, however hostile these are."""

import time
from html.parser import HTMLParser

import pandas
import pytest

from headwater import cards
from headwater.cards import code, dag, markdown, page
from headwater.cards.component import markup
from headwater.cards.components import represent
from headwater.cards.vega import NotDrawn, draw

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\" onload='alert(3)' javascript:alert(4)"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
VOID = {"img", "br", "hr", "meta"}


class Reader(HTMLParser):
    """Reads a page as a browser would; fails on what could run or fetch, and on tags that do not match."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.open, self.words = [], [], []

    def handle_starttag(self, tag, attrs):
        assert tag not in ("script", "iframe", "object", "embed", "link", "base", "form"), tag
        for name, value in attrs:
            assert not name.startswith("on"), (tag, name)
            if name in ("href", "src"):
                assert value.startswith(("https://", "http://", "mailto:", "#", "data:image/")), value
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def read(*parts):
    reader = Reader()
    reader.feed(page.document("t", *(markup(part) for part in parts)))
    assert not reader.open
    reader.text = " ".join(" ".join(reader.words).split())
    return reader


def timeline():
    made = cards.EventsTimeline(EVIL)
    made.update({EVIL: EVIL}, style_theme="success", payloads={EVIL: cards.Markdown(EVIL)})
    return made


class Custom(cards.MetaflowCardComponent):
    def render(self):
        return EVIL


HOSTILE = {
    "artifact": lambda: cards.Artifact({EVIL: EVIL}, name=EVIL),
    "table": lambda: cards.Table([[EVIL, cards.Markdown(EVIL)], [1, None]], headers=[EVIL]),
    "dataframe": lambda: cards.Table.from_dataframe(pandas.DataFrame({EVIL: [EVIL]})),
    "error": lambda: cards.Error(ValueError(EVIL), EVIL),
    "markdown": lambda: cards.Markdown(f"# {EVIL}\n\n[x]({EVIL}) `{EVIL}`\n\n- {EVIL}\n\n|{EVIL}|\n|---|\n|{EVIL}|"),
    "progress": lambda: cards.ProgressBar(10, EVIL, 3, EVIL, EVIL),
    "value box": lambda: cards.ValueBox(EVIL, EVIL[:90], EVIL, "success", EVIL),
    "image label": lambda: cards.Image(PNG, EVIL),
    "image source": lambda: cards.Image(f"data:text/html,{EVIL}"),
    "vega": lambda: cards.VegaChart({"mark": EVIL, "title": EVIL}),
    "vega drawn": lambda: cards.VegaChart(
        {
            "title": EVIL, "mark": "bar", "data": {"values": [{"a": EVIL, "b": 1, "c": EVIL}]},
            "encoding": {"x": {"field": "a", "title": EVIL}, "y": {"field": "b", "type": "quantitative"},
                         "color": {"field": "c"}},
        }
    ),
    "code": lambda: cards.PythonCode(code_string=f"x = '''{EVIL}''' # {EVIL}"),
    "timeline": timeline,
    "json": lambda: cards.JSONViewer({EVIL: [EVIL]}, title=EVIL, max_height=EVIL),
    "yaml": lambda: cards.YAMLViewer({EVIL: [EVIL, {EVIL: 1}]}),
    "page": lambda: cards.PageComponent(EVIL, EVIL, [cards.Markdown(EVIL), EVIL]),
    "own": Custom,
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_values_stay_text(name):
    assert "alert(1)" in read(HOSTILE[name]()).text.replace("\\n", "") or name == "image source"


def test_a_graph_with_hostile_names_and_loops():
    steps = [{"name": EVIL, "next": ["b", "c"]}, {"name": "b", "next": ["d"]}, {"name": "c", "next": ["c", "d"]}]
    steps.append({"name": "d", "doc": EVIL})
    drawn = dag.draw(steps, "b", "running")
    read(drawn)
    assert drawn.count("<rect") == 4 and 'class="step running"' in drawn and 'class="step unknown"' in drawn


def test_markdown():
    shown = markdown.render(
        "# One\nsome **bold** and *thin*, `a < b`, [there](https://x.y/z)\n\n1. a\n2. b\n   - c\n\n"
        "> said\n\n```python\nx <- 1\n```\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n---\nsnake_case_name ~~gone~~"
    )
    for part in (
        "<h1>One</h1>", "<strong>bold</strong>", "<em>thin</em>", "<code>a &lt; b</code>", 'href="https://x.y/z"',
        "<ol><li>a</li><li>b<ul><li>c</li></ul></li></ol>", "<blockquote><p>said</p></blockquote>", "x &lt;- 1",
        "<th>a</th>", "<td>2</td>", "<hr>", "snake_case_name", "<del>gone</del>",
    ):  # fmt: skip
        assert part in shown, (part, shown)
    assert "javascript" not in [line for line in markdown.render("[x](javascript:y)").split('"') if "href" in line]


def test_values_are_shown_as_they_are():
    class Silent:
        def __repr__(self):
            raise RuntimeError

    assert "Silent instance" in represent(Silent()) and "whose repr() raises" in represent(Silent(), compressed=False)
    table = cards.Table.from_dataframe(pandas.DataFrame({"n": range(500)}))
    assert "and 400 more rows" in read(table).text
    assert "not supported" in read(cards.Table.from_dataframe([1])).text
    assert "not a matplotlib" not in read(cards.Image.from_matplotlib(object())).text
    assert "IMAGE_RENDER FAIL" in read(cards.Image.from_matplotlib(object())).text
    assert 'class="py-keyword">def</span>' in code.python("def f(): pass\n")
    assert "<pre" in code.python("def f(:")
    bar = cards.ProgressBar(4, "epochs", unit=" done")
    bar.update(1, "soon")
    assert "width:25.0%" in bar.render() and "soon" in bar.render()
    box = cards.ValueBox("T", 1)
    box.update(value=2)
    assert ">2<" in box.render()
    with pytest.raises(ValueError, match="cannot be empty"):
        cards.ValueBox("T", " ")
    with pytest.raises(TypeError, match="Value must be str, int, or float"):
        box.update(value=[1])
    with pytest.raises(TypeError, match="must be a component"):
        cards.EventsTimeline().update({}, payloads={"x": 1})
    assert "a: 1" in cards.YAMLViewer({"b": {"a": 1}}).render()


VALUES = {"data": {"values": [{"x": n, "y": n * n, "c": "ab"[n % 2], "d": f"2026-01-0{n + 1}"} for n in range(6)]}}
X, Y = {"field": "x", "type": "quantitative"}, {"field": "y", "type": "quantitative"}
CHARTS = {
    "line": ({"mark": "line", "encoding": {"x": X, "y": Y, "color": {"field": "c", "type": "nominal"}}}, "<path", 2),
    "points": ({"mark": {"type": "point"}, "encoding": {"x": X, "y": Y}}, "<circle", 6),
    "mean": ({"mark": "bar", "encoding": {"x": {"field": "c"}, "y": {"aggregate": "mean", "field": "y"}}}, "<rect", 2),
    "histogram": ({"mark": "bar", "encoding": {"x": {"field": "x", "bin": True}, "y": {"aggregate": "count"}}},
                  "<rect", 6),
    "lying": ({"mark": "bar", "encoding": {"y": {"field": "c"}, "x": {"aggregate": "sum", "field": "y"}}}, "<rect", 2),
    "time": ({"mark": "area", "encoding": {"x": {"field": "d", "type": "temporal"}, "y": Y}}, "<path", 1),
    "layers": ({"layer": [{"mark": "line"}, {"mark": "point"}], "encoding": {"x": X, "y": Y}}, "<circle", 6),
    "side by side": ({"hconcat": [{"mark": "point", "encoding": {"x": X, "y": Y}}] * 2}, "<svg", 2),
}  # fmt: skip


@pytest.mark.parametrize("name", CHARTS)
def test_charts_are_drawn(name):
    spec, mark, count = CHARTS[name]
    drawn = draw({**VALUES, **spec})
    read(drawn)
    assert drawn.split("<g")[0].count(mark) - (drawn.count('height="10"') if mark == "<rect" else 0) == count


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"mark": "geoshape", "encoding": {"x": X}}, "mark 'geoshape'"),
        ({"mark": "bar", "encoding": {"theta": Y}}, "neither x nor y"),
        ({"mark": "bar", "encoding": {"x": X}, "transform": []}, "'transform'"),
        ({"mark": "bar", "encoding": {"x": {"aggregate": "stdev", "field": "x"}, "y": Y}}, "'stdev'"),
        ({"mark": "line", "encoding": {"x": X, "y": Y}, "data": {"url": "https://x"}}, "not inside"),
        ([], "not an object"),
    ],
)
def test_what_is_not_drawn_is_said(spec, why):
    with pytest.raises(NotDrawn, match=why):
        draw({**VALUES, **spec} if isinstance(spec, dict) else spec)


@pytest.mark.parametrize("mark", ["`a", "*", "[", "**a ", "_a ", "![a", "~~", "> ", "- a\n", "|a"])
def test_markdown_full_of_marks_takes_no_time_by_the_square(mark):
    began = time.process_time()
    markdown.render(mark * 3000)
    assert time.process_time() - began < 3
