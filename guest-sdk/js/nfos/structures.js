/** Aggregate state: the structures that every worker shares, opened by name in `init`.
 *
 * A value is of a type of `layout.js` with at most 48 bytes; a key is a Uint8Array of at most 64.
 * What an operation *observes* is what may make the host run the handler again; the rest conflicts
 * with nobody. */

import { Allocator as HostAllocator } from "nfos:nf/allocator@0.1.0";
import { DistributedObject } from "nfos:nf/distributed-object@0.1.0";
import { HashMap } from "nfos:nf/hash-map@0.1.0";
import { Vector as HostVector } from "nfos:nf/vector@0.1.0";

function load(type, cell) {
  const view = new DataView(new ArrayBuffer(48));
  view.setBigUint64(0, cell.w0, true);
  view.setBigUint64(8, cell.w1, true);
  view.setBigUint64(16, cell.w2, true);
  view.setBigUint64(24, cell.w3, true);
  view.setBigUint64(32, cell.w4, true);
  view.setBigUint64(40, cell.w5, true);
  return type.load(view, 0);
}

function cellOf(type, value) {
  const view = new DataView(new ArrayBuffer(48));
  type.store(value, view, 0);
  return {
    w0: view.getBigUint64(0, true),
    w1: view.getBigUint64(8, true),
    w2: view.getBigUint64(16, true),
    w3: view.getBigUint64(24, true),
    w4: view.getBigUint64(32, true),
    w5: view.getBigUint64(40, true),
  };
}

function bytesOf(key) {
  const view = new DataView(new ArrayBuffer(64));
  view.setBigUint64(0, key.w0, true);
  view.setBigUint64(8, key.w1, true);
  view.setBigUint64(16, key.w2, true);
  view.setBigUint64(24, key.w3, true);
  view.setBigUint64(32, key.w4, true);
  view.setBigUint64(40, key.w5, true);
  view.setBigUint64(48, key.w6, true);
  view.setBigUint64(56, key.w7, true);
  return new Uint8Array(view.buffer, 0, key.length);
}

function fitting(name, type) {
  if (type.size > 48) {
    throw new RangeError(`a value of ${name} has ${type.size} bytes; a cell has 48`);
  }
  return type;
}

/** An array of cells of fixed length. */
export class Vector {
  constructor(handle, type) {
    this.handle = handle;
    this.type = type;
  }

  /** Opens the vector `name` with `length` cells of this type, all zero at first. */
  static open(name, length, type) {
    return new Vector(HostVector.open(name, length), fitting(name, type));
  }

  /** The cell `index`: an observation. The handler ends here if the index is not below the length;
   * so with all that take one. */
  read(index) {
    return load(this.type, this.handle.read(index));
  }

  /** Replaces the cell `index`. */
  write(index, value) {
    this.handle.write(index, cellOf(this.type, value));
  }

  /** Adds to a field of the type u64 of the cell `index`, modulo 2^64, without observing it. */
  add(index, field, delta) {
    this.handle.add(index, this.type.word(field), BigInt(delta));
  }
}

/** A map from short keys to cells. */
export class Map {
  constructor(handle, type) {
    this.handle = handle;
    this.type = type;
  }

  /** Opens the map `name` with room for `capacity` keys of up to `keySize` bytes. */
  static open(name, capacity, keySize, type) {
    return new Map(HashMap.open(name, capacity, keySize), fitting(name, type));
  }

  /** As `open`, which takes "keyed": with a secret of the host, so that nobody can send keys that
   * collide. "plain" hashes alike in every run, for keys that nobody outside can choose. */
  static openWith(name, capacity, keySize, type, hashing) {
    return new Map(HashMap.openWith(name, capacity, keySize, hashing), fitting(name, type));
  }

  /** The value of a key, or undefined: an observation of this key alone. */
  get(key) {
    const cell = this.handle.get(key);
    return cell === undefined ? undefined : load(this.type, cell);
  }

  /** Gives the key a value, whether or not it had one. False if the key was absent and there is no
   * room for it. */
  set(key, value) {
    return this.handle.set(key, cellOf(this.type, value)) === "ok";
  }

  /** Removes the key and answers whether it was there: an observation of this key alone. */
  remove(key) {
    return this.handle.remove(key);
  }

  /** How many keys there are: an observation of every insertion and removal. */
  len() {
    return this.handle.len();
  }

  /** The first entry at or behind a place, which is 0n at first: its `key`, its `value` and the
   * place behind it, `next`; or undefined. From one event to the next, entries that are inserted or
   * removed in between may be passed by or met twice. An observation of what it comes by. */
  next(place) {
    const entry = this.handle.next(place);
    if (entry === undefined) {
      return undefined;
    }
    const { key, value, next } = entry;
    return { key: bytesOf(key), value: load(this.type, value), next };
  }

  /** All keys with their values, `[key, value]`, each once, in no order that is specified: an
   * observation of all of them. A handler that also changes something runs again when any of them
   * changes meanwhile; one that only looks never does. The handler ends here beyond some 60,000. */
  *iter() {
    let place = 0n;
    for (let entry = this.next(place); entry !== undefined; entry = this.next(place)) {
      place = entry.next;
      yield [entry.key, entry.value];
    }
  }

  [Symbol.iterator]() {
    return this.iter();
  }
}

/** A set of ids handed out for a time. */
export class Allocator {
  constructor(handle) {
    this.handle = handle;
  }

  /** Opens the allocator `name` of the ids from 0 to `capacity - 1`. A refresh that would move a
   * deadline by less than `refreshInterval` is skipped. */
  static open(name, capacity, refreshInterval) {
    return new Allocator(HostAllocator.open(name, capacity, refreshInterval));
  }

  /** Takes a free id for `duration` from now on; undefined if no id is left anywhere. */
  allocate(duration) {
    return this.handle.allocate(duration);
  }

  /** Keeps the lease for `duration` from now on at least. Answers whether the id was held. */
  refresh(id, duration) {
    return this.handle.refresh(id, duration);
  }

  /** Gives the id back. The handler ends here if it is not held. */
  free(id) {
    this.handle.free(id);
  }

  /** Whether the id is held and its deadline has not passed: an observation. */
  isLive(id) {
    return this.handle.isLive(id);
  }

  /** One lease whose deadline has passed, with `id` and `deadline`, or undefined: an
   * observation. */
  nextExpired() {
    return this.handle.nextExpired();
  }
}

/** One cell that every worker updates on its own and reads merged. */
export class Distributed {
  constructor(handle, type) {
    this.handle = handle;
    this.type = type;
  }

  /** Opens the object `name`: a struct of fields of the type u64, and for each how it is merged:
   * "sum", "max", "min" or "or". Its merged value may be up to `staleness` old when it is read. */
  static open(name, type, merges, staleness) {
    return new Distributed(DistributedObject.open(name, merges, staleness), fitting(name, type));
  }

  /** Adds to a field of this worker's part, or takes the greatest, the least or the union. */
  update(field, operand) {
    this.handle.update(this.type.word(field), BigInt(operand));
  }

  /** The merged value: an observation of all parts, unless one within the staleness is at hand. */
  read() {
    return load(this.type, this.handle.read());
  }
}

/** One cell for each worker, which it changes as it likes, and which are merged in a way of your own:
 * by any function of two that gives the same in whatever order it is applied, and for which a part of
 * zeroes is neutral. */
export class Parts {
  constructor(handle, type) {
    this.handle = handle;
    this.type = type;
  }

  /** Opens the object `name`, whose parts are all zero at first and whose merged value may be up to
   * `staleness` old when it is read. */
  static open(name, type, staleness) {
    return new Parts(DistributedObject.openParts(name, staleness), fitting(name, type));
  }

  /** This worker's part. Conflicts with nobody. */
  own() {
    return load(this.type, this.handle.ownPart());
  }

  /** Replaces this worker's part. Conflicts with nobody but those who merge. */
  set(part) {
    this.handle.setPart(cellOf(this.type, part));
  }

  /** The merged value: an observation of all parts, unless one within the staleness is at hand. */
  read(merge) {
    const published = this.handle.published();
    if (published !== undefined) {
      return load(this.type, published);
    }
    let merged = load(this.type, this.handle.part(0));
    const parts = this.handle.parts();
    for (let index = 1; index < parts; index++) {
      merged = merge(merged, load(this.type, this.handle.part(index)));
    }
    this.handle.publish(cellOf(this.type, merged));
    return merged;
  }
}
