/**
 * The little of the model file format that a contract needs: the named metadata entries of a `.tflite`.
 *
 * A FlatBuffer table starts with a signed offset back to its vtable; the vtable gives its own size and, for each field, the
 * field's distance from the table (0 = absent). Vectors and strings are a 32-bit count followed by their elements.
 * Slots are those of the TFLite schema: Model.buffers 4, Model.metadata 6, Metadata.name 0, Metadata.buffer 1, Buffer.data 0.
 */

const BUFFERS_SLOT = 4;
const METADATA_SLOT = 6;

export class ModelFileError extends Error {
  override name = "ModelFileError";
}

/** A bounds-checked view: every read outside the file is one ModelFileError, never a RangeError. */
class Reader {
  readonly #view: DataView;

  constructor(readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u16(at: number): number {
    return this.#view.getUint16(this.#inside(at, 2), true);
  }

  u32(at: number): number {
    return this.#view.getUint32(this.#inside(at, 4), true);
  }

  i32(at: number): number {
    return this.#view.getInt32(this.#inside(at, 4), true);
  }

  /** The position that the offset stored at `at` points to. */
  follow(at: number): number {
    return at + this.u32(at);
  }

  /** Where the field in `slot` of the table at `table` lies, or null when it is absent. */
  field(table: number, slot: number): number | null {
    const vtable = table - this.i32(table);
    const entry = 4 + 2 * slot;
    if (entry + 2 > this.u16(vtable)) return null;
    const distance = this.u16(vtable + entry);
    return distance === 0 ? null : table + distance;
  }

  /** The positions of the tables in the vector that the field in `slot` holds. */
  *tables(table: number, slot: number): Generator<number> {
    const field = this.field(table, slot);
    if (field === null) return;
    const vector = this.follow(field);
    const count = this.u32(vector);
    this.#inside(vector + 4, 4 * count);
    for (let i = 0; i < count; i++) yield this.follow(vector + 4 + 4 * i);
  }

  /** The bytes of the vector or string in `slot`; empty when it is absent. */
  vector(table: number, slot: number): Uint8Array {
    const field = this.field(table, slot);
    if (field === null) return new Uint8Array(0);
    const start = this.follow(field);
    const count = this.u32(start);
    this.#inside(start + 4, count);
    return this.bytes.subarray(start + 4, start + 4 + count);
  }

  #inside(at: number, size: number): number {
    if (at < 0 || at + size > this.bytes.byteLength) {
      throw new ModelFileError(`not a model file that can be read: it points to byte ${at + size} of ${this.bytes.byteLength}`);
    }
    return at;
  }
}

/** The bytes of the metadata entry called `name` (a view, not a copy), or null when the model file has none. */
export function metadataEntry(modelFile: Uint8Array, name: string): Uint8Array | null {
  const reader = new Reader(modelFile);
  if (modelFile.byteLength < 8 || new TextDecoder().decode(modelFile.subarray(4, 8)) !== "TFL3") {
    throw new ModelFileError("not a model file: the identifier TFL3 is missing at byte 4");
  }
  const model = reader.follow(0);
  for (const entry of reader.tables(model, METADATA_SLOT)) {
    if (new TextDecoder().decode(reader.vector(entry, 0)) !== name) continue;
    const field = reader.field(entry, 1);
    const wanted = field === null ? 0 : reader.u32(field);
    let index = 0;
    for (const buffer of reader.tables(model, BUFFERS_SLOT)) {
      if (index++ === wanted) return reader.vector(buffer, 0);
    }
    throw new ModelFileError(`the metadata entry ${name} names buffer ${wanted}, and there are ${index}`);
  }
  return null;
}
