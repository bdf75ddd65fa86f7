// The linked panels. This file is the body of a function that Gradio calls once with `element`, `props` and `watch`;
// the other scripts stand before it. Python sends a new value for a new case or a new result, nothing else.

const PRESETS = { soft: [400, 40], bone: [1800, 400], brain: [80, 40], lung: [1500, -600] };
const PANELS = {
  both: ["text", "no-text"],
  text: ["text"],
  "no-text": ["no-text"],
  overlaid: ["overlaid"],
  difference: ["difference"],
  swipe: ["swipe"],
  solid: [],
  edited: ["text", "edited"],
  edit: ["edited"],
};
const MODE_KEYS = {
  b: "both", w: "text", n: "no-text", o: "overlaid", d: "difference", s: "swipe", t: "solid", h: "edited",
};
const BUTTON_KEYS = { r: ".reference", f: ".fill", m: ".measure", u: ".uncertain", 0: ".fit", "?": ".ask" };
const FIRST_CHOSEN = "PTV_High";
const MOST_ZOOM = 12;

class Viewer {
  constructor(root) {
    this.root = root;
    this.grey = new Grey();
    this.arms = new Map();
    this.shown = 0;
    this.files = new Map();
    this.hidden = new Set();
    this.settings = { mode: "both", reference: true, fill: false, uncertain: false, divider: 0.5, window: PRESETS.soft.slice(), metric: "dsc" };
    this.chosen = FIRST_CHOSEN;
    this.enlarged = ""; // the plane of the one view that is shown, and its panel
    this.enlargedIn = "";
    this.difference = null;
    this.pointed = null; // the view under the mouse
    this.ruler = new Ruler();
    this.camera = { zoom: 1, centre: { x: 0, y: 0, z: 0 } };
    this.cursor = { x: 0, y: 0, z: 0 };
    this.views = [...root.querySelectorAll(".views")].flatMap((views) => Object.keys(PLANES).map((plane) => new View(this, views, plane)));
    for (const views of root.querySelectorAll(".views")) views.append(make("p", { className: "absent" }));
    for (const [name, { colour }] of Object.entries(CHANGES)) root.style.setProperty(`--${name}`, colour);
    this.likely = new Likely(this);
    this.strip = new Strip(this);
    this.solid = new Solid(this);
    this.editor = new Editor(this, trigger);
    this.listen();
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  // ---- what Python sends ----

  /** Show a value; files already held are not fetched again, and an older answer never overtakes a newer one. */
  async show(value) {
    if (!value || !value.scene) return;
    // Gradio also calls for an update of anything else on the page; then the value is the one already shown.
    const asked = JSON.stringify([value.scene, Object.values(filesOf(value)).map((file) => file.path)]);
    if (asked === this.asked) return;
    this.asked = asked;
    this.loading?.abort();
    const loading = (this.loading = new AbortController());
    delete this.root.dataset.ready;
    if (value.scene.key !== this.scene?.key) {
      this.root.classList.add("new-case");
      this.say("Opening the case");
    }
    try {
      const fetched = await this.fetchMissing(value, loading.signal);
      if (loading.signal.aborted) return;
      this.adopt(value, fetched);
    } catch (error) {
      if (error.name !== "AbortError") this.say(error.message);
    }
  }

  async fetchMissing(value, signal) {
    const missing = Object.entries(filesOf(value)).filter(([name, file]) => this.files.get(name) !== file.url);
    const buffers = await Promise.all(missing.map(([, file]) => fetchGunzipped(file, signal)));
    return new Map(missing.map(([name], n) => [name, buffers[n]]));
  }

  adopt(value, fetched) {
    const isNewCase = value.scene.key !== this.scene?.key;
    const before = isNewCase ? "" : this.scene.lesson;
    this.scene = value.scene;
    if (fetched.has("ct")) this.ct = new Ct(fetched.get("ct"), this.scene);
    for (const name of this.arms.keys()) if (!(name in value.masks)) this.arms.delete(name);
    this.likely.adopt(fetched.get("likely"), this.scene.likely);
    for (const [name, buffer] of fetched) {
      if (name in value.masks) this.arms.set(name, Arm.read(buffer, this.scene.arms[name].table));
    }
    this.shown += 1;
    this.difference = null;
    this.files = new Map(Object.entries(filesOf(value)).map(([name, file]) => [name, file.url]));
    this.editor.adopted(isNewCase);
    if (isNewCase) this.start();
    this.choose(isNewCase || !this.chosen ? FIRST_CHOSEN : this.chosen);
    if (this.scene.jump) AXES.forEach((axis, n) => (this.cursor[axis] = this.scene.jump[n]));
    if (this.scene.lesson !== before) followLesson(this);
    this.say("");
    this.root.classList.remove("new-case");
    this.fillCaptions();
    this.fillTable();
    this.layout();
    this.draw();
    this.root.dataset.lesson = this.scene.lesson;
    this.root.dataset.case = this.scene.key;
    this.root.dataset.ready = String(this.shown);
  }

  start() {
    for (const [n, axis] of AXES.entries()) this.cursor[axis] = this.scene.start[n];
    this.find(".slices").max = this.ct.size.z - 1;
    this.ruler.clear();
    this.camera.zoom = 0;
    this.fit();
  }

  say(message, where = ".message") {
    setText(this.find(where), message);
  }

  // ---- what is drawn ----

  structures() {
    return this.scene.structures.filter((structure) => !this.hidden.has(structure.name));
  }

  /** The arms a panel draws, the one that matters most last, so that it lies on top. */
  armsOf(panel) {
    const own = { overlaid: ["no-text", "text"], swipe: ["no-text", "text"], difference: ["text"], edited: ["started", "edited"] }[panel] ?? [panel];
    const names = this.settings.reference ? ["reference", ...own] : own;
    return names.filter((name) => this.arms.has(name));
  }

  /** What the note added and removed, as two arms; null unless both contours are there. */
  changes() {
    const [text, second] = [this.arms.get("text"), this.arms.get("no-text")];
    if (!text || !second) return null;
    return (this.difference ??= { added: text.minus(second), removed: second.minus(text) });
  }

  draw() {
    if (!this.ct) return;
    this.grey.set(...this.settings.window);
    for (const view of this.views) if (view.isShown()) view.draw();
    this.expose();
  }

  /** Draw at most once a frame, however many events arrive. */
  redraw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      this.draw();
    });
  }

  /** Facts for tests and for the slider: where we are and what the axial contours look like. */
  expose() {
    const data = this.root.dataset;
    for (const axis of AXES) data[axis] = this.cursor[axis];
    data.mode = this.settings.mode;
    data.window = this.settings.window.join("/");
    data.zoom = this.camera.zoom.toFixed(2);
    for (const name of ["text", "no-text", "reference", "edited"]) {
      const drawn = this.structures().map((s) => this.arms.get(name)?.outline(s.name, "axial", this.cursor.z, this.ct.spacing));
      const key = name === "no-text" ? "contoursNoText" : `contours${capital(name)}`;
      data[key] = drawn.map((line) => (line ? `${line.points}:${line.hash.toString(36)}` : "-")).join(" ");
    }
    data.measured = this.ruler.text();
    this.editor.expose(data);
    data.enlarged = this.enlarged;
    data.chosen = this.chosen;
    data.divider = this.settings.divider.toFixed(2);
    this.strip.place();
  }

  layout() {
    const { mode, window: shown, reference, fill } = this.settings;
    this.arrange();
    for (const button of this.root.querySelectorAll("[data-mode]")) press(button, button.dataset.mode === mode);
    for (const button of this.root.querySelectorAll("[data-preset]")) {
      press(button, PRESETS[button.dataset.preset].join() === shown.join());
    }
    press(this.find(".reference"), reference);
    this.find(".reference").disabled = !this.arms.has("reference");
    press(this.find(".fill"), fill);
    press(this.find(".measure"), this.ruler.isOn);
    this.find(".panels").classList.toggle("measuring", this.ruler.isOn);
    [this.find(".window").value, this.find(".level").value] = shown;
    if (mode === "difference") this.sayChange();
    for (const view of this.views) view.resize();
    this.strip.show();
    this.likely.show();
    this.solid.show();
  }

  /** Which contours there are, as one text; "" for none. */
  contoursOnShow() {
    return this.arms.has("text") || this.arms.has("no-text") ? [this.scene.second, ...this.files.values()].join(" ") : "";
  }

  /** How much of the chosen structure changed, above the difference. */
  sayChange() {
    const changes = this.changes();
    const voxel_ml = AXES.reduce((volume, axis) => volume * this.ct.spacing[axis], 0.001);
    const ml = (kind) => `${(changes[kind].voxels(this.chosen) * voxel_ml).toFixed(1)} ml`;
    const found = changes ? `${this.chosen}: +${ml("added")}, −${ml("removed")}` : "";
    this.say(found, '.panel[data-panel="difference"] .caption');
  }

  /** Show the panels of the mode; of one enlarged view's panel only that view. */
  arrange() {
    const panels = PANELS[this.settings.mode];
    const alone = panels.includes(this.enlargedIn) ? this.enlargedIn : panels[0];
    for (const panel of this.root.querySelectorAll(".panel")) {
      const name = panel.dataset.panel;
      panel.hidden = this.enlarged ? name !== alone : !panels.includes(name);
    }
    for (const views of this.root.querySelectorAll(".views")) views.classList.toggle("one", this.enlarged !== "");
    for (const { box } of this.views) box.hidden = this.enlarged !== "" && box.dataset.plane !== this.enlarged;
  }

  fillCaptions() {
    const second = this.scene.second;
    for (const panel of this.root.querySelectorAll(".panel")) {
      const name = panel.dataset.panel;
      const needed = ["text", "no-text", "edited"].includes(name) ? [name] : ["text", "no-text"];
      const missing = needed.filter((arm) => !this.arms.has(arm));
      const caption = panel.querySelector(".caption");
      caption.textContent = caption.title = this.scene.arms[needed[0]]?.caption ?? "";
      // Overlaid still says something with one contour; what compares two does not.
      const isLacking = name === "overlaid" ? missing.length === 2 : missing.length > 0;
      panel.querySelector(".absent").textContent = isLacking ? this.scene.absent[name] ?? this.scene.absent[missing[0]] ?? "" : "";
    }
    for (const title of this.root.querySelectorAll(".second")) title.textContent = second || "Without the note";
    for (const word of this.root.querySelectorAll("th.without, button.without")) word.textContent = second ? "Other" : "Without";
    this.say(capital(this.words().added), ".added-word");
    this.say(capital(this.words().removed), ".removed-word");
    for (const word of this.root.querySelectorAll(".by-hand-word")) word.textContent = this.scene.lesson ? "Yours" : "Edited";
    this.root.dataset.second = second;
    this.root.classList.toggle("has-edit", this.scene.edit !== null);
    this.fillEdits();
    this.find(".case").textContent = this.scene.label;
  }

  /** Under the table: what was edited, how long that took, and how much line was drawn anew. */
  fillEdits() {
    const rows = this.scene.edit?.rows ?? [];
    this.find(".edits").hidden = !rows.length;
    this.find(".edits tbody").replaceChildren(
      ...rows.map((row) => {
        const line = make("tr");
        line.append(make("th", { scope: "row", textContent: row.name }), ...[row.time, row.apl, row.surface].map((textContent) => make("td", { textContent })));
        return line;
      }),
    );
  }

  /** What the two sides of the difference are called. */
  words() {
    const { second } = this.scene;
    if (!second) return { added: "added by the note", removed: "removed by the note" };
    return { added: "only with the note", removed: `only in “${second}”` };
  }

  // ---- the table of structures and numbers ----

  fillTable() {
    const body = this.find(".numbers tbody");
    body.replaceChildren(...this.scene.structures.map((structure) => this.tableRow(structure)));
    this.find(".metrics").hidden = !this.scene.metrics.length;
    if (this.scene.metrics.length && !this.scene.metrics.includes(this.settings.metric)) this.settings.metric = this.scene.metrics[0];
    for (const button of this.root.querySelectorAll("[data-metric]")) {
      button.hidden = !this.scene.metrics.includes(button.dataset.metric);
      press(button, button.dataset.metric === this.settings.metric);
    }
    this.find(".numbers").dataset.shows = this.settings.metric;
    const foot = this.find(".numbers tfoot");
    foot.replaceChildren(...(this.scene.mean ? [this.meanRow(this.scene.mean)] : []));
    this.find(".caveat").textContent = this.scene.caveat;
  }

  tableRow(structure) {
    const row = make("tr", { className: this.hidden.has(structure.name) ? "off" : "" });
    row.setAttribute("aria-current", String(structure.name === this.chosen));
    const toggle = make("input", { type: "checkbox", checked: !this.hidden.has(structure.name), title: "Show or hide" });
    toggle.dataset.structure = structure.name;
    toggle.setAttribute("aria-label", `Show ${structure.name}`);
    toggle.style.accentColor = structure.colour;
    const swatch = make("i", { className: `swatch ${structure.kind}` });
    swatch.style.borderColor = structure.colour;
    const name = make("button", { className: "go", textContent: structure.name, title: "Go there; the strip below the slices shows its agreement" });
    name.dataset.goto = structure.name;
    const first = make("th", { scope: "row" });
    first.append(toggle, swatch, name);
    row.append(first, ...this.cells(structure.numbers));
    return row;
  }

  meanRow(mean) {
    const row = make("tr");
    row.append(make("th", { scope: "row", textContent: mean.label }), ...this.cells(mean.numbers));
    return row;
  }

  cells(numbers) {
    return ["dsc", "hd95", "ml"].flatMap((metric) =>
      ["text", "no-text", "difference", "edited"].map((column) => {
        const cell = numbers?.[metric]?.[column] ?? { text: "–", tone: "", title: "" };
        return make("td", { className: `${metric} ${column} ${cell.tone}`, textContent: cell.text, title: cell.title });
      }),
    );
  }

  /** The structure that the strip and the difference's caption are about. */
  choose(name) {
    const names = this.scene.structures.map((structure) => structure.name);
    this.chosen = names.includes(name) ? name : names[0] ?? "";
    for (const button of this.root.querySelectorAll("[data-goto]")) {
      button.closest("tr").setAttribute("aria-current", String(button.dataset.goto === this.chosen));
    }
  }

  /** Show a structure that may be hidden. */
  reveal(name) {
    if (!this.hidden.delete(name)) return;
    this.fillTable();
  }

  goTo(name) {
    const arm = ["text", "reference", "no-text"].map((key) => this.arms.get(key)).find((a) => a?.structures.has(name));
    const mask = arm?.structures.get(name);
    if (!mask) return;
    AXES.forEach((axis, n) => (this.cursor[axis] = mask.low[n] + (mask.size[n] >> 1)));
    this.redraw();
  }

  // ---- moving about ----

  move(axis, steps) {
    this.cursor[axis] = clamp(this.cursor[axis] + steps, 0, this.ct.size[axis] - 1);
    this.redraw();
  }

  /** Put the crosshair on a voxel, or the nearest to it inside the CT. */
  cross(point, panel) {
    for (const axis of AXES) this.cursor[axis] = clamp(point[axis], 0, this.ct.size[axis] - 1);
    this.read(this.cursor, panel);
    this.redraw();
  }

  centre() {
    for (const axis of AXES) this.camera.centre[axis] = (this.cursor[axis] + 0.5) * this.ct.spacing[axis];
    this.redraw();
  }

  /** One view over the whole stage, or all of them again. */
  enlarge(view) {
    this.enlarged = this.enlarged ? "" : view.box.dataset.plane;
    this.enlargedIn = view.panel;
    this.layout();
    this.redraw();
  }

  /** Wipe to a fraction of the views' width. */
  divide(fraction) {
    this.settings.divider = clamp(fraction, 0, 1);
    this.redraw();
  }

  setWindow(width, level) {
    this.settings.window = [clamp(Math.round(width), 1, 5000), clamp(Math.round(level), -1500, 3000)];
    this.layout();
    this.redraw();
  }

  /** The neck in every view; asked again, all that was scanned. */
  fit() {
    const whole = this.isFitted();
    this.camera.zoom = whole ? this.wholeZoom() : 1;
    AXES.forEach((axis) => {
      this.camera.centre[axis] = whole ? (this.ct.size[axis] / 2) * this.ct.spacing[axis] : this.fieldCentre(axis);
    });
    this.redraw();
  }

  fieldCentre(axis) {
    const [low, high] = this.scene.field[AXES.indexOf(axis)];
    return ((low + high) / 2) * this.ct.spacing[axis];
  }

  wholeZoom() {
    const parts = AXES.map((axis, n) => (this.scene.field[n][1] - this.scene.field[n][0]) / this.ct.size[axis]);
    return Math.min(...parts);
  }

  isFitted() {
    return this.camera.zoom === 1 && AXES.every((axis) => this.camera.centre[axis] === this.fieldCentre(axis));
  }

  zoomBy(factor) {
    this.zoomTo(this.camera.zoom * factor);
  }

  zoomTo(zoom) {
    this.camera.zoom = clamp(zoom, 0.5, MOST_ZOOM);
    this.redraw();
  }

  // ---- events, attached once ----

  listen() {
    const root = this.root;
    root.addEventListener("click", (event) => this.clicked(event.target.closest("button")));
    root.addEventListener("change", (event) => this.changed(event.target));
    root.addEventListener("keydown", (event) => this.pressed(event));
    new ResizeObserver(() => {
      if (!this.ct) return;
      for (const view of this.views) view.resize();
      this.strip.show();
      this.solid.show();
      this.draw();
    }).observe(this.find(".panels"));
    // The chart's own script follows the window alone; it must also make room when the table above it grows.
    new ResizeObserver(() => window.dispatchEvent(new Event("resize"))).observe(this.find(".side"));
  }

  clicked(button) {
    if (!button || !this.ct) return;
    const { mode, preset, metric, goto: structure } = button.dataset;
    const is = (name) => button.classList.contains(name);
    this.editor.clicked(button);
    if (mode) this.settings.mode = mode;
    if (preset) this.settings.window = PRESETS[preset].slice();
    if (metric) this.settings.metric = metric;
    if (metric) this.fillTable();
    if (is("reference")) this.settings.reference = !this.settings.reference;
    if (is("fill")) this.settings.fill = !this.settings.fill;
    if (is("measure")) this.ruler.isOn = !this.ruler.isOn;
    if (is("uncertain")) this.settings.uncertain = !this.settings.uncertain;
    if (is("fit")) this.fit();
    if (is("ask")) this.find(".help").showModal();
    if (is("close")) this.find(".help").close();
    if (structure && this.editor.isOn) this.editor.pick(structure); // and stay on the slice
    else if (structure) this.choose(structure);
    if (structure && !this.editor.isOn) this.goTo(structure);
    this.layout();
    this.redraw();
  }

  changed(input) {
    if (!this.ct) return;
    if (input.dataset.structure) {
      this.hidden[input.checked ? "delete" : "add"](input.dataset.structure);
      input.closest("tr").classList.toggle("off", !input.checked);
      this.redraw();
    }
    if (input.matches(".window, .level")) {
      const [width, level] = [this.find(".window").value, this.find(".level").value].map(Number);
      this.setWindow(Number.isFinite(width) ? width : 400, Number.isFinite(level) ? level : 40);
    }
  }

  pressed(event) {
    const isTyping = event.target.matches("input[type=number], select, .size");
    if (!this.ct || isTyping || this.find(".help").open) return;
    if (this.editor.pressed(event)) return event.preventDefault();
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (this.actOn(event.key, event.shiftKey, event.target)) event.preventDefault();
  }

  /** Do what a key stands for, and say whether it stands for anything. */
  actOn(key, isShifted, target) {
    const letter = key.toLowerCase();
    const steps = { ArrowUp: 1, ArrowDown: -1, PageUp: 5, PageDown: -5 };
    const across = { ArrowLeft: 1, ArrowRight: -1 };
    const presets = { 1: "soft", 2: "bone", 3: "brain", 4: "lung" };
    const zooms = { "+": 1.25, "=": 1.25, "-": 0.8 };
    const isOnSlider = target.matches("input");
    if (isShifted && !isOnSlider && (key in across || key in steps)) this.stepCross(across[key] ?? 0, steps[key] ?? 0);
    else if (key in steps) this.move("z", steps[key]);
    else if (key in across && this.settings.mode === "swipe" && !isOnSlider) this.divide(this.settings.divider - 0.02 * across[key]);
    else if (key in presets) this.setWindow(...PRESETS[presets[key]]);
    else if (key in zooms) this.zoomBy(zooms[key]);
    else if (letter in BUTTON_KEYS) this.find(BUTTON_KEYS[letter]).click();
    else if (letter in MODE_KEYS) this.find(`[data-mode="${MODE_KEYS[letter]}"]`).click();
    else if (letter === "v" && !this.solid.isOn) this.enlarge(this.pointed?.isShown() ? this.pointed : this.views.find((view) => view.isShown()));
    else if (letter === "c") this.centre();
    else if (key === "Escape") return this.leave();
    else return false;
    return true;
  }

  stepCross(across, up) {
    this.cross({ ...this.cursor, x: this.cursor.x + across, y: this.cursor.y + up }, PANELS[this.settings.mode][0]);
  }

  /** Escape: first out of measuring, then out of an enlarged view. */
  leave() {
    const { ruler } = this;
    if (ruler.isOn || ruler.line) {
      ruler.isOn = false;
      ruler.clear();
    } else if (this.enlarged) this.enlarged = "";
    else if (this.editor.isOn) this.editor.end();
    else return false;
    this.layout();
    this.redraw();
    return true;
  }

  /** Say what lies under the mouse. */
  read(point, panel) {
    if (!point || !this.ct.inside(point)) {
      this.say("", ".readout");
      return;
    }
    const found = panel === "difference" ? this.changesAt(point) : this.namesAt(point, this.armsOf(panel)).join(", ");
    const said = [`${this.ct.at(point)} HU`, `${this.ct.position(point)} mm`, this.likely.read(point, panel), found];
    this.say(said.filter(Boolean).join("   "), ".readout");
  }

  namesAt(point, arms) {
    return this.structures().map((s) => s.name).filter((name) => arms.filter((arm) => arm !== "started").some((arm) => this.arms.get(arm).has(name, point)));
  }

  /** For example "added by the note: PTV_High". */
  changesAt(point) {
    const changes = this.changes() ?? {};
    return Object.entries(changes)
      .map(([kind, arm]) => [this.words()[kind], this.structures().map((s) => s.name).filter((name) => arm.has(name, point))])
      .filter(([, names]) => names.length)
      .map(([words, names]) => `${words}: ${names.join(", ")}`)
      .join("; ");
  }
}

/** Everything that a value brings as a file, by what it is called here. */
function filesOf(value) {
  return { ct: value.ct, ...value.masks, ...(value.likely ? { likely: value.likely } : {}) };
}

function capital(words) {
  return words[0].toUpperCase() + words.slice(1);
}

const viewer = new Viewer(element.querySelector(".viewer"));
viewer.root.viewer = viewer;
watch("value", () => viewer.show(props.value));
viewer.show(props.value);
