"""Set E: layouts, phrases and names of its own."""

# ruff: noqa: E501

from held_out.filling import Layout

SEED = 5519

GIVEN = {
    "male": ["Thabo", "Marlon", "Enrique", "Kahu", "Sipho", "Delroy", "Gustavo", "Wiremu", "Leroy", "Percival"],
    "female": ["Nomvula", "Consuelo", "Aroha", "Precious", "Dorothea", "Marisol", "Keziah", "Thandeka"],
}
SURNAMES = [
    "Mkhizeni",
    "Villaseñor",
    "Te-Rangiora",
    "Blackmoore",
    "Oyelaranti",
    "Featherstoneley",
    "Quezadaz",
    "Ndlovana",
    "Stirlingshaw",
    "Manukauri",
]
DOCTOR = [
    "Dr Naidoo-Peters",
    "Maj. Kessington, MC",
    "Dr. Ulises Baranda",
    "Dr Hinemoa Parr",
    "Dr. C. Adebowo",
    "Dr Swanepoel-Brits",
]
HOSPITAL = [
    "Waikare District Hospital",
    "Table Ridge Academic Hospital",
    "Fort Hallam Army Medical Center",
    "Centro Oncológico Río Verde",
    "Bay of Pines Radiation Clinic",
]
DATE = ["{day} {month} {year}", "{year}/{month_number}/{day}", "{month_number}-{day}-{year}"]

PRIMARY = {
    "tonsil": {
        "sided": ["tonsil on the {side} side", "{side} faucial tonsil", "{side} tonsil", "{side} oropharynx (tonsil)"],
        "bilateral": ["right and left tonsils, both biopsied positive"],
        "unsaid": ["oropharyngeal mucosa", "oropharynx"],
    },
    "base of tongue": {
        "sided": ["{side} posterior tongue (base of tongue)", "{side} base-of-tongue", "BOT {side}"],
        "midline": ["base of tongue, straddling the midline", "midline tongue base"],
        "unsaid": ["base of the tongue", "posterior third of the tongue (base)"],
    },
    "soft palate": {
        "sided": ["soft palate on the {side} side", "{side} soft palate"],
        "midline": ["midline of the soft palate"],
        "unsaid": ["soft palate"],
    },
    "nasopharynx": {
        "sided": ["{side}-sided nasopharynx", "nasopharynx on the {side} side", "fossa of Rosenmuller, {side}"],
        "midline": ["midline posterior wall of the nasopharynx"],
        "bilateral": ["both sides of the nasopharynx"],
        "unsaid": ["nasopharynx", "postnasal space/nasopharynx"],
    },
    "pyriform sinus": [
        "pyriform sinus on the {side} side",
        "{side}-sided hypopharynx (pyriform)",
        "{side} pyriform sinus",
    ],
    "postcricoid": {
        "midline": ["postcricoid hypopharynx, midline"],
        "unsaid": ["hypopharynx (post-cricoid)", "hypopharynx"],
    },
    "glottis": {
        "sided": ["true cord on the {side} side", "{side} vocal cord", "{side} true cord (glottis)"],
        "bilateral": ["both true vocal cords", "vocal cords bilaterally with anterior commissure"],
        "unsaid": ["larynx (glottic)", "glottis"],
    },
    "supraglottis": {
        "sided": ["supraglottis on the {side} side", "{side} arytenoid and supraglottis"],
        "midline": ["tip of the epiglottis, midline"],
        "unsaid": ["supraglottic larynx"],
    },
    "oral tongue": ["oral tongue, {side} side", "{side} oral tongue", "anterior tongue, {side} lateral edge"],
    "floor of mouth": {
        "sided": ["floor of mouth, {side} side", "{side} FOM"],
        "midline": ["midline FOM", "anterior floor of mouth straddling the midline"],
    },
    "buccal mucosa": ["buccal mucosa on the {side} side", "{side} inner cheek (buccal mucosa)"],
    "retromolar trigone": ["retromolar trigone, {side} side", "{side} retromolar trigone"],
    "parotid": ["parotid gland on the {side} side", "{side}-sided parotid", "{side} parotid tail"],
    "submandibular gland": ["submandibular salivary gland on the {side} side"],
    "maxillary sinus": ["maxillary sinus on the {side} side", "{side} maxillary sinus"],
    "nasal cavity": {
        "sided": ["nasal cavity on the {side} side", "{side} nasal vestibule and cavity (sinonasal)"],
        "unsaid": ["sinonasal cavity", "ethmoid sinus"],
    },
    "thyroid": {
        "sided": ["thyroid, {side} side", "{side} lobe of the thyroid"],
        "bilateral": ["both lobes of the thyroid"],
        "unsaid": ["thyroid gland"],
    },
    "unknown primary": ["primary unknown (CUP)", "unknown primary"],
    "unstated": ["head/neck"],
}
HISTOLOGY = {
    "": ["squamous carcinoma", "squamous cell CA", "basaloid squamous carcinoma", "SCCA"],
    "nasopharynx": ["nonkeratinizing undifferentiated CA", "nasopharyngeal-type carcinoma"],
    "salivary gland": ["adenoid cystic carcinoma", "myoepithelial carcinoma", "high-grade salivary carcinoma"],
    "maxillary sinus": ["squamous cell CA"],
    "nasal cavity": ["olfactory neuroblastoma", "squamous carcinoma"],
    "thyroid": ["insular carcinoma", "papillary carcinoma with gross extrathyroidal extension"],
}
DISEASE = {
    "": [
        "{histology} involving the {primary}",
        "cancer of the {primary} - {histology}",
        "biopsy-proven {histology}, {primary}",
    ],
    "unknown primary": [
        "squamous cell CA in neck nodes, unknown primary",
        "SCCA, {near} cervical nodes, primary never found{not bilateral}, i.e. unknown primary",
    ],
    "unstated": ["SCCA of the head and neck, exact subsite not in the papers sent"],
}
DX = {
    "": ["{histology}, {primary}", "{primary} SCCA{not nasopharynx salivary_gland thyroid sinonasal}"],
    "unknown primary": ["unknown primary w/ neck dz", "CUP (SCCA)"],
    "unstated": ["SCCHN, NOS"],
}
STAGE = [
    "{c}{t}{n}{m}",
    "{t}, {n}, {m}",
    "{t_}, {n_}, {m_}",
    "{c}{t}/{c}{n}/c{m}",
    "clinical {t} {n}{not postop}",
    "pathologic {t} {n}{only postop}",
    "T={t} N={n} M={m}",
    "TNM stage {t}-{n}-{m}",
    "{c}{t} {c}{n} {m}",
]
TN = ["{t}{n}", "{c}{t}{n}{m}", "{t} {n} {m}", "{c}{t}, {c}{n}"]
HPV = {"": [""], "hpv_positive": [", p16(+)", "; HPV driven"], "hpv_negative": ["; HPV negative", ", p16(-)"]}
COMPLAINT = {
    "": [
        "throat pain for {num 4 20} weeks",
        "choking on liquids",
        "muffled voice and bad breath",
        "{other} shoulder ache and incidental throat mass",
        "ear pain, {near}, and painful swallowing",
    ],
    "larynx": ["raspy voice", "voice loss while preaching"],
    "nasopharynx": [
        "stuffy nose",
        "headaches and facial tingling",
        "popping in the ear, {near}",
        "dizziness blamed on the {other} inner ear, then nosebleeds",
    ],
    "salivary gland": ["a growing lump"],
    "sinonasal": ["nosebleeds", "tearing and cheek numbness"],
    "thyroid": ["a fast-growing neck mass"],
    "unknown primary": ["a lump under the jaw"],
    "oral cavity": [
        "a sore in the mouth",
        "an ulcer that bled when brushing",
        "a bite injury on the {other} that healed, then a new sore elsewhere in the mouth",
    ],
}
LESION = {
    "sized": [
        "Mass estimated at {size} cm.",
        "Visible tumor {size} x {dec 1 3} cm[; nothing across the midline{only sided}|; {opposite} side looks normal|].",
        "Size on CT {size_mm} mm. [No extension to the {opposite}.|No bone destruction.{not T4a T4b}]",
    ],
    "mobile": ["Scope: normal cord motion."],
    "sluggish": ["Scope: cord moves poorly.", "Scope: impaired motion, {opposite} cord normal."],
    "fixed": ["Scope: immobile cord.", "Scope: no cord motion on the involved side, {opposite} cord fine."],
    "cartilage": ["Tumor through the thyroid cartilage."],
    "nasopharynx": [
        "MRI: nasopharyngeal mass, bright on T2.",
        "MRI: nasopharyngeal mass; no involvement of the {opposite} parapharyngeal space.",
    ],
    "sinonasal": ["MRI: solid mass, secretions bright on T2-weighted images.", "Mass; {opposite} nasal airway open."],
    "thyroid": ["Ultrasound: irregular taller-than-wide nodule."],
    "unknown primary": ["Exam under anesthesia negative, random biopsies negative.", "No primary on PET."],
    "postop": [
        "Surgery {num 3 7} weeks ago, margins close ({num 1 3} mm).",
        "Margins negative, PNI seen.",
        "Healing well after resection; {other} leg donor site dry.",
    ],
    "": ["Large tumor, friable."],
}
NODES = {
    "none": ["Nodes: none.", "No lymphadenopathy.", "Neck negative on both sides."],
    "unassessed": ["Nodes: cannot be evaluated."],
    "single": [
        "Nodes: one, {near} level II, {node_size} cm.",
        "{^near} jugulodigastric node {node_size} cm. [{^clear} neck: negative.|]",
    ],
    "multiple": [
        "Nodes: several, {near} II-IV, up to {node_size} cm.",
        "Multiple {near} nodes ({node_size} cm); the {clear} neck is free of disease.",
    ],
    "large": ["Nodes: huge {near} mass, {node_size} cm."],
    "extranodal": ["Nodes: {near}, invading muscle, ENE clinically evident."],
    "bilateral": ["Nodes: left and right level II, up to {node_size} cm.", "Adenopathy on both sides."],
    "contralateral": ["Nodes: {opposite} level II, {node_size} cm - contralateral to the tumor."],
    "postop none": ["Nodes 0 of {taken_out}."],
    "postop bilateral": ["Both neck dissections contained tumor, total {positive} of {taken_out}."],
    "postop contralateral": ["Nodes {positive} of {taken_out}, and these on the {opposite}."],
    "postop": [
        "{^near} neck: {positive} of {taken_out} nodes with tumor.",
        "Nodes: {positive} positive ({near}), none extranodal[; {clear} neck dissection negative|].",
    ],
}
SPREAD = {
    "": ["Rest of the body negative.", "PET otherwise quiet."],
    "M1": ["Lung nodules proven metastatic.", "Liver metastasis."],
    "MX": ["Body imaging not done yet."],
}
INTENT = {
    "radical": ["curative-intent", "definitive"],
    "postop": ["postoperative", "adjuvant"],
    "palliative": ["palliative"],
}
CHEMO = {
    "radical": ["and cisplatin (100 mg/m2 x 3)", "and weekly carboplatin AUC 2", "by itself"],
    "postop": ["by itself"],
    "palliative": ["for symptom relief"],
    "early": ["by itself"],
}
NECKS = {
    "": ["uninvolved neck levels", "the elective neck"],
    "near": ["the {near} side of the neck"],
    "bilateral": ["the neck on both sides", "both necks"],
    "none": ["neck"],
}
NECK = {
    "": [""],
    "near": ["Fields cover the {near} neck.", "Unilateral neck RT on the {near}; {clear} neck not treated."],
    "bilateral": ["Fields cover both sides of the neck.", "Elective bilateral neck RT."],
    "none": ["Neck left untreated.", "No RT to the neck nodes."],
}
NK = {"": [""], "near": ["{near} neck RT"], "bilateral": ["bilateral neck RT"], "none": ["neck untreated"]}
DOSE = {
    "0": ["Final dose pending dosimetry.", "Dose not yet prescribed."],
    "1": [
        "Total of {d1} Gy, {fx} fractions.",
        "{d1} Gy at {per_fraction} Gy per day x {fx}.",
        "We prescribe {d1} Gy in {fx} daily treatments.",
    ],
    "2": [
        "{d2} Gy electively to {necks} with the gross tumor taken to {d1} Gy, {fx} fractions total.{not postop}",
        "We prescribe {d1} Gy and {d2} Gy, both over {fx} treatments.",
        "Doses: {d1} Gy (high risk), {d2} Gy (standard risk); {fx} sessions.",
    ],
    "3": [
        "Doses: {d1} Gy (gross), {d2} Gy (high risk), {d3} Gy (low risk); {fx} treatments.{not postop}",
        "We prescribe {d1}, {d2}, and {d3} Gy over {fx} fractions, dose-painted.",
        "{d3} Gy prophylactic dose to {necks}, {d2} Gy next echelon, {d1} Gy high risk, {fx} fx.",
    ],
}
RX = {
    "0": ["Rx pending"],
    "1": ["{d1} Gy in {fx} fx", "{d1}Gy / {fx}fx"],
    "2": ["{d1}/{d2} Gy in {fx} fx", "{d1} Gy & {d2} Gy in {fx}#"],
    "3": ["{d1}/{d2}/{d3} Gy in {fx} fx", "{d1}, {d2}, {d3} Gy / {fx} fx"],
}
CGY = {
    "0": ["Pending."],
    "1": ["{c1} cGy, {fx} fx"],
    "2": ["{c1} cGy high, {c2} cGy low, {fx} fx", "{c2} cGy to {necks}, {c1} cGy to high-risk PTV, {fx} fx"],
    "3": ["{c1} cGy / {c2} cGy / {c3} cGy in {fx} fractions"],
}
HISTORY = [
    "HIV, undetectable on ART",
    "shrapnel wound of the {other} thigh",
    "rheumatic heart disease",
    "{other} ACL repair",
    "diabetes with {other} below-knee amputation",
    "chronic hepatitis C, cured",
    "breast cancer, {other}, mastectomy then chest wall RT 50 Gy in 25 fx in {num 2003 2017}{only female}",
    "prostate brachytherapy 145 Gy in {num 2005 2016}{only male}",
    "{other} rotator cuff tear",
    "lumbar fusion and a T12 burst fracture",
    "{other} DVT after a long flight",
    "asthma",
    "{other} lung lobectomy for carcinoid",
]
SOCIAL = [
    "Vet, smoked {num 10 60} pack-years.",
    "Doesn't smoke or drink.",
    "Farm worker, quit tobacco {num 2 20} years ago.",
    "Heavy drinker in the past.",
]
FAMILY = ["Cousin with cancer of the tonsil.", "No cancer in the family.", "Dad died from voice box cancer."]
OAR = [
    "Cord limit 45 Gy; stem limit 54 Gy.",
    "Keep {other} parotid mean < 26 Gy.",
    "Parotid mean dose objective 26 Gy, cord max 45 Gy.",
    "Optic nerves and chiasm under 54 Gy.",
]
IMAGING = [
    "SUVmax {dec 4 17}.{not postop}",
    "T1/T2 MRI sequences degraded by motion.",
    "CT negative for {other} carotid stenosis.",
    "Rule out {other} cord paralysis: ruled out.",
    "Panorex fine.",
]

LAYOUTS = [
    Layout(
        "army consult",
        """CONSULT REPORT - {hospital}
DATE: {date}
PROVISIONAL DX: {disease}
REASON: {complaint}
FINDINGS: {age} y/o {male}. {lesion} {nodes} {imaging}
PMH: {history}; {history}. {social}
IMPRESSION: {stage}{hpv}. {spread}
RECOMMEND: {intent} RT {chemo}. {dose} {neck}
{doctor}""",
    ),
    Layout("text message", "{surname} {age}{sex} {dx} {tn} {nodes} [{rx} {nk}|{dose}] [{history}|]", "L", "lower"),
    Layout(
        "NZ letter",
        """{date}

Kia ora {doctor}

{given} {surname} ({age}) was seen today at {hospital}. {^he} has {disease}{hpv} and we stage this {stage}. It began with {complaint}. {nodes} {lesion}

{^his} other health issues: {history}, {history}. {social} {family}

We offered {intent} radiation {chemo}. {dose} {neck}

Nga mihi
{doctor}""",
    ),
    Layout(
        "tumor conference grid",
        """Conference {date}
Pt: {given} {surname} | {age} | {sex}
Dx: {dx}{hpv}
TNM: {stage}
Path/imaging: {nodes} {imaging}
Hx: {history}
Consensus: {intent} RT {chemo}; {rx}
Neck: {neck}
Presenter: {doctor}""",
        "Lt",
    ),
    Layout(
        "loud transcript",
        """DICTATED NOT READ. {given} {surname} IS A {age} YEAR OLD {male} WITH {disease}. {lesion} {nodes} PAST HISTORY {history}. STAGED {stage}. I RECOMMEND {intent} RADIATION {chemo}. {dose} {neck} {oar} {doctor}.""",
        letters="upper",
    ),
    Layout(
        "arrows",
        """> Pt {surname}, {age}{sex}
> {disease}
> {tn}
> {nodes}
> PMH {history}
> {imaging}
> {intent} RT: {cgy}
> {neck}
> {oar}""",
        "Lt.",
    ),
    Layout(
        "colon form",
        """Hospital: {hospital}
Patient: {surname}, {given}
Tumor site: {primary}
Cell type: {histology}
Stage: {tn}
Local exam: {lesion} {nodes}
Medical history: {history}
Rx: {cgy}
Neck fields: {neck}
Dose limits: {oar}
RO: {doctor}""",
        "(L)",
    ),
    Layout(
        "family doctor referral",
        """Hello {doctor}. Please see {mr} {surname}, {age}. Over the years I have looked after {history}, {history} and {history}. Lately {he} had {complaint}. The specialist's report reads: {disease}, {stage}. {nodes} {family} They want {intent} radiation. [{dose} {neck}|Your advice on dose is welcome.] Thanks, {doctor}""",
    ),
    Layout(
        "SOAP follow-through",
        """SUBJECTIVE: {^complaint}. {social}
OBJECTIVE: KPS {num 7 9}0, afebrile. {lesion} {nodes} {imaging}
ASSESSMENT: {^disease}. {stage}
PLAN: {^intent} RT {chemo}. {rx}. {neck} {oar} PMH noted: {history}.""",
        "Lt",
    ),
    Layout(
        "tele-oncology",
        """Video visit {date}, {doctor} with {given} {surname}, {age}. The films show {nodes} {imaging} Pathology: {disease}. By TNM this is {stage}. We talked over {history}. Proposal is {intent} radiation {chemo}: {dose} {neck}""",
    ),
    Layout(
        "sim order",
        """SIM ORDER {date}: {primary}, {tn}. {intent} course. {cgy}. {neck} {oar} Precautions: {history}.""",
        "L",
    ),
    Layout(
        "chart summary",
        """Summary for {given} {surname} ({hospital})
Cancer: {disease}
How advanced: {stage}; {spread}
What was found: {lesion} {nodes}
Background: {history}; {history}
What we will do: {intent} radiation {chemo}. {dose} {neck}""",
    ),
]
