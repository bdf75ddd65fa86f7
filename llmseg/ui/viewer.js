// The linked panels. This file is the body of a function that Gradio calls once with `element`, `props` and `watch`;
// contours.js, volume.js and view.js stand before it. Python sends a new value for a new case or a new result, nothing else.

const PRESETS = { soft: [400, 40], bone: [1800, 400], brain: [80, 40], lung: [1500, -600] };
const PANELS = { both: ["text", "no-text"], text: ["text"], "no-text": ["no-text"], overlaid: ["overlaid"] };
const MOST_ZOOM = 12;

class Viewer {
  constructor(root) {
    this.root = root;
    this.grey = new Grey();
    this.arms = new Map();
    this.shown = 0;
    this.files = new Map();
    this.hidden = new Set();
    this.settings = { mode: "both", reference: true, window: PRESETS.soft.slice(), metric: "dsc" };
    this.camera = { zoom: 1, centre: { x: 0, y: 0, z: 0 } };
    this.cursor = { x: 0, y: 0, z: 0 };
    this.views = [...root.querySelectorAll(".view")].map((box) => new View(this, box));
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
    const asked = JSON.stringify([value.scene, value.ct.path, Object.values(value.masks).map((file) => file.path)]);
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
    const wanted = { ct: value.ct, ...value.masks };
    const missing = Object.entries(wanted).filter(([name, file]) => this.files.get(name) !== file.url);
    const buffers = await Promise.all(missing.map(([, file]) => fetchGunzipped(file, signal)));
    return new Map(missing.map(([name], n) => [name, buffers[n]]));
  }

  adopt(value, fetched) {
    const isNewCase = value.scene.key !== this.scene?.key;
    this.scene = value.scene;
    if (fetched.has("ct")) this.ct = new Ct(fetched.get("ct"), this.scene);
    for (const name of this.arms.keys()) if (!(name in value.masks)) this.arms.delete(name);
    for (const [name, buffer] of fetched) {
      if (name !== "ct") this.arms.set(name, new Arm(buffer, this.scene.arms[name].table));
    }
    this.shown += 1;
    this.files = new Map(Object.entries({ ct: value.ct, ...value.masks }).map(([name, file]) => [name, file.url]));
    if (isNewCase) this.start();
    if (this.scene.jump) AXES.forEach((axis, n) => (this.cursor[axis] = this.scene.jump[n]));
    this.say("");
    this.root.classList.remove("new-case");
    this.fillCaptions();
    this.fillTable();
    this.layout();
    this.draw();
    this.root.dataset.case = this.scene.key;
    this.root.dataset.ready = String(this.shown);
  }

  start() {
    for (const [n, axis] of AXES.entries()) this.cursor[axis] = this.scene.start[n];
    const slider = this.find(".slices");
    slider.max = this.ct.size.z - 1;
    this.camera.zoom = 0;
    this.fit();
  }

  say(message) {
    this.find(".message").textContent = message;
  }

  // ---- what is drawn ----

  structures() {
    return this.scene.structures.filter((structure) => !this.hidden.has(structure.name));
  }

  /** The arms a panel draws, the one that matters most last, so that it lies on top. */
  armsOf(panel) {
    const own = panel === "overlaid" ? ["no-text", "text"] : [panel];
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
    for (const name of ["text", "no-text", "reference"]) {
      const drawn = this.structures().map((s) => this.arms.get(name)?.outline(s.name, "axial", this.cursor.z, this.ct.spacing));
      const key = name === "no-text" ? "contoursNoText" : name === "text" ? "contoursText" : "contoursReference";
      data[key] = drawn.map((line) => (line ? `${line.points}:${line.hash.toString(36)}` : "-")).join(" ");
    }
    this.find(".slices").value = this.cursor.z;
    const label = `${this.cursor.z + 1} / ${this.ct.size.z}`;
    if (this.find(".slice-number").textContent !== label) this.find(".slice-number").textContent = label;
  }

  layout() {
    const shown = PANELS[this.settings.mode];
    for (const panel of this.root.querySelectorAll(".panel")) panel.hidden = !shown.includes(panel.dataset.panel);
    for (const button of this.root.querySelectorAll("[data-mode]")) press(button, button.dataset.mode === this.settings.mode);
    for (const button of this.root.querySelectorAll("[data-preset]")) {
      press(button, PRESETS[button.dataset.preset].join() === this.settings.window.join());
    }
    press(this.find(".reference"), this.settings.reference);
    this.find(".reference").disabled = !this.arms.has("reference");
    this.find(".window").value = this.settings.window[0];
    this.find(".level").value = this.settings.window[1];
    for (const view of this.views) view.resize();
  }

  fillCaptions() {
    for (const panel of this.root.querySelectorAll(".panel")) {
      const name = panel.dataset.panel;
      const arm = this.scene.arms[name === "overlaid" ? "text" : name];
      const caption = panel.querySelector(".caption");
      caption.textContent = caption.title = arm?.caption ?? "";
      const missing = name === "overlaid" ? !this.arms.has("text") && !this.arms.has("no-text") : !this.arms.has(name);
      panel.querySelector(".absent").textContent = missing ? this.scene.absent[name] ?? "" : "";
    }
    for (const title of this.root.querySelectorAll(".second")) title.textContent = this.scene.second || "Without the note";
    for (const word of this.root.querySelectorAll("th.without, button.without")) word.textContent = this.scene.second ? "Other" : "Without";
    this.root.dataset.second = this.scene.second;
    this.find(".case").textContent = this.scene.label;
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
    const toggle = make("input", { type: "checkbox", checked: !this.hidden.has(structure.name), title: "Show or hide" });
    toggle.dataset.structure = structure.name;
    toggle.setAttribute("aria-label", `Show ${structure.name}`);
    toggle.style.accentColor = structure.colour;
    const swatch = make("i", { className: `swatch ${structure.kind}` });
    swatch.style.borderColor = structure.colour;
    const name = make("button", { className: "go", textContent: structure.name, title: "Go to this structure" });
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
      ["text", "no-text", "difference"].map((column) => {
        const cell = numbers?.[metric]?.[column] ?? { text: "–", tone: "", title: "" };
        return make("td", { className: `${metric} ${column} ${cell.tone}`, textContent: cell.text, title: cell.title });
      }),
    );
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
    this.camera.zoom = clamp(this.camera.zoom * factor, 0.5, MOST_ZOOM);
    this.redraw();
  }

  // ---- events, attached once ----

  listen() {
    const root = this.root;
    root.addEventListener("click", (event) => this.clicked(event.target.closest("button")));
    root.addEventListener("change", (event) => this.changed(event.target));
    root.addEventListener("keydown", (event) => this.pressed(event));
    this.find(".slices").addEventListener("input", (event) => {
      this.cursor.z = Number(event.target.value);
      this.redraw();
    });
    new ResizeObserver(() => {
      if (!this.ct) return;
      for (const view of this.views) view.resize();
      this.draw();
    }).observe(this.find(".panels"));
  }

  clicked(button) {
    if (!button || !this.ct) return;
    const { mode, preset, metric, goto: structure } = button.dataset;
    if (mode) this.settings.mode = mode;
    if (preset) this.settings.window = PRESETS[preset].slice();
    if (button.classList.contains("reference")) this.settings.reference = !this.settings.reference;
    if (metric) this.settings.metric = metric;
    if (metric) this.fillTable();
    if (button.classList.contains("fit")) this.fit();
    if (structure) this.goTo(structure);
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
    if (!this.ct || event.target.matches("input[type=number]") || event.ctrlKey || event.metaKey || event.altKey) return;
    const steps = { ArrowUp: 1, ArrowDown: -1, PageUp: 5, PageDown: -5 };
    const presets = { 1: "soft", 2: "bone", 3: "brain", 4: "lung" };
    if (event.key in steps) this.move("z", steps[event.key]);
    else if (event.key in presets) this.setWindow(...PRESETS[presets[event.key]]);
    else if (event.key === "r") this.find(".reference").click();
    else if (event.key === "+" || event.key === "=") this.zoomBy(1.25);
    else if (event.key === "-") this.zoomBy(0.8);
    else if (event.key === "0") this.fit();
    else return;
    event.preventDefault();
  }

  /** Say what lies under the mouse. */
  read(point, panel) {
    const readout = this.find(".readout");
    if (!point || !this.ct.inside(point)) {
      readout.textContent = "";
      return;
    }
    const own = this.armsOf(panel);
    const names = this.structures().filter((s) => own.some((arm) => this.arms.get(arm).has(s.name, point))).map((s) => s.name);
    readout.textContent = [`${this.ct.at(point)} HU`, `${this.ct.position(point)} mm`, names.join(", ")].filter(Boolean).join("   ");
  }
}

const viewer = new Viewer(element.querySelector(".viewer"));
viewer.root.viewer = viewer;
watch("value", () => viewer.show(props.value));
viewer.show(props.value);
