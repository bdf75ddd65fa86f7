"""Where the primary is, on which side, and which neck is to be treated."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache, lru_cache

from llmseg.text.lexicon import (
    INVOLVED,
    NEEDS_A_TUMOUR,
    NODE,
    ORGANS_AT_RISK,
    SITE_PATTERNS,
    TREAT,
    TUMOUR,
    UNRELATED,
)
from llmseg.text.reading import Found, Mention, Page, words

_STAGED = re.compile(r"\b[cpyr]{0,2}t ?[0-4x](?:is)?[a-d]?[ ,]{0,2}[cp]?n ?[0-3x]|\b[cp]?t[1-4][ab]?\b(?!-?w)")
_LABEL = (
    r"(?:site|region|primary|diagnosis|dx|tumou?r|subsite|impression|origin|organ|gtv|assessment|histology|location)"
)
_ARISES = re.compile(
    r"\b(?:of|arising (?:from|in|within)|from|centred (?:on|in|within)|centered (?:on|in|within)|located in|involving|in|within)\s+(?:the\s+)?(?:left |right )?(?:\w+ ){0,3}$"
)
_LIMIT = re.compile(
    r"[<≤]|\b(?:max(?:imum)?|d?mean|dmax|d\d+|v\d+|constraints?|toleran\w+|limit\w*|spar\w+|oars?|keep|below)\b"
)
_SCOPE = re.compile(r"scop|fixation|fixed|mobil|moves|palsy|paralys|paresis|normal|clear|unremarkable")

_SIDE = words(
    r"both sides of (?:the )?mid-?line|left|right|midline|mid-line|central(?! (?:neck|line|venous|compartment|nodes?|nervous|necrosis))|bilateral(?:ly)?|both|bilat|b/l|not lateralised|not lateralized"
)
_SIDE_LABEL = re.compile(
    r"(?:side(?:dness)?|lateral(?:ity|isation|ization)|tumou?r side|which side|(?<!not )laterali[sz]ed)\b[^.,;)\n]{0,22}?[:=?\-–]?\s*(?:is |to the |- )?(?:the )?$"
)
_NEUTRAL = (
    r"lateral|medial|posterior|anterior|superior|inferior|upper|lower|deep|ventral|dorsal|sides?|sided|aspect|half|wall|portion|border|edge|margin|part|region"
    r"|locally|advanced|early|late|invasive|squamous|cell|keratini[sz]ing|non|poorly|moderately|well|differentiated|p16|hpv|positive|negative|ebv|associated|related|driven"
    r"|mid-?line|cent(?:re|er)|the|of|its|his|her|a|an|large|small|exophytic|infiltrative|palatine|true|false|stage|stages|i+v?[abc]?|[cpyr]{0,2}t[0-4x][a-d]?|[cpyr]{0,2}t[0-4x][a-d]?[cp]?n[0-3x][a-c]?(?:m[01x])?|[cpyr]{0,2}n[0-3x][abc]?|m0|m1|ulcerated|bulky"
    r"|necrotic|enhancing|avid|fdg|cm|mm|\d+(?:\.\d+)?|type|grade|g[1-3]|unresectable|resectable|recurrent|persistent|biopsy|proven|known|new|hpv-|-|oral|soft|hard|undifferentiated"
    r"|sided\w*|lateralised|lateralized|verrucous|basaloid|papillary|high|intermediate|p16-positive|hpv-positive|main|bulk|lobes?|cords?|vocal|uicc|ajcc|tnm|folds?|sinus(?:es)?|mucosa"
)
_FUNCTION = r"and|or|with|on|in|at|to|from|for|by|which|who|that|is|are|was|were|not|no|but|without|only|one|alone|he|she|we|seen|treated|planned|plan|clear|crossing|strictly|predominantly|spanning|p16|then|after"


@lru_cache(maxsize=1)
def _sites() -> tuple[tuple[str, str, re.Pattern], ...]:
    return tuple((site, subsite, words(p)) for site, by in SITE_PATTERNS.items() for subsite, p in by.items())


def site_of(page: Page) -> tuple[str | None, str | None, list[Mention]]:
    """The site of the primary, its subsite where named, and the words that say so."""
    scored = []
    for site, subsite, pattern in _sites():
        for found in page.find(pattern):
            score = _site_score(page, found, site)
            scored.append((score, site, subsite, found))
    # "Base of tongue" is not a tongue: what lies inside a longer name of another site is no name of its own.
    spans = [(f.start, f.end, site) for _, site, _, f in scored]
    scored = [
        s
        for s in scored
        if not any(
            a <= s[3].start and s[3].end <= b and b - a > s[3].end - s[3].start and o != s[1] for a, b, o in spans
        )
    ]
    best_score = max((score for score, *_ in scored), default=0)
    # A site that is only said to be reached is still the only one there is.
    scored = [s for s in scored if s[0] > (0 if best_score > 0 else -2.6)]
    if not scored:
        return None, None, []
    totals: dict[str, float] = defaultdict(float)
    for score, site, _, _ in sorted(scored, key=lambda s: -s[0]):
        totals[site] = max(totals[site], score) + 0.25 * min(score, 4) * (totals[site] > 0)
    best = max(totals, key=lambda site: (totals[site], -min(f.start for s, at, _, f in scored if at == site)))
    own = [s for s in scored if s[1] == best]
    named = [s for s in own if s[2] != best] or own
    subsite = max(named, key=lambda s: (s[0], -s[3].start))[2]
    strongest = max(score for score, *_ in own)
    mentions = [
        page.mention("site", f.start, f.end) for score, _, _, f in own if score >= min(0.5 * strongest, strongest)
    ]
    return best, None if subsite == best else subsite, mentions


def _site_score(page: Page, found: Found, site: str) -> float:
    clause, sentence = page.clause(found), page.words_of(found.sentence)
    if page.is_of_family(found) or re.match(r"ectomy|o?scop", page.text[found.end : found.end + 4]):
        return -10
    near = bool(words(TUMOUR).search(_around(page, found, 45)))
    score = 1.0 + 3 * near + 1.5 * bool(_STAGED.search(sentence))
    score += 2 * (found.sentence.section == "Diagnosis") + 1 * (
        found.sentence.section in ("Stage", "Radiation plan", "Imaging impression")
    )
    score += 3 * bool(re.search(rf"\b{_LABEL}\b", found.sentence.label))
    score += 1 * bool(re.search(r"\b(?:left|right)[\w -]{0,14}$", page.before(found, 24)))
    score += 2 * bool(near and _ARISES.search(page.before(found, 40)))
    if found.text == "tongue":
        score -= 2.5  # its base is another site
    if site in NEEDS_A_TUMOUR:
        tight = words(TUMOUR.replace("|disease", "")).search(_around(page, found, 28)) or re.search(
            rf"\b{_LABEL}\b", found.sentence.label
        )
        score -= 0 if tight else 3
        score -= 6 * bool(site != "oral cavity" and _LIMIT.search(sentence))
    if page.is_extension(found) and site != "unknown primary":
        score -= 4.5
    if found.sentence.section == "" and found.sentence.headed:
        score -= 3
    if found.sentence.section in ("Prior treatment", "Comorbidities"):
        score -= 3
    if page.is_historical(found) and not _STAGED.search(sentence):
        score -= 3
    if page.is_negated(found) and site != "unknown primary":
        score -= 8
    if (
        re.search(r"(?:cord|fold)s?$|larynx|laryngeal|glott", found.text)
        and _SCOPE.search(clause)
        and not _STAGED.search(sentence)
    ):
        score -= 4
    if re.match(r"\s*\(?\s*(?:mean|max|<|≤|d\d|v\d)", page.after(found, 12)):
        score -= 8
    if _LIMIT.search(clause) and words(ORGANS_AT_RISK).search(found.text) and re.search(r"\d\s?c?gy|spar", clause):
        score -= 6
    return score


def _around(page: Page, found: Found, letters: int) -> str:
    start = max(found.sentence.start, found.start - letters)
    return page.text[start : min(found.sentence.end, found.end + letters)]


def side_of(page: Page, site: str | None) -> tuple[str | None, list[Mention]]:
    """The side of the primary; None where no side is said of it."""
    votes: dict[str, list[tuple[float, Found]]] = defaultdict(list)
    if site == "unknown primary":
        return None, []
    for found in page.find(_SIDE):
        weight = _side_weight(page, found, site)
        if weight > 0:
            votes[_side_name(found.text)].append((weight, found))
    if not votes:
        return None, []
    strength = {side: max(w for w, _ in seen) + 0.5 * (len(seen) - 1) for side, seen in votes.items()}
    left, right = strength.get("left", 0), strength.get("right", 0)
    chosen = max(strength, key=lambda side: (strength[side], -votes[side][0][1].start))
    if left and right and abs(left - right) < 1 and _together(votes):
        chosen = "midline" if "midline" in strength else "bilateral"
    elif chosen in ("midline", "bilateral") and max(left, right) >= strength[chosen] - 2 and abs(left - right) >= 1:
        chosen = "left" if left > right else "right"  # "left tonsil, to the midline"
    elif chosen == "bilateral" and "midline" in strength:
        chosen = "midline"
    seen = votes.get(chosen) or [vote for votes_ in votes.values() for vote in votes_]
    strongest = max(w for w, _ in seen)
    return chosen, [page.mention("side", f.start, f.end) for w, f in seen if w >= 0.5 * strongest]


def _side_name(text: str) -> str:
    if text in ("left", "right"):
        return text
    if "line" in text:
        return "midline"
    return "bilateral" if text.startswith(("bilat", "both", "b/l")) else "midline"


def _together(votes: dict[str, list[tuple[float, Found]]]) -> bool:
    """Left and right said in one breath."""
    return any(
        a.sentence == b.sentence and abs(a.start - b.start) < 40 for _, a in votes["left"] for _, b in votes["right"]
    )


def _side_weight(page: Page, found: Found, site: str | None) -> float:
    name = _side_name(found.text)
    before, sentence = page.before(found, 60), page.words_of(found.sentence)
    if page.is_of_family(found) or re.match(r"[- ]?handed", page.after(found)):
        return 0
    if _LIMIT.search(re.split(r"[,.;]", page.after(found, 34))[0]):
        return 0  # "left parotid mean below 26 Gy"
    labelled = _is_side_label(found.sentence.label) or _SIDE_LABEL.search(before)
    neck_label = re.search(
        rf"\b(?:{NODE}|lymphatic\w*)\b", found.sentence.label.replace("head and neck", "").replace("h&n", "")
    )
    if labelled and not re.search(rf"\b(?:{NODE})\b", before[-30:] + found.sentence.label):
        weight = 9.0
    elif neck_label and "," not in page.text[found.sentence.start : found.start]:
        return 0
    else:
        weight = _attachment(page, found, site)
    if weight <= 0:
        return 0
    if page.is_negated(found) and not (
        name != "midline" and re.search(r"\bnot? [\w ]{0,12}$", before) is None and labelled
    ):
        return 0
    if re.search(r"contralateral|opposite|other side", _around(page, found, 30)):
        return 0
    if name == "midline" and re.search(
        r"\b(?:cross\w*|across|over|straddl\w*|span\w*)\s(?:the\s)?$", page.before(found, 24)
    ):
        weight = max(weight - 3, 1.0)
    elif name == "midline" and _passes_midline(page, found):
        weight -= 5
    elif page.is_extension(found) and not labelled:
        weight -= 5 if name != "midline" else 2
    if page.is_historical(found) and not _STAGED.search(sentence):
        weight -= 4
    if found.sentence.section in ("Comorbidities", "Prior treatment") or (
        found.sentence.section == "" and found.sentence.headed
    ):
        weight -= 3
    weight += 1.5 * bool(_STAGED.search(sentence)) + 1 * (found.sentence.section in ("Diagnosis", "Stage"))
    return weight


def _is_side_label(label: str) -> bool:
    return bool(re.search(r"\b(?:side|laterality)\b", label)) and not re.search(rf"\b(?:{NODE})\b", label)


def _passes_midline(page: Page, found: Found) -> bool:
    """ "Up to the midline", "clear of the midline", "left of the midline": a boundary, not a place."""
    return bool(
        re.search(
            r"\b(?:to|of|approach\w*|abut\w*|near\w*|from|within|short of|does not|not|clear of|reach\w*|past|before|beyond|respect\w*)\s(?:the\s)?(?:\w+\s)?$",
            page.before(found, 40),
        )
    )


@cache
def _terms(site: str | None) -> re.Pattern:
    """What a side can be said of; "p" the primary's own site, "q" another, "t" tumour, "n" nodes, "u" something else."""
    own = "|".join(SITE_PATTERNS[site].values()) if site else r"(?!x)x"
    others = "|".join(p for other, by in SITE_PATTERNS.items() if other != site for p in by.values())
    return re.compile(
        rf"(?<!\w)(?:(?P<p>{own})|(?P<n>{NODE})|(?P<t>{TUMOUR})|(?P<q>{others})|(?P<u>{UNRELATED}))(?!\w)"
    )


_WORTH = {"p": 6.0, "t": 5.0, "q": 0.5, "n": 0.0, "u": 0.0}


def _attachment(page: Page, found: Found, site: str | None) -> float:
    """How surely a side word speaks of the primary: by the noun it stands before, else by the one it follows."""
    if _is_bracketed(page, found) and (kind := _noun_before(page, found, site)) in ("p", "t"):
        return _WORTH[kind]  # "tongue base (right) squamous cell carcinoma"
    kind = _noun_after(page, found, site)
    if kind is None:
        kind, discount = _noun_before(page, found, site), 1.0
    else:
        discount = 0.0
    if kind == "q" and _LIMIT.search(page.words_of(found.sentence)):
        return 0.0
    if kind is None and found.text in ("both", "bilaterally") and not page.after(found).startswith(" side"):
        return 0.0
    if kind is None:
        # A bare side in a list of facts.
        alone = len(page.words_of(found.sentence).split()) <= 7 or found.sentence.section in ("Diagnosis", "Stage")
        return 2.0 if alone else 0.5
    return _WORTH[kind] - discount if _WORTH[kind] else 0.0


def _is_bracketed(page: Page, found: Found) -> bool:
    """Whether a side stands alone in brackets right behind a word."""
    return bool(re.search(r"\w \($", page.text[max(0, found.start - 4) : found.start])) and page.after(
        found
    ).startswith(")")


def _noun_after(page: Page, found: Found, site: str | None) -> str | None:
    """The kind of the noun a side word qualifies, looking right over adjectives; None where it qualifies none."""
    at, end, passed = found.end, found.sentence.end, 0
    text = page.text
    while at < end and passed < 9:
        gap = re.compile(r"[\s\-/'\")]*").match(text, at, end).end()
        at = gap
        term = _terms(site).match(text, at, end)
        if (not term or term.lastgroup == "u") and _explained(page, at, end, site):
            return "p"
        if term:
            # "left neck node mass" is of the neck, "left tonsil node" of a node.
            following = _terms(site).match(text, re.compile(r"\s*").match(text, term.end(), end).end(), end)
            if (
                term.lastgroup in ("p", "q", "t")
                and following
                and following.lastgroup in ("n", "u")
                and not re.match(r"disease", following.group())
            ):
                return following.lastgroup
            return term.lastgroup
        word = re.compile(r"[^\W_]+(?:[.-][^\W_]+)*|\S").match(text, at, end)
        if not word:
            return None
        token = word.group()
        pair = re.compile(r"(?:and|or|&|/)\s*(?:left|right)\b").match(text, at, end)
        if pair and passed == 0:
            at, passed = pair.end(), passed + 1
            continue
        if not re.fullmatch(_NEUTRAL, token):
            is_noun = len(token) > 2 and not re.fullmatch(rf"{_FUNCTION}|\W", token)
            if not is_noun or _side_name(found.text) == "midline":
                return None
            # "Right faucial tonsil": an adjective nobody listed; "right rotator cuff tear": something else.
            beyond = _terms(site).search(text, at, min(end, at + 30))
            between = text[at : beyond.start()] if beyond else ""
            is_adjective = (
                beyond and beyond.lastgroup == "p" and not re.search(rf"[,.;:(]|\b(?:{_FUNCTION})\b", between)
            )
            return "p" if is_adjective else "u"
        at, passed = word.end(), passed + 1
    return None


def _explained(page: Page, at: int, end: int, site: str | None) -> bool:
    """Whether a term of art is followed by its site: "left ventricular band (larynx)", "right fold of the larynx"."""
    named = re.compile(r"[\w\s-]{3,40}?(?:\(|\bof (?:the )?)([^).,;]{3,40})").match(page.text, at, end)
    term = named and _terms(site).match(named.group(1))
    return bool(term) and term.lastgroup == "p"


def _noun_before(page: Page, found: Found, site: str | None) -> str | None:
    """The nearest noun before a side word, as in "carcinoma of the oropharynx, left"."""
    start = max(found.sentence.start, found.start - 110)
    terms = list(_terms(site).finditer(page.text, start, found.start))
    if not terms:
        label = found.sentence.label
        if re.match(r"\W*(?:it|this|the latter) ", page.words_of(found.sentence)):
            return "t"
        if re.search(rf"\b(?:{NODE})\b", label):
            return "n"
        return "t" if re.search(rf"\b{_LABEL}\b", label) else None
    nearest = terms[-1]
    return nearest.lastgroup


_BOTH = re.compile(
    rf"\b(?:bilateral(?:ly)?|bilat|b/l|both|two|left and right|right and left|left (?:&|/|\+) ?right|right (?:&|/|\+) ?left|either|whole)\s+(?:(?:sides?|halves|of|the|elective|cervical|upper|lower|necks?|entire|lymph|nodal|prophylactic|undissected|uninvolved|low-risk|at-risk)\s+){{0,5}}(?:{NODE})\b"
    rf"|\b(?:{NODE})\b[^.;\n]{{0,28}}?\b(?:bilaterally|bilateral|on both sides|both sides|on either side|either side|right and left|left and right)\b"
    r"|\b(?:elective|nodal|low[- ]risk|intermediate[- ]risk|prophylactic)\b[^.;\n]{0,30}?\b(?:bilaterally|on both sides)\b"
)
_ONE = re.compile(
    rf"\b(?P<one>left|right|ipsilateral|unilateral|same|contralateral)(?:[- ]sided)?\)?\s+(?:(?:side|of|the|elective|cervical|upper|lower|hemi|lymph|nodal|neck|ipsilateral|prophylactic|involved|undissected|uninvolved|only)\s+){{0,4}}(?:{NODE})\b"
    rf"|\b(?:{NODE})\b(?:[- ]?(?:fields?|nodes?|levels?|nodal|coverage|i{{1,3}}v?|iv|v|[1-7]|[,–/-]|is|are|be|rt|radiotherapy|irradiated|unilaterally|ipsilaterally|side|of|the|on|only|single|alone|to|volumes?|treated|covered|irradiation)[ab]?\s*){{0,9}}[(,:]?\s*(?P<two>left|right|ipsilateral(?:ly)?|unilateral(?:ly)?)\b(?!\s(?:{TUMOUR}|tonsil|base))"
)
_NO_NECK = re.compile(
    r"\b(?:necks?|nod(?:es|al)(?: volumes?| irradiation)?)\b[^.;\n]{0,20}\b(?:not (?:to be )?(?:be )?(?:treated|irradiated|included|covered)|untreated|omitted|observed|excluded|observation)\b"
    r"|\bno (?:rt|radiotherapy|radiation|irradiation|treatment) (?:to|of) (?:the )?(?:neck|nodes)|\bno neck\b(?! (?:nod|mass|lump|disease|diss|pain|swell|stiff))|\bneck: no (?:irradiation|rt|treatment|radiotherapy)|\bno neck nod(?:es?|al) (?:irradiation|treatment|rt|radiotherapy|coverage)\b|\bno nodes? (?:to be |are |is )?(?:treated|irradiated|covered)\b|\bno (?:elective |prophylactic )?(?:neck|nodal|lymph node)s? (?:irradiation|treatment|rt|radiotherapy|coverage|volumes?|radiation)\b|\b(?:primary|larynx|glottis|glottic) (?:site )?(?:only|alone)\b"
    r"|\bwithout (?:elective )?(?:neck|nodal) (?:irradiation|treatment|rt|coverage|radiotherapy|volumes?)\b|\bno (?:neck|nodal) (?:rt|treatment)\b|\bomit\w* (?:the )?(?:elective )?neck"
    r"|\b(?:nodal|neck) (?:irradiation|rt|radiotherapy) is not (?:planned|needed|required|indicated)"
    r"|\bnot (?:be )?(?:irradiat|treat)\w+ (?:the )?neck\b"
)


def neck_of(page: Page, side: str | None) -> tuple[str | None, list[Mention]]:
    """The side or sides of the neck to be irradiated; "none" where it is said that none is."""
    votes: dict[str, list[tuple[float, Found]]] = defaultdict(list)
    for found in page.find(_NO_NECK):
        if not re.search(r"contralateral|opposite|left|right|levels?", _around(page, found, 20)):
            votes["none"].append((4.0, found))
    for found in page.find(_BOTH):
        if (weight := _neck_weight(page, found)) > 0:
            votes["bilateral"].append((weight + 0.5, found))
    for found in page.find(_ONE):
        one = found.match.group("one") or found.match.group("two")
        one = {"ipsilateral": side, "ipsilaterally": side, "unilateral": side, "unilaterally": side, "same": side}.get(
            one, one
        )
        if one in ("left", "right", "contralateral") and (weight := _neck_weight(page, found)) > 0:
            if one == "contralateral":
                one = {"left": "right", "right": "left"}.get(side)
            votes[one or "bilateral"].append((weight, found))
    if not votes:
        return None, []
    strength = {neck: max(w for w, _ in seen) for neck, seen in votes.items()}
    chosen = max(strength, key=lambda neck: (strength[neck], neck == "bilateral"))
    left, right = strength.get("left", 0), strength.get("right", 0)
    if chosen in ("left", "right") and min(left, right) >= 3:
        chosen = "bilateral"
    seen = votes.get(chosen) or votes["left"] + votes["right"]
    return chosen, [page.mention("neck", f.start, f.end) for w, f in seen if w >= 0.6 * max(w for w, _ in seen)]


def _neck_weight(page: Page, found: Found) -> float:
    sentence, clause = page.words_of(found.sentence), page.clause(found)
    if (
        page.is_negated(found)
        or page.is_of_family(found)
        or re.search(r"negative|clear|free|normal|uninvolved", found.text)
    ):
        return 0
    weight = 1.0 + 3 * bool(words(TREAT).search(clause)) + 1.5 * bool(words(TREAT).search(sentence))
    weight += 3 * (found.sentence.section == "Radiation plan")
    weight += 2 * bool(re.search(rf"\b(?:{NODE}|lymphatics?|coverage|elective)\b", found.sentence.label))
    is_involved = words(INVOLVED).search(clause if words(TREAT).search(clause) else sentence)
    weight -= 4 * bool(is_involved) + 2 * (found.sentence.section in ("Imaging impression", "Comorbidities"))
    weight -= 3 * (found.sentence.section == "Prior treatment") + 3 * page.is_historical(found)
    weight -= 2 * (found.sentence.section == "" and found.sentence.headed)
    return weight
