"""Set F: North American hospitals, with layouts, phrases and names of its own."""

# ruff: noqa: E501

from held_out.filling import Layout

SEED = 6107

GIVEN = {
    "male": ["Thaddeus", "Octavio", "Emmett", "Dwayne", "Antoine", "Milton", "Hector", "Russell"],
    "female": ["Rosalind", "Darlene", "Guadalupe", "Bernice", "Geraldine", "Tamika", "Colette"],
}
SURNAMES = [
    "Stoddartson",
    "Quintanares",
    "Boudreaux-Lane",
    "Hallorwick",
    "Espinetta",
    "Tremblayne",
    "Kettlebrook",
    "Washburnley",
    "Nakagami",
    "Dubrowskin",
    "Odegaarden",
]
DOCTOR = [
    "Dr. Lorne Fitzhugh",
    "Dr. M. Castañeda-Ruiz",
    "Dr. Shelby Wrenfield",
    "Dr. Ikenna Obasanjo",
    "Dr. Théo Gagnier",
    "Dr. Carla Vonderheide",
]
HOSPITAL = [
    "Prairie Bluff Cancer Institute",
    "Mount Carrow Medical Center",
    "Saguaro Valley Radiation Oncology",
    "Lac-Brochet Cancer Centre",
    "Harbor Point University Health",
]
INSURER = ["Meridian Blue Health Plan", "Columbia Mutual Benefits", "TriCounty Advantage"]
DATE = ["{month_number}-{day}-{year}", "{month} {day} {year}", "{year}-{month_number}-{day}"]
VITALS = ["KPS {num 7 9}0", "ECOG PS {num 0 2}, weight {num 54 98} kg", "BP {num 118 150}/{num 66 88}, KPS {num 7 9}0"]

PRIMARY = {
    "tonsil": {
        "sided": ["{side} tonsillar region", "tonsil, {side}", "oropharynx, {side} tonsil", "{side} faucial tonsil"],
        "bilateral": ["both tonsils", "bilateral tonsils"],
        "unsaid": ["tonsil", "tonsillar fossa"],
    },
    "base of tongue": {
        "sided": [
            "{side} BOT",
            "{side}-sided base of tongue",
            "base of tongue, {side}",
            "{side} glossotonsillar sulcus",
        ],
        "midline": ["base of tongue, midline", "central base of tongue (midline)"],
        "unsaid": ["tongue base", "oropharynx (base of tongue)"],
    },
    "soft palate": {
        "sided": ["{side} hemi-soft palate", "soft palate ({side} half)", "soft palate, {side}"],
        "midline": ["soft palate, midline", "uvula in the midline of the soft palate"],
        "unsaid": ["soft palate of the oropharynx", "soft palate/uvula"],
    },
    "nasopharynx": {
        "sided": [
            "nasopharynx, {side}",
            "{side} lateral nasopharyngeal wall",
            "nasopharynx centered in the {side} fossa of Rosenmüller",
        ],
        "midline": ["nasopharynx, midline posterior wall", "midline roof of the nasopharynx"],
        "bilateral": ["nasopharynx bilaterally"],
        "unsaid": ["nasopharynx, NOS", "nasopharynx (subsite not given)"],
    },
    "pyriform sinus": [
        "hypopharynx ({side} pyriform)",
        "pyriform sinus, {side}",
        "{side} hypopharynx (pyriform sinus)",
    ],
    "postcricoid": {
        "midline": ["midline postcricoid hypopharynx", "hypopharynx, postcricoid, midline"],
        "unsaid": ["hypopharynx, postcricoid", "post-cricoid area"],
    },
    "glottis": {
        "sided": ["{side} TVC", "larynx, {side} true cord", "{side} glottis", "{side} true vocal fold"],
        "bilateral": ["both true vocal cords", "larynx, bilateral true cords"],
        "unsaid": ["larynx, glottic", "true vocal cord, laterality not recorded"],
    },
    "supraglottis": {
        "sided": [
            "supraglottis, {side}",
            "{side} false vocal fold",
            "larynx, {side} AE fold",
            "{side} supraglottic larynx",
        ],
        "midline": ["midline epiglottis", "supraglottic larynx, midline epiglottis"],
        "unsaid": ["larynx, supraglottic", "laryngeal surface of the epiglottis"],
    },
    "oral tongue": [
        "{side} mobile tongue",
        "oral tongue, {side} lateral",
        "tongue, {side} lateral border, anterior two thirds",
        "{side} anterior tongue",
    ],
    "floor of mouth": {
        "sided": ["{side} FOM", "floor of mouth, {side}", "{side} lateral floor of the mouth"],
        "midline": ["floor of mouth, midline", "midline anterior FOM"],
    },
    "buccal mucosa": ["buccal mucosa, {side}", "{side} cheek mucosa", "{side} buccal mucosa of the oral cavity"],
    "retromolar trigone": ["{side} RMT", "retromolar trigone, {side}", "{side} retromolar trigone of the oral cavity"],
    "parotid": ["parotid, {side}", "{side} parotid (deep lobe)", "parotid gland, {side}"],
    "submandibular gland": ["submandibular gland, {side}", "{side} submandibular salivary gland"],
    "maxillary sinus": [
        "maxillary sinus, {side}",
        "{side} maxilla (antrum)",
        "{side} sinonasal cavity, maxillary sinus",
    ],
    "nasal cavity": {
        "sided": ["nasal cavity, {side}", "{side} ethmoid", "{side} nasal cavity (lateral wall)"],
        "unsaid": ["nasal cavity, NOS", "nasal cavity and ethmoid"],
    },
    "thyroid": {
        "sided": ["{side} lobe of the thyroid", "thyroid gland, {side} lobe", "{side} thyroid"],
        "bilateral": ["both lobes of the thyroid", "thyroid, bilateral lobes"],
        "unsaid": ["thyroid, NOS", "thyroid gland (lobe not given)"],
    },
    "unknown primary": ["head and neck, unknown primary", "carcinoma of unknown primary"],
    "unstated": ["head and neck", "head & neck, site not specified"],
}
HISTOLOGY = {
    "": [
        "squamous cell carcinoma, [grade 2|grade 3|basaloid type],",
        "[keratinizing|non-keratinizing|invasive moderately differentiated] SCC",
        "infiltrating squamous cell carcinoma",
    ],
    "nasopharynx": [
        "EBER-positive nasopharyngeal-type carcinoma",
        "non-keratinizing undifferentiated carcinoma (EBV+)",
    ],
    "salivary gland": [
        "high-grade mucoepidermoid carcinoma",
        "adenoid cystic carcinoma",
        "carcinoma ex pleomorphic adenoma",
    ],
    "maxillary sinus": ["invasive squamous cell carcinoma", "adenoid cystic carcinoma, cribriform,"],
    "nasal cavity": ["esthesioneuroblastoma{not N1}", "intestinal-type adenocarcinoma", "SNUC"],
    "thyroid": ["papillary thyroid carcinoma", "Hurthle cell carcinoma", "follicular carcinoma, widely invasive,"],
}
HIST = {
    "": ["SCC", "sq cell ca", "squamous cell CA"],
    "nasopharynx": ["EBV+ NPC", "nasopharyngeal ca"],
    "salivary gland": ["mucoep ca", "ACC", "salivary duct ca"],
    "maxillary sinus": ["sq cell ca", "ACC"],
    "nasal cavity": ["adenoca", "SNUC"],
    "thyroid": ["PTC", "follicular ca"],
}
DISEASE = {
    "": ["{histology} of the {primary}", "{histology} originating in the {primary}"],
    "unknown primary": [
        "metastatic squamous cell carcinoma to the {near} neck with no identifiable primary (unknown primary)",
        "SCC of unknown primary in the cervical lymph nodes",
    ],
    "unstated": [
        "squamous cell carcinoma of the head and neck (primary site not given in the referral)",
        "a squamous cell carcinoma of head and neck origin, primary site not given",
    ],
}
DX = {
    "": ["{primary} {hist}", "{hist} of {primary}", "{hist}, {primary}"],
    "unknown primary": ["SCC unknown primary, {near} neck", "SCCUP", "unknown primary SCC"],
    "unstated": ["HNSCC", "H&N SCC"],
}
STAGE = [
    "AJCC 8: {c}{t}, {c}{n}, {c}{m}",
    "{c}{t} {c}{n} {m}",
    "{c}{t}{n}{m} (AJCC 8th ed.)",
    "{t}, {n}, {m}",
    "{c}{t} / {n} / {m}",
    "T category {c}{t}, N category {c}{n}",
    "{c}{t_}{n_} {m_}",
    "{t}{n}",
]
TN = ["{c}{t} {n} {m}", "{c}{t}{n}", "{t} {n}", "({c}{t}, {c}{n})"]
HPV = {
    "": [""],
    "hpv_positive": [", p16+", " (HPV-16 positive)", ", p16 IHC diffusely positive"],
    "hpv_negative": [", p16 neg", " (p16/HPV negative)"],
}
COMPLAINT = {
    "": [
        "{num 2 6} months of odynophagia",
        "trouble swallowing solids and {num 8 25} lb unintentional weight loss",
        "pain radiating to the {near} ear",
        "a globus feeling that two courses of antibiotics did not touch",
        "{other} ear pain, later traced to TMJ disease, and incidental findings on exam",
    ],
    "larynx": [
        "a raspy voice since {month}",
        "worsening hoarseness and throat clearing",
        "voice fatigue noticed at choir practice",
    ],
    "nasopharynx": [
        "recurrent nosebleeds and headaches",
        "{near} serous otitis that did not clear with a tube",
        "double vision and facial numbness{only T4}",
        "a stuffy nose; {^his} long-standing {other} tinnitus is from artillery service",
    ],
    "salivary gland": [
        "a marble-sized lump that grew over {num 5 14} months",
        "an enlarging painless facial mass{not submandibular_gland}",
    ],
    "sinonasal": [
        "epistaxis and facial pressure",
        "a blocked nose and loose upper molars{not nasal_cavity}",
        "anosmia and blood when blowing {his} nose",
    ],
    "thyroid": ["a neck fullness picked up at an annual physical", "a cold nodule on thyroid scan"],
    "unknown primary": [
        "a lump in the neck that did not resolve with antibiotics",
        "an asymptomatic neck mass felt in the shower",
    ],
    "oral cavity": [
        "a sore in the mouth that would not heal after dental work",
        "bleeding from an oral lesion",
        "an ill-fitting denture rubbing on the {other}, and a separate painful lesion",
    ],
}
LESION = {
    "sized": [
        "Exam shows a friable primary, {size} cm in greatest dimension.",
        "CT neck: {size} cm enhancing primary lesion.",
        "Primary tumor {size} x {dec 1 2} cm on MRI; {opposite} side spared.",
        "The mass measures {size} cm and does not involve the {opposite} side.",
        "Primary lesion palpated at {size} cm, tender.",
    ],
    "mobile": [
        "NPL: normal cord mobility.",
        "Scope: cords fully mobile.",
        "Strobe shows preserved mobility on each side.",
    ],
    "sluggish": [
        "Scope: decreased cord mobility without fixation.",
        "NPL: hypomobile cord on the tumor side; {opposite} cord normal.",
        "Fiberoptic exam shows partial impairment of cord motion.",
    ],
    "fixed": [
        "Scope: hemilarynx is fixed.",
        "NPL shows an immobile cord with the {opposite} cord compensating.",
        "No cord motion on the involved side, airway adequate.",
    ],
    "cartilage": [
        "CT neck: outer cortex of thyroid cartilage eroded.",
        "Tumor extends through cartilage into strap muscles.",
    ],
    "nasopharynx": [
        "MRI: nasopharyngeal mass enhancing on post-contrast T1.",
        "MRI skull base: no cavernous sinus involvement.{not T4}",
        "Scope: lobulated nasopharyngeal mass, {opposite} torus tubarius normal.",
    ],
    "sinonasal": [
        "CT sinuses: expansile mass with bony erosion.{not T1}",
        "MRI: enhancing sinonasal mass, dark on T2.",
        "Mass on nasal endoscopy; mucosal thickening of the {opposite} maxillary sinus is inflammatory.",
    ],
    "thyroid": ["US: solid hypoechoic mass.", "CT: mass with tracheal contact."],
    "unknown primary": [
        "DL with biopsies and tonsillectomy negative.",
        "PET/CT and TORS lingual tonsillectomy: no primary found.",
    ],
    "postop": [
        "Underwent resection {num 3 7} weeks ago, [LVI present|PNI present|close margin of {num 1 4} mm].",
        "Final path: negative margins, depth of invasion {num 6 14} mm{only oral_cavity}.",
        "Final path: margins free, perineural invasion identified.",
        "Recovering from surgery; {other} thigh skin graft donor site dry.",
    ],
    "": ["Ulcerative primary, bleeds on contact.", "Large primary on exam."],
}
NODES = {
    "none": ["Neck: no LAD.", "No cervical lymphadenopathy by CT or exam.", "PET shows no avid neck nodes."],
    "unassessed": ["Neck could not be evaluated on imaging because of artifact; nodal stage deferred."],
    "single": [
        "One FDG-avid {near} neck node, {node_mm} mm[, level II{not thyroid}|, level IV{only thyroid}|].",
        "{^near} neck: solitary {node_size} cm node. [{^clear} neck: no LAD.|]",
        "Solitary {node_size} cm node in the {near} neck.",
    ],
    "multiple": [
        "{^near} neck: [three|four|several] pathologic nodes, largest {node_mm} mm.",
        "Conglomerate nodes {near} II-III up to {node_size} cm; nothing on the {clear}.",
        "Multilevel {near} neck adenopathy (II, III, Va), max {node_size} cm.",
    ],
    "large": [
        "{^near} neck bulky {node_size} cm nodal mass.",
        "{node_size} cm necrotic {near} neck node; {clear} neck benign.",
    ],
    "extranodal": [
        "{^near} neck node with clinical ENE, fixed to SCM.",
        "Clinically overt ENE in the {near} neck with skin tethering.",
    ],
    "bilateral": [
        "Bilateral neck adenopathy, largest {node_mm} mm.",
        "Positive nodes in both the right and left neck on PET.",
    ],
    "contralateral": [
        "PET: single avid node in the {opposite} neck, {node_mm} mm, contralateral to the primary.",
        "Contralateral ({opposite}) neck node {node_size} cm; ipsilateral neck negative.",
    ],
    "postop none": ["Neck dissection path: {taken_out} nodes, all negative.", "Nodes: 0/{taken_out}."],
    "postop bilateral": [
        "Bilateral neck dissections, {positive}/{taken_out} nodes positive with disease on each side."
    ],
    "postop contralateral": [
        "Neck dissection path: ipsilateral negative, {opposite} (contralateral) {positive}/{taken_out} positive."
    ],
    "postop": [
        "{^near} ND: {positive} of {taken_out} nodes with metastasis[, largest {node_mm} mm|, no ENE].",
        "Nodes {positive}/{taken_out} positive, {near} neck; {clear} neck 0/{num 9 19}.",
        "{positive}/{taken_out} nodes involved, {near} side.",
    ],
}
SPREAD = {
    "": ["Chest negative.", "No evidence of distant metastasis."],
    "M1": ["PET: multiple avid lung lesions c/w metastases.", "Bone metastases in the pelvis on PET."],
    "MX": ["PET/CT scheduled but not yet done."],
}
INTENT = {
    "radical": ["definitive", "curative-intent"],
    "postop": ["postoperative", "adjuvant"],
    "palliative": ["palliative"],
}
CHEMO = {
    "radical": [
        "with weekly CDDP 40",
        "with bolus cisplatin (100 mg/m2 x 3)",
        "with concurrent cetuximab",
        "alone, as {he} is not a cisplatin candidate",
    ],
    "postop": ["without concurrent chemo", "with weekly cisplatin for ENE{not salivary_gland thyroid N0}"],
    "palliative": ["ahead of pembrolizumab", "for local symptom control"],
    "early": ["as sole modality", "alone"],
}
NECKS = {
    "": ["elective regions", "low-risk CTV"],
    "near": ["{near} neck", "elective {near} neck levels"],
    "bilateral": ["bilateral necks", "elective bilateral neck levels"],
    "none": ["neck"],
}
NECK = {
    "": [""],
    "near": [
        "Unilateral neck RT, {near} side.",
        "We will irradiate the {near} neck and omit the {clear} neck.",
        "Nodal coverage limited to the {near} neck.",
        "Ipsilateral neck only.{not unknown_primary}",
    ],
    "bilateral": [
        "Bilateral neck RT.",
        "Nodal coverage will include bilateral necks.",
        "Comprehensive bilateral neck irradiation.",
    ],
    "none": ["Nodal irradiation is not planned.", "Omit neck RT.", "Primary site only, neck not irradiated."],
}
NK = {
    "": [""],
    "near": ["+ {near} neck", "with unilateral {near} neck", "ipsi neck{not unknown_primary}"],
    "bilateral": ["+ bilat necks", "with bilateral neck"],
    "none": ["no nodal RT", "primary only, no neck"],
}
DOSE = {
    "0": ["Final prescription pending physician review.", "Total dose to be decided once pathology is reviewed."],
    "1": [
        "Total dose {d1} Gy, {fx} fractions.",
        "We plan {d1} Gy delivered in {fx} daily fractions{not levels2 levels3}.",
        "Prescribed dose: {d1} Gy at {per_fraction} Gy x {fx}.",
    ],
    "2": [
        "PTV_High {d1} Gy and PTV_Low {d2} Gy, {fx} fractions, SIB.",
        "We plan {d1} Gy to the CTV-high and {d2} Gy to the {necks} over {fx} fractions.",
        "IMRT to {d1} Gy with {d2} Gy to {necks} concurrently ({fx} treatments).",
        "Dose painting: {d1} Gy / {d2} Gy.",
    ],
    "3": [
        "PTV_High {d1} Gy, PTV_Mid {d2} Gy, PTV_Low {d3} Gy; {fx} fractions.",
        "We plan {d1} Gy to high risk, {d2} Gy to intermediate risk and {d3} Gy to {necks} in {fx} fractions.",
        "Dose painting to {d1}, {d2} and {d3} Gy, {fx} treatments.",
    ],
}
RX = {
    "0": ["Rx not entered yet"],
    "1": ["{d1} Gy / {fx} fx", "{fx} fx of {per_fraction} Gy, total {d1} Gy", "{d1} Gy in {fx}"],
    "2": ["{d1} & {d2} Gy / {fx} fx", "{d1}/{d2} Gy SIB, {fx} fx", "PTV{d1} and PTV{d2}, {fx} fx"],
    "3": ["{d1} & {d2} & {d3} Gy / {fx} fx", "{d1}/{d2}/{d3} Gy SIB, {fx} fx", "PTV{d1}, PTV{d2}, PTV{d3} x {fx} fx"],
}
CGY = {
    "0": ["pending"],
    "1": ["{c1} cGy total, {fx} fx", "Total {c1} cGy / {fx} fractions"],
    "2": ["{c1} cGy (high), {c2} cGy (low), {fx} fx", "PTV_{c1} and PTV_{c2} (cGy), {fx} fractions"],
    "3": [
        "{c1} cGy (high), {c2} cGy (mid), {c3} cGy (low), {fx} fx",
        "PTV_{c1}, PTV_{c2}, PTV_{c3} (cGy), {fx} fractions",
    ],
}
PRESCRIPTION = {
    "0": ["Treatment on hold pending replan"],
    "1": ["Fraction {num 2 3} of {fx} today, planned total {d1} Gy"],
    "2": ["Fraction {num 2 3} of {fx} today, planned totals {d1} Gy and {d2} Gy"],
    "3": ["Fraction {num 2 3} of {fx} today, planned totals {d1} / {d2} / {d3} Gy"],
}
HISTORY = [
    "HTN, hyperlipidemia",
    "DM2 (A1c {dec 6 8})",
    "OSA on CPAP",
    "C5-C6 fusion {num 2001 2018}",
    "{other} rotator cuff repair",
    "CVA with mild {other} arm weakness",
    "{other} total knee arthroplasty ({num 2009 2019})",
    "s/p {other} breast lumpectomy and whole breast RT, 42.56 Gy/16 fx, {num 2011 2017}{only female}",
    "{other} renal cell carcinoma s/p partial nephrectomy",
    "pT1b melanoma of the {other} shoulder, excised {num 2006 2016}",
    "prostate adenocarcinoma s/p 79.2 Gy in 44 fx in {num 2010 2017}{only male}",
    "CAD s/p 2-vessel CABG",
    "hypothyroidism{not thyroid}",
    "{other} ear hearing aid",
    "lumbar stenosis, L4-L5",
    "{other} subclavian port",
    "gout and mild CKD",
    "paroxysmal AF, on a DOAC",
    "depression, stable on sertraline",
    "Barrett esophagus",
    "non-Hodgkin lymphoma, 30.6 Gy in 17 fx to the mediastinum in {num 1999 2009}",
]
SOCIAL = [
    "{num 20 60} pack-years, quit {num 1998 2018}.",
    "Lifelong nonsmoker, retired [teacher|electrician|rancher].",
    "Active smoker 1 ppd, counselled.",
    "Chews tobacco; 2-3 beers on weekends.",
]
OAR = [
    "Cord Dmax < 45 Gy, brainstem < 54 Gy.",
    "Optic chiasm 54 Gy max, cord PRV 48 Gy.",
    "Pharyngeal constrictors mean < 50 Gy where coverage allows.",
    "Goal mean {opposite} parotid < 26 Gy.",
    "{^other} cochlea mean below 35 Gy if achievable.",
    "Oral cavity mean < 40 Gy, larynx as low as possible.{not larynx oral_cavity}",
    "Constraints per QUANTEC: cord 45, mandible max 70 Gy.",
    "Spare the {opposite} submandibular gland (mean < 35 Gy).{not submandibular_gland}",
]
IMAGING = [
    "PET SUVmax {dec 5 18}{not unknown_primary postop}.",
    "{^other} adrenal adenoma, stable since {num 2014 2018}.",
    "Concern for {other} jugular thrombosis, ruled out by ultrasound.",
    "Radiology read no {opposite} orbital invasion{only sinonasal}.",
    "Outside CT re-read by our neuroradiologist.",
    "Question of {other} mastoid disease on CT, cleared by ENT.",
    "MRI cervical spine 2022: degenerative change only.",
]
TOXICITY = [
    "Grade 1 mucositis, Magic Mouthwash refilled.",
    "Mild xerostomia, skin intact.",
    "Tape rash over the {other} forearm IV site.",
    "Grade 1 fatigue. {^other} shoulder bursitis flaring, unrelated.",
    "Weight stable, PEG in place.",
]

LAYOUTS = [
    Layout(
        "community H&P",
        """{hospital}
RADIATION ONCOLOGY HISTORY AND PHYSICAL   {date}
Pt: {surname}, {given}   DOB withheld   Referring: {doctor}

CC: {complaint}
HPI: {age}-year-old {male} sent by ENT after biopsy. {lesion} {nodes} {imaging}
PMHx/PSHx: {history}; {history}
SHx: {social}
PE: {vitals}.
IMPRESSION: {^dx}{hpv}, {stage}. {spread}
PLAN: Recommend {intent} RT {chemo}. {dose} {neck} [{oar}|Dental clearance before sim.]""",
    ),
    Layout(
        "smart phrase",
        """{given} {surname} is a {age} y.o. {male} with {disease}{hpv}.

Cancer Staging
Staging form: {stage}

Oncology History: presented with {complaint}. {lesion} {nodes}
Past Medical History
  Diagnosis
  - {history}
  - {history}
Assessment & Plan
{^intent} RT {chemo}. {dose} {neck}
[I spent {num 45 75} minutes on this encounter.|Electronically signed by {doctor}]""",
    ),
    Layout(
        "planning note",
        """CLINICAL TREATMENT PLANNING NOTE
Patient {surname} | {age} {sex} | {date}
Diagnosis: {dx}
Stage: {tn}
Intent: {intent}
Modality: 6 MV VMAT, daily CBCT
Rx: {cgy}
Neck: {nk}
OAR: {oar}
Prior RT/implants: [none|{history}]
{doctor}, MD""",
        "Lt",
    ),
    Layout(
        "academic tumor board",
        """{hospital} Multidisciplinary H&N Conference - {date}
{surname} ({age} {sex}), presented by {doctor}
Clinical summary: {complaint}, found to have {disease}{hpv}.
Imaging: {nodes} {lesion} {imaging}
PMH: {history}
Consensus stage: {stage}
Consensus plan: {intent} radiation {chemo}. {neck} {dose}""",
    ),
    Layout(
        "sim note",
        """SIM {date} / {surname}
site: {primary}, {tn}
setup: supine, 5-pt mask, shoulder pulls, [IV contrast|no contrast, CKD]
{oar}
{rx} {nk}
hx: {history}
[fusion with diagnostic MRI|PET fusion]. {imaging}""",
        "lt",
        "lower",
    ),
    Layout(
        "weekly on-treatment",
        """WEEKLY ON-TREATMENT VISIT
{given} {surname}, {age} {sex}. Dx: {dx}, {tn}.
{prescription}. {neck}
S: {toxicity}
O: {vitals}. {ln}
A/P: Tolerating as expected. Continue RT. [PMH reminder: {history}.|]
{doctor}""",
        "L",
    ),
    Layout(
        "letter of medical necessity",
        """{date}
{insurer}, Utilization Review
RE: {given} {surname}; request for IMRT (CPT 77301, 77338)

To the Medical Director:
I am writing on behalf of my patient, a {age}-year-old {man} diagnosed with {disease}{hpv}, staged {stage}. {nodes} {^his} other conditions include {history}. I have recommended {intent} IMRT {chemo}. {dose} {neck} Three-dimensional conformal planning could not meet our limits. {oar} Please call me for a peer-to-peer.
{doctor}, {hospital}""",
    ),
    Layout(
        "completion summary",
        """RADIATION THERAPY COMPLETION SUMMARY
PATIENT: {given} {surname}   AGE: {age}   FINISHED: {date}
DIAGNOSIS: {dx}, {stage}
HISTORY: {complaint}. {nodes} OTHER: {history}.
INTENT: {intent}
DOSE: {dose}
{neck}
TOLERANCE: {toxicity}
FOLLOW-UP WITH {doctor} IN {num 2 6} WEEKS.""",
        letters="upper",
    ),
    Layout(
        "Canadian consult letter",
        """{hospital}
{month} {day}, {year}
Dear {doctor}:
Thank you for referring {mr} {surname}, a pleasant {age}-year-old {gentleman} with {histology}[ |, ] primary site {primary}{hpv}. {^his} disease is {stage}. Initially {he} noticed {complaint}. {lesion} {nodes} {imaging} Comorbidities: {history}. {social}
I have offered a {weeks}-week course of {intent} radiotherapy {chemo}. {dose} {neck}
Sincerely,
{doctor}, FRCPC""",
    ),
    Layout(
        "resident sign-out",
        "{surname} {age}{sex}: {dx} {tn}{hpv}. {ln} [PMH {history}.|{imaging}] {^intent} RT {rx} {nk}.",
        "Lt",
    ),
    Layout(
        "physician directive",
        """Physician Directive v{num 1 3}
Name = {surname}, {given}
Course = C1 {intent}
Body site = {primary}
Stage = {tn}
Levels = {cgy}
Nodal = {neck}
Avoid = {oar}
Comments = {history}""",
        "Lt.",
    ),
    Layout(
        "in-basket message",
        """From: {doctor}
To: Rad Onc nurse pool
Can we get {mr} {surname} ({age} {sex}) in for sim? {^disease}{hpv}, {stage}. {nodes} Of note: {history}. Looking at {intent} RT, {rx}. {neck} {oar} Thx""",
    ),
]
LN = {
    "none": ["No nodes.", "Neck neg."],
    "unassessed": ["Neck NE."],
    "single": ["Single {near} neck node {node_size} cm.", "{^near} neck LN x1, {clear} neck neg."],
    "multiple": ["{^near} neck LNs, biggest {node_size} cm.", "Multiple {near} LNs, none {clear}."],
    "large": ["{^near} neck mass {node_size} cm."],
    "extranodal": ["{^near} neck LN fixed w/ ENE."],
    "bilateral": ["Bilat neck LNs."],
    "contralateral": ["LN only in contralateral ({opposite}) neck."],
    "postop none": ["LN 0/{taken_out}."],
    "postop bilateral": ["LN {positive}/{taken_out}, bilat."],
    "postop contralateral": ["LN {positive}/{taken_out}, all {opposite} (contralateral)."],
    "postop": ["LN {positive}/{taken_out} {near} neck.", "{^near} ND {positive}/{taken_out} pos, {clear} ND neg."],
}
