"""Set J: layouts, phrases and names of its own."""

from held_out.filling import Layout

SEED = 10457

GIVEN = {
    "male": ["Ambrose", "Torquil", "Benedikt", "Emeka", "Hubert", "Santiago", "Dermot", "Winston", "Yusuf"],
    "female": ["Araminta", "Bronagh", "Claudette", "Ngozi", "Verity", "Hildegard", "Anneliese", "Thomasina"],
}
SURNAMES = [
    "Pemberwick",
    "Okafundu",
    "Sandiforth",
    "Glasscoe",
    "Villanuera",
    "Hathaby",
    "Kristoffel",
    "Rowntowe",
    "Mackilroy",
    "Desrochette",
    "Yarnfield",
    "Bancrofton",
]
DOCTOR = [
    "Dr. Helena Broughtwood",
    "Dr. Iyengaran",
    "Dr. K. Mossgrove",
    "Dr. Lucien Faraday-Pike",
    "Dr. Samira Toulouni",
    "Dr. Petrakos",
]
HOSPITAL = [
    "Willowmere Oncology Center",
    "Great Harrowdale Hospital",
    "Bayhead Veterans Medical Center",
    "Saint Columbanus University Hospital",
    "Foxglove County Hospital",
]
DATE = ["{day}.{month_number}.{year}", "{day} {month} {year}", "{month_number}/{day}/{year}"]

PRIMARY = {
    "tonsil": {
        "sided": [
            "{side} tonsil",
            "{side} tonsil of the oropharynx",
            "tonsil on the {side}",
            "{side} tonsillar pillar",
        ],
        "bilateral": ["tonsils on both sides", "left and right tonsils"],
        "unsaid": ["tonsillar fossa", "oropharynx"],
    },
    "base of tongue": {
        "sided": ["{side} base of tongue", "{side} base of the tongue", "tongue base ({side})", "{side} BOT"],
        "midline": ["midline tongue base", "base of the tongue, midline"],
        "unsaid": ["base of the tongue", "BOT"],
    },
    "soft palate": {
        "sided": ["{side} soft palate", "{side} side of the soft palate", "soft palate ({side})"],
        "midline": ["midline soft palate and uvula", "soft palate (midline)"],
        "unsaid": ["soft palate"],
    },
    "nasopharynx": {
        "sided": ["{side} nasopharynx", "{side} fossa of Rosenmuller", "nasopharynx ({side} lateral wall)"],
        "midline": ["nasopharyngeal roof in the midline", "nasopharynx (midline)"],
        "bilateral": ["nasopharynx on both sides", "bilateral nasopharynx"],
        "unsaid": ["nasopharynx", "nasopharyngeal vault"],
    },
    "pyriform sinus": ["{side} pyriform sinus", "{side} piriform sinus", "hypopharynx ({side} pyriform sinus)"],
    "postcricoid": {
        "midline": ["postcricoid area in the midline"],
        "unsaid": ["postcricoid area", "hypopharynx, postcricoid"],
    },
    "glottis": {
        "sided": ["{side} true vocal cord", "{side} glottis", "{side} vocal fold", "larynx, {side} vocal cord"],
        "bilateral": ["bilateral vocal cords", "true cords on both sides"],
        "unsaid": ["larynx (glottis)", "glottis"],
    },
    "supraglottis": {
        "sided": ["{side} supraglottis", "{side} aryepiglottic fold", "larynx, {side} false cord"],
        "midline": ["epiglottis in the midline", "supraglottic larynx, midline"],
        "unsaid": ["larynx (supraglottis)", "epiglottis"],
    },
    "oral tongue": [
        "{side} oral tongue",
        "{side} lateral border of tongue",
        "oral tongue ({side})",
        "{side} mobile tongue",
    ],
    "floor of mouth": {
        "sided": ["{side} floor of mouth", "floor of mouth ({side})", "{side} lateral floor of mouth"],
        "midline": ["anterior floor of mouth in the midline", "floor of mouth (midline)"],
    },
    "buccal mucosa": ["{side} buccal mucosa", "{side} inner cheek", "{side} bucca"],
    "retromolar trigone": ["{side} retromolar trigone", "retromolar trigone ({side})", "{side} RMT"],
    "parotid": ["{side} parotid", "{side} parotid gland", "parotid gland ({side})", "superficial {side} parotid"],
    "submandibular gland": ["{side} submandibular gland", "submandibular gland ({side})"],
    "maxillary sinus": ["{side} maxillary sinus", "maxillary antrum on the {side}", "{side} antrum"],
    "nasal cavity": {"sided": ["{side} nasal cavity", "nasal cavity ({side})"], "unsaid": ["nasal cavity"]},
    "thyroid": {
        "sided": ["{side} thyroid lobe", "thyroid ({side} lobe)"],
        "bilateral": ["thyroid (both lobes)", "bilateral thyroid lobes"],
        "unsaid": ["thyroid gland", "thyroid"],
    },
    "unknown primary": ["unknown primary"],
    "unstated": ["head and neck"],
}
HISTOLOGY = {
    "": ["squamous cell carcinoma", "[well|moderately|poorly] differentiated squamous cell carcinoma"],
    "nasopharynx": ["EBV-positive non-keratinising carcinoma", "nasopharyngeal carcinoma, undifferentiated type,"],
    "salivary gland": ["adenoid cystic carcinoma", "high-grade salivary duct carcinoma", "myoepithelial carcinoma"],
    "maxillary sinus": ["keratinising squamous cell carcinoma", "undifferentiated carcinoma"],
    "nasal cavity": ["olfactory neuroblastoma", "non-intestinal adenocarcinoma"],
    "thyroid": ["papillary thyroid cancer", "widely invasive follicular carcinoma", "oncocytic carcinoma"],
}
HIST = {
    "": ["SCC", "SCCa", "squam cell ca"],
    "nasopharynx": ["EBV+ NPC", "nonker ca"],
    "salivary gland": ["ACC", "duct ca"],
    "maxillary sinus": ["SCC", "undiff ca"],
    "nasal cavity": ["adenoca", "SNUC"],
    "thyroid": ["PTC", "follicular ca"],
}
DISEASE = {
    "": ["{histology} of the {primary}", "{histology} involving the {primary}"],
    "unknown primary": [
        "squamous cell carcinoma of unknown primary with {near} cervical nodal metastases",
        "cervical nodal squamous cell carcinoma from an unknown primary",
    ],
    "unstated": ["squamous carcinoma of the head and neck", "head and neck squamous cell cancer"],
}
DX = {
    "": ["{hist} - {primary}", "{primary} {hist}"],
    "unknown primary": ["CUP neck, SCC, {near} nodes", "SCC neck nodes, unknown primary"],
    "unstated": ["H&N squamous ca", "head/neck SCC"],
}
STAGE = [
    "{c}{t} {c}{n} {m}",
    "{c}{t}{n} {m}",
    "{t}{n}{m}",
    "{c}{t}, {n}, {m}",
    "{c}{t}{n}",
    "{t_} {n_} {m_}",
    "{t}/{n}/{m}",
    "{t}, {n} and {m}",
]
TN = ["{c}{t} {n}", "{t}{n}", "{c}{t}{n}{m}", "{t} {n} {m}"]
HPV = {
    "": [""],
    "hpv_positive": [", p16+", ", HPV-driven", " (HPV/p16 positive)"],
    "hpv_negative": [", p16 neg", " (HPV/p16 negative)"],
}
COMPLAINT = {
    "": [
        "a scratchy throat that did not respond to antibiotics",
        "pain on swallowing for {num 6 20} weeks",
        "trouble swallowing and {num 5 25} pounds of weight loss",
        "{near}-sided earache and bad breath",
        "painful swallowing, on top of known {other} temporomandibular joint pain",
    ],
    "larynx": [
        "a hoarse voice for {num 2 10} months",
        "change of voice and a mild cough",
        "worsening hoarseness; {he} also reports old {other} shoulder pain",
    ],
    "nasopharynx": [
        "a {near} middle ear effusion and nasal bleeding",
        "post-nasal drip streaked with blood",
        "nasal speech and epistaxis, with {other} tinnitus since army service",
    ],
    "salivary gland": [
        "a slowly enlarging painless lump for {num 6 24} months",
        "a hard lump that had recently become tender",
        "a growing lump; numbness of the {other} hand is from carpal tunnel syndrome",
    ],
    "sinonasal": [
        "cheek numbness and bloody discharge from the nose",
        "a blocked nose and repeated bleeds",
        "nasal congestion and a {other} migraine for decades",
    ],
    "thyroid": ["a visible lump low in the neck", "a thyroid swelling with mild stridor"],
    "unknown primary": [
        "a {near} neck lump for {num 5 16} weeks",
        "a lump in the neck found on shaving or washing",
        "a {near} neck lump, {other} toothache having resolved with extraction",
    ],
    "oral cavity": [
        "a mouth ulcer present for {num 6 18} weeks",
        "a sore in the mouth picked up by a hygienist",
        "mouth pain, at first blamed on a {other} wisdom tooth",
    ],
}
LESION = {
    "sized": [
        "Examination shows a friable {size} cm tumor.",
        "CT demonstrates a {size_mm} mm enhancing lesion.",
        "Palpation reveals induration over {size} cm. The {opposite} side feels soft.",
        "The mass measures {size} cm and does not reach the {opposite} side.",
        "There is an ulcerated lesion of about {size_mm} mm.",
    ],
    "mobile": [
        "Laryngoscopy: white exophytic lesion, normal cord motion.",
        "Scope shows an irregular lesion with mobile cords.",
        "Scope exam: cords mobile, no lesion on the {opposite} side.",
    ],
    "sluggish": [
        "Laryngoscopy: hypomobile cord, adequate airway.",
        "Scope exam shows decreased motion on the diseased side, normal motion on the {opposite}.",
    ],
    "fixed": [
        "Laryngoscopy: hemilarynx fixed, airway adequate.",
        "Scope exam: cord fixed, {opposite} cord fully mobile.",
    ],
    "cartilage": [
        "CT demonstrates tumour through thyroid cartilage.",
        "Full-thickness cartilage invasion on CT; {opposite} lamina spared.",
    ],
    "nasopharynx": [
        "Nasopharyngoscopy: bulging vascular mass.",
        "MRI: bulky mass, bright on T2 images, clivus marrow [normal{not T3 T4}|replaced{only T3 T4}].",
        "Nasopharyngoscopy shows a mass; the {opposite} recess is free of tumor.",
    ],
    "sinonasal": [
        "MRI face: enhancing mass with bony remodelling.",
        "Endoscopy: polypoid growth; {opposite} nasal airway patent.",
    ],
    "thyroid": [
        "CT shows a large mass displacing the trachea.",
        "Ultrasound shows an irregular nodule. {^other} jugular vein is small but patent.",
    ],
    "unknown primary": [
        "Triple endoscopy and tonsillectomy were negative.",
        "Careful endoscopy and PET did not locate a mucosal tumor.",
    ],
    "postop": [
        "Resection {num 28 55} days ago. Margins negative, closest {num 2 5} mm, PNI+.",
        "Pathology report: R0, perineural invasion seen, lymphovascular invasion not seen.",
        "Recovered well from surgery; the {other} radial forearm donor site is healed.",
        "Pathology: closest margin {num 1 4} mm, no bone invasion.",
    ],
    "": ["The primary measures {size} cm on CT.", "There is a large ulcerating primary."],
}
NODES = {
    "none": [
        "No enlarged or PET-avid lymph nodes.",
        "Neck examination normal, no adenopathy on PET.",
        "Nodes: none enlarged.",
        "A {other} level Ib node was sampled and is benign.",
    ],
    "unassessed": ["Nodal staging is incomplete, neck imaging being awaited."],
    "single": [
        "One {near} level II node, {node_mm} mm, positive on core biopsy.",
        "A {node_size} cm lymph node is palpable in the {near} upper neck.",
        "{^near} level III node of {node_size} cm; no adenopathy on the {clear}.",
    ],
    "multiple": [
        "Several PET-positive {near} neck nodes, the largest {node_size} cm.",
        "At least three {near} nodes in levels II-III, up to {node_mm} mm.",
        "{^near} level II-IV nodes, maximum {node_size} cm. Contralateral ({clear}) neck negative.",
    ],
    "large": [
        "A {node_size} cm {near} nodal mass occupies levels II-III.",
        "Massive {near} adenopathy, {node_size} cm. {^clear} neck clear.",
    ],
    "extranodal": [
        "Clinically overt extranodal extension from a fixed {near} neck node.",
        "{^near} level II node with ENE and skin involvement; {clear} neck normal.",
    ],
    "bilateral": [
        "Bilateral cervical nodes, up to {node_mm} mm.",
        "There is adenopathy on both sides, largest node {node_size} cm.",
    ],
    "contralateral": [
        "Contralateral adenopathy only: {opposite} level II, {node_size} cm.",
        "One node, on the contralateral side, level II, {node_mm} mm.",
    ],
    "postop none": ["None of {taken_out} nodes contained tumor.", "Zero positive nodes out of {taken_out}."],
    "postop bilateral": ["{positive}/{taken_out} nodes positive across both necks, ENE absent."],
    "postop contralateral": ["{positive}/{taken_out} nodes positive, contralateral ({opposite}) neck only."],
    "postop": [
        "{positive}/{taken_out} nodes from the {near} neck were positive.",
        "{^near} modified radical neck dissection: {positive} of {taken_out} nodes with metastasis.",
        "{^near} neck {positive}/{taken_out} positive; {clear} neck 0/{num 9 20}.",
    ],
}
LN = {
    "none": ["no nodes", "neck clear"],
    "unassessed": ["nodes not assessed yet"],
    "single": ["single {near} level 2 node", "{near} node {node_mm} mm"],
    "multiple": ["multiple {near} nodes", "{near} levels 2-4 positive, {clear} clear"],
    "large": ["big {near} nodal mass {node_size} cm"],
    "extranodal": ["{near} node with clinical ENE"],
    "bilateral": ["nodes both sides"],
    "contralateral": ["contralateral node {node_mm} mm", "{opposite} level 2 node"],
    "postop none": ["all {taken_out} nodes negative"],
    "postop": ["{positive} of {taken_out} nodes positive"],
}
SPREAD = {
    "": ["PET negative for distant disease.", "No lung lesions on CT chest.", "Metastatic workup negative."],
    "M1": ["Lung metastases confirmed on biopsy.", "Disseminated skeletal metastases on PET."],
    "MX": ["Chest CT requested.", "Metastatic workup still in progress."],
}
INTENT = {
    "radical": ["definitive", "curative-intent", "radical"],
    "postop": ["adjuvant", "post-operative"],
    "palliative": ["palliative"],
}
CHEMO = {
    "radical": ["plus cisplatin every three weeks{not thyroid}", "as sole treatment", "plus cetuximab{not thyroid}"],
    "postop": ["plus weekly cisplatin 40 mg/m2{not salivary_gland thyroid}", "with no systemic agent"],
    "palliative": ["to relieve symptoms"],
    "early": ["as sole treatment"],
}
NECKS = {
    "": ["the lower-risk region", "elective levels"],
    "near": ["the {near} neck", "the elective {near} neck"],
    "bilateral": ["the neck bilaterally", "the elective neck on both sides"],
    "none": ["no elective volume"],
}
NECK = {
    "": [""],
    "near": [
        "Neck RT will be unilateral, {near} side.",
        "Only the {near} neck will be irradiated.",
        "Only the ipsilateral neck will be irradiated.{only sided}",
        "The {near} neck will be treated, not the {clear}.",
    ],
    "bilateral": [
        "Radiation will cover the two sides of the neck.",
        "Elective irradiation of the bilateral neck is advised.",
        "I will treat both necks.",
    ],
    "none": ["The neck will not be irradiated.", "We will omit neck irradiation.", "Elective nodal RT is not needed."],
}
NK = {
    "": [""],
    "near": ["just the {near} neck", "unilateral ({near}) neck"],
    "bilateral": ["neck bilaterally", "neck, both sides"],
    "none": ["omit neck", "neck not included"],
}
DOSE = {
    "0": ["Dose per protocol, to be specified at planning.", "I will finalize the dose after contouring."],
    "1": [
        "I recommend {d1} Gy in {fx} fractions.",
        "{d1} Gy delivered in {fx} fractions with IMRT.",
        "We propose {fx} fractions to a total of {d1} Gy.",
    ],
    "2": [
        "I recommend {d1} Gy to the high-risk target and {d2} Gy to {necks}, in {fx} fractions.",
        "The high-risk bed gets {d1} Gy and {necks} gets {d2} Gy, {fx} fractions in all.{only postop}",
        "We propose {fx} fractions: {d1} Gy to PTV1 and {d2} Gy to PTV2.",
        "Gross tumor to {d1} Gy, {necks} to {d2} Gy, in {fx} fractions.{not postop}",
    ],
    "3": [
        "We propose {fx} fractions: {d1} Gy to PTV1, {d2} Gy to PTV2 and {d3} Gy to PTV3.",
        "Gross tumor to {d1} Gy, adjacent regions to {d2} Gy, {necks} to {d3} Gy, in {fx} fractions.{not postop}",
        "I recommend a simultaneous integrated boost, {d1}/{d2}/{d3} Gy in {fx} fractions.",
    ],
}
RX = {
    "0": ["Rx to follow", "dose not yet decided"],
    "1": ["{d1} Gy in {fx} fx", "{d1}Gy / {fx} fractions", "{d1} Gy, {fx} fractions"],
    "2": ["{d1}/{d2} Gy in {fx}#", "{d1} Gy/{d2} Gy, {fx} fx", "{d1} Gy with {d2} Gy elective, {fx} fx"],
    "3": ["{d1}/{d2}/{d3} Gy in {fx}#", "{d1}/{d2}/{d3} Gy SIB, {fx} fractions", "{d1}Gy/{d2}Gy/{d3}Gy in {fx} fx"],
}
CGY = {
    "0": ["dose to be prescribed at plan review"],
    "1": ["{c1} cGy, {fx} fractions", "{fx} fractions, {c1} cGy total"],
    "2": ["{c1} cGy to PTV1 and {c2} cGy to PTV2 in {fx} fractions", "{c1} and {c2} cGy over {fx} fractions"],
    "3": [
        "{c1} cGy to PTV1, {c2} cGy to PTV2, {c3} cGy to PTV3 in {fx} fractions",
        "{c1}, {c2} and {c3} cGy over {fx} fractions",
    ],
}
HISTORY = [
    "high blood pressure",
    "diabetes, last HbA1c {dec 6 8}%",
    "{other} breast cancer in {num 2004 2016}, lumpectomy and 42.56 Gy in 16 fractions{only female}",
    "prostate cancer, 60 Gy in 20 fractions, in {num 2014 2018}{only male}",
    "{other} hip fracture repaired with a nail",
    "{other} colon cancer resected in {num 2001 2015}",
    "melanoma of the {other} calf, excised in {num 2002 2016}",
    "{other} lung cancer, pT2 pN0, treated by lobectomy in {num 2005 2016}",
    "emphysema on inhalers",
    "seropositive rheumatoid arthritis",
    "testicular seminoma in {num 1988 2004}, para-aortic radiation 25 Gy in 20 fractions{only male}",
    "sleep apnea on CPAP",
    "osteoporosis on alendronate",
    "peripheral arterial disease",
    "cervical cancer in {num 1996 2012}, pelvic radiation 45 Gy in 25 fractions{only female}",
    "TIA with brief {other} arm weakness",
    "{other} shoulder replacement",
    "deafness in the {other} ear from childhood mumps",
    "hyperlipidemia",
    "benign prostatic hyperplasia{only male}",
    "migraine",
]
SOCIAL = [
    "Smokes {num 10 30} cigarettes a day.",
    "No tobacco or alcohol.",
    "Quit smoking {num 3 25} years ago after {num 12 45} pack-years.",
    "Works as a bus driver, occasional beer.",
    "Widowed, daughter lives nearby.",
]
FAMILY = [
    "Sister with ovarian cancer.",
    "No family history of head and neck cancer.",
    "Father: lung cancer at {num 60 78}.",
]
OAR = [
    "Spinal cord Dmax < 45 Gy; brainstem Dmax < 54 Gy.",
    "{^opposite} parotid mean dose to be < 24 Gy.",
    "Parotid mean < 26 Gy on at least one side.",
    "Constrictor mean < 50 Gy, cord < 45 Gy.",
    "{^other} brachial plexus max 66 Gy.",
    "Optic chiasm max 54 Gy, {other} lens max 7 Gy.",
    "Oral cavity mean < 40 Gy{not oral_cavity}, cord 4500 cGy.",
]
IMAGING = [
    "Outside PET scan loaded and reviewed.",
    "MRI neck (T1, T2 and diffusion) reviewed at conference.",
    "{^other} upper lobe granuloma, calcified, unchanged.",
    "Suspected {other} jugular thrombosis was ruled out by Doppler.",
    "A {other} thyroid nodule was biopsied and is benign.{not thyroid}",
    "Dental clearance obtained.",
    "CT neck with contrast reviewed.",
]
EXAM = [
    "ECOG {num 0 2}. Voice [clear|normal]{not larynx}.",
    "ECOG {num 0 2}, weight stable.",
    "Cranial nerves II-XII normal.",
    "Well-looking. {^other} port-a-cath in place.",
    "No distress. {^other} eyelid scar from a childhood burn.",
    "PS {num 0 2}, BMI {num 19 33}.",
]

LAYOUTS = [
    Layout(
        "new patient consult",
        """{hospital}
INITIAL CONSULTATION, RADIATION ONCOLOGY                         {date}
PATIENT: {surname}, {given}
REFERRING: {doctor}

REASON FOR VISIT: {^disease}{hpv}, {stage}.

HISTORY: This is a {age} year old {man} who noted {complaint}. {imaging} {lesion} {nodes} [{spread}|]

PAST HISTORY: {history}, {history}
SOCIAL/FAMILY: {social} {family}
EXAMINATION: {exam}

IMPRESSION: {stage} cancer of the {primary}{not unknown_primary unstated}.
RECOMMENDATIONS: {^intent} radiotherapy {chemo}. {dose} {neck} {oar} Consent signed.""",
    ),
    Layout(
        "letter to GP",
        """{hospital}, Oncology Outpatients
{date}

Dear Doctor

RE: {given} {surname} - aged {age}

DIAGNOSIS: {^disease}{hpv}
STAGE: {stage}
TREATMENT PLAN: {intent} radiotherapy {chemo}
CO-MORBIDITIES: {history}; {history}

I reviewed your patient, a {age} year old {man}, in the combined clinic. The story is of {complaint}. {lesion} {nodes} \
{spread} {exam} {dose} {neck} [Planning takes place next week.|{social}]

Yours faithfully,
{doctor}""",
    ),
    Layout(
        "handover line",
        "{surname} {age}{sex}: {dx}{hpv}, {tn}[, {history}|]. {ln}. {rx}[; {nk}|. {neck}]",
        "L",
    ),
    Layout(
        "phoned dictation",
        """dictated by {doctor}. patient {given} {surname}, {age} years of age. diagnosis, {disease}{hpv}. stage, \
{stage}. the patient had {complaint}. {lesion} {nodes} past history, {history}. [{exam}|{imaging}] we plan {intent} \
radiotherapy {chemo}. prescription, {cgy}. {neck} [{oar}|] end of dictation.""",
        letters="upper",
    ),
    Layout(
        "prescription sheet",
        """RADIOTHERAPY PRESCRIPTION - {hospital}
Name: {given} {surname}    Sex: {sex}    Age: {age}
Diagnosis: {disease}
Tumour site: {^primary}
TNM: {stage}
Intent: {intent}
Prescribed dose: [{cgy}|{rx}]
Neck volume: {neck}
OAR constraints: {oar}
Relevant history: {history}
Signed: {doctor}""",
    ),
    Layout(
        "simulation record",
        """SIMULATION RECORD
{given} {surname}, {age}{sex}, {date}
Dx: {dx}. Stage: {tn}.
Position supine, thermoplastic mask, [mouth open|tongue neutral], arms by side.
Treatment site: {primary}{not unknown_primary unstated}. {imaging}
Prescription: {rx}, {nk}
OARs: {oar}
Comments: [none|{history}]""",
        "Lt",
    ),
    Layout(
        "tumour board minutes",
        """Minutes, Head and Neck Tumour Board, {hospital}, {date}
{num 1 15}. {surname}, {given} ({sex}, {age})
Presentation: {complaint}. Background {history}, {history}.
Scans: {nodes} {imaging} {spread}
Consensus diagnosis: {disease}{hpv}, {stage}. {lesion}
Consensus plan: {intent} radiotherapy {chemo}; {rx}. {neck}
Action: {doctor} to see patient.""",
    ),
    Layout(
        "ENT referral",
        """Dear {doctor},

Thank you for seeing {given} {surname} ({age}), in whom we have diagnosed {disease}{hpv}. {^he} came to the clinic \
with {complaint}. {lesion} {nodes} {imaging} We stage this as {stage}. {^his} other problems are {history} and \
{history}. {social} [We would value your view on {intent} radiotherapy.|The board advised {intent} radiotherapy \
{chemo}. {dose} {neck}]

ENT Department, {hospital}""",
    ),
    Layout(
        "problem list",
        """# {^dx}{hpv}
* stage {stage}
* {complaint}
* {nodes}
* {lesion}
* {spread}
# Other: {history}; {history}; {history}
# {exam}
# Plan
* {intent} RT {chemo}
* {rx}
* {neck}
* {oar}""",
        "(L)",
    ),
    Layout(
        "quick notes",
        "{age} {sex} seen w/ {doctor}. {dx}{hpv}, {tn}. c/o {complaint}. {nodes} pmh {history}. {intent} rt, {rx}. "
        "{neck} [{oar}|{exam}]",
        "lt",
        "lower",
    ),
    Layout(
        "inpatient H&P",
        """History & Physical
Service: Radiation Oncology   Attending: {doctor}   Date: {date}
ID: {age}yo {sex}
Chief complaint: {complaint}
Present illness: {^mr} {surname} has {disease}{hpv}. {lesion} {nodes} {imaging}
Past medical/surgical: {history}. {^history}. {^history}.
Family: {family}
Social: {social}
Exam: {exam}
Stage: {stage}
A/P: {^intent} RT {chemo}. {dose} {neck}
[Planning limits: {oar}|]""",
        "Lt.",
    ),
    Layout(
        "fellow's summary",
        """{^mr} {surname}, {age}
Tumor: {dx}
Staging: {stage}; {ln}
Work-up: {imaging} {spread}
Background: {history}, {history}
Proposal: {intent} RT, {rx}, [{nk}|{oar}]""",
        "L",
    ),
]
