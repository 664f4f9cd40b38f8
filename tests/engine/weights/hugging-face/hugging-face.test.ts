// Hugging Face folders: one file or several, floats of any width, truncated, with wrong contents, of unsupported kinds.
// For any bytes, the result is a model that can be loaded or one sentence.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { shapeFromConfig } from '../../../../src/engine/weights/hugging-face/config-shape.ts'
import { describeGguf } from '../../../../src/engine/weights/gguf/describe-gguf.ts'
import { readHeaderOf } from '../../../../src/engine/weights/gguf/gguf-header.ts'
import { toHalf } from '../../../../src/engine/weights/half.ts'
import {
  describeHuggingFace,
  loadHuggingFaceWeights,
} from '../../../../src/engine/weights/hugging-face/hugging-face.ts'
import { listShards } from '../../../../src/engine/weights/hugging-face/safetensors-header.ts'
import { sourceFromBytes, type ByteSource } from '../../../../src/engine/weights/source.ts'
import {
  makeGguf,
  makeSafetensors,
  makeTensors,
  oracle,
  type OracleModel,
} from '../../small-architectures.ts'

const llama = oracle.models['llama with factors of RoPE and a head of its own']!
const gemma = oracle.models['gemma3']!
const SENTENCE = /cannot be used[^\n]*: [^\n]+\. [A-Z][^\n]+\.$/

type Entry = { dtype: string; shape: readonly number[]; data_offsets: [number, number] }

/** A file with this header and data, valid or not. */
function writeRaw(header: unknown, data: Uint8Array, name = 'model.safetensors'): ByteSource {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const file = new Uint8Array(8 + json.length + data.length)
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true)
  file.set(json, 8)
  file.set(data, 8 + json.length)
  return sourceFromBytes(name, file)
}

/** The model's tensors that `keeps`, each number as `dtype`, under changed names and entries. */
function write(
  model: OracleModel,
  {
    dtype = 'F32',
    name = 'model.safetensors',
    keeps = () => true,
    rename = (tensor) => tensor,
    change = (_, entry) => entry,
    replace = {},
  }: {
    dtype?: 'F32' | 'F16' | 'BF16'
    name?: string
    keeps?: (tensor: string) => boolean
    rename?: (tensor: string) => string
    change?: (tensor: string, entry: Entry) => unknown
    replace?: Readonly<Record<string, Float32Array>>
  } = {},
): ByteSource {
  const parts: Uint8Array[] = []
  let end = 0
  const header: Record<string, unknown> = {}
  for (const [tensor, { shape, data: own }] of makeTensors(model)) {
    if (!keeps(tensor)) continue
    const data = replace[tensor] ?? own
    const words =
      dtype === 'F16'
        ? Uint16Array.from(data, toHalf)
        : dtype === 'BF16'
          ? Uint16Array.from(new Uint32Array(data.slice().buffer), (bits) => bits >>> 16)
          : data
    const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength)
    header[rename(tensor)] = change(tensor, { dtype, shape, data_offsets: [end, end + bytes.length] })
    parts.push(bytes)
    end += bytes.length
  }
  const data = new Uint8Array(end)
  parts.reduce((at, part) => (data.set(part, at), at + part.length), 0)
  return writeRaw(header, data, name)
}

async function verdictOn(
  sources: readonly ByteSource[],
  model: OracleModel = llama,
  index?: unknown,
): Promise<string> {
  const described = await describeHuggingFace({
    config: model.config,
    sources,
    ...(index === undefined ? {} : { index }),
  })
  return described.ok
    ? `${described.model.facts.architecture} of ${described.model.facts.parameters}`
    : described.sentence
}

describe('a folder', () => {
  test('has the facts of a GGUF file of the same model', async () => {
    const described = await describeHuggingFace({ config: gemma.config, sources: [makeSafetensors(gemma)] })
    const gguf = await readHeaderOf(makeGguf(gemma))
    if (!described.ok || gguf.kind !== 'header') throw new Error('it cannot be read')
    const other = describeGguf(gguf.header)
    expect(other).toMatchObject({
      ok: true,
      facts: {
        ...described.model.facts,
        shape: { ...described.model.facts.shape, normEpsilon: expect.closeTo(1e-6, 10) as number },
      },
    })
  })

  test('of several files with 16-bit floats is loaded with its numbers', async () => {
    const files = [0, 1].map((part) =>
      write(llama, {
        dtype: part === 0 ? 'F16' : 'BF16',
        name: `model-0000${part + 1}-of-00002.safetensors`,
        keeps: (tensor) => tensor.includes('layers.1.') === (part === 1),
      }),
    )
    const index = {
      weight_map: {
        'model.norm.weight': 'model-00001-of-00002.safetensors',
        'lm_head.weight': 'model-00001-of-00002.safetensors',
        x: 'model-00002-of-00002.safetensors',
      },
    }
    const described = await describeHuggingFace({ config: llama.config, sources: files.toReversed(), index })
    if (!described.ok) throw new Error(described.sentence)
    expect(described.model.facts.tensorTypes).toEqual({ F16: 12, BF16: 9 })
    const read: number[] = []
    const weights = await loadHuggingFaceWeights(described.model, 'f32', {
      onProgress: (done) => void read.push(done),
    })
    const tensors = makeTensors(llama)
    for (const [layer, error] of [
      [0, 2 ** -11],
      [1, 2 ** -7],
    ] as const) {
      const down = weights.linear(layer, 'down')
      if (down.kind !== 'f32') throw new Error(down.kind)
      const { data } = tensors.get(`model.layers.${layer}.mlp.down_proj.weight`)!
      const worst = Math.max(
        ...data.map(
          (value, i) =>
            Math.abs(value - (down.data[(i % 96) * 64 + Math.floor(i / 96)] ?? Number.NaN)) -
            error * Math.abs(value),
        ),
      )
      expect(worst).toBeLessThanOrEqual(1e-7)
    }
    expect(read.at(-1)).toBe(2 * [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0))
    expect(await verdictOn(files.slice(0, 1), llama, index)).toMatch(
      /"model-00002-of-00002\.safetensors" is missing/,
    )
    expect(await verdictOn([...files, files[0]!], llama)).toMatch(
      /the tensor "[^"]+" is in "model-00001-of-00002\.safetensors" and in another file/,
    )
  })

  test('of a model that also reads images is loaded as its text model', async () => {
    const {
      config: { model_type: _, tie_word_embeddings: __, ...text },
    } = gemma
    const config = {
      model_type: 'gemma3',
      text_config: { ...text, model_type: 'gemma3_text' },
      vision_config: { hidden_size: 9 },
    }
    for (const prefix of ['language_model.model.', 'model.language_model.']) {
      const sources = [
        write(gemma, { rename: (tensor) => tensor.replace('model.', prefix) }),
        writeRaw(
          { 'vision_tower.x.weight': { dtype: 'F32', shape: [1], data_offsets: [0, 4] } },
          new Uint8Array(4),
          'other.safetensors',
        ),
      ]
      const described = await describeHuggingFace({ config, sources })
      expect(described).toMatchObject({
        ok: true,
        model: {
          facts: {
            parameters: [...makeTensors(gemma).values()].reduce((sum, { data }) => sum + data.length, 0),
          },
        },
      })
    }
  })

  test('may store a tied head twice; a head with other numbers is used', async () => {
    const tied = { ...llama, config: { ...llama.config, tie_word_embeddings: true } }
    const count = (counts: (name: string) => boolean): number =>
      [...makeTensors(llama)].reduce((sum, [name, { data }]) => sum + (counts(name) ? data.length : 0), 0)
    expect(await verdictOn([write(tied)], tied)).toBe(`llama of ${count(() => true)}`)
    const embedding = makeTensors(llama).get('model.embed_tokens.weight')
    if (embedding === undefined) throw new Error('no embedding')
    const same = await verdictOn([write(tied, { replace: { 'lm_head.weight': embedding.data } })], tied)
    expect(same).toBe(`llama of ${count((name) => name !== 'lm_head.weight')}`)
  })

  test('may have no prefix before its names, or the one of a compiled model', async () => {
    const whole = await verdictOn([write(llama)])
    for (const rename of [
      (name: string) => name.replace(/^model\./, ''),
      (name: string) => `_orig_mod.${name}`,
    ])
      expect(await verdictOn([write(llama, { rename })])).toBe(whole)
  })

  test('may have empty tensors, and tables of positions that are no weights', async () => {
    const extra = (entry: object, bytes: number) => writeRaw({ 'model.x': entry }, new Uint8Array(bytes), 'b')
    const whole = await verdictOn([write(llama)])
    for (const source of [
      extra({ dtype: 'F32', shape: [0, 4], data_offsets: [0, 0] }, 0),
      extra({ dtype: 'I64', shape: [1, 8], data_offsets: [0, 64] }, 64),
      extra({ dtype: 'BOOL', shape: [8], data_offsets: [0, 8] }, 8),
    ])
      expect(await verdictOn([write(llama), source])).toBe(whole)
  })

  test('may have no bias and no unknown tensor', async () => {
    expect(await verdictOn([write(llama, { keeps: (tensor) => tensor !== 'lm_head.weight' })])).toMatch(
      /the tensor "lm_head\.weight" is missing/,
    )
    expect(
      await verdictOn([
        write(llama),
        writeRaw(
          { 'model.layers.0.self_attn.q_proj.bias': { dtype: 'F32', shape: [1], data_offsets: [0, 4] } },
          new Uint8Array(4),
          'b',
        ),
      ]),
    ).toMatch(/has a bias/)
    expect(
      await verdictOn([
        write(llama),
        writeRaw(
          { 'model.layers.0.x.weight': { dtype: 'F32', shape: [1], data_offsets: [0, 4] } },
          new Uint8Array(4),
          'b',
        ),
      ]),
    ).toMatch(/decoder does not support/)
    expect(await verdictOn([])).toMatch(/embedding .* is missing/)
  })
})

describe('an invalid file', () => {
  const changed = (tensor: string, entry: Partial<Entry>) =>
    write(llama, { change: (name, whole) => (name === tensor ? { ...whole, ...entry } : whole) })
  const norm = 'model.norm.weight'
  const cases: readonly (readonly [string, ByteSource, RegExp])[] = [
    ['of no length', sourceFromBytes('x', new Uint8Array(3)), /only 3 bytes/],
    [
      'of another kind',
      sourceFromBytes('x', new TextEncoder().encode('GGUF and more than eight bytes')),
      /not a safetensors file, or its header is larger/,
    ],
    [
      'with a header beyond its end',
      sourceFromBytes('x', Uint8Array.of(200, 0, 0, 0, 0, 0, 0, 0, 123)),
      /header reaches to byte 208/,
    ],
    ['with a header that is not JSON', writeRaw('{"a":', new Uint8Array(4)), /its header is not JSON/],
    ['with a list as header', writeRaw('[1]', new Uint8Array(4)), /does not begin with “\{”/],
    ['with blanks before its header', writeRaw(' {}', new Uint8Array(0)), /does not begin with “\{”/],
    [
      'with a name twice',
      writeRaw(
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\\u0061":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        new Uint8Array(4),
      ),
      /its header has "a" twice/,
    ],
    [
      'with metadata that are not texts',
      writeRaw({ __metadata__: { steps: 5 } }, new Uint8Array(0)),
      /metadata are not texts/,
    ],
    [
      'with metadata that are a text',
      writeRaw({ __metadata__: 'pt' }, new Uint8Array(0)),
      /metadata are not texts/,
    ],
    [
      'with bytes behind its last tensor',
      writeRaw({ a: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } }, new Uint8Array(7)),
      /its last 3 bytes belong to no tensor/,
    ],
    [
      'with a gap before a tensor',
      writeRaw({ a: { dtype: 'F32', shape: [1], data_offsets: [8, 12] } }, new Uint8Array(12)),
      /8 bytes before the tensor "a" belong to no tensor/,
    ],
    [
      'with floats of 4 bits where weights are needed',
      write(llama, {
        change: (name, entry) =>
          name === norm ? { dtype: 'F4', shape: [64 * 8], data_offsets: entry.data_offsets } : entry,
      }),
      /has the shape 512, and 64 was expected/,
    ],
    [
      'with an unknown type',
      changed(norm, { dtype: 'Q4_0' }),
      /"model\.norm\.weight" has the unknown type "Q4_0"/,
    ],
    [
      'with floats of 8 bits',
      changed('model.embed_tokens.weight', { dtype: 'F8_E4M3', shape: [80, 64 * 4] }),
      /has the shape 256 × 80, and 64 × 80 was expected/,
    ],
    ['with a negative size', changed(norm, { shape: [-64] }), /no list of sizes/],
    ['with a huge size', changed(norm, { shape: [2 ** 50, 2 ** 50] }), /needs/],
    [
      'with an empty tensor that has bytes',
      changed(norm, { shape: [0] }),
      /has 256 bytes, and its shape 0 of F32 needs 0/,
    ],
    [
      'with fewer bytes than its shape',
      changed(norm, { shape: [65] }),
      /has 256 bytes, and its shape 65 of F32 needs 260/,
    ],
    [
      'with offsets beyond its end',
      changed(norm, { data_offsets: [2 ** 40, 2 ** 40 + 256] }),
      /ends too early: the tensor "model\.norm\.weight" reaches to byte/,
    ],
    ['with tensors that overlap', changed(norm, { data_offsets: [0, 256] }), /overlap/],
    ['with reversed offsets', changed(norm, { data_offsets: [256, 0] }), /has -256 bytes/],
    [
      'with an entry that is not an object',
      write(llama, { change: (name, entry) => (name === norm ? 7 : entry) }),
      /has no type, shape or offsets/,
    ],
  ]
  test.each(cases)('%s is refused', async (_, source, reason) => {
    const sentence = await verdictOn([source])
    expect(sentence).toMatch(SENTENCE)
    expect(sentence).toMatch(reason)
  })

  test('is refused and never throws if it is truncated', async () => {
    const whole = write(llama)
    for (let end = 0; end < whole.size; end = end < 3000 ? end + 97 : end + 20_011)
      expect(await verdictOn([sourceFromBytes('cut.safetensors', await whole.read(0, end))])).toMatch(
        SENTENCE,
      )
  })

  test('is read or refused with changed bytes in its header', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(2400), fc.nat(255)), { minLength: 1, maxLength: 5 }),
        async (changes) => {
          const bytes = (await wholeBytes).slice()
          for (const [at, byte] of changes) bytes[at] = byte
          expect(await verdictOn([sourceFromBytes('x', bytes)])).toMatch(/^llama of|cannot be used/)
        },
      ),
      { numRuns: 200 },
    ))
  const small = write(llama)
  const wholeBytes = small.read(0, small.size)
})

describe('a config.json', () => {
  const sentenceOf = (config: unknown): string => {
    const read = shapeFromConfig(config)
    return read.ok ? 'read' : read.sentence
  }
  const changed = (changes: object, model: OracleModel = llama): string =>
    sentenceOf({ ...model.config, ...changes })

  test('in the form before transformers 5 gives the same shape', () => {
    const { rope_parameters: _, ...old } = llama.config
    const scaling = {
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 64,
      rope_type: 'llama3',
    }
    expect(shapeFromConfig({ ...old, rope_theta: 500_000, rope_scaling: scaling })).toEqual(
      shapeFromConfig(llama.config),
    )
    const { rope_parameters: __, layer_types: ___, ...oldGemma } = gemma.config
    expect(
      shapeFromConfig({
        ...oldGemma,
        rope_theta: 1_000_000,
        rope_local_base_freq: 10_000,
        rope_scaling: { factor: 8, rope_type: 'linear' },
        sliding_window_pattern: 6,
      }),
    ).toEqual(shapeFromConfig(gemma.config))
  })

  test('may omit the defaults of its architecture', () => {
    const read = shapeFromConfig({
      model_type: 'gemma3',
      text_config: {
        hidden_size: 2560,
        intermediate_size: 10_240,
        model_type: 'gemma3_text',
        num_hidden_layers: 34,
        rope_scaling: { factor: 8, rope_type: 'linear' },
        sliding_window: 1024,
      },
    })
    expect(read).toMatchObject({
      ok: true,
      shape: {
        heads: 8,
        kvHeads: 4,
        headWidth: 256,
        vocabulary: 262_208,
        tiedHead: true,
        ropeTheta: 1_000_000,
        embeddingScale: Math.sqrt(2560),
        local: { window: 1024, ropeTheta: 10_000 },
      },
    })
    expect(read.ok && read.shape.local?.layers.filter((local) => !local).length).toBe(5)
    expect(read.ok && read.shape.attentionScale).toBeUndefined()
    const { no_rope_layers: _, ...smol } = oracle.models['smollm3']!.config
    expect(shapeFromConfig(smol)).toEqual(shapeFromConfig(oracle.models['smollm3']!.config))
  })

  test('with an unused sliding window gives a shape without one', () => {
    const qwen = oracle.models['qwen2']!
    expect(shapeFromConfig({ ...qwen.config, use_sliding_window: false, sliding_window: 32 })).toEqual(
      shapeFromConfig(qwen.config),
    )
    expect(
      shapeFromConfig({
        ...qwen.config,
        use_sliding_window: true,
        sliding_window: 32,
        max_window_layers: 1,
        layer_types: undefined,
      }),
    ).toMatchObject({ ok: true, shape: { local: { layers: [false, true], window: 32 } } })
  })

  test.each([
    ['no object', 'x', /not an object/],
    ['no kind', {}, /"model_type"/],
    [
      'another kind',
      { model_type: 'mamba' },
      /its "model_type" is "mamba", and only "llama", .* are supported/,
    ],
    ['no sizes', { model_type: 'llama' }, /"num_hidden_layers" is missing/],
  ])('with %s is refused', (_, config, reason) => expect(sentenceOf(config)).toMatch(reason))

  test.each([
    [
      'an unsupported RoPE scaling',
      { rope_parameters: { rope_type: 'yarn', rope_theta: 1e4, factor: 4 } },
      /RoPE scaling \("yarn"\)/,
    ],
    ['another activation', { hidden_act: 'relu' }, /activation is "relu", and silu was expected/],
    ['biases', { attention_bias: true }, /biases in attention/],
    ['biases in its feed-forward layers', { mlp_bias: true }, /biases in its feed-forward/],
    ['capped logits', { final_logit_softcapping: 30 }, /has softcapping/],
    [
      'quantised weights',
      { quantization_config: { quant_method: 'awq' } },
      /quantisation that is not supported/,
    ],
    ['partial RoPE', { partial_rotary_factor: 0.5 }, /partial RoPE/],
    ['experts', { num_local_experts: 8 }, /mixture of experts/],
    ['a text for a size', { hidden_size: '64' }, /"hidden_size" is "64"/],
    ['too many layers', { num_hidden_layers: 1e9 }, /1000000000 layers/],
    ['too wide heads', { head_dim: 1e9 }, /head width of 1000000000/],
    ['heads that share unevenly', { num_key_value_heads: 3 }, /cannot share 3/],
    [
      'windows in unknown layers',
      { use_sliding_window: true, sliding_window: 8, layer_types: ['chunked_attention', 'full_attention'] },
      /kind "chunked_attention"/,
    ],
    [
      'windows in too few layers',
      {
        use_sliding_window: true,
        sliding_window: 8,
        layer_types: ['full_attention', 'sliding_attention', 'full_attention'],
      },
      /has 3 entries for 2 layers/,
    ],
  ])('with %s is refused', (_, changes, reason) => {
    expect(changed(changes)).toMatch(SENTENCE)
    expect(changed(changes)).toMatch(reason)
  })

  test('with any values is read or refused', () =>
    fc.assert(
      fc.property(
        fc.constantFrom(
          ...Object.keys(llama.config),
          'sliding_window',
          'layer_types',
          'no_rope_layers',
          'rope_scaling',
        ),
        fc.jsonValue(),
        (key, value) => {
          expect(changed({ [key]: value, use_sliding_window: true })).toMatch(/^read$|cannot be used/)
        },
      ),
      { numRuns: 300 },
    ))
})

test('listShards accepts only plain file names', () => {
  expect(
    listShards({
      weight_map: { a: 'model-1.safetensors', b: 'model-2.safetensors', c: 'model-1.safetensors' },
    }),
  ).toEqual({ ok: true, files: ['model-1.safetensors', 'model-2.safetensors'] })
  for (const invalid of [
    null,
    {},
    { weight_map: [] },
    { weight_map: {} },
    { weight_map: { a: '../x.safetensors' } },
    { weight_map: { a: 'https://x/y.safetensors' } },
    { weight_map: { a: 7 } },
  ])
    expect(listShards(invalid)).toMatchObject({
      ok: false,
      sentence: expect.stringMatching(/^The model's index .* Download it again\.$/) as string,
    })
})
