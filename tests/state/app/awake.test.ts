import { expect, test } from 'vitest'
import { Awake } from '../../../src/state/app/awake.ts'

function makePage() {
  let listener: () => void = () => undefined
  const held = { now: 0, requests: 0 }
  const document = {
    title: 'Run · Retort',
    hidden: false,
    addEventListener: (_name: string, added: EventListenerOrEventListenerObject) =>
      (listener = added as () => void),
  }
  const request = async () => {
    held.now += 1
    held.requests += 1
    return { release: async () => void (held.now -= 1) }
  }
  const show = (hidden: boolean): void => {
    document.hidden = hidden
    if (hidden) held.now = 0 // the browser releases it
    listener()
  }
  return { document, held, show, awake: new Awake({ document, wakeLock: { request } }) }
}
const settle = () => new Promise((resolve) => setTimeout(resolve))

test('the machine is kept awake exactly while work runs, and again after the page was hidden', async () => {
  const { awake, held, show } = makePage()
  awake.update(true, 0.1)
  awake.update(true, 0.2)
  await settle()
  expect(held).toEqual({ now: 1, requests: 1 })
  show(true)
  show(false)
  await settle()
  expect(held.requests).toBe(2)
  awake.update(false)
  await settle()
  expect(held.now).toBeLessThanOrEqual(0)
})

test('the title shows the share, and that the work is done until somebody looks', () => {
  const { awake, document, show } = makePage()
  awake.update(true, 0.424)
  expect(document.title).toBe('(42 %) Run · Retort')
  awake.update(true, 0.43)
  expect(document.title).toBe('(43 %) Run · Retort')
  show(true)
  awake.update(false)
  expect(document.title).toBe('Done: Run · Retort')
  show(false)
  expect(document.title).toBe('Run · Retort')
})

test('work is done without a wake lock where the browser has none or refuses it', async () => {
  const refusing = { request: () => Promise.reject(new Error('low battery')) }
  const document = { title: 'Run', hidden: false, addEventListener: () => undefined }
  for (const awake of [new Awake({ document }), new Awake({ document, wakeLock: refusing })]) {
    awake.update(true)
    await settle()
    awake.update(false)
  }
  expect(document.title).toBe('Run')
})
