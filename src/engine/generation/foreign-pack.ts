// Knows: the memory of rows as a graph from elsewhere gives it back: all rows of a run in one tensor a layer, with gaps where rows are
// shorter; and how rows of several runs are laid into new tensors.
// Must not know: what is asked of the rows (foreign-cache.ts).
import type { DeviceTensor, HostTensor } from '../runtime/types.ts'
import type { PastTensor } from '../weights/onnx-decoder.ts'

type Numbers = Float32Array | Uint16Array

/** What one run left: `tensors` as in the decoder's `past`, each [rows, heads, places, width]. */
export interface Pack {
  readonly tensors: readonly (HostTensor | DeviceTensor)[]
  readonly places: number
  /** For each row and place 1 where a token is, 0 where a gap is. */
  readonly real: readonly Uint8Array[]
  /** A row has a gap between tokens, not at an end only. */
  readonly gapped: boolean
  /** Rows and prefixes that refer to it. */
  users: number
}

export function letGo(pack: Pack): void {
  if (--pack.users > 0) return
  for (const tensor of pack.tensors) if ('onDevice' in tensor) tensor.dispose()
}

/** One row of a pack, or a row that holds nothing yet. */
export interface Held {
  readonly pack: Pack
  readonly row: number
}

export type Side = 'left' | 'right'

/** Gapless rows of new tensors, with the gaps of shorter ones at one side. On a graphics card the parts come to JavaScript's memory for this. */
export async function layTogether(
  rows: readonly (Held | undefined)[],
  past: readonly PastTensor[],
  type: 'f32' | 'f16',
  gapsAt: Side,
): Promise<Omit<Pack, 'users'>> {
  const runs = rows.map((held) =>
    held === undefined ? [] : runsOf(held.pack.real[held.row] ?? new Uint8Array(0)),
  )
  const lengths = runs.map((own) => own.reduce((sum, { count }) => sum + count, 0))
  const places = Math.max(0, ...lengths)
  const tensors: HostTensor[] = []
  for (const [index, { heads, width }] of past.entries()) {
    const data =
      type === 'f32'
        ? new Float32Array(rows.length * heads * places * width)
        : new Uint16Array(rows.length * heads * places * width)
    const read = new Map<Pack, Numbers>()
    for (const [row, held] of rows.entries()) {
      if (held === undefined) continue
      const { pack } = held
      const from = read.get(pack) ?? (await numbersOf(pack.tensors[index]))
      read.set(pack, from)
      const gap = gapsAt === 'left' ? places - (lengths[row] ?? 0) : 0
      for (let head = 0; head < heads; head++) {
        const source = (held.row * heads + head) * pack.places
        let to = (row * heads + head) * places + gap
        for (const { start, count } of runs[row] ?? []) {
          data.set(from.subarray((source + start) * width, (source + start + count) * width), to * width)
          to += count
        }
      }
    }
    tensors.push({ dtype: type, shape: [rows.length, heads, places, width], data })
  }
  const real = lengths.map((length) =>
    new Uint8Array(places).fill(
      1,
      gapsAt === 'left' ? places - length : 0,
      gapsAt === 'left' ? places : length,
    ),
  )
  return { tensors, places, real, gapped: false }
}

/** Tokens that stand next to one another. */
function runsOf(real: Uint8Array): { readonly start: number; readonly count: number }[] {
  const runs: { start: number; count: number }[] = []
  for (let at = 0; at < real.length; at++) {
    if (real[at] === 0) continue
    const start = at
    while (real[at] === 1) at++
    runs.push({ start, count: at - start })
  }
  return runs
}

/** Whether a row has a gap between tokens. */
export const hasGap = (real: Uint8Array): boolean => runsOf(real).length > 1

async function numbersOf(tensor: HostTensor | DeviceTensor | undefined): Promise<Numbers> {
  if (tensor === undefined) throw new TypeError('the memory lacks a tensor')
  const data = 'onDevice' in tensor ? await tensor.read() : tensor.data
  if (data instanceof Float32Array || data instanceof Uint16Array) return data
  throw new TypeError('the memory is not of floats')
}
