"""What lies in a folder: pictures, folders, and the litter that systems leave, which is neither.

Pictures are told by their suffixes, in any case, as `app.images.formats` has them. Litter is what
nobody put there to be looked at: hidden files, thumbnails, recycle bins, another system's notes.
Knows nothing of what the pictures show.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from app.images.formats import OTHER_SUFFIXES, SUFFIXES

_LITTER = frozenset(
    (
        # Windows
        "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "picasa.ini",
        "$recycle.bin", "recycler", "recycled", "system volume information",
        # macOS and the shares it was at
        "__macosx", "icon\r", "network trash folder", "temporary items",
        # Synology, QNAP and others: thumbnails, bins, states of earlier days
        "@eadir", "@tmp", "@recycle", "#recycle", "@recently-snapshot", "#snapshot", "@sharebin",
        # Linux, notebooks
        "lost+found", "__pycache__",
    )
)  # fmt: skip


def is_litter(name: str) -> bool:
    """Whether a file or folder of this name is left out; all that is hidden is (`.a`, `._a`)."""
    return name.startswith(".") or name.casefold() in _LITTER


def is_picture_name(name: str) -> bool:
    """Whether pictures are called like this, those that cannot be read too."""
    suffix = Path(name).suffix.lower()
    return suffix in SUFFIXES or suffix in OTHER_SUFFIXES


def is_picture(path: Path) -> bool:
    """Whether this has the name of a picture and is a file (or a broken link)."""
    return is_picture_name(path.name) and (path.is_file() or not path.exists())


def listed(folder: Path) -> list[Path]:
    """What lies directly in a folder, sorted by name, without litter. Raises OSError."""
    entries = (path for path in folder.iterdir() if not is_litter(path.name))
    return sorted(entries, key=lambda path: path.name)


def pictures_in(folder: Path) -> list[Path]:
    """The pictures directly in a folder, sorted by name; perhaps none. Raises OSError."""
    return [path for path in listed(folder) if is_picture(path)]


def folders_in(folder: Path) -> list[Path]:
    """The folders directly in a folder, sorted by name; perhaps none. Raises OSError."""
    return [path for path in listed(folder) if path.is_dir()]


def _none(_: Path) -> bool:
    return False


def walk(folder: Path, skip: Callable[[Path], bool] = _none) -> Iterator[Path]:
    """The folder and all below, each real one once, but for litter and what `skip` says.

    Linked folders are followed, after those that lie there themselves; a link back to a folder
    that it lies in is not. Raises OSError for a folder that cannot be listed.
    """
    seen: set[Path] = set()
    there, linked = [folder], list[Path]()
    while there or linked:
        current = there.pop() if there else linked.pop(0)
        real = current.resolve()
        if real in seen or skip(current):
            continue
        seen.add(real)
        yield current
        for below in folders_in(current):
            if not below.is_symlink():
                there.append(below)
            elif not real.is_relative_to(below.resolve()):
                linked.append(below)
