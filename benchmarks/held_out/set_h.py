"""Set H: hospitals of Asia, Africa, the Middle East and the Continent, with layouts, phrases and names of its own."""

# ruff: noqa: E501

from held_out.filling import Layout

SEED = 8329

GIVEN = {
    "male": ["Rajendran", "Wei Liang", "Babatunde", "Yousef", "Matthias", "Somchai", "Farooq", "Kenji"],
    "female": ["Lakshmi", "Siew Ling", "Adaeze", "Khadija", "Liesbeth", "Thandiwe", "Shazia"],
}
SURNAMES = [
    "Venkatasubban",
    "Chowdhuri-Rahim",
    "Tanawat",
    "Oyelowokan",
    "Al-Harbawi",
    "Steinkellner",
    "Moreauville",
    "Kobayashida",
    "Nkosimande",
    "Papadimitrakos",
    "Lim-Hoong",
]
DOCTOR = [
    "Dr. S. Ranganathan",
    "Dr. Chan Yuet Ming",
    "Dr. Folasade Adekunmi",
    "Prof. Dr. J. Hollenstein",
    "Dr. Samira El-Khouly",
    "Dr. Paolo Bertinelli",
]
HOSPITAL = [
    "Shanthi Memorial Cancer Hospital",
    "Queen Jade General Hospital",
    "Lagoon State Teaching Hospital",
    "Nile Delta Oncology Institute",
    "Klinikum Sonnwald",
    "Table View Academic Hospital",
]
DATE = ["{day}-{month_number}-{year}", "{year}/{month_number}/{day}", "the {day}.{month_number}.{year}"]

PRIMARY = {
    "tonsil": {
        "sided": ["tonsil ({side})", "{side} tonsil of oropharynx", "oropharynx: {side} tonsil"],
        "bilateral": ["tonsil of both sides"],
        "unsaid": ["tonsil of oropharynx", "oropharynx - tonsil"],
    },
    "base of tongue": {
        "sided": ["base tongue {side} side", "base of tongue ({side})", "oropharynx - {side} base of tongue"],
        "midline": ["base tongue, midline", "base of tongue (midline)"],
        "unsaid": ["base tongue", "oropharynx - base of tongue"],
    },
    "soft palate": {
        "sided": ["soft palate {side} side", "oropharynx - {side} soft palate"],
        "midline": ["soft palate (midline)", "oropharynx - soft palate, at midline"],
        "unsaid": ["oropharynx - soft palate", "velum (soft palate)"],
    },
    "nasopharynx": {
        "sided": [
            "nasopharynx {side} wall",
            "{side} Rosenmuller fossa of nasopharynx",
            "nasopharynx (epicentre {side})",
        ],
        "midline": ["nasopharynx (midline roof)", "nasopharynx, midline"],
        "bilateral": ["nasopharynx (both walls)"],
        "unsaid": ["nasopharynx (NPC)", "nasopharyngeal mucosa"],
    },
    "pyriform sinus": [
        "{side} PFS of hypopharynx",
        "{side} pyriform sinus (hypopharynx)",
        "hypopharynx - {side} pyriform sinus",
        "hypopharynx, {side} sinus piriformis",
    ],
    "postcricoid": {
        "midline": ["post cricoid (midline)"],
        "unsaid": ["post cricoid", "hypopharynx - post cricoid"],
    },
    "glottis": {
        "sided": ["larynx - {side} vocal cord", "{side} vocal cord (glottis)", "glottis ({side})"],
        "bilateral": ["larynx - both vocal cords", "glottis (bilateral cords)"],
        "unsaid": ["larynx - glottis", "glottic region of larynx"],
    },
    "supraglottis": {
        "sided": ["larynx - {side} supraglottis", "supraglottis ({side} AEF)", "{side} ventricular fold of larynx"],
        "midline": ["larynx - epiglottis, midline"],
        "unsaid": ["larynx - supraglottis", "supraglottic region of larynx"],
    },
    "oral tongue": [
        "{side} lateral border tongue",
        "tongue {side} lateral border",
        "oral cavity - {side} tongue",
        "{side} margin of oral tongue",
    ],
    "floor of mouth": {
        "sided": ["floor of mouth {side} side", "oral cavity - {side} floor of mouth"],
        "midline": ["floor of mouth (midline)", "oral cavity - floor of mouth, midline"],
    },
    "buccal mucosa": [
        "buccal mucosa ({side})",
        "{side} buccal mucosa with GBS",
        "oral cavity - {side} buccal mucosa",
    ],
    "retromolar trigone": ["retromolar trigone ({side})", "oral cavity - {side} RMT", "{side} retromolar region"],
    "parotid": ["parotid ({side})", "{side} glandula parotis", "salivary gland - {side} parotid"],
    "submandibular gland": ["submandibular gland ({side})", "salivary gland - {side} submandibular"],
    "maxillary sinus": [
        "maxillary sinus ({side})",
        "{side} maxillary sinus (PNS)",
        "paranasal sinus - {side} maxillary",
    ],
    "nasal cavity": {
        "sided": ["nasal cavity ({side})", "{side} nasal cavity with ethmoid"],
        "unsaid": ["nasal cavity with ethmoid", "nasal cavity (sinonasal)"],
    },
    "thyroid": {
        "sided": ["thyroid ({side} lobe)", "{side} lobe thyroid"],
        "bilateral": ["thyroid (bilateral lobes)"],
        "unsaid": ["glandula thyroidea (thyroid)", "thyroid, lobe not mentioned"],
    },
    "unknown primary": ["unknown primary with cervical nodes", "CUP (unknown primary) of the neck"],
    "unstated": ["head and neck region, site not mentioned"],
}
HISTOLOGY = {
    "": [
        "well differentiated squamous cell carcinoma",
        "squamous cell carcinoma G[2|3]",
        "epidermoid carcinoma",
        "moderately differentiated SCC",
    ],
    "nasopharynx": [
        "undifferentiated non-keratinizing carcinoma",
        "WHO type 2b carcinoma, EBV DNA {num 300 4000} copies",
    ],
    "salivary gland": ["adenoid cystic carcinoma G2", "muco-epidermoid carcinoma", "acinic cell tumour"],
    "maxillary sinus": ["epidermoid carcinoma", "adenoid cystic carcinoma G2"],
    "nasal cavity": ["adenocarcinoma G2", "epidermoid carcinoma", "undifferentiated sinonasal carcinoma"],
    "thyroid": ["papillary carcinoma", "insular carcinoma", "follicular carcinoma"],
}
HIST = {
    "": ["MDSCC", "sq. cell carcinoma", "SqCC"],
    "nasopharynx": ["undifferentiated ca.", "NPC type III"],
    "salivary gland": ["AdCC", "MEC G3"],
    "maxillary sinus": ["SqCC", "AdCC"],
    "nasal cavity": ["adenocarcinoma", "SqCC"],
    "thyroid": ["papillary ca.", "poorly diff. ca."],
}
DISEASE = {
    "": ["carcinoma {primary} ({histology})", "{histology}, site {primary}", "{histology} located in {primary}"],
    "unknown primary": [
        "carcinoma of unknown primary with secondary {near} neck node ({histology})",
        "metastatic epidermoid carcinoma in neck nodes, unknown primary",
    ],
    "unstated": [
        "epidermoid carcinoma of head and neck (referral does not mention the site)",
        "head and neck carcinoma, site not mentioned in the papers",
    ],
}
DX = {
    "": ["Ca {primary}, {hist}", "{primary} - {hist}", "Ca. {primary}"],
    "unknown primary": ["CUP with {near} neck node, SqCC", "MUO neck (unknown primary), SqCC"],
    "unstated": ["Ca head and neck, SqCC", "HNSCC, site not mentioned"],
}
STAGE = [
    "{c}{t} {c}{n} {c}{m}",
    "{c}{t}{n}{m}",
    "{t}{n}{m} as per AJCC 8th edition",
    "{c}{t_} {n_} {m_}",
    "{t}, {n}",
    "UICC TNM {c}{t} {n} {m}",
    "{c}{t} {n}",
]
TN = ["{c}{t}{n}{m}", "{t} {n} {m}", "{c}{t} {n}", "{t}{n}"]
HPV = {
    "": [""],
    "hpv_positive": [", p16 (+)", ", HPV DNA detected", ", IHC p16 strong positive"],
    "hpv_negative": [", p16 (-)", ", IHC p16 not expressed"],
}
COMPLAINT = {
    "": [
        "difficulty in swallowing since {num 2 6} months",
        "throat pain and loss of appetite",
        "foreign body sensation in throat with {near} ear pain",
        "pain during meals",
        "painful swallowing; ringing in the {other} ear is old and from factory noise",
    ],
    "larynx": ["change of voice since {num 3 8} months", "hoarse voice, noisy breathing on exertion"],
    "nasopharynx": [
        "blood in morning sputum",
        "{near} ear blockage since {num 2 5} months",
        "nasal bleeding and headache; {other} ear discharge since school age is known CSOM",
    ],
    "salivary gland": ["gradually increasing swelling since one year", "swelling over the angle of jaw, painless"],
    "sinonasal": [
        "nasal obstruction with foul discharge",
        "swelling of face and loosening of teeth{only maxillary_sinus}",
        "bleeding from nose on and off",
    ],
    "thyroid": ["swelling in front of neck since {num 6 18} months", "thyroid swelling seen in routine sonography"],
    "unknown primary": ["swelling of neck gradually increasing", "neck node noted by patient {num 2 5} months back"],
    "oral cavity": [
        "non healing ulcer in mouth since {num 2 6} months",
        "burning sensation and restricted mouth opening ({num 15 28} mm)",
        "mouth ulcer; tooth extracted on {other} side last year for caries without relation",
    ],
}
LESION = {
    "sized": [
        "O/E ulceroproliferative growth {size} x {dec 1 2} cm.",
        "CECT: enhancing lesion measuring {size_mm} mm.",
        "Growth of size {size} cm, not reaching {opposite} side.",
        "Local examination: {size} cm lesion; {opposite} half is normal.",
        "Clinically {size} cm tumour.",
    ],
    "mobile": [
        "IDL: both cords mobile.",
        "Videolaryngoscopy: mobility preserved.",
        "Hopkins: cords mobile bilaterally.",
    ],
    "sluggish": [
        "IDL: restricted cord mobility.",
        "Videolaryngoscopy: cord mobility impaired, {opposite} cord free of disease.",
    ],
    "fixed": ["IDL: cord fixed.", "Hopkins: fixed hemilarynx, {opposite} cord mobile."],
    "cartilage": ["CECT: thyroid cartilage lysis.", "CT: outer lamina of thyroid cartilage destroyed."],
    "nasopharynx": [
        "MRI: nasopharyngeal growth, hyperintense on T2WI.",
        "Endoscopy: growth in nasopharynx, {opposite} Rosenmuller fossa free.",
        "MRI: nasopharyngeal growth enhancing on T1WI with contrast.",
    ],
    "sinonasal": [
        "CT PNS: destructive soft tissue lesion.{not T1}",
        "Endoscopy: growth bleeding on touch; {opposite} nasal passage free.",
        "MRI: lesion with diffusion restriction.",
    ],
    "thyroid": [
        "Sonography: TIRADS 5 lesion.",
        "CECT: thyroid mass with retrosternal extension{not T2}.",
        "CECT: large thyroid mass.",
    ],
    "unknown primary": [
        "Triple endoscopy with biopsies negative.",
        "PET-CT: no mucosal uptake to suggest the primary.",
    ],
    "postop": [
        "Operated {num 3 6} weeks back; HPR: [PNI +|LVI +|margins free, nearest {num 2 7} mm].",
        "S/p surgery, histopathology shows R0 resection.",
        "S/p wide excision, wound healed; {other} thigh SSG donor area healed.",
        "R0 operation, Pn1.",
    ],
    "": ["Growth seen, bleeds on touch.", "Large growth with slough."],
}
NODES = {
    "none": ["Neck: no node palpable.", "Cervical nodes not enlarged on CECT.", "Clinically node negative."],
    "unassessed": ["Nodes could not be commented upon."],
    "single": [
        "{^near} neck node {node_size} cm, mobile.",
        "Single {near} cervical node of {node_mm} mm, FNAC positive.",
        "Single {near} cervical node {node_size} cm; {clear} side no node.",
    ],
    "multiple": [
        "Multiple {near} cervical nodes, largest {node_size} cm.",
        "{^near} sided level II, III nodes, {node_mm} mm the biggest.",
        "Multiple {near} cervical nodes up to {node_mm} mm; {clear} cervical chain free.",
    ],
    "large": [
        "{^near} cervical node mass {node_size} x {dec 3 5} cm.",
        "{^near} neck secondary of {node_size} cm, {clear} neck free.",
    ],
    "extranodal": [
        "{^near} neck node fixed with skin infiltration (cENE+).",
        "Fixed {near} cervical node mass with extranodal extension.",
    ],
    "bilateral": ["Bilateral cervical nodes, largest {node_size} cm.", "Nodes palpable on both sides of neck."],
    "contralateral": [
        "Only contralateral ({opposite}) cervical node of {node_mm} mm, ipsilateral neck free.",
        "CECT: node in {opposite} neck i.e. contralateral to primary, {node_size} cm.",
    ],
    "postop none": ["HPR nodes: 0/{taken_out}.", "{taken_out} nodes dissected, all free of tumour."],
    "postop bilateral": ["HPR nodes: {positive}/{taken_out}, positive on both sides."],
    "postop contralateral": ["HPR nodes: {positive}/{taken_out}, only from contralateral ({opposite}) side."],
    "postop": [
        "HPR nodes: {positive}/{taken_out} from {near} MRND[, ENE -|].",
        "{^near} neck dissection done, {positive}/{taken_out} positive.",
        "HPR {near} side {positive}/{taken_out}, {clear} side 0/{num 8 18}.",
    ],
}
SPREAD = {
    "": ["No distant metastasis found.", "CXR and USG abdomen normal."],
    "M1": ["Lung secondaries on HRCT.", "Multiple skeletal metastases in bone scan."],
    "MX": ["Metastatic work-up pending."],
}
INTENT = {
    "radical": ["radical intent", "curative"],
    "postop": ["adjuvant (PORT)", "post op adjuvant"],
    "palliative": ["palliative intent", "palliative"],
}
CHEMO = {
    "radical": [
        "with weekly Inj. Cisplatin 40 mg/m2",
        "with concurrent nedaplatin",
        "without concurrent drugs",
        "with cisplatin 3 weekly",
    ],
    "postop": ["without concurrent drugs", "only RT"],
    "palliative": ["for relief of pain", "followed by oral metronomic therapy"],
    "early": ["only RT", "without concurrent drugs"],
}
NECKS = {
    "": ["elective volume", "CTV low risk"],
    "near": ["{near} neck (elective)", "{near} cervical nodes"],
    "bilateral": ["bilateral neck (elective)", "bilateral cervical nodes"],
    "none": ["cervical nodes"],
}
NECK = {
    "": [""],
    "near": [
        "RT portals to cover {near} neck only.",
        "{^near} neck to be irradiated, {clear} neck not to be included.",
        "Neck RT on {near} side only.",
        "Elective irradiation of {near} neck only.",
    ],
    "bilateral": [
        "Bilateral neck to be irradiated.",
        "RT to both sides of neck.",
        "Elective irradiation of bilateral neck.",
    ],
    "none": ["Neck not included in RT.", "No elective nodal RT.", "Only primary site to be irradiated, no neck RT."],
}
NK = {
    "": [""],
    "near": ["neck RT {near} only", "{near} hemineck"],
    "bilateral": ["B/L neck nodes", "RT to neck both sides"],
    "none": ["no RT to neck", "without neck RT"],
}
DOSE = {
    "0": ["Dose will be decided by senior consultant.", "Dosage yet to be fixed."],
    "1": [
        "EBRT {d1} Gy / {fx} fractions @ {per_fraction} Gy per fraction.",
        "Total dose of {d1} Gy in {fx} sessions, 5 days a week.",
        "Dose: {d1} Gy in {fx} fractions.",
    ],
    "2": [
        "IMRT-SIB: {d1} Gy to PTV high risk and {d2} Gy to {necks} in {fx} fractions.",
        "Dose: PTV1 {d1} Gy, PTV2 {d2} Gy in {fx} fractions.",
        "Total dose of {d1} Gy on tumour region and {d2} Gy on {necks}, {fx} sessions.",
        "IMRT dose {d1} Gy (high risk) and {d2} Gy (low risk).",
    ],
    "3": [
        "IMRT-SIB: {d1} Gy to PTV high risk, {d2} Gy to PTV intermediate risk and {d3} Gy to {necks} in {fx} fractions.",
        "Dose: PTV1 {d1} Gy, PTV2 {d2} Gy, PTV3 {d3} Gy in {fx} fractions.",
        "Total dose of {d1} Gy on tumour region, {d2} Gy on adjacent levels and {d3} Gy on {necks}, {fx} sessions.",
    ],
}
RX = {
    "0": ["dose ?"],
    "1": ["{d1} Gy/{fx} Fr", "{d1}Gy in {fx}#s", "{d1} Gy ({fx} x {per_fraction} Gy)"],
    "2": ["{d1} Gy and {d2} Gy/{fx} Fr", "SIB {d1} / {d2} Gy, {fx} Fr", "PTV{d1}/PTV{d2} in {fx} Fr"],
    "3": [
        "{d1} Gy, {d2} Gy and {d3} Gy/{fx} Fr",
        "SIB {d1} / {d2} / {d3} Gy, {fx} Fr",
        "PTV{d1}/PTV{d2}/PTV{d3} in {fx} Fr",
    ],
}
CGY = {
    "0": ["not fixed"],
    "1": ["{c1} cGy/{fx} Fr", "TD {c1} cGy in {fx} Fr"],
    "2": ["{c1} cGy and {c2} cGy/{fx} Fr", "PGTV {c1} cGy, PTV {c2} cGy, {fx} times{not postop}"],
    "3": [
        "{c1} cGy, {c2} cGy and {c3} cGy/{fx} Fr",
        "PGTV {c1} cGy, PTV1 {c2} cGy, PTV2 {c3} cGy, {fx} times{not postop}",
    ],
}
HISTORY = [
    "hypertensive on amlodipine",
    "T2DM on insulin",
    "pulmonary TB treated in {num 1995 2014}",
    "HBsAg carrier state",
    "retroviral disease, on ART with undetectable load",
    "mitral valve replacement, on warfarin",
    "{other} femur fracture with plating in a road accident",
    "{other} breast carcinoma, MRM followed by 50 Gy/25 Fr in {num 2006 2015}{only female}",
    "carcinoma prostate treated by 74 Gy in 37 Fr in {num 2009 2017}{only male}",
    "cervix cancer treated by 46 Gy/23 Fr plus brachytherapy in {num 2003 2013}{only female}",
    "{other} inguinal hernia repair",
    "{other} eye glaucoma",
    "old {other} hemiparesis after stroke, walks with stick",
    "{other} upper lobe fibrosis from old TB",
    "hypothyroid state on replacement{not thyroid}",
    "nephrolithiasis {other} kidney",
    "arterial hypertension, Z.n. appendectomy",
    "chronic gastritis",
    "L5-S1 disc operation",
]
SOCIAL = [
    "Tobacco and betel quid chewer for {num 10 30} years.",
    "Reformed smoker, bidi 1 bundle per day.",
    "No addictions.",
    "Teetotaller, farmer by occupation.",
    "Nicotine {num 20 45} py, occasional alcohol.",
]
OAR = [
    "Dmax spinal cord 45 Gy, brain stem 54 Gy.",
    "{^opposite} parotid Dmean below 26 Gy.",
    "Parotis Dmean 26 Gy wherever possible.{not parotid}",
    "Keep {other} lens below 7 Gy and chiasm below 54 Gy.",
    "Mandible V60 to be limited.",
    "{^other} inner ear Dmean 45 Gy.",
    "Spinal cord PRV below 50 Gy.",
]
IMAGING = [
    "PET SUV {dec 7 20} at primary{not unknown_primary postop}.",
    "{^other} pleural thickening is post tubercular.",
    "No evidence of {opposite} cavernous sinus invasion{only nasopharynx}.",
    "Doubtful {other} supraclavicular lesion was lipoma on FNAC.",
    "{^other} maxillary polyp incidental{not sinonasal}.",
    "Cervical spondylosis C5/C6.",
    "Blood counts and RFT within normal limits.",
    "Slide review done at our centre.",
    "Orthopantomogram seen, scaling advised.",
]

LAYOUTS = [
    Layout(
        "Indian case sheet",
        """{hospital}
OPD No. {num 1200 9800}/{year}
Name: {given} {surname}   Age/Sex: {age} yrs/{sex}
C/o {complaint}
H/o {history}; {history}
{social}
{lesion} {nodes}
{imaging}
Diagnosis: {dx}
Stage: {stage}
Adv: {intent} RT {chemo}. {dose} {neck}
{doctor}""",
    ),
    Layout(
        "Hong Kong letter",
        """{hospital}, Dept. of Clinical Oncology
{date}
Dear {doctor},
Re: {given} {surname} {sex}/{age}
Thank you for the referral. The above patient suffers from {disease}{hpv}, {stage}. {^he} presented with {complaint}. {lesion} {nodes} {imaging} Past health: {history}.
Seen with family, {intent} RT {chemo} explained. {dose} {neck}
Yours faithfully,
{doctor}""",
    ),
    Layout(
        "Nigerian clinic note",
        """{date} - Oncology clinic note ({doctor})
{age}-year-old {male} referred on account of {complaint}. Not known to have sickle cell disease; has {history}.
Assessment: {^disease}{hpv}. TNM: {tn}.
Findings: {nodes} {lesion}
{imaging} {spread}
Plan: to commence {intent} external beam radiotherapy {chemo}. {dose} {neck}
{social}""",
    ),
    Layout(
        "German tumour conference",
        """Interdisciplinary tumour conference, {hospital}, {date}
Patient: {surname}, {given}, {age} years
Diagnosis: {disease}{hpv}
Classification: {stage}
Secondary diagnoses: {history}; {history}
Findings: {nodes} {lesion} {imaging}
Decision: {intent} radiotherapy {chemo}. {neck} {dose}
Head of board: {doctor}""",
    ),
    Layout(
        "Chinese ward summary",
        """Admission summary. {sex}, {age} y. Bed {num 3 40}.
Chief complaint: {complaint}.
Admitting diagnosis: {dx}, {tn}.
Specialist examination: {nodes} {lesion}
Past history: {history}.
Treatment: {intent} IMRT {chemo}; {cgy}. {neck} {oar}
Attending: {doctor}""",
    ),
    Layout(
        "Gulf treatment sheet",
        """RADIOTHERAPY TREATMENT SHEET / {hospital}
Patient: {given} {surname}  {age}{sex}
Diagnosis: {dx}
Stage: {tn}
Aim: {intent}
Technique: VMAT 6 MV
Dose: {cgy}
Neck nodes: {nk}
Organs at risk: {oar}
Alerts: {history}
Consultant: {doctor}""",
        "Lt",
        "upper",
    ),
    Layout(
        "Pakistani round note",
        "{surname} {age}/{sex}, {dx}, {tn}{hpv}. {nodes} {lesion} H/o {history}. Plan {intent} RT {rx} {nk}. {imaging}",
        "Lt.",
    ),
    Layout(
        "South African registrar",
        """Pt {surname}, {age}{sex}, combined ENT-onc clinic {date}
#1 {dx} {stage}
#2 {history}
#3 {history}
Hx: {complaint}. {social}
Ex: {lesion} {nodes}
Sx/spec: {imaging}
P: {intent} RT {chemo}, {rx}. {neck} {oar}""",
        "L",
    ),
    Layout(
        "French-style report",
        """{hospital}, consultation report of {date}
I have seen in consultation {mr} {given} {surname}, aged {age} years, for {disease}{hpv}, classified {stage}. In the antecedents one notes {history} and {history}. The history begins with {complaint}. {lesion} {nodes} {imaging}
In conclusion, an indication of {intent} irradiation {chemo} is retained. {dose} {neck} {oar}
{doctor}""",
    ),
    Layout(
        "Singapore memo",
        """MEMO {date}
To: RT planning
Fr: {doctor}
Pls plan {surname} ({age}{sex}), {dx}.
- staging {tn}{hpv}
- {nodes}
- intent {intent}
- {rx}, {nk}
- {oar}
- PMHx {history}
- {imaging}""",
        "(L)",
    ),
    Layout(
        "Egyptian discharge",
        """discharge card. {given} {surname}, {age} years old {male}. treated under {doctor}. case of {disease}, {tn}. came with {complaint}. {nodes} {lesion} known history: {history}. {intent} radiotherapy {chemo}: {dose} {neck} {imaging}""",
        "full",
        "lower",
    ),
    Layout(
        "Japanese conference slide",
        """Case {num 1 6}. {age} y/o {male}
Dx: {dx}{hpv}
cTNM/pTNM: {tn}
Past Hx: {history}
Images: {nodes} {imaging}
Local: {lesion}
Tx proposal: {intent} RT, {rx}
Field: {neck}
OAR: {oar}""",
        "lt",
    ),
]
