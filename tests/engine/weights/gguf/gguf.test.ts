// GGUF files: whole, truncated, with wrong bytes, with wrong lengths, of unsupported kinds. For any bytes, the result
// is a model that can be loaded or one sentence.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { describeGguf } from '../../../../src/engine/weights/gguf/describe-gguf.ts'
import {
  readGgufHeader,
  readHeaderOf,
  type GgufHeader,
} from '../../../../src/engine/weights/gguf/gguf-header.ts'
import type { WrittenTensor, WrittenValue } from '../../../../src/engine/weights/gguf/gguf-write.ts'
import { loadGgufWeights } from '../../../../src/engine/weights/gguf/llama-gguf.ts'
import { sourceFromBytes } from '../../../../src/engine/weights/source.ts'
import { readGgufCard } from '../../../../workers/teachers/gguf-card.ts'
import { hasSharedModel, openSharedModel, readSharedHeader, whySkipped } from '../../shared-model.ts'
import { bytesOfTensor, writeSmallGguf } from './small-gguf.ts'

const whole = writeSmallGguf()
const SENTENCE = /^This (file|model) cannot be used[^\n]*: [^\n]+\. [A-Z][^\n]+\.$/

async function readWhole(): Promise<GgufHeader> {
  const result = await readHeaderOf(sourceFromBytes('small.gguf', whole))
  if (result.kind !== 'header') throw new Error(result.sentence)
  return result.header
}

/** The sentence with which the page refuses a file, or the kind of the model. */
async function verdictOn(bytes: Uint8Array): Promise<string> {
  try {
    const { card } = await readGgufCard(sourceFromBytes('x.gguf', bytes))
    return `${card.architecture} of ${card.parameters}`
  } catch (thrown) {
    if (thrown instanceof Error && thrown.name === 'ModelRefused')
      return thrown.message.replace('“x.gguf”: ', '')
    throw thrown
  }
}

test('readGgufCard describes a whole file', async () => {
  const { card, tokenizer } = await readGgufCard(sourceFromBytes('small.gguf', whole))
  expect(card).toMatchObject({
    name: 'Small',
    architecture: 'llama',
    parameters: 23_744,
    quantisation: 'F32',
    contextLength: 256,
    vocabularySize: 257,
    layers: 2,
    width: 32,
    licence: 'apache-2.0',
    hasChatTemplate: true,
  })
  expect(tokenizer.decode(tokenizer.encode('Ä b<|end|>'))).toBe('Ä b<|end|>')
})

describe('a truncated file', () => {
  test('is refused as truncated at any byte of the header', async () => {
    const { headerBytes } = await readWhole()
    for (let end = 0; end < headerBytes; end++) {
      const sentence = await verdictOn(whole.subarray(0, end))
      expect(sentence, `truncated at ${end}`).toMatch(SENTENCE)
      expect(sentence, `truncated at ${end}`).toMatch(
        end === 0
          ? /it is empty/
          : end < 4
            ? /only \d bytes/
            : /probably truncated|ends|more than the file has bytes for/,
      )
    }
  }, 60_000)

  test('is refused with the name of the truncated tensor', async () => {
    const { headerBytes, tensors } = await readWhole()
    const end = Math.max(...[...tensors.values()].map(({ offset, bytes }) => offset + bytes))
    for (let cut = headerBytes; cut < end; cut += 101)
      expect(await verdictOn(whole.subarray(0, cut)), `truncated at ${cut}`).toMatch(
        /it ends too early: the tensor "[a-z_.0-9]+" reaches to byte [\d,]+ and the file has [\d,]+\. It was probably truncated/,
      )
    expect(await verdictOn(whole.subarray(0, end - 1))).toMatch(/ends too early/)
    expect(await verdictOn(whole.subarray(0, end))).toBe('llama of 23744')
  }, 60_000)

  test('makes readGgufHeader request more bytes, but not more than the file has', async () => {
    const { headerBytes } = await readWhole()
    for (let have = 0; have < headerBytes; have++) {
      const result = readGgufHeader(whole.subarray(0, have), whole.length)
      if (result.kind !== 'more') throw new Error(`${result.kind} with ${have} bytes`)
      expect(result.need).toBeGreaterThan(have)
      expect(result.need).toBeLessThanOrEqual(whole.length)
    }
  })

  test.skipIf(!hasSharedModel)(
    `is refused at the boundaries of the header of a real model${whySkipped}`,
    async () => {
      const source = openSharedModel()
      const { headerBytes, dataStart, tensors } = await readSharedHeader()
      const bytes = await source.read(0, dataStart)
      const spread = Array.from({ length: 12 }, (_, i) => Math.floor((headerBytes * (i + 1)) / 13))
      for (const end of [1, 3, 4, 8, 16, 24, 25, ...spread, headerBytes - 1])
        expect(await verdictOn(bytes.subarray(0, end)), `truncated at ${end}`).toMatch(SENTENCE)
      for (const { offset, bytes: size } of [...tensors.values()].filter((_, i) => i % 50 === 0)) {
        const result = readGgufHeader(bytes, offset + size - 1)
        expect(result.kind === 'refused' ? result.sentence : result.kind).toMatch(
          /ends too early: the tensor/,
        )
      }
    },
    120_000,
  )
})

describe('a file of any bytes', () => {
  /** Opens a file like the page does; fails if anything but a refusal is thrown. */
  async function open(bytes: Uint8Array): Promise<void> {
    const source = sourceFromBytes('x.gguf', bytes)
    const verdict = await verdictOn(bytes)
    if (!verdict.startsWith('llama of ')) return expect(verdict).toMatch(SENTENCE)
    const result = await readHeaderOf(source)
    if (result.kind !== 'header') throw new Error('it was read before')
    const weights = await loadGgufWeights(result.header, source, 'nb4s')
    expect(weights.shape.layers).toBeGreaterThan(0)
  }

  test('costs neither memory nor an exception with a huge number in its header', async () => {
    const { headerBytes } = await readWhole()
    for (let at = 4; at < headerBytes; at += 3) {
      const changed = whole.slice()
      changed.fill(0xff, at, Math.min(at + 8, headerBytes))
      changed[Math.min(at + 7, headerBytes - 1)] = at % 2 === 0 ? 0x7f : 0xff
      await open(changed)
    }
  }, 120_000)

  test(
    'is opened or refused with wrong bytes',
    () =>
      fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.nat(5600), fc.nat(255)), { minLength: 1, maxLength: 6 }),
          async (changes) => {
            const changed = whole.slice()
            for (const [at, byte] of changes) changed[at] = byte
            await open(changed)
          },
        ),
        { numRuns: 400 },
      ),
    120_000,
  )

  test('is refused with random bytes, with and without the magic number', () =>
    fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.boolean(), async (noise, magic) => {
        await open(magic ? Uint8Array.from([0x47, 0x47, 0x55, 0x46, 3, 0, 0, 0, ...noise]) : noise)
      }),
      { numRuns: 500 },
    ))
})

describe('an unsupported file is refused with the reason', () => {
  const text = (value: string): WrittenValue => ({ kind: 'text', value })
  const u32 = (value: number): WrittenValue => ({ kind: 'u32', value })
  const where =
    (change: (tensor: WrittenTensor) => WrittenTensor | undefined) => (tensors: WrittenTensor[]) =>
      tensors.flatMap((tensor) => change(tensor) ?? [])
  const retyped = (type: string) =>
    where((tensor) =>
      tensor.name === 'blk.1.ffn_gate.weight'
        ? { ...tensor, type, bytes: new Uint8Array(bytesOfTensor(type, tensor.shape)) }
        : tensor,
    )
  const patched = (at: number, ...bytes: number[]): Uint8Array => {
    const copy = whole.slice()
    copy.set(bytes, at)
    return copy
  }
  const extra = (name: string) => (tensors: WrittenTensor[]) => [
    ...tensors,
    { name, type: 'F32', shape: [4], bytes: new Uint8Array(16) },
  ]

  const cases: readonly (readonly [string, Uint8Array, RegExp])[] = [
    [
      'a ZIP',
      Uint8Array.from([0x50, 0x4b, 3, 4, ...Array.from<number>({ length: 60 }).fill(0)]),
      /it is not a GGUF file \(its first four bytes are not "GGUF"\)/,
    ],
    ['version 1', patched(4, 1), /GGUF version 1, of August 2023/],
    ['version 4', patched(4, 4), /GGUF version 4; versions 2 and 3 are supported/],
    ['big-endian', patched(4, 0, 0, 0, 3), /big-endian/],
    [
      'another architecture',
      writeSmallGguf({ 'general.architecture': text('mamba') }),
      /its architecture is "mamba", and only "llama", "qwen2", .* are supported/,
    ],
    [
      'no architecture',
      writeSmallGguf({ 'general.architecture': undefined }),
      /does not state its architecture/,
    ],
    [
      'a name of more than 64 bytes',
      writeSmallGguf({}, extra('x'.repeat(65))),
      /the length of the name of tensor \d+ is 65; the limit is 64/,
    ],
    [
      'an alignment of another kind',
      writeSmallGguf({ 'general.alignment': { kind: 'u64', value: 32 } }),
      /its alignment has a value of kind/,
    ],
    [
      'layers that differ in their number of key-value heads',
      writeSmallGguf({ 'llama.attention.head_count_kv': { kind: 'i32s', value: [1, 2] } }),
      /different numbers of key-value heads/,
    ],
    ['an adapter', writeSmallGguf({ 'general.type': text('adapter') }), /not a model but "adapter"/],
    ['a part', writeSmallGguf({ 'split.count': u32(3) }), /one of 3 parts/],
    ['experts', writeSmallGguf({ 'llama.expert_count': u32(8) }), /mixture of 8 experts/],
    [
      'a window of half a token',
      writeSmallGguf({ 'llama.attention.sliding_window': { kind: 'f32', value: 0.5 } }),
      /A window of 0.5 tokens/,
    ],
    [
      'a list of windows of another length',
      writeSmallGguf({
        'llama.attention.sliding_window': u32(64),
        'llama.attention.sliding_window_pattern': { kind: 'i32s', value: [1] },
      }),
      /which of its layers have a sliding window/,
    ],
    [
      'capped logits',
      writeSmallGguf({ 'llama.final_logit_softcapping': { kind: 'f32', value: 30 } }),
      /has softcapping/,
    ],
    [
      'a negative RoPE scaling factor',
      writeSmallGguf({ 'llama.rope.scaling.factor': { kind: 'f32', value: -2 } }),
      /RoPE scaling factor is -2/,
    ],
    [
      'an unsupported RoPE scaling',
      writeSmallGguf({
        'llama.rope.scaling.type': text('yarn'),
        'llama.rope.scaling.factor': { kind: 'f32', value: 4 },
      }),
      /a RoPE scaling \("yarn"\)/,
    ],
    ['partial RoPE', writeSmallGguf({ 'llama.rope.dimension_count': u32(4) }), /rotates only 4 of 8/],
    ['no layers', writeSmallGguf({ 'llama.block_count': u32(0) }), /"llama.block_count" is 0/],
    [
      'a million layers',
      writeSmallGguf({ 'llama.block_count': u32(1_000_000) }),
      /claims to have 1000000 layers but has 20 tensors/,
    ],
    [
      'no heads',
      writeSmallGguf({ 'llama.attention.head_count': undefined }),
      /"llama.attention.head_count" is missing/,
    ],
    [
      'another size',
      writeSmallGguf({ 'llama.feed_forward_length': u32(64) }),
      /the tensor "blk.0.ffn_gate.weight" has the shape 32 × 48, and 32 × 64 was expected/,
    ],
    [
      'a missing tensor',
      writeSmallGguf(
        {},
        where((tensor) => (tensor.name === 'output_norm.weight' ? undefined : tensor)),
      ),
      /the tensor "output_norm.weight" is missing/,
    ],
    [
      'a tensor twice',
      writeSmallGguf({}, (tensors) => [...tensors, tensors[0]!]),
      /"token_embd.weight" occurs twice/,
    ],
    [
      'an unsupported tensor type',
      writeSmallGguf({}, retyped('IQ4_NL')),
      /has the type IQ4_NL, which is not supported \(supported: .*Q4_1/,
    ],
    [
      'RoPE factors of another size',
      writeSmallGguf({}, (tensors) => [
        ...tensors,
        { name: 'rope_freqs.weight', type: 'F32', shape: [3], bytes: new Uint8Array(12) },
      ]),
      /rope_freqs\.weight" has the shape 3, and 4 was expected/,
    ],
    [
      'RoPE factors and a RoPE scaling',
      writeSmallGguf({ 'llama.rope.scaling.factor': { kind: 'f32', value: 2 } }, extra('rope_freqs.weight')),
      /both RoPE factors and RoPE scaling/,
    ],
    ['biases', writeSmallGguf({}, extra('blk.0.attn_q.bias')), /has a bias/],
    [
      'an unknown tensor',
      writeSmallGguf({}, extra('blk.0.attn_q_norm.weight')),
      /"blk\.0\.attn_q_norm\.weight" that the decoder does not support/,
    ],
    ['no tokenizer', writeSmallGguf({ 'tokenizer.ggml.model': undefined }), /it has no tokenizer/],
    [
      'another tokenizer',
      writeSmallGguf({ 'tokenizer.ggml.model': text('bert') }),
      /vocabulary is of the kind "bert"/,
    ],
    [
      'SentencePiece without scores',
      writeSmallGguf({ 'tokenizer.ggml.model': text('llama') }),
      /its list of scores is missing or too short/,
    ],
    [
      'another pre-tokenizer',
      writeSmallGguf({ 'tokenizer.ggml.pre': text('new\nkind') }),
      /uses the pre-tokenizer "new\\nkind"/,
    ],
    [
      'an endless name',
      writeSmallGguf({ 'general.architecture': text('x'.repeat(5000)) }),
      /its architecture is "x{60}…"/,
    ],
  ]
  test.each(cases)('%s', async (_, bytes, reason) => {
    const sentence = await verdictOn(bytes)
    expect(sentence).toMatch(SENTENCE)
    expect(sentence).toMatch(reason)
  })

  test('a type that ggml does not have', async () => {
    const { tensors } = await readWhole()
    const name = new TextEncoder().encode('blk.1.ffn_gate.weight')
    const at = whole.findIndex((_, i) => name.every((byte, j) => whole[i + j] === byte))
    expect(tensors.has('blk.1.ffn_gate.weight')).toBe(true)
    expect(await verdictOn(patched(at + name.length + 4 + 16, 99))).toMatch(/has the unknown type 99/)
  })
})

test('loadGgufWeights dequantises tensors of supported types', async () => {
  const bytes = writeSmallGguf({}, (tensors) =>
    tensors.map((tensor) =>
      tensor.shape.length === 2 && tensor.shape[0] === 32
        ? { ...tensor, type: 'Q8_0', bytes: new Uint8Array(bytesOfTensor('Q8_0', tensor.shape)).fill(1) }
        : tensor,
    ),
  )
  const source = sourceFromBytes('small.gguf', bytes)
  const result = await readHeaderOf(source)
  if (result.kind !== 'header') throw new Error(result.sentence)
  expect(describeGguf(result.header)).toMatchObject({ ok: true, facts: { quantisation: 'Q8_0' } })
  const floats = await loadGgufWeights(result.header, source, 'f32')
  const scale = 257 / 2 ** 24 // 0x0101 as a half float, below the normal range
  const { kind, K, N } = floats.linear(0, 'qkv')
  expect([kind, K, N]).toEqual(['f32', 32, 64])
  const row = new Float32Array(32)
  floats.embedRow(3, row, 0)
  expect(new Set(row)).toEqual(new Set([Math.fround(scale)]))
})
