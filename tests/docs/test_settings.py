"""The tables of variables: the settings' is generated, the set-up's is what its script reads."""

import re
import runpy

from tests.docs.blocks import ROOT, pages

SET_UP = {"CLIPAD_TORCH", "CLIPAD_TORCH_INDEX", "CLIPAD_PYTHON", "CLIPAD_MIN_FREE_GIB"}


def test_the_table_of_settings_is_the_settings() -> None:
    page = pages()["docs/settings.md"]
    shown = re.search(r"<!-- settings: \S+ -->\n(.*?)\n<!-- settings end -->", page, re.DOTALL)
    assert shown
    table = runpy.run_path(str(ROOT / "scripts" / "lib" / "settings_table.py"))["table"]
    assert shown[1] == table(), "run scripts/lib/settings_table.py and put its output there"


def test_variables_of_the_set_up_are_the_ones_it_reads() -> None:
    script = (ROOT / "scripts" / "lib" / "venv.sh").read_text(encoding="utf-8")
    page = pages()["docs/set-up.md"]
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) >= SET_UP
    read = set(re.findall(r"\$\{?(CLIPAD_\w+)", script))
    assert read - {"CLIPAD_ROOT", "CLIPAD_RUNTIME"} == SET_UP
