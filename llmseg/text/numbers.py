"""Stage, doses, fractions, nodal levels and operations: what a note says in codes and numbers."""

from __future__ import annotations

import re
from collections import defaultdict

from llmseg.text.lexicon import ORGANS_AT_RISK, OTHER_CANCERS, SURGERY
from llmseg.text.reading import Found, Mention, Page, words

_P = r"(?:[cpyr]|yp|yc|rc)?"
_STAGES = {
    "T": re.compile(
        rf"(?<![a-z\d]){_P}\s?t[ -]?(?:(?:stage|category)\s*[:=]?\s*{_P}t?)?(?:\s*([0-4](?:[ab](?![a-z]))?|x)|(is))(?![\da-z]|\.\d)(?!\)?[- ]?(?:w\b|wi\b|weighted|flair|signal|hyper|hypo|vertebr|spine|post|contrast|fat|image|sequence|stir|tse|axial|mri|body|level|-t?\d))"
    ),
    "N": re.compile(
        rf"(?<![a-z])(?<!\d\s){_P}\s?n[ -]?(?:(?:stage|category)\s*[:=]?\s*{_P}n?)?\s*([0-3](?:[a-c](?![a-z]))?|x)(?:\(?sn?\)?)?(?:[+-])?(?=[cp]?m[ -]?[01x]|[^\da-z]|$)"
    ),
    "M": re.compile(
        r"(?<![a-z])(?:[cp]?)m[ -]?(?:(?:stage|category)\s*[:=]?\s*[cp]?m?)?\s*([01x](?:[a-c](?![a-z]))?)(?![\da-z/]|\.\d)"
    ),
}
# With no space between them: "t2n1m0".
_TOGETHER = re.compile(
    rf"(?<![a-z\d]){_P}t[ -]?([0-4][ab]?|x|is)(?:\([^)]{{0,6}}\))?(?:[\s,/;-]{{0,3}}| and ){_P}n[ -]?([0-3][a-c]?|x)(?:\([^)]{{0,6}}\)|[+-])?(?:[\s,/;-]{{0,3}}[cp]?m[ -]?([01x][a-c]?))?(?![a-z\d])"
)
_BEFORE_STAGE = re.compile(
    r"\b(?:initial\w*|original\w*|previous\w*|prior|old|first|was|formerly|upstaged from|downstaged from|from)\s+(?:\w+\s){0,2}$"
)
_AFTER_CHANGE = re.compile(r"\b(?:now|restaged|current\w*|final\w*|up-?staged to|consensus|revised|to)\b[^.;]{0,20}$")

_GY = r"(?:c?gy|c?grays?|centigrays?)"
_NUMBER = r"(?:\d,\d{3}|\d{2,4}(?:\.\d{1,2})?)"
_DOSE = re.compile(
    rf"(?<![\d.])({_NUMBER}(?:\s*{_GY})?(?:\s*(?:/|,|\+|&|-|\band\b|\bthen\b|\bor\b|;|\|)\s*(?:and\s+)?{_NUMBER}(?:\s*{_GY})?){{0,4}})\s*{_GY}?(?![\d%]|\.\d|[- ]?(?:y|yo|y/o|yrs?|years?|f|m)\b)"
)
_FRACTIONATED = re.compile(
    rf"\s*,?\s*(?:at )?\d+(?:\.\d+)?\s*{_GY}\s*(?:per|a|/)|\s*(?:\(|in|over|/|@|x|,)?\s*(?:in |over )?\d{{1,2}}\s*(?:#|fx|fractions?|fr\b|f\b|frac|treatments|daily)"
)
_DOSE_LABEL = re.compile(
    r"\b(?:dose(?: levels?)?s?|rx|prescri\w+|prescribed doses?|gy|planned doses?|ptv|sib|levels)\s*(?:to|of|is|are)?\s*[:=]?\s*$"
)
_PTV = re.compile(
    r"\b(?:ptv|ctv|gtv)[_ -]?(?:high|mid|low|hr|ir|lr|[1-3])?[_ -]?(\d{4}|\d{2}(?:\.\d{1,2})?)\b(?!\s*(?:ml|cc|mm))"
)
_LIMIT = re.compile(
    r"[<≤>]|\b(?:max(?:imum)?|d?mean|dmax|d(?:0\.\d+|\d+)(?:cc|%)?|v\d+|constraints?|toleran\w+|limit\w*|not exceed\w*|exceed\w*|below|under|less than|keep\w*|objective\w*|near max)\b"
)
_PAST_DOSE = re.compile(
    r"\b(?:st\.? ?p\b|previous\w*|prior|received|years? ago|yrs? ago|history of|in (?:19|20)\d\d|for (?:breast|prostate)|s/p|pelvi\w*|breast|prostate|mantle|hodgkin\w*|lymphoma|lung|whole[- ]brain)\b"
)

_FRACTIONS = re.compile(
    r"(?<![\d.])(\d{1,2})\s*(?:daily\s+|once[- ]daily\s+)?(?:#|fx|fxs|fractions?|fractionated|frac|fr|sessions|times|treatments|attendances)(?![a-z\d])"
    r"(?!\s*(?:per|a|each|/)\s*(?:day|week))"
)
_OVER = re.compile(
    rf"(?:\d(?:\.\d+)?\s*{_GY}\s*(?:/|in|over|x)|\d{{2}}(?:\.\d+)?\s*(?:in|over|x))\s*(\d{{1,2}})f?\b"
    rf"(?!\s*(?:weeks?|{_GY}|/|-|\.\d|years?|ml|mm|cm|\d|nodes?|lymph|days?|months?))"
)

_TIMES = re.compile(
    rf"(?<![\d.])(\d{{1,2}})\s*[x×]\s*\d{{1,2}}(?:\.\d+)?\s*{_GY}"
    rf"|{_GY}\s*(?:(?:per|a|/)\s*(?:day|fraction|fx|#)\s*)?[x×]\s*(\d{{1,2}})\b|\bfraction \d{{1,2}} of (\d{{1,2}})\b"
)

_ROMAN = {name: number for number, name in enumerate(("i", "ii", "iii", "iv", "v", "vi", "vii"), start=1)}
_LEVEL = r"(?:vii|vi|iv|v|iii|ii|i|[1-7])(?:-?[ab](?![a-z]))?(?:/[ab](?![a-z]))?"
_LEVELS = re.compile(
    rf"\b(?:nodal |neck |lymph node |left |right |ln )?(?:levels?|lvls?|stations?)\s+({_LEVEL}(?:\s*(?:-|to|through|,|/|and|&|\+)\s*{_LEVEL})*)(?![\w])"
)


def stage_of(page: Page) -> tuple[dict[str, str], list[Mention]]:
    """Letter -> category ("T" -> "T4a") of the present disease, without prefixes."""
    candidates: dict[str, list[tuple[float, int, str, Found]]] = defaultdict(list)
    for found in page.find(_TOGETHER):
        for letter, value in zip("TNM", found.match.groups(), strict=True):
            if value:
                candidates[letter].append((_stage_score(page, found) + 3, found.start, value, found))
    for letter, pattern in _STAGES.items():
        for found in page.find(pattern):
            if _is_stage(page, found, letter):
                value = next(group for group in found.match.groups() if group)
                candidates[letter].append((_stage_score(page, found), found.start, value, found))
    stage, mentions = {}, []
    for letter, seen in candidates.items():
        score, _, value, found = max(seen, key=lambda s: (s[0], -s[1]))
        if score > 0:
            stage[letter] = f"{letter}{value.upper() if value == 'x' else value}"
            mentions.append(page.mention(f"{letter.lower()}_stage", found.start, found.end))
    return stage, mentions


def _stage_score(page: Page, found: Found) -> float:
    before = page.before(found, 40)
    score = 2.0 + 1 * ("stag" in page.words_of(found.sentence) or "tnm" in page.words_of(found.sentence))
    score += 2 * (found.sentence.section == "Stage" or "stag" in found.sentence.label) + 1 * (
        found.sentence.section == "Diagnosis"
    )
    score += (
        1 * found.text.startswith("c") + 2 * bool(_AFTER_CHANGE.search(before)) - 3 * bool(_BEFORE_STAGE.search(before))
    )
    score -= 8 * (page.is_other_cancer(found) or page.is_of_family(found)) + 4 * page.is_historical(found)
    score -= 3 * (found.sentence.section in ("Prior treatment", "Comorbidities"))
    return score


def _is_stage(page: Page, found: Found, letter: str) -> bool:
    """A lone category is written with a capital or a prefix, or is labelled; "free T4" and "level of T2" are not it."""
    start, end = page.shadow.span(found.start, found.end)
    written = page.note[start:end]
    if page.note[max(0, start - 1) : start].isalnum() or re.search(
        r"\b(?:free|vertebra\w*|spine|level of|tsh,?|serum|thoracic|c\d.?)\s*$", page.before(found, 14)
    ):
        return False
    if letter == "T" and re.search(
        r"^[\s-]*(?:vertebra|spine|lesion in|compression|fracture|metasta|nerve|dermatome)", page.after(found, 24)
    ):
        return False
    if letter == "N" and re.search(r"\bn\s?[:=]\s?\d|\(n\b", found.text):
        return False
    return letter in written or "stage" in found.text or "category" in found.text or "stag" in found.sentence.label


def doses_of(page: Page) -> tuple[tuple[float, ...], list[Mention]]:
    """Prescribed dose levels in Gy, highest first; limits for organs and earlier treatments are left out."""
    doses, mentions = set(), []
    for found in page.find(_DOSE):
        values = _values(page, found)
        if values and _is_prescribed(page, found):
            doses |= set(values)
            mentions.append(page.mention("dose_gy", found.start, found.end))
    if not doses:
        for found in page.find(_PTV):
            value = _gray(found.match.group(1), len(found.match.group(1)) == 4)
            if 40 <= value <= 80 and _is_prescribed(page, found):
                doses.add(value)
                mentions.append(page.mention("dose_gy", found.start, found.end))
    return tuple(sorted(doses, reverse=True)), mentions


def _values(page: Page, found: Found) -> list[float]:
    """The dose levels of one list of numbers, [] where it is no list of doses."""
    text = found.text
    has_unit = re.search(_GY, text) is not None
    after = page.after(found, 24)
    if not has_unit and not (
        (_FRACTIONATED.match(after) and re.search(r"\d\d", text))
        or _DOSE_LABEL.search(page.before(found, 24))
        or re.search(r"\b(?:dose|gy|rx|prescription)\w*\b", found.sentence.label)
    ):
        return []
    centi = bool(re.search(r"cgy|cgray|centi", text)) or (not has_unit and re.search(r"\d{4}", text) is not None)
    numbers = re.findall(_NUMBER, text)
    if not has_unit and re.search(r"[x×]\s*$", page.before(found, 4)):
        return []
    fractionated = _FRACTIONATED.match(after) or re.match(
        r"\s*(?:in|\() ?\d{1,2}\b(?!\s*(?:years?|weeks?|days?))", after
    )
    if re.match(r"\s*(?:#|fx|fractions?|fr\b|f\b|treatments|daily)", after) and not re.search(rf"{_GY}\s*$", text):
        fractionated = numbers.pop()  # "69.6 Gy/58#": the last one counts fractions
    values = [_gray(number, centi and float(number.replace(",", "")) > 100) for number in numbers]
    # A palliative course is short, and known by its fractions.
    is_total = re.search(r"(?:\d\s*(?:#|fractions|fx) to|\btotals?(?: dose)?(?: of)?|=)\s*$", page.before(found, 16))
    least = 6 if (fractionated and (has_unit or len(values) == 1)) or (has_unit and is_total) else 40
    if not has_unit and not all(least <= v <= 85 for v in values):
        return []
    return [value for value in values if least <= value <= 85]


def _gray(number: str, centi: bool) -> float:
    value = float(number.replace(",", "")) / (100 if centi else 1)
    return int(value) if value == int(value) else round(value, 2)


def _is_prescribed(page: Page, found: Found) -> bool:
    start, _ = page.clause_span(found)
    before = page.text[max(start, found.start - 45) : found.start]
    if _LIMIT.search(page.text[max(found.sentence.start, found.start - 30) : found.start]) or re.search(
        r"^\s*(?:max|mean|limit|constraint|tolerance)", page.after(found, 14)
    ):
        return False
    if words(ORGANS_AT_RISK).search(before) and not words(
        r"ptv\w*|ctv\w*|gtv|primary|tumou?r|carcinoma|scc|cancer|treat\w*|prescri\w+|deliver\w*|plan\w*|volume|rt|radiotherapy|disease"
    ).search(page.text[start : found.start]):
        return False
    if re.search(r"\b(?:constraint|oar|organs? at risk|objective|limits?)", found.sentence.label):
        return False
    if found.sentence.section == "Prior treatment" and found.sentence.headed:
        return False
    if _is_past(page, found):
        return False
    return not re.match(r"\s*(?:per|/|a|each|daily)\s*(?:fraction|fx|day)", page.after(found, 16))


_PLANNED = re.compile(
    r"\b(?:now|will|plan\w*|propos\w*|recommend\w*|intend\w*|to receive|today|prescri\w+|dose levels?|chemort|imrt|vmat|radical|to be)\b"
)


def _is_past(page: Page, found: Found) -> bool:
    """Whether a dose belongs to an earlier treatment, or to another organ's."""
    before = page.text[max(found.sentence.start, found.start - 80) : found.start]
    after = page.text[found.end : min(found.sentence.end, found.end + 45)]
    past = [*_PAST_DOSE.finditer(before), *words(OTHER_CANCERS).finditer(before)]
    if past and not _PLANNED.search(before[max(hit.end() for hit in past) :].replace("for breast", "")):
        return True
    return bool(
        re.search(r"\b(?:in|during|of) (?:19|20)\d\d\b|\bago\b|\bpreviously\b|^[^.;,]{0,20}\b(?:19|20)\d\d\b", after)
        or words(OTHER_CANCERS).search(after.split(",")[0])
    )


def fractions_of(page: Page) -> tuple[int | None, list[Mention]]:
    """The number of fractions of the planned course."""
    candidates = []
    for pattern in (_FRACTIONS, _OVER, _TIMES):
        for found in page.find(pattern):
            value = int(next(group for group in found.match.groups() if group))
            if 1 <= value <= 70 and _is_planned(page, found):
                score = (
                    2 * ("gy" in page.words_of(found.sentence))
                    + (pattern is _FRACTIONS)
                    + (found.sentence.section == "Radiation plan")
                )
                candidates.append((score, -found.start, value, found))
    if not candidates:
        return None, []
    *_, value, found = max(candidates, key=lambda c: c[:2])
    return value, [page.mention("fractions", found.start, found.end)]


def _is_planned(page: Page, found: Found) -> bool:
    return not _is_past(page, found) and not (found.sentence.section == "Prior treatment" and found.sentence.headed)


def levels_of(page: Page) -> tuple[tuple[str, ...], list[Mention]]:
    """Nodal levels that are named and not denied, ranges written out: "II-IV" -> II, III, IV."""
    levels, mentions = set(), []
    for found in page.find(_LEVELS):
        if not page.is_negated(found):
            levels |= set(expand_levels(found.match.group(1)))
            mentions.append(page.mention("levels", found.start, found.end))
    return tuple(sorted(levels, key=level_order)), mentions


def expand_levels(listed: str) -> list[str]:
    """Each level of a list, ranges written out."""
    found, open_range = [], False
    for token in re.findall(
        rf"{_LEVEL}|to|through|-|,|and|&|\+",
        listed.replace("/", ",") if not re.search(r"[ab]/[ab]", listed) else listed,
    ):
        if token in ("-", "to", "through"):
            open_range = True
            continue
        if token in (",", "and", "&", "+"):
            continue
        number, letter = _parse_level(token)
        if open_range and found:
            found += [_named(n, "") for n in range(_number_of(found[-1]) + 1, number)]
        found.append(_named(number, letter))
        open_range = False
    return found


def _parse_level(token: str) -> tuple[int, str]:
    match = re.fullmatch(r"(vii|vi|iv|v|iii|ii|i|[1-7])-?([ab]?)(?:/([ab]))?", token)
    name = match.group(1)
    return (int(name) if name.isdigit() else _ROMAN[name]), "" if match.group(3) else match.group(2)


def _named(number: int, letter: str) -> str:
    return list(_ROMAN)[number - 1].upper() + letter


def _number_of(level: str) -> int:
    return _ROMAN[level.rstrip("ab").lower()]


def level_order(level: str) -> tuple[int, str]:
    """Ib before II, IIa before IIb."""
    return _number_of(level), level


def surgery_of(page: Page) -> tuple[tuple[str, ...], list[Mention]]:
    """Operations on the head and neck that were done."""
    done, mentions = [], []
    for found in page.find(words(SURGERY)):
        planned = re.search(
            r"\b(?:no|not|declin\w+|refus\w+|without|versus|vs|instead of|offered|discuss\w*|consider\w*|avoid\w*|candidate for|unfit for|would|or|planned)\b",
            page.before(found, 40),
        )
        if not planned and not page.is_negated(found) and not page.is_of_family(found) and found.text != "resection":
            done.append(found.text)
            mentions.append(page.mention("surgery", found.start, found.end))
    return tuple(dict.fromkeys(done)), mentions
