/** How values lie in the bytes of a packet-set state or an aggregate-state cell.
 *
 * Fields follow each other in their order, each at a multiple of its alignment (at most 8), in
 * little-endian order, as in the SDK for Rust. All bytes zero are the value that everything has at
 * first. A u64 is a BigInt, smaller numbers are numbers.
 *
 *     const Bucket = struct({ tokens: u64, last: u64 });
 */

/** Where a field of this alignment lies that follows `offset` bytes. */
export function place(offset, align) {
  return Math.ceil(offset / align) * align;
}

export const u8 = {
  size: 1,
  align: 1,
  load: (view, at) => view.getUint8(at),
  store: (value, view, at) => view.setUint8(at, value),
};
export const u16 = {
  size: 2,
  align: 2,
  load: (view, at) => view.getUint16(at, true),
  store: (value, view, at) => view.setUint16(at, value, true),
};
export const u32 = {
  size: 4,
  align: 4,
  load: (view, at) => view.getUint32(at, true),
  store: (value, view, at) => view.setUint32(at, value, true),
};
export const u64 = {
  size: 8,
  align: 8,
  load: (view, at) => view.getBigUint64(at, true),
  store: (value, view, at) => view.setBigUint64(at, BigInt(value), true),
};
export const boolean = {
  size: 1,
  align: 1,
  load: (view, at) => view.getUint8(at) !== 0,
  store: (value, view, at) => view.setUint8(at, value ? 1 : 0),
};

/** That many bytes, as a Uint8Array. */
export function octets(count) {
  return {
    size: count,
    align: 1,
    load: (view, at) => new Uint8Array(view.buffer, view.byteOffset + at, count).slice(),
    store: (value, view, at) => new Uint8Array(view.buffer, view.byteOffset + at, count).set(value),
  };
}
export const mac = octets(6);
export const ipv4 = octets(4);

/** A struct of these fields; its values are objects. */
export function struct(fields) {
  const places = [];
  let offset = 0;
  let align = 1;
  for (const [name, field] of Object.entries(fields)) {
    const at = place(offset, field.align);
    places.push([name, field, at]);
    offset = at + field.size;
    align = Math.max(align, field.align);
  }
  return {
    size: place(offset, align),
    align,
    load(view, at) {
      const value = {};
      for (const [name, field, offset] of places) value[name] = field.load(view, at + offset);
      return value;
    },
    store(value, view, at) {
      for (const [name, field, offset] of places) field.store(value[name], view, at + offset);
    },
    /** The word of a cell in which a field of the type u64 lies. */
    word(name) {
      const [, field, at] = places.find(([one]) => one === name) ?? [];
      if (field !== u64) throw new RangeError(`${name} is no word of a cell`);
      return at / 8;
    },
  };
}
