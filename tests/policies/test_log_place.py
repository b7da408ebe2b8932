"""Where a log and a bundle may stand: neither may be deleted when the other is replaced."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders.bundles import small_bundle
from builders.server_logs import HEADER, decision, write

from shopgym.core import InvalidInput
from shopgym.core.files import LOG_FILE, folder_with, make_folder, new_folder
from shopgym.policies.decision_log import compact
from shopgym.policies.decision_log.append_log import AppendLog
from shopgym.policies.serving.bundle import load_bundle
from shopgym.policies.serving.server import make_app


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    small_bundle(tmp_path / "bundle")
    return tmp_path / "bundle"


@pytest.mark.parametrize("place", [".", "log", "arrays/deep/log", "../bundle/log"])
def test_a_log_folder_in_a_bundle_is_refused(bundle: Path, place: str) -> None:
    with pytest.raises(InvalidInput, match=r"log_dir = .*is replaced as a whole: give a place beside it"):
        make_app(load_bundle(bundle), bundle / place)
    assert load_bundle(bundle).hash == small_bundle(bundle).hash


def test_a_link_into_a_bundle_is_followed(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(bundle, target_is_directory=True)
    with pytest.raises(InvalidInput, match="log_dir"):
        make_app(load_bundle(bundle), tmp_path / "link" / "log")


def test_a_bundle_with_a_log_in_it_is_not_replaced(bundle: Path) -> None:
    """As an earlier version let it happen."""
    with AppendLog(bundle / "log" / LOG_FILE) as log:
        log.append([b"kept\n"])
    with pytest.raises(InvalidInput, match=r"it holds log/decisions\.log"):
        small_bundle(bundle)
    assert (bundle / "log" / LOG_FILE).read_bytes() == b"kept\n"


@pytest.mark.parametrize("place", [".", "bundle", "deep/bundle"])
def test_a_bundle_in_a_log_folder_is_refused(tmp_path: Path, place: str) -> None:
    AppendLog(tmp_path / "log" / LOG_FILE).close()
    with pytest.raises(InvalidInput, match=r"bundle\.path"):
        small_bundle(tmp_path / "log" / place)
    assert [path.name for path in (tmp_path / "log").rglob("*")] == [LOG_FILE]


def test_a_bundle_in_a_bundle_is_refused(bundle: Path) -> None:
    with pytest.raises(InvalidInput, match=r"bundle\.path"):
        small_bundle(bundle / "inner")
    load_bundle(bundle)


def test_a_decision_log_is_not_written_into_a_bundle(bundle: Path, tmp_path: Path) -> None:
    log = compact(write(tmp_path / "log", HEADER, decision(1)))
    for place in ("served.parquet", "served"):
        with pytest.raises(InvalidInput, match=r"log\.path"):
            log.write(bundle / place)
    load_bundle(bundle)


def test_no_folder_with_a_log_is_replaced(tmp_path: Path) -> None:
    """Runs, leaderboards and saved policies are replaced as bundles are."""
    AppendLog(tmp_path / "run" / "served" / LOG_FILE).close()
    with pytest.raises(InvalidInput, match="would replace the log"), new_folder(tmp_path / "run"):
        pytest.fail("refused before any work")
    (tmp_path / "other").mkdir()

    def replaced_while_a_server_starts() -> None:
        with new_folder(tmp_path / "other"):
            AppendLog(tmp_path / "other" / LOG_FILE).close()

    with pytest.raises(InvalidInput, match="would replace the log"):
        replaced_while_a_server_starts()
    assert (tmp_path / "other" / LOG_FILE).is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "run"]


def test_folders_by_file(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    (tmp_path / "a" / "mark").write_text("")
    assert folder_with(tmp_path / "a" / "b" / "not" / "yet", "mark") == (tmp_path / "a").resolve()
    assert folder_with(tmp_path, "mark-that-is-nowhere") is None
