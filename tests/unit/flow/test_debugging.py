"""Metaflow's variables for looking inside."""

import json

import pytest

from headwater.compat.metaflow.profiles import apply_profile
from headwater.errors import FlowError
from headwater.flow.debugging import debug, from_start, wanted
from headwater.flow.package import build


def test_only_what_is_asked_for_is_said(monkeypatch, tmp_path, capsys):
    (tmp_path / "flow.py").write_text("x = 1\n")
    build(str(tmp_path / "flow.py"), [])
    debug("conda", "uv")
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("METAFLOW_DEBUG_PACKAGE", "1")
    monkeypatch.setenv("METAFLOW_DEBUG_CONDA", "0")
    build(str(tmp_path / "flow.py"), [])
    debug("conda", "uv")
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("debug[package headwater/flow/package.py:")
    assert said.err.endswith("]: 1 files, 6 bytes: flow.py\n")
    assert wanted("package") and not wanted("conda")


def test_time_from_the_start(monkeypatch, capsys):
    from_start("nothing")
    monkeypatch.setenv("METAFLOW_PROFILE_FROM_START", "true")
    from_start("one")
    from_start("two")
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("From start: one took ") and second.startswith("From start: two took ")


def test_settings_of_a_profile(tmp_path):
    (tmp_path / "config_team.json").write_text(
        json.dumps({"METAFLOW_S3_RETRY_COUNT": 3, "METAFLOW_X": "a", "PATH": "b"})
    )
    environ = {"METAFLOW_PROFILE": "team", "METAFLOW_HOME": str(tmp_path), "METAFLOW_X": "mine"}
    apply_profile(environ)
    assert (environ["METAFLOW_S3_RETRY_COUNT"], environ["METAFLOW_X"], "PATH" in environ) == ("3", "mine", False)
    with pytest.raises(FlowError, match=f"Unable to locate METAFLOW_PROFILE 'other' in '{tmp_path}'"):
        apply_profile({"METAFLOW_PROFILE": "other", "METAFLOW_HOME": str(tmp_path)})
    (tmp_path / "config_bad.json").write_text("[")
    with pytest.raises(FlowError, match="METAFLOW_PROFILE 'bad': .* cannot be read"):
        apply_profile({"METAFLOW_PROFILE": "bad", "METAFLOW_HOME": str(tmp_path)})
