// What mouse, touchpad and fingers do in one view.

const SCROLL_PX = 40; // of a wheel or touchpad, per slice
const FINGER_PX = 10; // a finger's way per slice; less than this is a tap

class Gestures {
  constructor(view) {
    this.view = view;
    this.viewer = view.viewer;
    this.fingers = new Map();
    this.travel = 0;
    const box = view.box;
    const on = (name, handler, options) => {
      box.addEventListener(name, (event) => this.viewer.ct && view.transform && handler(event), options);
    };
    on("wheel", (event) => this.wheeled(event), { passive: false });
    on("contextmenu", (event) => event.preventDefault());
    on("pointerdown", (event) => this.pressed(event));
    on("pointermove", (event) => this.moved(event));
    for (const name of ["pointerup", "pointercancel"]) on(name, (event) => this.released(event));
    on("pointerleave", () => [this.viewer.read(null), this.viewer.editor.hover(null)]);
    on("dblclick", () => !this.viewer.ruler.isOn && !this.viewer.editor.isOn && this.viewer.enlarge(view));
  }

  wheeled(event) {
    if (!event.deltaY) return;
    event.preventDefault();
    if (event.ctrlKey) {
      const place = this.view.place(event);
      const mm = this.view.millimetres(place);
      this.viewer.zoomBy(event.deltaY < 0 ? 1.15 : 1 / 1.15);
      this.view.pin(mm, place);
      return;
    }
    // A mouse sends one notch, a touchpad many small steps: both move about one slice per 40 px.
    this.travel = (Math.abs(event.deltaY) >= SCROLL_PX ? 0 : this.travel) + clamp(event.deltaY, -60, 60);
    if (Math.abs(this.travel) < SCROLL_PX) return;
    this.viewer.move(this.view.plane.through, this.travel > 0 ? -1 : 1);
    this.travel = 0;
  }

  pressed(event) {
    const { viewer, view } = this;
    viewer.root.querySelector(".stage").focus({ preventScroll: true });
    view.box.setPointerCapture(event.pointerId);
    event.preventDefault();
    const place = view.place(event);
    if (event.pointerType === "touch") this.fingers.set(event.pointerId, place);
    this.drag = { kind: this.kindOf(event), place, mm: view.millimetres(place), window: viewer.settings.window.slice() };
    if (this.drag.kind === "pinch") this.pinched();
    if (this.drag.kind === "paint") viewer.editor.press(view, this.drag.mm, event);
    if (this.drag.kind === "measure") viewer.ruler.begin(view.box.dataset.plane, viewer.cursor[view.plane.through], this.drag.mm);
    if (["cross", "measure"].includes(this.drag.kind)) this.moved(event);
  }

  kindOf(event) {
    if (this.fingers.size > 1) return "pinch";
    const isPainting = this.viewer.editor.isOn && !this.viewer.ruler.isOn && this.view.panel === "edited";
    if (event.button === 0 && isPainting) return "paint";
    if (event.button === 1 || (event.button === 0 && event.shiftKey)) return "pan";
    if (event.button === 2) return "window";
    if (this.viewer.ruler.isOn) return "measure";
    return event.pointerType === "touch" ? "scroll" : "cross";
  }

  moved(event) {
    const { viewer, view, drag } = this;
    viewer.pointed = view;
    const place = view.place(event);
    viewer.editor.hover(view, event);
    if (!drag) {
      if (event.pointerType !== "touch") viewer.read(view.point(event), view.panel);
      return;
    }
    if (this.fingers.has(event.pointerId)) this.fingers.set(event.pointerId, place);
    const [dx, dy] = place.map((value, n) => value - drag.place[n]);
    if (drag.kind === "window") viewer.setWindow(drag.window[0] + 4 * dx, drag.window[1] - 2 * dy);
    if (drag.kind === "pan") view.pin(drag.mm, place);
    if (drag.kind === "paint") this.painted(event);
    if (drag.kind === "cross") viewer.cross(view.point(event), view.panel);
    if (drag.kind === "measure") viewer.ruler.line.to = view.millimetres(place);
    if (drag.kind === "scroll") this.scrolled(place);
    if (drag.kind === "pinch") this.spread();
    viewer.redraw();
  }

  released(event) {
    const { viewer, view, drag } = this;
    this.fingers.delete(event.pointerId);
    if (drag?.kind === "scroll" && !drag.hasScrolled) viewer.cross(view.point(event), view.panel);
    if (drag?.kind === "paint") viewer.editor.release();
    if (event.pointerType === "touch") viewer.editor.hover(null);
    if (drag?.kind === "measure" && viewer.ruler.length() * view.transform.scale < 3) viewer.ruler.clear();
    // A finger that stays after the other has gone does nothing until it is lifted too.
    this.drag = this.fingers.size ? { kind: "none", place: [0, 0] } : undefined;
    viewer.redraw();
  }

  /** One finger: a slice for each step of its way, down being toward the feet like a wheel. */
  scrolled(place) {
    const steps = Math.trunc((place[1] - this.drag.place[1]) / FINGER_PX);
    if (!steps) return;
    this.drag.hasScrolled = true;
    this.drag.place[1] += steps * FINGER_PX;
    this.viewer.move(this.view.plane.through, -steps);
  }

  /** All that the mouse passed since the last frame: the stroke is as smooth as the hand. */
  painted(event) {
    const way = event.getCoalescedEvents?.() ?? [];
    for (const step of way.length ? way : [event]) this.viewer.editor.sweep(this.view.millimetres(this.view.place(step)));
  }

  /** Two fingers have come down: what lies between them stays between them. */
  pinched() {
    this.viewer.editor.cancel();
    const { middle, distance } = this.span();
    Object.assign(this.drag, { mm: this.view.millimetres(middle), distance, zoom: this.viewer.camera.zoom });
  }

  spread() {
    const { middle, distance } = this.span();
    this.viewer.zoomTo((this.drag.zoom * distance) / this.drag.distance);
    this.view.pin(this.drag.mm, middle);
  }

  span() {
    const [a, b] = [...this.fingers.values()];
    const middle = a.map((value, n) => (value + b[n]) / 2);
    return { middle, distance: Math.max(Math.hypot(a[0] - b[0], a[1] - b[1]), 1) };
  }
}
