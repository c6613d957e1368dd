"""Datasets without a server: names and URIs, globs, and which files a version ends up with."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.api.artifact.v1 import datasets_pb2 as pb
from headwater_server.artifact.datasets import limits, names
from headwater_server.artifact.datasets.creation import read
from headwater_server.artifact.datasets.names import DatasetUri, DatumUri, Version
from headwater_server.artifact.datasets.selection import File, Part, datum_id, digest_of, matcher, picked, select
from headwater_server.kit.errors import InvalidArgument

IDENT = uuid.UUID("01890a5d-ac96-774b-bcce-b302099a8057")
DIGEST = "ab" * 32


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("dataset://digits", DatasetUri("digits", Version())),
        ("dataset://digits/latest", DatasetUri("digits", Version())),
        ("dataset://digits/3", DatasetUri("digits", Version(3))),
        ("dataset://digits-v2.1/prod", DatasetUri("digits-v2.1", Version(word="prod"))),
        ("dataset://ziffern_für_ödön/3/a/b c.csv", DatasetUri("ziffern_für_ödön", Version(3), "a/b c.csv")),
        ("dataset://हिन्दी/1", DatasetUri("हिन्दी", Version(1))),
        (f"datum://{IDENT}", DatumUri(ident=IDENT)),
        (f"datum://{DIGEST}", DatumUri(digest=bytes.fromhex(DIGEST))),
        ("datum://model-prod", DatumUri(alias="model-prod")),
    ],
)
def test_a_uri_says_what_is_meant(text, parsed):
    assert names.parse_uri(text) == parsed
    assert names.is_reference(text) and not names.is_reference("s3://b/k") and not names.is_reference(3)


BAD_NAMES = [
    "", "..", "a..b", ".hidden", "-x", "_x", "a b", "a/b", "/etc", "a\\b", "a\0b", "a\nb", "x" * 201,
    "e\u0301te", "\uff21bc", "\ufb01x", "a\u202eb", "a\u200bb", "\u0301a", "naïve?", "a@b", "a%2Fb",
]  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_has_one_spelling(name):
    for check in (names.check_name, lambda n: names.check_word(n, "alias"), lambda n: names.parse_uri(f"datum://{n}")):
        with pytest.raises(InvalidArgument) as error:
            check(name)
        assert error.value.hint


@pytest.mark.parametrize("word", ["latest", "LATEST", "Latest", "3", "007", "٣"])
def test_a_word_is_no_version(word):
    with pytest.raises(InvalidArgument, match="alias"):
        names.check_word(word, "alias")


@pytest.mark.parametrize(
    "uri",
    ["dataset://", "dataset:///3", "dataset://a/", "dataset://a/3/", "dataset://a/3/../b", "dataset://a/3//b",
     "dataset://../3", "dataset://a/0", "dataset://a/-1", "dataset://a/1234567890", "datum://", "s3://b/k", "x"],
)  # fmt: skip
def test_a_uri_that_names_nothing(uri):
    with pytest.raises(InvalidArgument):
        names.parse_uri(uri)


BAD_PATHS = [
    "/a", "a/", "a//b", "../a", "a/../b", "a/./b", "a\\b", "a\0b", "a\nb", "a\u0085", "é" * 751,
    "e\u0301.csv", "evil\u202egpj.exe", "a\u200bb", "\ufeffa", "a\u2028b",
]  # fmt: skip


@pytest.mark.parametrize("path", BAD_PATHS)
def test_a_path_hides_nothing(path):
    with pytest.raises(InvalidArgument):
        names.check_file(path)


def test_paths_of_the_world_are_fine():
    for path in ("a/b c.csv", "ünïcode/é.txt", "日本/語.png", "שלום.txt", "👩\u200d🚀.png", "a..b", "-x"):
        assert names.check_file(path) == path


@pytest.mark.parametrize(
    ("glob", "yes", "no"),
    [
        ("*.csv", ["a.csv", "x/y/a.csv"], ["a.csvx", "a.txt"]),
        ("train/*.csv", ["train/a.csv"], ["a.csv", "train/x/a.csv", "x/train/a.csv"]),
        ("train/**/*.csv", ["train/a.csv", "train/x/y/a.csv"], ["test/a.csv"]),
        ("raw", ["raw", "raw/a", "raw/a/b", "x/raw/a"], ["raws", "x/raws/a"]),
        ("raw/", ["raw/a"], ["draw/a"]),
        ("a/b", ["a/b", "a/b/c"], ["x/a/b", "a/bc"]),
        ("**", ["a", "a/b/c"], []),
        ("x/**/z", ["x/z", "x/y/z", "x/y/y/z", "x/y/z/deep"], ["x/y", "z"]),
        ("[ab]?.txt", ["a1.txt", "q/b2.txt"], ["c1.txt", "a.txt"]),
        ("[!a].txt", ["b.txt"], ["a.txt"]),
        ("a+(b)", ["a+(b)"], ["aab"]),
    ],
)
def test_globs(glob, yes, no):
    matches = matcher([glob], "keep")
    assert [each for each in (*yes, *no) if matches(each)] == yes


@pytest.mark.parametrize("glob", ["", "/", "/a", "a//b", "../*", "a/./b", "a\nb", "x" * 501])
def test_what_is_no_glob(glob):
    with pytest.raises(InvalidArgument, match="keep"):
        matcher([glob], "keep")


@given(st.lists(st.sampled_from(["*", "**", "a", "b", "*a*", "?"]), min_size=1, max_size=40))
def test_a_glob_takes_no_time_whatever_it_is(parts):
    """Of those that backtrack, this would never end."""
    matcher(["/".join(parts), "*a" * 100 + "*b"], "exclude")("/".join(["a" * 200] * 40))


def file(path, content=b"x", **more):
    return File(path, datum_id("p", path, (content,), more.get("properties")), content, 1, **more)


def test_what_is_given_replaces_what_a_dataset_brings():
    base = Part("dataset://d/1", [file("a"), file("b"), file("c")], given=False)
    new = Part("", [file("b", b"new"), file("d")], given=True)
    for parts in ([base, new], [new, base]):
        found = select(parts)
        assert [(each.path, each.digest) for each in found.files] == [
            ("a", b"x"), ("b", b"new"), ("c", b"x"), ("d", b"x"),
        ]  # fmt: skip
        assert dict(zip((part.uri for part in parts), found.counts, strict=True)) == {"dataset://d/1": 2, "": 2}


def test_a_path_comes_once():
    same = [Part("dataset://d/1", [file("a")], given=False), Part("dataset://e/1", [file("a")], given=False)]
    assert select(same).counts == [1, 0]
    for given_ in (True, False):
        other = [Part("x", [file("a")], given_), Part("y", [file("a", b"other")], given_)]
        with pytest.raises(InvalidArgument, match="'a' is there twice, from 'x' and 'y'"):
            select(other)
    with pytest.raises(InvalidArgument, match="twice"):
        select([Part("", [file("a"), file("a", b"y")], given=True)])
    with pytest.raises(InvalidArgument, match="both a file and a folder"):
        select([Part("", [file("a/b/c"), file("a/b")], given=True)])


def test_keep_exclude_and_to():
    files = [file(path) for path in ("train/a.csv", "train/b.txt", "test/a.csv", "readme")]
    assert [each.path for each in picked(files, ["*.csv"], ["test"], "in/here")] == ["in/here/train/a.csv"]
    assert [each.path for each in picked(files, [], ["*.csv"], "")] == ["train/b.txt", "readme"]


def test_a_file_keeps_its_id_and_a_version_its_digest():
    one, again = file("a", properties={"x": 1, "y": 2}), file("a", properties={"y": 2, "x": 1})
    assert one.datum == again.datum
    others = {file("b").datum, file("a").datum, file("a", b"y").datum, datum_id("q", "a", (b"x",), None), one.datum}
    assert len(others) == 5
    assert digest_of([one]) == digest_of([file("a")]) != digest_of([file("a", b"y")])


def ask(**more):
    return pb.CreateDatasetVersionRequest(**{"project": "p", "dataset": "d", **more})


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (ask(), "sources"),
        (ask(dataset="../x", sources=[{"uri": "dataset://a"}]), "dataset"),
        (ask(sources=[{"files": [{"path": "a"}]}]), "sources[0].files[0]"),
        (ask(sources=[{"files": [{"path": "a", "digest": DIGEST, "object": {"uri": "s3://b/k"}}]}]),
         "sources[0].files[0]"),
        (ask(sources=[{"files": [{"path": "a", "digest": "abc"}]}]), "sources[0].files[0].digest"),
        (ask(sources=[{"files": [{"path": "a", "object": {"uri": "https://x/y", "etag": "e"}}]}]),
         "sources[0].files[0].object.uri"),
        (ask(sources=[{"files": [{"path": "a", "object": {"uri": "s3://b/k"}}]}]), "sources[0].files[0].object.etag"),
        (ask(sources=[{"uri": "dataset://a", "files": [{"path": "a", "digest": DIGEST}]}]), "sources[0].files"),
        (ask(sources=[{"uri": "dataset://a/b/"}]), "sources[0].uri"),
        (ask(sources=[{"uri": f"datum://{DIGEST}"}]), "sources[0].uri"),
        (ask(sources=[{"uri": "dataset://a", "to": "../x"}]), "path"),
        (ask(sources=[{"uri": "dataset://a", "keep": ["/"]}]), "sources[0].keep"),
        (ask(sources=[{"uri": "dataset://a"}], aliases=["latest"]), "aliases"),
        (ask(sources=[{"uri": "dataset://a"}], name="12"), "name"),
        (ask(sources=[{"uri": "dataset://a"}] * 101), "sources"),
        (ask(sources=[{"uri": "s3://b/" + "x" * 1900}] * 40), "sources"),
        (ask(sources=[{"uri": "dataset://a"}], tags={"": "x"}), "tags"),
        (ask(sources=[{"uri": "dataset://a"}], description="\0"), "description"),
    ],
)  # fmt: skip
def test_what_cannot_become_a_version(request_, field):
    with pytest.raises(InvalidArgument) as error:
        read(request_)
    assert error.value.field == field


def test_properties_are_bounded():
    assert limits.check_properties({}, "a") is None
    for wrong in ({"a": "x" * 17_000}, {"a": "\0"}):
        with pytest.raises(InvalidArgument, match="properties"):
            limits.check_properties(wrong, "a")
