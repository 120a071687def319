"""Which bytes of which files are of which shard."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from elman.data.feeding import texts_of
from elman.data.shards.context import Context
from elman.data.shards.cuts import Place, aims, cuts_by_bytes, deal, settle
from elman.data.shards.files import FileSource, empty
from elman.data.shards.plan import ranges_from_json, ranges_to_json, shards_of
from elman.data.shards.workplace import UNPACKED
from elman.data.split import PARTS, Segment, split_by_fractions, whole
from elman.disk.atomic import write_atomic
from elman.errors import CheckpointError, ConfigError

_WHERE = {"character": "between two characters", "space": "behind spaces and line ends"}


class Dealing:
    """The files of a text, its parts, and their shards.

    Parameters
    ----------
    context : Context

    Attributes
    ----------
    sources : list of FileSource
        The files; of compressed ones, files with what is in them.
    segments : dict of str to list of Segment
        Which bytes of them are of which part.
    ranges : dict of str to list
        Of each shard of each part its stretches: the number of the file, the first byte, the one after the
        last, and whether it begins that file's segment.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self.sources = self._unpack()
        self.segments = self._split()
        self._learn()
        kept = context.place.read("ranges.json")
        if kept is None:
            kept = self._cut()
            context.place.write("ranges.json", kept)
        try:
            self.ranges: dict[str, list[list[list[Any]]]] = ranges_from_json(kept, len(self.sources))
        except (AttributeError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"what is known of the shards in {context.place.out} is damaged ({error}): give --overwrite "
                "to begin anew"
            ) from None

    def _unpack(self) -> list[FileSource]:
        """Write the texts of compressed files to files that can be read from anywhere."""
        place, files = self._context.place, self._context.plan.files
        sizes = place.read(UNPACKED) or {}
        paths = [Path(file.path) for file in files]
        orders: list[dict[str, Any]] = []
        for number, file in enumerate(files):
            if file.packed:
                paths[number] = path = place.work / f"unpacked-{number:05d}"
                if not path.exists() or path.stat().st_size != sizes.get(str(number)):
                    orders.append({"name": file.name, "path": file.path, "target": str(path), "of": number})
        for number, answer in self._context.work("unpacking", "unpack", orders):
            sizes[str(orders[number]["of"])] = answer["size"]
            place.write(UNPACKED, sizes)
        sources = [
            FileSource(file.name, path, number)
            for number, (file, path) in enumerate(zip(files, paths, strict=True))
        ]
        with_text = {file.part for file, source in zip(files, sources, strict=True) if source.size}
        for file, source in zip(files, sources, strict=True):
            if not source.size and (file.named or file.part not in with_text):
                raise empty(file)
        return sources

    def _split(self) -> dict[str, list[Segment]]:
        files = self._context.plan.files
        pairs = [pair for pair in zip(files, self.sources, strict=True) if pair[1].size]
        if files[0].part is None:
            cut_at = self._context.kind.cut_at
            return split_by_fractions([source for _, source in pairs], self._context.fractions, cut_at)
        separate = {part: [source for file, source in pairs if file.part == part] for part in PARTS}
        return whole({part: sources for part, sources in separate.items() if sources})

    def _learn(self) -> None:
        """Learn what must be known before any text is encoded, such as merges: one process reads it all."""
        context = self._context
        builder = None if context.chosen else context.builder()
        if builder is None or not builder.learns or context.learnt.exists():
            return
        context.report("learning", 0, 1)
        builder.learn(texts_of(segment, context.chunk) for segment in self.segments["train"])
        known = builder.known
        assert known is not None
        write_atomic(context.learnt, known.to_bytes())
        context.report("learning", 1, 1)

    def _cut(self) -> Any:
        sizes = {part: sum(s.stop - s.start for s in some) for part, some in self.segments.items()}
        counts = shards_of(sizes, self._context.plan.settings["shards"])
        first, ranges, numbers = next(iter(sizes)), {}, {}
        for part, count in counts.items():
            segments = self.segments[part]
            aimed = aims(segments, count)
            places = settle(segments, aimed, self._cuts(segments, aimed))
            if part == first and len(places) + 1 < count:
                raise self._too_many(part, sizes[part], count, len(places) + 1)
            ranges[part] = deal(segments, places)
            by_source = {id(source): source.number for source in self.sources}
            numbers[part] = [by_source[id(segment.source)] for segment in segments]
        return ranges_to_json(ranges, numbers)

    def _cuts(self, segments: Sequence[Segment], aimed: Sequence[Place]) -> dict[Place, int | None]:
        """Where the segments may be cut, near the places aimed at."""
        inner: dict[int, list[int]] = {}
        for place in aimed:
            if place.byte != segments[place.segment].start:
                inner.setdefault(place.segment, []).append(place.byte)
        restarts, lines_only = self._context.kind.restarts, self._context.lines_only
        cuts: dict[Place, int | None] = {}
        if restarts != "piece":
            for index, some in inner.items():
                found = cuts_by_bytes(segments[index], some, restarts, lines_only)
                cuts |= {Place(index, byte): cut for byte, cut in zip(some, found, strict=True)}
            return cuts
        orders: list[dict[str, Any]] = []
        for index, some in inner.items():
            source = segments[index].source
            assert isinstance(source, FileSource)
            stretch = [source.name, str(source.path), segments[index].start, segments[index].stop]
            orders.append({"segment": stretch, "aimed": some, "index": index})
        for number, answer in self._context.work("cutting", "cut", orders):
            index = orders[number]["index"]
            pairs = zip(inner[index], answer["cuts"], strict=True)
            cuts |= {Place(index, byte): cut for byte, cut in pairs}
        return cuts

    def _too_many(self, part: str, size: int, count: int, found: int) -> ConfigError:
        restarts = "line" if self._context.lines_only else self._context.kind.restarts
        where = {**_WHERE, "line": "behind line ends"}.get(restarts, "where its tokens allow")
        return ConfigError(
            f"{count} shards are too many for the {part} text of {size:,} bytes: cut {where}, it makes "
            f"about {found}; give fewer --shards"
        )
