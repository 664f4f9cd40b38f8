// An exported student: our own readers get the same numbers, and if Python packages are installed, transformers and llama.cpp generate
// the same texts with it (tests/oracles/exports.py).
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import type { CompletionResult } from '../../../src/domain/completion-request.ts'
import { GREEDY } from '../../../src/domain/sampling.ts'
import { renderStudentPrompt } from '../../../src/engine/tokenizers/templates/student-template.ts'
import { sourceFromBytes } from '../../../src/engine/weights/source.ts'
import { StudentCompleter } from '../../../workers/student/complete.ts'
import { exportStudent } from '../../../workers/student/export.ts'
import { requireStoredStudent } from '../../../workers/student/stored-student.ts'
import { openGguf } from '../../../workers/teachers/gguf.ts'
import { openTestRuntime } from '../../engine/session.ts'
import { IDS, makeMemoryStores, makeRows, type MemoryStores } from './memory-stores.ts'
import { hasSharedModel, whySkipped } from '../../engine/shared-model.ts'
import { trainSmall, trainOnSoftTargets } from './train-small.ts'

const TOKENS = 24
const call = { signal: new AbortController().signal, onProgress: () => undefined }
/** The last two are unlike the training texts: emoji, other scripts and white space go through all three tokenizers. */
const prompts = [
  ...makeRows(24, 4)
    .slice(18, 26)
    .map(({ prompt }) => prompt),
  'Que\u0301 color?  \n\t 東京 🙂',
  'THE red-hot BOAT, isn’t it?',
]
const chats = prompts.map((content) => [{ role: 'user' as const, content }])

/** In the order of the requests; texts are untrimmed. */
const inOrder = (results: readonly CompletionResult[]): string[] =>
  results.toSorted((a, b) => Number(a.id) - Number(b.id)).map(({ text }) => text)
const requests = chats.map((messages, i) => ({
  id: String(i),
  input: { kind: 'chat' as const, messages },
  sampling: { ...GREEDY, maxTokens: TOKENS, rngSeed: 'export' },
}))

const python = process.env.RETORT_PYTHON ?? 'python3'
const has = (module: string): boolean =>
  spawnSync(python, ['-c', `import importlib.util as u, sys; sys.exit(not u.find_spec('${module}'))`])
    .status === 0
const tools = { transformers: has('transformers') && has('torch'), 'llama.cpp': has('llama_cpp') }
if (!tools.transformers || !tools['llama.cpp'])
  console.warn(
    `SKIPPED in part: exported students are not opened by ${Object.entries(tools)
      .filter(([, there]) => !there)
      .map(([name]) => name)
      .join(' and ')} (not installed for ${python}). Name another Python in RETORT_PYTHON.`,
  )

interface Opened {
  readonly ids: number[][]
  readonly texts: string[]
}

const students = [
  ['a vocabulary of its own', trainSmall, true],
  [`a part of a teacher’s vocabulary${whySkipped}`, trainOnSoftTargets, hasSharedModel],
] as const

for (const [what, make, isPossible] of students)
  describe.skipIf(!isPossible)(`a student with ${what}`, () => {
    let stores: MemoryStores
    let own: string[]
    let files: Map<string, Uint8Array>

    beforeAll(async () => {
      stores = await make(160)
      const completer = new StudentCompleter(stores, { openRuntime: openTestRuntime })
      const results: CompletionResult[] = []
      await completer.complete(
        { ...IDS, which: 'after', requests },
        { signal: call.signal, emit: (event) => event.kind === 'completion' && results.push(event.result) },
      )
      await completer.close()
      own = inOrder(results)
      const both = [
        await exportStudent({ ...IDS, format: 'huggingface' }, stores),
        await exportStudent({ ...IDS, format: 'gguf' }, stores),
      ]
      files = new Map(
        both.flatMap(({ value }) =>
          value.files.map(({ name, bytes }): [string, Uint8Array] => [name, bytes]),
        ),
      )
      expect(both.map(({ transfer }) => transfer.length)).toEqual([5, 1])
    }, 120_000)

    const fileOf = (name: string): Uint8Array => files.get(name) ?? expect.fail(`no ${name}`)

    describe('the export', () => {
      test('has the files that transformers needs', () => {
        expect([...files.keys()].toSorted()).toEqual([
          'config.json',
          'generation_config.json',
          'model.gguf',
          'model.safetensors',
          'tokenizer.json',
          'tokenizer_config.json',
        ])
        const config: unknown = JSON.parse(new TextDecoder().decode(fileOf('config.json')))
        expect(config).toMatchObject({
          model_type: 'llama',
          tie_word_embeddings: true,
          eos_token_id: 4,
          pad_token_id: 0,
          max_position_embeddings: 64,
        })
      })

      test('writes safetensors without gaps or overlap, aligned and complete', async () => {
        const bytes = fileOf('model.safetensors')
        const view = new DataView(bytes.buffer, bytes.byteOffset)
        const headerBytes = Number(view.getBigUint64(0, true))
        expect(headerBytes % 8).toBe(0)
        const header: Record<string, { shape: number[]; data_offsets: [number, number] }> = JSON.parse(
          new TextDecoder().decode(bytes.subarray(8, 8 + headerBytes)),
        )
        const tensors = Object.entries(header).filter(([name]) => name !== '__metadata__')
        let end = 0
        for (const [
          ,
          {
            shape,
            data_offsets: [from, to],
          },
        ] of tensors) {
          expect(from).toBe(end)
          expect(to - from).toBe(4 * shape.reduce((product, size) => product * size, 1))
          end = to
        }
        expect(8 + headerBytes + end).toBe(bytes.length)
        const { checkpoint } = await requireStoredStudent(stores, IDS.projectId, IDS.studentId)
        expect(end).toBe(checkpoint.state.weights.byteLength)
      })

      test('opens as a GGUF teacher that generates the same texts', async () => {
        const teacher = await openGguf(sourceFromBytes('model.gguf', fileOf('model.gguf')), {
          backend: 'wasm',
          contextLength: 64,
          ...call,
        })
        const results: CompletionResult[] = []
        await teacher.complete(requests, { ...call, onResult: (result) => results.push(result) })
        await teacher.release()
        expect(inOrder(results)).toEqual(own)
      })

      test('refuses a student without a checkpoint', async () => {
        await expect(exportStudent({ ...IDS, format: 'gguf' }, makeMemoryStores([]))).rejects.toMatchObject({
          name: 'ModelMissing',
        })
      })
    })

    describe('in other tools', () => {
      let opened: Record<keyof typeof tools, Opened | null>
      beforeAll(() => {
        if (!tools.transformers && !tools['llama.cpp']) return
        const folder = mkdtempSync(join(tmpdir(), 'retort-student-'))
        try {
          for (const [name, bytes] of files) writeFileSync(join(folder, name), bytes)
          const script = fileURLToPath(new URL('../../oracles/exports.py', import.meta.url))
          const run = spawnSync(python, [script, folder, join(folder, 'model.gguf')], {
            input: JSON.stringify({ prompts: chats, tokens: TOKENS }),
            encoding: 'utf8',
            maxBuffer: 1e8,
          })
          if (run.status !== 0) throw new Error(run.stderr)
          opened = JSON.parse(run.stdout)
        } finally {
          rmSync(folder, { recursive: true })
        }
      }, 240_000)

      for (const tool of ['transformers', 'llama.cpp'] as const) {
        test.skipIf(!tools[tool])(`tokenizes and generates in ${tool} as on the page`, async () => {
          const { tokenizer } = await requireStoredStudent(stores, IDS.projectId, IDS.studentId)
          expect(opened[tool]?.ids).toEqual(chats.map((messages) => renderStudentPrompt(tokenizer, messages)))
          expect(opened[tool]?.texts).toEqual(own)
        })
      }
    })
  })
