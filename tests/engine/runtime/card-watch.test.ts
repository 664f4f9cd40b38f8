// A graphics card that goes away while the runtime works, with a device whose loss the test decides.
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

test('ends work that would wait for ever', async () => {
  const [watch, card] = [new CardWatch(), makeCard()]
  await watch.look(card.ort)
  const work = watch.guard(never, 'computing')
  card.lose('unknown')
  await expect(work).rejects.toMatchObject({
    kind: 'device-lost',
    message: expect.stringMatching(/^The GPU was lost while computing\./),
  })
})

test('names work that breaks just before the browser tells of the loss, and all that comes after', async () => {
  const [watch, card] = [new CardWatch(), makeCard()]
  await watch.look(card.ort)
  const work = watch.guard(() => Promise.reject(new Error('mapAsync failed')), 'reading')
  setTimeout(() => card.lose('unknown'), 20)
  await expect(work).rejects.toMatchObject({ kind: 'device-lost' })
  await expect(watch.guard(() => Promise.reject(new Error('no buffer')), 'building')).rejects.toMatchObject({
    kind: 'device-lost',
  })
})

test('leaves what breaks for another reason its name, with a card and without', async () => {
  const [watch, card] = [new CardWatch(), makeCard()]
  const fail = (): Promise<never> => Promise.reject(new Error('std::bad_alloc'))
  await expect(watch.guard(fail, 'computing')).rejects.toMatchObject({ kind: 'out-of-memory' })
  await watch.look(card.ort)
  await expect(watch.guard(fail, 'computing')).rejects.toMatchObject({ kind: 'out-of-memory' })
  expect(await watch.guard(async () => 7, 'computing')).toBe(7)
})

test('does not take it for a loss when the runtime lets its own device go, and watches the next one', async () => {
  const [watch, first, second] = [new CardWatch(), makeCard(), makeCard()]
  await watch.look(first.ort)
  first.lose('destroyed')
  expect(await watch.guard(async () => 7, 'computing')).toBe(7)
  await expect(
    watch.guard(() => Promise.reject(new Error('std::bad_alloc')), 'computing'),
  ).rejects.toMatchObject({ kind: 'out-of-memory' })
  await watch.look(second.ort)
  const work = watch.guard(never, 'computing')
  second.lose('unknown')
  await expect(work).rejects.toMatchObject({ kind: 'device-lost' })
})
