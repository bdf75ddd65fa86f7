// How likely each voxel belongs to a target: painted under the contours where the model is neither sure that it does
// nor sure that it does not.

const SURE = 0.9; // above it and below one minus it nothing is painted
const VEIL = 0.62;
const GRAIN_MM = 1.5; // pixels of a painted slice: finer than the coarse voxels, whose values are interpolated
const LIKELY_PANELS = { both: ["text"], text: ["text"], overlaid: ["overlaid"] };

/** Viridis, from unlikely to likely: even steps for every reader, also one who sees no red or no green. */
const VIRIDIS = ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"];

class Likely {
  constructor(viewer) {
    this.viewer = viewer;
    this.fields = new Map();
    this.pictures = new Map();
    this.colours = colourTable();
    this.keys = ["text", "overlaid"].map((panel) => this.newKey(panel));
  }

  /** What a new result says, or nothing; a file already held is not sent again. */
  adopt(buffer, table) {
    if (buffer) this.fields = new Map(table.map((entry) => [entry.name, unpackLikely(new Uint8Array(buffer), entry)]));
    if (!table.length) this.fields.clear();
    if (buffer || !table.length) this.pictures.clear();
  }

  /** The target it is about: the chosen one, or the first there is. */
  get name() {
    const { chosen } = this.viewer;
    return this.fields.has(chosen) ? chosen : [...this.fields.keys()][0] ?? "";
  }

  /** Which target is painted in a panel; "" for none. */
  paintedIn(panel) {
    const { uncertain, mode } = this.viewer.settings;
    return uncertain && LIKELY_PANELS[mode]?.includes(panel) ? this.name : "";
  }

  /** The button and the keys to the colours. */
  show() {
    const { viewer } = this;
    const button = viewer.find(".uncertain");
    const fits = viewer.settings.mode in LIKELY_PANELS;
    button.disabled = !this.fields.size || !fits;
    press(button, viewer.settings.uncertain && !button.disabled);
    const said = fits ? "How sure the model is of the target, with the note." : "How sure the model is stands in Both, With and Overlaid.";
    button.title = `${this.fields.size ? said : viewer.scene.no_likely} Key U`;
    for (const { panel, box, title, mark } of this.keys) {
      const name = this.paintedIn(panel);
      box.hidden = !name;
      setText(title, `Probability of ${name}`);
      if (name) mark.style.left = `${100 * clamp((this.fields.get(name).at_contour + SURE - 1) / (2 * SURE - 1), 0, 1)}%`;
    }
    viewer.root.dataset.uncertain = this.keys.map(({ panel }) => this.paintedIn(panel)).find(Boolean) ?? "";
  }

  newKey(panel) {
    const views = this.viewer.find(`.panel[data-panel="${panel}"] .views`);
    const box = views.appendChild(make("div", { className: "likely-key", hidden: true }));
    const title = box.appendChild(make("span"));
    const scale = box.appendChild(make("div", { className: "likely-scale" }));
    const bar = make("span", { className: "likely-bar" });
    const shades = VIRIDIS.map((colour) => `color-mix(in srgb, ${colour} 80%, #333)`);
    bar.style.background = `linear-gradient(90deg, ${shades.join()})`;
    const mark = bar.appendChild(make("i"));
    scale.append((1 - SURE).toFixed(1), bar, SURE.toFixed(1));
    box.append(make("span", { className: "likely-mark", textContent: "the contour" }));
    return { panel, box, title, mark };
  }

  /** For example "PTV_High 42 %". */
  read(point, panel) {
    const name = this.paintedIn(panel);
    return name ? `${name} ${Math.round(100 * this.fields.get(name).at(point))} %` : "";
  }

  paint(view) {
    const name = this.paintedIn(view.panel);
    if (!name) return;
    const { context, transform, plane, box } = view;
    const { cursor, ct } = this.viewer;
    const picture = this.picture(name, box.dataset.plane, cursor[plane.through], ct.spacing);
    if (!picture) return;
    const { scale, zero } = transform;
    const { across, up } = picture;
    view.inPixels();
    context.drawImage(picture.canvas, zero[0] - across[1] * scale, zero[1] - up[1] * scale, (across[1] - across[0]) * scale, (up[1] - up[0]) * scale);
  }

  /** One slice through a target's field, painted once; null where it does not reach. */
  picture(name, planeName, slice, spacing) {
    const key = `${name} ${planeName} ${slice}`;
    if (!this.pictures.has(key)) {
      if (this.pictures.size > 60) this.pictures.clear(); // a bound, as for outlines
      this.pictures.set(key, this.painted(this.fields.get(name), PLANES[planeName], slice, spacing));
    }
    return this.pictures.get(key);
  }

  painted(field, plane, slice, spacing) {
    const flat = field.cut(plane, slice);
    if (!flat) return null;
    const [across, up] = [plane.across, plane.up].map((axis) => field.extent(axis, spacing[axis]));
    const [width, height] = [across, up].map(([low, high]) => Math.max(2, Math.ceil((high - low) / GRAIN_MM)));
    const { canvas, context, image, pixels } = newPicture(width, height);
    const columns = places(width, flat.width);
    for (const [row, [v, dv]] of places(height, flat.height).entries()) {
      // Both screen axes run against the patient's: the last pixel is the first place.
      let n = width * (height - row);
      for (const [u, du] of columns) {
        const at = u + flat.width * v;
        const low = flat.values[at] * (1 - du) + flat.values[at + 1] * du;
        const high = flat.values[at + flat.width] * (1 - du) + flat.values[at + flat.width + 1] * du;
        pixels[--n] = this.colours[Math.round(255 * (low * (1 - dv) + high * dv))];
      }
    }
    context.putImageData(image, 0, 0);
    return { canvas, across, up };
  }
}

/** Probabilities on a coarse grid whose axes are the CT's; what lies beyond its box is improbable. */
class Field {
  constructor(entry, values) {
    Object.assign(this, entry, { values });
  }

  /** Where its voxels begin and end along an axis, in mm of the view. */
  extent(axis, spacing) {
    const n = AXES.indexOf(axis);
    const mm = (index) => (this.origin[n] + 0.5 + this.step[n] * index) * spacing;
    return [mm(-0.5), mm(this.size[n] - 0.5)];
  }

  /** The place of a displayed voxel between coarse ones: the one before it and the share of the next; null beyond. */
  between(axis, voxel) {
    const n = AXES.indexOf(axis);
    const index = (voxel - this.origin[n]) / this.step[n];
    if (index < -0.5 || index > this.size[n] - 0.5) return null;
    const inside = clamp(index, 0, this.size[n] - 1);
    const low = Math.min(Math.floor(inside), this.size[n] - 2);
    return [low, inside - low];
  }

  at(point) {
    const found = AXES.map((axis) => this.between(axis, point[axis]));
    if (found.some((place) => !place)) return 0;
    const [width, height] = this.size;
    let sum = 0;
    for (let corner = 0; corner < 8; corner++) {
      const [x, y, z] = found.map(([low], n) => low + ((corner >> n) & 1));
      const share = found.reduce((product, [, part], n) => product * ((corner >> n) & 1 ? part : 1 - part), 1);
      sum += share * this.values[x + width * (y + height * z)];
    }
    return sum;
  }

  /** The plane through a slice, interpolated between its two neighbours; null beyond them. */
  cut(plane, slice) {
    const place = this.between(plane.through, slice);
    if (!place) return null;
    const stride = { x: 1, y: this.size[0], z: this.size[0] * this.size[1] };
    const [width, height] = [plane.across, plane.up].map((axis) => this.size[AXES.indexOf(axis)]);
    const values = new Float32Array(width * height);
    const [low, share] = place;
    for (let v = 0; v < height; v++) {
      for (let u = 0; u < width; u++) {
        const at = low * stride[plane.through] + u * stride[plane.across] + v * stride[plane.up];
        values[u + width * v] = this.values[at] * (1 - share) + this.values[at + stride[plane.through]] * share;
      }
    }
    return { values, width, height };
  }
}

function unpackLikely(bytes, entry) {
  const values = new Float32Array(entry.size[0] * entry.size[1] * entry.size[2]);
  for (let n = 0; n < values.length; n++) values[n] = ((bytes[entry.offset + (n >> 1)] >> (4 * (n & 1))) & 15) / 15;
  return new Field(entry, values);
}

/** For each of `count` pixels over `size` voxels: the voxel before its middle, and the share of the next. */
function places(count, size) {
  return Array.from({ length: count }, (_, pixel) => {
    const inside = clamp(((pixel + 0.5) * size) / count - 0.5, 0, size - 1);
    const low = Math.min(Math.floor(inside), size - 2);
    return [low, inside - low];
  });
}

/** Colour of each probability in 256 steps, as a pixel; clear where the model is sure. */
function colourTable() {
  const stops = VIRIDIS.map((colour) => [1, 3, 5].map((n) => parseInt(colour.slice(n, n + 2), 16)));
  return Uint32Array.from({ length: 256 }, (_, step) => {
    const share = (step / 255 + SURE - 1) / (2 * SURE - 1);
    if (share < 0 || share > 1) return 0;
    const place = share * (stops.length - 1);
    const low = Math.min(Math.floor(place), stops.length - 2);
    const [red, green, blue] = stops[low].map((from, n) => Math.round(from + (place - low) * (stops[low + 1][n] - from)));
    return ((Math.round(255 * VEIL) << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  });
}
