"""What a document's stationing schedule looks like over some days: findings and coverage. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from config.roster import Pairing, Roster
from scheduler import stationing
from scheduler.records import Term
from scheduler.stationing import DAY, Finding, Span
from scheduler.wordings import versions
from workflows.document import Document, Duty
from workflows.kinds import RotationRule

NO_RULE = RotationRule(term_of="batch")


@dataclass(frozen=True)
class Sheet:
    """One pairing's schedule within a window: its terms, what is to be seen in them, coverage.

    ``percent`` is that of the window, ``years`` of each calendar year's part of it.
    """

    pairing: Pairing
    rule: RotationRule
    window: Span
    terms: tuple[Term, ...]
    findings: tuple[Finding, ...]
    percent: float
    years: tuple[tuple[int, float], ...]


def sheets(
    document: Document, roster: Roster, terms: Iterable[Term], first: date, last: date
) -> list[Sheet]:
    """Return the schedules of the pairings that hold on any day from ``first`` to ``last``.

    ``terms`` are those of all documents, so that whoever is at two sites is found. The window of a
    pairing is cut to the document's validity and the pairing's own days.
    """
    everybody = list(terms)
    double = stationing.clashes(everybody)
    found: list[Sheet] = []
    for pairing in roster.pairings:
        window = _window(document, pairing, first, last)
        if not window.days:
            continue
        mine = [
            term
            for term in everybody
            if (term.document, term.supporter, term.recipient)
            == (document.id, pairing.supporter, pairing.recipient)
        ]
        rules = _rules(document, pairing)
        findings = list(_findings(mine, rules, window, roster.institutions[pairing.recipient].type))
        findings += _double(double, document.id, pairing, window, roster)
        days = stationing.spans(mine)
        found.append(
            Sheet(
                pairing,
                _rule_on(rules, window.until - DAY),
                window,
                tuple(t for t in mine if Span(t.from_, t.until).meets(window)),
                tuple(sorted(findings, key=lambda one: (one.from_, one.until, one.what))),
                stationing.percent(days, window),
                tuple(
                    (year, stationing.percent(days, part))
                    for year, part in stationing.years(window)
                ),
            )
        )
    return found


def _window(document: Document, pairing: Pairing, first: date, last: date) -> Span:
    from_ = max(first, document.binds_from, pairing.from_ or date.min)
    ends = [last + DAY, document.ends and document.ends + DAY, pairing.until]
    return Span(from_, min(day for day in ends if day))


Rules = Sequence[tuple[date | None, RotationRule]]


def _rules(document: Document, pairing: Pairing) -> Rules:
    """Return the rules of a pairing's rotation with the days since which each holds."""
    duties: list[Duty] = [one for one in document.obligations if one.kind == "rotation"]
    for duty in duties:
        if not duty.programme or pairing.programme in ("", duty.programme):
            return [(wording.since, wording.rule) for wording in versions(document, duty)]
    return [(None, NO_RULE)]


def _rule_on(rules: Rules, day: date) -> RotationRule:
    held = [rule for since, rule in rules if since is None or since <= day]
    return held[-1] if held else rules[0][1]


def _findings(
    terms: Sequence[Term], rules: Rules, window: Span, type_: str
) -> Iterator[Finding]:
    days = stationing.spans(terms)
    for gap in stationing.gaps(days, window):
        full = _rule_on(rules, gap.from_).full_year
        said = "没有登记派驻人员" if full else "没有登记派驻人员（文件没有要求不留空档）"
        yield Finding("gap", *gap, said, full)
    for twice in stationing.overlaps(days):
        if (cut := twice.cut(window)).days:
            many = sum(Span(term.from_, term.until).meets(cut) for term in terms)
            yield Finding("overlap", *cut, f"{many}批同时在岗", False)
    for since, rule in rules:
        later = min((day for day, _ in rules if day and (since is None or day > since)), default=None)
        held = [
            term
            for term in terms
            if (since is None or term.from_ >= since) and (later is None or term.from_ < later)
        ]
        for one in (*stationing.lengths(held, rule), *stationing.teams(held, rule, type_)):
            if Span(one.from_, one.until).meets(window):
                yield one
    for handover in stationing.handovers(terms):
        rule = _rule_on(rules, handover.last_day)
        if window.from_ <= handover.last_day < window.until:
            said = f"本批{handover.leaving}人驻点期满；{stationing.said(handover, rule.full_year)}"
            yield Finding("handover", handover.last_day, handover.last_day + DAY, said, rule.rotate)


def _double(
    clashes: Iterable[stationing.Clash], document: str, pairing: Pairing, window: Span, roster: Roster
) -> Iterator[Finding]:
    for clash in clashes:
        term, other = clash.term, clash.other
        mine = (term.document, term.supporter, term.recipient)
        if mine != (document, pairing.supporter, pairing.recipient):
            continue
        if (cut := clash.span.cut(window)).days:
            known = roster.institutions.get(other.recipient)
            where = known.name if known else other.recipient
            where += "" if other.document == document else f"（{other.document}）"
            yield Finding("double-placed", *cut, f"{clash.person} 同时登记在{where}", True)


def objects(found: Iterable[Sheet], roster: Roster) -> list[dict[str, Any]]:
    """Return the flat list of ``duban shift report``: findings by first day, then coverage.

    Dates are YYYY-MM-DD; ``until`` is exclusive.
    """
    rows: list[dict[str, Any]] = []
    totals: list[dict[str, Any]] = []
    for sheet in found:
        who = {
            "supporter": roster.institutions[sheet.pairing.supporter].name,
            "recipient": roster.institutions[sheet.pairing.recipient].name,
            "pairing": sheet.pairing.id,
        }
        rows += [
            who
            | {
                "finding": one.what,
                "from": one.from_.isoformat(),
                "until": one.until.isoformat(),
                "enforced": one.enforced,
                "detail": one.detail,
            }
            for one in sheet.findings
        ]
        totals.append(
            who
            | {
                "coverage_percent": sheet.percent,
                "from": sheet.window.from_.isoformat(),
                "until": sheet.window.until.isoformat(),
                "years": [
                    {"year": year, "coverage_percent": percent} for year, percent in sheet.years
                ],
            }
        )
    rows.sort(key=lambda row: (row["from"], row["pairing"], row["until"], row["finding"]))
    return [*rows, *totals]
