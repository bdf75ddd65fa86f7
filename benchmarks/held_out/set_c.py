"""Set C: layouts, phrases and names of its own."""

# ruff: noqa: E501

from held_out.filling import Layout

SEED = 3307

GIVEN = {
    "male": ["Ramasubbu", "Vikrant", "Suresh", "Jagdeep", "Wei-Ming", "Faisal", "Thanakrit", "Arjunan"],
    "female": ["Lakshmipriya", "Sunita", "Mei-Hua", "Rukmini", "Nasreen", "Siew-Lan", "Padmaja"],
}
SURNAMES = [
    "Chidambaresan",
    "Bhattarao",
    "Lim-Ong",
    "Deshwari",
    "Goh",
    "Palanivelan",
    "Rathorey",
    "Siddhartan",
    "Tan-Keong",
    "Wijesekaran",
]
DOCTOR = ["Dr. K. Venugopalan", "Dr. Tan Boon Hwee", "Dr. Shalini Krishnappa", "Dr. Farooqi", "Prof. Lau Wing Chi"]
HOSPITAL = [
    "Vasantham Cancer Institute",
    "Sri Meenal Government Hospital",
    "Harbour Road Medical Centre",
    "Tampinara General Hospital",
    "Jyothi Oncology Trust",
]
DATE = ["{day}.{month_number}.{year}", "{day}-{month_number}-{year}", "{month} {year}"]

PRIMARY = {
    "tonsil": {
        "sided": ["{side} tonsil", "oropharynx - {side} tonsil", "{side} tonsillolingual region"],
        "bilateral": ["tonsils on both sides"],
        "unsaid": ["oropharynx", "tonsil"],
    },
    "base of tongue": {
        "sided": ["{side} base tongue", "base of tongue, {side} half,", "oropharynx - {side} BOT"],
        "midline": ["base of tongue, vallecular midline,", "midline of base of tongue"],
        "unsaid": ["base of tongue"],
    },
    "soft palate": {
        "sided": ["{side} side of soft palate", "soft palate {side}"],
        "midline": ["central soft palate with uvula, midline lesion,"],
        "unsaid": ["soft palate"],
    },
    "nasopharynx": {
        "sided": [
            "nasopharynx ({side} FOR)",
            "nasopharynx with epicentre at the {side} fossa of Rosenmuller",
            "{side} lateral nasopharyngeal wall",
        ],
        "midline": ["nasopharyngeal roof in midline"],
        "bilateral": ["nasopharynx, bilateral walls"],
        "unsaid": ["nasopharynx"],
    },
    "pyriform sinus": ["{side} PFS (pyriform sinus)", "{side} pyriform sinus", "pyriform sinus on {side} side"],
    "postcricoid": {"midline": ["post cricoid, midline"], "unsaid": ["post-cricoid region", "postcricoid hypopharynx"]},
    "glottis": {
        "sided": ["{side} true vocal cord", "glottic larynx {side} cord", "{side} TVC (glottis)"],
        "bilateral": ["bilateral vocal cords", "larynx, glottis, bilateral"],
        "unsaid": ["glottis", "larynx"],
    },
    "supraglottis": {
        "sided": ["{side} AE fold (supraglottis)", "supraglottis {side} side", "{side} false vocal cord"],
        "midline": ["midline epiglottis"],
        "unsaid": ["supraglottis"],
    },
    "oral tongue": [
        "{side} lateral border of tongue",
        "oral tongue - {side} border",
        "{side} anterior two-thirds of the tongue",
    ],
    "floor of mouth": {
        "sided": ["{side} floor of mouth", "floor of mouth ({side})"],
        "midline": ["floor of mouth, central, midline"],
    },
    "buccal mucosa": [
        "{side} buccal mucosa",
        "{side} gingivobuccal sulcus and buccal mucosa",
        "{side} BM (buccal mucosa)",
    ],
    "retromolar trigone": ["{side} retromolar trigone", "{side} RMT and adjacent buccal mucosa"],
    "parotid": ["{side} parotid gland", "{side} parotid"],
    "submandibular gland": ["{side} submandibular gland (salivary)"],
    "maxillary sinus": ["{side} maxilla (maxillary sinus)", "{side} maxillary sinus"],
    "nasal cavity": {
        "sided": ["{side} nasal cavity and ethmoids", "{side} ethmoid sinus"],
        "unsaid": ["nasal cavity", "sinonasal region"],
    },
    "thyroid": {
        "sided": ["{side} lobe thyroid", "thyroid gland {side} lobe"],
        "bilateral": ["thyroid, bilateral lobes"],
        "unsaid": ["thyroid"],
    },
    "unknown primary": ["unknown primary", "carcinoma of unknown primary (CUP)"],
    "unstated": ["head & neck"],
}
HISTOLOGY = {
    "": ["MDSCC", "WDSCC", "squamous cell ca", "carcinoma (biopsy: squamous)"],
    "nasopharynx": ["undifferentiated NPC", "keratinising-negative carcinoma, EBV DNA {num 200 9000} copies/ml,"],
    "salivary gland": ["mucoepidermoid ca high grade", "adenoid cystic ca"],
    "maxillary sinus": ["squamous cell ca"],
    "nasal cavity": ["esthesioneuroblastoma", "poorly diff carcinoma"],
    "thyroid": ["papillary ca", "medullary ca"],
}
DISEASE = {
    "": ["Ca {primary} ({histology})", "{histology} - {primary}", "carcinoma {primary}, {histology}"],
    "unknown primary": [
        "secondaries neck with unknown primary, squamous",
        "metastatic SCC of {near} neck nodes, primary unknown{not bilateral}",
    ],
    "unstated": ["squamous cell ca head & neck, primary subsite to be documented"],
}
DX = {
    "": ["Ca {primary}", "k/c/o Ca {primary}"],
    "unknown primary": ["MUO / unknown primary neck secondaries", "unknown primary with neck nodes"],
    "unstated": ["HNSCC"],
}
STAGE = [
    "{c}{t}{n}{m}",
    "{c}{t} {c}{n} c{m}",
    "{t_} {n_} {m_}",
    "TNM {t} {n} {m}",
    "stage {t}, {n}",
    "{c}{t}-{n}-{m}",
    "T: {t}, N: {n}, M: {m}",
]
TN = ["{c}{t}{n}{m}", "{c}{t}{n}", "{t}{n}{m}", "{t} {n}"]
HPV = {
    "": [""],
    "hpv_positive": [", p16 IHC positive", ", P16+"],
    "hpv_negative": [", p16 IHC negative", ", p16 not overexpressed"],
}
COMPLAINT = {
    "": [
        "difficulty in swallowing since {num 2 8} months",
        "burning sensation on taking spicy food",
        "throat pain radiating to {near} ear",
        "foreign body sensation; also c/o {other} knee pain",
    ],
    "larynx": ["change of voice since {num 2 10} months", "hoarse voice, teacher by profession"],
    "nasopharynx": [
        "blood stained post-nasal drip",
        "neck swelling and nasal twang",
        "{near} conductive deafness",
        "headache; {other} eye cataract operated last year",
    ],
    "salivary gland": ["swelling over the face since {num 1 4} years with recent rapid growth"],
    "sinonasal": ["cheek swelling and watering of eye", "nasal bleed on and off"],
    "thyroid": ["swelling in front of the neck moving with deglutition"],
    "unknown primary": ["neck swelling since {num 2 6} months"],
    "oral cavity": [
        "non healing ulcer in the mouth since {num 2 8} months",
        "restricted mouth opening",
        "mouth ulcer; was given tooth extraction on the {other} by a local practitioner without relief",
    ],
}
LESION = {
    "sized": [
        "L/E: ulceroproliferative growth {size} cm[, not crossing midline{only sided}|, not crossing to {opposite}|].",
        "Growth of {size} x {dec 1 2} cm seen[; opposite ({opposite}) side NAD|].",
        "CECT: heterogeneously enhancing lesion {size_mm} mm.",
    ],
    "mobile": ["VLS: B/L cords mobile."],
    "sluggish": ["VLS: restricted mobility.", "VLS: restricted mobility, {opposite} cord mobile."],
    "fixed": ["VLS: cord fixed.", "VLS: fixed hemilarynx; {opposite} hemilarynx normal."],
    "cartilage": ["CECT: thyroid cartilage lysis with extralaryngeal spread."],
    "nasopharynx": ["MRI: T2 hyperintense soft tissue in nasopharynx.", "Endoscopy: growth seen; {opposite} FOR free."],
    "sinonasal": [
        "CECT PNS: soft tissue mass[ with bony erosion{not T1}|].",
        "DNE: fleshy mass, {opposite} side normal.",
    ],
    "thyroid": ["USG: TIRADS 5 nodule."],
    "unknown primary": ["DL scopy and blind biopsies negative.", "PET-CT no primary identified."],
    "postop": [
        "HPE: margins free, closest {num 2 6} mm, DOI {num 6 14} mm.{only oral_cavity}",
        "HPE: PNI +, LVI -, all margins free.",
        "Op done {num 4 7} weeks back, {other} ALT/PMMC flap healthy.",
    ],
    "": ["Growth present, bleeds on touch."],
}
NODES = {
    "none": ["No palpable cervical LN.", "Neck - NAD.", "B/L neck: no significant nodes."],
    "unassessed": ["Neck could not be assessed (previous surgery and scarring)."],
    "single": [
        "{^near} level II LN {node_size} cm, mobile.",
        "Single {near} LN {node_size} x 1 cm; [{clear} neck node negative|firm].",
    ],
    "multiple": [
        "Multiple {near} level II, III LNs, largest {node_size} cm.",
        "{^near} level IB-III nodes up to {node_size} cm, {clear} neck - no nodes.",
    ],
    "large": ["{^near} neck nodal mass {node_size} cm, restricted mobility."],
    "extranodal": ["{^near} level II-III node fixed to skin, ENE+ on imaging."],
    "bilateral": ["B/L level II nodes, largest {node_size} cm.", "Bilateral cervical LNs, necrotic."],
    "contralateral": ["C/L ({opposite}) level II LN {node_size} cm, none on the same side."],
    "postop none": ["Nodes 0/{taken_out}."],
    "postop bilateral": ["Nodes: B/L positive, {positive}/{taken_out}, ENE -."],
    "postop contralateral": ["Nodes {positive}/{taken_out}, positive only on the {opposite}."],
    "postop": [
        "Nodes {positive}/{taken_out} from {near} MND, ENE -.",
        "{^near} MRND: {positive} out of {taken_out} nodes +ve[, {clear} SOHND 0/{num 9 15}|].",
    ],
}
SPREAD = {
    "": ["NCCT thorax - no mets.", "No e/o distant mets."],
    "M1": ["Lung mets +.", "Multiple skeletal mets on PET-CT."],
    "MX": ["NCCT thorax awaited."],
}
INTENT = {"radical": ["radical"], "postop": ["adjuvant"], "palliative": ["palliative"]}
CHEMO = {
    "radical": [
        "with conc CDDP 40 mg/m2 weekly",
        "with three-weekly CDDP 100 mg/m2",
        "alone (creatinine {dec 1 2}, not for CDDP)",
    ],
    "postop": ["alone", "only, no chemotherapy"],
    "palliative": ["for pain and bleeding"],
    "early": ["alone"],
}
NECKS = {
    "": ["node negative regions", "elective nodal stations"],
    "near": ["{near} sided neck"],
    "bilateral": ["B/L neck", "bilateral neck nodes"],
    "none": ["neck"],
}
NECK = {
    "": [""],
    "near": ["Only {near} neck to be treated[, {clear} neck to be spared|].", "I/L neck ({near}) to be included."],
    "bilateral": ["B/L neck to be included.", "Both side neck to be treated."],
    "none": ["Neck nodes not to be treated.", "No neck node irradiation required."],
}
NK = {"": [""], "near": ["I/L neck ({near})"], "bilateral": ["B/L neck"], "none": ["neck not treated"]}
DOSE = {
    "0": ["Dose to be decided in planning meeting.", "Dose prescription after contouring."],
    "1": ["Planned {d1} Gy/{fx} #/{weeks} weeks.", "{d1} Gy in {fx} fractions @ {per_fraction} Gy/fraction."],
    "2": [
        "PTV_high and PTV_low: {d1} Gy and {d2} Gy in {fx} fractions by SIB-IMRT.",
        "{d2} Gy to {necks} and {d1} Gy to high risk region, {fx} #.",
        "High risk PTV {d1} Gy; low risk PTV {d2} Gy; {fx} #, 5 #/week.",
    ],
    "3": [
        "HR-PTV {d1} Gy, IR-PTV {d2} Gy, LR-PTV {d3} Gy in {fx} #.",
        "{d3} Gy to {necks}, {d2} Gy to intermediate risk and {d1} Gy to GTV with margin, {fx} fractions VMAT.{not postop}",
        "{d1}, {d2} & {d3} Gy in {fx} fractions by SIB.",
    ],
}
RX = {
    "0": ["dose - TBD"],
    "1": ["{d1} Gy/{fx}#"],
    "2": ["{d1}/{d2} Gy/{fx}#", "{d1} & {d2} Gy, {fx} #"],
    "3": ["{d1}/{d2}/{d3} Gy/{fx}#", "{d1}, {d2}, {d3} Gy - {fx} #"],
}
CGY = {
    "0": ["Dose: to be decided."],
    "1": ["{c1} cGy/{fx} #/{per_fraction} Gy per #"],
    "2": ["{c1} cGy (HR) and {c2} cGy (LR) in {fx} #"],
    "3": ["{c1} cGy, {c2} cGy and {c3} cGy in {fx} # SIB"],
}
HISTORY = [
    "T2DM on OHA",
    "old pulmonary TB, {other} upper lobe fibrosis",
    "HTN on amlodipine",
    "hypothyroid on eltroxin",
    "{other} femur fracture, nailed in {num 2002 2018}",
    "carcinoma {other} breast, MRM and RT 50 Gy/25# in {num 2006 2018}{only female}",
    "post PTCA status",
    "D12/L1 disc prolapse",
    "{other} renal calculus",
    "hernioplasty {other} side in {num 2001 2019}",
    "HBsAg reactive",
    "RT for cancer cervix, 46 Gy/23# with brachytherapy, in {num 2005 2015}{only female}",
]
SOCIAL = ["Tobacco chewer x {num 10 35} yrs.", "Bidi smoker.", "No habits.", "Betel quid user, stopped."]
FAMILY = ["Father - ca larynx.", "No family h/o malignancy.", "Mother had ca thyroid."]
OAR = [
    "Cord Dmax 45 Gy, brainstem Dmax 54 Gy.",
    "{^other} parotid Dmean <26 Gy.",
    "Parotids Dmean 26 Gy as far as possible.",
    "PRV cord 50 Gy.",
]
IMAGING = [
    "PET-CT: SUVmax {dec 8 21} at primary.{not postop unknown_primary}",
    "MRI (T1, T2, STIR) reviewed.",
    "?{other} recurrent laryngeal nerve palsy - ruled out.",
    "OPG and dental clearance done.",
    "UGIE normal.",
    "Calcified granuloma {other} lung apex.",
]

LAYOUTS = [
    Layout(
        "case sheet",
        """{hospital}
DEPT OF RADIATION ONCOLOGY - OP CASE SHEET {date}
Name: {given} {surname}   {age} yrs / {sex}
C/O: {complaint}
H/O: {history}; {history}. {social} {family}
{lesion} {nodes}
Imaging: {imaging} {spread}
Diagnosis: {disease}{hpv} - {stage}
Advice: {intent} RT {chemo}. {dose} {neck}
{doctor}""",
    ),
    Layout("resident", "{age}/{sex} {dx} {tn}, {nodes} Plan - {intent} RT {rx} {nk}", "Lt"),
    Layout(
        "joint clinic",
        """JOINT CLINIC (Surg/RO/MO) {date}
Pt {surname} {age}{sex}. {disease}, {stage}.
Discussed: {nodes} {imaging}
K/c/o {history}.
Decision: {intent} RT {chemo}
Dose: {rx}
Neck: {neck}
Members: {doctor}, {doctor}""",
        "Lt",
    ),
    Layout(
        "discharge",
        """DISCHARGE SUMMARY. Mr./Ms. {given} {surname}, {age} years, was admitted under {doctor} with {complaint}. Evaluation showed {disease}{hpv}. {lesion} {nodes} Staged {stage}. Known case of {history}. Plan after discharge: {intent} radiotherapy {chemo} at {hospital}. {dose} {neck} {oar}""",
    ),
    Layout(
        "block capitals",
        """{hospital}. PATIENT {given} {surname}, {age}/{sex}. DIAGNOSIS: {disease}. STAGE: {tn}. {lesion} {nodes} H/O {history}. TO START {intent} RADIOTHERAPY. {cgy}. {neck} {oar}""",
        letters="upper",
    ),
    Layout(
        "dashes",
        """- {age} y {male}
- {dx}
- {tn}{hpv}
- {nodes}
- {lesion}
- comorbid: {history}
- {oar}
- RT: {rx} {nk}
- ref by {doctor}""",
        "L",
    ),
    Layout(
        "prescription slip",
        """RT PRESCRIPTION
Site = {primary}
T = {t}
N = {n}
M = {m}
Intent = {intent}
Dose = {cgy}
Neck = {neck}
Tolerance = {oar}
Remarks = {history}""",
        "Lt.",
    ),
    Layout(
        "second opinion",
        """Respected {doctor},
Thank you for seeing {surname}, {age} years, for a second opinion. {^he} is a case of {disease}. {nodes} {imaging} The first centre staged {him} {stage} and offered {intent} radiotherapy {chemo}. {dose} {neck} Of note {he} has {history} and {history}. {family}
With warm regards, {doctor}""",
    ),
    Layout(
        "SOAP short",
        """S- {complaint}. {social}
O- KPS {num 7 9}0. {nodes} {lesion}
A- {dx}; {stage}
P- {intent} RT; {dose} {neck} {oar}""",
        "(L)",
    ),
    Layout(
        "review",
        """Review on {date} by {doctor}: {given} {surname} with {disease}. {imaging} {nodes} Clinical staging {tn}. Past illness: {history}. Agreed for {intent} RT. {dose} {oar}""",
        "Lt",
    ),
]
