// Knows: how ggml packs 32 four-bit integers into 16 bytes, and the fifth bits of 32 integers into 4.

/** Byte j of `bytes[from …]` holds elements j (low half) and j + 16 (high half). */
export function readNibbles(bytes: Uint8Array, from: number, q: Uint8Array, at: number): void {
  for (let j = 0; j < 16; j++) {
    const both = bytes[from + j] as number
    q[at + j] = both & 15
    q[at + j + 16] = both >> 4
  }
}

/** Adds `offset` to 32 integers, and 16 to those whose bit is set in `bytes[from …]`. */
export function addFifthBits(
  bytes: Uint8Array,
  from: number,
  q: Uint8Array,
  at: number,
  offset: number,
): void {
  for (let j = 0; j < 32; j++) {
    const fifth = ((bytes[from + (j >> 3)] as number) >> (j & 7)) & 1
    q[at + j] = (q[at + j] as number) + 16 * fifth + offset
  }
}
