// Editing contours by hand: which tool does what, undoing, the clock, and saving. What hands do to a mask is masks.js;
// Python (editing.py) hears of an edit only when it is saved.

const BRUSH_MM = { least: 1, most: 60, first: 12, step: 1.2 }; // across
const MOST_FLIPS = 4_000_000; // voxels that undo remembers: 16 MB
const RESEND_MS = 20_000;
const TOOL_KEYS = { b: "brush", x: "eraser", n: "nudge" };
const ROOM = 8; // voxels that a mask's box grows beyond what it needs

class Editor {
  /** @param {function} deliver takes a save to where it is kept; what became of it is told to `answered`. */
  constructor(viewer, deliver) {
    this.viewer = viewer;
    this.deliver = deliver;
    this.tool = "brush";
    this.millimetres = BRUSH_MM.first;
    this.count = 0; // of changes, for what is drawn
    this.sending = null;
    this.isOn = false;
    this.drop();
    this.listen();
  }

  find(selector) {
    return this.viewer.find(selector);
  }

  listen() {
    const { root } = this.viewer;
    for (const name of ["pointermove", "pointerdown", "wheel", "keydown"]) {
      root.addEventListener(name, () => this.isOn && this.clock.tick(this.viewer.chosen), { capture: true, passive: true });
    }
    for (const name of ["keydown", "keyup"]) root.addEventListener(name, (event) => this.hold(event));
    this.find(".size").addEventListener("input", (event) => this.resize(Number(event.target.value)));
    this.find(".pick").addEventListener("change", (event) => this.pick(event.target.value));
    for (const control of [".size", ".pick"]) this.find(control).addEventListener("change", () => this.find(".stage").focus());
    document.addEventListener("visibilitychange", () => document.hidden && this.pause());
    // Whoever turns to the rest of the page may run, open or close something: what was drawn is safe before that.
    for (const name of ["pointerdown", "focusin", "dragenter"]) {
      document.addEventListener(name, (event) => root.contains(event.target) || this.save(), true);
    }
    window.addEventListener("beforeunload", (event) => (this.dirty.size || this.sending) && event.preventDefault());
    setInterval(() => this.isOn && setText(this.find(".clock"), this.clock.text()), 1000);
  }

  // ---- beginning and ending ----

  /** Forget everything: another case is open. */
  drop() {
    if (this.isOn) Object.assign(this.viewer.settings, this.before);
    this.arm = this.start = null;
    this.volumes = new Map();
    this.done = [];
    this.undone = [];
    this.dirty = new Set();
    this.clock = new Clock();
    this.stroke = null;
    this.isOn = false;
  }

  /** Contours have come from Python: those being edited are the page's own, and newer. */
  adopted(isNewCase) {
    const { viewer } = this;
    if (isNewCase) this.drop();
    if (this.arm && this.isKept()) {
      viewer.arms.set("edited", this.arm);
      viewer.arms.set("started", this.start);
    } else if (this.arm) this.drop();
    if (!viewer.arms.has("edited") && ["edit", "edited"].includes(viewer.settings.mode)) viewer.settings.mode = viewer.firstMode();
    this.count += 1;
    this.fill();
  }

  isKept() {
    return this.isOn || this.dirty.size > 0 || this.sending !== null || this.viewer.scene.edit !== null;
  }

  canBegin() {
    return this.viewer.editable().some((name) => this.viewer.arms.has(name));
  }

  toggle() {
    if (this.isOn) this.end();
    else if (this.canBegin()) this.begin();
  }

  begin() {
    const { viewer } = this;
    const first = viewer.editable().find((name) => viewer.arms.has(name));
    if (!this.arm) {
      this.startId = viewer.scene.edit?.start ?? viewer.scene.arms[first].id;
      this.after = viewer.scene.edit?.id ?? "";
      this.start = viewer.arms.get("started") ?? viewer.arms.get(first);
      this.arm = viewer.arms.get(first).copy();
    }
    viewer.arms.set("edited", this.arm);
    viewer.arms.set("started", this.start);
    this.isOn = true;
    this.before = { mode: viewer.settings.mode, reference: viewer.settings.reference };
    // Whoever corrects a contour looks at the CT, not at the answer; R shows it.
    Object.assign(viewer.settings, { mode: "edit", reference: false });
    viewer.ruler.isOn = false;
    this.clock.tick(viewer.chosen);
    this.say("");
    this.pick(viewer.chosen);
    this.find(".stage").focus({ preventScroll: true });
  }

  /** Leave editing, and save what was drawn. */
  end() {
    const { viewer } = this;
    if (viewer.isBoundToDraw()) return void this.save();
    const isEdited = this.putAway();
    Object.assign(viewer.settings, { mode: isEdited ? "edited" : this.before.mode, reference: this.before.reference });
    this.save();
    this.fill();
    viewer.describe();
    viewer.layout();
    viewer.redraw();
  }

  /** End drawing, and say whether anything was. */
  putAway() {
    this.release();
    this.pause();
    this.isOn = false;
    const isEdited = this.dirty.size > 0 || this.sending !== null || this.viewer.scene.edit !== null;
    if (!isEdited) for (const name of ["edited", "started"]) this.viewer.arms.delete(name);
    return isEdited;
  }

  pause() {
    if (this.isOn) this.clock.tick(this.viewer.chosen);
    this.clock.stop();
  }

  // ---- saving ----

  /** Send what changed since the last save; of two at once the second waits. */
  async save() {
    const { sending } = this;
    if (sending && performance.now() - sending.at > RESEND_MS) this.send(sending); // the same one: it counts once
    if (sending || !this.dirty.size) return;
    const names = [...this.dirty];
    const id = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const about = { id, case: this.viewer.scene.key, start: this.startId, after: this.after };
    this.sending = { id, names, seconds: this.clock.take(), at: performance.now() };
    this.dirty = new Set();
    const masks = await packMasks(names.map((name) => [name, this.arm.structures.get(name)]));
    Object.assign(this.sending, { edit: { ...about, ...masks, seconds: this.sending.seconds } });
    this.send(this.sending);
  }

  send(sending) {
    sending.at = performance.now();
    if (sending.edit) this.deliver(sending.edit);
  }

  /** Python has kept a save, or refused it: then it is unsaved as before. */
  answered(answer) {
    const { sending } = this;
    if (answer.id !== sending?.id) return;
    this.sending = null;
    if (answer.saved) this.after = answer.after;
    else if (sending.edit.case === this.viewer.scene.key) {
      for (const name of sending.names) this.dirty.add(name);
      this.clock.giveBack(sending.seconds);
    }
    if (answer.saved && !this.isOn) this.save(); // what was drawn while that one was on its way
    this.fill();
  }

  // ---- tools ----

  pick(name) {
    const { viewer } = this;
    if (this.isOn) this.clock.tick(viewer.chosen);
    viewer.choose(name);
    viewer.reveal(viewer.chosen);
    this.fill();
    viewer.layout();
    viewer.redraw();
  }

  resize(millimetres) {
    this.millimetres = clamp(Math.round(millimetres * 2) / 2, BRUSH_MM.least, BRUSH_MM.most);
    this.fill();
    this.placeBrushes();
  }

  /** Shift or Alt held: every tool erases. */
  hold(event) {
    if (!this.isOn || !["Shift", "Alt"].includes(event.key)) return;
    if (event.key === "Alt") event.preventDefault(); // it would open the browser's menu
    this.isHeld = event.type === "keydown";
    this.placeBrushes();
  }

  erases() {
    return this.isHeld || this.tool === "eraser";
  }

  /** A view is painted on from a point in mm. */
  press(view, mm, event) {
    this.isHeld = event.shiftKey || event.altKey;
    const { across, up, through } = view.plane;
    const { ct, cursor, chosen } = this.viewer;
    const frame = { axes: [across, up, through].map((axis) => AXES.indexOf(axis)), edges: [ct.spacing[across], ct.spacing[up]] };
    this.stroke = { name: chosen, plane: view.box.dataset.plane, slice: cursor[through], flips: [], ...frame, last: mm };
    this.stroke.count = [ct.size[across], ct.size[up]];
    this.stroke.radius = this.millimetres / 2;
    this.stroke.adds = this.tool === "nudge" && !this.isHeld ? this.aim(mm) : !this.erases();
    this.sweep(mm);
  }

  /** The nudge pushes the line outwards from inside it and inwards from outside, with as much of the circle as fits on
   *  that side: pressing alone moves nothing. */
  aim(mm) {
    const { stroke } = this;
    const isInside = this.at(mm.map((value, n) => Math.floor(value / stroke.edges[n])));
    let nearest = stroke.radius;
    eachUnder(mm, mm, stroke.radius, stroke.edges, stroke.count, (u, v) => {
      const way = Math.hypot((u + 0.5) * stroke.edges[0] - mm[0], (v + 0.5) * stroke.edges[1] - mm[1]);
      if (way < nearest && this.at([u, v]) !== isInside) nearest = way;
    });
    stroke.radius = Math.max(nearest - 1e-6, 0);
    return isInside === 1;
  }

  point([u, v]) {
    const { axes, slice } = this.stroke;
    const point = [0, 0, 0];
    [point[axes[0]], point[axes[1]], point[axes[2]]] = [u, v, slice];
    return point;
  }

  at(cell) {
    return holds(this.arm.structures.get(this.stroke.name), ...this.point(cell));
  }

  /** Paint on to a point in mm. */
  sweep(mm) {
    const { stroke } = this;
    if (!stroke) return;
    const { size } = this.viewer.ct;
    const found = [];
    eachUnder(stroke.last, mm, stroke.radius, stroke.edges, stroke.count, (u, v) => {
      const [x, y, z] = this.point([u, v]);
      if (Boolean(this.at([u, v])) !== stroke.adds) found.push(x + size.x * (y + size.y * z));
    });
    stroke.last = mm;
    for (const index of found) stroke.flips.push(index);
    this.apply(stroke.name, found);
  }

  /** Turn voxels of a structure over, and forget the outlines they lie on. */
  apply(name, indices) {
    if (!indices.length) return;
    const { ct } = this.viewer;
    const before = this.volume(name);
    const [low, high] = boundsOf(indices, ct.size);
    const room = [low.map((v) => Math.max(v - ROOM, 0)), high.map((v, n) => Math.min(v + ROOM, ct.size[AXES[n]]))];
    const mask = this.arm.structures.get(name);
    const isInside = mask && low.every((v, n) => v >= mask.low[n] && high[n] <= mask.low[n] + mask.size[n]);
    const wide = isInside ? mask : grown(mask, ...room);
    this.arm.structures.set(name, wide);
    this.volumes.set(name, before + flip(wide, indices, ct.size));
    this.arm.forget(name, low, high);
    this.dirty.add(name);
    this.count += 1;
    this.viewer.redraw();
  }

  release() {
    const { stroke } = this;
    this.stroke = null;
    if (stroke) this.remember({ name: stroke.name, plane: stroke.plane, slice: stroke.slice, flips: stroke.flips });
  }

  /** A stroke that was none: a second finger came down. */
  cancel() {
    if (this.stroke) this.apply(this.stroke.name, this.stroke.flips);
    this.stroke = null;
  }

  // ---- undo and redo ----

  remember(stroke) {
    if (!stroke.flips.length) return;
    this.done.push({ ...stroke, flips: Uint32Array.from(stroke.flips) });
    this.undone = [];
    let kept = this.done.reduce((sum, { flips }) => sum + flips.length, 0);
    // The oldest cannot be undone any more; where it was drawn stays known to the interpolation.
    for (const old of this.done.slice(0, -1)) {
      if (kept <= MOST_FLIPS) break;
      kept -= old.flips.length;
      old.flips = new Uint32Array();
    }
    this.fill();
    this.viewer.strip.refresh();
  }

  canUndo() {
    return this.done.at(-1)?.flips.length > 0;
  }

  undo() {
    this.release();
    if (this.canUndo()) this.turn(this.done, this.undone);
  }

  redo() {
    if (this.undone.length) this.turn(this.undone, this.done);
  }

  turn(from, to) {
    const stroke = from.pop();
    to.push(stroke);
    this.apply(stroke.name, stroke.flips);
    this.viewer.cursor[PLANES[stroke.plane].through] = stroke.slice; // where it happens is what is shown
    if (stroke.name !== this.viewer.chosen) this.pick(stroke.name);
    this.fill();
    this.viewer.strip.refresh();
  }

  /** Back to the contour that the edit began with, for the chosen structure; can be undone. */
  reset() {
    const { chosen, ct, cursor } = this.viewer;
    const flips = differences(this.arm.structures.get(chosen), this.start.structures.get(chosen), ct.size);
    this.apply(chosen, flips);
    this.remember({ name: chosen, plane: "axial", slice: cursor.z, flips, isWhole: true });
  }

  // ---- interpolation ----

  /** The plane that was drawn on last, and the slices of the chosen structure drawn in it by hand. */
  drawn() {
    const { chosen } = this.viewer;
    const own = this.done.filter((stroke) => stroke.name === chosen && !stroke.isWhole);
    const plane = own.at(-1)?.plane ?? "axial";
    const slices = new Set(own.filter((stroke) => stroke.plane === plane).map((stroke) => stroke.slice));
    return { plane, slices: [...slices].sort((a, b) => a - b) };
  }

  /** Fill the slices between those drawn by hand. */
  interpolate() {
    const { chosen, cursor } = this.viewer;
    const { plane, slices } = this.drawn();
    const pairs = slices.slice(1).map((slice, n) => [slices[n], slice]).filter(([first, second]) => second - first > 1);
    if (!pairs.length) {
      this.say(`Draw ${chosen} on two slices that are some apart; Interpolate fills those between.`);
      return;
    }
    const found = pairs.map(([first, second]) => this.between(plane, first, second));
    const flips = found.flatMap((one) => one.flips);
    const filled = found.reduce((sum, one) => sum + one.filled, 0);
    const lost = found.map((one) => one.problem).filter(Boolean);
    this.say([`${filled} slices filled.`, ...lost].join(" "));
    this.apply(chosen, flips);
    this.remember({ name: chosen, plane, slice: cursor[PLANES[plane].through], flips, isWhole: true });
  }

  between(planeName, first, second) {
    const { ct, chosen } = this.viewer;
    const plane = PLANES[planeName];
    const mask = this.arm.structures.get(chosen);
    const [a, b] = [first, second].map((slice) => layerOf(mask, plane, slice));
    const shapes = shapesBetween(a, b, second - first - 1, [ct.spacing[plane.across], ct.spacing[plane.up]]);
    if (!shapes.every((shape) => shape.includes(1))) {
      return { flips: [], filled: 0, problem: `Slices ${first + 1} and ${second + 1} do not overlap: draw one between.` };
    }
    const flips = [];
    for (const [n, shape] of shapes.entries()) {
      const slice = first + 1 + n;
      const now = layerOf(mask, plane, slice);
      const base = slice * ct.stride[plane.through];
      shape.forEach((cell, index) => {
        if (cell === now.cells[index]) return;
        const [u, v] = [now.low[0] + (index % now.size[0]), now.low[1] + Math.floor(index / now.size[0])];
        flips.push(base + u * ct.stride[plane.across] + v * ct.stride[plane.up]);
      });
    }
    return { flips, filled: shapes.length, problem: "" };
  }

  // ---- what is shown ----

  say(message) {
    setText(this.find(".edit-said"), message);
  }

  /** The bar, and whether there is anything to edit or to look at. */
  fill() {
    const { viewer } = this;
    viewer.root.classList.toggle("editing", this.isOn);
    for (const button of viewer.root.querySelectorAll(".edit")) {
      button.disabled = !this.canBegin();
      press(button, this.isOn);
    }
    for (const button of viewer.root.querySelectorAll('[data-mode="edited"]')) button.hidden = !viewer.arms.has("edited");
    for (const button of viewer.root.querySelectorAll("[data-tool]")) press(button, button.dataset.tool === this.tool);
    this.find(".undo").disabled = !this.canUndo();
    this.find(".redo").disabled = !this.undone.length;
    this.find(".size").value = this.millimetres;
    setText(this.find(".size-mm"), `${this.millimetres} mm`);
    setText(this.find(".saving"), this.sending ? "Saving" : this.dirty.size ? "Unsaved" : "");
    const names = viewer.scene?.structures.map((structure) => structure.name) ?? [];
    const pick = this.find(".pick");
    if ([...pick.options].map((option) => option.value).join() !== names.join()) {
      pick.replaceChildren(...names.map((name) => make("option", { value: name, textContent: name })));
    }
    pick.value = viewer.chosen;
  }

  /** The line above the picture: the chosen structure on this slice and in all. */
  told() {
    const { chosen, ct, cursor } = this.viewer;
    const mask = this.arm.structures.get(chosen);
    const cell = ct.spacing.x * ct.spacing.y;
    return { area: areaOf(mask, cursor.z) * cell, ml: (this.volume(chosen) * cell * ct.spacing.z) / 1000 };
  }

  hasDrawn(name) {
    return this.arm !== null && this.volume(name) > 0;
  }

  /** Voxels of a structure, counted once and kept up to date from then on. */
  volume(name) {
    if (!this.volumes.has(name)) this.volumes.set(name, this.arm.voxels(name));
    return this.volumes.get(name);
  }

  /** Facts for tests, and the caption while editing. */
  expose(data) {
    data.editing = this.isOn ? this.tool : "";
    data.unsaved = String(this.dirty.size + (this.sending ? 1 : 0));
    if (!this.arm || !this.isOn) return;
    const { area, ml } = this.told();
    data.area = area.toFixed(3);
    data.millilitres = ml.toFixed(3);
    const words = `${this.viewer.chosen}: ${(area / 100).toFixed(2)} cm² on axial slice ${this.viewer.cursor.z + 1}, ${ml.toFixed(1)} ml in all`;
    setText(this.find('.panel[data-panel="edited"] .caption'), words);
    setText(this.find(".saving"), this.sending ? "Saving" : this.dirty.size ? "Unsaved" : "");
  }

  /** The circle follows the mouse; it is as large as what it paints. */
  hover(view, event) {
    this.over = view && this.isOn && view.panel === "edited" && !this.viewer.ruler.isOn ? view : null;
    if (event) {
      this.isHeld = event.shiftKey || event.altKey;
      this.place = view.place(event);
    }
    this.placeBrushes();
  }

  placeBrushes() {
    for (const view of this.viewer.views) if (view.brush) this.placeBrush(view);
  }

  placeBrush(view) {
    const isOver = view === this.over && this.isOn;
    view.brush.hidden = !isOver;
    if (!isOver) return;
    const side = 2 * (this.stroke?.radius ?? this.millimetres / 2) * view.transform.scale;
    const corner = this.place.map((value) => value - side / 2);
    view.brush.style.cssText = `width: ${side}px; height: ${side}px; transform: translate(${corner[0]}px, ${corner[1]}px)`;
    view.brush.classList.toggle("erases", this.stroke ? !this.stroke.adds : this.erases());
  }

  // ---- keys and buttons ----

  clicked(button) {
    const is = (name) => button.classList.contains(name);
    const { tool } = button.dataset;
    if (tool) this.tool = tool;
    if (is("undo")) this.undo();
    if (is("redo")) this.redo();
    if (is("interpolate")) this.interpolate();
    if (is("reset")) this.reset();
    if (is("edit") || is("end")) this.toggle();
    if (tool || is("edit") || is("undo") || is("redo") || is("interpolate") || is("reset")) this.find(".stage").focus({ preventScroll: true });
    this.fill();
  }

  /** Do what a key stands for while editing, and say whether it stands for anything. */
  pressed(event) {
    const letter = event.key.toLowerCase();
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (isPlain && letter === "e") this.toggle();
    else if (!this.isOn) return false;
    else if (!isPlain && letter === "z") event.shiftKey ? this.redo() : this.undo();
    else if (!isPlain && letter === "y") this.redo();
    else if (!isPlain) return false;
    else if (letter in TOOL_KEYS) this.tool = TOOL_KEYS[letter];
    else if (letter === "i") this.interpolate();
    else if (letter === "[") this.resize(this.millimetres / BRUSH_MM.step);
    else if (letter === "]") this.resize(this.millimetres * BRUSH_MM.step + 0.5);
    else return this.viewer.isModeKey(letter); // one panel is enough to draw on
    this.fill();
    this.placeBrushes();
    this.viewer.redraw();
    return true;
  }
}
