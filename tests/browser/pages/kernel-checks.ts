// Knows: the kernels in a browser: every module against scalar code, the choice, and the same bits from every module and number of threads.
import { makeKernelModel } from '../../../src/engine/generation/kernel-cache.ts'
import { chooseKernels } from '../../../src/engine/kernels/choose.ts'
import { KernelDecoder } from '../../../src/engine/kernels/decoder.ts'
import { KernelHeap } from '../../../src/engine/kernels/heap.ts'
import { DOTS, type Dot } from '../../../src/engine/kernels/layouts.ts'
import { openKernels, type Kernels } from '../../../src/engine/kernels/module.ts'
import { loadPageModule } from '../../../src/engine/kernels/page-modules.ts'
import { findWrongProducts } from '../../../src/engine/kernels/self-test.ts'
import { workAlone, type Team } from '../../../src/engine/kernels/team.ts'
import { readKernelWeights } from '../../../src/engine/kernels/weights.ts'
import { readHeaderOf } from '../../../src/engine/weights/gguf/gguf-header.ts'
import { storedInGguf } from '../../../src/engine/weights/gguf/llama-gguf.ts'
import { openPageKernels, openPageTeam } from '../../../workers/teachers/kernels.ts'
import { runTexts } from '../../engine/compare-logits.ts'
import { asFourBits, makeGguf, oracle } from '../../engine/small-architectures.ts'
import { checkSame, checkThat, type Check } from './check.ts'

/** Loads, each with steps and an end at random, of the check below. */
const LOADS = 300

const open = async (dot: Dot, shared: boolean): Promise<Kernels> =>
  openKernels(await loadPageModule(`${dot}-${shared ? 'shared' : 'alone'}`), dot, new KernelHeap(shared))

/** The hash (FNV-1a) of all logits of an architecture's texts in chunks, with packed weights. */
async function hashLogits(title: string, kernels: Kernels, team: Team): Promise<string> {
  const saved = oracle.models[title]
  if (saved === undefined) throw new RangeError(`The oracle has no ${title}.`)
  const source = makeGguf(saved, asFourBits)
  const header = await readHeaderOf(source)
  if (header.kind !== 'header') throw new Error(header.sentence)
  const weights = await readKernelWeights(kernels, storedInGguf(header.header, source), 'packed')
  const model = makeKernelModel(new KernelDecoder(kernels, weights, team, 64), 2)
  const [long = 0, short = 0] = oracle.texts.map(({ length }) => length)
  const logits = await runTexts(model, [
    [14, 15, 16, 30, long],
    [5, 6, 14, 15, short],
  ])
  await model.release()
  let hash = 0x811c9dc5
  for (const row of logits.flat())
    for (const bits of new Uint32Array(row.buffer, row.byteOffset, row.length))
      hash = Math.imul(hash ^ bits, 0x01000193)
  return (hash >>> 0).toString(16)
}

/** Whether a module's instructions exist here and multiply as it needs. */
const isUsable = (dot: Dot, fastest: Dot): boolean => dot === 'plain' || dot === 'pairs' || dot === fastest

export async function runKernelChecks(): Promise<readonly Check[]> {
  const checks: Check[] = []
  const shared = globalThis.crossOriginIsolated
  const chosen = await chooseKernels(loadPageModule, shared)
  checks.push(checkSame(`${chosen.kernels.dot} is chosen, and none is passed over`, chosen.rejected, []))
  const titles = Object.keys(oracle.models).filter((title) => oracle.models[title]?.gguf !== undefined)
  const plain = await open('plain', false)
  const expected: string[] = []
  for (const title of titles) expected.push(await hashLogits(title, plain, workAlone(plain)))
  for (const dot of DOTS.filter((each) => isUsable(each, chosen.kernels.dot))) {
    for (const isShared of [false, true]) {
      const name = `${dot}, ${isShared ? 'shared' : 'alone'}`
      checks.push(
        await checkThat(`${name}: products equal scalar code, first and optimised`, async () =>
          checkSame(name, (await findWrongProducts(await open(dot, isShared))) ?? 'none wrong', 'none wrong'),
        ),
      )
    }
    for (const threads of [1, 2, 3])
      checks.push(
        await checkThat(`${dot}, ${threads} threads: the same logits to the last bit`, async () => {
          const found: string[] = []
          for (const title of titles) {
            const kernels = await open(dot, threads > 1)
            const team = threads > 1 ? await openPageTeam(kernels, threads) : workAlone(kernels)
            if (team.threads !== threads) throw new Error(`${team.threads} threads started`)
            found.push(await hashLogits(title, kernels, team))
          }
          return checkSame(`${dot} ${threads}`, found, expected)
        }),
      )
  }
  checks.push(
    await checkThat(`${LOADS} loads, steps and ends in a row end well`, async () => {
      const found = new Set<string>()
      for (let i = 0; i < LOADS; i++) {
        // Other threads now and then; memory and threads are otherwise used again.
        const { kernels, team } = await openPageKernels(i < LOADS / 2 ? 2 : 3)
        if (i % 4 === 3) await team.release()
        else found.add(await hashLogits(titles[0] ?? '', kernels, team))
      }
      return checkSame('loads', [...found], [expected[0]])
    }),
  )
  return checks
}
