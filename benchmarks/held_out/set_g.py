"""Set G: British, Irish and Australasian hospitals, with layouts, phrases and names of its own."""

# ruff: noqa: E501

from held_out.filling import Layout

SEED = 7219

GIVEN = {
    "male": ["Alasdair", "Fintan", "Trevor", "Rhodri", "Clive", "Murdo", "Tama", "Norman"],
    "female": ["Orlaith", "Maureen", "Ffion", "Gwyneth", "Assumpta", "Hinewai", "Doreen"],
}
SURNAMES = [
    "Cadwaller",
    "O'Hanrahan",
    "McIlvenny",
    "Thistlewood",
    "Prendiville",
    "Ngarimu",
    "Oxborrow",
    "Treharne",
    "Wollaston",
    "Gillanders",
    "Pickersgale",
]
DOCTOR = [
    "Mr Hamish Dunwoodie",
    "Dr Aoife Brannigan",
    "Prof Gethin Llewellyn-Pugh",
    "Miss R Chowdry-Blythe",
    "Dr Fergus Whakaari-Stone",
    "Dr Nuala Kilbracken",
]
HOSPITAL = [
    "Glenarrow General Infirmary",
    "St Brannoc's Oncology Centre",
    "Western Fells NHS Foundation Trust",
    "Coolamber University Hospital",
    "Tasman Bay Cancer Service",
]
DATE = ["{day}/{month_number}/{year}", "{day} {month} {year}", "{day}.{month_number}.{year}"]

PRIMARY = {
    "tonsil": {
        "sided": [
            "{side} tonsil (oropharynx)",
            "{side} tonsil and faucial pillar",
            "{side} palatine tonsillar fossa",
        ],
        "bilateral": ["tonsils (synchronous, bilateral)"],
        "unsaid": ["oropharynx (tonsil)", "palatine tonsil"],
    },
    "base of tongue": {
        "sided": [
            "{side} tongue base (oropharynx)",
            "posterior third of tongue on the {side}",
            "{side} side of the base of tongue",
        ],
        "midline": ["tongue base in the midline", "midline tongue base"],
        "unsaid": ["posterior third of tongue", "base of the tongue"],
    },
    "soft palate": {
        "sided": ["{side} side of the soft palate", "soft palate on the {side}"],
        "midline": ["uvula (soft palate, midline)", "midline of the soft palate"],
        "unsaid": ["oropharynx (soft palate)"],
    },
    "nasopharynx": {
        "sided": ["{side} side of the nasopharynx", "post-nasal space on the {side}", "{side} nasopharyngeal recess"],
        "midline": ["nasopharyngeal vault in the midline"],
        "bilateral": ["nasopharynx, involving both sides"],
        "unsaid": ["post-nasal space (nasopharynx)", "nasopharynx (PNS)"],
    },
    "pyriform sinus": [
        "{side} pyriform fossa",
        "{side} piriform fossa (hypopharynx)",
        "hypopharynx, {side} pyriform fossa",
    ],
    "postcricoid": {
        "midline": ["post-cricoid hypopharynx in the midline"],
        "unsaid": ["post-cricoid hypopharynx", "hypopharynx (postcricoid)"],
    },
    "glottis": {
        "sided": ["{side} vocal cord", "{side} vocal fold (glottic larynx)", "larynx: {side} vocal cord"],
        "bilateral": ["both vocal folds", "glottic larynx, both cords"],
        "unsaid": ["glottis (larynx)", "vocal cord"],
    },
    "supraglottis": {
        "sided": [
            "{side} aryepiglottic fold (supraglottic larynx)",
            "{side} side of the supraglottis",
            "{side} false cord of the larynx",
        ],
        "midline": ["epiglottis in the midline"],
        "unsaid": ["supraglottis (larynx)", "infrahyoid epiglottis"],
    },
    "oral tongue": ["{side} lateral tongue", "{side} lateral border of tongue", "oral tongue on the {side}"],
    "floor of mouth": {
        "sided": ["{side} floor of the mouth", "floor of the mouth on the {side}"],
        "midline": ["anterior floor of mouth in the midline"],
    },
    "buccal mucosa": ["buccal mucosa on the {side}", "{side} buccal sulcus", "mucosa of the {side} cheek"],
    "retromolar trigone": ["{side} retromolar area", "retromolar trigone on the {side}", "{side} retromolar pad"],
    "parotid": ["parotid gland on the {side}", "{side} parotid salivary gland", "{side} superficial parotid"],
    "submandibular gland": ["submandibular gland on the {side}", "{side} submandibular salivary tissue"],
    "maxillary sinus": [
        "maxillary antrum on the {side}",
        "{side} maxillary antrum (sinonasal)",
        "{side} antrum of the maxilla",
    ],
    "nasal cavity": {
        "sided": ["nasal cavity on the {side}", "{side} nasal fossa", "{side} middle turbinate (nasal cavity)"],
        "unsaid": ["sinonasal tract (nasal cavity)", "ethmoids"],
    },
    "thyroid": {
        "sided": ["{side} thyroid lobe (hemithyroid)", "thyroid on the {side}", "{side} hemithyroid"],
        "bilateral": ["thyroid, affecting both lobes"],
        "unsaid": ["thyroid (multifocal, side not given)", "thyroid, lobe not stated"],
    },
    "unknown primary": ["unknown primary of the head and neck", "primary of unknown origin"],
    "unstated": ["head and neck (site to be confirmed)"],
}
HISTOLOGY = {
    "": [
        "squamous carcinoma",
        "[well|moderately|poorly] differentiated squamous carcinoma",
        "biopsy-proven squamous cell cancer",
    ],
    "nasopharynx": ["non-keratinising carcinoma, EBER positive,", "undifferentiated nasopharyngeal carcinoma"],
    "salivary gland": [
        "adenoid cystic cancer",
        "high grade salivary duct carcinoma",
        "low grade mucoepidermoid tumour",
    ],
    "maxillary sinus": ["squamous carcinoma", "sinonasal adenoid cystic carcinoma"],
    "nasal cavity": ["intestinal type adenocarcinoma", "olfactory neuroblastoma", "sinonasal squamous carcinoma"],
    "thyroid": ["papillary thyroid cancer", "oncocytic thyroid carcinoma", "follicular thyroid cancer"],
}
HIST = {
    "": ["SCC", "squamous ca", "squamous cell ca."],
    "nasopharynx": ["NPC", "EBER+ undiff carcinoma"],
    "salivary gland": ["adenoid cystic ca", "muco-epidermoid ca"],
    "maxillary sinus": ["squamous ca", "adenoid cystic ca"],
    "nasal cavity": ["ITAC", "olfactory neuroblastoma"],
    "thyroid": ["papillary ca", "oncocytic ca"],
}
DISEASE = {
    "": ["{histology} in the {primary}", "{histology} affecting the {primary}"],
    "unknown primary": [
        "squamous carcinoma in {near} cervical nodes of unknown primary",
        "metastatic squamous carcinoma in the neck from an unknown primary",
    ],
    "unstated": [
        "squamous carcinoma of the head and neck, exact site to be confirmed",
        "head and neck cancer (squamous), subsite awaited",
    ],
}
DX = {
    "": ["{hist} {primary}", "{primary} - {hist}"],
    "unknown primary": ["SCC {near} neck, unknown primary", "unknown primary with neck nodes (SCC)"],
    "unstated": ["head and neck SCC", "H+N SCC"],
}
STAGE = [
    "{t} {n} {m}",
    "{c}{t}, {c}{n}, {c}{m}",
    "{c}{t}{n}{m} (TNM8)",
    "{t}{n}{m}",
    "staged radiologically as {t} {n} {m}{not postop}",
    "TNM: {c}{t} {c}{n}",
    "{t} and {n}",
]
TN = ["{t}{n}{m}", "{c}{t} {c}{n}", "{t} {n}", "{c}{t}{n}"]
HPV = {
    "": [""],
    "hpv_positive": [", p16 and HPV ISH positive", " (p16 +ve)", ", HPV driven"],
    "hpv_negative": [", p16 -ve", " (HPV negative)"],
}
COMPLAINT = {
    "": [
        "a {num 2 8} month history of sore throat",
        "food sticking and loss of {num 5 12} kg",
        "a feeling of something in the throat with {near} earache",
        "discomfort on swallowing hot drinks",
        "snoring reported by {his} spouse and, for years, {other} ear wax trouble",
    ],
    "larynx": ["a croaky voice for {num 6 20} weeks", "persistent dysphonia", "losing {his} voice on the phone"],
    "nasopharynx": [
        "{near} glue ear",
        "crusting, epistaxis and a nasal voice",
        "nasal blockage, with a {other} perforated eardrum that dates from childhood",
    ],
    "salivary gland": [
        "a pea-sized lump that had been watched for two years",
        "an enlarging lump noticed by {his} barber{only male parotid}",
        "a firm lump below the jaw{only submandibular_gland}",
    ],
    "sinonasal": [
        "a bloody nasal discharge",
        "cheek numbness and nasal blockage",
        "watering of the eye and a blocked nose",
    ],
    "thyroid": ["a goitre with rapid recent growth", "a neck swelling that moved on swallowing"],
    "unknown primary": ["a neck lump present since {month}", "a cystic neck lump first thought to be a branchial cyst"],
    "oral cavity": [
        "a mouth ulcer spotted by the dental hygienist",
        "a sore mouth and loss of appetite",
        "an ulcer, and toothache on the {other} which settled after an extraction",
    ],
}
LESION = {
    "sized": [
        "On examination there was a {size_mm} mm firm tumour.",
        "MRI shows a {size} cm tumour.",
        "The tumour is {size_mm} mm on MRI, well away from the {opposite} side.",
        "At EUA an indurated {size} cm tumour which spared the {opposite} side.",
        "Palpable {size} cm tumour, mobile.",
    ],
    "mobile": ["Nasendoscopy: cords moving well.", "On FNE both cords moved symmetrically.", "Cord movement full."],
    "sluggish": [
        "On FNE the affected cord moved but slowly.",
        "Nasendoscopy: reduced movement of the involved cord; the {opposite} one is healthy.",
        "Some restriction of cord movement, not fixed.",
    ],
    "fixed": [
        "On FNE a fixed cord.",
        "The cord is paralysed by tumour and the airway narrowed; {opposite} cord abducts well.",
    ],
    "cartilage": ["CT confirms thyroid cartilage destruction.", "There is full-thickness cartilage invasion on CT."],
    "nasopharynx": [
        "MRI shows a post-nasal space mass of intermediate T2 signal.",
        "FNE: tumour in the post-nasal space, {opposite} Eustachian cushion uninvolved.",
        "The post-nasal space tumour bled on biopsy.",
    ],
    "sinonasal": [
        "CT shows a soft tissue mass with erosion of bone.{not T1}",
        "Endoscopy: polypoid tumour; {opposite} nostril clear.",
        "MRI: solid tumour with trapped secretions.",
    ],
    "thyroid": ["Ultrasound U5 mass.", "CT: heterogeneous mass displacing the trachea."],
    "unknown primary": [
        "EUA, tongue base mucosectomy and tonsillectomy yielded no primary.",
        "PET-CT and blind biopsies were unhelpful.",
    ],
    "postop": [
        "{^he} had surgery on {day} {month}; [margins close at {num 1 4} mm|margins clear|perineural spread reported].",
        "Excised and reconstructed; histology shows [vascular|perineural] invasion.",
        "Resection went well. {^other} radial forearm donor site healed.",
        "Post-operative recovery complicated by a chyle leak, now dry.",
    ],
    "": ["A large ulcerating tumour.", "Obvious tumour on inspection."],
}
NODES = {
    "none": ["The neck was normal to palpation.", "No neck nodes on ultrasound or MRI.", "Node negative on imaging."],
    "unassessed": ["The neck has not been imaged adequately and nodes cannot be staged."],
    "single": [
        "A {node_mm} mm node is present in the {near} neck.",
        "One {near} sided neck node of {node_size} cm (FNA positive).",
        "FNA of a {node_size} cm {near} neck node is positive; no nodes on the {clear}.",
    ],
    "multiple": [
        "Multiple nodes in the {near} neck, levels 2a-4, up to {node_mm} mm.",
        "At least four {near} sided nodes, the biggest {node_size} cm.",
        "{^near} sided nodes (levels 2, 3) to {node_mm} mm; the {clear} neck looks normal.",
    ],
    "large": [
        "A {node_size} cm nodal mass fills the {near} neck.",
        "Huge {near} neck node ({node_mm} mm), none on the {clear}.",
    ],
    "extranodal": [
        "{^near} neck nodal mass invading sternomastoid with skin involvement.",
        "Clinical extracapsular spread in the {near} neck.",
    ],
    "bilateral": ["There are nodes in both sides of the neck, up to {node_mm} mm.", "Bilateral neck nodes on MRI."],
    "contralateral": [
        "Oddly the only node is in the {opposite} neck, opposite to the tumour ({node_mm} mm).",
        "There is a contralateral ({opposite}) neck node of {node_size} cm and none on the tumour side.",
    ],
    "postop none": [
        "Neck dissection: all {taken_out} nodes clear.",
        "None of the {taken_out} nodes removed contained tumour.",
    ],
    "postop bilateral": [
        "Bilateral neck dissections contained {positive} involved nodes out of {taken_out}, some on each side."
    ],
    "postop contralateral": ["Of {taken_out} nodes {positive} were involved, all contralateral ({opposite})."],
    "postop": [
        "{^near} neck dissection with {positive} involved out of {taken_out} nodes.",
        "{positive} of {taken_out} nodes contained tumour in the {near} neck[, no ECS|].",
        "{^near} selective neck dissection {positive}/{taken_out} involved; {clear} side {num 8 16} nodes, all clear.",
    ],
}
SPREAD = {
    "": ["Chest CT unremarkable.", "Nothing distant on staging."],
    "M1": ["Unfortunately there are lung metastases.", "CT thorax shows metastatic deposits."],
    "MX": ["CT thorax awaited."],
}
INTENT = {
    "radical": ["radical", "primary radical"],
    "postop": ["post-operative", "adjuvant post-op"],
    "palliative": ["palliative", "short course palliative"],
}
CHEMO = {
    "radical": [
        "with cisplatin 100mg/m2 days 1 and 22",
        "with carboplatin AUC 1.5 weekly",
        "with no chemotherapy in view of {his} age",
        "as chemoradiation",
    ],
    "postop": ["with no chemotherapy", "as radiation alone"],
    "palliative": ["to help with pain and bleeding", "with best supportive care"],
    "early": ["with no chemotherapy", "on its own"],
}
NECKS = {
    "": ["prophylactic areas", "the low dose volume"],
    "near": ["the {near} neck nodes at risk", "prophylactic {near} neck"],
    "bilateral": ["both sides of neck", "prophylactic neck on both sides"],
    "none": ["neck nodes"],
}
NECK = {
    "": [""],
    "near": [
        "I will treat one side of the neck only, the {near}.",
        "Neck to be irradiated on the {near} side alone.",
        "{^near} sided neck radiotherapy; the {clear} neck is not in the field.",
        "Unilateral neck treatment ({near}).",
    ],
    "bilateral": [
        "Both sides of the neck will be irradiated.",
        "Neck to be irradiated on both sides.",
        "Bilateral nodal irradiation.",
    ],
    "none": [
        "I shall not be irradiating the neck.",
        "Neck not to be irradiated.",
        "Larynx only, no nodal volume.{only larynx}",
    ],
}
NK = {
    "": [""],
    "near": ["neck on the {near} alone", "unilateral {near} neck"],
    "bilateral": ["both sides of neck", "bilateral nodes"],
    "none": ["leave neck untreated", "no nodal treatment"],
}
DOSE = {
    "0": ["Dose to be confirmed at the planning meeting.", "I have not yet decided on the fractionation."],
    "1": [
        "The dose will be {d1}Gy in {fx} fractions.",
        "{d1} Gy in {fx} fractions{not palliative}.",
        "I will give {d1} Gy, {per_fraction} Gy per day, {fx} fractions.",
    ],
    "2": [
        "The dose will be {d1}Gy to the tumour volume with {d2}Gy to {necks}, all in {fx} fractions.",
        "{d1} Gy and {d2} Gy in {fx} fractions over {weeks} weeks.",
        "I will give {d1}Gy/{fx}# with {d2}Gy/{fx}# to {necks}.",
        "High dose {d1} Gy, prophylactic dose {d2} Gy.",
    ],
    "3": [
        "The dose will be {d1}Gy to the tumour volume, {d2}Gy to the intermediate volume and {d3}Gy to {necks}, in {fx} fractions.",
        "{d1} Gy, {d2} Gy and {d3} Gy in {fx} fractions over {weeks} weeks.",
        "High dose {d1} Gy, intermediate {d2} Gy, prophylactic {d3} Gy, {fx} fractions.",
    ],
}
RX = {
    "0": ["dose tbc"],
    "1": ["{d1}Gy/{fx}# once daily", "{d1} Gy {fx} fractions", "{fx}# to {d1}Gy"],
    "2": ["{d1}Gy + {d2}Gy/{fx}#", "{d1} and {d2} Gy, {fx}#", "PTV1 {d1}Gy PTV2 {d2}Gy /{fx}#"],
    "3": [
        "{d1}Gy + {d2}Gy + {d3}Gy/{fx}#",
        "{d1}, {d2} and {d3} Gy, {fx}#",
        "PTV1 {d1}Gy PTV2 {d2}Gy PTV3 {d3}Gy /{fx}#",
    ],
}
HISTORY = [
    "ischaemic heart disease with a stent",
    "COPD (FEV1 {num 48 70}% predicted)",
    "type 2 diabetes on metformin",
    "polymyalgia on prednisolone 5 mg",
    "{other} hip replacement in {num 2008 2019}",
    "{other} mastectomy and chest wall radiotherapy (40 Gy in 15 fractions) in {num 2007 2016}{only female}",
    "prostate cancer, 60 Gy in 20 fractions, {num 2014 2018}{only male}",
    "a TIA affecting the {other} arm",
    "{other} nephrectomy for a benign cyst",
    "{other} ankle fixation after a rugby injury{only male}",
    "basal cell carcinoma of the {other} forehead treated with 45 Gy in 10 fractions",
    "bowel cancer (pT3 N0) resected in {num 2005 2015}",
    "a fall with fracture of the {other} clavicle",
    "mild asthma and eczema",
    "L3 laminectomy",
    "osteoarthritis of the {other} knee",
    "alcohol-related liver disease, abstinent since {num 2010 2018}",
    "well controlled epilepsy",
]
SOCIAL = [
    "{^he} lives with {his} partner and is independent.",
    "Ex-smoker of {num 20 50} pack years.",
    "A retired [publican|shearer|schoolteacher|bus driver].",
    "{^he} has never smoked and drinks {num 4 20} units a week.",
    "Lives alone, sister nearby.",
]
OAR = [
    "Cord PRV 46 Gy, brainstem PRV 55 Gy.",
    "Aim for a mean of under 24 Gy to the {opposite} parotid.",
    "{^other} cochlea under 40 Gy mean please.",
    "Please spare the constrictors as per DARS.",
    "Usual cord tolerance 46 Gy.",
    "Mandible under 70 Gy, lips as low as possible.",
    "Larynx mean 40 Gy if possible.{not larynx hypopharynx}",
    "{^opposite} submandibular gland sparing, mean 35 Gy.{not submandibular_gland}",
]
IMAGING = [
    "PET-CT SUVmax {dec 6 21}{not unknown_primary postop}.",
    "A {other} adrenal nodule is a benign adenoma.",
    "The query about a {other} recurrent nerve palsy was not borne out on FNE.",
    "OPG shows poor dentition.",
    "Slides reviewed by our own pathologist.",
    "Swallow assessment booked.",
    "Ultrasound of the liver normal.",
    "An MRI of the {other} shoulder last year has no bearing on this.",
    "Incidental {other} renal cyst.",
    "Degenerative change at C4/5.",
    "The {other} pleural plaque is old.",
    "T1 fat-saturated post-contrast sequences degraded by movement.",
]

LAYOUTS = [
    Layout(
        "headed letter",
        """{hospital}
Clinic: {date}    Typed: {day}/{month_number}/{year}
Dear Colleague

{given} {surname}, {age} years

DIAGNOSIS
{^disease}{hpv}
STAGE
{stage}
OTHER CONDITIONS
{^history}
{^history}
MANAGEMENT
{^intent} radiotherapy {chemo}

I reviewed this {gentleman} today. {^he} gave {complaint} as the first symptom. {lesion} {nodes} {imaging} {social} {dose} {neck}

Yours sincerely
{doctor}""",
    ),
    Layout(
        "MDT outcome",
        """Head & Neck MDT outcome form, {hospital}, {date}
Patient: {surname}, {given} ({age}{sex})
Consultant: {doctor}
Site/histology: {dx}
TNM: {tn}
Imaging review: {nodes} {imaging}
Fitness: PS {num 0 2}. {^history}.
Outcome: {intent} RT {chemo}. {neck}
Dose: {rx}
Keyworker informed.""",
    ),
    Layout(
        "registrar entry",
        """ST5 Clin Onc {date}
D/W {doctor}. {age} {male}, {dx}, {tn}{hpv}
PC {complaint}
PMH {history}, {history}
O/E {nodes}
{lesion}
Imp: for {intent} RT {chemo}
Plan 1) mask + CT 2) {rx} {nk} 3) dietitian, SLT
[{oar}|Consented.]""",
        "L",
    ),
    Layout(
        "colleague e-mail",
        """Subject: {surname}
Hi {doctor},
Quick one about {mr} {surname}, {age}. {^disease}{hpv}; we have called it {stage}. {nodes} {lesion} {^he} also has {history}. I was going to go for {intent} RT, {rx}. {neck} {imaging} Happy with that? {oar}
Best wishes
{doctor}""",
    ),
    Layout(
        "after theatre",
        """Referral from theatre list, {date}
This {age} year old {man} came with {complaint}. I took {him} to theatre for panendoscopy and biopsy. {lesion} {nodes} Histology has come back as {histology}. Site: {primary}{hpv}. The MDT staging is {stage}. {imaging} Past history of {history}. {social} We would be glad if you would consider {intent} radiotherapy {chemo}. {neck} {dose}
{doctor}, {hospital}""",
    ),
    Layout(
        "Irish GP letter",
        """{hospital}
Re: {mr} {given} {surname}
Dear Doctor,
Many thanks for your ongoing care of this {age} year old {gentleman} who has been diagnosed with {disease}{hpv} ({stage}). You will recall {he} attended you with {complaint}. {^his} background includes {history} and {history}. On examination: {nodes} {lesion}
We went through {intent} radiotherapy {chemo} at length. {dose} {neck} {^he} will start in about {num 2 4} weeks.
Kind regards,
{doctor}""",
    ),
    Layout(
        "Australian consult",
        """{date}. {hospital}. New patient.
Summary
* {age}yo {male}
* {^dx}{hpv}, {stage}
* {nodes}
* {lesion}
* Comorbidities: {history}; {history}
* {imaging}
* {social}
Recommendation
* {^intent} RT {chemo}, {rx}
* {neck}
* {oar}
{doctor}, FRANZCR""",
        "(L)",
    ),
    Layout(
        "New Zealand first assessment",
        """FIRST SPECIALIST ASSESSMENT: {given} {surname}
Referred by {doctor}. {^he} is {age}.
Problem list: 1. {^disease} - {stage} 2. {^history} 3. {^history}
Narrative: {complaint}. {lesion} {nodes} {spread}
Proposal: {intent} radiation treatment {chemo}. {dose} {neck}
{oar}""",
    ),
    Layout(
        "booking sheet",
        """RADIOTHERAPY BOOKING
Name: {given} {surname}  Age: {age}
Diagnosis: {dx}
Stage: {stage}
Intent: {intent}
Immobilisation: shell, mouth bite if tolerated
Dose/fractionation: {rx}
Nodes to treat: {nk}
Notes for planning: {oar} {imaging}
Implants or previous RT: {history}
Booked by: {doctor}""",
        "Lt",
        "upper",
    ),
    Layout(
        "planning peer review",
        """Contour peer review, {date}. Case {num 1 9}: {surname} ({age}{sex}).
{^dx}, {tn}{hpv}. {^intent}. {nodes}
Volumes: [as submitted|CTV trimmed from air]. {neck} {dose}
Discussion: {oar} Previous history of {history}. Approved.""",
        "L",
    ),
    Layout(
        "telephone clinic",
        """tel clinic {date}, {doctor}
spoke to {mr} {surname} ({age}). knows about the {disease}, {stage}. asked about {history}. {nodes} {lesion} agreed to {intent} radiotherapy {chemo}. {dose} {neck} {imaging} will ring back with mask date.""",
        "full",
        "lower",
    ),
    Layout("list line", "{surname} {age}{sex} | {dx} {tn}{hpv} | {intent} RT {rx} {nk} | {history} | {imaging}", "L"),
]
