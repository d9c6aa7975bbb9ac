/**
 * Draws one frame: visibility by rays against the ground and every solid whose silhouette covers the
 * pixel, then one shading of each sample.
 *
 * @module
 */

import { randomStream } from "../../random.ts";
import type { Frame } from "../../records.ts";
import { type Camera, cameraAt, intrinsicsOf, poseOf } from "./camera.ts";
import { type GroundHit, hitGround } from "./ground.ts";
import { paintGrass, paintPavement, paintRoad, paintSky, paintSolid } from "./materials.ts";
import { distanceAlong } from "./road.ts";
import { ShadowGrid } from "./shadow.ts";
import { type Hit, intersect, type Solid } from "./solid.ts";
import { ClassId, type Street } from "./street.ts";

/** Samples of a pixel: its centre, which decides class and depth, and four around it. */
const SAMPLES: readonly (readonly [number, number])[] = [
  [0, 0],
  [-0.3, -0.15],
  [0.15, -0.3],
  [0.3, 0.15],
  [-0.15, 0.3],
];

/**
 * Pixels across the camera's sensor: a smaller frame is the mean of several of them, and its noise is
 * smaller by the square root of their number.
 */
const SENSOR_COLUMNS = 1024;

/** Renders a street `seconds` after its start. */
export function renderStreet(
  street: Street,
  seconds: number,
  height: number,
  width: number,
): Omit<Frame, "name" | "sequence"> {
  const renderer = new Renderer(street, seconds, height, width);
  return renderer.frame();
}

class Renderer {
  readonly #camera: Camera;
  readonly #solids: Solid[];
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;
  readonly #shadows: ShadowGrid;
  readonly #intrinsics;
  readonly #count: number;
  /** Nearest hit of each sample: depth, and the solid (-1 ground, -2 sky). */
  readonly #depth: Float64Array;
  readonly #owner: Int32Array;
  readonly #hit: Hit = { t: 0, nx: 0, ny: 0, nz: 0, across: 0, height: 0, along: 0 };
  readonly #ground: GroundHit = { t: 0, classId: 0, x: 0, z: 0, d: 0, level: true };
  readonly #colour = new Float64Array(3);
  /** Slopes of the samples of each column to the right, of each row downwards. */
  readonly #across: Float64Array;
  readonly #downwards: Float64Array;
  /** Direction of the sample in hand. */
  #dx = 0;
  #dy = 0;
  #dz = 0;

  constructor(
    readonly street: Street,
    seconds: number,
    readonly height: number,
    readonly width: number,
  ) {
    this.#camera = cameraAt(street, seconds);
    this.#intrinsics = intrinsicsOf(street, width / height);
    this.#solids = street.solids.map((solid) => ({
      ...solid,
      x: solid.x + solid.velocity[0] * seconds,
      z: solid.z + solid.velocity[1] * seconds,
    }));
    this.#cos = Float64Array.from(this.#solids, (solid) => Math.cos(solid.heading));
    this.#sin = Float64Array.from(this.#solids, (solid) => Math.sin(solid.heading));
    this.#shadows = new ShadowGrid(this.#solids, street.weather);
    const { fx, fy, cx, cy } = this.#intrinsics;
    const slopes = (axis: 0 | 1, size: number, focal: number, centre: number) =>
      Float64Array.from({ length: size * SAMPLES.length }, (_, i) => {
        const at = Math.floor(i / SAMPLES.length) + 0.5 + SAMPLES[i % SAMPLES.length][axis];
        return (at / size - centre) / focal;
      });
    this.#across = slopes(0, width, fx, cx);
    this.#downwards = slopes(1, height, fy, cy);
    this.#count = height * width * SAMPLES.length;
    this.#depth = new Float64Array(this.#count).fill(Infinity);
    this.#owner = new Int32Array(this.#count).fill(-2);
  }

  frame(): Omit<Frame, "name" | "sequence"> {
    this.#seeGround();
    this.#solids.forEach((_, index) => this.#seeSolid(index));
    return this.#shade();
  }

  /** Sets the direction through sample k of pixel (x, y); its forward part is 1, so that t is depth. */
  #aim(x: number, y: number, k: number): void {
    const u = this.#across[x * SAMPLES.length + k], v = this.#downwards[y * SAMPLES.length + k];
    const { right, down, forward } = this.#camera;
    this.#dx = forward[0] + u * right[0] + v * down[0];
    this.#dy = forward[1] + u * right[1] + v * down[1];
    this.#dz = forward[2] + u * right[2] + v * down[2];
  }

  #seeGround(): void {
    const { x: ox, y: oy, z: oz } = this.#camera;
    for (let i = 0; i < this.#count; i++) {
      const pixel = Math.floor(i / SAMPLES.length);
      this.#aim(pixel % this.width, Math.floor(pixel / this.width), i % SAMPLES.length);
      if (!hitGround(this.street, ox, oy, oz, this.#dx, this.#dy, this.#dz, this.#ground)) continue;
      if (this.#ground.t > 400) continue;
      this.#depth[i] = this.#ground.t;
      this.#owner[i] = -1;
    }
  }

  #seeSolid(index: number): void {
    const bounds = this.#silhouette(this.#solids[index]);
    if (!bounds) return;
    const [left, right, top, bottom, nearest] = bounds;
    const { x: ox, y: oy, z: oz } = this.#camera;
    const solid = this.#solids[index], cos = this.#cos[index], sin = this.#sin[index];
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) {
        const first = (y * this.width + x) * SAMPLES.length;
        for (let k = 0; k < SAMPLES.length; k++) {
          const limit = this.#depth[first + k];
          if (limit < nearest) continue;
          this.#aim(x, y, k);
          if (
            !intersect(solid, cos, sin, ox, oy, oz, this.#dx, this.#dy, this.#dz, limit, this.#hit)
          ) continue;
          this.#depth[first + k] = this.#hit.t;
          this.#owner[first + k] = index;
        }
      }
    }
  }

  /**
   * The pixels that a solid's bounding box can cover: left, right, top, bottom; and a depth that no point of it is
   * nearer than. Undefined if it is out of sight.
   */
  #silhouette(solid: Solid): [number, number, number, number, number] | undefined {
    const { fx, fy, cx, cy } = this.#intrinsics;
    const { right, down, forward } = this.#camera;
    const cos = Math.cos(solid.heading), sin = Math.sin(solid.heading);
    const depthwise = solid.shape === "cylinder" ? solid.across : solid.along;
    let [left, rightmost, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
    let [visible, behind, nearest] = [false, false, Infinity];
    for (let k = 0; k < 8; k++) {
      const a = (k & 1 ? 1 : -1) * solid.across,
        b = (k & 2 ? 1 : -1) * solid.up,
        c = (k & 4 ? 1 : -1) * depthwise;
      const px = solid.x + cos * a + sin * c - this.#camera.x;
      const py = solid.y + b - this.#camera.y;
      const pz = solid.z - sin * a + cos * c - this.#camera.z;
      const depth = px * forward[0] + py * forward[1] + pz * forward[2];
      if (depth < 0.3) {
        behind = true;
        continue;
      }
      visible = true;
      nearest = Math.min(nearest, depth);
      const u = (px * right[0] + py * right[1] + pz * right[2]) / depth * fx + cx;
      const v = (px * down[0] + py * down[1] + pz * down[2]) / depth * fy + cy;
      left = Math.min(left, u);
      rightmost = Math.max(rightmost, u);
      top = Math.min(top, v);
      bottom = Math.max(bottom, v);
    }
    if (!visible) return undefined;
    // A solid that reaches behind the camera may cover anything on its side of the image.
    if (behind) [left, rightmost, top, bottom, nearest] = [0, 1, 0, 1, 0];
    const x0 = Math.max(0, Math.floor(left * this.width) - 1),
      x1 = Math.min(this.width - 1, Math.ceil(rightmost * this.width));
    const y0 = Math.max(0, Math.floor(top * this.height) - 1),
      y1 = Math.min(this.height - 1, Math.ceil(bottom * this.height));
    // A little less, for rounding.
    return x0 > x1 || y0 > y1 ? undefined : [x0, x1, y0, y1, 0.999 * nearest];
  }

  #shade(): Omit<Frame, "name" | "sequence"> {
    const pixels = this.height * this.width;
    const rgb = new Uint8ClampedArray(pixels * 3);
    const labels = new Uint8Array(pixels), instances = new Uint16Array(pixels);
    const depth = new Float32Array(pixels);
    const { weather } = this.street;
    const strength = weather.noise * Math.min(1, this.width / SENSOR_COLUMNS);
    const random = randomStream(this.street.seed, "sensor", this.#camera.z);
    const sum = new Float64Array(3);
    for (let pixel = 0; pixel < pixels; pixel++) {
      const x = pixel % this.width, y = Math.floor(pixel / this.width);
      sum.fill(0);
      for (let k = 0; k < SAMPLES.length; k++) {
        const i = pixel * SAMPLES.length + k;
        this.#aim(x, y, k);
        const classId = this.#light(this.#owner[i], this.#depth[i]);
        if (k === 0) {
          labels[pixel] = classId;
          depth[pixel] = this.#depth[i];
          if (this.#owner[i] >= 0) instances[pixel] = this.#solids[this.#owner[i]].instance;
        }
        for (let c = 0; c < 3; c++) sum[c] += Math.min(1, this.#colour[c] * weather.exposure[c]);
      }
      const dim = 1 -
        0.18 * (((x / this.width) * 2 - 1) ** 2 + ((y / this.height) * 2 - 1) ** 2) / 2;
      const noise = strength * (random.uniform() + random.uniform() - 1) * 1.7;
      for (let c = 0; c < 3; c++) {
        rgb[3 * pixel + c] = 255 * dim * sum[c] / SAMPLES.length + noise +
          strength * (random.uniform() - 0.5);
      }
    }
    return {
      height: this.height,
      width: this.width,
      rgb: new Uint8Array(rgb.buffer),
      labels,
      depth,
      instances,
      intrinsics: this.#intrinsics,
      pose: poseOf(this.#camera),
    };
  }

  /** Writes the lit colour of a sample; answers its class. */
  #light(owner: number, depth: number): number {
    const target = this.#colour;
    const { x: ox, y: oy, z: oz } = this.#camera;
    if (owner === -2) {
      paintSky(target, this.street, this.#dx, this.#dy, this.#dz);
      return ClassId.sky;
    }
    const { weather } = this.street;
    const footprint = depth / (this.#intrinsics.fx * this.width);
    let classId: number, light: number;
    if (owner === -1) {
      const hit = this.#ground;
      hitGround(this.street, ox, oy, oz, this.#dx, this.#dy, this.#dz, hit);
      classId = hit.classId;
      const { d } = hit, s = distanceAlong(this.street.curvature, hit.x, hit.z);
      // Seen at a slant, a pixel covers more of the ground along the view than across.
      const slanted = footprint * Math.min(6, 1 / Math.sqrt(Math.max(0.02, this.#dy)));
      if (classId === ClassId.road) paintRoad(target, this.street, s, d, slanted);
      else if (classId === ClassId.grass) paintGrass(target, this.street, s, d, slanted);
      else paintPavement(target, this.street, s, d, slanted);
      const sunlit = hit.level && weather.direct >= 0.15 &&
        !this.#shadows.shades(ox + depth * this.#dx, oy + depth * this.#dy, oz + depth * this.#dz);
      light = (hit.level ? 1 : 0.8) * weather.ambient +
        (sunlit ? weather.direct * -weather.sun[1] * 1.3 : 0);
    } else {
      const solid = this.#solids[owner];
      intersect(
        solid,
        this.#cos[owner],
        this.#sin[owner],
        ox,
        oy,
        oz,
        this.#dx,
        this.#dy,
        this.#dz,
        depth * 1.000001 + 1e-9,
        this.#hit,
      );
      classId = solid.classId;
      paintSolid(target, solid, this.#hit, footprint);
      const { nx, ny, nz } = this.#hit;
      const facing = Math.max(0, nx * weather.sun[0] + ny * weather.sun[1] + nz * weather.sun[2]);
      const open = 0.8 - 0.25 * ny;
      const grounded = Math.min(1, 0.7 + 0.4 * -(oy + depth * this.#dy));
      light = weather.ambient * open * grounded + weather.direct * facing * 1.3;
    }
    const haze = 1 - Math.exp(-weather.fog * depth);
    for (let c = 0; c < 3; c++) {
      target[c] = target[c] * light * (1 - haze) + weather.horizon[c] * haze;
    }
    if (owner === -1 && weather.wet > 0) this.#mirror(weather.wet);
    return classId;
  }

  /** A wet ground takes on the horizon's colour, the more the flatter it is seen. */
  #mirror(wet: number): void {
    const share = 0.35 * wet * Math.max(0, 1 - 3 * this.#dy);
    const { horizon } = this.street.weather;
    for (let c = 0; c < 3; c++) this.#colour[c] += (horizon[c] - this.#colour[c]) * share;
  }
}
