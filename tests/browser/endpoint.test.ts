// Knows: a model server on the Teacher screen: found on request and not before, tried, used for a run; its key is not stored.
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ModelServer } from '../stand-ins/model-server.ts'
import { OllamaServer, QWEN } from '../stand-ins/ollama-server.ts'
import {
  canServe,
  startLlamaServer,
  whyNotServed,
  type RunningServer,
} from '../workers/teachers/endpoint/llama-server.ts'
import { findBarriers, overflowOf } from './axe.ts'
import { DIST, expectNoErrors, openBrowser, openPage, waitUntilIsolated, type Watched } from './harness.ts'
import { Person, readStore } from './person.ts'
import { serveFolder, type Site } from './serve.ts'

const KEY = 'open sesame 4711'
const RECIPE = `retort: 2
name: From a server
rngSeed: 5
steps:
  - complete: teacher
    n: 2
    system: ""
    temperature: 1
    maxTokens: 24
  - judge: rubric
    rubric: helpfulness@1
`

let browser: Browser
let site: Site
beforeAll(async () => {
  browser = await openBrowser()
  site = await serveFolder(DIST)
})
afterAll(async () => {
  await browser.close()
  await site.close()
})

async function openTeacherScreen(
  options: { dark?: boolean } = {},
): Promise<{ watched: Watched; person: Person }> {
  const watched = await openPage(browser, site.url, options)
  await waitUntilIsolated(watched.page)
  const person = new Person(watched.page)
  await person.beginWith(RECIPE)
  await person.goTo('Teacher')
  await watched.page.locator('summary').filter({ hasText: 'A model server' }).click()
  return { watched, person }
}

async function findModels({ page }: Watched, url: string, key = ''): Promise<void> {
  await page.getByLabel('Server address').fill(url)
  await page.getByLabel('API key (optional)').fill(key)
  await page.getByRole('button', { name: 'Look for models' }).click()
}

async function checkScreen({ page }: Watched): Promise<void> {
  expect(await findBarriers(page)).toEqual([])
  for (const width of [390, 1280]) {
    await page.setViewportSize({ width, height: 900 })
    expect(await overflowOf(page), `${width} px`).toBe(0)
  }
}

/** Everything that the page stores, as text. */
const readAll = async ({ page }: Watched): Promise<string> =>
  JSON.stringify([
    await Promise.all(
      ['projects', 'seeds', 'runs', 'prompts', 'rows', 'journal'].map((store) => readStore(page, store)),
    ),
    await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, location.href])),
  ])

describe('a model server', { timeout: 300_000 }, () => {
  test('gets no request before a button is pressed, runs a recipe, and its key is not stored', async () => {
    const server = new ModelServer()
    server.key = KEY
    server.list = { data: [{ id: 'hash-1', owned_by: 'a test', max_model_len: 8192 }] }
    await server.start()
    const { watched, person } = await openTeacherScreen()
    try {
      await watched.page.getByLabel('Server address').fill(server.url)
      expect(server.requests).toEqual([])
      await findModels(watched, server.url, 'wrong')
      await watched.page.getByText(/does not accept the key \(401\)/).waitFor()
      await findModels(watched, server.url, KEY)
      await watched.page.getByRole('button', { name: 'hash-1' }).click()
      await person.waitFor(/hash-1 can be used\. It is not loaded yet\./)
      expect(server.completions).toEqual([])
      await checkScreen(watched)
      await person.press('Use as teacher')
      await person.waitFor(/hash-1 is ready\. A model server runs it\./)
      await checkScreen(watched)

      server.slow = 2
      server.maxInFlight = 0
      await person.goTo('Run')
      await person.press('Start run')
      expect(await person.waitFor(/^(Run finished|The run failed)/, 120)).toMatch(/finished/)
      expect(server.maxInFlight).toBeGreaterThan(4)
      const stored = await readAll(watched)
      expect(stored).toContain('hash-1')
      expect(stored).not.toContain(KEY)
      // Requests go to this one address, and the only error is the wrong key.
      watched.ignore(new RegExp(`^request to another origin: ${server.url}/`))
      watched.ignore(/status of 401/)
      expectNoErrors(watched)
    } finally {
      server.stop()
      await watched.context.close()
    }
  })

  test('shows what to do if it does not respond to this page', async () => {
    const deaf = new ModelServer()
    await deaf.start()
    deaf.mishap = (_request, response) => {
      response.removeHeader('Access-Control-Allow-Origin')
      return false
    }
    const { watched } = await openTeacherScreen({ dark: true })
    try {
      await findModels(watched, deaf.url)
      await watched.page
        .getByText(/does not allow this page to read its responses.*CORS, for http:\/\/localhost:\d+/)
        .waitFor()
      await watched.page.getByText('Which servers a page can reach').click()
      await watched.page.getByText(/OLLAMA_ORIGINS=http:\/\/localhost:\d+/).waitFor()
      await findModels(watched, 'no address at all')
      await watched.page.getByText(/is not the address of a server/).waitFor()
      await checkScreen(watched)
    } finally {
      deaf.stop()
      await watched.context.close()
    }
  })
})

describe('a model that reasons, behind Ollama', { timeout: 300_000 }, () => {
  test('is found at a bare address, completes and judges, and its reasoning is in no text', async () => {
    const ollama = new OllamaServer()
    ollama.models = [QWEN]
    await ollama.start()
    const { watched, person } = await openTeacherScreen()
    try {
      await findModels(watched, ollama.host)
      await watched.page.getByText(`Models at ${ollama.origin}/v1:`).waitFor()
      expect(await watched.page.getByLabel('Server address').inputValue()).toBe(`${ollama.origin}/v1`)
      await watched.page.getByRole('button', { name: QWEN.name }).click()
      await person.press('Use as teacher')
      await person.waitFor(/qwen3:0\.6b is ready\. A model server runs it\./)
      await watched.page.getByText(/Reasoning is switched off unless a step switches it on/).waitFor()
      await checkScreen(watched)
      await person.goTo('Run')
      await person.press('Start run')
      expect(await person.waitFor(/^(Run finished|The run failed)/, 120)).toMatch(/finished/)
      const rows = JSON.stringify(await readStore(watched.page, 'rows'))
      expect(rows).toMatch(/"verdict"/)
      expect(rows).not.toMatch(/the user wants|think/)
      watched.ignore(new RegExp(`^request to another origin: ${ollama.origin}/`))
      watched.ignore(/status of 404/)
      expectNoErrors(watched)
    } finally {
      ollama.stop()
      await watched.context.close()
    }
  })
})

describe.skipIf(!canServe)(`a real llama.cpp server${whyNotServed}`, { timeout: 600_000 }, () => {
  let server: RunningServer
  beforeAll(async () => {
    server = await startLlamaServer()
  })
  afterAll(() => server.stop())

  test('completes a prompt and runs a recipe with a judge', async () => {
    const { watched, person } = await openTeacherScreen()
    await findModels(watched, server.url)
    await watched.page.getByRole('button', { name: 'smollm2' }).click()
    await person.press('Use as teacher')
    await person.waitFor(/smollm2 is ready/, 120)
    await watched.page
      .getByLabel('Try a prompt')
      .fill('What is the capital of France? Answer in one sentence.')
    await person.press('Generate')
    await watched.page.getByText(/Paris/).first().waitFor()
    await person.goTo('Run')
    await person.press('Start run')
    expect(await person.waitFor(/^(Run finished|The run failed)/, 400)).toMatch(/finished/)
    watched.ignore(new RegExp(`^request to another origin: ${server.url.replace('/v1', '')}/`))
    expectNoErrors(watched)
    expect(JSON.stringify(await readStore(watched.page, 'rows'))).toMatch(/"verdict"/)
    await watched.context.close()
  })
})
