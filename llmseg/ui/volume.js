// What the page keeps of one case: the CT in HU and, for each arm, its structures' masks.

const AXES = ["x", "y", "z"]; // toward the patient's right, front and head (RAS+)

/** Planes by the axes that run across, up and through them. Both screen axes are drawn reversed: radiological view. */
const PLANES = {
  axial: { across: "x", up: "y", through: "z", letters: { left: "R", right: "L", top: "A", bottom: "P" } },
  coronal: { across: "x", up: "z", through: "y", letters: { left: "R", right: "L", top: "S", bottom: "I" } },
  sagittal: { across: "y", up: "z", through: "x", letters: { left: "A", right: "P", top: "S", bottom: "I" } },
};

async function fetchGunzipped(file, signal) {
  const response = await fetch(file.url, { signal });
  if (!response.ok) throw new Error(`The image could not be fetched (${response.status}). Reload the page.`);
  return new Response(response.body.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

class Ct {
  constructor(buffer, scene) {
    this.hu = new Int16Array(buffer);
    const [x, y, z] = scene.shape;
    this.size = { x, y, z };
    this.stride = { x: 1, y: x, z: x * y };
    this.spacing = Object.fromEntries(AXES.map((axis, n) => [axis, scene.spacing_mm[n]]));
    this.affine = scene.affine;
    this.pictures = {};
  }

  at(point) {
    return this.hu[point.x + this.stride.y * point.y + this.stride.z * point.z];
  }

  inside(point) {
    return AXES.every((axis) => point[axis] >= 0 && point[axis] < this.size[axis]);
  }

  /** Scanner position in mm, for example "R 12.0  A 34.1  S 110.5". */
  position(point) {
    const letters = [["R", "L"], ["A", "P"], ["S", "I"]];
    return this.affine
      .slice(0, 3)
      .map((row, n) => {
        const mm = row[0] * point.x + row[1] * point.y + row[2] * point.z + row[3];
        return `${letters[n][mm < 0 ? 1 : 0]} ${Math.abs(mm).toFixed(1)}`;
      })
      .join("  ");
  }

  /** One slice as a canvas of one pixel per voxel; repainted only when slice or window changed. */
  picture(name, slice, grey) {
    const plane = PLANES[name];
    const [width, height] = [this.size[plane.across], this.size[plane.up]];
    const picture = (this.pictures[name] ??= newPicture(width, height));
    if (picture.slice !== slice || picture.window !== grey.key) {
      const across = this.stride[plane.across];
      let n = width * height;
      for (let up = 0; up < height; up++) {
        let index = slice * this.stride[plane.through] + up * this.stride[plane.up];
        for (let k = 0; k < width; k++, index += across) picture.pixels[--n] = grey.table[this.hu[index] + 32768];
      }
      picture.context.putImageData(picture.image, 0, 0);
      picture.slice = slice;
      picture.window = grey.key;
    }
    return picture.canvas;
  }
}

function newPicture(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  return { canvas, context, image, pixels: new Uint32Array(image.data.buffer), slice: -1, window: "" };
}

/** From HU to grey: a table over all of Int16, made anew for each window. */
class Grey {
  constructor() {
    this.table = new Uint32Array(65536);
    this.key = "";
  }

  set(width, level) {
    const key = `${width}/${level}`;
    if (key === this.key) return;
    this.key = key;
    const low = level - width / 2;
    for (let n = 0; n < 65536; n++) {
      const grey = Math.max(0, Math.min(255, Math.round(((n - 32768 - low) / width) * 255)));
      this.table[n] = (0xff000000 | (grey << 16) | (grey << 8) | grey) >>> 0;
    }
  }
}

/** The structures of one arm; each mask covers its own box only. */
class Arm {
  /** @param {Map<string, {low: number[], size: number[], voxels: Uint8Array}>} structures by name. */
  constructor(structures) {
    this.structures = structures;
    this.outlines = new Map();
  }

  /** An arm as Python packed it. */
  static read(buffer, table) {
    const bytes = new Uint8Array(buffer);
    return new Arm(new Map(table.map((entry) => [entry.name, unpack(bytes, entry)])));
  }

  /** The same structures, to be changed without changing these. */
  copy() {
    return new Arm(new Map([...this.structures].map(([name, mask]) => [name, { ...mask, voxels: mask.voxels.slice() }])));
  }

  /** A structure has changed in a box: its outlines there are to be traced anew. */
  forget(name, low, high) {
    for (const [plane, { through }] of Object.entries(PLANES)) {
      const axis = AXES.indexOf(through);
      for (let slice = low[axis]; slice < high[axis]; slice++) this.outlines.delete(`${name} ${plane} ${slice}`);
    }
  }

  /** What this arm has and the other has not, structure by structure. */
  minus(other) {
    const left = ([name, mask]) => [name, subtracted(mask, other.structures.get(name))];
    return new Arm(new Map([...this.structures].map(left)));
  }

  has(name, point) {
    const mask = this.structures.get(name);
    if (!mask) return false;
    const local = AXES.map((axis, n) => point[axis] - mask.low[n]);
    if (local.some((value, n) => value < 0 || value >= mask.size[n])) return false;
    return mask.voxels[local[0] + mask.size[0] * (local[1] + mask.size[1] * local[2])] === 1;
  }

  /** Voxels of a structure on each of `count` axial slices. */
  areas(name, count) {
    const mask = this.structures.get(name);
    return sharedBySlice(mask, mask, count);
  }

  /** Voxels of a structure in all. */
  voxels(name) {
    return this.structures.get(name)?.voxels.reduce((sum, voxel) => sum + voxel, 0) ?? 0;
  }

  /** The outline of one structure on one slice, or null where it has none; traced once. */
  outline(name, planeName, slice, spacing) {
    const key = `${name} ${planeName} ${slice}`;
    if (!this.outlines.has(key)) {
      // A bound, so that an hour of scrolling does not fill the browser's memory.
      if (this.outlines.size > 6000) this.outlines.clear();
      this.outlines.set(key, traceSlice(this.structures.get(name), PLANES[planeName], slice, spacing));
    }
    return this.outlines.get(key);
  }
}

function unpack(bytes, entry) {
  const low = entry.box.map((range) => range[0]);
  const size = entry.box.map((range) => range[1] - range[0]);
  const voxels = new Uint8Array(size[0] * size[1] * size[2]);
  for (let n = 0; n < voxels.length; n++) voxels[n] = (bytes[entry.offset + (n >> 3)] >> (n & 7)) & 1;
  return { low, size, voxels };
}

/** Calls `visit(index in a, slice)` for each voxel that both masks hold. */
function eachShared(a, b, visit) {
  const low = a.low.map((first, n) => Math.max(first, b.low[n]));
  const high = a.low.map((first, n) => Math.min(first + a.size[n], b.low[n] + b.size[n]));
  const index = (mask, y, z) => low[0] - mask.low[0] + mask.size[0] * (y - mask.low[1] + mask.size[1] * (z - mask.low[2]));
  for (let z = low[2]; z < high[2]; z++) {
    for (let y = low[1]; y < high[1]; y++) {
      let i = index(a, y, z);
      let j = index(b, y, z);
      for (let x = low[0]; x < high[0]; x++, i++, j++) if (a.voxels[i] & b.voxels[j]) visit(i, z);
    }
  }
}

function subtracted(mask, other) {
  const voxels = mask.voxels.slice();
  if (other) eachShared(mask, other, (index) => (voxels[index] = 0));
  return { ...mask, voxels };
}

function sharedBySlice(a, b, count) {
  const shared = new Uint32Array(count);
  if (a && b) eachShared(a, b, (index, slice) => shared[slice]++);
  return shared;
}

/** Dice of one structure in two arms on each axial slice; NaN where neither has it. */
function diceBySlice(first, second, name, count) {
  const shared = sharedBySlice(first.structures.get(name), second.structures.get(name), count);
  const [a, b] = [first.areas(name, count), second.areas(name, count)];
  return Array.from(shared, (voxels, slice) => (2 * voxels) / (a[slice] + b[slice]));
}

function traceSlice(mask, plane, slice, spacing) {
  if (!mask) return null;
  const [across, up, through] = [plane.across, plane.up, plane.through].map((axis) => AXES.indexOf(axis));
  const depth = slice - mask.low[through];
  if (depth < 0 || depth >= mask.size[through]) return null;
  const stride = [1, mask.size[0], mask.size[0] * mask.size[1]];
  const width = mask.size[across] + 2;
  const height = mask.size[up] + 2;
  const grid = new Uint8Array(width * height);
  for (let v = 0; v < height - 2; v++) {
    let index = depth * stride[through] + v * stride[up];
    let n = (v + 1) * width + 1;
    for (let u = 0; u < width - 2; u++, index += stride[across]) grid[n++] = mask.voxels[index];
  }
  const loops = traceLoops(grid, width, height);
  if (!loops.length) return null;
  // Cell 0 is the border, so cell u is voxel u - 1 of the box, whose centre lies half a voxel further.
  const [du, dv] = [spacing[plane.across], spacing[plane.up]];
  return outline(loops, { u: (mask.low[across] - 0.5) * du, v: (mask.low[up] - 0.5) * dv, du, dv });
}
