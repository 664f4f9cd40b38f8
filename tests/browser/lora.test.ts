// Knows: LoRA adapters with the built-in teacher as base model: chosen, trained, resumed after a reload, compared, taken home in all three formats.
import { readFileSync } from 'node:fs'
import { strFromU8, unzipSync } from 'fflate'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findBarriers, overflowOf } from './axe.ts'
import { DIST, expectNoErrors, openBrowser, openPage, waitUntilIsolated, type Watched } from './harness.ts'
import { Person, readStore } from './person.ts'
import { serveFolder, type Site } from './serve.ts'

const RECIPE = `retort: 2
name: Adapters
rngSeed: 5
steps:
  - complete: teacher
    n: 1
    system: ""
    temperature: 1
    topP: 1
    repetitionPenalty: 1
    maxTokens: 64
  - judge: rubric
    rubric: helpfulness@1
  - freeze: split
    heldOut: 0.2
  - train: lora
    rank: 4
    context: 128
    steps: 40
    batchSize: 2
    learningRate: 0.002
    evaluateEvery: 10
`

let browser: Browser
let site: Site
let watched: Watched
let person: Person

async function checkScreen(): Promise<void> {
  expect(await findBarriers(watched.page)).toEqual([])
  await watched.page.setViewportSize({ width: 390, height: 800 })
  await expect.poll(() => overflowOf(watched.page)).toBe(0)
  await watched.page.setViewportSize({ width: 1280, height: 900 })
}
const shown = (): Promise<string> => watched.page.getByRole('main').innerText()
/** The files in the folder of the downloaded zip. */
async function readZip(): Promise<Map<string, Uint8Array>> {
  const entries = Object.entries(unzipSync(readFileSync((await person.download('Download student')).path)))
  return new Map(
    entries
      .filter(([name]) => !name.endsWith('/'))
      .map(([name, bytes]) => [name.split('/').at(-1) ?? '', bytes]),
  )
}
const readStudents = async () =>
  (await readStore(watched.page, 'students')).toSorted(
    (a, b) => Number(b['startedAt']) - Number(a['startedAt']),
  )

describe('LoRA adapters', { timeout: 300_000 }, () => {
  beforeAll(async () => {
    browser = await openBrowser()
    site = await serveFolder(DIST, { under: '/some/where/' })
    watched = await openPage(browser, site.url)
    await waitUntilIsolated(watched.page)
    person = new Person(watched.page)
  })
  afterAll(async () => {
    await browser.close()
    await site.close()
  })

  test('offer the built-in teacher as base model, with the memory that training needs', async () => {
    await person.beginWith(RECIPE)
    await person.runAndFreeze(120)
    await person.goTo('Student')
    expect(await watched.page.getByLabel('Model to fine-tune').locator('option').allInnerTexts()).toEqual([
      'corner-shop.gguf, built in',
    ])
    await expect
      .poll(shown)
      .toMatch(
        /2\.7 M parameters\. Training needs about [\d.]+ MB of the 4 GB that WebAssembly can use, and up to [\d.]+ MB of other memory\.\s+The loaded teacher needs memory too/,
      )
    expect(await watched.page.getByRole('radio', { name: /micro/ }).count()).toBe(0)
    await checkScreen()
  })

  test('are trained, paused, resumed after a reload, and show sample completions', async () => {
    await person.press('Train student')
    await person.waitFor(/Training: step 1\d of 40/, 60)
    await person.press('Pause')
    await person.waitFor(/^Paused at step/)
    await watched.page.reload()
    await watched.page.getByRole('heading', { level: 1 }).waitFor()
    await person.press('Resume')
    await person.waitFor(/The student is trained: 2\.7 M parameters/, 120)
    const [student] = await readStudents()
    expect(student).toMatchObject({
      baseModel: {
        source: { kind: 'built-in' },
        model: { name: 'Corner shop', fingerprint: '0a828d0ff7b529b1' },
      },
      parameters: 2_700_288,
      shape: { layers: 6, width: 192, heads: 6, kvHeads: 2, feedForward: 512 },
      checkpointStep: 40,
    })
    expect(student?.['trainedParameters']).toBeLessThan(200_000)
    const points = student?.['points'] as readonly { step: number; train: number; heldOut?: number }[]
    expect(points.flatMap(({ step, heldOut }) => (heldOut === undefined ? [] : [step]))).toEqual([
      10, 20, 30, 40,
    ])
    const samples = student?.['samples'] as readonly { text: string }[] | undefined
    expect(samples?.at(-1)?.text).toMatch(/\w+ \w+/)
    expect(await shown()).toContain('Sample completions')
    expect(await watched.page.getByRole('row', { name: /Corner shop.*cross-entropy, LoRA/ }).count()).toBe(1)
    await checkScreen()
    await watched.page.getByLabel('Training objective').selectOption('grpo')
    // Adapters are no base for another student.
    await expect
      .poll(shown)
      .toMatch(/there is none\. Train one on the texts first|final answer that can be checked/)
    await watched.page.getByLabel('Training objective').selectOption('lora')
  })

  test('are compared with the base model', async () => {
    await person.goTo('Teacher')
    await person.waitFor(/Corner shop can be used/)
    await person.press('Load it')
    await person.waitFor(/is loaded on/)
    await person.goTo('Compare')
    await watched.page.getByLabel(/held-out prompts/).fill('4')
    await person.press('Compare')
    await person.waitFor(/Compared on 4 held-out prompts/, 120)
    expect(await shown()).toMatch(/Base model[\s\S]*With adapters[\s\S]*Teacher/)
    const [compared] = await readStore(watched.page, 'comparisons')
    const prompts = compared?.['prompts'] as readonly { texts: Record<string, string> }[]
    expect(prompts).toHaveLength(4)
    for (const { texts } of prompts) expect(texts['before']).toBe(texts['teacher']) // the built-in teacher is both the base model and the teacher, and both decode greedily
    await checkScreen()
  })

  test('are taken home alone, merged in a folder and merged as a GGUF', async () => {
    await person.goTo('Take home')
    expect(await shown()).toMatch(
      /2\.7 M parameters, \d+ k of them in adapters, (after 40 steps|of step \d+ of 40)/,
    )
    await watched.page.getByRole('radio', { name: 'Adapter, zip' }).check()
    const adapter = await readZip()
    expect([...adapter.keys()].toSorted()).toEqual(['adapter_config.json', 'adapter_model.safetensors'])
    expect(JSON.parse(strFromU8(adapter.get('adapter_config.json') ?? new Uint8Array()))).toMatchObject({
      peft_type: 'LORA',
      r: 4,
      lora_alpha: 16,
    })
    await watched.page.getByRole('radio', { name: 'Merged Hugging Face folder, zip' }).check()
    const folder = await readZip()
    expect([...folder.keys()].toSorted()).toEqual([
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ])
    await watched.page.getByRole('radio', { name: 'Merged GGUF' }).check()
    const { name, path } = await person.download('Download student')
    expect(name).toMatch(/-student\.gguf$/)
    await checkScreen()
    // The merged file is an ordinary model: Retort can open it.
    await person.goTo('Teacher')
    await watched.page.getByLabel('Model file').setInputFiles({
      name: 'merged.gguf',
      mimeType: 'application/octet-stream',
      buffer: readFileSync(path),
    })
    await expect.poll(shown, { timeout: 30_000 }).toMatch(/not loaded[\s\S]*2\.7 M[\s\S]*F16 × 43, F32 × 13/)
    expectNoErrors(watched)
  })
})
