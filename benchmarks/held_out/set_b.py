"""Set B: layouts, phrases and names of its own."""

# ruff: noqa: E501

from held_out.filling import Layout

SEED = 2203

GIVEN = {
    "male": ["Angus", "Declan", "Lachlan", "Brendan", "Hamish", "Cormac", "Rory", "Fergal", "Stuart"],
    "female": ["Siobhan", "Noeleen", "Bronwyn", "Aoife", "Gwenda", "Maeve", "Shirley"],
}
SURNAMES = [
    "O'Riordane",
    "Wattleby",
    "Trethowan",
    "McGillick",
    "Yarrowdale",
    "Dunleavy",
    "Prendergale",
    "Boothroyd",
    "Kinsellar",
    "Abernathwaite",
]
DOCTOR = ["Prof. Quillinan", "Dr Heather Maccabe", "Mr J. Tolliver", "Dr Wu", "Dr S. Ranganathan", "Ms Orla Fennick"]
HOSPITAL = [
    "Wattle Bay Cancer Care Centre",
    "Mater Finbarr's, Cork",
    "Gippsvale Base Hospital",
    "Northern Ontario Oncology Programme",
    "Swan Valley Radiation Oncology",
]
DATE = ["{day}/{month_number}/{year}", "{day} {month} {year}", "{year}-{month_number}-{day}"]

PRIMARY = {
    "tonsil": {
        "sided": ["{side} tonsil", "tonsil ({side})", "{side} tonsillar bed", "{side}-sided tonsil"],
        "bilateral": ["both tonsils"],
        "unsaid": ["oropharynx", "oropharyngeal wall"],
    },
    "base of tongue": {
        "sided": ["{side} BOT", "{side} tongue base", "{side} hemi-tongue base"],
        "midline": ["tongue base in the midline", "midline BOT"],
        "unsaid": ["tongue base", "BOT"],
    },
    "soft palate": {
        "sided": ["{side} soft palate", "{side} hemi soft palate"],
        "midline": ["uvula and midline of the soft palate"],
        "unsaid": ["soft palate"],
    },
    "nasopharynx": {
        "sided": ["{side} postnasal space (nasopharynx)", "{side} Rosenmuller fossa", "{side} nasopharynx"],
        "midline": ["nasopharynx, midline of the vault"],
        "bilateral": ["nasopharynx bilaterally"],
        "unsaid": ["nasopharynx"],
    },
    "pyriform sinus": ["{side} pyriform fossa", "{side} piriform fossa", "hypopharynx ({side} pyriform fossa)"],
    "postcricoid": {"midline": ["postcricoid mucosa in the midline"], "unsaid": ["postcricoid area", "hypopharynx"]},
    "glottis": {
        "sided": ["{side} vocal cord", "{side} vocal fold", "{side} glottis"],
        "bilateral": ["larynx, both vocal folds", "both true cords"],
        "unsaid": ["glottis", "larynx"],
    },
    "supraglottis": {
        "sided": ["{side} supraglottis", "{side} ventricular band (supraglottic larynx)"],
        "midline": ["laryngeal surface of the epiglottis, midline"],
        "unsaid": ["supraglottis", "larynx, supraglottic"],
    },
    "oral tongue": ["{side} lateral tongue (oral)", "{side} ventral oral tongue", "{side} oral tongue"],
    "floor of mouth": {"sided": ["{side} FOM", "{side} floor of mouth"], "midline": ["anterior FOM, midline"]},
    "buccal mucosa": ["{side} buccal mucosa", "{side} cheek mucosa (buccal)"],
    "retromolar trigone": ["{side} retromolar trigone", "{side} RMT (retromolar)"],
    "parotid": ["{side} parotid", "deep lobe of the {side} parotid"],
    "submandibular gland": ["{side} submandibular salivary gland"],
    "maxillary sinus": ["{side} maxillary sinus", "{side} antrum (maxillary sinus)"],
    "nasal cavity": {"sided": ["{side} nasal fossa (sinonasal)", "{side} nasal cavity"], "unsaid": ["sinonasal tract"]},
    "thyroid": {
        "sided": ["{side} lobe of thyroid", "{side} hemithyroid"],
        "bilateral": ["thyroid, bilobar and bilateral"],
        "unsaid": ["thyroid"],
    },
    "unknown primary": ["unknown primary", "occult primary (CUP)"],
    "unstated": ["head and neck mucosa"],
}
HISTOLOGY = {
    "": ["SCC", "squamous carcinoma", "squamous cell cancer"],
    "nasopharynx": ["EBER-positive undifferentiated cancer", "non-keratinising carcinoma"],
    "salivary gland": ["carcinoma ex pleomorphic adenoma", "high grade mucoepidermoid cancer"],
    "maxillary sinus": ["squamous carcinoma"],
    "nasal cavity": ["intestinal-type adenocarcinoma", "mucosal melanoma"],
    "thyroid": ["follicular carcinoma", "Hurthle cell carcinoma"],
}
DISEASE = {
    "": ["{histology} arising in the {primary}", "{histology}, {primary}"],
    "unknown primary": [
        "cervical nodal SCC from an occult primary",
        "SCC of unknown primary with {near} neck nodes{not bilateral}",
    ],
    "unstated": ["mucosal squamous cancer of the head and neck"],
}
DX = {
    "": ["{primary} {histology}", "{histology} {primary}"],
    "unknown primary": ["unknown primary, SCC in neck nodes", "CUP neck"],
    "unstated": ["HNSCC"],
}
STAGE = [
    "stage: {c}{t}, {c}{n}, c{m}",
    "{t}, {n}, {m}",
    "{c}{t} {c}{n} {m}",
    "{t}{n}{m} (AJCC 8)",
    "{t_} {n_} {m_}",
    "{c}{t}{n}",
    "{t} {n} disease",
    "T stage {t}, N stage {n}",
]
TN = ["{t}{n}{m}", "{c}{t} {n}", "{t} {n}", "{t}, {n}, {m}"]
HPV = {"": [""], "hpv_positive": [" (p16+ve)", ", HPV related"], "hpv_negative": [" (p16-ve)", ""]}
COMPLAINT = {
    "": [
        "odynophagia",
        "a feeling of something stuck in the throat",
        "trismus and bad breath",
        "otalgia on the {other}, long-standing and put down to wisdom teeth,",
        "{num 3 12} kg of weight loss",
    ],
    "larynx": [
        "a husky voice",
        "noisy breathing and voice change",
        "dysphonia, with {other} neck stiffness that proved to be arthritis,",
    ],
    "nasopharynx": [
        "blocked nose and morning blood in the sputum",
        "double vision{only T4}",
        "{other} tinnitus of many years and recent nasal bleeding",
    ],
    "salivary gland": ["a lump noted by {his} barber", "a firm lump and [fullness|discomfort]"],
    "sinonasal": ["unilateral epistaxis", "loosening upper teeth"],
    "thyroid": ["a goitre that grew quickly", "stridor"],
    "unknown primary": ["a cystic neck lump", "a lump in the neck"],
    "oral cavity": [
        "an ulcer that would not settle under the denture",
        "loose teeth and an ulcer",
        "a white patch on the {other} cheek that was biopsied as lichen planus and a separate new ulcer",
    ],
}
LESION = {
    "sized": [
        "Tumour diameter {size} cm.",
        "Ulcer with rolled edges, {size_mm} mm across[; it does not reach the {opposite}|].",
        "Scope: {size} cm proliferative growth. {^opposite} side unremarkable.",
        "Palpable induration of {size} cm.",
    ],
    "mobile": ["Stroboscopy: cords mobile.", "FNE: superficial lesion with normal movement."],
    "sluggish": ["FNE: reduced movement.", "Stroboscopy: movement decreased; normal {opposite} side."],
    "fixed": ["FNE: fixed cord.", "Fixed hemilarynx, airway adequate. {^opposite} cord moves well."],
    "cartilage": ["Thyroid cartilage eroded through the outer table on CT."],
    "nasopharynx": [
        "FNE: mucosal mass.",
        "MR: intermediate T2 signal mass[, spares the {opposite} torus|].",
        "MR: skull base marrow replaced on T1 images.{only T3 T4}",
    ],
    "sinonasal": [
        "MR: enhancing lesion, orbit spared.{not T4a T4b}",
        "Septum bowed towards the {opposite} but not crossed.",
    ],
    "thyroid": ["Ultrasound: U5 nodule."],
    "unknown primary": [
        "EUA, tonsillectomies and tongue base mucosectomy all benign.",
        "Nothing seen at panendoscopy.",
    ],
    "postop": [
        "Theatre {day} {month}: complete excision, closest deep margin {num 1 5} mm.",
        "Histology: PNI present, LVI absent, margins clear.",
        "Free flap from the {other} thigh, healed.",
    ],
    "": ["Locally advanced tumour."],
}
NODES = {
    "none": ["No nodes felt.", "Ultrasound neck: normal nodes.", "Neck exam unremarkable."],
    "unassessed": ["Nodes not assessable after earlier surgery."],
    "single": [
        "Solitary {near} level {num 2 3} node, {node_mm} mm.",
        "{^near} neck node of {node_mm} mm, FNA positive. [Nothing in the {clear} neck.|]",
    ],
    "multiple": [
        "{^near} levels II and III nodal disease ({node_mm} mm the largest).",
        "At least {num 3 5} {near} nodes, up to {node_mm} mm; {clear} neck normal on PET.",
    ],
    "large": ["Very large {near} nodal mass, {node_mm} mm."],
    "extranodal": ["{^near} node with skin tethering, clinically ENE positive."],
    "bilateral": ["Nodes both sides, largest {node_mm} mm.", "Bilateral nodal disease in levels II-III."],
    "contralateral": [
        "{^opposite} level II node {node_mm} mm, FNA positive; nothing on the side of the primary.",
        "Nodal disease lies contralaterally, {opposite} IIa.",
    ],
    "postop none": ["{taken_out} nodes, all negative."],
    "postop bilateral": ["Bilateral neck dissection: {positive} of {taken_out} nodes involved."],
    "postop contralateral": ["{^opposite} neck dissection {positive}/{taken_out} positive, other side clear."],
    "postop": ["{^near} selective neck dissection: {positive} of {taken_out} involved, ENE negative."],
}
SPREAD = {
    "": [
        "Chest clear.",
        "Nothing distant on PET.",
        "PET: primary SUV {dec 7 18}, no distant uptake.{not postop unknown_primary}",
    ],
    "M1": ["Liver and lung metastases.", "Bone metastasis at L3."],
    "MX": ["CT chest requested."],
}
INTENT = {"radical": ["curative", "radical"], "postop": ["post-operative"], "palliative": ["palliative"]}
CHEMO = {
    "radical": [
        "plus cisplatin 40 mg/m2 weekly x 6",
        "alone, {he} is not fit for cisplatin",
        "with cetuximab (400 mg/m2 then 250 mg/m2 weekly)",
    ],
    "postop": ["alone", "alone, as ENE is absent"],
    "palliative": ["for local control"],
    "early": ["alone"],
}
NECKS = {
    "": ["elective regions", "uninvolved nodal levels"],
    "near": ["the {near} hemineck"],
    "bilateral": ["both necks"],
    "none": ["the neck"],
}
NECK = {
    "": [""],
    "near": [
        "{^near} neck irradiated, the {clear} neck left alone.",
        "Unilateral treatment: {near} neck.",
        "Ipsilateral nodal irradiation on the {near}.",
    ],
    "bilateral": ["Bilateral neck irradiation.", "Both sides of the neck in the elective volume."],
    "none": ["Neck not irradiated.", "No nodal irradiation planned."],
}
NK = {"": [""], "near": ["{near} neck alone"], "bilateral": ["both necks", "bilat necks"], "none": ["no nodes treated"]}
DOSE = {
    "0": ["Schedule will be confirmed at planning.", "Fractionation awaits physics."],
    "1": ["We will give {d1} Gy in {fx} fractions over {weeks} weeks.{not palliative}", "{d1} Gy/{fx} fractions."],
    "2": [
        "{d1} Gy in {fx} fractions to disease, {d2} Gy in the same {fx} fractions to {necks}.{not postop}",
        "Elective dose {d2} Gy and therapeutic dose {d1} Gy, both in {fx} fractions.",
        "{d1} Gy/{d2} Gy in {fx} fractions.",
    ],
    "3": [
        "{d1} Gy, {d2} Gy and {d3} Gy to high, intermediate and low risk volumes over {fx} fractions.",
        "CTV_low {d3} Gy, CTV_int {d2} Gy, CTV_high {d1} Gy; {fx} fractions, 5 per week.",
        "{d1} Gy to the tumour, {d2} Gy to nodes at risk and {d3} Gy prophylactically to {necks}.{not postop}",
    ],
}
RX = {
    "0": ["dose pending"],
    "1": ["{d1}Gy/{fx}#", "{d1} in {fx}#"],
    "2": ["{d1}/{d2} {fx}#", "{d1}Gy + {d2}Gy SIB in {fx}#"],
    "3": ["{d1}/{d2}/{d3} {fx}#", "{d1}Gy, {d2}Gy, {d3}Gy in {fx}#"],
}
CGY = {
    "0": ["Dose pending."],
    "1": ["Total dose {c1} cGy, {fx} fractions"],
    "2": ["Total dose {c1} cGy (boost volume), {c2} cGy (elective), {fx} fractions"],
    "3": ["Total doses {c1}, {c2} and {c3} cGy, {fx} fractions"],
}
HISTORY = [
    "ischaemic heart disease",
    "gout",
    "NIDDM",
    "{other} shoulder reconstruction",
    "{other} nephrectomy for renal cell cancer in {num 2003 2015}",
    "hemithyroidectomy for a benign nodule{not thyroid}",
    "breast cancer on the {other}, wide local excision and 42.5 Gy in 16 fractions in {num 2008 2017}{only female}",
    "T11 and T12 wedge fractures",
    "melanoma excised from the {other} calf",
    "{other} sided Bell's palsy, resolved,{not salivary_gland}",
    "atrial fibrillation on apixaban",
    "sleep apnoea",
]
SOCIAL = [
    "Retired shearer, ex-smoker.",
    "Smokes {num 5 25} a day.",
    "Lifelong non-smoker, lives with {his} partner.",
    "{num 2 8} standard drinks daily.",
]
FAMILY = ["An uncle died of throat cancer.", "Brother had a laryngectomy.", "No relevant family history."]
OAR = [
    "Cord < 45 Gy, brainstem < 54 Gy.",
    "{^other} parotid mean < 24 Gy.",
    "Spare parotids (mean 26 Gy) and larynx (mean 40 Gy){not larynx}.",
    "Cochlea max 45 Gy.",
]
IMAGING = [
    "T2 fat-sat MRI and T1 post-contrast reviewed.",
    "{^other} vocal palsy was queried by the GP and excluded.",
    "OPG done, two extractions needed.",
    "Old {other} clavicle fracture on CT.",
    "Nasendoscopy shows no second primary.",
]

LAYOUTS = [
    Layout(
        "Australian letter",
        """{date}
{doctor}
{hospital}

Dear Colleague

RE: {given} {surname}  DOB withheld

DIAGNOSIS: {^disease}{hpv}
STAGE: {stage}
TREATMENT: {intent} radiotherapy {chemo}

Thanks for referring {given}, who is {age} and came with {complaint}. {lesion} {nodes} {spread}
[Other medical problems are {history} and {history}. {social}|{social}]
{dose} {neck} I will see {him} weekly on treatment.

Kind regards
{doctor}""",
    ),
    Layout("registrar line", "{surname} {age}yo {sex} {dx} {tn}. {nodes} For {rx}, {nk}.[ BG {history}.|]", "L"),
    Layout(
        "MDM outcome",
        """MDM {date} - Head & Neck
Attendees: {doctor}, {doctor}
#{num 1 15} {surname}, {given}
{dx}{hpv}; {tn}
Imaging review: {nodes} {imaging}
Outcome: {intent} RT {chemo}. {rx}. {neck}
Action: dental, dietitian, {hospital}""",
        "Lt",
    ),
    Layout(
        "numbered",
        """New patient assessment, {doctor}
1. {^disease}
2. {stage}. {spread}
3. {lesion} {nodes}
4. Co-morbidities: {history}; {history}
5. {social} {family}
6. {neck}
7. {intent} RT. {dose}""",
    ),
    Layout(
        "capitals",
        """{surname}, {given}. {age} Y/O. DIAGNOSIS {disease}. {stage}. {nodes} {imaging} PLAN {intent} RADIATION {chemo}. {cgy}. {neck} TYPED BY TRANSCRIPTION, {hospital}.""",
        "Lt",
        "upper",
    ),
    Layout(
        "keys",
        """NAME: {given} {surname}
DX: {histology}
SITE: {primary}
STAGE: {tn}
BACKGROUND: {history}
FINDINGS: {lesion} {nodes}
INTENT: {intent}
DOSE: {cgy}
Neck RT: {neck}
OARS: {oar}""",
        "(L)",
    ),
    Layout(
        "GP referral",
        """Dear {doctor},
{mr} {surname} ({age}) has {history}, {history} and, some years ago, {history}. I saw {him} in {month} with {complaint}. The surgeons have since diagnosed {disease}, {stage}. {family} {social} Would you kindly consider {intent} radiotherapy? [{nodes}|{imaging}]
Yours sincerely""",
    ),
    Layout(
        "telephone",
        """Phone call from {doctor} re {given} {surname}, {age} {male}. {^disease}, {tn}. {lesion} {nodes} Needs {intent} RT - {dose} {neck} Book planning at {hospital}.""",
        "(L)",
    ),
    Layout(
        "planning request",
        """RADIOTHERAPY PLANNING REQUEST
Patient {surname} / {sex} / {age}
Region: {primary}
Clinical stage: {tn}
[Background: {history}|Previous RT: none]
Phase 1: {dose}
Neck volumes: {neck}
Dose limits: {oar}
Consultant {doctor}""",
    ),
    Layout(
        "ward entry",
        """{day}/{month_number} ward round. {given} {surname}. {dx}, {stage}. PMH {history}, {history}. o/e {nodes} {lesion} {imaging} planned {intent} rt {rx} {nk}. {oar}""",
        "lt",
        "lower",
    ),
    Layout(
        "narrative",
        """{hospital}. {^he} is a pleasant {age} year old {gentleman} in whom investigation of {complaint} led to the diagnosis of {disease}{hpv}. We have staged this as {stage}. {nodes} {imaging} {spread} In the past {he} had {history}. I propose {intent} radiotherapy {chemo}: {dose} {neck} {oar}""",
    ),
]
