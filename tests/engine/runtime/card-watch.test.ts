// A GPU device that is lost while the runtime works; the test controls the loss.
import { expect, test } from 'vitest'
import { CardWatch } from '../../../src/engine/runtime/card-watch.ts'
import type { OrtModule } from '../../../src/engine/runtime/load-ort.ts'

interface Card {
  readonly ort: OrtModule
  lose(reason: 'unknown' | 'destroyed'): void
}

function makeCard(): Card {
  let lose: Card['lose'] = () => undefined
  const lost = new Promise((resolve) => (lose = (reason) => resolve({ reason, message: '' })))
  return {
    ort: { env: { webgpu: { device: Promise.resolve({ lost }) } } } as unknown as OrtModule,
    lose: (reason) => lose(reason),
  }
}
const never = (): Promise<never> => new Promise(() => undefined)

test('rejects work that would hang', async () => {
  const [watch, card] = [new CardWatch(), makeCard()]
  await watch.observe(card.ort)
  const work = watch.guard(never, 'computing')
  card.lose('unknown')
  await expect(work).rejects.toMatchObject({
    kind: 'device-lost',
    message: expect.stringMatching(/^The graphics card was lost while computing\./),
  })
})

test('rejects with `device-lost` if work fails just before the browser reports the loss, and later', async () => {
  const [watch, card] = [new CardWatch(), makeCard()]
  await watch.observe(card.ort)
  const work = watch.guard(() => Promise.reject(new Error('mapAsync failed')), 'reading')
  setTimeout(() => card.lose('unknown'), 20)
  await expect(work).rejects.toMatchObject({ kind: 'device-lost' })
  await expect(watch.guard(() => Promise.reject(new Error('no buffer')), 'building')).rejects.toMatchObject({
    kind: 'device-lost',
  })
})

test('keeps the kind of other errors, with and without a device', async () => {
  const [watch, card] = [new CardWatch(), makeCard()]
  const fail = (): Promise<never> => Promise.reject(new Error('std::bad_alloc'))
  await expect(watch.guard(fail, 'computing')).rejects.toMatchObject({ kind: 'out-of-memory' })
  await watch.observe(card.ort)
  await expect(watch.guard(fail, 'computing')).rejects.toMatchObject({ kind: 'out-of-memory' })
  expect(await watch.guard(async () => 7, 'computing')).toBe(7)
})

test('ignores a device that the runtime destroys and watches the next one', async () => {
  const [watch, first, second] = [new CardWatch(), makeCard(), makeCard()]
  await watch.observe(first.ort)
  first.lose('destroyed')
  expect(await watch.guard(async () => 7, 'computing')).toBe(7)
  await expect(
    watch.guard(() => Promise.reject(new Error('std::bad_alloc')), 'computing'),
  ).rejects.toMatchObject({ kind: 'out-of-memory' })
  await watch.observe(second.ort)
  const work = watch.guard(never, 'computing')
  second.lose('unknown')
  await expect(work).rejects.toMatchObject({ kind: 'device-lost' })
})
