"""How soon changed feeds are ready after a big apply: all events of all institutions are others.

All institutions of the bundled documents (some 90 events each, a province with hundreds), and a
thousand invented hospitals of twenty events, each with an address in use. Every title is edited and
applied; then what ``duban serve`` does twice a second is done once. Counted for each feed is the
time by the clock from the look until it is on the shelf that requests are answered from; a look
begins half a second after the commit at the latest. Printed: how long noticing takes, when the
first, the tenth, the hundredth, half and all were ready while nobody asked (who asks for one is not
kept waiting by the others: ``feeds_replicas.py``). The recorded ratio is half / all.
"""

from __future__ import annotations

import re
import tempfile
import time
from pathlib import Path

from benchmarks import subscribed
from benchmarks.feeds_growth import house
from benchmarks.rounds import Ratio, record
from scheduler import applying, store
from scheduler.loading import Loaded, from_texts, load
from scheduler.proposing import Candidates, propose
from web.watch import Watch

TITLE = re.compile(r"(\n\s*(?:- )?title: )(['\"]?)")


def edited(files: Loaded) -> Loaded:
    """Return documents with another title of every obligation."""
    texts = {
        name: (TITLE.sub(r"\1\2新", workflow), tables)
        for name, (workflow, tables) in files.texts.items()
    }
    built = {name: from_texts(*text) for name, text in texts.items()}
    return Loaded(
        {name: document for name, (document, _) in built.items()},
        {name: roster for name, (_, roster) in built.items()},
        files.workdays, (), texts,
    )  # fmt: skip


def served(files: Loaded, root: Path) -> list[float]:
    """Return the seconds after which each feed was served, in order."""
    engine = subscribed.built(f"sqlite:///{root / 'duban.db'}", files)
    owners = sorted({one for roster in files.rosters.values() for one in roster.institutions})
    subscribed.addresses(engine, owners)
    built = house(engine, 1, root)
    world = subscribed.world(files)
    built.known, built._files = files, ((), files)
    built.upkeep.look()
    built.shelf.refresh()
    new = edited(files)
    with store.writing(engine) as session:
        proposal = propose(
            session, Candidates(new.documents, new.rosters, new.texts), subscribed.NOW, world
        )
        print(f"  {len(proposal.changes.moves)} occurrences edited, {len(owners)} feeds")
        applying.carry_out(session, proposal, subscribed.NOW, "测")
    at: dict[str, float] = {}
    take = built.shelf.take

    def taken(owner: str) -> None:
        take(owner)
        at[owner] = time.perf_counter() - begun

    built.shelf.take = taken  # type: ignore[method-assign]
    watch = Watch(built)
    assert built.world.documents.keys() == files.documents.keys()
    begun = time.perf_counter()
    watch.notice()
    print(f"  noticed after {time.perf_counter() - begun:.2f} s")
    watch.work()
    for owner in owners:
        kept = built.shelf.feed(owner)
        assert kept is not None
        assert kept.body is None or "新".encode() in kept.body or b"info/" in kept.body
    watch.close()
    engine.dispose()
    return sorted(at.values())


def main() -> None:
    bundled = load()
    assert not bundled.faulty
    for name, files in (
        ("325 institutions of the bundled documents", bundled),
        ("1,000 hospitals of twenty events", subscribed.loaded(999, 20)),
    ):
        with tempfile.TemporaryDirectory() as folder:
            at = served(files, Path(folder))
        marks = {"first": 0, "10th": 9, "100th": 99, "half": len(at) // 2, "all": len(at) - 1}
        said = ", ".join(f"{word} {at[place]:.1f} s" for word, place in marks.items())
        print(f"{name}: {said}", flush=True)
        record(f"feeds: after a big apply, half / all, {name}", Ratio((at[len(at) // 2] / at[-1],)))


if __name__ == "__main__":
    main()
