import { expect, test } from 'vitest'
import { Theme } from '../../src/state/theme.svelte.ts'
import { makeAround } from './make-around.ts'

test('a choice shows on the root element and is there at the next visit', async () => {
  const { root, memory } = await makeAround()
  const theme = new Theme(root, memory)
  expect([theme.choice, root.dataset['theme']]).toEqual(['system', undefined])
  theme.choose('dark')
  expect(root.dataset['theme']).toBe('dark')
  const later = document.createElement('html')
  expect(new Theme(later, memory).choice).toBe('dark')
  expect(later.dataset['theme']).toBe('dark')
  theme.choose('system')
  expect(root.dataset['theme']).toBeUndefined()
})

test('what is stored wrongly, or nowhere, is the system’s look', () => {
  const root = document.createElement('html')
  expect(new Theme(root, { getItem: () => 'purple', setItem: () => undefined }).choice).toBe('system')
  expect(new Theme(root, undefined).choice).toBe('system')
})
