import { expect, test } from 'vitest'
import { freshId } from '../../../src/domain/id.ts'
import { hrefOf, readPlace, Route, SCREENS, type Place } from '../../../src/state/app/route.svelte.ts'
import { watch } from '../parts/watch.svelte.ts'

const id = freshId('project')

test('readPlace reads back every screen’s address, parameters included', () => {
  for (const screen of SCREENS) {
    const params = { row: 'abc', reason: 'too short & odd = 1' }
    expect(readPlace(hrefOf(id, screen, params))).toEqual({ kind: 'screen', projectId: id, screen, params })
    expect(readPlace(hrefOf(id, screen))).toEqual({ kind: 'screen', projectId: id, screen, params: {} })
  }
})

test('readPlace returns home for an unknown address, and the first screen for an unknown one', () => {
  for (const hash of ['', '#', '#/', '#/nonsense', '#/../../x', '#/<script>/seeds'])
    expect(readPlace(hash)).toEqual({ kind: 'home' })
  expect(readPlace(`#/${id}/nowhere`)).toMatchObject({ screen: 'seeds' })
})

test('following a link changes the place for effects, and calls `onMove`', async () => {
  location.hash = '#/'
  await new Promise((resolve) => setTimeout(resolve, 20))
  const moves: Place[] = []
  const route = new Route(window, (place) => void moves.push(place))
  const seen: string[] = []
  const end = watch(() => void seen.push(route.place.kind))
  route.go(id, 'run')
  await new Promise((resolve) => setTimeout(resolve, 20))
  end()
  expect(seen).toEqual(['home', 'screen'])
  expect(moves).toHaveLength(1)
  expect(route.param('row')).toBeUndefined()
  route.goHome()
})
