"""Set I: layouts, phrases and names of its own."""

from held_out.filling import Layout

SEED = 9241

GIVEN = {
    "male": ["Barrington", "Gareth", "Lysander", "Rodrigo", "Fergusson", "Leopold", "Kwabena", "Casimir", "Vernon"],
    "female": ["Henrietta", "Delphine", "Ottoline", "Mirembe", "Paulette", "Meredith", "Padmini", "Winifred"],
}
SURNAMES = [
    "Quillfeather",
    "Abernethson",
    "Dunmorrow",
    "Szabolny",
    "Trevanick",
    "Osterhagen",
    "Bellweather",
    "Nakashige",
    "Corrigale",
    "Wraxley",
    "Adeyinko",
    "Hollisburn",
]
DOCTOR = [
    "Dr. Maud Fennimore",
    "Dr. Ortolano",
    "Dr. R. Wickersley",
    "Dr. Ines Carvalhosa",
    "Dr. Dhanapal",
    "Dr. Joel Strathaven",
]
HOSPITAL = [
    "Hollowbridge Cancer Centre",
    "Cedar Bluff Medical Center",
    "Queen Maud's Hospital",
    "Saltmarsh General",
    "North Juniper University Health",
]
DATE = ["{day}/{month_number}/{year}", "{month} {day} {year}", "{year}-{month_number}-{num 10 28}"]

PRIMARY = {
    "tonsil": {
        "sided": ["{side} tonsil", "{side} faucial tonsil", "tonsil, {side}", "{side} tonsillar region"],
        "bilateral": ["both tonsils", "bilateral tonsils"],
        "unsaid": ["oropharynx", "tonsil"],
    },
    "base of tongue": {
        "sided": ["{side} base of tongue", "{side} tongue base", "oropharynx, {side} base of tongue", "{side} BOT"],
        "midline": ["base of tongue in the midline", "central (midline) tongue base"],
        "unsaid": ["tongue base", "base of tongue"],
    },
    "soft palate": {
        "sided": ["{side} soft palate", "soft palate on the {side}"],
        "midline": ["soft palate, midline", "midline of the soft palate"],
        "unsaid": ["soft palate", "oropharynx (soft palate)"],
    },
    "nasopharynx": {
        "sided": ["{side} nasopharynx", "nasopharynx on the {side}", "{side} posterolateral nasopharynx"],
        "midline": ["midline nasopharynx", "posterior wall of the nasopharynx in the midline"],
        "bilateral": ["nasopharynx bilaterally"],
        "unsaid": ["nasopharynx", "postnasal space"],
    },
    "pyriform sinus": ["{side} pyriform sinus", "{side} piriform fossa", "{side} pyriform fossa (hypopharynx)"],
    "postcricoid": {
        "midline": ["midline postcricoid hypopharynx"],
        "unsaid": ["hypopharynx (postcricoid)", "post-cricoid region"],
    },
    "glottis": {
        "sided": ["{side} vocal cord", "{side} true vocal fold", "larynx ({side} glottis)"],
        "bilateral": ["both true vocal cords", "glottic larynx, both cords"],
        "unsaid": ["glottis", "vocal cord", "glottic larynx"],
    },
    "supraglottis": {
        "sided": ["{side} supraglottic larynx", "{side} false vocal cord", "supraglottis, {side} aryepiglottic fold"],
        "midline": ["midline supraglottis", "laryngeal surface of the epiglottis in the midline"],
        "unsaid": ["supraglottis", "supraglottic larynx"],
    },
    "oral tongue": [
        "{side} oral tongue",
        "{side} lateral tongue",
        "{side} anterior tongue",
        "oral tongue, {side} side",
    ],
    "floor of mouth": {
        "sided": ["{side} floor of mouth", "{side} anterior floor of mouth", "{side} floor of the mouth"],
        "midline": ["midline floor of mouth", "floor of mouth, midline"],
    },
    "buccal mucosa": ["{side} buccal mucosa", "{side} cheek mucosa", "buccal mucosa, {side}"],
    "retromolar trigone": ["{side} retromolar trigone", "retromolar trigone on the {side}"],
    "parotid": ["{side} parotid gland", "{side} parotid", "parotid, {side}", "deep lobe of the {side} parotid"],
    "submandibular gland": ["{side} submandibular gland", "submandibular gland on the {side}"],
    "maxillary sinus": ["{side} maxillary sinus", "{side} maxilla (maxillary sinus)"],
    "nasal cavity": {"sided": ["{side} nasal cavity", "{side} nasal fossa"], "unsaid": ["nasal cavity"]},
    "thyroid": {
        "sided": ["{side} lobe of the thyroid", "{side} thyroid", "thyroid gland, {side} lobe"],
        "bilateral": ["both lobes of the thyroid"],
        "unsaid": ["thyroid", "thyroid gland"],
    },
    "unknown primary": ["unknown primary"],
    "unstated": ["head and neck"],
}
HISTOLOGY = {
    "": ["squamous cell carcinoma", "[grade 2|grade 3|non-keratinising|] squamous cell carcinoma"],
    "nasopharynx": ["non-keratinizing nasopharyngeal-type carcinoma", "undifferentiated EBER-positive carcinoma"],
    "salivary gland": ["high grade mucoepidermoid carcinoma", "carcinoma ex pleomorphic adenoma"],
    "maxillary sinus": ["squamous cell carcinoma", "adenoid cystic carcinoma, cribriform type,"],
    "nasal cavity": ["squamous cell carcinoma", "esthesioneuroblastoma", "intestinal-type adenocarcinoma"],
    "thyroid": ["papillary thyroid carcinoma", "Hurthle cell carcinoma", "poorly differentiated thyroid carcinoma"],
}
HIST = {
    "": ["SCC", "SqCC", "squamous ca"],
    "nasopharynx": ["NPC EBV+", "undiff carcinoma"],
    "salivary gland": ["adenoid cystic ca", "mucoep ca"],
    "maxillary sinus": ["SCC", "AdCC"],
    "nasal cavity": ["SCC", "ENB"],
    "thyroid": ["papillary ca", "PDTC"],
}
DISEASE = {
    "": ["{histology} of the {primary}", "{histology} arising in the {primary}"],
    "unknown primary": [
        "metastatic squamous cell carcinoma in a {near} cervical lymph node with unknown primary",
        "squamous cell carcinoma of the neck nodes, primary unknown",
    ],
    "unstated": ["squamous cell cancer of the head and neck", "a head and neck squamous cell carcinoma"],
}
DX = {
    "": ["{primary} {hist}", "{hist} of {primary}"],
    "unknown primary": ["SCC of unknown primary, {near} neck", "unknown primary SCC w/ cervical LN mets"],
    "unstated": ["HNSCC", "H&N SCC"],
}
STAGE = [
    "{c}{t} {c}{n} c{m}",
    "{c}{t}{c}{n}{m}",
    "{t}, {n}, {m}",
    "{c}{t} {c}{n} {m} (AJCC 8th edition)",
    "{t} {n} {m}",
    "{c}{t}{n}{m}",
    "{c}{t_} {c}{n_} {m_}",
    "{t}{n}",
]
TN = ["{c}{t}{n}", "{t} {n}", "{c}{t}{c}{n}", "{t}{n}{m}"]
HPV = {
    "": [""],
    "hpv_positive": [" (p16+)", ", HPV-related", ", p16 diffusely positive"],
    "hpv_negative": [" (p16-)", ", HPV ISH negative"],
}
COMPLAINT = {
    "": [
        "difficulty swallowing solids for {num 2 6} months",
        "odynophagia and unintentional weight loss of {num 3 11} kg",
        "{near} ear pain without findings on otoscopy",
        "a foreign body sensation when swallowing",
        "{other} ear pain thought to be dental, and later pain on eating",
    ],
    "larynx": [
        "persistent hoarseness since {month}",
        "a rough voice and throat clearing for {num 3 11} months",
        "hoarseness, with a longstanding {other} hearing aid for noise damage",
    ],
    "nasopharynx": [
        "{near} hearing loss and blood-stained nasal discharge",
        "headaches and a blocked nose",
        "diplopia and nasal blockage; the {other} eye has been amblyopic since birth",
    ],
    "salivary gland": [
        "a firm lump for about {num 4 14} months",
        "an enlarging mass without facial weakness",
    ],
    "sinonasal": [
        "nosebleeds and facial swelling",
        "persistent blockage of the nose and loss of smell",
        "epiphora and nose bleeds after a {other} sinus washout years earlier",
    ],
    "thyroid": ["a rapidly growing thyroid lump", "compressive symptoms and a palpable nodule"],
    "unknown primary": [
        "a lump in the {near} side of the neck",
        "a firm neck swelling that did not settle with antibiotics",
        "a {near} neck swelling; an earlier {other} neck lump in {year} was a benign lipoma",
    ],
    "oral cavity": [
        "a painful ulcer in the mouth",
        "an ulcer that bled on brushing, and loose dentures",
        "mouth soreness after a {other} molar extraction that healed well",
    ],
}
LESION = {
    "sized": [
        "On examination there is a firm {size} cm lesion, tender to touch.",
        "The tumour measures {size_mm} x {num 8 20} mm on MRI.",
        "MRI shows a {size} cm enhancing mass with a {opposite} side that looks normal.",
        "An indurated mass of {size} cm is seen; nothing abnormal on the {opposite}.",
        "Ulcero-infiltrative growth, {size} cm in its greatest dimension.",
    ],
    "mobile": [
        "Flexible scope: irregular lesion, full cord mobility.",
        "Stroboscopy shows a keratotic lesion with preserved movement.",
        "Fiberoptic exam: small tumor, full mobility, {opposite} cord smooth and pale.",
    ],
    "sluggish": [
        "Flexible scope: cord movement reduced but present.",
        "Nasendoscopy demonstrates impaired mobility; the {opposite} side moves briskly.",
    ],
    "fixed": [
        "Nasendoscopy: a fixed cord and narrowed airway.",
        "Fiberoptic exam reveals a fixed cord, the {opposite} cord compensating well.",
    ],
    "cartilage": [
        "CT neck: outer thyroid cartilage is eroded with strap muscle invasion.",
        "There is cartilage destruction on CT; {opposite} thyroid lamina intact.",
    ],
    "nasopharynx": [
        "Nasendoscopy shows a friable mass behind the choanae.",
        "MRI skull base: tumour enhances avidly on T1 post-contrast; no perineural spread.",
        "Endoscopy: fungating mass, {opposite} Eustachian cushion normal.",
    ],
    "sinonasal": [
        "Rigid nasal endoscopy: a fleshy polypoid mass.",
        "CT sinuses: soft tissue mass. {^opposite} orbit and antrum clear.",
    ],
    "thyroid": [
        "CT neck: large invasive mass compressing the airway.",
        "Ultrasound: solid hypoechoic mass; {other} carotid plaque noted in passing.",
    ],
    "unknown primary": [
        "EUA with tongue base mucosectomy and tonsillectomy did not reveal a source.",
        "No mucosal lesion on endoscopy or PET-CT.",
    ],
    "postop": [
        "Surgery took place {num 3 7} weeks ago; margins were close at {num 1 4} mm.",
        "Final pathology: depth of invasion {num 6 14} mm, LVI present, PNI present.{only oral_cavity}",
        "Final pathology shows perineural and lymphovascular invasion with a {num 1 3} mm deep margin.",
        "Operated {num 3 7} weeks ago, reconstructed with a free flap from the {other} thigh.",
    ],
    "": ["A bulky primary is seen on endoscopy.", "Imaging shows a {size} cm primary."],
}
NODES = {
    "none": [
        "No cervical lymphadenopathy.",
        "No neck nodes felt, none on ultrasound.",
        "Neck: clinically and radiologically negative.",
        "Shotty {other} level I node, reactive on FNA.",
    ],
    "unassessed": ["The neck nodes have not been staged yet as imaging is pending."],
    "single": [
        "Solitary {near} level II lymph node of {node_mm} mm, FNA positive.",
        "PET-avid {near} level III node measuring {node_size} cm.",
        "{^near} jugulodigastric node, {node_size} cm, mobile. Nothing palpable in the {clear} neck.",
    ],
    "multiple": [
        "{^near} levels II to IV nodes, the biggest {node_mm} mm.",
        "Multiple enlarged nodes in the {near} neck, up to {node_size} cm.",
        "{^near} level IIa, IIb and III adenopathy to {node_size} cm; {clear} neck negative on PET.",
    ],
    "large": [
        "Bulky {near} neck mass of {node_size} cm.",
        "{^near} level II/III nodal mass, {node_size} cm, partly necrotic. No {clear}-sided nodes.",
    ],
    "extranodal": [
        "{^near} level II/III node with skin tethering and clinical extranodal extension.",
        "{^near} nodal mass invading sternomastoid, clinically ENE positive. The {clear} neck is uninvolved.",
    ],
    "bilateral": [
        "Nodes are enlarged in both necks, maximum {node_size} cm.",
        "Left and right level II nodes are PET-avid, up to {node_mm} mm.",
    ],
    "contralateral": [
        "{^opposite} (contralateral) level II node, {node_mm} mm, FNA positive.",
        "A contralateral level III node of {node_size} cm is PET-avid; nil on the same side as the primary.",
    ],
    "postop none": ["Neck dissection: {taken_out} nodes, none involved.", "All {taken_out} nodes were clear."],
    "postop bilateral": ["Bilateral neck dissections yielded {positive} positive nodes of {taken_out}, no ENE."],
    "postop contralateral": ["Of {taken_out} nodes {positive} contained tumour, all on the {opposite}."],
    "postop": [
        "{^near} selective neck dissection: {positive}/{taken_out} nodes positive.",
        "{positive} of {taken_out} nodes involved, {near} level II.",
        "Neck dissection: {near} {positive}/{taken_out} positive, {clear} 0/{num 10 19}.",
    ],
}
LN = {
    "none": ["node negative", "no LAD"],
    "unassessed": ["nodes not yet imaged"],
    "single": ["{near} lvl 2 LN {node_size} cm", "one {near} level II node"],
    "multiple": ["{near} level 2-3 LNs", "{near} nodes to {node_size} cm, {clear} neck neg"],
    "large": ["{near} {node_size} cm nodal mass"],
    "extranodal": ["{near} level II node, clinical ENE"],
    "bilateral": ["b/l level II LNs"],
    "contralateral": ["{opposite} level II node"],
    "postop none": ["0/{taken_out} LN"],
    "postop": ["{positive}/{taken_out} LN"],
}
SPREAD = {
    "": ["CT thorax: no metastases.", "PET-CT shows no distant spread.", "No evidence of systemic disease."],
    "M1": ["PET-CT shows multiple bone and lung metastases.", "There are biopsied liver metastases."],
    "MX": ["CT thorax not yet done.", "PET-CT is booked for next week."],
}
INTENT = {
    "radical": ["radical", "curative", "definitive"],
    "postop": ["postoperative", "adjuvant"],
    "palliative": ["palliative"],
}
CHEMO = {
    "radical": [
        "with concurrent weekly cisplatin{not thyroid}",
        "with two cycles of cisplatin 100 mg/m2{not thyroid}",
        "alone",
    ],
    "postop": ["with cisplatin 40 mg/m2 weekly{not salivary_gland thyroid}", "alone"],
    "palliative": ["for symptom control"],
    "early": ["alone, surgery being the alternative", "alone"],
}
NECKS = {
    "": ["the elective nodes", "the low-risk volume"],
    "near": ["the {near} neck", "nodes of the {near} neck"],
    "bilateral": ["the neck on both sides", "both necks"],
    "none": ["no nodes"],
}
NECK = {
    "": [""],
    "near": [
        "We will irradiate the {near} neck alone.",
        "Unilateral neck treatment on the {near}.",
        "The ipsilateral neck only will be treated.{only sided}",
        "The {near} neck will be included in the target; the {clear} neck will be spared.",
    ],
    "bilateral": [
        "Bilateral neck irradiation is planned.",
        "The neck will be treated on both sides.",
        "Nodal levels II-IV will be irradiated bilaterally.",
    ],
    "none": ["No nodal irradiation is planned.", "The neck is to be left untreated.", "Primary only, no neck RT."],
}
NK = {
    "": [""],
    "near": ["{near} neck RT only", "ipsi neck ({near})"],
    "bilateral": ["bilateral necks", "b/l neck"],
    "none": ["neck not treated", "no nodal RT"],
}
DOSE = {
    "0": ["Dose will be decided once planning CT is done.", "The fractionation schedule is under discussion."],
    "1": [
        "{d1} Gy will be given in {fx} fractions.",
        "The dose is {d1} Gy in {fx} fractions using VMAT.",
        "A total of {d1} Gy at {per_fraction} Gy per fraction, {fx} fractions.",
    ],
    "2": [
        "{d1} Gy in {fx} fractions to the high-dose volume, with {d2} Gy to {necks}.",
        "I plan {d1} Gy to all visible disease and {d2} Gy to {necks} over {fx} fractions.{not postop}",
        "The operative bed will receive {d1} Gy and {necks} {d2} Gy in {fx} fractions.{only postop}",
        "Two dose levels, {d1} Gy and {d2} Gy, in {fx} fractions over {weeks} weeks.",
    ],
    "3": [
        "{d1} Gy, {d2} Gy and {d3} Gy in {fx} fractions to PTV-high, PTV-intermediate and PTV-low.",
        "Gross disease {d1} Gy, intermediate risk {d2} Gy, {necks} {d3} Gy in {fx} fractions.{not postop}",
        "PTV1 {d1} Gy, PTV2 {d2} Gy, PTV3 {d3} Gy, {fx} fractions over {weeks} weeks.",
    ],
}
RX = {
    "0": ["dose pending", "fractionation to be confirmed"],
    "1": ["{d1} Gy / {fx} fx", "{d1}Gy/{fx}f", "{d1} Gy in {fx} #"],
    "2": ["{d1}/{d2} Gy in {fx} fx", "{d1} Gy & {d2} Gy / {fx} #", "{d1} and {d2} Gy, {fx} fx SIB"],
    "3": ["{d1}/{d2}/{d3} Gy, {fx} fx", "{d1}, {d2}, {d3} Gy / {fx} #"],
}
CGY = {
    "0": ["prescription to be entered after physics review"],
    "1": ["{c1} cGy / {fx} fractions", "total dose {c1} cGy in {fx} fractions"],
    "2": ["{c1} cGy and {c2} cGy in {fx} fractions", "PTV_High {c1} cGy, PTV_Low {c2} cGy, {fx} fractions"],
    "3": ["PTV_High {c1} cGy, PTV_Mid {c2} cGy, PTV_Low {c3} cGy in {fx} fractions", "{c1}/{c2}/{c3} cGy, {fx} fx"],
}
HISTORY = [
    "paroxysmal AF, takes apixaban",
    "asthma and hypothyroidism",
    "angina, stented in {num 2010 2018}",
    "{other} breast carcinoma pT1c pN0, 40 Gy in 15 fractions in {num 2011 2018}{only female}",
    "{other} knee replacement",
    "{other} rotator cuff repair after a fall",
    "{other} nephrectomy for renal cell cancer in {num 2003 2017}",
    "lung cancer in the {other} upper lobe treated with SBRT, 54 Gy in 3 fractions, in {num 2012 2018}",
    "rectal cancer, 25 Gy in 5 fractions and resection in {num 2009 2018}",
    "basal cell carcinoma removed from the {other} shoulder",
    "{other} Bell's palsy in {num 1985 2012}, fully recovered",
    "gout attacks on allopurinol",
    "chronic kidney disease stage 3",
    "depression, well controlled",
    "a {other} clavicle fracture in childhood",
]
SOCIAL = [
    "Lifelong non-smoker.",
    "{num 20 60} pack years, still smoking.",
    "Ex-smoker of {num 10 40} pack years; alcohol {num 4 30} units a week.",
    "Lives with {his} spouse, independent.",
    "Retired carpenter, never smoked.",
]
FAMILY = [
    "Nobody in the family has had cancer.",
    "Mother died of breast cancer.",
    "A brother had prostate cancer at {num 58 72}.",
]
OAR = [
    "Cord max 45 Gy, brainstem max 54 Gy.",
    "Keep the {opposite} parotid mean below 26 Gy.",
    "Larynx mean under 40 Gy{not larynx}, cord PRV 48 Gy.",
    "Aim for a {opposite} submandibular mean under 39 Gy.",
    "Spinal cord 4500 cGy maximum.",
    "Mandible Dmax 70 Gy.",
    "{^other} cochlea mean < 35 Gy.",
]
IMAGING = [
    "PET-CT images were reviewed in person.",
    "MRI with fat-suppressed T2 was reviewed with radiology.",
    "A query over {other} hilar uptake was resolved as sarcoid-like reaction.",
    "{^other} adrenal nodule of {num 9 18} mm is a benign adenoma.",
    "The possibility of a {other} parotid lesion was excluded by ultrasound.{not salivary_gland}",
    "Orthopantomogram shows several teeth needing extraction.",
]
EXAM = [
    "Cranial nerves intact. Weight {num 52 98} kg.",
    "No trismus. Dentition fair.",
    "Alert, in no distress; {other} pacemaker pocket well healed.",
    "Chest clear. {^other} arm weakness from an old injury.",
    "Karnofsky {num 7 10}0. Mouth opening {num 35 48} mm.",
]

LAYOUTS = [
    Layout(
        "H&P",
        """{hospital}
Department of Radiation Oncology - History and Physical
Name: {surname}, {given}   DOS: {date}

CC: {^disease}{hpv}

HPI: {^mr}. {surname} is a {age} y.o. {male} referred by {doctor} after presenting with {complaint}. \
{imaging} {nodes} {lesion}

PMH: {history}; {history}
FH: {family}
SH: {social}
PE: {exam}

ASSESSMENT: {age} y.o. {male} with cancer of the {primary}{not unknown_primary unstated}, {stage}.
PLAN: {^intent} radiation {chemo}. {dose} {neck} [{oar}|]""",
    ),
    Layout(
        "cancer centre letter",
        """{hospital}
Department of Clinical Oncology                               {date}

Dear {doctor}

{mr} {given} {surname}, {age} years

Diagnosis: {stage} {disease}{hpv}
Proposed treatment: [{^intent} radiotherapy {chemo}|{^intent} radiotherapy, {rx}]
Other conditions: {history}; {history}

I met this {gentleman} today following discussion at the MDT. {^he} had noticed {complaint}. {lesion} {nodes} \
{spread} [{dose}|We will use IMRT with a five-point mask. {dose}] {neck} {social}

Yours sincerely
{doctor}
Consultant in Clinical Oncology""",
    ),
    Layout(
        "resident one-liner",
        "{age}yo {sex} w/ {tn} {dx}{hpv}[ s/p resection{only postop}|, {intent} RT|]. "
        "[PMH: {history}. |][{^ln}. |]{rx}[, {nk}|. {neck}]",
        "L",
    ),
    Layout(
        "spoken consult",
        """{mr} {surname} is a {age}-year-old {male} seen at the request of {doctor} for {disease}. [{his} past \
history includes {history} and {history}.|{exam}] {nodes} {lesion} the tumor is staged as {stage}. {social} \
impression and plan. {intent} radiation therapy {chemo}, {cgy}. {neck} [{oar}|] thank you for this referral.""",
        letters="upper",
    ),
    Layout(
        "planning directive",
        """PLANNING DIRECTIVE
Patient: {given} {surname}
Date: {date}
Oncologist: {doctor}
Disease site: {^primary}
Pathology: {histology}{hpv}
Stage: {stage}
Course intent: {intent}
Dose: [{cgy}|{rx}]
Neck irradiation: {neck}
Dose limits: {oar}
Previous radiotherapy: [none|none known|see history: {history}]
Technique: VMAT, daily CBCT""",
    ),
    Layout(
        "CT sim",
        """CT SIM {date} - {surname}
{age}{sex}, {dx}, {tn}
Setup: supine, long mask, shoulders down, [bite block|no bite block], IV contrast given
Site: {primary}
{^intent} intent. Rx: {rx}
Neck: {nk}
[{oar}|{exam}]
Slices {num 2 3} mm, vertex to carina. [Marker wire on the {near} neck scar.{only postop}|{history}.|]""",
        "Lt",
    ),
    Layout(
        "MDT outcome form",
        """Head & Neck MDT - outcome form, {date}
{given} {surname}, {age}{sex}. Referrer {doctor}
History: {complaint}. PMH {history}.
Imaging: {nodes} {spread} {imaging}
Histology: confirmed on [core|incisional|punch] biopsy
Discussion: {disease}{hpv}, {stage}. {lesion}
Outcome: for {intent} radiotherapy {chemo}. [{dose}|Suggest {rx}.] {neck}""",
    ),
    Layout(
        "surgeon's referral",
        """{date}

Re: {given} {surname}

Dear {doctor},

I am referring {mr} {surname} to {hospital} for consideration of {intent} radiation. As you know, {he} is {age} and \
has {disease}{hpv}. {lesion} {nodes} We have staged {him} as {stage}. {^his} history is notable for {history} and \
{history}. [{spread}|{imaging}] [Tumor board favored {rx}. {neck}|{dose} {neck}|]

Best regards,
Head and Neck Surgery""",
    ),
    Layout(
        "registrar clerking",
        """New patient, {hospital}, {date}
> PC: {complaint}
> Diagnosis: {dx}{hpv}, {stage}
> O/E: {lesion} {nodes} {exam}
> PMH: {history}, {history}
> SH: {social}
> Staging scans: {spread} {imaging}
> Plan: {intent} RT, {rx}
> {neck}""",
        "(L)",
    ),
    Layout(
        "chart rounds",
        "Chart rounds {date}: {age} {sex}, {tn} {dx}{hpv}. {nodes} "
        "{^intent} RT {chemo}. {rx}. {neck} [{oar}|{history}.|]",
        "lt",
        "lower",
    ),
    Layout(
        "oncology history",
        """ONCOLOGIC HISTORY
1. {month} {year}: presented with {complaint}.
2. Workup: {imaging} {nodes}
3. Diagnosis: {^disease}{hpv}.
4. Stage {stage}.
5. {lesion}

INTERVAL: {exam} {social}
MEDICAL HISTORY: {history}, {history}, {history}
IMPRESSION/RECOMMENDATION
{^mr}. {surname} would benefit from {intent} radiation {chemo}. {dose} {neck} Risks of mucositis, xerostomia and \
dysphagia reviewed. Simulation next week.""",
        "Lt.",
    ),
    Layout(
        "treatment summary form",
        """Name = {surname}, {given}
Age = {age}
Dx = {dx}
TNM = {stage}
P16/HPV = [not applicable{only no_hpv}|positive{only hpv_positive}|negative{only hpv_negative}]
LN status = {nodes}
Comorbidities = {history}; {history}
Aim = {intent}
Schedule = {rx}
Neck = {neck}
Consultant = {doctor}, {hospital}""",
        "L",
    ),
]
