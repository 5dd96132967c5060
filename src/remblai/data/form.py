"""What all pictures of a set become: one size, one number of channels, one type of numbers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from remblai.data.pixels import Facts
from remblai.runtime.text import one_line

Known = Mapping[int, Facts]


@dataclass(frozen=True)
class Form:
    """The shape (h, w, c) and the type of the numbers of all pictures, and what to say about it."""

    shape: tuple[int, int, int]
    depth: str
    notes: tuple[str, ...]


def form_of(
    known: Known, names: Sequence[str], source: str, side: int | None, channels: int | None, stack: bool
) -> Form:
    """The form that holds every picture; what is lost is in its notes.

    Args:
        known: the headers, by number.
        names: of all pictures.
        source: what errors call the place they come from.
        side: pixels of a side, where the options say it.
        channels: where the options say it; None takes grey or RGB, with alpha where all pictures have it.
        stack: the pages of each file become its channels.

    Raises:
        ValueError: several sizes, numbers of pages or types of numbers that do not go together.
    """
    h, w = (side, side) if side is not None else _one_size(known, names, source)
    notes: list[str] = []
    if stack:
        c = _one_count(known, names, source)
        depth = _depth(known, names, source, grey=True, notes=notes)
        return Form((h, w, c), depth, tuple(notes))
    several = [number for number, of in known.items() if of.pages > 1]
    if several:
        notes.append(
            f"{len(several)} of {len(known)} files have several pages, as {names[several[0]]} with "
            f"{known[several[0]].pages}, of which the first is read: --pages frames or --pages channels reads all"
        )
    c = channels or _channels(known, names, notes)
    return Form((h, w, c), _depth(known, names, source, grey=c == 1, notes=notes), tuple(map(one_line, notes)))


def _channels(known: Known, names: Sequence[str], notes: list[str]) -> int:
    colour = any(of.colour for of in known.values())
    clear = [number for number, of in known.items() if of.alpha]
    if clear and len(clear) < len(known):
        notes.append(
            f"{len(clear)} of {len(known)} images have alpha, as {names[clear[0]]}, and are laid on white: "
            f"--channels {4 if colour else 2} keeps alpha for all"
        )
    return (3 if colour else 1) + (1 if clear and len(clear) == len(known) else 0)


def _depth(known: Known, names: Sequence[str], source: str, grey: bool, notes: list[str]) -> str:
    """The type of the numbers of all; colour is read with 8 bits."""
    examples = {of.depth: number for number, of in reversed(list(known.items()))}
    wide = [depth for depth in ("float32", "int32") if depth in examples]
    if wide and (len(examples) > 1 or not grey):
        raise ValueError(
            f"{one_line(names[examples[wide[0]]])} in {one_line(source)} has 32-bit pixels ({wide[0]}), and others "
            "are of another kind or colours: save all with 8 or 16 bits, or as .npy"
        )
    if wide:
        return wide[0]
    deep = [number for number, of in known.items() if of.depth == "uint16"]
    narrowed = [number for number, of in known.items() if of.narrowed]
    if narrowed:
        notes.append(f"{len(narrowed)} images have 16-bit colours, as {names[narrowed[0]]}, read with 8 bits")
    if not deep:
        return "uint8"
    if not grey:
        notes.append(f"{len(deep)} grey images have 16 bits, as {names[deep[0]]}, and are read with 8, as colours are")
        return "uint8"
    if len(deep) < len(known):
        notes.append(f"{len(known) - len(deep)} of {len(known)} images have 8 bits: they are multiplied by 257")
    return "uint16"


def _one_size(known: Known, names: Sequence[str], source: str) -> tuple[int, int]:
    examples = {(of.height, of.width): number for number, of in reversed(list(known.items()))}
    if len(examples) == 1:
        return next(iter(examples))
    counts = Counter((of.height, of.width) for of in known.values())
    shown = ", ".join(f"{w}x{h} ({count}, as {names[examples[h, w]]})" for (h, w), count in counts.most_common(3))
    raise ValueError(
        one_line(
            f"the images in {source} have {len(counts)} different sizes, width x height: {shown}"
            f"{', ...' if len(counts) > 3 else ''}. A model needs one: --size N resizes the shorter side to N and "
            "keeps the middle square"
        )
    )


def _one_count(known: Known, names: Sequence[str], source: str) -> int:
    examples = {of.pages: number for number, of in known.items()}
    if len(examples) > 1:
        shown = ", ".join(f"{pages} ({names[number]})" for pages, number in sorted(examples.items())[:3])
        raise ValueError(
            one_line(f"the files in {source} have different numbers of pages: {shown}. Channels need one number")
        )
    return next(iter(examples))
