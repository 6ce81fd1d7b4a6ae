/** A map whose entries go when they are not refreshed: stations, mappings, servers.
 *
 * A map leads from the key to a lease and a value; an allocator hands the leases out; and a vector
 * has a record per lease, which is its key, so that a lease that has run out leads back to its
 * entry. Nothing goes by itself: until `nextExpired` has found an entry and it has been removed, it
 * is there. */

import { octets, struct, u32 } from "./layout.js";
import { Allocator, Map, Vector } from "./structures.js";

/** A map with leases. */
export class LeasedMap {
  constructor(entries, leases, records) {
    this.entries = entries;
    this.leases = leases;
    this.records = records;
  }

  /** Opens the map `name`, the allocator `name_leases` and the vector `name_records`, with room for
   * `capacity` entries. A refresh that would move a deadline by less than `refreshInterval` is
   * skipped. Keys have `keySize` bytes, at most 48. */
  static open(name, capacity, refreshInterval, keySize, type) {
    return new LeasedMap(
      Map.open(name, capacity, keySize, struct({ lease: u32, value: type })),
      Allocator.open(`${name}_leases`, capacity, refreshInterval),
      Vector.open(`${name}_records`, capacity, octets(keySize)),
    );
  }

  /** The entry of a key, `{ lease, value }`, or undefined: an observation of this key alone. */
  get(key) {
    return this.entries.get(key);
  }

  /** Makes an entry for `duration` from now on and answers its lease; undefined if no lease is left
   * anywhere. The key must have no entry: `get` has just answered so. */
  insert(key, value, duration) {
    const lease = this.leases.allocate(duration);
    if (lease !== undefined) {
      this.entries.set(key, { lease, value });
      this.records.write(lease, key);
    }
    return lease;
  }

  /** Gives the key of an entry another value. Conflicts with everybody who looked the key up. */
  set(key, entry) {
    this.entries.set(key, entry);
  }

  /** Keeps an entry for `duration` from now on at least; conflicts with nobody but its removal. */
  refresh(lease, duration) {
    this.leases.refresh(lease, duration);
  }

  /** One lease that has run out, with `id`, `deadline` and the `key` of its entry, to be removed or
   * refreshed in the same event; or undefined. An observation. */
  nextExpired() {
    const expired = this.leases.nextExpired();
    return expired && { ...expired, key: this.records.read(expired.id) };
  }

  /** Removes an entry and gives its lease back. The handler ends here if it is not held. */
  remove(lease, key) {
    this.entries.remove(key);
    this.leases.free(lease);
  }

  /** Removes up to `most` entries whose leases have run out. */
  removeExpired(most) {
    for (let removed = 0; removed < most; removed++) {
      const expired = this.nextExpired();
      if (expired === undefined) return;
      this.remove(expired.id, expired.key);
    }
  }
}
