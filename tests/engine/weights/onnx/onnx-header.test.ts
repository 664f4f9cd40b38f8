// Headers of ONNX files: read without the weights; damaged or hostile bytes give a sentence.
import { expect, test } from 'vitest'
import { describeForeignDecoder } from '../../../../src/engine/weights/onnx/onnx-decoder.ts'
import {
  readOnnxHeader,
  type OnnxHeader,
  type OnnxValue,
} from '../../../../src/engine/weights/onnx/onnx-header.ts'
import { sourceFromBytes } from '../../../../src/engine/weights/source.ts'
import { need, openFolder, readGraph, readWhole } from '../../onnx-folder.ts'

test('readOnnxHeader reads inputs, outputs, ops and the positions of weights', async () => {
  const source = need(openFolder('llama'), 'onnx/model.onnx')
  const { header, decoder } = await readGraph(source)
  expect(header.opsets.get('')).toBe(18)
  expect(decoder).toMatchObject({
    layers: 2,
    pastType: 'f32',
    takesMask: true,
    takesPositions: true,
    vocabulary: 272,
    groupsQueries: false,
    quantizesPerBatch: false,
  })
  expect(decoder.past[3]).toEqual({
    past: 'past_key_values.1.value',
    present: 'present.1.value',
    heads: 2,
    width: 8,
  })
  const outside = await readGraph(need(openFolder('qwen2'), 'onnx/model.onnx'))
  expect(outside.header.constants.find(({ name }) => name === 'model.embed_tokens.weight')).toMatchObject({
    type: 1,
    shape: [272, 32],
    external: { location: 'model.onnx_data', length: 272 * 32 * 4 },
  })
})

test('readOnnxHeader refuses a truncated file with a sentence', async () => {
  const whole = await readWhole(need(openFolder('grouped'), 'model.onnx'))
  for (let to = 0; to < whole.length; to += 97) {
    const read = await readOnnxHeader(sourceFromBytes('cut', whole.subarray(0, to)))
    if (read.kind === 'refused') expect(read.sentence).toMatch(/^this is not a readable ONNX model: .+\.$/)
    else expect(to).toBe(0) // never reached: a model without its end has no whole graph
  }
})

test('readOnnxHeader reads or refuses randomly changed bytes', async () => {
  const whole = await readWhole(need(openFolder('grouped'), 'model.onnx'))
  let state = 7
  const next = (below: number): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) % below
  for (let round = 0; round < 300; round++) {
    const changed = whole.slice()
    for (let i = 0; i < 1 + next(8); i++) changed[next(changed.length)] = next(256)
    const read = await readOnnxHeader(sourceFromBytes('changed', changed))
    if (read.kind === 'header') describeForeignDecoder(read.header)
  }
})

const value = (name: string, type: number, shape: OnnxValue['shape']): OnnxValue => ({ name, type, shape })
const past = [
  value('past_key_values.0.key', 1, ['b', 2, 'p', 8]),
  value('past_key_values.0.value', 1, ['b', 2, 'p', 8]),
]
const present = [
  value('logits', 1, ['b', 's', 50]),
  value('present.0.key', 1, ['b', 2, 't', 8]),
  value('present.0.value', 1, ['b', 2, 't', 8]),
]
const made = (inputs: readonly OnnxValue[], outputs: readonly OnnxValue[] = present): OnnxHeader => ({
  opsets: new Map(),
  ops: new Map(),
  inputs,
  outputs,
  constants: [],
  packed: [],
  tables: new Set(),
})
const ids = value('input_ids', 7, ['b', 's'])

test.each([
  ['a KV cache', made([ids]), 'no inputs for a KV cache'],
  ['logits', made([ids, ...past], []), 'no output logits'],
  ['tokens', made([value('inputs_embeds', 1, ['b', 's', 8]), ...past]), 'without input_ids'],
  ['one kind of branch', made([ids, value('use_cache_branch', 9, [1]), ...past]), 'two graphs in one'],
  [
    'an encoder',
    made([ids, value('encoder_hidden_states', 1, ['b', 'e', 8]), ...past]),
    'encoder-decoder model',
  ],
  [
    'known inputs only',
    made([ids, value('past_conv.0', 1, ['b', 8, 3]), ...past]),
    'unknown input "past_conv.0"',
  ],
  [
    'a KV cache of floats',
    made([ids, ...past.map((one) => ({ ...one, type: 3 }))]),
    'neither 32-bit nor 16-bit',
  ],
  ['KV cache outputs', made([ids, ...past], present.slice(0, 2)), 'no output "present.0.value"'],
  [
    'four dimensions',
    made([ids, ...past.map((one) => ({ ...one, shape: ['b', 'p', 32] }))]),
    '[batch, heads, length, width]',
  ],
] as const)('describeForeignDecoder refuses a graph without %s', (_, header, sentence) => {
  const described = describeForeignDecoder(header)
  expect(described.ok ? '' : described.sentence).toContain(sentence)
})
