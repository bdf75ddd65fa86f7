"""Set A: layouts, phrases and names of its own."""

# ruff: noqa: E501

from held_out.filling import Layout

SEED = 1101

GIVEN = {
    "male": ["Harold", "Everett", "Duncan", "Raymond", "Clifton", "Barnaby", "Desmond", "Wendell"],
    "female": ["Marjorie", "Loretta", "Imogen", "Beatrice", "Yolanda", "Philippa", "Constance"],
}
SURNAMES = [
    "Hathersage",
    "Okonjo",
    "Pelletreau",
    "Brockwell",
    "Vandermolen",
    "Tidewell",
    "Castellane",
    "Murchison",
    "Ashgrove",
    "Lindqvister",
    "Farnsby",
]
DOCTOR = [
    "Dr. Renwick",
    "Dr. A. Sallowby",
    "Dr. Priya Mandelkar",
    "Dr. Tobias Grange",
    "Dr. Kowalczuk",
    "Dr. Nathaniel Ebbets",
]
HOSPITAL = [
    "Pinecrest Regional Cancer Center",
    "St. Alban's Infirmary",
    "Lakemont University Hospital",
    "Royal Westmoor Hospital",
    "Three Rivers Oncology",
]
DATE = ["{month_number}/{day}/{year}", "{day} {month} {year}", "{month} {day}, {year}"]

PRIMARY = {
    "tonsil": {
        "sided": ["{side} tonsil", "{side} palatine tonsil", "{side} tonsillar fossa", "oropharynx ({side} tonsil)"],
        "bilateral": ["tonsils bilaterally"],
        "unsaid": ["oropharynx"],
    },
    "base of tongue": {
        "sided": ["{side} base of tongue", "base of tongue on the {side}", "{side} tongue base"],
        "midline": ["midline base of tongue", "base of tongue, centered at midline"],
        "unsaid": ["base of tongue", "oropharynx"],
    },
    "soft palate": {
        "sided": ["{side} soft palate", "soft palate, {side} of the uvula"],
        "midline": ["midline soft palate", "soft palate in the midline at the uvula"],
        "unsaid": ["soft palate"],
    },
    "nasopharynx": {
        "sided": [
            "{side} nasopharynx",
            "nasopharynx, arising from the {side} fossa of Rosenmuller",
            "nasopharynx, {side} lateral wall",
        ],
        "midline": ["nasopharynx, roof, midline"],
        "bilateral": ["nasopharynx, both lateral walls"],
        "unsaid": ["nasopharynx", "nasopharynx"],
    },
    "pyriform sinus": ["{side} pyriform sinus", "hypopharynx, {side} pyriform sinus", "{side} piriform sinus"],
    "postcricoid": {
        "midline": ["postcricoid region, midline"],
        "unsaid": ["postcricoid hypopharynx", "postcricoid region"],
    },
    "glottis": {
        "sided": ["{side} true vocal cord", "{side} glottic larynx", "glottis, {side} cord"],
        "bilateral": ["glottis involving both vocal cords", "bilateral true vocal cords"],
        "unsaid": ["glottic larynx", "glottis"],
    },
    "supraglottis": {
        "sided": [
            "{side} supraglottis",
            "supraglottic larynx ({side} false cord)",
            "{side} aryepiglottic fold of the larynx",
        ],
        "midline": ["epiglottis, midline"],
        "unsaid": ["supraglottic larynx", "epiglottis"],
    },
    "oral tongue": ["{side} oral tongue", "{side} lateral oral tongue", "{side} lateral border of the mobile tongue"],
    "floor of mouth": {
        "sided": ["{side} floor of mouth", "floor of mouth on the {side}"],
        "midline": ["anterior midline floor of mouth"],
    },
    "buccal mucosa": ["{side} buccal mucosa"],
    "retromolar trigone": ["{side} retromolar trigone"],
    "parotid": ["{side} parotid gland", "{side} parotid", "superficial lobe of the {side} parotid"],
    "submandibular gland": ["{side} submandibular gland"],
    "maxillary sinus": ["{side} maxillary sinus", "{side} maxillary antrum"],
    "nasal cavity": {"sided": ["{side} nasal cavity", "{side} ethmoid sinus"], "unsaid": ["nasal cavity"]},
    "thyroid": {
        "sided": ["{side} thyroid lobe", "thyroid, {side} lobe"],
        "bilateral": ["thyroid, both lobes"],
        "unsaid": ["thyroid gland", "thyroid"],
    },
    "unknown primary": ["unknown primary"],
    "unstated": ["head and neck region"],
}
HISTOLOGY = {
    "": [
        "[invasive|moderately differentiated|poorly differentiated|] squamous cell carcinoma",
        "squamous cell carcinoma, keratinizing,",
    ],
    "nasopharynx": ["EBV-associated nonkeratinizing carcinoma", "undifferentiated carcinoma"],
    "salivary gland": ["mucoepidermoid carcinoma", "salivary duct carcinoma", "acinic cell carcinoma"],
    "maxillary sinus": ["squamous cell carcinoma", "adenoid cystic carcinoma"],
    "nasal cavity": ["sinonasal undifferentiated carcinoma", "adenocarcinoma"],
    "thyroid": ["papillary carcinoma, tall cell variant,", "poorly differentiated carcinoma"],
}
HIST = {
    "": ["SCC", "SCCa", "mod diff SCC"],
    "nasopharynx": ["NPC, WHO type III,", "undiff ca"],
    "salivary gland": ["MEC", "adenoca"],
    "maxillary sinus": ["SCC", "ACC"],
    "nasal cavity": ["SNUC"],
    "thyroid": ["PTC", "poorly diff ca"],
}
DISEASE = {
    "": ["{histology} of the {primary}"],
    "unknown primary": [
        "squamous cell carcinoma metastatic to [{near} cervical nodes|the neck], unknown primary",
        "carcinoma of unknown primary presenting with cervical adenopathy",
    ],
    "unstated": ["squamous cell carcinoma of the head and neck"],
}
DX = {
    "": ["{hist} {primary}"],
    "unknown primary": ["CUP, SCC in {near} neck LN", "SCC neck, unknown primary"],
    "unstated": ["SCCHN"],
}
STAGE = [
    "{c}{t}{n}{m}",
    "{c}{t} {n} {m}",
    "{c}{t}, {c}{n}, {m}",
    "[clinical|overall] stage {t} {n}{not postop}",
    "{t} {n} {m}",
    "{t}{n}{m}",
    "{t_}, {n_}",
    "{c}{t} {c}{n}",
]
TN = ["{c}{t}{n}", "{t}{n}", "{c}{t} {n}", "{c}{t}{n}{m}"]
HPV = {"": [""], "hpv_positive": [", p16 positive", ", HPV-associated (p16+)"], "hpv_negative": [", p16 negative"]}
COMPLAINT = {
    "": [
        "a sore throat for {num 2 7} months",
        "progressive dysphagia and a {num 4 20} lb weight loss",
        "pain on swallowing with referred {near} otalgia",
        "throat discomfort and {other} otalgia",
    ],
    "larynx": ["hoarseness for {num 2 9} months", "a change in voice noticed by {his} family"],
    "nasopharynx": [
        "nasal congestion and blood-tinged sputum",
        "{near} aural fullness with a middle ear effusion",
        "{other}-sided hearing loss dating back to childhood and new epistaxis",
    ],
    "salivary gland": [
        "a slowly growing lump in front of the ear{not submandibular_gland}",
        "a firm painless swelling",
    ],
    "sinonasal": ["nasal obstruction and cheek pressure", "recurrent epistaxis"],
    "thyroid": ["a thyroid nodule found on carotid ultrasound", "an enlarging lump low in the neck"],
    "unknown primary": ["a neck lump noticed while shaving{only male}", "a painless neck mass for {num 1 4} months"],
    "oral cavity": [
        "a non-healing mouth ulcer",
        "a painful oral sore first seen by {his} dentist",
        "jaw pain, worse on the {other} although the ulcer is not there",
    ],
}
LESION = {
    "sized": [
        "There is an exophytic mass measuring {size} cm.",
        "A {size} x {dec 1 2} cm ulcerated tumor is present[, stopping short of the midline{only sided}|, with no extension across midline to the {opposite}|].",
        "Firm {size} cm primary; the {opposite} side is normal to inspection and palpation.",
        "{size_mm} mm mass on contrast CT.",
    ],
    "mobile": ["Both cords move normally.", "Laryngoscopy: small lesion, cords mobile."],
    "sluggish": [
        "Cord mobility is impaired on the affected side.",
        "Laryngoscopy shows a bulky lesion with sluggish abduction.",
        "Lesion with reduced cord movement; the {opposite} cord is mobile and uninvolved.",
    ],
    "fixed": [
        "Vocal cord fixation is present.",
        "Paraglottic space invasion with a fixed hemilarynx; the {opposite} hemilarynx moves freely.",
    ],
    "cartilage": ["CT shows invasion through the thyroid cartilage."],
    "nasopharynx": [
        "MRI: enhancing nasopharyngeal mass, T2-weighted images show [parapharyngeal extension{not T1}|no intracranial disease].",
        "Bulky nasopharyngeal tumor; {opposite} fossa of Rosenmuller is preserved.",
    ],
    "sinonasal": [
        "CT and MRI reveal an opacified cavity with bone destruction{not T1}.",
        "MRI: mass with heterogeneous T2 signal; the {opposite} sinuses are aerated.",
    ],
    "thyroid": ["Imaging shows a bulky mass.", "Mass abutting the trachea."],
    "unknown primary": [
        "Panendoscopy with directed biopsies and bilateral tonsillectomy found no primary.",
        "PET/CT shows no mucosal primary.",
    ],
    "postop": [
        "Resected {num 4 8} weeks ago with closest margin {num 1 4} mm.",
        "Surgical pathology: perineural invasion present, margins clear by {num 2 6} mm.",
        "Status post resection; the {other} forearm flap donor site is healing well.",
    ],
    "": ["Bulky ulcerated tumor.", "Primary of about {size} cm."],
}
NODES = {
    "none": [
        "No palpable adenopathy.",
        "[The neck is clear.|Neck supple without masses.]",
        "No suspicious nodes on CT.",
    ],
    "unassessed": ["Nodal status could not be assessed because of prior neck surgery."],
    "single": [
        "A single {node_size} cm {near} level II node is FDG-avid.",
        "One enlarged {near} neck node, {node_size} cm[; the {clear} neck is negative|].",
    ],
    "multiple": [
        "Several {near} nodes in levels II and III, largest {node_size} cm[. {^clear} neck without adenopathy|].",
        "Multiple {near} level II-IV nodes up to {node_size} cm.",
    ],
    "large": [
        "Matted {near} nodal conglomerate of {node_size} cm.",
        "{near} neck mass, {node_size} cm, levels II-III.",
    ],
    "extranodal": ["Fixed {near} level II node with overt extranodal extension into the skin."],
    "bilateral": ["Bilateral level II adenopathy, up to {node_size} cm.", "FDG-avid nodes on both sides of the neck."],
    "contralateral": [
        "The only suspicious node is contralateral, in {opposite} level II, {node_size} cm.",
        "{^opposite} level II and III nodes are enlarged, none ipsilateral.",
    ],
    "postop none": ["0 of {taken_out} nodes involved."],
    "postop bilateral": ["Nodes positive in both neck dissections ({positive}/{taken_out}), no ENE."],
    "postop contralateral": ["{positive} of {taken_out} nodes positive, all in the {opposite} neck dissection."],
    "postop": [
        "{positive} of {taken_out} nodes positive in the {near} neck dissection, no ENE.",
        "{^near} neck dissection: {positive}/{taken_out} nodes; [{clear} side 0/{num 12 20}|no extracapsular spread].",
    ],
}
SPREAD = {
    "": ["No distant disease on PET/CT.", "Chest CT is clear."],
    "M1": ["Biopsy-proven pulmonary metastases.", "Several lung metastases on PET/CT."],
    "MX": ["Chest imaging is still outstanding."],
}
INTENT = {"radical": ["definitive"], "postop": ["adjuvant"], "palliative": ["palliative"]}
CHEMO = {
    "radical": [
        "with weekly cisplatin 40 mg/m2",
        "with concurrent cisplatin 100 mg/m2 every 3 weeks",
        "without chemotherapy",
    ],
    "postop": ["without systemic therapy", "with weekly cisplatin 40 mg/m2{not salivary_gland thyroid}"],
    "palliative": ["without concurrent systemic therapy"],
    "early": ["as single modality"],
}
NECKS = {
    "": ["the elective nodal volumes"],
    "near": ["the {near} neck", "{near} neck nodes"],
    "bilateral": ["both sides of the neck", "the bilateral neck"],
    "none": ["the neck"],
}
NECK = {
    "": [""],
    "near": ["Treat the {near} neck only.", "Nodal volumes: {near} neck. [The {clear} neck will be observed.|]"],
    "bilateral": ["Treat the neck bilaterally.", "Both necks will be covered."],
    "none": ["No elective neck irradiation.", "The neck will not be treated."],
}
NK = {"": [""], "near": ["{near} neck", "{near} neck only"], "bilateral": ["bilat neck"], "none": ["no neck RT"]}
DOSE = {
    "0": ["Dose and fractionation will be settled after simulation.", "Prescription to follow."],
    "1": [
        "{d1} Gy in {fx} fractions.",
        "The prescription is {d1} Gy in {fx} fractions of {per_fraction} Gy.",
        "{d1} Gy over {fx} treatments.",
    ],
    "2": [
        "{d1} Gy to the high-risk volume and {d2} Gy to {necks}, in {fx} fractions.",
        "{d1} Gy to gross disease with prophylactic {d2} Gy to {necks} in {fx} fractions.{not postop}",
        "Simultaneous integrated boost: {d1} Gy and {d2} Gy in {fx} daily fractions.",
        "{d1} Gy to the tumor bed and {d2} Gy to {necks}.{only postop}",
    ],
    "3": [
        "{d1} Gy to gross tumor, {d2} Gy to the high-risk nodal volume and {d3} Gy to {necks}, all in {fx} fractions.{not postop}",
        "SIB with {d1}, {d2} and {d3} Gy in {fx} fractions.",
        "Three dose levels of {d1} Gy, {d2} Gy and {d3} Gy in {fx} fractions.",
    ],
}
RX = {
    "0": ["dose TBD"],
    "1": ["{d1} Gy/{fx}#", "{d1}Gy in {fx} fx"],
    "2": ["{d1}/{d2} Gy in {fx}#", "SIB {d1}/{d2} in {fx} fx"],
    "3": ["{d1}/{d2}/{d3} Gy in {fx}#", "{d1}/{d2}/{d3} in {fx} fx"],
}
CGY = {
    "0": ["Dose to be determined."],
    "1": ["{c1} cGy in {fx} fractions"],
    "2": ["{c1} cGy to PTV high and {c2} cGy to PTV low in {fx} fractions", "{c1}/{c2} cGy in {fx} fractions"],
    "3": ["PTV1 {c1} cGy, PTV2 {c2} cGy, PTV3 {c3} cGy, {fx} fractions"],
}
HISTORY = [
    "hypertension and GERD",
    "type 2 diabetes, diet controlled",
    "{other} total hip replacement after a fracture in {num 2004 2016}",
    "{other} breast cancer treated with lumpectomy and radiation, 50 Gy in 25 fractions, in {num 2005 2014}{only female}",
    "prostate cancer treated with 78 Gy in 39 fractions in {num 2008 2016}{only male}",
    "compression fracture of T12",
    "COPD",
    "{other} carotid endarterectomy",
    "cataract surgery on the {other}",
    "an old {other} hemisphere stroke without residual deficit",
    "appendectomy",
]
SOCIAL = [
    "{^he} has a {num 15 50} pack-year smoking history.",
    "Never smoker.",
    "Former smoker, quit in {num 1990 2012}.",
    "Drinks socially.",
]
FAMILY = [
    "Family history: father had laryngeal cancer.",
    "Family history is negative for malignancy.",
    "Family history notable for a sister with thyroid cancer.",
]
OAR = [
    "Spinal cord max 45 Gy.",
    "Mean parotid dose < 26 Gy on the {other}.",
    "Brainstem kept below 54 Gy and mean parotid dose below 26 Gy.",
    "OAR: cord 45 Gy, mandible 70 Gy.",
    "Parotid sparing with mean < 26 Gy.",
]
IMAGING = [
    "PET/CT with SUV max {dec 6 19} at the primary.{not postop unknown_primary}",
    "MRI with T1 and T2-weighted sequences reviewed.",
    "R/o {other} vocal cord palsy: not confirmed on laryngoscopy.",
    "Incidental {num 3 6} mm {other} lower lobe lung nodule, stable.",
    "Dental panorex reviewed.",
]

LAYOUTS = [
    Layout(
        "US consult",
        """RADIATION ONCOLOGY CONSULTATION
Patient: {given} {surname}    Date: {date}
Requested by: {doctor}, {hospital}

HISTORY OF PRESENT ILLNESS: [{^mr}. {surname}|The patient] is a {age}-year-old {man} with {stage} {disease}{hpv}. {^he} presented with {complaint}. {lesion} {nodes} [{imaging}|{spread}]

PAST MEDICAL HISTORY: [{history}.|{history}; {history}.]
SOCIAL: {social}
[{family}|]
ASSESSMENT AND PLAN: We discussed {intent} radiation therapy {chemo}. {dose} {neck} [{oar}|]
All questions were answered.""",
    ),
    Layout(
        "UK clinic letter",
        """Royal Westmoor Hospital
Clinic date: {day} {month} {year}

Dear {doctor},

Re: {mr} {given} {surname}, aged {age}

Diagnosis: {^disease}{hpv}, {stage}
[Past history: {history}|Background: {history}, {history}]

Thank you for asking me to see this {gentleman}, who developed {complaint}. {lesion} {nodes} I have recommended {intent} radiotherapy {chemo}. {dose} {neck} I explained the side effects and {he} has signed the consent form.

With kind regards,
{doctor}, Consultant Clinical Oncologist""",
    ),
    Layout("one-liner", "{age}{sex}, {dx} {tn}[{hpv}|]. [PMHx {history}. |]Plan {rx} {nk}", "L"),
    Layout(
        "dictation",
        """this is a {age} year old {male} with {disease}. stage is {stage}. {lesion} {nodes} [history of {history}. |]recommendation is {intent} radiotherapy. {cgy}. {neck} {oar} dictated by {doctor} at {hospital}.""",
        letters="upper",
    ),
    Layout(
        "bullets",
        """{surname}, {given} - new patient {date}
- Dx: {dx}{hpv}
- Stage: {stage}
- Exam: {nodes} {lesion}
- PMH: {history}
- {imaging}
- Plan: {intent} RT, {rx}
- {neck}
- {social}""",
        "Lt",
    ),
    Layout(
        "form",
        """Patient name: {given} {surname}
Age/Sex: {age}/{sex}
Primary: {^primary}
Histology: {histology}
TNM: {stage}
Nodes: {nodes}
Comorbidity: {history}
Intent: {intent}
Prescription: {cgy}
Neck: [{neck}|see planning request]
Constraints: {oar}
Physician: {doctor}""",
    ),
    Layout(
        "SOAP",
        """S: {age} yo {man} with {complaint}. PMHx: {history}.
O: ECOG {num 0 2}. {lesion} {nodes} {imaging}
A: {^dx}, {stage}
P: {intent} RT {chemo}. {dose} {neck} {oar}""",
        "Lt.",
    ),
    Layout(
        "tumor board",
        """HEAD AND NECK TUMOR BOARD, {date}
Case {num 2 14}: {given} {surname}, {age} {sex}
Presented by {doctor}
Diagnosis: {disease}
Radiology: {nodes} {imaging}
Staging agreed: {stage}. {spread}
Relevant history: {history}. {family}
Recommendation: {intent} radiotherapy {chemo}. {dose} {neck}""",
    ),
    Layout(
        "referral",
        """To: Radiation Oncology, {hospital}
I would be grateful for your opinion on {mr} {surname}, a {age} year old {man} whom I have known for years with {history} and {history}. {^he} came to me with {complaint}, and ENT have now confirmed {disease}. They stage it {stage}. {nodes} {social} {family} ENT suggested {intent} radiotherapy. [{dose} {neck}|Please advise on treatment.]
{doctor}""",
    ),
    Layout(
        "simulation",
        """Simulation note {date}. Pt {given} {surname}. Supine, mask, bolus none.
Target: {primary}. {tn}
[GTV contoured on fused [PET|MRI].{not postop unknown_primary}|CTV contoured, slice spacing {num 2 3} mm.]
[Rx {cgy}|{rx}]. {neck}
{oar}
[Note {history}.|Pacemaker on the {other} side, >10 cm from field.|]""",
        "L",
    ),
]
