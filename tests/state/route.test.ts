import { expect, test } from 'vitest'
import { freshId } from '../../src/domain/id.ts'
import { hrefOf, readPlace, Route, SCREENS, type Place } from '../../src/state/route.svelte.ts'
import { watch } from './watch.svelte.ts'

const id = freshId('project')

test('every screen’s address is read back as the same place, words included', () => {
  for (const screen of SCREENS) {
    const words = { row: 'abc', why: 'too short & odd = 1' }
    expect(readPlace(hrefOf(id, screen, words))).toEqual({ kind: 'screen', projectId: id, screen, words })
    expect(readPlace(hrefOf(id, screen))).toEqual({ kind: 'screen', projectId: id, screen, words: {} })
  }
})

test('an address that names nothing is home, and an unknown screen is the first one', () => {
  for (const hash of ['', '#', '#/', '#/nonsense', '#/../../x', '#/<script>/seeds'])
    expect(readPlace(hash)).toEqual({ kind: 'home' })
  expect(readPlace(`#/${id}/nowhere`)).toMatchObject({ screen: 'seeds' })
})

test('following a link changes the place for effects, and tells who asked to be told', async () => {
  location.hash = '#/'
  await new Promise((resolve) => setTimeout(resolve, 20))
  const told: Place[] = []
  const route = new Route(window, (place) => void told.push(place))
  const seen: string[] = []
  const end = watch(() => void seen.push(route.place.kind))
  route.go(id, 'run')
  await new Promise((resolve) => setTimeout(resolve, 20))
  end()
  expect(seen).toEqual(['home', 'screen'])
  expect(told).toHaveLength(1)
  expect(route.word('row')).toBeUndefined()
  route.goHome()
})
