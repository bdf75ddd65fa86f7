"""Hospital notes on head and neck patients, made up: with every identifier's place known, or with none at all.

Names, addresses, telephone numbers and the like come from Faker in five locales; the clinical text around them is in
English. What counts as an identifier follows the HIPAA Safe Harbor list: dates but not bare years, ages over 89 but not
under, places smaller than a state. A title ("Dr.") or a degree ("MD") is not part of a name.

Nothing here looks at the rules under test, so that a note is not made to suit them.
"""

from __future__ import annotations

import random
import re
import textwrap
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from faker import Faker

LOCALES = ("en_US", "en_GB", "de_DE", "fr_FR", "es_ES")
NAMES = ("full name", "name with title", "surname alone", "given name", "last, first", "name, initials")
STRUCTURED = (
    "date",
    "age over 89",
    "phone",
    "email",
    "URL",
    "MRN",
    "accession",
    "insurance",
    "NHS number",
    "SSN",
    "other number",
)
PLACES = ("street", "postcode", "city", "institution")
KINDS = NAMES + STRUCTURED + PLACES

# An identifier is marked while a note is put together: one private character that says the kind, its words, one that
# closes it. Neither upper() nor a line break disturbs the marks, so the spans are read off the finished page.
_OPEN = {kind: chr(0xE100 + index) for index, kind in enumerate(KINDS)}
_CLOSE = "\ue000"
_MARKED = re.compile(f"([{''.join(_OPEN.values())}])([^{_CLOSE}]*){_CLOSE}")
_KIND = {character: kind for kind, character in _OPEN.items()}


@dataclass(frozen=True)
class Identifier:
    """What must not be left in the note: text[start:end], in code points."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True)
class HospitalNote:
    layout: str
    text: str
    identifiers: tuple[Identifier, ...]


def write_notes(count: int, seed: int, identified: bool = True) -> list[HospitalNote]:
    """Notes in every layout by turns; note number i is the same whatever the count.

    Args:
        identified: False leaves out every line and every wording that would name a patient, a date or a place.
    """
    fakers = {locale: Faker(locale) for locale in LOCALES}
    layouts = tuple(LAYOUTS.items())
    notes = []
    for number in range(count):
        name, layout = layouts[number % len(layouts)]
        writer = Writer(random.Random(f"{seed} {number} {identified}"), fakers, identified)
        notes.append(writer.finish(name, layout(writer)))
    return notes


def mark(kind: str, words: str) -> str:
    return f"{_OPEN[kind]}{words.strip()}{_CLOSE}"


@dataclass(frozen=True)
class Person:
    first: str
    middle: str
    last: str
    female: bool
    locale: str

    @property
    def full(self) -> str:
        return mark("full name", f"{self.first} {self.last}")

    @property
    def surname(self) -> str:
        return mark("surname alone", self.last)

    @property
    def given(self) -> str:
        return mark("given name", self.first)

    @property
    def last_first(self) -> str:
        return mark("last, first", f"{self.last}, {self.first}")

    @property
    def last_first_initial(self) -> str:
        return mark("last, first", f"{self.last}, {self.first} {self.middle[0]}.")

    @property
    def capital_last_first(self) -> str:
        return mark("last, first", f"{self.last.upper()}, {self.first}")

    @property
    def middle_initial(self) -> str:
        return mark("name, initials", f"{self.first} {self.middle[0]}. {self.last}")

    @property
    def initials(self) -> str:
        return mark("name, initials", f"{self.first[0]}. {self.last}")

    @property
    def two_initials(self) -> str:
        return mark("name, initials", f"{self.first[0]}.{self.middle[0]}. {self.last}")

    @property
    def mailbox(self) -> str:
        letters = unicodedata.normalize("NFKD", f"{self.first}.{self.last}".lower().replace("ß", "ss"))
        return re.sub(r"[^a-z.]", "", letters)


@dataclass(frozen=True)
class Case:
    """The clinical picture one note keeps to."""

    age: int
    female: bool
    primary: str
    side: str
    histology: str
    stage: str
    group: str
    prescription: str
    levels: str

    @property
    def he(self) -> str:
        return "she" if self.female else "he"

    @property
    def his(self) -> str:
        return "her" if self.female else "his"

    @property
    def man(self) -> str:
        return "woman" if self.female else "man"


class Writer:
    """Draws what one note says: the people in it, its dates and numbers, and its clinical sentences."""

    def __init__(self, rng: random.Random, fakers: dict[str, Faker], identified: bool):
        self.rng, self.fakers, self.identified = rng, fakers, identified
        for faker in fakers.values():
            faker.seed_instance(rng.getrandbits(32))
        self.locale = rng.choice(LOCALES)
        self.date_style = rng.choice(DATE_STYLES)
        self.new_patient()
        self.author, self.referrer, self.surgeon, self.gp = (self.person() for _ in range(4))
        self.institution = self.hospital()

    def new_patient(self) -> None:
        rng = self.rng
        self.case = draw_case(rng, oldest=99 if self.identified and rng.random() < 0.15 else 89)
        self.patient = self.person(self.case.female)
        self.kin, kin_is_female = rng.choice(
            (("wife", True), ("daughter", True), ("sister", True), ("husband", False), ("son", False))
        )
        self.relative = self.person(kin_is_female, last=self.patient.last if rng.random() < 0.8 else None)
        birthday = timedelta(days=rng.randrange(365))
        self.seen = self.faker.date_between(date(2012, 1, 1), date(2025, 6, 30))
        self.born = self.seen.replace(year=self.seen.year - self.case.age, day=min(self.seen.day, 28)) - birthday
        pattern = rng.choice(("0#######", "%######", "##-##-##", "%#######", "H######", "RX-######"))
        self.mrn = mark("MRN", self.digits(pattern))

    @property
    def faker(self) -> Faker:
        return self.fakers[self.locale]

    def pick(self, *options: str) -> str:
        return self.rng.choice(options)

    def say(self, identified: tuple[str, ...], plain: tuple[str, ...]) -> str:
        """One wording, out of those that identify someone or out of those that do not."""
        return self.rng.choice(identified if self.identified else plain)

    def some(self, sentences: list[str], least: int = 1, most: int = 3) -> list[str]:
        return self.rng.sample(sentences, min(len(sentences), self.rng.randint(least, most)))

    def maybe(self, line: str, chance: float = 0.5) -> str:
        return line if self.rng.random() < chance else ""

    def digits(self, pattern: str) -> str:
        """A number after a pattern: # any digit, % one that is not 0, ? a capital letter."""
        draw = {"#": "0123456789", "%": "123456789", "?": "ABCDEFGHJKLMNPRSTUVWXYZ"}
        return "".join(self.rng.choice(draw[character]) if character in draw else character for character in pattern)

    # People

    def person(self, female: bool | None = None, last: str | None = None) -> Person:
        locale = self.locale if self.rng.random() < 0.6 else self.rng.choice(LOCALES)
        faker = self.fakers[locale]
        female = self.rng.random() < 0.5 if female is None else female
        first = faker.first_name_female if female else faker.first_name_male
        if last is None:
            last = faker.last_name()
            if locale == "es_ES" and self.rng.random() < 0.4:
                last = f"{last} {faker.last_name()}"
        return Person(first(), first(), last, female, locale)

    def patient_titled(self) -> str:
        """ "Mrs. Baker", sometimes the whole name, sometimes with the title of the patient's own language."""
        person = self.patient
        titles = {"de_DE": ("Herr", "Frau"), "fr_FR": ("M.", "Mme"), "es_ES": ("Sr.", "Sra.")}
        if person.locale in titles and self.rng.random() < 0.25:
            title = titles[person.locale][person.female]
        else:
            title = self.pick("Mrs.", "Ms.", "Mrs", "Ms") if person.female else self.pick("Mr.", "Mr.", "Mr")
        name = person.last if self.rng.random() < 0.75 else f"{person.first} {person.last}"
        return f"{title} {mark('name with title', name)}"

    def doctor(self, person: Person) -> str:
        """A colleague as one is mentioned in running text."""
        title = self.pick("Dr.", "Dr.", "Dr", "Dr", "Prof.", "Professor", "Mr" if not person.female else "Miss")
        names = (person.last, person.last, f"{person.first} {person.last}", f"{person.first[0]}. {person.last}")
        return f"{title} {mark('name with title', self.rng.choice(names))}"

    def signatory(self, person: Person) -> str:
        """A colleague as one signs: with a degree, a title, initials or nothing but the name."""
        return self.pick(
            f"{person.full}, MD",
            f"{person.middle_initial}, MD, PhD",
            f"{person.initials}, MD",
            f"{person.two_initials} FRCR",
            f"Dr {mark('name with title', f'{person.first} {person.last}')}",
            f"Dr. {mark('name with title', f'{person.first} {person.last}')}, MRCP, FRCR",
            f"Prof. Dr. med. {mark('name with title', f'{person.first} {person.last}')}",
            person.full,
        )

    # Dates, numbers, places

    def date(self, day: date) -> str:
        style = self.date_style if self.rng.random() < 0.7 else self.rng.choice(DATE_STYLES)
        return mark("date", style(day))

    def partial_date(self, day: date) -> str:
        """A date in running text, now and then without its day or its year."""
        if self.rng.random() < 0.8:
            return self.date(day)
        month = day.strftime("%B")
        return mark(
            "date",
            self.pick(f"{month} {day.year}", f"{day:%b} {day.year}", f"{month} {day.day}", f"{day.day} {month}"),
        )

    def before(self, least: int = 5, most: int = 70) -> str:
        return self.partial_date(self.seen - timedelta(days=self.rng.randint(least, most)))

    def month_before(self, days: int) -> str:
        return mark("date", f"{self.seen - timedelta(days=days):%B %Y}")

    def after(self, least: int = 5, most: int = 40) -> str:
        return self.partial_date(self.seen + timedelta(days=self.rng.randint(least, most)))

    def age(self, years: int) -> str:
        return mark("age over 89", str(years)) if years > 89 else str(years)

    def aged(self) -> str:
        """ "63-year-old man", "63 y/o female", "63M"."""
        age, case = self.age(self.case.age), self.case
        sex = "female" if case.female else "male"
        return self.pick(
            f"{age}-year-old {case.man}",
            f"{age}-year-old {case.man}",
            f"{age} year old {sex}",
            f"{age} y/o {sex}",
            f"{age}yo {sex}",
        )

    def phone(self) -> str:
        return mark("phone", self.faker.phone_number())

    def email(self, person: Person) -> str:
        own = f"{person.mailbox}@{self.faker.domain_name()}"
        return mark("email", self.pick(self.faker.email(), own))

    def url(self) -> str:
        address = self.faker.url()
        return mark("URL", self.pick(address, address, f"www.{self.faker.domain_name()}", f"{address}portal/login"))

    def accession(self) -> str:
        pattern = self.pick("S##-#####", "CT-##-#######", "########", "SP##-####", "H##/#####", "PET########")
        return mark("accession", self.digits(pattern))

    def accession_line(self) -> str:
        return f"{self.pick('Accession', 'Accession #:', 'Accession No.', 'accession number')} {self.accession()}"

    def insurance_line(self) -> str:
        label = self.pick(
            "Insurance ID:", "Policy No.", "Member ID:", "Insurance number:", "Health plan ID", "Policy #"
        )
        pattern = self.pick(
            "?##########", "???#########", "####-##-###", "%#########", "%??%-??%-??##", "W#########-##"
        )
        return f"{label} {mark('insurance', self.digits(pattern))}"

    def nhs_line(self) -> str:
        label = self.pick("NHS No.", "NHS number:", "NHS:", "NHS no:")
        return f"{label} {mark('NHS number', self.digits(self.pick('%## ### ####', '%## ### ####', '%#########')))}"

    def ssn_line(self) -> str:
        return self.pick(
            f"SSN: {mark('SSN', self.fakers['en_US'].ssn())}",
            f"SSN {mark('SSN', self.fakers['en_US'].ssn())}",
            f"Social Security No. {mark('SSN', self.fakers['en_US'].ssn())}",
            f"National Insurance number: {mark('SSN', self.fakers['en_GB'].ssn())}",
            f"Social security number: {mark('SSN', self.fakers['fr_FR'].ssn())}",
        )

    def mrn_line(self) -> str:
        label = self.pick("MRN:", "MRN", "MRN #", "Medical Record Number:", "Hospital No.", "Patient ID:", "Record #:")
        return f"{label} {self.mrn}"

    def number_lines(self) -> list[str]:
        """Number on the patient's file as its locale has them."""
        lines = [self.mrn_line()]
        if self.locale == "en_GB":
            lines.append(self.nhs_line())
        lines += [self.maybe(self.insurance_line(), 0.4), self.maybe(self.ssn_line(), 0.3)]
        return [line for line in lines if line]

    def street(self) -> str:
        return mark("street", self.faker.street_address().replace("\n", ", "))

    def town(self) -> str:
        city, code = mark("city", self.faker.city()), mark("postcode", self.faker.postcode())
        if self.locale == "en_US":
            return f"{city}, {self.faker.state_abbr()} {code}"
        if self.locale == "en_GB":
            return f"{city}, {code}"
        return f"{code} {city}"

    def address(self, joined: str = "\n") -> str:
        return f"{self.street()}{joined}{self.town()}"

    def hospital(self) -> str:
        faker = self.faker
        city, name = faker.city(), faker.last_name()
        options = {
            "en_US": (f"{city} Medical Center", f"{name} Cancer Center", f"University Hospital of {city}"),
            "en_GB": (f"{city} Royal Infirmary", f"Queen's Hospital {city}", f"{name} Cancer Centre"),
            "de_DE": (f"Klinikum {city}", f"Universitätsklinikum {city}", f"{name} Klinik"),
            "fr_FR": (f"CHU de {city}", f"Centre Hospitalier {name}", f"Clinique {name}"),
            "es_ES": (f"Hospital Universitario de {city}", f"Clínica {name}", f"Hospital General de {city}"),
        }
        general = (f"St. {faker.first_name()}'s Hospital", f"{city} General Hospital", f"{city} University Hospital")
        return mark("institution", self.rng.choice(options[self.locale] * 2 + general))

    # What is made of it

    def finish(self, layout: str, page: Page) -> HospitalNote:
        text = re.sub(r"\b([Aa]) (?=8\d[ -]?y)", r"\1n ", page.text)  # "an 83-year-old"
        if not self.identified:
            text = "\n".join(line for line in text.split("\n") if not _MARKED.search(line))
        text = re.sub(r"\n{3,}", "\n\n", text).strip("\n")
        if page.width:
            text = "\n".join(
                textwrap.fill(line, page.width, break_on_hyphens=False, break_long_words=False) if line else ""
                for line in text.split("\n")
            )
        note = read_marks(layout, text.upper() if page.capitals else text)
        check(note, self.identified)
        return note


@dataclass(frozen=True)
class Page:
    """A note as written, its identifiers still marked; `width` wraps lines as a transcriptionist's editor does."""

    text: str
    width: int = 0
    capitals: bool = False


def read_marks(layout: str, marked: str) -> HospitalNote:
    text, identifiers, done = "", [], 0
    for found in _MARKED.finditer(marked):
        text += marked[done : found.start()]
        identifiers.append(Identifier(_KIND[found[1]], len(text), len(text) + len(found[2])))
        text += found[2]
        done = found.end()
    return HospitalNote(layout, text + marked[done:], tuple(identifiers))


def check(note: HospitalNote, identified: bool) -> None:
    """Every span is a whole identifier of its kind, no two overlap, and no number or mailbox was left unrecorded."""
    shapes = {
        "date": r"(?=.*\d)[\w/., \n-]{4,}",
        "age over 89": r"9\d",
        "phone": r"[+(\d][\d\s().x+/-]{6,}(X\d+)?",
        "email": r"\S+@\S+\.\w+",
        "URL": r"(https?://|www\.)\S+",
        "NHS number": r"\d{3}\s?\d{3}\s?\d{4}",
        "last, first": r"[^,]+,\s.+",
    }
    text, end = note.text, 0
    assert not re.search(r"[\ue000-\ue1ff]", text), "a mark was left in the note"
    assert bool(note.identifiers) == identified, f"{note.layout}: {len(note.identifiers)} identifiers"
    outside = list(text)
    for identifier in note.identifiers:
        words = text[identifier.start : identifier.end]
        assert identifier.start >= end, f"{words!r} overlaps what precedes it"
        assert words, f"an empty {identifier.kind}"
        assert words == words.strip(), f"{words!r} is not trimmed"
        shape = shapes.get(identifier.kind, r".*\w.*")
        assert re.fullmatch(shape, words, re.DOTALL | re.IGNORECASE), f"{words!r} is no {identifier.kind}"
        if identifier.kind != "age over 89":  # an age may stand as "93M"
            around = text[max(0, identifier.start - 1) : identifier.start], text[identifier.end : identifier.end + 1]
            assert not any(character.isalnum() for character in around), f"{words!r} is cut out of a word"
        end = identifier.end
        outside[identifier.start : end] = " " * len(words)
    left = re.search(r"@|https?:|www\.|\d{3}-\d{2}-\d{4}|\b(19|20)\d\d-\d\d|\d{6}", "".join(outside), re.IGNORECASE)
    assert left is None, f"{note.layout}: {left[0]!r} is not recorded"


def _ordinal(day: int) -> str:
    return f"{day}{'th' if 10 < day < 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"


DATE_STYLES: tuple[Callable[[date], str], ...] = (
    lambda day: f"{day:%Y-%m-%d}",
    lambda day: f"{day:%m/%d/%Y}",
    lambda day: f"{day.month}/{day.day}/{day:%y}",
    lambda day: f"{day:%d/%m/%Y}",
    lambda day: f"{day.day}/{day.month}/{day:%y}",
    lambda day: f"{day:%d.%m.%Y}",
    lambda day: f"{day.day}.{day.month}.{day:%y}",
    lambda day: f"{day:%B} {day.day}, {day.year}",
    lambda day: f"{day.day} {day:%B} {day.year}",
    lambda day: f"{_ordinal(day.day)} {day:%B} {day.year}",
    lambda day: f"{day:%b} {day.day}, {day.year}",
    lambda day: f"{day:%d-%b-%Y}",
    lambda day: f"{day:%d-%b-%Y}".upper(),
    lambda day: f"{day:%d-%b-%y}",
    lambda day: f"{day.day} {day:%b} {day:%y}",
)


# The clinical text

PRIMARIES = (
    ("oropharynx", ("{side} tonsil", "{side} base of tongue", "{side} soft palate", "{side} oropharynx")),
    ("nasopharynx", ("nasopharynx", "{side} fossa of Rosenmüller", "nasopharyngeal roof")),
    ("larynx", ("glottic larynx", "{side} true vocal cord", "supraglottic larynx", "{side} aryepiglottic fold")),
    ("hypopharynx", ("{side} pyriform sinus", "hypopharynx", "postcricoid region")),
    ("oral cavity", ("{side} lateral tongue", "floor of mouth", "{side} buccal mucosa", "{side} retromolar trigone")),
)


def draw_case(rng: random.Random, oldest: int) -> Case:
    site, subsites = rng.choice(PRIMARIES)
    side = rng.choice(("left", "right"))
    t, n = rng.choice(("1", "2", "3", "4a", "4b")), rng.choice(("0", "1", "2a", "2b", "2c", "3b"))
    if site == "oropharynx" and rng.random() < 0.7:
        t, n = rng.choice("1234"), rng.choice("123")
        marker = rng.choice(("p16-positive ", "p16+ ", "HPV16-positive ", "HPV-related (p16 strongly positive) "))
    elif site == "nasopharynx":
        t, n, marker = rng.choice("1234"), rng.choice("0123"), rng.choice(("EBV-positive ", "EBER-positive ", ""))
    else:
        marker = rng.choice(("", "", "p16-negative ", "keratinising ", "moderately differentiated "))
    prefix = rng.choice(("", "c", "c", "p"))
    return Case(
        age=rng.randint(90, 98) if oldest > 89 else rng.randint(38, 89),
        female=rng.random() < 0.35,
        primary=rng.choice(subsites).format(side=side),
        side=side,
        histology=marker + rng.choice(("squamous cell carcinoma", "SCC", "squamous cell carcinoma")),
        stage=f"{prefix}T{t}{prefix if rng.random() < 0.3 else ''}N{n}{rng.choice(('M0', 'M0', '', ' M0'))}",
        group=rng.choice(("stage II", "stage III", "stage IVA", "Stage IVB", "stage I (AJCC 8th edition)")),
        prescription=rng.choice(
            (
                "70 Gy/35 fx",
                "70 Gy in 35 fractions",
                "70/63/56 Gy in 35 fractions",
                "69.96 Gy in 33 fractions of 2.12 Gy",
                "70 Gy, 63 Gy and 56 Gy in 35 daily fractions",
                "66 Gy/33 fx",
                "60 Gy in 30 fractions",
                "65 Gy and 54 Gy in 30#",
            )
        ),
        levels=rng.choice(
            (
                "levels II-IV",
                "levels Ib-V",
                "level II",
                "levels IIa, IIb and III",
                "bilateral levels II-IV and the retropharyngeal nodes",
                "levels Ib through V",
            )
        ),
    )


def history(w: Writer) -> list[str]:
    case, n = w.case, w.rng.randint
    return [
        f"A {case.side}-sided neck lump had been present for {n(2, 9)} months and did not settle on co-amoxiclav.",
        f"There is odynophagia, pain {n(1, 9)}/10, with referred otalgia on the {case.side}.",
        f"Weight loss of {n(3, 14)} kg over {n(2, 6)} months, now {n(48, 110)}.{n(0, 9)} kg (BMI {n(17, 34)}).",
        f"{n(10, 60)} pack-years, stopped {n(2, 20)} years ago; alcohol {n(2, 40)} units per week.",
        "No stridor, no trismus, no haemoptysis. Voice is hoarse since the summer.",
        "Hoarseness and dysphagia to solids, soft diet tolerated, no aspiration on FEES.",
        f"Performance status ECOG {n(0, 2)}, KPS {n(7, 10) * 10}.",
        f"G8 score {n(11, 17)}/17, Charlson index {n(2, 6)}, Karnofsky {n(6, 10) * 10}%.",
    ]


def past(w: Writer) -> list[str]:
    n = w.rng.randint
    return [
        f"Hypertension, type 2 diabetes mellitus (HbA1c {n(6, 9)}.{n(0, 9)}%) and hypercholesterolaemia.",
        "Atrial fibrillation on apixaban 5 mg twice daily; no previous stroke.",
        "COPD GOLD II with FEV1 1.8 L, on tiotropium 18 mcg daily.",
        "Hashimoto thyroiditis on levothyroxine 75 mcg; TSH 2.1 mU/L.",
        "Crohn's disease in remission, Barrett's oesophagus, no previous radiotherapy.",
        "Sjögren syndrome with dry mouth at baseline; Parkinson's disease, Hoehn and Yahr stage 2.",
        "Hodgkin lymphoma at the age of 24, mantle field 36 Gy, in remission.",
        f"Chronic kidney disease stage 3a, creatinine {n(95, 140)} µmol/L, eGFR {n(45, 59)} ml/min/1.73 m2.",
        "Appendicectomy and left knee replacement. No known drug allergies.",
        "Bilateral sensorineural hearing loss; Raynaud's phenomenon in winter.",
    ]


def examination(w: Writer) -> list[str]:
    case, n = w.case, w.rng.randint
    return [
        f"BP {n(108, 165)}/{n(62, 95)} mmHg, pulse {n(58, 98)}, SpO2 {n(93, 99)}% on air, temperature 36.{n(2, 9)} C.",
        f"There is a {n(12, 55)} x {n(10, 40)} mm firm node in level {w.pick('II', 'IIa', 'III', 'Ib', 'Va')}"
        f" on the {case.side}.",
        f"Flexible nasendoscopy shows an exophytic mass of the {case.primary}, {n(2, 5)}.{n(0, 9)} cm, cords mobile.",
        "Mouth opening 38 mm, dentition poor, no trismus. Cranial nerves II-XII intact.",
        f"Tumour involves the {case.primary} and stops short of the midline; Waldeyer's ring is otherwise normal.",
        "Palpable thyroid, no stridor. Chest clear, heart sounds normal, abdomen soft.",
        "Lhermitte's sign negative. Stensen's and Wharton's ducts run clear.",
    ]


def imaging(w: Writer) -> list[str]:
    case, n = w.case, w.rng.randint
    return [
        f"FDG PET/CT: primary SUVmax {n(6, 24)}.{n(0, 9)}, {case.side} level II node SUV {n(3, 15)}.{n(0, 9)}, no"
        " distant disease.",
        f"MRI: enhancing lesion of the {case.primary}, {n(18, 58)} x {n(14, 40)} x {n(12, 44)} mm, no perineural spread"
        " to Meckel's cave.",
        f"CT: necrotic {case.side} level II/III node, {n(14, 45)} mm, mean {n(25, 70)} HU; air in the pyriform sinus"
        " at -1000 HU.",
        "The node of Rouviere is enlarged at 11 mm; prevertebral fascia intact from C2-C4.",
        f"GTV primary {n(8, 60)}.{n(0, 9)} ml, GTV nodal {n(4, 48)} ml on the planning CT (2.5 mm slices, 120 kVp).",
        "Chest CT shows a 4 mm right lower lobe nodule, likely benign, Fleischner follow-up advised.",
        f"Extranodal extension suspected at {w.pick('C2', 'C3', 'C3-C4')}; carotid encasement less than 180 degrees.",
    ]


def pathology(w: Writer) -> list[str]:
    case, n = w.case, w.rng.randint
    return [
        f"Histology: {case.histology}, grade {n(1, 3)}, Ki-67 {n(20, 80)}%, PD-L1 CPS {n(1, 60)}.",
        f"{n(1, 4)}/{n(14, 42)} nodes positive, largest {n(8, 40)} mm, extranodal extension {n(1, 3)} mm, margins"
        f" {n(1, 6)} mm.",
        f"p16 {w.pick('strongly positive', 'positive in >70%', 'negative')}, HPV16 DNA by PCR"
        f" {w.pick('detected', 'not detected')}; EBER negative.",
        f"Coded ICD-10 {w.pick('C10.9', 'C01', 'C09.9', 'C32.1', 'C11.9', 'C12')}, ICD-O 8070/3, {case.stage},"
        f" {case.group}.",
        "FNA of the neck node: malignant squamous cells; Warthin tumour of the parotid excluded.",
        f"Depth of invasion {n(4, 18)} mm, perineural invasion present, lymphovascular invasion absent.",
    ]


def plan(w: Writer) -> list[str]:
    case, n = w.case, w.rng.randint
    return [
        f"Radical chemoradiotherapy, {case.prescription}, with cisplatin {w.pick('100 mg/m2 x 3', '40 mg/m2')}.",
        f"VMAT with two arcs, 6 MV, simultaneous integrated boost: {case.prescription}.",
        f"High-risk CTV: {case.primary} with 5 mm margin and {case.levels}; PTV margin 3 mm.",
        f"Elective neck: {case.levels} to {w.pick('50 Gy', '54 Gy', '56 Gy')}; opposite neck level II-IV at 56 Gy.",
        "PTV_High 70 Gy, PTV_Mid 63 Gy, PTV_Low 56 Gy; the CTV is cropped from air and 3 mm from skin.",
        "Spinal cord Dmax < 45 Gy, brainstem < 54 Gy, parotid mean < 26 Gy, mandible V70 < 1 ml.",
        "Fractionation and nodal volumes as in RTOG 0522; RTOG 1016 and NRG-HN005 are not open to recruitment here.",
        f"Cetuximab 400 mg/m2 loading, then 250 mg/m2 weekly, if creatinine clearance < {n(45, 60)} ml/min.",
        "Prophylactic PEG, dental extractions at least 10 days before the start, hearing test, speech therapy.",
        "Thermoplastic mask, planning CT with contrast, 2 mm slices from vertex to carina, rigid PET fusion.",
        f"Weekly bloods; PET/CT at 12 weeks, {n(5, 7)} fractions per week, treatment Monday to Friday.",
        "Planned as IMRT (CPT 77301), image guidance with daily cone-beam CT, shifts below 3 mm accepted.",
        "Contour per DAHANCA, EORTC and NRG consensus atlas (AJCC 8th); include retropharyngeal nodes to C1.",
    ]


def medication(w: Writer) -> list[str]:
    n = w.rng.randint
    return [
        "apixaban 5 mg BD",
        "ramipril 5 mg once daily",
        "metformin 1000 mg BID",
        "atorvastatin 40 mg at night",
        "omeprazole 20 mg OD",
        "morphine sulfate 10 mg/5 ml, 2.5 ml PRN",
        "paracetamol 1 g QDS",
        "levothyroxine 75 mcg",
        "ondansetron 8 mg and dexamethasone 4 mg with chemotherapy",
        f"bisoprolol {w.pick('2.5', '5')} mg",
        f"Lantus {n(8, 30)} units nocte",
        "aspirin 75 mg",
    ]


def laboratory(w: Writer) -> list[str]:
    n = w.rng.randint
    return [
        f"Hb {n(9, 15)}.{n(0, 9)} g/dL, WBC {n(4, 11)}.{n(0, 9)} x10^9/L, platelets {n(140, 420)}.",
        f"Na {n(131, 144)}, K {n(3, 4)}.{n(1, 9)}, creatinine {n(58, 120)} µmol/L, eGFR {n(60, 95)} ml/min.",
        f"Albumin {n(28, 44)} g/L, CRP {n(2, 60)} mg/L, Mg 0.{n(65, 95)} mmol/L.",
        f"EBV DNA {n(1, 9)},{n(100, 999)} copies/ml; HIV and hepatitis B negative.",
        f"TSH {n(1, 4)}.{n(0, 9)} mU/L, free T4 {n(11, 20)} pmol/L, glucose {n(4, 9)}.{n(0, 9)} mmol/L.",
    ]


def disease(w: Writer) -> str:
    case = w.case
    return w.pick(
        f"{case.stage} {case.histology} of the {case.primary}",
        f"{case.histology} of the {case.primary}, {case.stage}, {case.group}",
        f"{case.group} {case.histology} of the {case.primary} ({case.stage})",
    )


# Sentences that tell about people, each with a twin that does not identify anyone


def opening(w: Writer) -> str:
    p, aged, he = w.patient, w.aged(), w.case.he.capitalize()
    what = disease(w)
    return w.say(
        (
            f"{p.full} is a {aged} with {what}.",
            f"{p.full} is a {aged} referred by {w.doctor(w.referrer)} with {what}.",
            f"{w.patient_titled()} is a {aged} who presents with {what}.",
            f"I reviewed {w.patient_titled()} in clinic on {w.date(w.seen)}. {he} is a {aged} with {what}.",
            f"{p.middle_initial}, a {aged}, was seen on {w.date(w.seen)} for {what}.",
            f"This {aged}, {p.full}, has {what}.",
            f"We met {p.full} and {w.case.his} {w.kin} {w.relative.given} today. {he} is a {aged} with {what}.",
        ),
        (
            f"The patient is a {aged} with {what}.",
            f"This is a {aged} referred by the ENT team with {what}.",
            f"I reviewed this pleasant {aged} in clinic today. {he} has {what}.",
            f"A {aged} was seen for {what}.",
        ),
    )


def course(w: Writer) -> list[str]:
    """What happened when and where."""
    p = w.patient
    if not w.identified:
        return w.some(
            [
                "Panendoscopy and biopsy were done three weeks ago under general anaesthesia.",
                "Imaging was reviewed with Radiology at the Head and Neck Tumour Board last week.",
                "Dental assessment by Maxillofacial Surgery is complete; two molars were extracted.",
                "The patient had been seen by General Surgery for PEG placement.",
                "Symptoms began about four months before referral.",
            ],
            1,
            3,
        )
    return w.some(
        [
            f"Panendoscopy and biopsy on {w.before()} at {w.hospital()} ({w.accession_line()}) confirmed it.",
            f"Biopsy was taken by {w.doctor(w.surgeon)} on {w.before()}; {w.accession_line()}.",
            f"PET/CT of {w.before()} ({w.accession_line()}) was reviewed with {w.doctor(w.surgeon)}.",
            f"{p.surname} was discussed at the tumour board on {w.before()}.",
            f"{w.patient_titled()} had dental extractions on {w.before()} at {w.institution}.",
            f"{w.patient_titled()} first noticed symptoms in {w.month_before(120)}.",
            f"An MRI was done at {w.hospital()} on {w.before()}, compared with the CT dated {w.before()}.",
            f"Dental assessment by {w.surgeon.full} took place on {w.before()}.",
        ],
        1,
        3,
    )


def social(w: Writer) -> list[str]:
    p, case = w.patient, w.case
    his, he = case.his, case.he.capitalize()
    kin = w.kin
    if not w.identified:
        return w.some(
            [
                f"Lives with {his} family, independent in all activities, two flights of stairs.",
                "Retired teacher, keen gardener. Has two grown children.",
                "Works full time as an electrician; no asbestos exposure known.",
                f"{he} was accompanied by {his} {kin}, and questions were answered.",
                f"{he} lives alone and will need hospital transport.",
            ]
        )
    return w.some(
        [
            f"{he} lives in {mark('city', w.faker.city())} with {his} {kin} {w.relative.given}.",
            f"{he} lives at {w.address(', ')}.",
            f"Next of kin is {his} {kin}, {w.relative.full}, {w.pick('tel.', 'phone', 'reachable on')} {w.phone()}.",
            f"Retired from {mark('institution', w.faker.company().rstrip('.'))}.",
            f"{p.given} was accompanied by {his} {kin} {w.relative.full}.",
            f"{his.capitalize()} {kin} {w.relative.given} can be reached at {w.phone()} or {w.email(w.relative)}.",
            f"{p.surname} worked for {mark('institution', w.faker.company().rstrip('.'))} until retirement.",
            f"{his.capitalize()} mother died at the age of {w.age(w.rng.randint(85, 97))}.",
        ]
    )


def follow_up(w: Writer) -> list[str]:
    p, he = w.patient, w.case.he
    if not w.identified:
        return w.some(
            [
                "Consent was obtained after discussion of acute and late effects.",
                "Planning CT is booked for next week, and treatment starts within two weeks.",
                "The patient understands the plan and wishes to proceed.",
                f"Review in clinic in six weeks, or earlier if {he} does not cope with feeding.",
            ],
            1,
            2,
        )
    return w.some(
        [
            f"{w.patient_titled()} understands the plan and signed consent on {w.date(w.seen)}.",
            f"Planning CT is booked for {w.after()}, and treatment starts on {w.after(15, 40)}.",
            f"Return visit {w.after()} with {w.doctor(w.author)}.",
            f"{p.surname} has been given our number, {w.phone()}, and the address {w.url()} for leaflets.",
            f"Dietitian {w.person().full} will call {w.patient_titled()} before {w.after()}.",
            f"Please contact {w.doctor(w.author)} on {w.phone()} with any concern.",
            f"{p.given} will be seen again in six weeks.",
        ]
    )


def body(w: Writer) -> list[str]:
    """Paragraphs of a letter."""
    paragraphs = [
        [opening(w), *w.some(history(w), 1, 3), *course(w)],
        [*w.some(past(w)), *w.some(social(w), 1, 2)],
        [*w.some(examination(w)), *w.some(imaging(w)), *w.some(pathology(w), 1, 2)],
        [*w.some(plan(w), 2, 5), *follow_up(w)],
    ]
    return [" ".join(sentences) for sentences in paragraphs]


ROLES = ("Consultant Clinical Oncologist", "Radiation Oncologist", "Attending Physician", "Head of Radiotherapy")
DEPARTMENTS = ("Department of Radiation Oncology", "Department of Clinical Oncology", "Radiotherapy Department")


def sign_off(w: Writer) -> list[str]:
    lines = [w.pick("Yours sincerely,", "Kind regards,", "With best wishes", "Sincerely,"), ""]
    lines += [w.signatory(w.author), w.pick(*ROLES), w.maybe(w.institution)]
    lines += [w.maybe(f"{w.pick('Tel:', 'Phone', 'T:')} {w.phone()}"), w.maybe(f"Fax: {w.phone()}", 0.3)]
    lines += [w.maybe(f"{w.pick('E-mail:', 'Email')} {w.email(w.author)}", 0.4)]
    lines += [w.maybe(f"GMC {mark('other number', w.digits('%######'))}", 0.3 if w.locale == "en_GB" else 0)]
    return [lines[0], lines[1], *(line for line in lines[2:] if line)]


# The layouts


def consult_letter(w: Writer) -> Page:
    head = [w.institution, w.pick(*DEPARTMENTS), w.address()]
    head += [f"Tel {w.phone()}" + w.maybe(f"   Fax {w.phone()}"), w.maybe(w.url(), 0.4), "", w.date(w.seen), ""]
    head += [w.signatory(w.gp), w.address(), ""]
    name = w.pick(w.patient.full, w.patient.last_first, w.patient.capital_last_first, w.patient.middle_initial)
    born = f"{w.pick('DOB', 'Date of birth', 'D.O.B.', 'born')} {w.date(w.born)}"
    head += [
        w.pick(f"Dear {w.doctor(w.gp)},", f"Dear {w.gp.given},") if w.identified else "Dear Colleague,",
        "",
        f"{w.pick('Re:', 'RE:', 'Regarding:')} {name}, {born}",
        w.pick("; ".join(w.number_lines()), ", ".join(w.number_lines())),
        w.maybe(f"{w.pick('Address:', 'of')} {w.address(', ')}"),
        "",
        f"Diagnosis: {disease(w)}",
        "",
    ]
    return Page("\n".join([*head, "\n\n".join(body(w)), "", *sign_off(w)]))


def one_liner(w: Writer) -> Page:
    p, case = w.patient, w.case
    age, sex = w.age(case.age), "F" if case.female else "M"
    dose, problem = f"{case.prescription}, {case.levels}", w.pick(*history(w))
    return Page(
        w.say(
            (
                f"{p.last_first} ({age}{sex}, {w.mrn_line()}): {disease(w)}, {dose}.",
                f"{p.full}, {age}{sex}, {disease(w)}, seen {w.date(w.seen)}, plan {dose}.",
                f"{w.date(w.seen)}: {w.patient_titled()}, {w.aged()}, {disease(w)}. {w.pick(*plan(w))}",
                f"Tel. call from {w.doctor(w.gp)} ({w.phone()}) re {p.full}, DOB {w.date(w.born)}: {problem}",
                f"{p.initials}, {w.mrn_line()}, {disease(w)}; {dose}; {w.doctor(w.author)} {w.date(w.seen)}",
                f"Pt {p.surname}, {w.aged()}, {disease(w)}, for {dose}, start {w.after()}.",
            ),
            (
                f"{age}{sex}: {disease(w)}, {dose}.",
                f"{w.aged()} with {disease(w)}, plan {dose}.",
                f"{disease(w)}. {w.pick(*plan(w))} {w.pick(*imaging(w))}",
                f"Tel. call from the GP: {problem} {w.pick(*past(w))}",
                f"{disease(w)}; {dose}; ECOG 1, KPS 80",
            ),
        )
    )


def all_caps(w: Writer) -> Page:
    lines = [
        w.institution,
        "Radiation Oncology Consultation",
        f"Patient: {w.pick(w.patient.last_first, w.patient.last_first_initial, w.patient.full)}",
        "  ".join((w.mrn_line(), f"DOB: {w.date(w.born)}")),
        f"Date of Service: {w.date(w.seen)}",
        f"{w.pick('Attending', 'Physician', 'Referring MD')}: {w.signatory(w.author)}",
        "",
        *headed(w, "\n"),
        f"{w.pick('Signed', 'Electronically signed by')}: {w.signatory(w.author)} {w.date(w.seen)} 14:{w.digits('1#')}",
    ]
    return Page("\n".join(lines), capitals=True)


def headed(w: Writer, after_heading: str) -> list[str]:
    """Sections of an American consultation note."""
    sections = [
        ("History of Present Illness", " ".join([opening(w), *w.some(history(w)), *course(w)])),
        ("Past Medical History", " ".join(w.some(past(w)))),
        ("Medications", "; ".join(w.some(medication(w), 2, 5)) + "."),
        (w.pick("Social History", "Family and Social History"), " ".join(w.some(social(w), 1, 2))),
        ("Physical Examination", " ".join(w.some(examination(w)))),
        ("Laboratory Data", " ".join(w.some(laboratory(w)))),
        (w.pick("Imaging", "Radiology Review"), " ".join(w.some(imaging(w)))),
        ("Pathology", " ".join(w.some(pathology(w), 1, 2))),
        (w.pick("Assessment and Plan", "Impression and Plan"), " ".join([*w.some(plan(w), 2, 4), *follow_up(w)])),
    ]
    kept = [sections[0], *(section for section in sections[1:-1] if w.rng.random() < 0.75), sections[-1]]
    return [f"{title}:{after_heading}{words}\n" for title, words in kept]


def bullet_list(w: Writer) -> Page:
    bullet = w.pick("- ", "* ", "• ", "– ")
    facts = [
        w.say((f"{w.patient.full}, {w.aged()}", f"{w.patient_titled()}, {w.aged()}"), (w.aged(),)),
        *([f"{w.mrn_line()}, DOB {w.date(w.born)}"]),
        disease(w),
        *w.some(history(w), 1, 2),
        *course(w),
        *w.some(past(w), 1, 2),
        *w.some(medication(w)),
        *w.some(social(w), 1, 2),
        *w.some(laboratory(w), 1, 2),
        *w.some(imaging(w), 1, 2),
        *w.some(plan(w), 2, 4),
        *follow_up(w),
        f"{w.pick('Seen by', 'Reviewed with', 'D/w')} {w.doctor(w.author)}",
    ]
    title = w.pick("Clinic Summary", "Problem List", "HANDOVER", "New Patient Summary")
    return Page("\n".join([w.maybe(title), *(bullet + fact for fact in facts)]))


def key_values(w: Writer) -> Page:
    case, p = w.case, w.patient
    rows = [
        ("Patient Name" if w.rng.random() < 0.5 else "Name", w.pick(p.full, p.last_first, p.capital_last_first)),
        ("Date of Birth" if w.rng.random() < 0.5 else "DOB", w.date(w.born)),
        ("Age", w.age(case.age)),
        ("Sex", "Female" if case.female else "Male"),
        ("MRN", w.mrn),
        ("Address", w.maybe(w.address(", "), 0.7)),
        ("Phone", w.maybe(w.phone(), 0.7)),
        ("Email", w.maybe(w.email(p), 0.5)),
        ("Next of Kin", w.maybe(f"{w.relative.full} ({w.phone()})")),
        ("Referring Physician", w.signatory(w.referrer)),
        ("Facility", w.maybe(w.institution, 0.7)),
        ("Visit Date", w.date(w.seen)),
        ("Diagnosis", disease(w)),
        ("Primary Site", case.primary.title()),
        ("Stage", f"{case.stage}, {case.group}"),
        ("ECOG", str(w.rng.randint(0, 2))),
        ("Blood Pressure", f"{w.rng.randint(105, 160)}/{w.rng.randint(60, 95)}"),
        ("Prescription", case.prescription),
        ("Nodal Levels", case.levels),
        ("Medication", ", ".join(w.some(medication(w), 2, 4))),
        ("Labs", " ".join(w.some(laboratory(w), 1, 2))),
        ("Imaging", " ".join(w.some(imaging(w), 1, 2))),
        ("Comments", " ".join([*w.some(plan(w)), *follow_up(w)])),
        ("Oncologist", w.signatory(w.author)),
    ]
    lines = [f"{key}: {value}" for key, value in rows if value]
    extra = [w.maybe(line, 0.6) for line in (w.insurance_line(), w.ssn_line(), w.accession_line())]
    extra += [w.maybe(w.nhs_line(), 0.8 if w.locale == "en_GB" else 0.1)]
    return Page("\n".join([*lines[:5], *(line for line in extra if line), *lines[5:]]))


def soap(w: Writer) -> Page:
    p = w.patient
    visit = w.say(
        (
            f"{w.patient_titled()} is seen in week {w.rng.randint(1, 7)} of radiotherapy.",
            f"{p.surname} reports more mucositis since {w.before(2, 9)}.",
            f"{p.full} returns for an on-treatment visit.",
        ),
        (f"On-treatment visit, week {w.rng.randint(1, 7)}.", "The patient reports more mucositis since last week."),
    )
    long = w.rng.random() < 0.5
    parts = {
        "Subjective": [visit, *w.some(history(w), 1, 2), *w.some(social(w), 1, 1)],
        "Objective": [*w.some(examination(w), 1, 2), *w.some(laboratory(w), 1, 2)],
        "Assessment": [opening(w), *w.some(imaging(w), 1, 1)],
        "Plan": [*w.some(plan(w), 2, 3), *follow_up(w)],
    }
    head = f"{w.pick(p.last_first, p.capital_last_first, p.full)} | {w.mrn_line()} | {w.date(w.seen)}"
    lines = [head, *(f"{name if long else name[0]}: {' '.join(words)}" for name, words in parts.items())]
    lines += [w.pick(w.signatory(w.author), f"Electronically signed by {w.author.last_first}, MD on {w.date(w.seen)}")]
    return Page("\n".join(lines))


def referral(w: Writer) -> Page:
    asked = w.pick("an opinion on radical radiotherapy", "chemoradiotherapy", "postoperative radiotherapy")
    thanks = w.say(
        (
            f"Thank you for seeing {w.patient_titled()} of {w.address(', ')}, for {asked}.",
            f"Grateful if you could see {w.patient.full} (DOB {w.date(w.born)}, {w.mrn_line()}) for {asked}.",
            f"Please see {w.patient_titled()}, {w.nhs_line()}, for {asked}.",
        ),
        (f"Thank you for seeing this patient for {asked}.", f"I would be grateful for your help with {asked}."),
    )
    lines = [
        f"{w.pick('To:', 'Attention:')} {w.doctor(w.author)}, {w.hospital()}",
        f"From: {w.doctor(w.referrer)}",
        f"Date: {w.date(w.seen)}",
        w.pick("Referral Letter", "REFERRAL FOR RADIOTHERAPY", "Urgent Referral: Head and Neck"),
        "",
        thanks,
        "",
        "\n\n".join(body(w)[: w.rng.randint(2, 4)]),
        "",
        w.pick("Yours sincerely", "Many thanks,", "Best regards,"),
        "",
        w.signatory(w.referrer),
        w.pick("Consultant ENT Surgeon", "General Practitioner", "Oral and Maxillofacial Surgery"),
        w.hospital(),
        w.address(),
        f"{w.pick('Tel.', 'Phone:', 'Direct line')} {w.phone()}",
        w.maybe(f"{w.email(w.referrer)} | {w.url()}"),
    ]
    return Page("\n".join(lines))


def dictation(w: Writer) -> Page:
    start = w.say(
        (
            f"This is {w.doctor(w.author)} dictating on {w.patient.full}, medical record number {w.mrn}, date of visit"
            f" {w.date(w.seen)}.",
            f"Dictation on patient {w.patient.middle_initial}, date of birth {w.date(w.born)}, {w.mrn_line()}.",
        ),
        ("This is a dictated consultation note.", "Dictation on a new patient in the Head and Neck Clinic."),
    )
    people = [w.signatory(person) for person in (w.referrer, w.surgeon, w.gp)][: w.rng.randint(1, 3)]
    copies = w.say(
        (f"cc: {'; '.join(people)}", "CC:\n" + "\n".join(people), f"cc {people[0]}, {w.hospital()}"),
        ("cc: Referring Surgeon; General Practitioner; Dental Clinic",),
    )
    return Page("\n".join([f"{start} {' '.join(body(w))}", "", w.signatory(w.author), w.pick(*ROLES), "", copies]))


def transcription(w: Writer) -> Page:
    p = w.patient
    pages = w.rng.randint(1, 3)
    typed = w.date(w.seen + timedelta(days=1))
    head = [
        w.institution,
        "RADIATION ONCOLOGY CONSULTATION",
        "",
        f"PATIENT NAME:  {w.pick(p.last_first, p.capital_last_first, p.last_first_initial).upper()}",
        w.pick(f"{w.mrn_line()}   DOB: {w.date(w.born)}", f"MR#: {w.mrn}"),
        w.maybe(f"ACCOUNT #: {mark('other number', w.digits('%########'))}"),
        f"DICTATED BY:  {w.signatory(w.author)}",
        f"DATE OF CONSULTATION:  {w.date(w.seen)}",
        "",
    ]
    foot = [
        w.signatory(w.author),
        "",
        f"{w.pick('D:', 'DD:', 'Dictated:')} {w.date(w.seen)} 1{w.digits('#')}:{w.digits('2#')}",
        f"{w.pick('T:', 'DT:', 'Transcribed:')} {typed} 0{w.digits('%')}:{w.digits('3#')}",
        f"{w.pick('Job #:', 'Job:', 'Document ID:', 'Confirmation #')} {mark('other number', w.digits('%######'))}",
        w.maybe(f"{p.last_first}   {w.mrn}   {w.date(w.seen)}", 0.4),
        f"Page {pages} of {pages}",
    ]
    return Page("\n".join([*head, *headed(w, w.pick("  ", "\n")), *foot]), width=76)


def tumour_board(w: Writer) -> Page:
    people = [w.pick(w.doctor(w.person()), w.person().full, w.person().initials) for _ in range(w.rng.randint(3, 5))]
    lines = [
        f"{w.pick('Head and Neck Tumour Board', 'HEAD AND NECK MDT', 'Multidisciplinary Meeting')}: Minutes",
        f"{w.institution}, {w.date(w.seen)}",
        w.say(
            (f"Present: {', '.join(people)}", f"Attendees: {'; '.join(people)}"),
            ("Present: Radiation Oncology, Medical Oncology, Head and Neck Surgery, Radiology, Pathology",),
        ),
        w.say((f"Chair: {w.doctor(w.author)}", f"Apologies: {w.person().full}"), ("Apologies: Nuclear Medicine",)),
    ]
    for number in range(1, w.rng.randint(2, 4)):
        if number > 1:
            w.new_patient()
        p = w.patient
        who = w.say(
            (
                f"{p.full}, {w.mrn_line()}, {w.aged()}",
                f"{p.capital_last_first} ({w.date(w.born)})",
                f"{p.last_first}, {w.age(w.case.age)} years, {w.mrn_line()}",
                f"{p.surname} ({w.nhs_line()})",
            ),
            (w.aged(), "New case", "Restaging after induction"),
        )
        raised = w.say(
            (
                f"{w.doctor(w.surgeon)} presented {w.patient_titled()}.",
                f"{w.surgeon.surname} asked about the neck.",
                f"Presented by {w.surgeon.full}.",
            ),
            ("Presented by Head and Neck Surgery.", "Question from the referring team: is the neck resectable?"),
        )
        decision = " ".join(w.some(plan(w), 1, 3))
        lines += ["", f"{number}. {who}", f"Diagnosis: {disease(w)}"]
        lines += [f"Discussion: {raised} {' '.join([*w.some(imaging(w), 1, 2), *w.some(pathology(w), 1, 1)])}"]
        lines += [f"{w.pick('Decision', 'Outcome', 'Recommendation')}: {decision}"]
        lines += [w.say((f"Action: {w.doctor(w.author)} by {w.after()}",), ("Action: Radiation Oncology",))]
    return Page("\n".join(lines))


LAYOUTS: dict[str, Callable[[Writer], Page]] = {
    "consult letter": consult_letter,
    "one-liner": one_liner,
    "all caps": all_caps,
    "bullet list": bullet_list,
    "key: value": key_values,
    "SOAP note": soap,
    "referral letter": referral,
    "dictation with cc": dictation,
    "transcription": transcription,
    "tumour board": tumour_board,
}
