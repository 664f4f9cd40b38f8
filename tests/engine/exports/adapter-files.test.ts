// peft opens an exported adapter on the exported decoder and computes our log-probabilities; a loaded model becomes the
// same decoder again.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { makeNumbers } from '../../../src/engine/checks/numbers.ts'
import { makeSmallRows, makeSmallWeights, SMALL } from '../../../src/engine/checks/small.ts'
import { writeAdapterFiles } from '../../../src/engine/exports/adapter-files.ts'
import { writeHuggingFaceFiles, type WrittenFile } from '../../../src/engine/exports/student-files.ts'
import { countOf } from '../../../src/engine/training/parameters.ts'
import { listAdapters, type AdapterOptions } from '../../../src/engine/training/adapters.ts'
import { readFrozen } from '../../../src/engine/training/frozen-decoder.ts'
import { makeBatch } from '../../../src/engine/training/packing.ts'
import { toHuggingFaceTensors } from '../../../src/engine/training/student-tensors.ts'
import { makeStudentWeights } from '../../../src/engine/training/student-weights.ts'
import { initialState, Trainer } from '../../../src/engine/training/trainer.ts'
import { openTestRuntime } from '../session.ts'

const python = process.env['RETORT_PYTHON'] ?? 'python3'
const hasPeft =
  spawnSync(python, [
    '-c',
    "import importlib.util as u, sys; sys.exit(not (u.find_spec('peft') and u.find_spec('transformers')))",
  ]).status === 0
if (!hasPeft)
  console.warn(
    `SKIPPED in part: ${python} has no peft to open exported adapters. Set another Python in RETORT_PYTHON.`,
  )

const OPTIONS: AdapterOptions = { rank: 3, alpha: 12, targets: ['q', 'k', 'output', 'up', 'down'] }
const adapters = makeNumbers(countOf(listAdapters(SMALL, OPTIONS)), 7, 0.3)
const files = writeAdapterFiles({ shape: SMALL, options: OPTIONS, adapters, baseName: 'base' })

test('writeAdapterFiles uses the file names, fields and tensor names of peft', () => {
  expect(files.map(({ name }) => name)).toEqual(['adapter_config.json', 'adapter_model.safetensors'])
  const config: unknown = JSON.parse(new TextDecoder().decode(files[0]?.bytes))
  expect(config).toMatchObject({
    peft_type: 'LORA',
    r: 3,
    lora_alpha: 12,
    target_modules: ['q_proj', 'k_proj', 'o_proj', 'up_proj', 'down_proj'],
    base_model_name_or_path: 'base',
  })
  expect(new TextDecoder().decode(files[1]?.bytes)).toContain(
    'base_model.model.model.layers.1.mlp.down_proj.lora_A.weight',
  )
})

test('readFrozen restores the parameters of a loaded model and refuses packed weights', () => {
  const weights = makeSmallWeights()
  expect(readFrozen(makeStudentWeights(SMALL, weights))).toEqual(weights)
  const packed = {
    ...makeStudentWeights(SMALL, weights),
    linear: () => ({ kind: 'nb8' as const, K: 32, N: 32, b: new Uint8Array(), scales: new Float32Array() }),
  }
  expect(() => readFrozen(packed)).toThrow('Adapters need weights that were loaded as floats.')
})

test.skipIf(!hasPeft)(
  'peft computes the log-probabilities of the trainer, with the adapter separate and merged',
  { timeout: 120_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'retort-adapter-'))
    const write = (to: string, all: readonly WrittenFile[]): void => {
      mkdirSync(join(folder, to))
      for (const { name, bytes } of all) writeFileSync(join(folder, to, name), bytes)
    }
    try {
      write(
        'base',
        writeHuggingFaceFiles({
          shape: SMALL,
          tensors: toHuggingFaceTensors(SMALL, makeSmallWeights()),
          tokenizerJson: {},
          name: 'small',
        }),
      )
      write('adapter', files)
      const rows = makeSmallRows(1).map((row) => ({ ...row, from: 0 }))
      const script = fileURLToPath(new URL('../../oracles/adapter-files.py', import.meta.url))
      const run = spawnSync(python, [script, join(folder, 'base'), join(folder, 'adapter')], {
        input: JSON.stringify({ rows: rows.map(({ tokens }) => [...tokens]) }),
        encoding: 'utf8',
        maxBuffer: 1e8,
      })
      expect(run.status, run.stderr).toBe(0)
      const theirs: { apart: number[][]; merged: number[][] } = JSON.parse(run.stdout)
      const trainer = new Trainer(
        await openTestRuntime(),
        {
          shape: SMALL,
          weightDecay: 0,
          maxGradientNorm: 0,
          adapts: { ...OPTIONS, frozen: makeSmallWeights() },
        },
        initialState(adapters),
      )
      const ours = await trainer.logProbs(
        makeBatch(
          rows.map((row) => [row]),
          3,
          12,
        ),
      )
      await trainer.release()
      for (const logProbs of [theirs.apart.flat(), theirs.merged.flat()]) {
        expect(logProbs.length).toBe(rows.reduce((sum, { tokens }) => sum + tokens.length - 1, 0))
        logProbs.forEach((one, i) =>
          expect(Math.abs(one - (ours[i] ?? Number.NaN)), `token ${i}`).toBeLessThanOrEqual(2e-3),
        )
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
)
