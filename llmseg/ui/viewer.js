// The linked panels, whatever they show: slices, window, position, structures. What the panels are called and which
// contours lie in them is said by whoever extends it: the workbench (bench.js) and a reader study (study/panels.js).

const PRESETS = { soft: [400, 40], bone: [1800, 400], brain: [80, 40], lung: [1500, -600] };
const BUTTON_KEYS = { r: ".reference", f: ".fill", m: ".measure", u: ".uncertain", 0: ".fit", "?": ".ask" };
const FIRST_CHOSEN = "PTV_High";
const MOST_ZOOM = 12;

class Viewer {
  /** @param {function} deliver takes an edit to where it is kept (see Editor). */
  constructor(root, deliver) {
    this.root = root;
    this.grey = new Grey();
    this.arms = new Map();
    this.shown = 0;
    this.files = new Map();
    this.hidden = new Set();
    this.settings = { mode: this.firstMode(), reference: true, fill: false, uncertain: false, divider: 0.5, window: PRESETS.soft.slice(), metric: "dsc" };
    this.chosen = FIRST_CHOSEN;
    this.enlarged = ""; // the plane of the one view that is shown, and its panel
    this.enlargedIn = "";
    this.pointed = null; // the view under the mouse
    this.ruler = new Ruler();
    this.camera = { zoom: 1, centre: { x: 0, y: 0, z: 0 } };
    this.cursor = { x: 0, y: 0, z: 0 };
    this.views = [...root.querySelectorAll(".views")].flatMap((views) => Object.keys(PLANES).map((plane) => new View(this, views, plane)));
    for (const views of root.querySelectorAll(".views")) views.append(make("p", { className: "absent" }));
    this.strip = new Strip(this);
    this.editor = new Editor(this, deliver);
    this.listen();
  }

  // ---- what an extension says ----

  firstMode() {
    throw new Error("no mode");
  }

  /** The names of the panels on show. */
  panelsOnShow() {
    throw new Error("no panels");
  }

  /** The contours a panel draws, the one that matters most last, so that it lies on top. */
  drawnIn(panel) {
    return [panel];
  }

  /** Contours by how much they matter: where a structure is looked for. */
  ranked() {
    return [...this.arms.keys()];
  }

  /** Contours that an edit may begin with, the first that there is. */
  editable() {
    return [];
  }

  /** Whether hands draw until something else on the page ends it. */
  isBoundToDraw() {
    return false;
  }

  /** Numbers per axial slice for the strip: what they are, and {name: values}. */
  series() {
    return { what: "", lines: {} };
  }

  /** Contours whose extent the strip shows. */
  lanes(structure) {
    return this.panelsOnShow().flatMap((panel) => this.armsOf(panel)).map((name) => this.arms.get(name)).filter((arm) => arm.structures.has(structure));
  }

  /** The panels have another size. */
  resized() {
    this.strip.show();
  }

  /** What there is to say about a new value: captions, numbers. */
  describe() {}

  /** A new value has come; `fetched` holds what was not here before. */
  took(fetched, isNewCase) {}

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
    this.scene = value.scene;
    if (fetched.has("ct")) this.ct = new Ct(fetched.get("ct"), this.scene);
    for (const name of this.arms.keys()) if (!(name in value.masks)) this.arms.delete(name);
    for (const [name, buffer] of fetched) {
      if (name in value.masks) this.arms.set(name, Arm.read(buffer, this.scene.arms[name].table));
    }
    this.shown += 1;
    this.files = new Map(Object.entries(filesOf(value)).map(([name, file]) => [name, file.url]));
    this.editor.adopted(isNewCase);
    if (isNewCase) this.start();
    this.choose(isNewCase || !this.chosen ? FIRST_CHOSEN : this.chosen);
    if (this.scene.jump) AXES.forEach((axis, n) => (this.cursor[axis] = this.scene.jump[n]));
    this.took(fetched, isNewCase);
    this.say("");
    this.root.classList.remove("new-case");
    this.describe();
    this.fillTable();
    this.layout();
    this.draw();
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

  armsOf(panel) {
    const own = this.drawnIn(panel);
    const names = this.settings.reference ? ["reference", ...own] : own;
    return names.filter((name) => this.arms.has(name));
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
    for (const name of this.ranked()) {
      const drawn = this.structures().map((s) => this.arms.get(name)?.outline(s.name, "axial", this.cursor.z, this.ct.spacing));
      data[`contours${name.split("-").map(capital).join("")}`] = drawn.map((line) => (line ? `${line.points}:${line.hash.toString(36)}` : "-")).join(" ");
    }
    data.measured = this.ruler.text();
    this.editor.expose(data);
    data.enlarged = this.enlarged;
    data.chosen = this.chosen;
    this.strip.place();
  }

  layout() {
    const { window: shown, reference, fill } = this.settings;
    this.arrange();
    for (const button of this.root.querySelectorAll("[data-preset]")) {
      press(button, PRESETS[button.dataset.preset].join() === shown.join());
    }
    press(this.find(".reference"), reference);
    this.find(".reference").disabled = !this.arms.has("reference");
    press(this.find(".fill"), fill);
    press(this.find(".measure"), this.ruler.isOn);
    this.find(".panels").classList.toggle("measuring", this.ruler.isOn);
    [this.find(".window").value, this.find(".level").value] = shown;
    for (const view of this.views) view.resize();
    this.strip.show();
  }

  /** Show the panels of the mode; of one enlarged view's panel only that view. */
  arrange() {
    const panels = this.panelsOnShow();
    const alone = panels.includes(this.enlargedIn) ? this.enlargedIn : panels[0];
    for (const panel of this.root.querySelectorAll(".panel")) {
      const name = panel.dataset.panel;
      panel.hidden = this.enlarged ? name !== alone : !panels.includes(name);
    }
    for (const views of this.root.querySelectorAll(".views")) views.classList.toggle("one", this.enlarged !== "");
    for (const { box } of this.views) box.hidden = this.enlarged !== "" && box.dataset.plane !== this.enlarged;
  }

  // ---- the table of structures and numbers ----

  fillTable() {
    this.find(".numbers tbody").replaceChildren(...this.scene.structures.map((structure) => this.tableRow(structure)));
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
    const name = make("button", { className: "go", textContent: structure.name, title: "Go there" });
    name.dataset.goto = structure.name;
    const first = make("th", { scope: "row" });
    first.append(toggle, swatch, name);
    row.append(first);
    return row;
  }

  /** The structure that the strip is about. */
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
    const arm = this.ranked().map((key) => this.arms.get(key)).find((a) => a?.structures.has(name));
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
      this.resized();
      this.draw();
    }).observe(this.find(".panels"));
  }

  clicked(button) {
    if (!button || !this.ct) return;
    const { preset, goto: structure } = button.dataset;
    const is = (name) => button.classList.contains(name);
    this.editor.clicked(button);
    if (preset) this.settings.window = PRESETS[preset].slice();
    if (is("reference")) this.settings.reference = !this.settings.reference;
    if (is("fill")) this.settings.fill = !this.settings.fill;
    if (is("measure")) this.ruler.isOn = !this.ruler.isOn;
    if (is("fit")) this.fit();
    if (is("ask")) this.find(".help").showModal();
    if (is("close")) this.find(".help").close();
    this.clickedOther(button);
    if (structure && this.editor.isOn) this.editor.pick(structure); // and stay on the slice
    else if (structure) this.choose(structure);
    if (structure && !this.editor.isOn) this.goTo(structure);
    this.layout();
    this.redraw();
  }

  /** A button that only an extension knows. */
  clickedOther(button) {}

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
    const presets = this.windowKeys();
    const zooms = { "+": 1.25, "=": 1.25, "-": 0.8 };
    const isOnSlider = target.matches("input");
    if (isShifted && !isOnSlider && (key in across || key in steps)) this.stepCross(across[key] ?? 0, steps[key] ?? 0);
    else if (key in steps) this.move("z", steps[key]);
    else if (key in presets) this.setWindow(...PRESETS[presets[key]]);
    else if (key in zooms) this.zoomBy(zooms[key]);
    else if (letter in BUTTON_KEYS && this.find(BUTTON_KEYS[letter])) this.find(BUTTON_KEYS[letter]).click();
    else if (letter === "v") this.enlarge(this.pointed?.isShown() ? this.pointed : this.views.find((view) => view.isShown()));
    else if (letter === "c") this.centre();
    else if (key === "Escape") return this.leave();
    else return false;
    return true;
  }

  isModeKey(letter) {
    return false;
  }

  /** Keys that choose a window. */
  windowKeys() {
    return { 1: "soft", 2: "bone", 3: "brain", 4: "lung" };
  }

  stepCross(across, up) {
    this.cross({ ...this.cursor, x: this.cursor.x + across, y: this.cursor.y + up }, this.panelsOnShow()[0]);
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
    const said = [`${this.ct.at(point)} HU`, `${this.ct.position(point)} mm`, ...this.readIn(panel, point)];
    this.say(said.filter(Boolean).join("   "), ".readout");
  }

  /** Words about a point of a panel's picture. */
  readIn(panel, point) {
    return [this.namesAt(point, this.armsOf(panel)).join(", ")];
  }

  namesAt(point, arms) {
    return this.structures().map((s) => s.name).filter((name) => arms.filter((arm) => arm !== "started").some((arm) => this.arms.get(arm).has(name, point)));
  }

}

/** Everything that a value brings as a file, by what it is called here. */
function filesOf(value) {
  return { ct: value.ct, ...value.masks, ...(value.likely ? { likely: value.likely } : {}) };
}

function capital(words) {
  return words[0].toUpperCase() + words.slice(1);
}
