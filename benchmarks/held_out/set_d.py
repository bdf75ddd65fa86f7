"""Set D: layouts, phrases and names of its own."""

# ruff: noqa: E501

from held_out.filling import Layout

SEED = 4409

GIVEN = {
    "male": ["Henning", "Jürgen", "Pieter", "Mikkel", "Olav", "Bertrand", "Ruedi", "Tapani", "Willem"],
    "female": ["Annelies", "Birgitta", "Ingeborg", "Hannelore", "Solveig", "Mathilde", "Kirsten"],
}
SURNAMES = [
    "Vestergård",
    "Oosterbeekman",
    "Holtzinger",
    "Rasmusdal",
    "Lindenfels",
    "Van-Hoorn",
    "Sørvaag",
    "Niederhuber",
    "Dekkerink",
    "Kallevik",
]
DOCTOR = [
    "Dr. med. Falkenrath",
    "Overlæge J. Skovlund",
    "Dr. van den Aakster",
    "PD Dr. Wiesental",
    "Dr. E. Nordhaug",
    "Dr. Marchandot",
]
HOSPITAL = [
    "Klinikum Oberwaldau",
    "Sankt Olufs Hospital",
    "UMC Noorderveen",
    "Kantonsspital Bärenfeld",
    "Clinique des Tilleuls",
]
DATE = ["{day}.{month_number}.{year}", "{day}. {month} {year}", "week {num 2 50}, {year}"]

PRIMARY = {
    "tonsil": {
        "sided": [
            "palatine tonsil on the {side}",
            "{side} palatine tonsil",
            "tonsil {side}",
            "{side} lateral oropharyngeal wall/tonsil",
        ],
        "bilateral": ["palatine tonsils, both sides"],
        "unsaid": ["oropharynx, not otherwise specified", "oropharynx"],
    },
    "base of tongue": {
        "sided": ["root of the tongue/tongue base {side}", "{side} tongue base", "base of tongue {side}"],
        "midline": ["base of tongue at the midline"],
        "unsaid": ["tongue base"],
    },
    "soft palate": {
        "sided": ["velum (soft palate) {side}", "{side} soft palate"],
        "midline": ["soft palate, midline"],
        "unsaid": ["soft palate"],
    },
    "nasopharynx": {
        "sided": ["nasopharynx {side}", "epipharynx/nasopharynx on the {side}", "{side} Rosenmüller fossa"],
        "midline": ["nasopharyngeal vault, midline"],
        "bilateral": ["nasopharynx on both sides"],
        "unsaid": ["nasopharynx", "naso-pharynx"],
    },
    "pyriform sinus": [
        "hypopharynx, piriform sinus {side}",
        "{side} sinus piriformis (hypopharynx)",
        "{side} piriform recess",
    ],
    "postcricoid": {
        "midline": ["hypopharynx, postcricoid, midline"],
        "unsaid": ["hypopharynx", "postcricoid hypopharynx"],
    },
    "glottis": {
        "sided": ["vocal fold {side}", "{side} vocal cord", "glottic larynx {side}"],
        "bilateral": ["both vocal cords", "glottis on both sides"],
        "unsaid": ["glottic larynx", "larynx"],
    },
    "supraglottis": {
        "sided": ["supraglottic larynx {side}", "{side} vestibular fold of the larynx"],
        "midline": ["petiole of the epiglottis, midline"],
        "unsaid": ["supraglottic larynx", "epiglottis"],
    },
    "oral tongue": ["mobile tongue {side}", "lateral tongue margin {side} (oral cavity)", "{side} mobile tongue"],
    "floor of mouth": {
        "sided": ["floor of the mouth {side}", "{side} floor of the mouth"],
        "midline": ["anterior floor of the mouth, midline"],
    },
    "buccal mucosa": ["buccal mucosa {side}", "{side} buccal plane of the oral cavity"],
    "retromolar trigone": ["retromolar triangle/trigone {side}", "{side} retromolar trigone"],
    "parotid": ["parotid {side}", "{side} glandula parotis (parotid)"],
    "submandibular gland": ["submandibular gland {side} (salivary gland)"],
    "maxillary sinus": ["maxillary sinus {side}", "{side} sinus maxillaris (maxillary sinus)"],
    "nasal cavity": {
        "sided": ["nasal cavity {side}", "ethmoid cells {side}"],
        "unsaid": ["nasal cavity", "paranasal sinuses (sinonasal)"],
    },
    "thyroid": {
        "sided": ["thyroid {side}", "{side} thyroid lobe"],
        "bilateral": ["thyroid on both sides"],
        "unsaid": ["thyroid gland"],
    },
    "unknown primary": ["CUP syndrome (unknown primary)", "unknown primary"],
    "unstated": ["head and neck"],
}
HISTOLOGY = {
    "": ["planocellular carcinoma", "squamous cell carcinoma G2", "squamous cell carcinoma G3"],
    "nasopharynx": ["lymphoepithelial carcinoma", "undifferentiated carcinoma, EBER+,"],
    "salivary gland": ["adenocarcinoma NOS", "secretory carcinoma"],
    "maxillary sinus": ["squamous cell carcinoma G2"],
    "nasal cavity": ["adenocarcinoma (woodworker)", "neuroendocrine carcinoma"],
    "thyroid": ["oncocytic carcinoma", "papillary carcinoma, radioiodine refractory,"],
}
DISEASE = {
    "": ["{histology} of {primary}", "{primary}: {histology}", "malignant tumour of {primary} ({histology})"],
    "unknown primary": [
        "CUP syndrome with cervical squamous cell metastases",
        "cervical CUP, lymph node metastases on the {near}{not bilateral}",
    ],
    "unstated": ["head and neck squamous cell carcinoma"],
}
DX = {
    "": ["{histology} {primary}", "ca. {primary}"],
    "unknown primary": ["cervical CUP", "CUP, nodes level II"],
    "unstated": ["HNSCC"],
}
STAGE = [
    "{c}{t} {c}{n} {m}",
    "{c}{t} {n} {m}",
    "{c}{t}{n}{m}",
    "({c}{t}, {c}{n}, c{m})",
    "{t} {n} {m} (UICC 2017)",
    "{t_}, {n_}, {m_}",
    "T category {t}, N category {n}",
    "{t}/{n}/{m}",
]
TN = ["{c}{t}{n}{m}", "{c}{t} {n}", "{t}{n}", "{c}{t} {c}{n} {m}"]
HPV = {"": [""], "hpv_positive": [", p16 pos.", ", HPV16-DNA pos."], "hpv_negative": [", p16 neg."]}
COMPLAINT = {
    "": [
        "globus sensation for {num 2 6} months",
        "swallowing pain, worse with bread",
        "weight loss ({num 4 14} kg)",
        "ear pain on the {other}, which the ENT colleague explains by the jaw joint,",
    ],
    "larynx": ["hoarseness persisting {num 6 20} weeks", "dysphonia, seen by the phoniatrician"],
    "nasopharynx": ["serous otitis and nasal obstruction", "epistaxis; {other} septal spur known", "headache"],
    "salivary gland": ["a mass growing slowly over a year"],
    "sinonasal": ["one-sided nasal discharge", "facial numbness"],
    "thyroid": ["rapid growth of a known struma"],
    "unknown primary": ["cervical swelling without pain"],
    "oral cavity": [
        "mucosal ulcer detected by the dentist",
        "pain on eating sour food",
        "leukoplakia on the {other}, biopsied benign, and a further lesion",
    ],
}
LESION = {
    "sized": [
        "Endoscopy: tumour of {size} cm[, midline respected{only sided}|, {opposite} side free|].",
        "CT: mass of {size_mm} mm, no bone invasion.{not T4a T4b}",
        "Tumour {size_mm} x {num 8 20} mm.",
    ],
    "mobile": ["Vocal fold mobility preserved."],
    "sluggish": ["Vocal fold mobility reduced.", "Mobility reduced, {opposite} fold normal in stroboscopy."],
    "fixed": ["Vocal fold fixation.", "Arytenoid fixed; {opposite} arytenoid mobile."],
    "cartilage": ["CT: transmural thyroid cartilage invasion."],
    "nasopharynx": ["MRI: mass with T2 prolongation.", "MRI: mass without infiltration of the {opposite} wall."],
    "sinonasal": [
        "MRI: tumour versus retained secretion separated on T2.",
        "CT: bone defect; {opposite} sinus inflamed only.",
    ],
    "thyroid": ["Sonography: suspicious nodule, TI-RADS 5."],
    "unknown primary": ["Panendoscopy and PET without primary."],
    "postop": [
        "R0 resection {num 3 7} weeks ago, margin {num 2 5} mm.",
        "R0, Pn1, L0, V0.",
        "R0; radial flap harvested from the {other} forearm.",
    ],
    "": ["Exulcerated tumour."],
}
NODES = {
    "none": ["Neck sonographically clear.", "No pathological lymph nodes."],
    "unassessed": ["Lymph nodes not evaluable in the scarred neck."],
    "single": [
        "One node level IIA {near}, {node_mm} mm.",
        "Lymph node {near} of {node_mm} mm; [cervically {clear} nothing|no further nodes].",
    ],
    "multiple": [
        "Nodes {near} in levels II, III and IV, {node_mm} mm maximum.",
        "{num 3 6} pathological nodes {near} (max. {node_mm} mm), none {clear}.",
    ],
    "large": ["Conglomerate {near}, {node_mm} mm."],
    "extranodal": ["Node {near} infiltrating the sternocleidomastoid muscle (ENE)."],
    "bilateral": ["Nodes on both sides, {node_mm} mm maximum.", "Bilateral lymph node metastases."],
    "contralateral": ["Node on the opposite side only: level IIB {opposite}, {node_mm} mm."],
    "postop none": ["pathology: 0/{taken_out} nodes."],
    "postop bilateral": ["Neck dissection both sides, {positive}/{taken_out} positive, no ECE."],
    "postop contralateral": ["Neck dissection: {positive}/{taken_out}, metastases {opposite} only."],
    "postop": [
        "Neck dissection {near} with {positive}/{taken_out} metastases, no ECE.",
        "{positive} metastases among {taken_out} nodes, all {near}.",
    ],
}
SPREAD = {
    "": ["CT thorax unremarkable.", "No distant metastasis."],
    "M1": ["Pulmonary metastases histologically confirmed.", "Metastasis in thoracic vertebra T12."],
    "MX": ["Thorax CT still to be done."],
}
INTENT = {"radical": ["primary", "definitive"], "postop": ["adjuvant", "postoperative"], "palliative": ["palliative"]}
CHEMO = {
    "radical": [
        "with cisplatin 6 x 40 mg/m2 and nimorazole",
        "with 5-FU/carboplatin",
        "without concomitant medication",
    ],
    "postop": ["without concomitant chemotherapy"],
    "palliative": ["without systemic treatment"],
    "early": ["without chemotherapy"],
}
NECKS = {
    "": ["elective lymphatics", "adjacent lymph drainage areas"],
    "near": ["the {near} cervical lymphatics"],
    "bilateral": ["the cervical lymphatics of both sides", "bilateral lymph drainage"],
    "none": ["neck"],
}
NECK = {
    "": [""],
    "near": [
        "Lymph drainage of the {near} neck only.",
        "The neck is irradiated unilaterally ({near}).",
        "No indication for the {clear} neck; {near} neck is irradiated.",
    ],
    "bilateral": ["Neck irradiated on both sides.", "Bilateral neck included."],
    "none": ["The neck is omitted.", "Neck: no irradiation."],
}
NK = {"": [""], "near": ["neck {near}"], "bilateral": ["neck bilateral"], "none": ["no neck"]}
DOSE = {
    "0": ["The dose concept follows.", "Dose concept open until the board."],
    "1": ["Total dose {d1} Gy in {fx} fractions.", "Single dose {per_fraction} Gy, total dose {d1} Gy."],
    "2": [
        "Total dose {d1} Gy (macroscopic tumour) and {d2} Gy ({necks}) in {fx} fractions.{not postop}",
        "Dose levels: {d1} Gy and {d2} Gy in {fx} fractions, six weekly.",
        "PTV2 {d2} Gy, PTV1 {d1} Gy, {fx} fractions SIB.",
    ],
    "3": [
        "Dose levels: {d1} Gy, {d2} Gy and {d3} Gy in {fx} fractions.",
        "CTV1 {d1} Gy, CTV2 {d2} Gy, CTV3 {d3} Gy, {fx} fractions.",
        "{d3} Gy elective to {necks}, {d2} Gy high-risk lymphatics, {d1} Gy tumour, {fx} fractions.{not postop}",
    ],
}
RX = {
    "0": ["dose open"],
    "1": ["{fx} x {per_fraction} Gy = {d1} Gy", "{d1} Gy/{fx} fx"],
    "2": ["{d1}/{d2} Gy, {fx} fx"],
    "3": ["{d1}/{d2}/{d3} Gy, {fx} fx", "SIB {d1}-{d2}-{d3} Gy/{fx} fx"],
}
CGY = {
    "0": ["open"],
    "1": ["{c1} cGy in {fx} fx"],
    "2": ["{c1} cGy / {c2} cGy in {fx} fx"],
    "3": ["{c1} cGy / {c2} cGy / {c3} cGy in {fx} fx"],
}
HISTORY = [
    "arterial hypertension",
    "St. p. hip endoprosthesis {other} {num 2006 2020}",
    "knee TEP {other}",
    "St. p. mamma carcinoma {other}, adjuvant RT 50.4 Gy in 28 fractions {num 2004 2018}{only female}",
    "St. p. RT of the prostate 76 Gy {num 2009 2019}{only male}",
    "COPD GOLD II",
    "peripheral arterial disease, {other} femoral stent",
    "T12 compression",
    "alcohol abuse",
    "hearing aid {other} since {num 2008 2020}",
    "cardiac pacemaker, {other} prepectoral",
    "basalioma of the {other} temple excised",
]
SOCIAL = [
    "{num 10 50} pack years.",
    "Non-smoker.",
    "Lives alone, retired carpenter.",
    "Alcohol: {num 2 6} units per day.",
]
FAMILY = ["Family: grandfather laryngeal carcinoma.", "Family history empty.", "Family: mother thyroid carcinoma."]
OAR = [
    "Myelon max. 45 Gy, brainstem max. 54 Gy.",
    "Parotis {other} mean below 26 Gy.",
    "Submandibular gland {other} mean below 35 Gy.{not salivary_gland}",
    "Lens < 6 Gy, chiasm < 54 Gy.",
    "Constraints as in the DAHANCA guideline, spinal cord 45 Gy.",
]
IMAGING = [
    "FDG-PET: tumour SUV {dec 5 22}.{not postop unknown_primary}",
    "MRI with T2 TSE and diffusion available.",
    "Question of recurrent nerve palsy {other}: not confirmed.",
    "Orthopantomogram: foci to be treated.",
    "Scar of the {other} lung base.",
]

LAYOUTS = [
    Layout(
        "German letter",
        """{hospital}, Department of Radiotherapy, {date}
Dear colleagues,
we report on your patient {given} {surname}, {age} years.

Diagnosis: {^disease}{hpv}
TNM: {stage}
Secondary diagnoses: {history}; {history}

History: The patient was referred because of {complaint}. {social}
Findings: {lesion} {nodes} {imaging} {spread}
Assessment: We see the indication for {intent} radiotherapy {chemo}. {dose} {neck}

With collegial regards, {doctor}""",
    ),
    Layout("short entry", "{age}{sex} {dx}, {tn}{hpv}. [{nodes}|{history}.|] {rx}, {nk}", "L"),
    Layout(
        "Nordic conference",
        """MDT conference {date} ({hospital})
Patient {surname}, {age} y
{disease}, {stage}
{nodes} {imaging}
Comorbidity: {history}
Decision: {intent} RT {chemo}, {rx}. {neck}
Responsible: {doctor}""",
        "Lt.",
    ),
    Layout(
        "numbered letter",
        """1) Reason for visit: {complaint}
2) Diagnosis: {disease}
3) Stage: {stage}
4) Local status: {lesion} {nodes}
5) Other illnesses: {history}, {history}
6) {family} {social}
7) Proposal: {intent} irradiation. {dose} {neck}
8) Limits: {oar}
Signed {doctor}""",
    ),
    Layout(
        "telex",
        """{surname} {age}{sex} - {dx} - {tn} - {nodes} - {history} - {intent} RT - {dose} - {neck} - {oar} - {doctor}""",
        letters="upper",
    ),
    Layout(
        "record fields",
        """patient: {given} {surname}
tumour site: {primary}
histology: {histology}
classification: {stage}
local finding: {lesion}
nodes: {nodes}
treatment aim: {intent}
dose/fx: [{cgy}|{rx}]
neck volume: {neck}
anamnesis: {history}; {history}""",
        "lt",
    ),
    Layout(
        "stars",
        """* {age}-year-old {man}, {social}
* {dx}
* {stage}
* {nodes}
* {history}
* plan: {intent} RT {rx}
* {neck}
* {oar}""",
        "(L)",
    ),
    Layout(
        "emigrant referral",
        """Dear {doctor}, {mr} {surname}, {age}, moves to your region and wishes to be treated at {hospital}. {^he} consulted us for {complaint}. Known are {history} and {history}. Panel result: {disease}, {stage}. {nodes} {imaging} Our board advised {intent} radiotherapy {chemo}. [{dose} {neck}|We leave the technique to you.]""",
    ),
    Layout(
        "physics order",
        """Order to medical physics
ID {num 10000 99999}, {surname}
Target: {primary}
Stage: {tn}
Plan: {dose} {neck}
OAR: {oar} {oar}
Note: {history}""",
        "Lt",
    ),
    Layout(
        "SOAP European",
        """Subjective: {complaint}. Previous: {history}.
Objective: WHO {num 0 2}. {lesion} {nodes}
Assessment: {disease}. Classified as {tn}. {spread}
Plan: RT ({intent}) {chemo}. {dose} {neck} {oar}""",
        "L",
    ),
    Layout(
        "trial screening",
        """Trial screening by {doctor}. Subject {num 100 999}, {age} y, {male}. Tumour: {disease}{hpv}. Stage: {stage}. Exclusion criteria: {history} (allowed). {imaging} {nodes} Protocol dose: {dose} {neck}""",
    ),
]
