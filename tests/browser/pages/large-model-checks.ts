// Knows: a model with the shapes of Llama 3.2 1B and random weights on the kernels of a browser: that it loads, computes, and how fast.
import { makeKernelModel } from '../../../src/engine/generation/kernel-cache.ts'
import { KernelDecoder } from '../../../src/engine/kernels/decoder.ts'
import { readKernelWeights } from '../../../src/engine/kernels/weights.ts'
import type { DecoderShape } from '../../../src/engine/models/shape.ts'
import { ggufNames, listNeeded } from '../../../src/engine/weights/decoder-tensors.ts'
import type { GgufTensor } from '../../../src/engine/weights/gguf/gguf-header.ts'
import { requireQuant } from '../../../src/engine/weights/dequantise.ts'
import type { StoredModel } from '../../../src/engine/weights/read-weights.ts'
import { openPageKernels } from '../../../workers/teachers/kernels.ts'
import { checkThat, type Check } from './check.ts'

const SHAPE: DecoderShape = {
  layers: 16,
  width: 2048,
  heads: 32,
  kvHeads: 8,
  headWidth: 64,
  feedForward: 8192,
  vocabulary: 128_256,
  context: 2048,
  ropeTheta: 500_000,
  normEpsilon: 1e-5,
  tiedHead: true,
}
/** Bytes of the kernels' memory that it may take: 5 bits for each weight of a layer, 10 for the head, and what it works with. */
const MAX_BYTES = 1.3 * 2 ** 30
const [PROMPT, STEPS, ROWS] = [256, 12, 8]

/** A file of random integers in Q4_0 (the embedding in Q6_K) with scales that keep activations finite; never in memory as a whole. */
function makeRandomModel(): StoredModel {
  const tensors = new Map<string, GgufTensor>()
  let offset = 0
  for (const { role, layer, shape } of listNeeded(SHAPE)) {
    const name = ggufNames(role, layer)
    const quant = requireQuant(shape.length < 2 ? 'F32' : role === 'embedding' ? 'Q6_K' : 'Q4_0')
    const bytes = (shape.reduce((product, n) => product * n, 1) / quant.elements) * quant.blockBytes
    tensors.set(name, {
      name,
      type: { name: quant.name, elements: quant.elements, bytes: quant.blockBytes },
      shape,
      offset,
      bytes,
    })
    offset += bytes
  }
  const fills = new Map([
    ['Q4_0', fillBlocks(18, 0)],
    ['Q6_K', fillBlocks(210, 208)],
  ])
  const byOffset = new Map([...tensors.values()].map((tensor) => [tensor.offset, tensor]))
  return {
    shape: SHAPE,
    tensors,
    source: {
      name: 'random',
      size: offset,
      read: async (from, to) => {
        const type = byOffset.get(from)?.type.name ?? 'F32'
        if (type === 'F32') return new Uint8Array(new Float32Array((to - from) / 4).fill(1).buffer)
        const fill = fills.get(type) as Uint8Array
        const out = new Uint8Array(to - from)
        for (let at = 0; at < out.length; at += fill.length)
          out.set(fill.subarray(0, Math.min(fill.length, out.length - at)), at)
        return out
      },
    },
    nameOf: ggufNames,
    pairsRows: true,
    addToNorms: 0,
  }
}

/** Four thousand blocks of random bytes whose scale, at `scaleAt`, is 0.002. */
function fillBlocks(blockBytes: number, scaleAt: number): Uint8Array {
  const bytes = new Uint8Array(4096 * blockBytes)
  let state = blockBytes
  for (let i = 0; i < bytes.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[i] = state >>> 24
  }
  const view = new DataView(bytes.buffer)
  for (let at = scaleAt; at < bytes.length; at += blockBytes) view.setUint16(at, 0x1819, true)
  return bytes
}

const rate = (tokens: number, since: number): string =>
  ((tokens * 1000) / (performance.now() - since)).toFixed(1)

/** One check, whose detail has the measured rates. */
export const runLargeModelChecks = async (): Promise<readonly Check[]> => [
  await checkThat('a 1 B model loads and computes in WebAssembly', async () => {
    let since = performance.now()
    const { kernels, team } = await openPageKernels(undefined)
    const weights = await readKernelWeights(kernels, makeRandomModel(), 'packed')
    const model = makeKernelModel(new KernelDecoder(kernels, weights, team, 1024), ROWS)
    const loaded = ((performance.now() - since) / 1000).toFixed(1)
    const prompt = Array.from({ length: PROMPT }, (_, i) => (i * 7919) % SHAPE.vocabulary)
    since = performance.now()
    const { prefix } = await model.makePrefix(prompt, async () => undefined)
    const prefill = rate(PROMPT, since)
    const rates: string[] = []
    let finite = true
    for (const rows of [1, ROWS]) {
      const slots = Array.from({ length: rows }, () => model.open())
      since = performance.now()
      for (let step = 0; step < STEPS; step++) {
        const logits = await model.step(
          slots.map((slot) => ({ slot, tokens: [(slot * 101 + step) % SHAPE.vocabulary], logitsAt: [0] })),
          prefix,
          true,
        )
        finite &&= logits.every(Number.isFinite)
      }
      rates.push(`${rate(STEPS * rows, since)} tokens/s with ${rows}`)
      for (const slot of slots) model.close(slot)
    }
    const { byteLength } = kernels.heap.memory.buffer
    prefix.dispose()
    await model.release()
    return {
      name: 'a 1 B model loads and computes in WebAssembly',
      ok: finite && byteLength <= MAX_BYTES,
      detail: `${kernels.dot}, ${team.threads} threads: ${(byteLength / 1e9).toFixed(2)} GB, loaded in ${loaded} s, prefill ${prefill} tokens/s, decode ${rates.join(', ')} rows${finite ? '' : '; not all logits are finite'}`,
    }
  }),
]
