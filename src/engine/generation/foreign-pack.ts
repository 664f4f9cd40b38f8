// Knows: the KV cache of rows as a graph of another exporter returns it: all rows of a run in one tensor per
// layer, with padding for shorter rows; and how rows of several runs are packed into new tensors.
// Must not know: which steps the rows take (foreign-cache.ts).
import type { DeviceTensor, HostTensor } from '../runtime/types.ts'
import type { PastTensor } from '../weights/onnx/onnx-decoder.ts'

type Numbers = Float32Array | Uint16Array

/** The cache after one run: `tensors` as in the decoder's `past`, each [rows, heads, length, width]. */
export interface Pack {
  readonly tensors: readonly (HostTensor | DeviceTensor)[]
  /** Padded length of all rows. */
  readonly length: number
  /** For each row and position, 1 for a token and 0 for padding. */
  readonly mask: readonly Uint8Array[]
  /** Some row has padding between tokens, not only at an end. */
  readonly gapped: boolean
  /** Number of rows and prefixes that refer to it. */
  references: number
}

/** Drops one reference and frees the tensors with the last one. */
export function releasePack(pack: Pack): void {
  if (--pack.references > 0) return
  for (const tensor of pack.tensors) if ('onDevice' in tensor) tensor.dispose()
}

/** One row of a pack. */
export interface PackRow {
  readonly pack: Pack
  readonly row: number
}

export type Side = 'left' | 'right'

/**
 * Packs rows into new tensors, with the padding of shorter rows at one side; undefined is an empty row. On a
 * GPU this reads the tensors back to the host.
 */
export async function packRowsTogether(
  rows: readonly (PackRow | undefined)[],
  past: readonly PastTensor[],
  type: 'f32' | 'f16',
  padding: Side,
): Promise<Omit<Pack, 'references'>> {
  const runs = rows.map((cached) =>
    cached === undefined ? [] : runsOf(cached.pack.mask[cached.row] ?? new Uint8Array(0)),
  )
  const lengths = runs.map((own) => own.reduce((sum, { count }) => sum + count, 0))
  const longest = Math.max(0, ...lengths)
  const tensors: HostTensor[] = []
  for (const [index, { heads, width }] of past.entries()) {
    const data =
      type === 'f32'
        ? new Float32Array(rows.length * heads * longest * width)
        : new Uint16Array(rows.length * heads * longest * width)
    const read = new Map<Pack, Numbers>()
    for (const [row, cached] of rows.entries()) {
      if (cached === undefined) continue
      const { pack } = cached
      const from = read.get(pack) ?? (await numbersOf(pack.tensors[index]))
      read.set(pack, from)
      const offset = padding === 'left' ? longest - (lengths[row] ?? 0) : 0
      for (let head = 0; head < heads; head++) {
        const source = (cached.row * heads + head) * pack.length
        let to = (row * heads + head) * longest + offset
        for (const { start, count } of runs[row] ?? []) {
          data.set(from.subarray((source + start) * width, (source + start + count) * width), to * width)
          to += count
        }
      }
    }
    tensors.push({ dtype: type, shape: [rows.length, heads, longest, width], data })
  }
  const mask = lengths.map((length) =>
    new Uint8Array(longest).fill(
      1,
      padding === 'left' ? longest - length : 0,
      padding === 'left' ? longest : length,
    ),
  )
  return { tensors, length: longest, mask, gapped: false }
}

/** Runs of adjacent tokens. */
function runsOf(mask: Uint8Array): { readonly start: number; readonly count: number }[] {
  const runs: { start: number; count: number }[] = []
  for (let at = 0; at < mask.length; at++) {
    if (mask[at] === 0) continue
    const start = at
    while (mask[at] === 1) at++
    runs.push({ start, count: at - start })
  }
  return runs
}

/** Whether a row has padding between tokens. */
export const hasGap = (mask: Uint8Array): boolean => runsOf(mask).length > 1

async function numbersOf(tensor: HostTensor | DeviceTensor | undefined): Promise<Numbers> {
  if (tensor === undefined) throw new TypeError('the KV cache lacks a tensor')
  const data = 'onDevice' in tensor ? await tensor.read() : tensor.data
  if (data instanceof Float32Array || data instanceof Uint16Array) return data
  throw new TypeError('the KV cache is not of floats')
}
