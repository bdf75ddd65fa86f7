"""The words a head-and-neck note is made of, as far as its facts are read from them.

Patterns are written for `Shadow.text`: lower case, British or American, "left" and "right" spelled out.
"""

from __future__ import annotations

from collections.abc import Mapping

SITE_PATTERNS: Mapping[str, Mapping[str, str]] = {
    "nasopharynx": {
        "fossa of rosenmueller": r"(?:fossa of |pharyngeal recess|)rosenm(?:ü|ue|u)ller(?:'?s)?(?: fossa)?",
        "nasopharynx": r"nasopharyn(?:x|geal|ges)|rhinopharyn\w+|npc|npx|post-?nasal space|torus tubarius",
    },
    "oropharynx": {
        "base of tongue": r"(?:base|root|posterior third)[- ](?:of[- ])?(?:the[- ])?(?:left |right )?tongue|posterior tongue|tongue[- ]base|bot|lingual tonsil|vallecul\w+",
        "tonsil": r"(?:palatine |peri|glosso-?)?tonsil(?!l?ectom|l?itis|loscop)\w*(?: (?:fossa|pillar|region|bed|sulcus))?|faucial pillar",
        "soft palate": r"soft palate|uvula",
        "oropharynx": r"oro-?pharyn(?:x|geal)|opscc|opc|opx",
    },
    "hypopharynx": {
        "pyriform sinus": r"(?:sinus )?p[yi]riform\w*(?: (?:sinus|fossa|recess|apex)(?:es)?)?|pfs",
        "postcricoid": r"post[- ]?cricoid(?: (?:region|area))?",
        "hypopharynx": r"hypo-?pharyn(?:x|geal)|laryngopharyn(?:x|geal)",
    },
    "larynx": {
        "supraglottis": r"supra-?glott(?:is|ic)|(?<!ary)(?<!ary-)epiglott(?:is|ic)|false (?:vocal )?(?:cord|fold)s?|(?:ventricular|vestibular) (?:band|fold)s?"
        r"|ary-?epiglottic(?: folds?)?|ae folds?|aef|aryten[oa]ids?",
        "glottis": r"(?<!epi)(?<!supra)(?<!sub)(?<!trans)(?<!supra-)(?<!sub-)glott(?:is|ic)|(?:true )?vocal (?:cord|fold)s?"
        r"|true cords?|tvc|anterior commissure",
        "subglottis": r"sub-?glott(?:is|ic)",
        "larynx": r"laryn(?:x|geal)|trans-?glottic|endolarynx",
    },
    "oral cavity": {
        "oral tongue": r"(?:oral|mobile|lateral|ventral|dorsal) tongue|tongue tip|tip of (?:the )?tongue"
        r"|(?:lateral )?(?:border|margin|edge) of (?:the )?(?:left |right )?tongue|tongue(?! base)(?!-base)",
        "floor of mouth": r"floor of (?:the )?mouth|fom",
        "buccal mucosa": r"(?:cheek mucosa \()?buccal(?: mucosa)?|inner cheek|cheek mucosa|mucosa of (?:the )?(?:left |right )?cheek",
        "retromolar trigone": r"retro-?molar(?: (?:trigone|region|area))?|rmt",
        "gingiva": r"gingiv\w+(?: sulcus)?|gb sulcus|(?:upper |lower )?alveol(?:us|ar ridge|ar process)",
        "hard palate": r"hard palate",
        "lip": r"(?:lower |upper )lip",
        "oral cavity": r"oral cavity|oral squamous|oscc|mouth cancer|cancer of the mouth",
    },
    "salivary gland": {
        "parotid gland": r"(?:glandula )?parot(?:id|is)(?: gland| lobe| tail)?|intra-?parotid",
        "submandibular gland": r"submandibular(?: salivary)? gland|submandibular salivary|submandibular(?= -|[).,;]|$)",
        "salivary gland": r"(?:major |minor )?salivary(?: gland)?",
    },
    "sinonasal": {
        "maxillary sinus": r"maxillary(?: (?:sinus|antrum|antral))?|maxilla|antrum",
        "ethmoid sinus": r"ethmoid(?:al|s)?(?: sinus(?:es)?)?",
        "nasal cavity": r"nasal (?:cavity|fossa|septum|vestibule)|olfactory (?:cleft|groove)",
        "sinonasal": r"sino-?nasal|(?:olfactory|esthesio) ?neuroblastoma|paranasal(?: sinus(?:es)?)?|(?:sphenoid|frontal) sinus",
    },
    "thyroid": {"thyroid": r"(?:hemi-?)?thyroid(?! cartilage)(?: gland| lobe)?"},
    "unknown primary": {
        "unknown primary": r"unknown primary|primary unknown|occult primary|cup|(?:carcinoma|cancer) of unknown (?:primary|origin)"
        r"|primary (?:site )?(?:was |is |has |could )?(?:not|never) (?:been )?(?:be )?(?:identified|found|located|seen)"
        r"|no primary (?:site |lesion |tumou?r )?(?:was |has been |could be |is )?(?:identified|found|located|seen|evident)"
    },
}
"""Site -> subsite -> pattern. A site's own name comes last, as the least particular."""

NEEDS_A_TUMOUR = ("salivary gland", "thyroid", "oral cavity")
"""Sites whose names are more often organs at risk, examined, or part of another name."""

TUMOUR = (
    r"carcinomas?|cancers?|ca|scca?|hnscc|scchn|tumou?rs?|neoplasms?|malignan(?:cy|cies|t)|primary|primaries|lesions?|mass|masses|growth"
    r"|ulcers?|ulcerat\w+|adenoid cystic|adenocarcinoma|lymphoepithelioma|melanoma|sarcoma|mucoepidermoid|gtv(?:p|_p|-p)?|disease"
)
NODE = (
    r"necks?|nodes?|nodal|lymph\w*|adenopathy|levels?|cervical|heminecks?|hemi-necks?|jugul\w+|supraclav\w+|retropharyngeal"
    r"|submandibular(?! gland| salivary)|jugulodigastric|ln|lns|lnd|nd|jd|scf|basins?|drainage|ene|conglomerate"
)
UNRELATED = (
    r"polyps?|cysts?|hip|knee|leg|foot|ankle|arm|hands?|handed|wrist|elbow|shoulder|clavicle|humer\w+|femor\w+|femur|tibia|rib|ribs|breast|mastectomy"
    r"|chest|lung|lobectomy|pulmon\w+|pneumon\w+|kidney|renal|nephrectomy|ear|ears|otalgia|hearing|deaf\w*|tympan\w*|mastoid"
    r"|eye|eyes|cataract|vision|ptosis|inguinal|hernia|bundle|bbb|heart|atri\w+|ventric\w+|carotid|subclavian|port|pacemaker|picc|iliac"
    r"|carpal|colon|hemicolectomy|colectomy|adrenal|ovar\w+|testi\w+|orchi\w+|thigh|calf|dvt|sciatica|groin|flank|abdom\w+|basal|brain"
    r"|cerebr\w+|mca|stroke|hemi(?:paresis|plegia)|facial|temple|scalp|forehead|molars?|teeth|tooth|cheek skin|face|jaw pain|buttock"
    r"|rotator|meniscus|acl|heel|toe|finger|thumb|forearm|axilla|psoas|ureter\w*|nasal obstruction|nostril|epistaxis|biceps|tka|tha"
    r"|parietal|occipital|frontal|forefoot|bunion|cochlear|temporal|otitis|effusion|numbness|neuropathy|radius|fibula|achilles|shingles"
)
ORGANS_AT_RISK = (
    r"cord|spinal|brain ?stem|parotids?|mandible|chiasm|optic\w*|cochlea\w*|o?esophagus|larynx|lens|lenses|eyes?|globe|constrictors?"
    r"|plexus|oral cavity|submandibular|brain|lungs?|thyroid|temporal|pituitary|lips?|retina|glottis|oars?|organs? at risk|skin|heart|inner ears?|ears?"
)

NEGATION = (
    r"no|not|nor|without|denies|denied|negative for|free of|absen(?:ce|t)|never|neither|rather than|rule[ds]? out|r/o|excluded?|excludes"
    r"|unlikely|instead of|spar(?:es|ing|ed)|clear of|nil|lack of|does not|did not|cannot|query|\?|declined|avoid\w*|omit\w*"
)
NEGATED_AFTER = (
    r"(?:(?:is|are|was|were|appears?|looks?|remains?|seems?|will|to|be|side|node|nodes|neck|both|all|the|mucosa|fossa|wall)[ ,]+){0,3}[:=(-]? ?"
    r"(?:clear|normal|negative|unremarkable|uninvolved|spared|free of|not involved|not enlarged|nad|n\.a\.d|intact|clinically clear|observed|untreated|omitted|kept alone|not (?:to )?(?:be )?(?:treated|irradiated|covered|included|at risk|in the field)"
    r"|within normal limits|wnl|benign|unaffected|not affected|quiet|symmetric\w*|mobile(?! tongue)|moves? (?:well|normally)|has been excluded"
    r"|(?:is |was |has been )?(?:ruled out|excluded)|tumou?r[- ]free|disease[- ]free|without (?:disease|abnormality|suspicious|lesion)|no (?:significant|palpable|enlarged)"
    r"|(?:showed?|shows|with) no\b|no (?:disease|lesion|mass|abnormal\w+|adenopathy|suspicious))"
)
EXTENSION = (
    r"exten(?:d|ds|ding|sion|ded)|invad\w+|invasion|into|spread\w*|abut\w*|encroach\w*|reach\w*|toward\w*|infiltrat\w+|overl(?:ies|ying)"
    r"|displac\w+|effac\w+|cross\w*|adjacent to|close to|near|up to|down to|onto|spill\w*|track\w*|grow(?:s|ing)? (?:in|through)\w*"
)
HISTORICAL = (
    r"st\.? ?p\.?|previous\w*|prior|history of|hx of|h/o|s/p|status post|(?<!year )(?<!year-)(?<!yr )(?<!yr-)(?<!y-)old|years? ago|yrs? ago|months? ago|remote|childhood|formerly|past|in (?:19|20)\d\d"
    r"|since (?:19|20)\d\d|treated (?:in|for)|resected|former|known (?:breast|prostate|lung)|\(?(?:19|20)\d\d\)?|as a child|back in"
)
PRESENT = (
    r"now|presents?|presenting|current\w*|today|new\w*|diagnos\w+|found to have|recent\w*|biopsy|here for|referred|seen"
)
FAMILY = r"mother|father|brother|sister|family|fhx?|uncle|aunt|grand\w+|cousin|parents?|son|daughter|maternal|paternal|sibling|wife|husband"
OTHER_CANCERS = (
    r"breast|mamma(?:ry)?|bowel|prostate|colorectal|lymphoma|hodgkin\w*|basal cell|bcc|ovarian|testicular|seminoma|dcis|pelvi\w+|endometri\w+|leuk\w+|myeloma"
    r"|(?:colon|rectal|bladder|renal|kidney|lung|skin|cervix|uterine|gastric)(?: \w+)? (?:ca|cancers?|carcinoma|adenocarcinoma|tumou?rs?|rt|radiotherapy)"
)
TREAT = (
    r"treat\w*|irradiat\w+|cover\w*|includ\w+|elective\w*|ctv\w*|ptv\w*|volumes?|radiotherapy|radiation|rt|imrt|vmat|plan\w*|target\w*"
    r"|prophyla\w+|dose\w*|gy|encompass\w*|field\w*|contour\w*|nodal irradiation|eni|prescri\w+|rx|portals?|deliver\w*|take in"
)
INVOLVED = (
    r"palpa\w+|enlarged|positive|fna|biops\w+|metast\w+|adenopathy|measur\w+|necrotic|pet|avid|suv\w*|dissection|swelling|lump|mass|cm|mm|suspicious"
    r"|pain|stiff\w*|exam\w*|bulky|conglomerate|matted|pathological|involved|cystic|ultrasound|excis\w+|solitary|largest|at least|nodal disease|nothing|in levels?|node of|nodes? up to|fixed|tether\w*|overt|bulky|\d+ of \d+|contained"
)

SECTION_NAMES = (
    "Diagnosis",
    "Stage",
    "Imaging impression",
    "Radiation plan",
    "Comorbidities",
    "Prior treatment",
)
"""The paper's parts of a note, and the one it forgets; whatever else a note holds is dropped."""

HEADINGS: Mapping[str, str] = {
    "Diagnosis": r"(?:final |primary |principal |working |oncological? |cancer |histolog\w+ |tissue )?diagnos[ie]s|dx|impression(?! \(imaging)|assessment"
    r"|oncolog\w+ history|presenting (?:complaint|problem)|hpi|history of present(?:ing)? (?:illness|complaint)|present(?:ing)? illness|current illness"
    r"|clinical (?:summary|details|history)|reason for (?:consult\w*|referral|visit)|indication|chief complaint|cc|summary|histology|pathology|path"
    r"|primary(?: (?:site|tumou?r))?|tumou?r(?: (?:site|location|side))?|site(?: of primary)?|side(?: of (?:primary|tumou?r))?|laterality|subsite|origin|problem"
    r"|subjective|s|a|a/p|case|patient summary|presentation|referral|disease",
    "Stage": r"(?:clinical |tnm |ajcc |uicc |pathologic\w* )?stag(?:e|ing)(?: summary)?|tnm(?: class\w*)?|(?:t|n|m)(?:[- ](?:stage|category))?|classification",
    "Imaging impression": r"imaging(?: (?:impression|findings|results|review|studies))?|(?:pet|pet[-/ ]ct|ct|mri|mr|scan|scans|radiology|us|ultrasound)"
    r"(?: (?:neck|head and neck|findings|report|impression|scan))?|investigations?|radiologic\w* (?:findings|impression)",
    "Radiation plan": r"(?:radiation|radiotherapy|rt|treatment|management|dose|oncology|recommended|proposed) ?(?:plan|prescription|intent|planning|details|recommendations?)"
    r"|plans?|recommendations?|prescription|rx|radiation|radiotherapy|treatment|dose(?:s| levels?)?|prescribed doses?|neck(?: (?:coverage|fields?|treatment))?|nod(?:es|al)"
    r" (?:coverage|volumes?|irradiation)|elective (?:nodes|volumes?|neck)|target(?:s| volumes?)?|volumes?|coverage|fractionation|ln|p|rt|outcome|mdt outcome|decision|technique",
    "Comorbidities": r"co-?morbidit(?:y|ies)|(?:past )?medical history|pmhx?|pmh|background|other (?:medical )?(?:history|problems|conditions)|medications?|meds|drug history",
    "Prior treatment": r"prior (?:treatments?|therapy|rt|radiotherapy|surgery|cancer)|previous (?:treatments?|therapy|radiotherapy|surgery|rt|cancer)|past surgical history|psh|"
    r"surgical history|(?:past )?oncolog\w+ treatment|operations?|surgery|treatment history",
    "": r"family (?:history|hx)|fhx?|social (?:history|hx)|shx?|allerg(?:y|ies)|review of systems|ros|(?:physical |clinical |on )?exam(?:ination)?(?: findings)?|o/e|objective|o|"
    r"vitals?|constraints?|oar(?:s| constraints)?|organs at risk|dose constraints|labs?|laborator\w+|consent|toxicit\w+|follow[- ]?up|signed?|signature|cc to|copies to|"
    r"performance status|systemic (?:therapy|treatment)|chemotherapy|concurrent|contacts?|occupation|habits|smoking|comment|dear \w+|re|regards|attendees|present|note",
}
"""Section -> heading pattern; "" for what is dropped."""

SURGERY = (
    r"(?:(?:left|right|bilateral|modified|radical|selective|partial|total|transoral|robotic|hemi|salvage|supraglottic|laser|superficial|wide local) ?)*"
    r"(?:neck dissection|tonsillectomy|laryngectomy|glossectomy|parotidectomy|pharyngectomy|maxillectomy|mandibulectomy|thyroidectomy"
    r"|hemiglossectomy|hemithyroidectomy|laryngopharyngectomy|cordectomy|tors|resection|wide local excision|tracheostomy)"
)

VOCABULARY = (
    *[
        "nasopharynx",
        "nasopharyngeal",
        "oropharynx",
        "oropharyngeal",
        "hypopharynx",
        "hypopharyngeal",
        "larynx",
        "laryngeal",
        "supraglottis",
        "supraglottic",
    ],
    *[
        "glottis",
        "glottic",
        "subglottis",
        "subglottic",
        "epiglottis",
        "epiglottic",
        "tonsil",
        "tonsillar",
        "tonsils",
        "tongue",
        "palate",
        "uvula",
        "vallecula",
        "pyriform",
        "piriform",
    ],
    *[
        "postcricoid",
        "arytenoid",
        "aryepiglottic",
        "rosenmuller",
        "retromolar",
        "trigone",
        "buccal",
        "mucosa",
        "gingiva",
        "alveolar",
        "maxillary",
        "antrum",
        "ethmoid",
    ],
    *[
        "sinonasal",
        "paranasal",
        "parotid",
        "salivary",
        "submandibular",
        "thyroid",
        "unknown",
        "primary",
        "carcinoma",
        "squamous",
        "cancer",
        "tumour",
        "tumor",
        "lesion",
    ],
    *[
        "neoplasm",
        "malignancy",
        "malignant",
        "bilateral",
        "bilaterally",
        "unilateral",
        "ipsilateral",
        "contralateral",
        "midline",
        "central",
        "laterality",
        "sided",
    ],
    *[
        "fractions",
        "fraction",
        "treatment",
        "treated",
        "irradiated",
        "irradiation",
        "radiotherapy",
        "radiation",
        "cervical",
        "lymph",
        "nodes",
        "nodal",
        "elective",
        "coverage",
    ],
    *[
        "involved",
        "involving",
        "extension",
        "extending",
        "extends",
        "crossing",
        "crosses",
        "previous",
        "previously",
        "history",
        "diagnosis",
        "stage",
        "staging",
        "dissection",
    ],
    *[
        "prescription",
        "prescribed",
        "tonsillectomy",
        "laryngectomy",
        "pharyngeal",
        "metastasis",
        "metastatic",
        "negative",
        "positive",
        "without",
        "dose",
        "levels",
    ],
    *["comorbidities", "impression", "imaging", "vocal", "lateral", "including", "covering", "volumes"],
)
"""What a slip of the pen is corrected to. Other ordinary words one slip away from these must stand in KNOWN."""

KNOWN = frozenset(
    [
        "pharynx",
        "pharyngeal",
        "tonsillitis",
        "collateral",
        "unilaterally",
        "ipsilaterally",
        "fractionated",
        "fractional",
        "traction",
        "tractions",
        "faction",
        "factions",
        "illusion",
        "lesions",
        "primarily",
        "staged",
        "stages",
        "staging",
        "states",
        "diagnoses",
        "diagnosed",
        "tumours",
        "tumors",
        "cancers",
        "historian",
        "lateralised",
        "lateralized",
        "medial",
        "posterior",
        "extensive",
        "extended",
        "intention",
        "invasion",
        "vocals",
        "local",
        "locally",
        "voxel",
        "focal",
        "nodules",
        "nodule",
        "lymphatic",
        "lymphoma",
        "doses",
        "levels",
        "lever",
        "clever",
        "never",
        "elected",
        "election",
        "electives",
        "covered",
        "coverages",
        "covers",
        "dental",
        "renal",
        "parental",
        "central",
        "neutral",
        "ventral",
        "hyoid",
        "thyroids",
        "steroid",
        "steroids",
        "typhoid",
        "primaries",
        "malignancies",
        "thyroidectomy",
        "laryngoscopy",
        "parotids",
        "alveolus",
        "alveolitis",
        "treating",
        "treats",
        "radiations",
        "negatives",
        "positives",
        "previous",
        "imagine",
        "imaging",
        "impressions",
        "expression",
        "palatal",
        "palates",
        "plate",
        "plated",
        "epiglottitis",
    ]
)
