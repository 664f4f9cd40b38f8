// Exported adapters: alone, merged into a folder and merged into a GGUF. peft, transformers and the gguf package open them and get the
// same results as the page; a part whose package is not installed is skipped with a warning.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CompletionResult } from '../../../src/domain/completion-request.ts'
import { GREEDY } from '../../../src/domain/sampling.ts'
import { writeMergedFolder } from '../../../src/engine/exports/merged-files.ts'
import type { WrittenFile } from '../../../src/engine/exports/student-files.ts'
import { finalWeights } from '../../../src/engine/training/checkpoint.ts'
import { makeBatch } from '../../../src/engine/training/packing.ts'
import { toHuggingFaceTensors } from '../../../src/engine/training/student-tensors.ts'
import { initialState, Trainer } from '../../../src/engine/training/trainer.ts'
import { sourceFromBytes } from '../../../src/engine/weights/source.ts'
import type { StudentFormat } from '../../../src/protocol/student.ts'
import { loadFrozen } from '../../../workers/student/base-model.ts'
import { StudentCompleter } from '../../../workers/student/complete.ts'
import { exportStudent } from '../../../workers/student/export.ts'
import { renderByTemplate } from '../../../workers/student/rendering.ts'
import { requireStoredStudent, type StoredStudent } from '../../../workers/student/stored-student.ts'
import { openGguf } from '../../../workers/teachers/gguf.ts'
import { openTestRuntime } from '../../engine/session.ts'
import { IDS, type MemoryStores } from './memory-stores.ts'
import {
  adapt,
  keep,
  makeOtherRows,
  makeShopRows,
  makeSmallModel,
  makeStores,
  readBuiltInTeacher,
} from './train-adapters.ts'

const python = process.env['RETORT_PYTHON'] ?? 'python3'
const has = (...modules: string[]): boolean =>
  spawnSync(python, [
    '-c',
    `import importlib.util as u, sys; sys.exit(not all(u.find_spec(m) for m in ${JSON.stringify(modules)}))`,
  ]).status === 0
const tools = {
  peft: has('peft', 'transformers', 'torch'),
  transformers: has('transformers', 'torch'),
  gguf: has('gguf'),
}
const missing = Object.entries(tools)
  .filter(([, there]) => !there)
  .map(([name]) => name)
if (missing.length > 0)
  console.warn(
    `SKIPPED in part: exported adapters are not opened by ${missing.join(' and ')} (not installed for ${python}). Name another Python in RETORT_PYTHON.`,
  )

/** Runs a script of tests/oracles and returns the JSON that it prints. */
function runOracle(script: string, args: readonly string[], input: unknown): unknown {
  const run = spawnSync(
    python,
    [fileURLToPath(new URL(`../../oracles/${script}`, import.meta.url)), ...args],
    { input: JSON.stringify(input), encoding: 'utf8', maxBuffer: 1e8 },
  )
  if (run.status !== 0) throw new Error(run.stderr)
  return JSON.parse(run.stdout)
}

const TOKENS = 20
const quiet = { signal: new AbortController().signal, onProgress: () => undefined }
const inOrder = (results: readonly CompletionResult[]): string[] =>
  results.toSorted((a, b) => Number(a.id) - Number(b.id)).map(({ text }) => text)

const students = [
  ['a small model', makeSmallModel, makeOtherRows(24, 6), { steps: 60, evaluateEvery: 60 }],
  [
    'the built-in teacher',
    async () => readBuiltInTeacher(),
    makeShopRows(),
    { steps: 12, evaluateEvery: 12, rank: 8, learningRate: 0.004 },
  ],
] as const

for (const [what, make, rows, settings] of students)
  describe(`adapters on ${what}`, () => {
    const chats = [...rows.slice(14, 20).map(({ prompt }) => prompt), 'Que\u0301 color?  \n\t 東京 🙂'].map(
      (content) => [{ role: 'user' as const, content }],
    )
    const requests = chats.map((messages, i) => ({
      id: String(i),
      input: { kind: 'chat' as const, messages },
      sampling: { ...GREEDY, maxTokens: TOKENS, rngSeed: 'export' },
    }))
    let folder: string
    let model: Uint8Array
    let stores: MemoryStores
    let stored: StoredStudent
    let own: string[]
    const files = new Map<StudentFormat, readonly WrittenFile[]>()
    const fileOf = (format: StudentFormat, name: string): Uint8Array =>
      files.get(format)?.find((file) => file.name === name)?.bytes ?? expect.fail(`no ${name}`)

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'retort-adapted-'))
      model = await make()
      stores = makeStores([...rows])
      await adapt(stores, await keep(stores, 'base.gguf', model), settings)
      stored = await requireStoredStudent(stores, IDS.projectId, IDS.studentId)
      const completer = new StudentCompleter(stores, { openRuntime: openTestRuntime })
      const results: CompletionResult[] = []
      await completer.complete(
        { ...IDS, which: 'after', requests },
        { signal: quiet.signal, emit: (event) => event.kind === 'completion' && results.push(event.result) },
      )
      await completer.close()
      own = inOrder(results)
      for (const format of ['adapter', 'huggingface', 'gguf'] as const) {
        const { value } = await exportStudent({ ...IDS, format }, stores)
        files.set(format, value.files as readonly WrittenFile[])
        mkdirSync(join(folder, format))
        for (const { name, bytes } of value.files) writeFileSync(join(folder, format, name), bytes)
      }
      writeFileSync(join(folder, 'base.gguf'), model)
    }, 120_000)
    afterAll(() => rmSync(folder, { recursive: true, force: true }))

    test('exports small adapter files and whole merged models', () => {
      expect([...files].map(([format, all]) => [format, all.map(({ name }) => name)])).toEqual([
        ['adapter', ['adapter_config.json', 'adapter_model.safetensors']],
        [
          'huggingface',
          [
            'model.safetensors',
            'config.json',
            'generation_config.json',
            'tokenizer.json',
            'tokenizer_config.json',
          ],
        ],
        ['gguf', ['model.gguf']],
      ])
      expect(fileOf('adapter', 'adapter_model.safetensors').length).toBeLessThan(
        0.5 * fileOf('huggingface', 'model.safetensors').length,
      )
      expect(
        JSON.parse(new TextDecoder().decode(fileOf('huggingface', 'tokenizer_config.json'))),
      ).toMatchObject({
        eos_token: '<|end|>',
        pad_token: '<|endoftext|>',
        bos_token: null,
        chat_template: expect.stringContaining('<|end|>') as string,
      })
      expect(
        JSON.parse(new TextDecoder().decode(fileOf('huggingface', 'generation_config.json'))),
      ).toMatchObject({ eos_token_id: [4, 0], do_sample: false })
    })

    test('opens the merged GGUF as a teacher that generates the same texts', async () => {
      const teacher = await openGguf(sourceFromBytes('model.gguf', fileOf('gguf', 'model.gguf')), {
        backend: 'wasm',
        contextLength: 128,
        ...quiet,
        runtime: await openTestRuntime(),
      })
      const results: CompletionResult[] = []
      await teacher.complete(requests, { ...quiet, onResult: (result) => results.push(result) })
      await teacher.release()
      expect(inOrder(results)).toEqual(own)
      const { name, licence, parameters, quantisation } = teacher.description.card
      expect({ name, licence, parameters, quantisation }).toEqual({
        name: stored.baseModel?.card.name,
        licence: stored.baseModel?.card.licence,
        parameters: stored.baseModel?.card.parameters,
        quantisation: 'F16',
      })
    })

    test.skipIf(!tools.gguf)(
      'keeps the base model’s metadata in the merged GGUF, as the gguf package reads it',
      () => {
        interface Found {
          keys: Record<string, [kinds: string[], items: number, value: unknown]>
          tensors: Record<string, [type: string, shape: number[]]>
        }
        const [before, after] = [join(folder, 'base.gguf'), join(folder, 'gguf/model.gguf')].map(
          (path) => runOracle('merged-gguf.py', [path], null) as Found,
        )
        const { 'general.file_type': type, ...keys } = after!.keys
        const { 'general.file_type': _, 'GGUF.kv_count': __, ...kept } = before!.keys
        expect(type).toEqual([['UINT32'], 1, 1])
        expect(keys).toMatchObject(kept)
        expect(Object.keys(after!.tensors).toSorted()).toEqual(Object.keys(before!.tensors).toSorted())
        for (const [name, [kind, shape]] of Object.entries(after!.tensors)) {
          expect(kind, name).toBe(shape.length > 1 ? 'F16' : 'F32')
          expect(shape, name).toEqual(before!.tensors[name]?.[1])
        }
      },
    )

    test.skipIf(!tools.transformers)(
      'tokenizes and generates in transformers as on the page, from the merged folder',
      { timeout: 240_000 },
      () => {
        const { transformers } = runOracle(
          'exports.py',
          [join(folder, 'huggingface'), join(folder, 'gguf/model.gguf')],
          { prompts: chats, tokens: TOKENS },
        ) as { transformers: { ids: number[][]; texts: string[] } }
        const rendering = renderByTemplate(stored.tokenizer)
        expect(transformers.ids).toEqual(chats.map((messages) => rendering.prompt(messages)))
        expect(transformers.texts).toEqual(own)
      },
    )

    test.skipIf(!tools.peft)(
      'gets the training log-probabilities in peft, with separate and merged adapters',
      { timeout: 240_000 },
      async () => {
        const { baseModel: on, checkpoint, tokenizer } = stored
        if (!on || !checkpoint.adapts) return expect.fail('no adapters')
        const frozen = await loadFrozen(on)
        mkdirSync(join(folder, 'base'))
        for (const { name, bytes } of writeMergedFolder(
          { shape: on.shape, metadata: on.header.metadata, tensors: toHuggingFaceTensors(on.shape, frozen) },
          { json: tokenizer.json, endIds: tokenizer.endIds, startIds: tokenizer.startIds },
        ))
          writeFileSync(join(folder, 'base', name), bytes)
        const lines = rows.slice(14, 18).map((row) => renderByTemplate(tokenizer).example(row).ids)
        const theirs = runOracle('adapter-files.py', [join(folder, 'base'), join(folder, 'adapter')], {
          rows: lines,
        }) as { apart: number[][]; merged: number[][] }
        const trainer = new Trainer(
          await openTestRuntime(),
          { shape: on.shape, weightDecay: 0, maxGradientNorm: 0, adapts: { ...checkpoint.adapts, frozen } },
          initialState(finalWeights(checkpoint)),
        )
        const ours = await trainer.logProbs(
          makeBatch(
            lines.map((ids) => [{ tokens: Int32Array.from(ids), from: 0 }]),
            lines.length,
            Math.max(...lines.map((ids) => ids.length)) - 1,
          ),
        )
        await trainer.release()
        for (const logProbs of [theirs.apart.flat(), theirs.merged.flat()]) {
          expect(logProbs.length).toBe(lines.reduce((sum, ids) => sum + ids.length - 1, 0))
          logProbs.forEach((one, i) =>
            expect(Math.abs(one - (ours[i] ?? Number.NaN)), `token ${i}`).toBeLessThanOrEqual(5e-3),
          )
        }
      },
    )
  })
