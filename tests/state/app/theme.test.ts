import { expect, test } from 'vitest'
import { Theme } from '../../../src/state/app/theme.svelte.ts'
import { makeEnvironment } from '../make-environment.ts'

test('sets the choice on the root element and restores it at the next visit', async () => {
  const { root, memory } = await makeEnvironment()
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

test('uses the system’s theme if the stored one is invalid or missing', () => {
  const root = document.createElement('html')
  expect(new Theme(root, { getItem: () => 'purple', setItem: () => undefined }).choice).toBe('system')
  expect(new Theme(root, undefined).choice).toBe('system')
})
