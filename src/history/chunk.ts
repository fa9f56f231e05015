import type { HistoryPoint } from "./point.ts";

/*
 * Points as bytes: in an object's tables, in a socket's attachment and in queue messages. A stored chunk is read years
 * later, so every version that was ever written stays readable. Version 1:
 *
 *   u8 version, then points, each: u8 flags (1 accuracy, 2 speed, 4 heading, 8 outlier, 16 and 32: accuracy and speed too
 *   large for a varint, as f64 little endian), zigzag varints of the differences to the point before (0 before the first)
 *   of ts (ms), lat, lng (1e-7 degrees), then the fields that the flags name, as varints of 0.001 m, 0.001 m/s, 0.001
 *   degrees
 *
 * A point after the first takes about 18 bytes with all fields. The differences may be negative: points are appended in
 * the order in which they come in.
 */

export const CHUNK_CODEC_VERSION = 1;

const DEGREE_SCALE = 1e7;
const FIELD_SCALE = 1000;
/** Beyond it a value is written as it is: a million kilometres of accuracy are nonsense that must not become other nonsense. */
const FIELD_MAX = 1e9;
/** Flags, three varints of at most 8, 5 and 5 bytes, two values of at most 8 and a heading of 3. */
const POINT_MAX_BYTES = 1 + 8 + 5 + 5 + 8 + 8 + 3;

const HAS_ACCURACY = 1;
const HAS_SPEED = 2;
const HAS_HEADING = 4;
const IS_OUTLIER = 8;
const WIDE_ACCURACY = 16;
const WIDE_SPEED = 32;

/** Bytes that this code cannot read: written by a newer version, or damaged. */
export class ChunkError extends Error {
  override readonly name = "ChunkError";
}

/** A chunk in the making; appending costs the same for the first point and for the last. */
export class ChunkWriter {
  #view = new DataView(new ArrayBuffer(512));
  #length = 1;
  #count = 0;
  #ts = 0;
  #lat = 0;
  #lng = 0;

  constructor(points: Iterable<HistoryPoint> = []) {
    this.#view.setUint8(0, CHUNK_CODEC_VERSION);
    for (const point of points) this.append(point);
  }

  get count(): number {
    return this.#count;
  }

  get byteLength(): number {
    return this.#length;
  }

  append({ lat, lng, ts, accuracy, speed, heading, outlier }: HistoryPoint): void {
    if (this.#length + POINT_MAX_BYTES > this.#view.byteLength) this.#grow();
    const wideAccuracy = accuracy !== undefined && accuracy > FIELD_MAX;
    const wideSpeed = speed !== undefined && speed > FIELD_MAX;
    this.#view.setUint8(
      this.#length++,
      (accuracy === undefined ? 0 : HAS_ACCURACY) |
        (speed === undefined ? 0 : HAS_SPEED) |
        (heading === undefined ? 0 : HAS_HEADING) |
        (outlier === true ? IS_OUTLIER : 0) |
        (wideAccuracy ? WIDE_ACCURACY : 0) |
        (wideSpeed ? WIDE_SPEED : 0),
    );
    const latUnits = Math.round(lat * DEGREE_SCALE);
    const lngUnits = Math.round(lng * DEGREE_SCALE);
    this.#zigzag(ts - this.#ts);
    this.#zigzag(latUnits - this.#lat);
    this.#zigzag(lngUnits - this.#lng);
    if (accuracy !== undefined) this.#field(accuracy, wideAccuracy);
    if (speed !== undefined) this.#field(speed, wideSpeed);
    if (heading !== undefined) this.#field(heading, false);
    this.#ts = ts;
    this.#lat = latUnits;
    this.#lng = lngUnits;
    this.#count += 1;
  }

  /** A copy of what was appended so far. */
  bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#view.buffer.slice(0, this.#length));
  }

  /** Writes what was appended so far into `target` from `at` on. @returns where it ends */
  copyTo(target: DataView, at: number): number {
    const source = new Uint8Array(this.#view.buffer, 0, this.#length);
    new Uint8Array(target.buffer, target.byteOffset, target.byteLength).set(source, at);
    return at + this.#length;
  }

  #field(value: number, wide: boolean): void {
    if (wide) {
      this.#view.setFloat64(this.#length, value, true);
      this.#length += 8;
    } else this.#varint(Math.round(value * FIELD_SCALE));
  }

  #zigzag(value: number): void {
    this.#varint(value < 0 ? -2 * value - 1 : 2 * value);
  }

  /** By division, not by shifts: times in ms exceed 32 bits. */
  #varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.#view.setUint8(this.#length++, (rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.#view.setUint8(this.#length++, rest);
  }

  #grow(): void {
    const larger = new DataView(new ArrayBuffer(2 * this.#view.byteLength));
    this.copyTo(larger, 0);
    this.#view = larger;
  }
}

export function encodeChunk(points: Iterable<HistoryPoint>): Uint8Array<ArrayBuffer> {
  return new ChunkWriter(points).bytes();
}

/**
 * The points in the order in which they were appended.
 *
 * @throws ChunkError for an unknown version, and for bytes that end within a point
 */
export function decodeChunk(bytes: Uint8Array): HistoryPoint[] {
  const version = bytes[0];
  if (version !== CHUNK_CODEC_VERSION) throw new ChunkError(`chunk codec version ${version} is not known here`);
  const reader = new ChunkReader(bytes);
  const points: HistoryPoint[] = [];
  while (!reader.ended) points.push(reader.point());
  return points;
}

class ChunkReader {
  readonly #view: DataView;
  #at = 1;
  #ts = 0;
  #lat = 0;
  #lng = 0;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get ended(): boolean {
    return this.#at >= this.#view.byteLength;
  }

  point(): HistoryPoint {
    const flags = this.#byte();
    this.#ts += this.#zigzag();
    this.#lat += this.#zigzag();
    this.#lng += this.#zigzag();
    const point: HistoryPoint = { lat: this.#lat / DEGREE_SCALE, lng: this.#lng / DEGREE_SCALE, ts: this.#ts };
    if ((flags & HAS_ACCURACY) !== 0) point.accuracy = this.#field((flags & WIDE_ACCURACY) !== 0);
    if ((flags & HAS_SPEED) !== 0) point.speed = this.#field((flags & WIDE_SPEED) !== 0);
    if ((flags & HAS_HEADING) !== 0) point.heading = this.#field(false);
    if ((flags & IS_OUTLIER) !== 0) point.outlier = true;
    return point;
  }

  #field(wide: boolean): number {
    if (!wide) return this.#varint() / FIELD_SCALE;
    if (this.#at + 8 > this.#view.byteLength) throw new ChunkError("a chunk ends within a point");
    this.#at += 8;
    return this.#view.getFloat64(this.#at - 8, true);
  }

  #zigzag(): number {
    const value = this.#varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  #varint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
      if (scale > Number.MAX_SAFE_INTEGER) throw new ChunkError("a chunk has a number that is too long");
    }
  }

  #byte(): number {
    if (this.#at >= this.#view.byteLength) throw new ChunkError("a chunk ends within a point");
    return this.#view.getUint8(this.#at++);
  }
}
