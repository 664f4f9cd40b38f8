// Knows: sentence encoders against sentence-transformers' numbers on the real model, and what is refused.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { fromHalves } from '../../../src/engine/weights/half.ts'
import { sourceFromBytes } from '../../../src/engine/weights/source.ts'
import { wordPieceFrom } from '../../../src/engine/tokenizers/word-piece.ts'
import { safetensors } from '../../../workers/teachers/forms/safetensors.ts'
import type { ModelBundle } from '../../../workers/teachers/bundle.ts'
import { openTestRuntime } from '../../engine/session.ts'

const folder = fileURLToPath(new URL('../../../../shared/models/all-MiniLM-L6-v2/', import.meta.url))
/** The real model is next to the repository on some machines only. */
const isThere = existsSync(`${folder}model.safetensors`)
if (!isThere) process.stdout.write('skipped: ../shared/models/all-MiniLM-L6-v2 is missing\n')

/** Sentences, their ids and vectors, as sentence-transformers 6.2 computes them in 32-bit floats (oracles/sentence-encoder.py). */
const CASES = JSON.parse(
  readFileSync(fileURLToPath(new URL('../../oracles/sentence-encoder.json', import.meta.url)), 'utf8'),
) as readonly { readonly text: string; readonly ids: readonly number[]; readonly vector: readonly number[] }[]

function readBundle(changes: Readonly<Record<string, unknown>> = {}): ModelBundle {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) =>
    entry.isFile() ? [`${entry.parentPath}/${entry.name}`.slice(folder.length).replace(/^\//, '')] : [],
  )
  return {
    name: 'all-MiniLM-L6-v2',
    files: new Map(
      paths.map((path) => [
        path,
        sourceFromBytes(
          path,
          path in changes
            ? new TextEncoder().encode(JSON.stringify(changes[path]))
            : new Uint8Array(readFileSync(folder + path)),
        ),
      ]),
    ),
  }
}
const readJson = (path: string) => JSON.parse(readFileSync(folder + path, 'utf8')) as Record<string, unknown>
const open = async (bundle = readBundle()) =>
  safetensors.open(bundle, {
    backend: 'wasm',
    contextLength: 2048,
    signal: new AbortController().signal,
    onProgress: () => undefined,
    runtime: await openTestRuntime(),
  } as never)

test.skipIf(!isThere)('splits texts into the ids of the reference', () => {
  const made = wordPieceFrom(readJson('tokenizer.json'))
  if (!made.ok) throw new Error(made.sentence)
  for (const { text, ids } of CASES) expect(made.tokenizer.encode(text, 256).ids, text).toEqual(ids)
  expect(made.tokenizer.encode('[SEP] or [PAD]', 256).ids).not.toContain(0)
  expect(made.tokenizer.encode('word '.repeat(400), 256)).toMatchObject({ isCut: true })
})

test.skipIf(!isThere)('embeds as sentence-transformers does', { timeout: 240_000 }, async () => {
  const teacher = await open()
  try {
    const { description } = teacher
    expect(description.capabilities).toMatchObject({ embeddings: true, chat: false, scores: false })
    expect(description.contextLength).toBe(256)
    const vectors = new Map<string, Float32Array>()
    const refused: unknown[] = []
    await teacher.embed?.(
      CASES.map(({ text }, i) => ({ id: `${i}`, text })),
      {
        signal: new AbortController().signal,
        onProgress: () => undefined,
        onResult: ({ id, vector, refusal }) =>
          refusal === undefined ? void vectors.set(id, fromHalves(vector)) : refused.push(refusal),
      },
    )
    expect(refused).toEqual([])
    let largest = 0
    for (const [i, { vector }] of CASES.entries())
      for (const [at, wanted] of vector.entries())
        largest = Math.max(largest, Math.abs((vectors.get(`${i}`)?.[at] ?? Number.NaN) - wanted))
    process.stdout.write(`largest difference of ${CASES.length} × 384 numbers: ${largest.toExponential(2)}\n`)
    // 16-bit floats of numbers up to 0.25 are within 6.1e-5, besides the difference of the computation.
    expect(largest).toBeLessThan(1e-4)
    const written: unknown[] = []
    await teacher.complete([{ id: 'a', input: { kind: 'raw', text: 'x' }, sampling: {} as never }], {
      signal: new AbortController().signal,
      onProgress: () => undefined,
      onResult: (one) => written.push(one),
    })
    expect(written).toMatchObject([{ refusal: expect.stringContaining('sentence encoder') }])
    await expect(teacher.score([], {} as never)).rejects.toMatchObject({ name: 'ModelRefused' })
  } finally {
    await teacher.release()
  }
})

test.skipIf(!isThere).each([
  ['config.json', { hidden_act: 'relu' }, /activation/],
  ['config.json', { num_attention_heads: 7 }, /do not fit together/],
  ['config.json', { hidden_size: 192 }, /should be/],
  ['config.json', { vocab_size: 'many' }, /sizes/],
  ['1_Pooling/config.json', { pooling_mode_max_tokens: true }, /combines the vectors/],
  ['tokenizer.json', { model: { type: 'BPE' } }, /WordPiece/],
])('refuses a folder whose %s has %j', async (path, change, sentence) => {
  const bundle = readBundle({ [path]: { ...readJson(path), ...change } })
  await expect(safetensors.inspect(bundle)).rejects.toMatchObject({
    name: 'ModelRefused',
    message: expect.stringMatching(sentence),
  })
})

test.skipIf(!isThere)('refuses a part after the encoder that it does not know', async () => {
  const modules = [{ type: 'sentence_transformers.models.Dense', path: '2_Dense' }]
  await expect(safetensors.inspect(readBundle({ 'modules.json': modules }))).rejects.toMatchObject({
    message: expect.stringMatching(/Dense/),
  })
})
