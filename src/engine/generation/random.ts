// Knows: a random number stream per row, seeded by a text: neither the other rows of a batch nor their order
// change a row's draws.
// Algorithms: cyrb128 hashing of the text, sfc32 (Chris Doty-Humphrey, PractRand) for the stream.

/** Uniform numbers in [0, 1) from a text; the same text gives the same numbers on every machine. */
export function makeRandom(seed: string): () => number {
  let [a, b, c, d] = hashText(seed)
  return () => {
    const t = (a + b) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    d = (d + 1) | 0
    const word = (t + d) | 0
    c = (c + word) | 0
    return (word >>> 0) / 4294967296
  }
}

function hashText(text: string): [number, number, number, number] {
  let [a, b, c, d] = [1779033703, 3144134277, 1013904242, 2773480762]
  for (let i = 0; i < text.length; i++) {
    const k = text.charCodeAt(i)
    a = b ^ Math.imul(a ^ k, 597399067)
    b = c ^ Math.imul(b ^ k, 2869860233)
    c = d ^ Math.imul(c ^ k, 951274213)
    d = a ^ Math.imul(d ^ k, 2716044179)
  }
  a = Math.imul(c ^ (a >>> 18), 597399067)
  b = Math.imul(d ^ (b >>> 22), 2869860233)
  c = Math.imul(a ^ (c >>> 17), 951274213)
  d = Math.imul(b ^ (d >>> 19), 2716044179)
  const all = a ^ b ^ c ^ d
  return [all | 0, (b ^ all) | 0, (c ^ all) | 0, (d ^ all) | 0]
}
