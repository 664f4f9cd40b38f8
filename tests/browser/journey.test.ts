// Knows: the main job as one person does it in a real browser with a real model: seeds to files, with a reload in the middle of the
// run and of the training. Each test continues where the one before it ended, so this file is longer than most.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { strFromU8, unzipSync } from 'fflate'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { findBarriers, overflowOf } from './axe.ts'
import {
  DIST,
  expectNoErrors,
  hasTeacher,
  openBrowser,
  openPage,
  SHARED,
  TEACHER_FILE,
  waitUntilIsolated,
  type Watched,
} from './harness.ts'
import { Person, readStore } from './person.ts'
import { serveFolder, type Site } from './serve.ts'

if (!hasTeacher)
  console.warn(`The journey with a real model is skipped: there is no ${TEACHER_FILE} in ../shared/models.`)

const SEEDS = [
  'Explain to a child of six why the sky is blue.',
  'Write a friendly reminder that an invoice is due on Friday.',
  'List three uses for an empty glass jar.',
  'What should I pack for a weekend in the mountains?',
  'Describe the smell of rain in two sentences.',
  'Suggest a name for a bakery that sells only rye bread.',
  'How do I politely decline a wedding invitation?',
  'Give one reason to learn to play the violin.',
  'Summarise what a librarian does all day.',
  'Write a short thank-you note to a neighbour.',
]

/** The whole recipe on a small scale, but large enough that its run can be paused. Thresholds keep everything that a small model generates: the test is about the path. */
const RECIPE = `retort: 2
name: A small journey
rngSeed: 7
steps:
  - grow: self-instruct
    prompts: 16
    alsoSeeds: true
    humanShots: 3
    machineShots: 1
    maxTokens: 96
  - complete: teacher
    n: 1
    system: ""
    maxTokens: 24
  - filter: length
    min: 2
  - filter: repetition
    n: 4
    max: 0.9
  - judge: rubric
    rubric: helpfulness@1
  - keep: threshold
    min: 1
  - freeze: split
    heldOut: 0.2
  - train: teacher-text
    preset: nano
    vocabulary: 512
    context: 96
    steps: 120
    batchSize: 4
    evaluateEvery: 10
`

let browser: Browser
let site: Site
let watched: Watched
let person: Person

describe.skipIf(!hasTeacher)(
  'one person’s journey with SmolLM2 (skipped without ../shared/models)',
  { timeout: 400_000 },
  () => {
    beforeAll(async () => {
      browser = await openBrowser()
      site = await serveFolder(DIST, { under: '/some/where/', models: [join(SHARED, 'models')] })
      watched = await openPage(browser, site.url)
      await waitUntilIsolated(watched.page)
      person = new Person(watched.page)
    })
    afterAll(async () => {
      await browser.close()
      await site.close()
    })

    /** The same checks for a filled screen as for an empty one. */
    async function checkFilledScreen(): Promise<void> {
      expect(await findBarriers(watched.page)).toEqual([])
      await watched.page.setViewportSize({ width: 390, height: 800 })
      await expect.poll(() => overflowOf(watched.page)).toBe(0)
      await watched.page.setViewportSize({ width: 1280, height: 900 })
    }

    async function reload(): Promise<void> {
      await watched.page.reload()
      await watched.page.getByRole('heading', { level: 1 }).waitFor()
    }

    test('adds typed and dropped seeds, and shows bad rows with their line', async () => {
      await person.press('New project')
      await watched.page.getByLabel('Seeds as text').fill(SEEDS.slice(0, 5).join('\n'))
      await person.press('Add seeds')
      expect(await person.waitFor(/5 of 5 rows added/)).toContain('5 seeds in this project')
      const lines = [
        ...SEEDS.slice(5).map((prompt) => JSON.stringify({ prompt })),
        '{"prompt": 12}',
        '{broken',
      ]
      await watched.page.getByLabel('Seed file').setInputFiles({
        name: 'more.jsonl',
        mimeType: 'application/jsonl',
        buffer: Buffer.from(lines.join('\n')),
      })
      expect(await person.waitFor(/5 of 7 rows added/)).toContain('10 seeds in this project')
      const shown = await watched.page.getByRole('main').innerText()
      expect(shown).toMatch(/line 6/i)
      expect(shown).toMatch(/line 7/i)
      await checkFilledScreen()
    })

    test('refuses files that are no model, and truncated ones, with a sentence each', async () => {
      await person.goTo('Teacher')
      const field = watched.page.getByLabel('Model file')
      const whole = readFileSync(join(SHARED, 'models', TEACHER_FILE))
      const bad = [
        { name: 'empty.gguf', buffer: Buffer.alloc(0) },
        { name: 'letter.gguf', buffer: Buffer.from('Dear neighbour, this is not a model.') },
        { name: 'cut-in-header.gguf', buffer: whole.subarray(0, 200_000) },
        { name: 'cut-in-weights.gguf', buffer: whole.subarray(0, 30_000_000) },
      ]
      for (const { name, buffer } of bad) {
        await field.setInputFiles({ name, mimeType: 'application/octet-stream', buffer })
        await person.waitFor(new RegExp(`${name} cannot be used`))
        expect(await person.button('Load teacher').count()).toBe(0)
        expect(await watched.page.getByRole('main').innerText()).toMatch(/[A-Z][^.]{20,}\./)
      }
      await checkFilledScreen()
    })

    test('shows a teacher’s facts before it is loaded, then loads it with threads', async () => {
      await watched.page
        .getByRole('main')
        .getByRole('listitem')
        .getByRole('button', { name: TEACHER_FILE, exact: true })
        .click()
      await person.waitFor(/can be used/)
      const facts = await watched.page.getByRole('main').innerText()
      for (const word of ['llama', 'Q4_1', '135', 'Memory']) expect(facts).toContain(word)
      await person.press('Load teacher')
      const loaded = await person.waitFor(/is loaded on/, 180)
      expect(loaded).toMatch(/\d+ threads?|one thread/)
      // One thread only where the measurement found more of them clearly slower.
      if (!/\d+ threads/.test(loaded))
        expect(await readStore(watched.page, 'threads')).toMatchObject([{ threads: 1 }])
      await checkFilledScreen()
    })

    test('refuses an invalid recipe with sentences, uses a valid one and tries it on five rows', async () => {
      await person.goTo('Recipe')
      await watched.page.getByLabel('Recipe as YAML').fill('retort: 2\nsteps:\n  - filter: lenght\n')
      await person.waitFor(/problems? to fix/)
      await watched.page.getByLabel('Recipe as YAML').fill(RECIPE)
      await person.press('Use recipe')
      await person.waitFor(/recipe is in use/)
      await person.press('Try five')
      await expect
        .poll(async () => (await watched.page.getByRole('main').innerText()).includes('would be kept'), {
          timeout: 120_000,
        })
        .toBe(true)
      expect(
        await watched.page
          .getByRole('list', { name: /tried rows?$/ })
          .getByRole('listitem')
          .count(),
      ).toBe(5)
      expect(await readStore(watched.page, 'rows')).toEqual([])
      await checkFilledScreen()
    })

    test('pauses and resumes a run, resumes it after a reload, and repeats nothing', async () => {
      await person.goTo('Run')
      await person.press('Start run')
      await expect
        .poll(async () => (await readStore(watched.page, 'rows')).length, { timeout: 120_000, interval: 100 })
        .toBeGreaterThan(0)
      await person.press('Pause')
      await person.waitFor(/Paused/)
      await person.press('Resume')
      // A reload before the run is stored as running again would leave it paused.
      await expect
        .poll(async () => (await readStore(watched.page, 'runs'))[0]?.['status'], {
          timeout: 30_000,
          interval: 20,
        })
        .toBe('running')
      await reload()
      const before = await readStore(watched.page, 'rows')
      expect(before.length).toBeGreaterThan(0)
      expect(await person.waitFor(/interrupted/)).toContain('Resume continues it')
      await person.loadTeacher(TEACHER_FILE)
      await person.goTo('Run')
      await person.press('Resume')
      expect(await person.waitFor(/Run finished: /, 240)).toMatch(/Run finished: (\d+) of \1 kept/)
      const after = new Map((await readStore(watched.page, 'rows')).map((row) => [row['id'], row]))
      expect(after.size).toBeGreaterThanOrEqual(SEEDS.length)
      for (const row of before) expect(after.get(row['id'])?.['completion']).toEqual(row['completion'])
      expect([...after.values()].every((row) => typeof row['verdicts'] === 'object')).toBe(true)
      await watched.page.getByRole('button', { name: /Length.*Show them/ }).click()
      await watched.page.getByRole('dialog').waitFor()
      expect(await findBarriers(watched.page)).toEqual([])
      await watched.page.keyboard.press('Escape')
      await checkFilledScreen()
    })

    test('shows a row’s history, edits and rejects rows by hand, and freezes the kept ones under their hash', async () => {
      await person.goTo('Dataset')
      await person.waitFor(/of \d+ rows kept/)
      await checkFilledScreen()
      const open = (row: number) =>
        watched.page.getByRole('table').getByRole('row').nth(row).getByRole('button').first().click()
      const drawer = watched.page.getByRole('dialog')
      await open(1)
      await drawer.getByRole('button', { name: 'Edit', exact: true }).click()
      await drawer.getByLabel('Completion').fill('An answer by hand.')
      await drawer.getByRole('button', { name: 'Save the edit' }).click()
      await drawer.getByText('edited by hand').first().waitFor()
      expect(await findBarriers(watched.page)).toEqual([])
      // Escape first closes the meaning of a term that the pointer happens to be over.
      await watched.page.mouse.move(0, 0)
      await expect.poll(() => watched.page.locator(':popover-open').count()).toBe(0)
      await watched.page.keyboard.press('Escape')
      await open(2)
      await drawer.getByRole('button', { name: 'Reject', exact: true }).click()
      await watched.page.keyboard.press('Escape')
      await person.waitFor(/1 rejected by hand/)
      const edited = (await readStore(watched.page, 'rows')).find((row) => row['edit'] !== undefined)
      expect(JSON.stringify(edited?.['completion'])).not.toContain('An answer by hand.')
      await person.press('Freeze dataset')
      await person.waitFor(/^Frozen: \d+ rows/)
      const [dataset] = await readStore(watched.page, 'datasets')
      expect(String(dataset?.['id'])).toMatch(/^[0-9a-f]{64}$/)
    })

    test('trains a student, resumes it from its checkpoint after a reload, and lowers the loss', async () => {
      await person.goTo('Student')
      await person.press('Train student')
      const stepOf = async () =>
        Number((await readStore(watched.page, 'students'))[0]?.['checkpointStep'] ?? 0)
      await expect.poll(stepOf, { timeout: 120_000, interval: 100 }).toBeGreaterThanOrEqual(10)
      await reload()
      expect(await person.waitFor(/interrupted/)).toMatch(/from the checkpoint at step [1-9]\d*/)
      await person.press('Resume')
      await person.waitFor(/The student is trained/, 240)
      const [student] = await readStore(watched.page, 'students')
      const points = student?.['points'] as readonly { step: number; train: number; heldOut?: number }[]
      const steps = points.map(({ step }) => step)
      expect(steps).toEqual([...new Set(steps)].toSorted((a, b) => a - b))
      expect(steps.at(-1)).toBe(120)
      expect(points.at(-1)?.train).toBeLessThan(0.8 * (points[0]?.train ?? 0))
      expect(points.some(({ heldOut }) => heldOut !== undefined)).toBe(true)
      await checkFilledScreen()
    })

    test('compares student before, student after and teacher', async () => {
      await person.loadTeacher(TEACHER_FILE)
      await person.goTo('Compare')
      await person.press('Compare')
      expect(await person.waitFor(/^Compared on/, 240)).toMatch(/better on \d+, worse on \d+, tied on \d+/)
      expect(await watched.page.getByRole('heading', { name: /Side by side/ }).count()).toBe(1)
      await checkFilledScreen()
    })

    test('downloads the dataset in four formats', async () => {
      await person.goTo('Take home')
      const rows = (await readStore(watched.page, 'datasetRows')).length
      const texts: Record<string, string> = {}
      for (const form of ['Messages', 'Prompt', 'Alpaca', 'CSV']) {
        await watched.page
          .getByRole('main')
          .getByRole('radio', { name: new RegExp(form, 'i') })
          .first()
          .check()
        const file = await person.download('Download dataset')
        texts[form] = readFileSync(file.path, 'utf8')
      }
      const lines = (texts['Messages'] ?? '').trim().split('\n')
      expect(lines).toHaveLength(rows)
      for (const line of lines) expect(JSON.parse(line)).toHaveProperty('messages')
      expect(texts['Alpaca']).toContain('"instruction"')
      expect(texts['CSV']).toContain('An answer by hand.')
    })

    test('downloads the student as files that other tools read', async () => {
      const form = (name: RegExp) =>
        watched.page.getByRole('main').getByRole('radio', { name }).first().check()
      await form(/hugging|safetensors|transformers/i)
      const zip = unzipSync(readFileSync((await person.download('Download student')).path))
      for (const name of [
        'model.safetensors',
        'config.json',
        'tokenizer.json',
        'tokenizer_config.json',
        'generation_config.json',
      ]) {
        expect(
          Object.keys(zip).some((path) => path.endsWith(name)),
          name,
        ).toBe(true)
      }
      const find = (name: string): Uint8Array =>
        zip[Object.keys(zip).find((path) => path.endsWith(name)) ?? ''] ?? new Uint8Array()
      const weights = find('model.safetensors')
      const headerBytes = Number(new DataView(weights.buffer, weights.byteOffset).getBigUint64(0, true))
      const header = JSON.parse(strFromU8(weights.subarray(8, 8 + headerBytes))) as Record<
        string,
        { dtype?: string; data_offsets?: [number, number] }
      >
      expect(header['model.embed_tokens.weight']?.dtype).toBe('F32')
      const ends = Object.values(header).flatMap(({ data_offsets: offsets }) =>
        offsets === undefined ? [] : [offsets[1]],
      )
      expect(Math.max(...ends)).toBe(weights.length - 8 - headerBytes)
      expect(JSON.parse(strFromU8(find('config.json')))).toMatchObject({ model_type: 'llama' })
      await form(/gguf/i)
      const gguf = await person.download('Download student')
      const bytes = readFileSync(gguf.path)
      const magic = gguf.name.endsWith('.zip')
        ? strFromU8(
            (
              Object.values(unzipSync(bytes)).find((file) => strFromU8(file.subarray(0, 4)) === 'GGUF') ??
              new Uint8Array()
            ).subarray(0, 4),
          )
        : bytes.subarray(0, 4).toString('latin1')
      expect(magic).toBe('GGUF')
    })

    test('downloads recipe and data card, which document the data', async () => {
      const recipe = parseYaml(readFileSync((await person.download('Download recipe')).path, 'utf8')) as {
        name: string
        steps: unknown[]
      }
      expect([recipe.name, recipe.steps.length]).toEqual(['A small journey', 8])
      const card = readFileSync((await person.download('Download data card')).path, 'utf8')
      for (const word of ['SmolLM2', 'Q4_1', 'apache', 'self-instruct'])
        expect(card.toLowerCase()).toContain(word.toLowerCase())
      await checkFilledScreen()
    })

    test('trains a second student on the teacher’s probabilities with the teacher’s tokens', async () => {
      const { page } = watched
      await person.goTo('Student')
      await page.getByLabel('Training objective').selectOption('forward-kl')
      await page.getByText('Training settings').click()
      await page.getByRole('spinbutton', { name: 'Steps', exact: true }).fill('40')
      await page.getByRole('spinbutton', { name: 'Steps', exact: true }).blur()
      await person.press('Train student')
      await person.waitFor(/^Computing the teacher’s/)
      await person.waitFor(/The student is trained/, 240)
      const soft = (await readStore(page, 'students')).find(
        (one) => (one['settings'] as { loss: string }).loss === 'forward-kl',
      )
      expect(String(soft?.['softTargets'])).toMatch(/^[0-9a-f]{16}-[0-9a-f]{16}-16-1\.trace$/)
      const points = soft?.['points'] as readonly { train: number }[]
      expect(points.at(-1)?.train).toBeLessThan(0.8 * (points[0]?.train ?? 0))
      await checkFilledScreen()

      await person.goTo('Compare')
      await person.waitFor(/^No comparison yet/) // for this student; the other one has a comparison
      const choice = page.getByLabel('Which student')
      expect(await choice.locator('option').allInnerTexts()).toEqual([
        expect.stringMatching(/, forward KL,/),
        expect.stringMatching(/, cross-entropy,/),
      ])
      await choice.selectOption({ index: 1 })
      await person.waitFor(/^Compared on \d+ held-out prompts/)
      await checkFilledScreen()
      await person.goTo('Take home')
      expect(await page.getByLabel('Which student').locator('option:checked').innerText()).toMatch(
        /, cross-entropy,/,
      )
      await checkFilledScreen()
    })

    test('raises no error, breaks no policy and sends no request to another origin', () =>
      expectNoErrors(watched))
  },
)
